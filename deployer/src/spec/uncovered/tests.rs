use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{UncoveredAnswer, UncoveredWords, at};
use crate::pipeline;
use crate::spec::finding::Finding;
use crate::spec::head;
use crate::spec::nearest::nearest_besides;
use crate::spec::schema::checked_schema;
use crate::spec::sections::SECTIONS;
use crate::spec::source::SourceText;
use crate::spec::variables::Inputs;

/// A place where words are uncovered, and the properties that the schema has there.
struct WordTable {
    section: Option<&'static str>,
    inside: &'static str,
    table: Vec<&'static UncoveredWords>,
    properties: Vec<&'static str>,
}

impl WordTable {
    fn words(&self) -> impl Iterator<Item = &'static str> {
        self.table.iter().flat_map(|uncovered| uncovered.words).copied()
    }
}

/// Collects the names of the properties of a schema's map: those of its variants, items and entries, too.
fn names(schema: &'static Value, depth: usize) -> Vec<&'static str> {
    if depth > 6 {
        return Vec::new();
    }
    if let Some(to) = schema["$ref"].as_str() {
        return names(checked_schema().pointer(to.trim_start_matches('#')).expect("a definition"), depth + 1);
    }
    if let Some(own) = schema["properties"].as_object() {
        return own.keys().map(String::as_str).collect();
    }
    let variants =
        ["anyOf", "oneOf", "allOf"].into_iter().flat_map(|word| schema[word].as_array().into_iter().flatten());
    let parts = variants.chain(schema.get("items")).chain(schema.get("additionalProperties"));
    parts.flat_map(|part| names(part, depth + 1)).collect()
}

fn places() -> Vec<WordTable> {
    let of = |section: Option<&'static str>, table: &'static [UncoveredWords], schema: &'static Value| {
        let insides: BTreeSet<&str> = table.iter().map(|uncovered| uncovered.inside).collect();
        let place = move |inside: &'static str| {
            let schema = if inside.is_empty() { schema } else { &schema["properties"][inside] };
            let table = table.iter().filter(|uncovered| uncovered.inside == inside).collect();
            WordTable { section, inside, table, properties: names(schema, 0) }
        };
        insides.into_iter().map(place).collect::<Vec<_>>()
    };
    let sections = SECTIONS.iter().flat_map(|section| {
        let schema = &checked_schema()["properties"][section.name()]["additionalProperties"];
        of(Some(section.name()), section.about().uncovered, schema)
    });
    of(None, head::UNCOVERED, checked_schema()).into_iter().chain(sections).collect()
}

fn plain(word: &str) -> String {
    word.replace('_', "").to_lowercase()
}

#[test]
fn every_section_has_words_and_they_stand_in_maps_that_exist() {
    assert!(SECTIONS.iter().all(|section| !section.about().uncovered.is_empty()));
    for place in places() {
        assert!(!place.properties.is_empty(), "{:?}: there is no `{}`", place.section, place.inside);
    }
}

#[test]
fn a_word_leaves_the_table_once_it_is_a_property() {
    for place in places() {
        let properties: BTreeSet<String> = place.properties.iter().map(|name| plain(name)).collect();
        let mut words = BTreeSet::new();
        for word in place.words() {
            let at = format!("{:?} {}: `{word}`", place.section, place.inside);
            assert!(!properties.contains(&plain(word)), "{at} is a property now: remove it from the table");
            assert!(words.insert(plain(word)), "{at} stands twice");
        }
    }
}

/// Returns the findings about unknown words of a place, by word.
fn findings_by_word(place: &WordTable, words: &[&str]) -> BTreeMap<String, Finding> {
    let entries: Vec<String> = words.iter().map(|word| format!("{word}: {{}}")).collect();
    let entries = entries.join(", ");
    let type_of = |inside: &str| {
        let section = &checked_schema()["properties"][place.section.unwrap_or_default()];
        section["additionalProperties"]["properties"][inside]["type"].clone()
    };
    let is_map = |inside: &str| type_of(inside) == "object";
    let is_list = |inside: &str| type_of(inside) == "array" || type_of(inside)[0] == "array";
    let stack = match (place.section, place.inside) {
        (None, _) => format!("{{ stack: s, region: eu-west-1, {entries} }}\n"),
        (Some(section), "") => format!("stack: s\nregion: eu-west-1\n{section}: {{ e: {{ {entries} }} }}\n"),
        // The entries of a map have names that its keys allow.
        (Some(section), inside) if is_map(inside) => {
            format!(
                "stack: s\nregion: eu-west-1\n{section}: {{ e: {{ {inside}: {{ \"GET /\": {{ {entries} }} }} }} }}\n"
            )
        }
        (Some(section), inside) if !is_list(inside) => {
            format!("stack: s\nregion: eu-west-1\n{section}: {{ e: {{ {inside}: {{ {entries} }} }} }}\n")
        }
        (Some(section), inside) => {
            format!("stack: s\nregion: eu-west-1\n{section}: {{ e: {{ {inside}: [ {{ {entries} }} ] }} }}\n")
        }
    };
    let failure = pipeline::check(SourceText::new("stack.yaml", stack), &Inputs::default()).err();
    let findings = failure.expect("unknown words").findings.0.into_iter();
    findings.filter_map(|finding| Some((finding.path.0.last()?.clone(), finding))).collect()
}

