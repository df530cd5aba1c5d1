//! Finds circles of files: files of a module that import each other. A file and those in its directory count as one
//! another's parts and not as a circle.

use std::collections::{BTreeMap, BTreeSet};

use regex_lite::Regex;

use super::sources;

/// Circles that remain, by the first of their files, with the reason.
const ALLOWED: &[(&str, &str)] = &[
    ("aws/apigateway/route", "a route is read with the tree of resources that it stands in"),
    ("spec/blame", "elements and the document that holds them are one mechanism"),
    ("state/lock", "the store, its lock and its places are one mechanism"),
];

type Path = Vec<String>;

/// Lists the paths that a `use` names, such as `super::run::Run` for `super::run::{Run, self}`.
fn list_paths(prefix: &[String], tree: &str) -> Vec<Path> {
    let tree = tree.trim();
    if let Some(inner) = tree.strip_prefix('{').and_then(|tree| tree.strip_suffix('}')) {
        let (mut depth, mut start, mut paths) = (0, 0, Vec::new());
        for (at, letter) in inner.char_indices().chain([(inner.len(), ',')]) {
            match letter {
                '{' => depth += 1,
                '}' => depth -= 1,
                ',' if depth == 0 => {
                    let one = inner[start..at].trim();
                    if !one.is_empty() {
                        paths.extend(list_paths(prefix, one));
                    }
                    start = at + 1;
                }
                _ => {}
            }
        }
        return paths;
    }
    let (word, rest) = tree.split_once("::").unwrap_or((tree, ""));
    let path: Path = prefix.iter().cloned().chain([word.trim().to_owned()]).collect();
    if rest.is_empty() { vec![path] } else { list_paths(&path, rest) }
}

/// Returns the module of a file: `["plan", "planner"]` for `plan/planner.rs`.
fn module(file: &str) -> Path {
    let file = file.trim_end_matches(".rs").trim_end_matches("/mod");
    file.split('/').map(str::to_owned).collect()
}

/// Returns the modules that `text`, the source of `own`, imports by `use`.
fn list_imports(own: &Path, text: &str, modules: &BTreeSet<Path>) -> BTreeSet<Path> {
    let uses = Regex::new(r"(?m)^\s*(?:pub(?:\([\w ]+\))? )?use ((?:crate|super|self)::[^;]+);").unwrap();
    let paths = uses.captures_iter(text).flat_map(|found| list_paths(&[], &found[1]));
    let whole = |path: Path| {
        let up = path.iter().take_while(|word| *word == "super").count();
        let base = match path[0].as_str() {
            "crate" => &[][..],
            "self" => &own[..],
            _ => &own[..own.len() - up],
        };
        let rest = if up == 0 { &path[1..] } else { &path[up..] };
        base.iter().chain(rest).cloned().collect::<Path>()
    };
    let module =
        |path: Path| (1..=path.len()).rev().map(|end| path[..end].to_vec()).find(|path| modules.contains(path));
    let relative = |other: &Path| own.starts_with(other) || other.starts_with(own);
    paths.map(whole).filter_map(module).filter(|other| !relative(other)).collect()
}

/// Lists the circles, each as its sorted modules.
fn circles(sources: &[(String, String)]) -> Vec<Vec<String>> {
    let modules: BTreeSet<Path> = sources.iter().map(|(file, _)| module(file)).collect();
    let imports: BTreeMap<Path, BTreeSet<Path>> =
        sources.iter().map(|(file, text)| (module(file), list_imports(&module(file), text, &modules))).collect();
    let reached = |from: &Path| {
        let (mut open, mut found) = (vec![from.clone()], BTreeSet::new());
        while let Some(next) = open.pop() {
            open.extend(imports[&next].iter().filter(|path| found.insert((*path).clone())).cloned());
        }
        found
    };
    let reach: BTreeMap<&Path, BTreeSet<Path>> = imports.keys().map(|path| (path, reached(path))).collect();
    let circle = |path: &Path| {
        reach[path].iter().filter(|other| reach[*other].contains(path)).map(|other| other.join("/")).collect::<Vec<_>>()
    };
    let found: BTreeSet<Vec<String>> = imports.keys().map(circle).filter(|circle| !circle.is_empty()).collect();
    found.into_iter().collect()
}

#[test]
fn files_of_a_module_import_each_other_one_way() {
    let found = circles(&sources());
    let allowed = |circle: &Vec<String>| ALLOWED.iter().any(|(first, _)| circle[0] == *first);
    let new: Vec<_> = found.iter().filter(|circle| !allowed(circle)).collect();
    assert!(new.is_empty(), "move what both need into a file of its own: {new:#?}");
    let gone: Vec<_> = ALLOWED.iter().filter(|(first, _)| !found.iter().any(|circle| circle[0] == *first)).collect();
    assert!(gone.is_empty(), "these are no circles any more: {gone:#?}");
}

#[test]
fn a_circle_is_found_through_groups_and_other_files() {
    let file = |name: &str, text: &str| (name.to_owned(), text.to_owned());
    let sources = [
        file("plan/mod.rs", "use self::a::X;"),
        file("plan/a.rs", "use super::{Plan, b::{self, Y}};"),
        file("plan/b.rs", "use crate::plan::c::Z;\nuse super::Plan;"),
        file("plan/c.rs", "pub use super::a;"),
        file("plan/d.rs", "use super::a::X;"),
    ];
    assert_eq!(circles(&sources), [["plan/a", "plan/b", "plan/c"]]);
}
