//! Holds that a section's own file has all facts about it, and that general code has none.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use regex_lite::Regex;
use serde_json::Value;

use super::about::Suffix;
use super::any::AnySection;
use super::{LoweredStack, Resource, SECTIONS, shorten_name};
use crate::kinds;
use crate::spec::document::Document;
use crate::spec::head;
use crate::spec::schema::checked_schema;
use crate::spec::source::SourceText;
use crate::spec::variables::Inputs;

/// Literals outside the sections that equal a section's name and mean something else.
const OTHER_MEANING: &[(&str, &str)] = &[
    // Keys of the JSON that these commands print.
    ("iam/github.rs", "roles"),
    // A property of functions in AWS.
    ("kinds/lambda_function.rs", "layers"),
    ("kinds/lambda_function.rs", "layers"),
    ("kinds/lambda_function.rs", "layers"),
    ("kinds/lambda_function/wire.rs", "layers"),
    ("report/local.rs", "rules"),
    ("report/rollback.rs", "functions"),
    ("report/trace.rs", "functions"),
    ("report/trace.rs", "queues"),
];

#[test]
fn a_name_that_is_too_long_ends_in_a_hash_of_the_whole() {
    let long = "couch-explorers-candidate-32-with-a-very-long-name-image-worker-role";
    let (one, other) = (shorten_name(long, 64), shorten_name(&format!("{long}-b"), 64));
    assert_eq!(one.len(), 64);
    assert_eq!(one[..55], other[..55]);
    assert_ne!(one, other);
    assert_eq!(one, shorten_name(long, 64));
    assert_eq!(shorten_name("couch-worker", 64), "couch-worker");
}

fn lower_example(section: &dyn AnySection, env: Option<&str>) -> LoweredStack {
    let text = format!("stack: shop\nregion: eu-west-1\n\n{}", section.example());
    let inputs = Inputs { preview: env.map(str::to_owned), ..Inputs::default() };
    let (document, _) = Document::load(SourceText::new("stack.yaml", text), &inputs).expect("examples are sound");
    document.lower().0
}

/// Returns the name by which AWS tells a resource from others; `None` if it contains the name of another resource.
fn physical(resource: &Resource) -> Option<(&'static str, String)> {
    let properties = kinds::find_registered(resource.kind).identity().iter();
    let name: Vec<&str> = properties.filter_map(|property| resource.spec.get(property)?.as_str()).collect();
    let name = name.join(" ");
    (!name.contains("${")).then_some((resource.kind, name))
}

#[test]
fn no_resource_of_a_preview_environment_has_a_name_of_the_main_stack() {
    for section in SECTIONS {
        let main: BTreeSet<_> = lower_example(*section, None).resources.iter().filter_map(physical).collect();
        let preview = lower_example(*section, Some("pr-7"));
        let own: Vec<&Resource> = preview.resources.iter().filter(|resource| !resource.external).collect();
        assert!(!own.is_empty(), "{}", section.name());
        for resource in own {
            let name = physical(resource);
            assert!(name.is_none_or(|name| !main.contains(&name)), "`{}` needs a suffix", resource.address);
        }
    }
}

#[test]
fn the_name_that_gets_a_suffix_is_a_property_and_no_longer_than_the_schema_allows() {
    for section in SECTIONS {
        let Suffix::Property { property, longest, .. } = section.about().suffix else { continue };
        let schema = &checked_schema()["properties"][section.name()]["additionalProperties"]["properties"][property];
        assert_eq!(schema["type"], "string", "{}.{property}", section.name());
        let most = schema["maxLength"].as_u64();
        assert!(most.is_none_or(|most| longest as u64 <= most), "{}.{property}", section.name());
    }
}

/// Collects the names of all properties in a schema and in the definitions that it refers to.
fn properties<'s>(schema: &'s Value, found: &mut BTreeSet<&'s str>) {
    match schema {
        Value::Object(words) => {
            let own = words.get("properties").and_then(Value::as_object);
            let new: Vec<&str> = own.into_iter().flat_map(|own| own.keys()).map(String::as_str).collect();
            found.extend(new);
            if let Some(to) = words.get("$ref").and_then(Value::as_str) {
                properties(checked_schema().pointer(to.trim_start_matches('#')).expect("a definition"), found);
            }
            words.values().for_each(|part| properties(part, found));
        }
        Value::Array(parts) => parts.iter().for_each(|part| properties(part, found)),
        _ => {}
    }
}

