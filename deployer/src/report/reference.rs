//! The reference pages of `stack.yaml`, docs/kinds. They are generated from the schema and the sections' examples.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::{Map, Value};

use crate::kinds;
use crate::spec::document::Document;
use crate::spec::schema::checked_schema;
use crate::spec::sections::any::AnySection;
use crate::spec::sections::{Common, SECTIONS};
use crate::spec::source::SourceText;
use crate::spec::variables::Inputs;

const GENERATED: &str = "<!-- Generated from the schema and the examples by `cargo xtask docs`. -->\n";

/// Returns a section's example as a complete stack.
pub fn example(section: &dyn AnySection) -> String {
    format!("stack: shop\nregion: eu-west-1\n\n{}", section.example())
}

/// Renders all pages, by file name.
pub fn pages() -> BTreeMap<String, String> {
    let mut pages: BTreeMap<String, String> =
        SECTIONS.iter().map(|section| (format!("{}.md", section.name()), page(*section))).collect();
    pages.insert("stack.md".to_owned(), head());
    pages.insert("README.md".to_owned(), contents());
    pages
}

fn contents() -> String {
    let mut text =
        format!("{GENERATED}# Reference of stack.yaml\n\n- [The head, variables and common properties](stack.md)\n");
    for section in SECTIONS {
        let about = description(&checked_schema()["properties"][section.name()]);
        let _ = writeln!(text, "- [{0}]({0}.md): {about}", section.name());
    }
    text + "\n[stack-yaml](../stack-yaml.md) explains how it fits together, [errors](../errors.md) every code.\n"
}

fn head() -> String {
    let root = checked_schema();
    let head = root["properties"].as_object().cloned().unwrap_or_default();
    let own: Map<String, Value> =
        head.into_iter().filter(|(name, _)| SECTIONS.iter().all(|section| section.name() != name)).collect();
    let mut text = format!("{GENERATED}# The head of stack.yaml\n\n");
    let head = serde_json::json!({ "properties": own, "required": root["required"] });
    Tables::of(&mut text).all("", &head);
    text += "\n## Common properties\nEvery element of every section takes these, too.\n\n";
    let element = &root["properties"][SECTIONS[0].name()]["additionalProperties"]["properties"];
    let common: Map<String, Value> =
        Common::NAMES.iter().map(|name| ((*name).to_owned(), element[name].clone())).collect();
    Tables::of(&mut text).all("", &serde_json::json!({ "properties": common }));
    text
}

fn page(section: &dyn AnySection) -> String {
    let mut element = checked_schema()["properties"][section.name()]["additionalProperties"].clone();
    if let Some(properties) = element["properties"].as_object_mut() {
        properties.retain(|name, _| !Common::NAMES.contains(&name.as_str()));
    }
    let mut text = format!("{GENERATED}# {}\n{}\n\n", section.name(), description(&element));
    let _ = write!(text, "```yaml\n{}```\n\n## Properties\n", example(section));
    text += "[Common properties](stack.md#common-properties) are `protect`, `retain`, `external`, `tags` and `depends_on`.\n\n";
    Tables::of(&mut text).all("", &element);
    list_resources(&mut text, section);
    text
}

/// Lists the resources that the example is lowered to, and their outputs.
fn list_resources(text: &mut String, section: &dyn AnySection) {
    let Ok((document, _)) = Document::load(SourceText::new("", example(section)), &Inputs::default()) else { return };
    let (lowered, _) = document.lower();
    let general = |address: &str| -> Option<String> {
        let rest = address.strip_prefix(section.name())?.strip_prefix('.')?;
        let part = rest.split_once('.').map_or("", |(_, part)| part);
        let part = part.split_once('[').map_or(part.to_owned(), |(list, _)| format!("{list}[…]"));
        Some(format!("{}.NAME{}{part}", section.name(), if part.is_empty() { "" } else { "." }))
    };
    let mut parts: BTreeMap<String, (&str, Vec<String>)> = BTreeMap::new();
    for resource in &lowered.resources {
        let (Some(address), Some(kind)) = (general(&resource.address), kinds::find(resource.kind)) else { continue };
        parts
            .entry(address)
            .or_insert((resource.kind, kind.outputs().iter().map(|output| (*output).to_owned()).collect()));
    }
    for (of, output) in lowered.aliases.keys() {
        if let Some((_, outputs)) = general(of).and_then(|address| parts.get_mut(&address))
            && !outputs.contains(output)
        {
            outputs.push(output.clone());
        }
    }
    *text += "\n## What it makes, and its outputs\n| address | kind | outputs |\n| --- | --- | --- |\n";
    for (address, (kind, outputs)) in parts {
        let outputs = if address.contains('[') {
            "—".to_owned()
        } else {
            outputs.iter().map(|output| format!("`${{{address}.{output}}}`")).collect::<Vec<_>>().join(", ")
        };
        let _ = writeln!(text, "| `{address}` | {kind} | {outputs} |");
    }
}

