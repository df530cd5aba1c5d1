//! Properties that leave `stack.yaml` go back to AWS's values for a new resource.

use serde_json::{Map, Value};

use crate::aws::Place;
use crate::kinds::AnyKind;

/// Sets AWS's own values for properties that `last`, the spec of the last apply, stated and that AWS would otherwise
/// keep for ever. Returns them for the spec that is resolved again during apply.
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

/// Sets the value at a dotted path.
pub(crate) fn put(spec: &mut Value, path: &str, value: Value) {
    let (first, rest) = path.split_once('.').map_or((path, None), |(first, rest)| (first, Some(rest)));
    let Value::Object(map) = spec else { return };
    match rest {
        None => drop(map.insert(first.to_owned(), value)),
        Some(rest) => put(map.entry(first).or_insert_with(|| Value::Object(Map::new())), rest, value),
    }
}
