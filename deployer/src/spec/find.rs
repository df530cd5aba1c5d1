//! Finds where a text stands inside an element, so that later findings point at it.

use serde_json::Value;

use super::finding::DocPath;

/// The path of the first text in `value` that holds `reference`, names its address, or is the bare
/// name at its end (`queue: image-requests` means `queues.image-requests`).
pub(super) fn text(value: &Value, at: &DocPath, reference: &str) -> Option<DocPath> {
    let address = reference.rsplit_once('.').map_or(reference, |(address, _)| address);
    let bare = reference.split('.').nth(1);
    first(value, at, &|text| text.contains(reference))
        .or_else(|| first(value, at, &|text| address.contains('.') && text.contains(address)))
        .or_else(|| first(value, at, &|text| bare == Some(text)))
}

fn first(value: &Value, at: &DocPath, matches: &dyn Fn(&str) -> bool) -> Option<DocPath> {
    match value {
        Value::String(text) => matches(text).then(|| at.clone()),
        Value::Array(items) => {
            items.iter().enumerate().find_map(|(i, item)| first(item, &at.then(i.to_string()), matches))
        }
        Value::Object(map) => map.iter().find_map(|(key, item)| first(item, &at.then(key), matches)),
        _ => None,
    }
}
