//! The JSON Schema of `stack.yaml`: what the checker holds a document against, and what editors get.

use std::sync::LazyLock;

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use super::head::Head;
use super::sections::SECTIONS;

/// What elements, variables and outputs may be called.
const NAME: &str = "^[A-Za-z][A-Za-z0-9_-]*$";

/// The schema that documents are checked against, after variables were put in.
pub fn checked() -> &'static Value {
    static SCHEMA: LazyLock<Value> = LazyLock::new(build);
    &SCHEMA
}

/// The schema for editors: there, variables and references may stand for any scalar.
pub fn editor() -> Value {
    let mut schema = checked().clone();
    if let Some(properties) = schema["properties"].as_object_mut() {
        properties.values_mut().for_each(lenient);
    }
    if let Some(definitions) = schema.get_mut("$defs").and_then(Value::as_object_mut) {
        definitions.values_mut().for_each(lenient);
    }
    schema
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
    schema
}

/// The words of a schema that a text with `${…}` need not keep to.
const STRICT: &[&str] = &[
    "type",
    "format",
    "enum",
    "const",
    "pattern",
    "minLength",
    "maxLength",
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "multipleOf",
];

/// Lets a text with `${` stand wherever a scalar is limited, in the schema and all its parts.
fn lenient(schema: &mut Value) {
    let Value::Object(words) = schema else { return };
    for (word, part) in words.iter_mut() {
        match (word.as_str(), part) {
            ("properties", Value::Object(parts)) => parts.values_mut().for_each(lenient),
            ("items" | "additionalProperties", part) => lenient(part),
            ("anyOf" | "oneOf" | "allOf" | "prefixItems", Value::Array(parts)) => parts.iter_mut().for_each(lenient),
            _ => {}
        }
    }
    // A text fits no two variants of `oneOf` only as long as both are strict.
    if let Some(variants) = words.remove("oneOf") {
        words.insert("anyOf".into(), variants);
    }
    let types: Vec<&str> = match words.get("type") {
        Some(Value::String(one)) => vec![one],
        Some(Value::Array(several)) => several.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    let structured = types.iter().any(|one| matches!(*one, "object" | "array" | "null"))
        && !types.iter().any(|one| matches!(*one, "string" | "integer" | "number" | "boolean"));
    let free = types.contains(&"string") && words.keys().all(|word| !STRICT[1..].contains(&word.as_str()));
    let limited = words.keys().any(|word| STRICT.contains(&word.as_str()));
    if structured || free || !limited {
        return;
    }
    let strict: Map<String, Value> =
        STRICT.iter().filter_map(|word| words.remove(*word).map(|limit| ((*word).to_owned(), limit))).collect();
    words.insert("anyOf".into(), json!([strict, { "type": "string", "pattern": "\\$\\{" }]));
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

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
        let schema = checked();
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
            let element = &checked()["properties"][section.name()]["additionalProperties"];
            assert_eq!(element["additionalProperties"], false, "{}", section.name());
            for common in super::super::sections::Common::NAMES {
                assert!(element["properties"].get(common).is_some(), "{}.{common}", section.name());
            }
        }
    }

    #[test]
    fn editors_take_a_variable_for_a_number() {
        let size = &editor()["properties"]["queues"]["additionalProperties"]["properties"]["maximum_message_size"];
        assert_eq!(size["anyOf"][0]["maximum"], 1_048_576);
        assert_eq!(size["anyOf"][1]["pattern"], "\\$\\{");
        assert!(size["description"].is_string());
    }
}
