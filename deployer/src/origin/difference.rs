//! The differences between the origins of two codes.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{MARK, WholeOrigin, tree};

/// Why a function's code differs from the code in AWS.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CodeChange {
    /// The reason why the origin of the code in AWS is not known; the lists are empty then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unknown: Option<UnknownOrigin>,
    /// The source files that differ. A name that ends in `/` stands for all files below that directory.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<FileChange>,
    /// The crates that have other versions in `Cargo.lock`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub crates: Vec<ValueChange>,
    /// Profile, features, toolchain, flags and the like.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub settings: Vec<ValueChange>,
    /// Variables that the build reads and whose values are not recorded, so that they may differ.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub unrecorded: BTreeSet<String>,
}

/// Why the origin of the code in AWS is not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum UnknownOrigin {
    /// The apply that uploaded the code recorded no origin. The next apply records it.
    NotRecorded,
    /// AWS has other code than the last apply recorded: after a rollback, an interrupted run, or by other hands.
    OtherCode,
}

/// One file that differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FileChange {
    /// The path, relative to the workspace.
    pub name: String,
    pub edit: FileEdit,
}

/// How a file differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FileEdit {
    Changed,
    Added,
    Removed,
}

/// One crate or setting that differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ValueChange {
    pub name: String,
    /// The former value; null without one.
    pub from: Option<String>,
    /// The new value; null without one.
    pub to: Option<String>,
}

impl ValueChange {
    /// Tells whether only digests of the values are recorded.
    pub fn is_hidden(&self) -> bool {
        [&self.from, &self.to].into_iter().flatten().any(|value| value.starts_with(MARK))
    }
}

impl CodeChange {
    /// The change of code whose origin is not known.
    pub fn unknown(why: UnknownOrigin) -> Self {
        Self { unknown: Some(why), ..Self::default() }
    }

    /// Compares the origins of two codes.
    pub fn between(before: &WholeOrigin, after: &WholeOrigin) -> Self {
        let (files_before, files_after) = tree::aligned(&before.origin.files, &after.origin.files);
        let mut files: Vec<FileChange> = values(&files_before, &files_after)
            .into_iter()
            .map(|change| FileChange {
                edit: match (change.from, change.to) {
                    (None, _) => FileEdit::Added,
                    (_, None) => FileEdit::Removed,
                    _ => FileEdit::Changed,
                },
                name: change.name,
            })
            .collect();
        files.sort_by(|a, b| (a.edit, &a.name).cmp(&(b.edit, &b.name)));
        Self {
            unknown: None,
            files,
            crates: values(&before.crate_list, &after.crate_list),
            settings: values(&before.origin.settings, &after.origin.settings),
            unrecorded: before.origin.unrecorded.union(&after.origin.unrecorded).cloned().collect(),
        }
    }

    /// Tells whether nothing that is recorded differs.
    pub fn is_empty(&self) -> bool {
        self.files.is_empty() && self.crates.is_empty() && self.settings.is_empty()
    }

    /// Applies `to` to each text.
    #[must_use]
    pub fn map_texts(self, to: &dyn Fn(&str) -> String) -> Self {
        let value = |change: ValueChange| ValueChange {
            name: to(&change.name),
            from: change.from.as_deref().map(to),
            to: change.to.as_deref().map(to),
        };
        Self {
            unknown: self.unknown,
            files: self.files.into_iter().map(|file| FileChange { name: to(&file.name), ..file }).collect(),
            crates: self.crates.into_iter().map(value).collect(),
            settings: self.settings.into_iter().map(value).collect(),
            unrecorded: self.unrecorded.iter().map(|name| to(name)).collect(),
        }
    }
}

fn values(before: &BTreeMap<String, String>, after: &BTreeMap<String, String>) -> Vec<ValueChange> {
    let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let change = |name: &String| {
        let (from, to) = (before.get(name).cloned(), after.get(name).cloned());
        (from != to).then(|| ValueChange { name: name.clone(), from, to })
    };
    names.into_iter().filter_map(change).collect()
}

#[cfg(test)]
mod tests {
    use super::super::{OriginParts, digest};
    use super::*;

    fn origin(files: &[(&str, &str)], crates: &[(&str, &str)]) -> OriginParts {
        let pairs = |list: &[(&str, &str)]| list.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect();
        OriginParts { files: pairs(files), crates: pairs(crates), ..OriginParts::default() }
    }

    #[test]
    fn files_crates_and_settings_are_compared_one_by_one() {
        let mut before =
            origin(&[("a.rs", "1"), ("b.rs", "1"), ("c.rs", "1")], &[("serde", "1.0.1"), ("syn", "2.0.0")]);
        let mut after =
            origin(&[("a.rs", "1"), ("b.rs", "2"), ("d.rs", "1")], &[("serde", "1.0.2"), ("quote", "1.0.0")]);
        before.set("profile", "release");
        after.set("profile", "lambda");
        after.set_hidden("CFLAGS", b"-O2");
        let change = CodeChange::between(&before.finish(), &after.finish());
        let files: Vec<_> = change.files.iter().map(|file| (file.name.as_str(), file.edit)).collect();
        assert_eq!(files, [("b.rs", FileEdit::Changed), ("d.rs", FileEdit::Added), ("c.rs", FileEdit::Removed)]);
        let text = |change: &ValueChange| {
            let side = |value: &Option<String>| value.clone().unwrap_or_default();
            format!("{} {}>{}", change.name, side(&change.from), side(&change.to))
        };
        assert_eq!(
            change.crates.iter().map(text).collect::<Vec<_>>(),
            ["quote >1.0.0", "serde 1.0.1>1.0.2", "syn 2.0.0>"]
        );
        assert_eq!(change.settings[1].name, "profile");
        assert!(change.settings[0].is_hidden() && !change.settings[1].is_hidden());
    }

    #[test]
    fn equal_origins_have_no_change_and_a_long_value_is_kept_as_its_digest() {
        let mut parts = origin(&[("a.rs", "1")], &[]);
        parts.set("flags", "x".repeat(500));
        let whole = parts.finish();
        let text = serde_json::to_string(&whole).unwrap();
        assert!(text.len() < 200 && text.contains(&digest("x".repeat(500).as_bytes())), "{text}");
        assert!(CodeChange::between(&whole, &whole).is_empty());
    }
}
