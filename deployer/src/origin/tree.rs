//! Digests of directories, so that a record of many files stays small.
//!
//! The digest of a directory follows from the names and digests directly in it, so it is the same whether its
//! directories were recorded file by file or as a whole.

use std::collections::BTreeMap;

use super::digest;

/// Stands for all files of the workspace.
const WHOLE: &str = "./";

type Files = BTreeMap<String, String>;

/// Records the deepest directories as a whole until at most `most` entries remain.
pub(super) fn bounded(mut files: Files, most: usize) -> Files {
    while files.len() > most {
        let Some(deepest) = files.keys().filter(|name| *name != WHOLE).map(|name| depth(name)).max() else { break };
        let within: Option<String> = files.keys().find(|name| depth(name) == deepest).map(|name| parent(name));
        let Some(directory) = within else { break };
        roll_up(&mut files, &directory);
    }
    files
}

/// Brings both records to the same form: where one has a directory as a whole, so has the other.
pub(super) fn aligned(before: &Files, after: &Files) -> (Files, Files) {
    (as_coarse_as(before, after), as_coarse_as(after, before))
}

fn as_coarse_as(fine: &Files, coarse: &Files) -> Files {
    let mut files = fine.clone();
    for directory in coarse.keys().filter(|name| name.ends_with('/') && !fine.contains_key(*name)) {
        if files.keys().any(|name| name.starts_with(beginning(directory))) {
            roll_up(&mut files, directory);
        }
    }
    files
}

/// Replaces the entries below a directory by one for all of it.
fn roll_up(files: &mut Files, directory: &str) {
    let whole = digest_below(files, beginning(directory));
    files.retain(|name, _| !name.starts_with(beginning(directory)));
    files.insert(directory.to_owned(), whole);
}

fn digest_below(files: &Files, beginning: &str) -> String {
    let mut inside = Files::new();
    for (name, own) in files.iter().filter(|(name, _)| name.starts_with(beginning) && *name != WHOLE) {
        let rest = &name[beginning.len()..];
        match rest.split_once('/') {
            Some((directory, below)) if !below.is_empty() => {
                let directory = format!("{directory}/");
                let below = format!("{beginning}{directory}");
                inside.entry(directory).or_insert_with(|| digest_below(files, &below));
            }
            _ => {
                inside.insert(rest.to_owned(), own.clone());
            }
        }
    }
    let lines: String = inside.iter().map(|(name, digest)| format!("{digest} {name}\n")).collect();
    digest(lines.as_bytes())
}

/// Returns the beginning that the names below a directory have in common.
fn beginning(directory: &str) -> &str {
    if directory == WHOLE { "" } else { directory }
}

fn depth(name: &str) -> usize {
    name.trim_end_matches('/').matches('/').count()
}

fn parent(name: &str) -> String {
    let name = name.trim_end_matches('/');
    name.rsplit_once('/').map_or_else(|| WHOLE.to_owned(), |(parent, _)| format!("{parent}/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(names: &[&str]) -> Files {
        names.iter().map(|name| ((*name).to_owned(), digest(name.as_bytes()))).collect()
    }

    const NAMES: &[&str] = &["Cargo.toml", "a/4.rs", "a/b/3.rs", "a/b/c/1.rs", "a/b/c/2.rs", "d/5.rs"];

    #[test]
    fn the_deepest_directories_are_recorded_as_a_whole_until_the_rest_is_few() {
        let names = |most| bounded(files(NAMES), most).into_keys().collect::<Vec<_>>();
        assert_eq!(names(6), NAMES);
        assert_eq!(names(5), ["Cargo.toml", "a/4.rs", "a/b/3.rs", "a/b/c/", "d/5.rs"]);
        assert_eq!(names(4), ["Cargo.toml", "a/4.rs", "a/b/", "d/5.rs"]);
        assert_eq!(names(3), ["Cargo.toml", "a/", "d/5.rs"]);
        assert_eq!(names(1), ["./"]);
    }

    #[test]
    fn records_of_one_tree_are_equal_however_coarse_each_is() {
        for (one, other) in [(6, 5), (5, 4), (6, 4), (6, 1), (4, 1)] {
            let (before, after) = aligned(&bounded(files(NAMES), one), &bounded(files(NAMES), other));
            assert_eq!(before, after, "{one} and {other}");
        }
    }

    #[test]
    fn a_change_deep_below_changes_the_digest_of_each_directory_above() {
        let mut edited = files(NAMES);
        edited.insert("a/b/c/1.rs".to_owned(), digest(b"edited"));
        for most in [5, 4, 1] {
            assert_ne!(bounded(files(NAMES), most), bounded(edited.clone(), most), "{most}");
        }
    }
}