#[test]
fn facts_about_properties_name_properties_that_exist() {
    let mut all: BTreeSet<&str> = SECTIONS.iter().map(|section| section.name()).collect();
    properties(checked_schema(), &mut all);
    for section in SECTIONS {
        let about = section.about();
        let mut own = BTreeSet::new();
        properties(&checked_schema()["properties"][about.name], &mut own);
        let refusals = [about.refusals.operations, about.refusals.codes, about.refusals.words];
        let named = refusals.into_iter().flatten().flat_map(|(_, names)| names.iter());
        let parts = about.refusals.parts.iter().map(|part| &part.property);
        let one_of = about.one_of.iter().flat_map(|one| one.names);
        for name in named.chain(parts).chain(one_of) {
            assert!(own.contains(name), "{}: `{name}`", about.name);
        }
        for (word, meant) in about.synonyms {
            assert!(all.contains(meant), "{}: `{word}` stands for `{meant}`", about.name);
        }
    }
    for (_, meant) in head::SYNONYMS {
        assert!(all.contains(meant), "{meant}");
    }
}

#[test]
fn pictures_tell_sections_apart_by_icon_and_word() {
    let icons: BTreeSet<&str> = SECTIONS.iter().map(|section| section.about().picture.icon).collect();
    let words: BTreeSet<&str> = SECTIONS.iter().map(|section| section.about().singular).collect();
    assert_eq!((icons.len(), words.len()), (SECTIONS.len(), SECTIONS.len()));
}

#[test]
fn sections_stand_in_the_order_of_their_names() {
    assert!(SECTIONS.is_sorted_by_key(|section| section.name()));
}

/// Returns the paths and texts of the sources outside the sections and the catalogue of errors, without tests.
fn general() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let (mut directories, mut found) = (vec![root.clone()], Vec::new());
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let path: PathBuf = entry.unwrap().path();
            let name = path.strip_prefix(&root).unwrap().to_string_lossy().into_owned();
            let apart = ["spec/sections", "codes"].contains(&name.as_str()) || name.ends_with("tests");
            if path.is_dir() && !apart {
                directories.push(path);
            } else if name.ends_with(".rs") && !name.ends_with("tests.rs") {
                let text = fs::read_to_string(&path).unwrap();
                found.push((name, text.split("#[cfg(test)]\nmod tests {").next().unwrap().to_owned()));
            }
        }
    }
    found
}

/// Lists the literals in a source that are a section's name, or an address or a reference that begins with one.
fn names_in(text: &str) -> Vec<String> {
    let literal = Regex::new(r#""((?:[^"\\]|\\.)*)""#).unwrap();
    let lines = text.lines().filter(|line| !line.trim_start().starts_with("//"));
    let literals =
        lines.flat_map(|line| literal.captures_iter(line).map(|found| found[1].to_owned()).collect::<Vec<_>>());
    let is_name = |literal: &String| {
        let address = literal.trim_start_matches("${");
        SECTIONS.iter().any(|section| {
            address.strip_prefix(section.name()).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        })
    };
    literals.filter(is_name).collect()
}

#[test]
fn general_code_knows_no_section_by_name() {
    let sources = general();
    assert!(sources.len() > 50, "the sources are found");
    let mut found: Vec<(String, String)> = Vec::new();
    for (path, text) in sources {
        found.extend(names_in(&text).into_iter().map(|literal| (path.clone(), literal)));
    }
    found.sort();
    let excused: Vec<_> = OTHER_MEANING.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect();
    assert_eq!(found, excused, "state the fact in the section's `About`, or add a hook to `Section`");
}

#[test]
fn a_literal_with_a_sections_name_is_found() {
    assert_eq!(names_in(r#"if section == "queues" {"#), ["queues"]);
    assert_eq!(names_in(r#"text.find("${functions.")"#), ["${functions."]);
    assert_eq!(names_in(r#"("apis.couch", "queues_of", "the queues", '"')"#), ["apis.couch"]);
    assert!(names_in("// \"queues\"").is_empty());
}
