//! Edits that people make in a `stack.yaml`.

use deployer::spec::sections::SECTIONS;
use serde_json::{Map, Value};

use super::dice::Choose;
use super::maker::{ELEMENTS, Maker, each_text, route};
use crate::dice::Dice;

type Edit = fn(&Maker, &mut Dice, &mut Value);

/// Every edit. Frequent ones are listed twice.
const EDITS: &[Edit] = &[
    set_property,
    set_property,
    drop_property,
    change_something,
    change_something,
    drop_something,
    add_element,
    add_element,
    drop_element,
    rename_element,
    swap_elements,
    hand_name_on,
    reorder,
    rename_variables,
    rename_variables,
    rename_key,
    turn_external,
    tag_the_stack,
];

/// Returns a stack after some edits.
pub fn edited(maker: &Maker, dice: &mut Dice, stack: &Value) -> Value {
    let mut edited = stack.clone();
    for _ in 0..1 + dice.below(4) {
        dice.pick(EDITS)(maker, dice, &mut edited);
    }
    edited
}

/// Picks an element. Returns its section and name.
fn element(dice: &mut Dice, stack: &Value) -> Option<(String, String)> {
    let all: Vec<(String, String)> = SECTIONS
        .iter()
        .flat_map(|section| {
            let names = stack[section.name()].as_object().into_iter().flat_map(Map::keys);
            names.map(|name| (section.name().to_owned(), name.clone()))
        })
        .collect();
    (!all.is_empty()).then(|| dice.pick(&all).clone())
}

fn set_property(maker: &Maker, dice: &mut Dice, stack: &mut Value) {
    let Some((section, name)) = element(dice, stack) else { return };
    let property = dice.pick(&maker.properties(&section)).clone();
    let path = [section.clone(), name.clone(), property.clone()];
    if let Some(value) = maker.at(dice, stack, &path) {
        stack[section][name][property] = value;
    }
}

fn drop_property(_: &Maker, dice: &mut Dice, stack: &mut Value) {
    let Some((section, name)) = element(dice, stack) else { return };
    let Some(properties) = stack[section][name].as_object_mut() else { return };
    let names: Vec<String> = properties.keys().cloned().collect();
    if !names.is_empty() {
        properties.shift_remove(dice.pick(&names));
    }
}

/// Lists every place in the elements, from their properties on.
fn places(stack: &Value) -> Vec<Vec<String>> {
    places_from(stack, 3)
}

/// Lists every place within the sections that is at least `depth` deep.
pub fn places_from(stack: &Value, depth: usize) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    for section in SECTIONS {
        walk(&stack[section.name()], &mut vec![section.name().to_owned()], &mut found);
    }
    found.retain(|path| path.len() >= depth);
    found
}

fn walk(value: &Value, at: &mut Vec<String>, found: &mut Vec<Vec<String>>) {
    let parts: Vec<(String, &Value)> = match value {
        Value::Object(fields) => fields.iter().map(|(name, part)| (name.clone(), part)).collect(),
        Value::Array(items) => items.iter().enumerate().map(|(number, part)| (number.to_string(), part)).collect(),
        _ => Vec::new(),
    };
    for (name, part) in parts {
        at.push(name);
        found.push(at.clone());
        walk(part, at, found);
        at.pop();
    }
}

/// Returns the value at a place.
pub fn place<'a>(stack: &'a mut Value, path: &[String]) -> Option<&'a mut Value> {
    path.iter().try_fold(stack, |value, part| match value {
        Value::Object(fields) => fields.get_mut(part),
        Value::Array(items) => items.get_mut(part.parse::<usize>().ok()?),
        _ => None,
    })
}

/// Removes the value at a place. Returns whether there was one.
pub fn remove(stack: &mut Value, path: &[String]) -> bool {
    let Some((last, above)) = path.split_last() else { return false };
    match place(stack, above) {
        Some(Value::Object(fields)) => fields.shift_remove(last).is_some(),
        Some(Value::Array(items)) => {
            let number = last.parse().ok().filter(|number| *number < items.len());
            number.map(|number: usize| items.remove(number)).is_some()
        }
        _ => false,
    }
}

fn change_something(maker: &Maker, dice: &mut Dice, stack: &mut Value) {
    let places = places(stack);
    if places.is_empty() {
        return;
    }
    let path = dice.pick(&places);
    let value = maker.at(dice, stack, path);
    if let (Some(place), Some(value)) = (place(stack, path), value) {
        *place = value;
    }
}

fn drop_something(_: &Maker, dice: &mut Dice, stack: &mut Value) {
    let places = places(stack);
    if !places.is_empty() {
        let path = dice.pick(&places);
        remove(stack, path);
    }
}

fn add_element(maker: &Maker, dice: &mut Dice, stack: &mut Value) {
    maker.add_element(dice, stack);
}

fn drop_element(_: &Maker, dice: &mut Dice, stack: &mut Value) {
    if let Some((section, name)) = element(dice, stack) {
        remove(stack, &[section, name]);
    }
}

