//! Holds the direction of imports that `docs/architecture.md` draws.

mod circles;

use std::fs;
use std::path::{Path, PathBuf};

use regex_lite::Regex;

use crate::kinds;

/// The modules from the lowest to the highest. Each may import only modules of lower rank.
const ORDER: &[&[&str]] = &[
    &["actions", "constraints", "files", "models", "mutex", "origin", "registry", "timetable"],
    &["aws", "forge", "package", "local"],
    &["strict"],
    &["kinds"],
    &["spec", "state"],
    &["graph", "log", "codes"],
    &["observe"],
    &["plan", "iam"],
    &["execute"],
    &["failure"],
    &["pipeline", "operate"],
    &["report"],
    &["cli"],
];
/// Modules that import nothing of the crate except the lowest modules.
const ALONE: &[&str] = &["forge", "package", "local"];

/// Files outside `kinds` that name a kind, with the reason. All others ask [`crate::kinds::About`] for a fact.
const NAME_KINDS: &[(&str, &str)] = &[
    ("operate/access.rs", "the access of CI is roles, beside those of the stack"),
    ("operate/history.rs", "versions are those of functions"),
];

fn rank(module: &str) -> Option<usize> {
    ORDER.iter().position(|modules| modules.contains(&module))
}

/// Returns the paths and texts of the product's sources, relative to `src/`, without their tests.
fn sources() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let (mut directories, mut found) = (vec![root.clone()], Vec::new());
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let path: PathBuf = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if path.is_dir() && !["tests", "imports"].contains(&name.as_str()) {
                directories.push(path);
            } else if name.ends_with(".rs")
                && !name.ends_with("tests.rs")
                && !["imports.rs", "sizes.rs"].contains(&name.as_str())
            {
                let text = fs::read_to_string(&path).unwrap();
                let product = text.split("#[cfg(test)]\nmod tests {").next().unwrap().to_owned();
                found.push((path.strip_prefix(&root).unwrap().to_string_lossy().into_owned(), product));
            }
        }
    }
    found.sort();
    found
}

/// Lists the forbidden imports of a file.
fn wrong(path: &str, text: &str) -> Vec<String> {
    let module = path.split(['/', '.']).next().unwrap_or_default();
    let imports = Regex::new(r"\bcrate::(\{|\w+)(?:::(\w+))?").unwrap();
    let mut found = Vec::new();
    for import in imports.captures_iter(text) {
        let (whole, to) = (&import[0], &import[1]);
        let (from_rank, to_rank) = (rank(module), rank(to));
        let sideways = from_rank == to_rank && module != to;
        let alone = ALONE.contains(&module) && module != to && to_rank != Some(0);
        let kind = path.strip_prefix("kinds/").and_then(|file| file.split(['/', '.']).next());
        let other_kind = import.get(2).is_some_and(|at| {
            let at = at.as_str();
            to == "kinds" && kind.is_some_and(|own| own != at && own != "mod") && is_kind_file(at)
        });
        if to_rank.is_none() || to_rank > from_rank || sideways || alone || other_kind {
            found.push(format!("{path} imports {whole}"));
        }
    }
    found
}

/// Tells whether a module of `kinds` is a kind, and not one that all kinds share.
fn is_kind_file(name: &str) -> bool {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("src/kinds/{name}.rs"));
    fs::read_to_string(file).is_ok_and(|text| text.contains("\nimpl Kind for "))
}

#[test]
fn imports_go_one_way() {
    let sources = sources();
    assert!(sources.len() > 50, "the sources are found");
    let known =
        |path: &str| matches!(path, "lib.rs" | "main.rs") || rank(path.split(['/', '.']).next().unwrap()).is_some();
    let unknown: Vec<&String> = sources.iter().map(|(path, _)| path).filter(|path| !known(path)).collect();
    assert!(unknown.is_empty(), "give these a place in ORDER: {unknown:?}");
    let files = sources.iter().filter(|(path, _)| !matches!(path.as_str(), "lib.rs" | "main.rs"));
    let wrong: Vec<String> = files.flat_map(|(path, text)| wrong(path, text)).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Returns the kinds that a file outside `kinds` names: `"sqs.queue"`, or the module of a kind.
fn named_kinds(text: &str) -> Vec<String> {
    let names = kinds::REGISTRY.iter().map(|kind| format!("\"{}\"", kind.name())).filter(|name| text.contains(name));
    let modules = Regex::new(r"\bkinds::(\w+)").unwrap();
    let modules = modules.captures_iter(text).map(|found| found[1].to_owned()).filter(|module| is_kind_file(module));
    names.chain(modules).collect()
}

#[test]
fn general_code_knows_no_kind_by_name() {
    let general =
        |path: &str| !["kinds/", "spec/sections/", "codes/"].iter().any(|of_kinds| path.starts_with(of_kinds));
    let sources = sources();
    let naming: Vec<(&str, Vec<String>)> = sources
        .iter()
        .filter(|(path, _)| general(path))
        .map(|(path, text)| (path.as_str(), named_kinds(text)))
        .filter(|(_, kinds)| !kinds.is_empty())
        .collect();
    let excused = |path: &str| NAME_KINDS.iter().any(|(excused, _)| *excused == path);
    let unexcused: Vec<_> = naming.iter().filter(|(path, _)| !excused(path)).collect();
    assert!(unexcused.is_empty(), "ask kind.about() for a fact instead of its name: {unexcused:#?}");
    let needless: Vec<_> =
        NAME_KINDS.iter().filter(|(excused, _)| !naming.iter().any(|(path, _)| path == excused)).collect();
    assert!(needless.is_empty(), "these name no kind any more: {needless:#?}");
}

#[test]
fn a_kind_that_is_named_is_found() {
    assert_eq!(named_kinds(r#"if kind == "sqs.queue" {}"#), [r#""sqs.queue""#]);
    assert_eq!(named_kinds("use crate::kinds::sqs_queue::Queue;"), ["sqs_queue"]);
    assert!(named_kinds("use crate::kinds::{self, Rule}; kinds::find(name)").is_empty());
}

#[test]
fn an_import_against_the_direction_is_found() {
    assert_eq!(wrong("plan/diff.rs", "use crate::report::json;"), ["plan/diff.rs imports crate::report::json"]);
    assert_eq!(wrong("kinds/sqs_queue.rs", "crate::kinds::sns_topic::X").len(), 1);
    assert_eq!(wrong("local/mod.rs", "use crate::aws::Aws;").len(), 1);
    assert!(wrong("local/mod.rs", "use crate::files::write;").is_empty());
    assert_eq!(wrong("spec/mod.rs", "use crate::state::Store;").len(), 1);
    assert_eq!(wrong("cli/mod.rs", "use crate::{plan, report};").len(), 1, "groups hide what is imported");
    assert!(wrong("cli/mod.rs", "use crate::report::json; use crate::plan::Plan;").is_empty());
    assert!(wrong("kinds/sqs_queue.rs", "use crate::kinds::{Kind, Rule}; crate::kinds::any::X").is_empty());
}
