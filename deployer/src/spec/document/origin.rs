//! Finds the value of `stack.yaml` that a property of a resource comes from, by trial: one value of the element after
//! the other is changed, and the element is lowered again. So no table says which property becomes which.

use serde_json::Value;

use super::Document;
use crate::spec::find;
use crate::spec::finding::{At, DocPath, Findings};
use crate::spec::sections;

/// The place of a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ValueOrigin {
    pub path: DocPath,
    pub at: At,
}

/// A change of an element.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Trial {
    Change,
    Remove,
    Rename,
}

/// How a property reacts to a change. The better reaction comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Reaction {
    /// It changes, and was the very value.
    Same,
    Changes,
    /// Its resource has another address.
    Moves,
}

impl Document {
    /// Finds where stack.yaml sets a property of the resource at `address`: the place of its value, or of its key.
    /// Falls back to the element, whose name or defaults make the value.
    pub fn find_origin(&self, address: &str, property: &[String], is_key: bool) -> ValueOrigin {
        let element = self.locate(address);
        let whole = ValueOrigin { path: element.clone(), at: At::Key };
        let [section, name] = element.0.as_slice() else { return whole };
        let Some(value) = self.sections.get(section).and_then(|elements| elements.get(name)) else { return whole };
        let before = self.property(value, &element, address, property);
        let Some(Some(before)) = before else { return whole };
        let (mut leaves, mut reactions) = (Vec::new(), Vec::new());
        list(value, is_key, &mut Vec::new(), &mut leaves);
        for path in leaves {
            let trials: &[Trial] = if is_key { &[Trial::Rename] } else { &[Trial::Change, Trial::Remove] };
            let reaction = trials.iter().find_map(|trial| {
                let changed = apply(value, &path, *trial)?;
                match self.property(&changed, &element, address, property)? {
                    Some(behind) if is_key || behind == before => None,
                    Some(_) if find::at(value, &path) == Some(&before) => Some(Reaction::Same),
                    Some(_) => Some(Reaction::Changes),
                    None if is_key => Some(Reaction::Same),
                    None => Some(Reaction::Moves),
                }
            });
            reactions.extend(reaction.map(|reaction| (reaction, path)));
        }
        let Some(best) = reactions.iter().map(|(reaction, _)| *reaction).min() else { return whole };
        let mut paths = reactions.iter().filter(|(reaction, _)| *reaction == best).map(|(_, path)| path.as_slice());
        let first = paths.next().unwrap_or_default();
        let path = if before.is_array() { list_around(paths.fold(first, common)) } else { first };
        let path = DocPath([element.0.as_slice(), path].concat());
        ValueOrigin { path, at: if is_key { At::Key } else { At::Value } }
    }

    /// Returns a property of the resource at `address` if `element` were the element: `Some(None)` if there is no such
    /// resource or property, and nothing if the element cannot be lowered.
    fn property(&self, element: &Value, at: &DocPath, address: &str, property: &[String]) -> Option<Option<Value>> {
        let [section, name] = at.0.as_slice() else { return None };
        let (mut of_tags, mut findings) = (Findings::default(), Findings::default());
        let lowered = self.lower_element(sections::find(section)?, name, element, [&mut of_tags, &mut findings]);
        if lowered.resources.is_empty() {
            return None;
        }
        let resource = lowered.resources.iter().find(|resource| resource.address == address);
        Some(resource.and_then(|resource| find::at(&resource.spec, property)).cloned())
    }
}

/// Lists the paths to all values, with or without the maps and lists around them.
fn list(value: &Value, has_containers: bool, at: &mut Vec<String>, found: &mut Vec<Vec<String>>) {
    if has_containers && !at.is_empty() {
        found.push(at.clone());
    }
    let mut enter = |step: String, inner: &Value| {
        at.push(step);
        list(inner, has_containers, at, found);
        at.pop();
    };
    match value {
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(index, inner)| enter(index.to_string(), inner));
        }
        Value::Object(entries) => entries.iter().for_each(|(key, inner)| enter(key.clone(), inner)),
        _ if has_containers => {}
        _ => found.push(at.clone()),
    }
}

/// Returns the element with one value changed.
fn apply(element: &Value, path: &[String], trial: Trial) -> Option<Value> {
    let mut changed = element.clone();
    let (last, parents) = path.split_last()?;
    let parent = parents.iter().try_fold(&mut changed, |value, step| match value {
        Value::Array(items) => items.get_mut(step.parse::<usize>().ok()?),
        value => value.get_mut(step),
    })?;
    match (trial, parent) {
        (Trial::Change, Value::Array(items)) => change(items.get_mut(last.parse::<usize>().ok()?)?),
        (Trial::Change, parent) => change(parent.get_mut(last)?),
        (Trial::Remove, Value::Array(items)) => drop(items.remove(last.parse().ok()?)),
        (Trial::Remove, parent) => drop(parent.as_object_mut()?.remove(last)?),
        (Trial::Rename, parent) => {
            let entries = parent.as_object_mut()?;
            let value = entries.remove(last)?;
            entries.insert(format!("{last}1"), value);
        }
    }
    Some(changed)
}

fn change(value: &mut Value) {
    match value {
        Value::Bool(truth) => *truth = !*truth,
        Value::Number(number) => *value = number.as_i64().map_or_else(|| 1.into(), |number| (number + 1).into()),
        Value::String(text) => text.push('1'),
        _ => *value = Value::Null,
    }
}

/// Returns the path of the list that an item is in.
fn list_around(path: &[String]) -> &[String] {
    match path {
        [list @ .., last] if last.parse::<usize>().is_ok() => list_around(list),
        path => path,
    }
}

/// Returns the beginning that two paths share.
fn common<'p>(one: &'p [String], other: &[String]) -> &'p [String] {
    let length = one.iter().zip(other).take_while(|(one, other)| one == other).count();
    &one[..length]
}
