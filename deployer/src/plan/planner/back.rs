//! What leaves `stack.yaml` and goes back to what AWS gives a new resource.

use serde_json::{Map, Value};

use crate::aws::Place;
use crate::kinds::AnyKind;

/// Puts AWS's own values where the last apply stated something that AWS would else keep for ever: into the spec as it is
/// known, and into the one that is resolved again when it is carried out. `last` is what was stated.
pub(crate) fn give_back(
    kind: &dyn AnyKind,
    last: &Value,
    known: &mut Value,
    place: &Place,
) -> Vec<(&'static str, Value)> {
    let back = kind.given_back(last, known, place);
    for (path, value) in &back {
        put(known, path, value.clone());
    }
    back
}

/// Sets what stands at a dotted path.
pub(crate) fn put(spec: &mut Value, path: &str, value: Value) {
    let (first, rest) = path.split_once('.').map_or((path, None), |(first, rest)| (first, Some(rest)));
    let Value::Object(map) = spec else { return };
    match rest {
        None => drop(map.insert(first.to_owned(), value)),
        Some(rest) => put(map.entry(first).or_insert_with(|| Value::Object(Map::new())), rest, value),
    }
}
