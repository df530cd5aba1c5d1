//! The parts of a spec that are changed, and the members of requests.

use std::collections::BTreeSet;

use serde_json::Value;

/// A part of a spec to change: the value at a path, the length of a list, or the key of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Value,
    Length,
    Key,
}

/// Lists the parts of a value, with their paths.
pub(super) fn parts(value: &Value, at: &[String], found: &mut Vec<(Vec<String>, Part)>) {
    let below = |name: &str| [at, &[name.to_owned()]].concat();
    match value {
        Value::Object(entries) => {
            for (name, inner) in entries {
                found.push((below(name), Part::Key));
                parts(inner, &below(name), found);
            }
        }
        Value::Array(items) => {
            found.extend((!items.is_empty()).then(|| (at.to_vec(), Part::Length)));
            items.iter().enumerate().for_each(|(index, inner)| parts(inner, &below(&index.to_string()), found));
        }
        Value::Null => {}
        _ => found.push((at.to_vec(), Part::Value)),
    }
}

/// Returns the spec with a part changed, and the texts of a member that has the part as it is, before and behind.
pub(super) fn change(spec: &Value, path: &[String], part: Part) -> Option<(Value, [String; 2])> {
    let mut changed = spec.clone();
    let (name, parents) = path.split_last()?;
    let parent = parents.iter().try_fold(&mut changed, step)?;
    if part == Part::Key {
        let entries = parent.as_object_mut()?;
        let value = entries.remove(name)?;
        let key = format!("{name}Changed");
        entries.insert(key.clone(), value);
        return Some((changed, [name.clone(), key]));
    }
    let value = step(parent, name)?;
    let before = text(value);
    match value {
        Value::String(text) => text.push('1'),
        Value::Number(number) => *value = (number.as_f64()? + 1.0).to_string().parse().ok()?,
        Value::Bool(truth) => *truth = !*truth,
        Value::Array(items) => items.push(items.first()?.clone()),
        _ => return None,
    }
    let behind = text(value);
    Some((changed, [before, behind]))
}

fn step<'v>(value: &'v mut Value, name: &String) -> Option<&'v mut Value> {
    match value {
        Value::Array(items) => items.get_mut(name.parse::<usize>().ok()?),
        value => value.get_mut(name),
    }
}

/// Writes a value as a text. Of a list only the length counts.
fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => format!("{} items", items.len()),
        value => value.to_string(),
    }
}

/// Lists every value of a request with its member.
pub(super) fn flatten(value: &Value, at: String, found: &mut Vec<(String, String)>) {
    match value {
        Value::Object(entries) => {
            for (name, inner) in entries {
                flatten(inner, if at.is_empty() { name.clone() } else { format!("{at}.{name}") }, found);
            }
        }
        Value::Array(items) => {
            for (index, inner) in items.iter().enumerate() {
                flatten(inner, format!("{at}[{index}]"), found);
            }
            found.push((at, text(value)));
        }
        value => found.push((at, text(value))),
    }
}

/// Writes a path with `[]` for an index, `*` for an entry of a map and `~` for its key.
pub(super) fn pattern(path: &[String], maps: &BTreeSet<Vec<String>>, part: Part) -> String {
    let mut steps: Vec<&str> = Vec::new();
    for (depth, step) in path.iter().enumerate() {
        let is_last = depth + 1 == path.len();
        steps.push(match () {
            () if step.parse::<usize>().is_ok() => "[]",
            () if !maps.contains(&path[..depth]) => step,
            () if part == Part::Key && is_last => "~",
            () => "*",
        });
    }
    steps.join("/")
}

/// Writes a member without the number of its request, with `[]` for an index, `*` for the entry `entry` of a map, and
/// `~` for the key `key`: `Tags[3].Key #2` is `Tags[].Key`.
pub(super) fn plain(member: &str, entry: Option<&str>, key: &str) -> String {
    let member = member.rsplit_once(" #").map_or(member, |(member, _)| member);
    let step = |step: &str| match step.split_once('[') {
        Some((name, rest)) => format!("{name}[]{}", rest.split_once(']').map_or("", |(_, rest)| rest)),
        None if step == key => "~".to_owned(),
        None if Some(step) == entry => "*".to_owned(),
        None => step.to_owned(),
    };
    member.split('.').map(step).collect::<Vec<_>>().join(".")
}
