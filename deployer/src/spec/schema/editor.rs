//! The schema for editors. It allows variables and references in place of any scalar, has examples for the properties,
//! and is written in draft 7, which every editor's YAML support understands.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::{checked_schema, rules};
use crate::spec::conditions::{self, WHEN};
use crate::spec::sections::SECTIONS;
use crate::spec::yaml;

/// URL of the schema in the repository.
pub const ID: &str = concat!(env!("CARGO_PKG_REPOSITORY"), "/raw/main/docs/stack.schema.json");
/// The most examples of a property.
const EXAMPLES: usize = 3;

/// Returns the schema for editors.
pub fn editor() -> Value {
    let mut schema = checked_schema().clone();
    add_conditions(&mut schema);
    rules::add(&mut schema);
    // Keys for anchors.
    schema["patternProperties"] = json!({ "^x-": true });
    for (at, values) in examples(&schema) {
        if let Some(Value::Object(property)) = schema.pointer_mut(&at) {
            property.entry("examples").or_insert(Value::Array(values));
        }
    }
    for section in SECTIONS {
        // `queues:` without a value is an empty section, and `orders:` an element of defaults.
        let section = &mut schema["properties"][section.name()];
        section["type"] = json!(["object", "null"]);
        section["additionalProperties"]["type"] = json!(["object", "null"]);
    }
    for words in ["properties", "$defs"] {
        schema[words].as_object_mut().into_iter().flat_map(Map::values_mut).for_each(lenient);
    }
    rules::exclusive(&mut schema);
    draft_7(&mut schema);
    let Value::Object(words) = schema else { return schema };
    let head = json!({ "$schema": "http://json-schema.org/draft-07/schema#", "$id": ID });
    let mut ordered = head.as_object().cloned().unwrap_or_default();
    ordered.extend(words.into_iter().filter(|(word, _)| word != "$schema"));
    Value::Object(ordered)
}

/// Adds `when` to the entries of lists and maps that have a form, as elements have it.
fn add_conditions(schema: &mut Value) {
    for section in SECTIONS {
        let at = format!("/properties/{}/additionalProperties", section.name());
        let when = schema.pointer(&at).map(|element| element["properties"][WHEN].clone());
        let entries = conditions::list_entries(schema, &at);
        for (entry, when) in entries.into_iter().zip(std::iter::repeat(when)) {
            if let (Some(Value::Object(known)), Some(when)) = (schema.pointer_mut(&format!("{entry}/properties")), when)
            {
                known.entry(WHEN).or_insert(when);
            }
        }
    }
}

/// The words of a schema that do not apply to a text with `${…}`.
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

/// Allows a text with `${` wherever a scalar is limited, in the schema and all its parts.
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
    // Once variants are loosened, one text can match several.
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

/// Renames words to those of draft 7. A `$ref` goes into `allOf`, because draft 7 ignores its neighbours.
fn draft_7(schema: &mut Value) {
    match schema {
        Value::Object(words) => {
            words.values_mut().for_each(draft_7);
            if let Some(definitions) = words.remove("$defs") {
                words.insert("definitions".into(), definitions);
            }
            if let Some(first) = words.remove("prefixItems") {
                let rest = words.insert("items".into(), first);
                words.extend(rest.map(|rest| ("additionalItems".to_owned(), rest)));
            }
            if let Some(Value::String(to)) = words.remove("$ref") {
                let to = json!(to.replace("#/$defs/", "#/definitions/"));
                if words.is_empty() {
                    words.insert("$ref".into(), to);
                } else {
                    words.insert("allOf".into(), json!([{ "$ref": to }]));
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(draft_7),
        _ => {}
    }
}

/// Collects values of properties from the sections' examples, by the property's place in the schema.
fn examples(schema: &Value) -> BTreeMap<String, Vec<Value>> {
    let mut found = BTreeMap::new();
    for section in SECTIONS {
        let Ok(parsed) = yaml::parse(section.example()) else { continue };
        let at = format!("/properties/{}/additionalProperties", section.name());
        for element in parsed.value[section.name()].as_object().into_iter().flat_map(Map::values) {
            collect(schema, &at, element, &mut found);
        }
    }
    found
}

fn collect(root: &Value, at: &str, value: &Value, found: &mut BTreeMap<String, Vec<Value>>) {
    let Some(Value::Object(schema)) = root.pointer(at) else { return };
    if let Some(to) = schema.get("$ref").and_then(Value::as_str) {
        return collect(root, to.trim_start_matches('#'), value, found);
    }
    for word in ["anyOf", "oneOf"] {
        let variants = schema.get(word).and_then(Value::as_array).map_or(0, Vec::len);
        (0..variants).for_each(|number| collect(root, &format!("{at}/{word}/{number}"), value, found));
    }
    match value {
        Value::Object(entries) => {
            for (name, value) in entries {
                let at = if schema.get("properties").is_some_and(|own| own.get(name).is_some()) {
                    let at = format!("{at}/properties/{name}");
                    let values = found.entry(at.clone()).or_default();
                    if values.len() < EXAMPLES && !values.contains(value) {
                        values.push(value.clone());
                    }
                    at
                } else {
                    format!("{at}/additionalProperties")
                };
                collect(root, &at, value, found);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| collect(root, &format!("{at}/items"), item, found)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::written;

    #[test]
    fn editors_take_a_variable_for_a_number() {
        let size = &editor()["properties"]["queues"]["additionalProperties"]["properties"]["maximum_message_size"];
        assert_eq!(size["anyOf"][0]["maximum"], 1_048_576);
        assert_eq!(size["anyOf"][1]["pattern"], "\\$\\{");
        assert!(size["description"].is_string());
        assert_eq!(size["examples"], json!([262_144]));
    }

    #[test]
    fn editors_mark_what_excludes_each_other_and_durations_that_are_too_long() {
        let schema = editor();
        let function = &schema["properties"]["functions"]["additionalProperties"];
        assert_eq!(function["oneOf"].as_array().map(Vec::len), Some(5));
        for (definition, variants) in [("SubscriptionElement", 7), ("EventElement", 7), ("Permission", 2)] {
            let found = schema["definitions"][definition]["oneOf"].as_array().map(Vec::len);
            assert_eq!(found, Some(variants), "{definition}");
        }
        for section in ["alarms", "roles"] {
            let element = &schema["properties"][section]["additionalProperties"];
            assert_eq!(element["oneOf"].as_array().map(Vec::len), Some(3), "{section}");
        }
        let timeout = &function["properties"]["timeout"];
        assert_eq!((&timeout["minimum"], &timeout["maximum"]), (&json!(1), &json!(1_800)), "{timeout:#}");
    }

    #[test]
    fn the_schema_is_of_one_draft_and_every_reference_leads_somewhere() {
        let schema = editor();
        let text = schema.to_string();
        assert!(!text.contains("$defs") && !text.contains("prefixItems"), "{text}");
        let references: Vec<&str> =
            text.split("\"$ref\":\"#").skip(1).filter_map(|rest| rest.split('"').next()).collect();
        assert!(references.len() > 2);
        for to in references {
            assert!(schema.pointer(to).is_some(), "{to}");
        }
    }

    #[test]
    fn the_schema_in_the_repository_is_up_to_date() {
        written::hold("docs/stack.schema.json", &format!("{:#}\n", editor()));
    }

    #[test]
    fn the_repositorys_stack_names_the_schema_in_its_first_line() {
        let stack = include_str!("../../../../stack.yaml");
        assert!(stack.starts_with("# yaml-language-server: $schema=docs/stack.schema.json\n"));
    }
}