/// Renames an element. Usually renames the references to it, too.
fn rename_element(_: &Maker, dice: &mut Dice, stack: &mut Value) {
    let Some((section, from)) = element(dice, stack) else { return };
    let to = (*dice.pick(ELEMENTS)).to_owned();
    let Some(elements) = stack[&section].as_object_mut().filter(|all| !all.contains_key(&to)) else { return };
    let renamed =
        elements.iter().map(|(name, body)| (if *name == from { to.clone() } else { name.clone() }, body.clone()));
    *elements = renamed.collect();
    if dice.chance(80) {
        let (long, new) = (format!("${{{section}.{from}."), format!("${{{section}.{to}."));
        each_text(stack, "", &mut |property, text| {
            if text.contains(&long) {
                *text = text.replace(&long, &new);
            } else if *text == from && property != "name" {
                *text = to.clone();
            }
        });
    }
}

fn swap_elements(_: &Maker, dice: &mut Dice, stack: &mut Value) {
    let Some((section, name)) = element(dice, stack) else { return };
    let Some(elements) = stack[section].as_object_mut() else { return };
    let names: Vec<String> = elements.keys().cloned().collect();
    let other = dice.pick(&names);
    let (one, two) = (elements[&name].clone(), elements[other].clone());
    elements[&name] = two;
    elements[other] = one;
}

/// Swaps the physical names of two elements of a section. One of them may have no name to give.
fn hand_name_on(_: &Maker, dice: &mut Dice, stack: &mut Value) {
    let Some((section, name)) = element(dice, stack) else { return };
    let Some(elements) = stack[section].as_object_mut() else { return };
    let names: Vec<String> = elements.keys().cloned().collect();
    let other = dice.pick(&names).clone();
    let mut take = |of: &str| elements[of].as_object_mut().and_then(|own| own.shift_remove("name"));
    let (one, two) = (take(&name), take(&other));
    for (of, value) in [(&name, two), (&other, one)] {
        if let Some(value) = value {
            elements[of]["name"] = value;
        }
    }
}

/// Reorders a list or a map.
fn reorder(_: &Maker, dice: &mut Dice, stack: &mut Value) {
    let places = places(stack);
    if places.is_empty() {
        return;
    }
    let path = dice.pick(&places);
    match place(stack, path) {
        Some(Value::Array(items)) => dice.shuffle(items),
        Some(Value::Object(fields)) => {
            let mut entries: Vec<(String, Value)> = std::mem::take(fields).into_iter().collect();
            dice.shuffle(&mut entries);
            fields.extend(entries);
        }
        _ => {}
    }
}

/// Renames the variables in an API's paths, in all routes or in one.
fn rename_variables(_: &Maker, dice: &mut Dice, stack: &mut Value) {
    let names: Vec<String> = stack["apis"].as_object().into_iter().flat_map(Map::keys).cloned().collect();
    if names.is_empty() {
        return;
    }
    let Some(routes) = stack["apis"][dice.pick(&names)]["routes"].as_object_mut() else { return };
    let (from, to) = *dice.pick(&[
        ("{id}", "{name}"),
        ("{name}", "{id}"),
        ("{sub}", "{part}"),
        ("{id}", "{proxy+}"),
        ("{proxy+}", "{rest+}"),
    ]);
    let all = dice.chance(70);
    let renamed: Vec<(String, Value)> = std::mem::take(routes)
        .into_iter()
        .map(|(key, target)| (if all || dice.chance(50) { key.replace(from, to) } else { key }, target))
        .collect();
    routes.extend(renamed);
}

/// Renames a key of a map; for a route, its method or path.
fn rename_key(_: &Maker, dice: &mut Dice, stack: &mut Value) {
    let places: Vec<Vec<String>> = places(stack).into_iter().filter(|path| path.len() > 3).collect();
    if places.is_empty() {
        return;
    }
    let path = dice.pick(&places);
    let Some((last, above)) = path.split_last() else { return };
    let Some(Value::Object(fields)) = place(stack, above) else { return };
    let to = if last.contains(" /") { route(dice) } else { (*dice.pick(&["a", "b", "c", "MODE", "SIZE"])).to_owned() };
    if let Some(value) = fields.shift_remove(last) {
        fields.insert(to, value);
    }
}

fn turn_external(_: &Maker, dice: &mut Dice, stack: &mut Value) {
    let Some((section, name)) = element(dice, stack) else { return };
    let Some(own) = stack[section][name].as_object_mut().filter(|own| own.contains_key("name")) else { return };
    let external = own.get("external").and_then(Value::as_bool).unwrap_or(false);
    own.insert("external".into(), (!external).into());
}

fn tag_the_stack(maker: &Maker, dice: &mut Dice, stack: &mut Value) {
    if dice.chance(50) {
        let tags = maker.at(dice, stack, &["tags".into()]).unwrap_or_default();
        stack["tags"] = tags;
    } else {
        remove(stack, &["tags".to_owned()]);
    }
}