/// Writes a table of properties, then one for each map inside them.
struct Tables<'a> {
    text: &'a mut String,
}

impl<'a> Tables<'a> {
    fn of(text: &'a mut String) -> Self {
        Self { text }
    }

    fn all(&mut self, path: &str, schema: &Value) {
        let Some(properties) = schema["properties"].as_object() else { return };
        let required: Vec<&str> =
            schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        *self.text += "| property | takes | default | meaning |\n| --- | --- | --- | --- |\n";
        for (name, property) in properties {
            let default = if required.contains(&name.as_str()) { "required".to_owned() } else { default(property) };
            let takes = takes(property).replace('|', "\\|");
            let _ = writeln!(
                self.text,
                "| `{name}` | {takes} | {default} | {} |",
                description(property).replace('|', "\\|")
            );
        }
        for (name, property) in properties {
            let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
            if let Some(inner) = map_inside(property, 0) {
                let _ = write!(self.text, "\n### {path}\n{}\n\n", description(inner));
                self.all(&path, inner);
            }
        }
    }
}

fn follow_reference(schema: &Value) -> &Value {
    let to = schema["$ref"].as_str().or_else(|| schema["allOf"][0]["$ref"].as_str());
    to.and_then(|to| checked_schema().pointer(to.trim_start_matches('#'))).unwrap_or(schema)
}

/// Returns the schema of a map with named properties: the property's own, or that of its items or entries.
fn map_inside(schema: &Value, depth: usize) -> Option<&Value> {
    let schema = follow_reference(schema);
    if depth > 4 {
        return None;
    }
    if schema["properties"].is_object() {
        return Some(schema);
    }
    let variants = ["anyOf", "oneOf"].into_iter().flat_map(|word| schema[word].as_array().into_iter().flatten());
    let parts = variants.chain(schema.get("items")).chain(schema.get("additionalProperties"));
    parts.filter(|part| part.is_object()).find_map(|part| map_inside(part, depth + 1))
}

fn description(schema: &Value) -> String {
    let own = schema["description"].as_str().or_else(|| follow_reference(schema)["description"].as_str());
    own.unwrap_or_default().replace('\n', " ")
}

fn default(property: &Value) -> String {
    match property.get("default") {
        None | Some(Value::Null) => "—".to_owned(),
        Some(Value::Array(items)) if items.is_empty() => "—".to_owned(),
        Some(Value::Object(entries)) if entries.is_empty() => "—".to_owned(),
        Some(Value::String(text)) => format!("`{text}`"),
        Some(Value::Number(seconds)) if property["format"] == "duration-seconds" => format!("`{seconds}s`"),
        Some(Value::Object(_)) => "see below".to_owned(),
        Some(other) => format!("`{other}`"),
    }
}