#[test]
fn no_word_is_taken_for_a_property_and_each_says_what_to_do_instead() {
    for place in places() {
        let words: Vec<&str> = place.words().collect();
        let mut found = findings_by_word(&place, &words);
        for uncovered in &place.table {
            let code =
                if uncovered.answer.things().is_some() { "stack::not-covered" } else { "stack::unknown-property" };
            for word in uncovered.words {
                let finding = found.remove(*word).unwrap_or_else(|| panic!("nothing about `{word}`"));
                let help = finding.help.unwrap_or_default();
                assert_eq!(finding.code, code, "{:?} `{word}`: {help}", place.section);
                assert_eq!(help, uncovered.answer.help(), "{:?} `{word}`", place.section);
                assert!(!help.contains("did you mean"), "{word}");
            }
        }
    }
}

#[test]
fn other_spellings_of_a_word_are_the_word() {
    let functions = SECTIONS.iter().find(|section| section.about().singular == "function").expect("functions").name();
    let is_functions = |place: &WordTable| place.section == Some(functions) && place.inside.is_empty();
    let place = places().into_iter().find(is_functions).expect("the words of a function");
    let words = ["provisioned_concurrency", "ProvisionedConcurrency", "provisoned-concurrency"];
    let found = findings_by_word(&place, &words);
    for word in words {
        assert_eq!(found[word].message, "the deployer does not manage provisioned concurrency", "{word}");
    }
}

/// Returns a word without its second letter, and without one in the middle.
fn with_a_letter_less(word: &str) -> impl Iterator<Item = String> {
    [1, word.len() / 2].into_iter().map(|at| format!("{}{}", &word[..at], &word[at + 1..]))
}

#[test]
fn a_typing_error_leads_to_the_word_itself_or_to_one_that_is_as_near() {
    for place in places() {
        let nearest = |word: &str| nearest_besides(word, place.properties.iter().copied(), place.words());
        let is_near = |one: &str, other: &str| strsim::damerau_levenshtein(&plain(one), &plain(other)) < 2;
        for property in place.properties.iter().filter(|property| property.len() > 3) {
            for word in with_a_letter_less(property).filter(|word| !place.words().any(|other| other == word)) {
                let meant = nearest(&word);
                let is_property = meant.is_none_or(|meant| place.properties.contains(&meant));
                assert!(is_property, "{word} is {property}, not {meant:?}");
            }
        }
        for other in place.words().filter(|other| other.len() > 7) {
            for word in with_a_letter_less(other) {
                let meant = nearest(&word);
                let is_word = meant.is_none_or(|meant| !place.properties.contains(&meant) || is_near(&word, meant));
                assert!(is_word, "{word} is {other}, not {meant:?}");
            }
        }
    }
}

#[test]
fn the_lines_of_an_answer_are_a_sound_stack() {
    let mut count = 0;
    for uncovered in at(&[]).filter(|uncovered| matches!(uncovered.answer, UncoveredAnswer::Elsewhere { .. })) {
        let lines = uncovered.answer.lines();
        let (vars, permissions) = lines.split_once('\n').expect("two lines");
        let stack =
            format!("stack: s\nregion: eu-west-1\n{vars}\nfunctions:\n  f:\n    zip: f.zip\n    {permissions}\n");
        let variable = vars.split(['{', ':']).nth(2).expect("a variable").trim();
        let inputs =
            Inputs { vars: vec![format!("{variable}=arn:aws:x:eu-west-1:123456789012:y")], ..Inputs::default() };
        let findings = match pipeline::check(SourceText::new("stack.yaml", stack), &inputs) {
            Ok(loaded) => loaded.warnings,
            Err(failure) => failure.findings,
        };
        assert!(findings.0.is_empty(), "{lines}\n{findings:?}");
        count += 1;
    }
    assert!(count > 5, "{count}");
}
