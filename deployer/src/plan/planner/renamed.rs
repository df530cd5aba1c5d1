//! Finds elements that look renamed in `stack.yaml`, where a name in AWS would keep the resource.

use serde_json::Value;

use crate::kinds::{Action, KindRef};
use crate::plan::action::PlannedResource;
use crate::plan::diff::{PropertyRules, diff};
use crate::plan::effect::Effect;
use crate::plan::reason::{Note, Remark};

/// The resource of an element that appears or disappears.
struct Own<'a> {
    planned: &'a PlannedResource,
    spec: &'a Value,
    /// The name in AWS.
    name: &'a str,
}

/// Notes each new element that differs from exactly one removed element in names alone.
pub(super) fn renamed(actions: &[PlannedResource]) -> Vec<Note> {
    let of = |action: Action| -> Vec<Own<'_>> {
        actions.iter().filter(|planned| planned.action() == action).filter_map(own).collect()
    };
    let (new, removed) = (of(Action::Create), of(Action::Delete));
    let mut notes = Vec::new();
    for own in &new {
        let mut fits = removed.iter().filter(|old| is_renamed(old, own));
        let (Some(old), None) = (fits.next(), fits.next()) else { continue };
        if new.iter().filter(|other| is_renamed(old, other)).count() == 1 {
            let remark = Remark::LooksRenamed { from: old.planned.address.clone(), name: old.name.to_owned() };
            notes.push(Note::new(&own.planned.address, remark));
        }
    }
    notes
}

/// Returns the resource if it is an element's own, and if its name identifies it.
fn own(planned: &PlannedResource) -> Option<Own<'_>> {
    let about = planned.kind.about();
    let property = about.named?.property;
    if planned.address != planned.element || !about.identity.contains(&property) {
        return None;
    }
    let spec = match &planned.effect {
        Effect::Create { wanted, .. } => &wanted.desired,
        Effect::Delete { live, .. } => &live.spec,
        _ => return None,
    };
    Some(Own { planned, spec, name: spec[property].as_str()? })
}

fn is_renamed(old: &Own<'_>, new: &Own<'_>) -> bool {
    let kind: KindRef = new.planned.kind;
    if kind != old.planned.kind || section(old.planned) != section(new.planned) || old.name == new.name {
        return false;
    }
    let moved = with_name(old.spec, old.name, new.name);
    diff(PropertyRules(kind.rules()), &moved, new.spec).iter().all(|change| change.path.starts_with("tags."))
}

fn section(planned: &PlannedResource) -> Option<&str> {
    planned.element.split_once('.').map(|(section, _)| section)
}

/// Replaces a name in all texts: names of parts and ARNs are made from it.
fn with_name(value: &Value, old: &str, new: &str) -> Value {
    match value {
        Value::String(text) => Value::String(text.replace(old, new)),
        Value::Array(items) => items.iter().map(|item| with_name(item, old, new)).collect(),
        Value::Object(map) => map.iter().map(|(key, value)| (key.clone(), with_name(value, old, new))).collect(),
        other => other.clone(),
    }
}