/// Describes the values that a property accepts, with their range.
fn takes(schema: &Value) -> String {
    let variants: Vec<&Value> = ["anyOf", "oneOf"]
        .into_iter()
        .flat_map(|word| schema[word].as_array().into_iter().flatten())
        .filter(|variant| variant["type"] != "null")
        .collect();
    let listed = list_words(schema);
    if !listed.is_empty() {
        return listed.join(", ");
    }
    if !variants.is_empty() {
        let mut words: Vec<String> = Vec::new();
        for word in variants.into_iter().map(takes) {
            if !words.contains(&word) {
                words.push(word);
            }
        }
        return words.join(" or ");
    }
    let target = follow_reference(schema);
    if !std::ptr::eq(target, schema) {
        return takes(target);
    }
    let types: Vec<&str> = match &schema["type"] {
        Value::String(one) => vec![one],
        Value::Array(several) => several.iter().filter_map(Value::as_str).filter(|one| *one != "null").collect(),
        _ => Vec::new(),
    };
    if schema["format"] == "duration-seconds" {
        return format!("duration{}", range(schema, "s"));
    }
    match types.first() {
        Some(&"string") => format!("text{}", length(schema)),
        Some(&"integer") => format!("whole number{}", range(schema, "")),
        Some(&"number") => format!("number{}", range(schema, "")),
        Some(&"boolean") => "`true` or `false`".to_owned(),
        Some(&"array") => format!("list of {}{}", takes(&schema["items"]), items(schema)),
        Some(&"object") if schema["properties"].is_object() => "a map, see below".to_owned(),
        Some(&"object") if schema["additionalProperties"].is_object() => {
            format!("a map of {}", takes(&schema["additionalProperties"]))
        }
        Some(&"object") => "a map".to_owned(),
        _ => "a document".to_owned(),
    }
}

/// Lists the words that a schema and its variants allow.
fn list_words(schema: &Value) -> Vec<String> {
    let schema = follow_reference(schema);
    let one = |value: &Value| value.as_str().map(|word| format!("`{word}`"));
    if let Some(words) = schema["enum"].as_array() {
        return words.iter().filter_map(one).collect();
    }
    if let Some(word) = schema.get("const") {
        return one(word).into_iter().collect();
    }
    let variants: Vec<&Value> =
        ["anyOf", "oneOf"].into_iter().flat_map(|word| schema[word].as_array().into_iter().flatten()).collect();
    let inner: Vec<Vec<String>> =
        variants.iter().filter(|variant| variant["type"] != "null").map(|variant| list_words(variant)).collect();
    if inner.iter().any(Vec::is_empty) { Vec::new() } else { inner.concat() }
}

fn range(schema: &Value, unit: &str) -> String {
    match (schema["minimum"].as_f64(), schema["maximum"].as_f64()) {
        (least, Some(most)) => format!(", {}{unit} to {most}{unit}", least.unwrap_or(0.0)),
        (Some(least), None) if least > 0.0 => format!(", at least {least}{unit}"),
        _ => String::new(),
    }
}

fn length(schema: &Value) -> String {
    let pattern = schema["pattern"].as_str().map_or(String::new(), |pattern| format!(", `{pattern}`"));
    match (schema["minLength"].as_u64(), schema["maxLength"].as_u64()) {
        (least, Some(most)) => format!(", {} to {most} characters{pattern}", least.unwrap_or(0)),
        _ => pattern,
    }
}

fn items(schema: &Value) -> String {
    match (schema["minItems"].as_u64(), schema["maxItems"].as_u64()) {
        (least, Some(most)) => format!(", {} to {most}", least.unwrap_or(0)),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline;
    use crate::report::{diagnostics, written};
    use crate::spec::yaml;

    #[test]
    fn the_reference_pages_are_up_to_date() {
        for (name, text) in pages() {
            written::hold(&format!("docs/kinds/{name}"), &text);
        }
    }

    #[test]
    fn every_example_is_a_sound_stack() {
        for section in SECTIONS {
            let loaded = pipeline::check(SourceText::new(section.name(), example(*section)), &Inputs::default());
            let (findings, source) = match loaded {
                Ok(loaded) => (loaded.warnings, loaded.document.source().clone()),
                Err(failure) => (failure.findings, failure.source.unwrap_or_default()),
            };
            assert!(findings.0.is_empty(), "{}", diagnostics::text(&findings, &source, diagnostics::Style::default()));
        }
    }

    #[test]
    fn every_example_shows_every_property_of_its_section() {
        for section in SECTIONS {
            let parsed = yaml::parse(section.example()).expect("examples are YAML");
            let elements = parsed.value[section.name()].as_object().expect("its own section").clone();
            let schema = &checked_schema()["properties"][section.name()]["additionalProperties"]["properties"];
            for name in schema.as_object().expect("properties").keys() {
                let shown = elements.values().any(|element| element.get(name).is_some());
                assert!(shown || Common::NAMES.contains(&name.as_str()), "{}.{name}", section.name());
            }
        }
    }
}
