//! Reads the versions of a package's crates from `Cargo.lock`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use toml::{Table, Value};

use crate::origin::{CrateList, digest};

/// The source of most crates, which needs no mention.
const USUAL: &[&str] = &["registry+https://github.com/rust-lang/crates.io-index", "sparse+https://index.crates.io/"];
/// Characters of a git revision or of a registry's digest.
const SHORT: usize = 8;

/// One package of the lock file.
struct Locked<'t> {
    name: &'t str,
    version: &'t str,
    source: Option<&'t str>,
    /// `NAME`, `NAME VERSION` or `NAME VERSION (SOURCE)`.
    dependencies: Vec<&'t str>,
}

/// Lists the crates that `package` depends on, also indirectly, without those of the workspace. Features are not
/// considered, so some of them may not be built. Empty if the file cannot be read.
pub(super) fn crates_of(lock: &Path, package: &str) -> CrateList {
    let text = std::fs::read_to_string(lock).unwrap_or_default();
    let table: Table = text.parse().unwrap_or_default();
    let all = table.get("package").and_then(Value::as_array);
    let all: Vec<Locked<'_>> = all.into_iter().flatten().filter_map(locked).collect();
    let mut by_name: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (index, one) in all.iter().enumerate() {
        by_name.entry(one.name).or_default().push(index);
    }
    let named = |text: &str| -> Vec<usize> {
        let mut words = text.split(' ');
        let (name, version) = (words.next().unwrap_or_default(), words.next());
        let same = by_name.get(name).into_iter().flatten().copied();
        same.filter(|index| version.is_none_or(|version| all[*index].version == version)).collect()
    };
    let is_own = |index: &usize| all[*index].source.is_none();
    let mut waiting: Vec<usize> = named(package).into_iter().filter(is_own).collect();
    let mut found = BTreeSet::new();
    while let Some(index) = waiting.pop() {
        if found.insert(index) {
            waiting.extend(all[index].dependencies.iter().flat_map(|name| named(name)));
        }
    }
    let mut versions: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for one in found.iter().map(|index| &all[*index]) {
        if let Some(source) = one.source {
            versions.entry(one.name.to_owned()).or_default().insert(version(one.version, source));
        }
    }
    versions.into_iter().map(|(name, all)| (name, all.into_iter().collect::<Vec<_>>().join(" and "))).collect()
}

fn locked(package: &Value) -> Option<Locked<'_>> {
    let text = |name: &str| package.get(name)?.as_str();
    let dependencies = package.get("dependencies").and_then(Value::as_array).into_iter().flatten();
    Some(Locked {
        name: text("name")?,
        version: text("version")?,
        source: text("source"),
        dependencies: dependencies.filter_map(Value::as_str).collect(),
    })
}

/// Returns a version, with the git revision or a digest of the registry if it is not crates.io's. An address may hold
/// a password, so it is not shown.
fn version(version: &str, source: &str) -> String {
    if USUAL.contains(&source) {
        return version.to_owned();
    }
    let cut = |text: &str| text.chars().take(SHORT).collect::<String>();
    match source.strip_prefix("git+").and_then(|git| git.rsplit_once('#')) {
        Some((_, revision)) => format!("{version} (git {})", cut(revision)),
        None => format!("{version} (registry {})", cut(&digest(source.as_bytes()))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOCK: &str = r#"
version = 4
[[package]]
name = "api"
version = "0.1.0"
dependencies = ["shared", "serde 1.0.1"]
[[package]]
name = "worker"
version = "0.1.0"
dependencies = ["tokio"]
[[package]]
name = "shared"
version = "0.1.0"
dependencies = ["own", "patched"]
[[package]]
name = "serde"
version = "1.0.1"
source = "registry+https://github.com/rust-lang/crates.io-index"
dependencies = ["serde 0.9.0"]
[[package]]
name = "serde"
version = "0.9.0"
source = "registry+https://github.com/rust-lang/crates.io-index"
[[package]]
name = "tokio"
version = "1.40.0"
source = "registry+https://github.com/rust-lang/crates.io-index"
[[package]]
name = "patched"
version = "2.0.0"
source = "git+https://user:word@example.com/patched?branch=main#0123456789abcdef"
[[package]]
name = "own"
version = "3.0.0"
source = "sparse+https://user:word@crates.example.com/"
"#;

    #[test]
    fn a_package_has_its_own_crates_with_their_versions_and_no_address() {
        let dir = tempfile::tempdir().unwrap();
        let lock = dir.path().join("Cargo.lock");
        std::fs::write(&lock, LOCK).unwrap();
        let shown = |package: &str| -> Vec<String> {
            crates_of(&lock, package).into_iter().map(|(name, version)| format!("{name} {version}")).collect()
        };
        assert_eq!(shown("worker"), ["tokio 1.40.0"]);
        let api = shown("api");
        assert_eq!(api[1..], ["patched 2.0.0 (git 01234567)", "serde 0.9.0 and 1.0.1"]);
        assert!(api[0].starts_with("own 3.0.0 (registry ") && !api.concat().contains("word"), "{api:?}");
        assert!(crates_of(&dir.path().join("none"), "api").is_empty());
    }
}
