//! The JSON Schema of a plan's JSON form describes exactly the printed properties.

use serde_json::{Value, json};

use super::phenomena::{SHOP, heading};
use crate::plan::tests::world::{Stack, World};
use crate::plan::{Cost, Goal, Selection};
use crate::report::{json, planned};

/// Lists where `value` violates `schema`; properties that the schema does not name count, too.
fn wrong(root: &Value, schema: &Value, value: &Value, at: &str) -> Vec<String> {
    let schema = match schema.get("$ref").and_then(Value::as_str) {
        Some(reference) => root.pointer(reference.trim_start_matches('#')).expect("a definition"),
        None => schema,
    };
    for several in ["anyOf", "oneOf"] {
        if let Some(options) = schema.get(several).and_then(Value::as_array) {
            let fits = options.iter().any(|option| wrong(root, option, value, at).is_empty());
            return if fits { Vec::new() } else { vec![format!("{at}: none of {several}: {value}")] };
        }
    }
    let name = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(n) if n.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    let is = |wanted: &Value| wanted == name || (wanted == "number" && name == "integer");
    let typed = match schema.get("type") {
        Some(Value::Array(types)) => types.iter().any(is),
        Some(wanted) => is(wanted),
        None => true,
    };
    let mut found = Vec::new();
    let listed = schema.get("enum").and_then(Value::as_array).is_none_or(|words| words.contains(value));
    if !typed || !listed || schema.get("const").is_some_and(|only| only != value) {
        found.push(format!("{at}: {value} is not {schema}"));
    }
    if let (Some(properties), Some(map)) = (schema.get("properties").and_then(Value::as_object), value.as_object()) {
        for needed in schema.get("required").and_then(Value::as_array).into_iter().flatten() {
            if !map.contains_key(needed.as_str().unwrap()) {
                found.push(format!("{at}: {needed} is missing"));
            }
        }
        for (key, inner) in map {
            match properties.get(key) {
                Some(schema) => found.extend(wrong(root, schema, inner, &format!("{at}.{key}"))),
                None => found.push(format!("{at}: {key} is not in the schema")),
            }
        }
    }
    for (index, item) in value.as_array().into_iter().flatten().enumerate() {
        let items = schema.get("items").unwrap_or(&Value::Bool(true));
        found.extend(wrong(root, items, item, &format!("{at}[{index}]")));
    }
    found
}

#[test]
fn what_is_printed_is_what_the_schema_says() {
    let schema = planned::schema();
    let mut world = World::applied(SHOP);
    world.edit("functions.draw", |spec| spec["memory_size"] = json!(1024));
    world.delete("topics.alarms");
    let texts = [SHOP.to_owned(), SHOP.replace("orders: { visib", "orders: { name: shop-other, visib")];
    for (text, goal) in texts.iter().flat_map(|text| [(text, Goal::Apply), (text, Goal::Destroy)]) {
        let stack = Stack::of(text, &[]);
        let plan = world.plan(&stack, goal, &Selection::default()).unwrap();
        let report = json::plan(&plan, &heading(), Cost::default(), stack.document.secrets());
        let found = wrong(&schema, &schema, &report, "plan");
        assert!(found.is_empty(), "{}", found.join("\n"));
        let mut damaged = report.clone();
        damaged["actions"][0]["action"] = json!("explode");
        damaged["extra"] = json!(1);
        damaged.as_object_mut().unwrap().remove("stack");
        assert_eq!(wrong(&schema, &schema, &damaged, "plan").len(), 3);
    }
}

#[test]
fn the_schema_is_a_contract() {
    insta::assert_snapshot!("plan_schema", format!("{:#}", planned::schema()));
}
