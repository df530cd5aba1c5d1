//! The JSON Schemas of `stack.yaml`: one for the checker, one for editors.

mod editor;
mod rules;

use std::sync::LazyLock;

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::{Value, json};

use super::head::Head;
use super::sections::SECTIONS;
pub use editor::editor;

/// Names of elements, variables and outputs.
const NAME: &str = "^[A-Za-z][A-Za-z0-9_-]*$";

/// Returns the schema that documents are checked against, after variables are filled in.
pub fn checked_schema() -> &'static Value {
    static SCHEMA: LazyLock<Value> = LazyLock::new(build);
    &SCHEMA
}

fn build() -> Value {
    let mut generator = SchemaSettings::draft2020_12().into_generator();
    let mut schema = Head::json_schema(&mut generator).to_value();
    for name in ["vars", "outputs"] {
        schema["properties"][name]["propertyNames"] = json!({ "pattern": NAME, "maxLength": 64 });
    }
    for section in SECTIONS {
        let element = section.element_schema(&mut generator);
        schema["properties"][section.name()] = json!({
            "description": element.get("description").cloned().unwrap_or_default(),
            "type": "object",
            "additionalProperties": element,
            "propertyNames": { "pattern": NAME, "maxLength": 64 },
        });
    }
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema".into();
    schema["title"] = "stack.yaml".into();
    schema["$defs"] = Value::Object(generator.take_definitions(true).into_iter().collect());
    let variable = schema["$defs"].get("Variable").cloned();
    without_null(&mut schema);
    // `null` stays allowed here: a variable without a value has to be given from outside.
    if let Some(variable) = variable {
        schema["$defs"]["Variable"] = variable;
    }
    schema
}

/// Removes `null` from a schema. Users omit a property that they do not want; a property without a value is a mistake.
fn without_null(schema: &mut Value) {
    let is_null = |part: &Value| part.get("type").and_then(Value::as_str) == Some("null");
    match schema {
        Value::Object(words) => {
            if let Some(Value::Array(types)) = words.get_mut("type") {
                types.retain(|one| one != "null");
                if let [one] = &types[..] {
                    let one = one.clone();
                    words.insert("type".into(), one);
                }
            }
            if let Some(Value::Array(listed)) = words.get_mut("enum") {
                listed.retain(|one| !one.is_null());
            }
            if words.get("default").is_some_and(Value::is_null) {
                words.remove("default");
            }
            for word in ["anyOf", "oneOf"] {
                let Some(Value::Array(variants)) = words.get_mut(word) else { continue };
                variants.retain(|variant| !is_null(variant));
                if let [Value::Object(only)] = &variants[..] {
                    let only = only.clone();
                    words.remove(word);
                    for (word, part) in only {
                        words.entry(word).or_insert(part);
                    }
                }
            }
            words.values_mut().for_each(without_null);
        }
        Value::Array(parts) => parts.iter_mut().for_each(without_null),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, Value};

    use super::*;

    fn each(value: &Value, visit: &mut impl FnMut(&Map<String, Value>)) {
        match value {
            Value::Object(map) => {
                visit(map);
                map.values().for_each(|part| each(part, visit));
            }
            Value::Array(items) => items.iter().for_each(|item| each(item, visit)),
            _ => {}
        }
    }

    #[test]
    fn every_reference_leads_somewhere_and_every_pattern_compiles() {
        let schema = checked_schema();
        let (mut references, mut patterns) = (0, 0);
        each(schema, &mut |part| {
            if let Some(Value::String(to)) = part.get("$ref") {
                references += 1;
                assert!(schema.pointer(&to[1..]).is_some(), "{to}");
            }
            if let Some(Value::String(pattern)) = part.get("pattern") {
                patterns += 1;
                assert!(regex_lite::Regex::new(pattern).is_ok(), "{pattern}");
            }
        });
        assert!(references > 2 && patterns > 2, "{references} {patterns}");
    }

    #[test]
    fn every_section_lists_its_own_and_the_common_properties_and_no_others() {
        for section in SECTIONS {
            let element = &checked_schema()["properties"][section.name()]["additionalProperties"];
            assert_eq!(element["additionalProperties"], false, "{}", section.name());
            for common in super::super::sections::Common::NAMES {
                assert!(element["properties"].get(common).is_some(), "{}.{common}", section.name());
            }
        }
    }
}
