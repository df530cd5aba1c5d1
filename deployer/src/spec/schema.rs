//! The JSON Schema of `stack.yaml`: what the checker holds a document against, and what editors get.

mod editor;

use std::sync::LazyLock;

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::{Value, json};

use super::head::Head;
use super::sections::SECTIONS;
pub use editor::editor;

/// What elements, variables and outputs may be called.
const NAME: &str = "^[A-Za-z][A-Za-z0-9_-]*$";

/// The schema that documents are checked against, after variables were put in.
pub fn checked() -> &'static Value {
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
    schema
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
}
