//! Collects the origin of code that was packaged: names and digests of all that went into it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Component, Path, PathBuf};

use serde_json::Value as Json;
use toml::{Table, Value};

use super::config::Config;
use super::environment::BuildEnvironment;
use super::job::{Builder, BuiltExecutable, Job};
use super::lock::crates_of;
use crate::origin::{OriginParts, WholeOrigin, digest};

/// Files that direct cargo and rustup, besides manifests.
const DIRECTING: &[&str] = &[".cargo/config.toml", ".cargo/config", "rust-toolchain.toml", "rust-toolchain"];
/// Variables that every build gets with the same value.
const FIXED: &[&str] = &["CARGO_INCREMENTAL", "CARGO_TERM_COLOR"];
/// The most profiles that inherit from each other.
const INHERITED: usize = 8;
/// The file in which cargo keeps what rustc reported about itself.
const RUSTC: &str = ".rustc_info.json";

/// The files of a build, as its dep-info lists them, and their manifests.
pub(super) struct BuildFiles<'a> {
    pub sources: &'a [PathBuf],
    pub manifests: &'a BTreeSet<PathBuf>,
}

/// Returns the origin of a binary that cargo built.
pub(super) fn of_build(
    job: &Job,
    made: &BuiltExecutable,
    files: &BuildFiles<'_>,
    environment: &BuildEnvironment,
) -> WholeOrigin {
    let root = job.workspace.manifest.parent().unwrap_or(&job.workspace.directory);
    let output = made.path.parent().unwrap_or(&made.path);
    let mut parts = OriginParts { crates: crates_of(&root.join("Cargo.lock"), &job.package), ..OriginParts::default() };
    let own_target = job.workspace.store.parent();
    let is_generated =
        |path: &Path| path.starts_with(output) || own_target.is_some_and(|target| path.starts_with(target));
    let mut generated = Vec::new();
    let beside = files.manifests.iter().map(|manifest| manifest.with_file_name("build.rs"));
    let listed = files.sources.iter().map(|source| root.join(source)).chain(files.manifests.iter().cloned());
    let directing = job.workspace.directory.ancestors().flat_map(|at| DIRECTING.iter().map(|name| at.join(name)));
    let workspace = [job.workspace.manifest.clone()];
    for path in listed.chain(beside).chain(directing).chain(workspace) {
        let Ok(bytes) = fs::read(&path) else { continue };
        if is_generated(&path) {
            generated.push(digest(&bytes));
        } else {
            parts.files.insert(name_in(root, &path), digest(&bytes));
        }
    }
    if !generated.is_empty() {
        generated.sort();
        parts.set_hidden("generated files", generated.concat().as_bytes());
    }
    settings(&mut parts, job, made, environment);
    parts.finish()
}

/// Returns the origin of a file that was built elsewhere.
pub(super) fn of_file(root: &Path, path: &Path, bytes_digest: &str) -> WholeOrigin {
    let files = BTreeMap::from([(name_in(root, path), bytes_digest.to_owned())]);
    OriginParts { files, ..OriginParts::default() }.finish()
}

/// Returns the origin of a ready zip: the files in it.
pub(super) fn of_zip(entries: BTreeMap<String, String>) -> WholeOrigin {
    OriginParts { files: entries, ..OriginParts::default() }.finish()
}

fn settings(parts: &mut OriginParts, job: &Job, made: &BuiltExecutable, environment: &BuildEnvironment) {
    parts.set("profile", &job.profile);
    for (name, value) in profile(&job.workspace.manifest, &job.profile) {
        parts.set(format!("profile.{name}"), value);
    }
    if !job.features.is_empty() {
        parts.set("features", job.features.iter().cloned().collect::<Vec<_>>().join(", "));
    }
    parts.set("target", job.platform.architecture.triple());
    parts.set(
        "built by",
        match made.builder {
            Builder::Cargo => "cargo",
            Builder::Zigbuild => "cargo-zigbuild",
            Builder::Lambda => "cargo-lambda",
        },
    );
    if let Some(version) = toolchain(&made.path) {
        parts.set("toolchain", version);
    }
    let config = Config::of(&job.workspace.directory, environment);
    let flags = config.rustflags(job.platform.architecture, made.builder != Builder::Cargo, environment);
    if !flags.is_empty() {
        parts.set("flags of rustc", flags.into_iter().map(|flag| flag.text).collect::<Vec<_>>().join(" "));
    }
    let mut known = BTreeSet::new();
    for (name, value) in environment.changing_output() {
        let name = name.to_string_lossy().into_owned();
        if FIXED.contains(&name.as_str()) {
            continue;
        }
        parts.set_hidden(format!("${name}"), value.as_encoded_bytes());
        known.insert(name);
    }
    // A variable of any other name may hold a value that nobody should be able to guess from a digest.
    let is_set = |name: &&String| environment.get(name).is_some();
    parts.unrecorded = made.variables.iter().filter(|name| !known.contains(*name)).filter(is_set).cloned().collect();
}

/// Returns rustc's version as cargo recorded it in the target directory.
fn toolchain(executable: &Path) -> Option<String> {
    let text = executable.ancestors().skip(1).find_map(|at| fs::read(at.join(RUSTC)).ok())?;
    let info: Json = serde_json::from_slice(&text).ok()?;
    let outputs = info.get("outputs")?.as_object()?.values().filter_map(|output| output.get("stdout")?.as_str());
    let version = outputs.flat_map(str::lines).find(|line| line.starts_with("rustc "))?;
    Some(version.trim_start_matches("rustc ").to_owned())
}

/// Returns the settings of a profile and of the profiles that it inherits from, in the workspace's manifest.
fn profile(manifest: &Path, name: &str) -> BTreeMap<String, String> {
    let text = fs::read_to_string(manifest).unwrap_or_default();
    let table: Table = text.parse().unwrap_or_default();
    let (mut found, mut name) = (BTreeMap::new(), name.to_owned());
    for _ in 0..INHERITED {
        let Some(own) = table.get("profile").and_then(|all| all.get(&name)).and_then(Value::as_table) else { break };
        let mut flat = BTreeMap::new();
        flatten("", own, &mut flat);
        for (key, value) in flat {
            found.entry(key).or_insert(value);
        }
        match own.get("inherits").and_then(Value::as_str) {
            Some(parent) => parent.clone_into(&mut name),
            None => break,
        }
    }
    found.remove("inherits");
    found
}

fn flatten(path: &str, table: &Table, found: &mut BTreeMap<String, String>) {
    for (name, value) in table {
        let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        match value {
            Value::Table(inner) => flatten(&path, inner, found),
            Value::String(text) => drop(found.insert(path, text.clone())),
            Value::Boolean(is_on) => drop(found.insert(path, is_on.to_string())),
            Value::Integer(number) => drop(found.insert(path, number.to_string())),
            // Other forms occur in no setting of a profile but lists of flags.
            other => drop(found.insert(path, format!("{other:?}"))),
        }
    }
}

/// Returns a file's name relative to `root`, also above it, so that no user's directory is recorded.
fn name_in(root: &Path, path: &Path) -> String {
    let parts = |path: &Path| -> Vec<String> {
        let shown = |part: Component<'_>| part.as_os_str().to_string_lossy().into_owned();
        path.components().filter(|part| *part != Component::CurDir).map(shown).collect()
    };
    let (from, to) = (parts(root), parts(path));
    let common = from.iter().zip(&to).take_while(|(a, b)| a == b).count();
    let up = std::iter::repeat_n("..", from.len() - common);
    up.chain(to[common..].iter().map(String::as_str)).collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_named_from_the_workspace() {
        for (path, expected) in
            [("/w/a/src/main.rs", "a/src/main.rs"), ("/shared/x.rs", "../shared/x.rs"), ("/w/Cargo.toml", "Cargo.toml")]
        {
            assert_eq!(name_in(Path::new("/w"), Path::new(path)), expected);
        }
    }

    #[test]
    fn a_profile_has_the_settings_that_it_inherits() {
        let dir = tempfile::tempdir().unwrap();
        let manifest = dir.path().join("Cargo.toml");
        let text = "[profile.release]\nlto = true\nopt-level = 3\n[profile.lambda]\ninherits = \"release\"\nopt-level = \"s\"\n[profile.lambda.package.sha2]\nopt-level = 3\n";
        fs::write(&manifest, text).unwrap();
        let found: Vec<String> =
            profile(&manifest, "lambda").into_iter().map(|(name, value)| format!("{name}={value}")).collect();
        assert_eq!(found, ["lto=true", "opt-level=s", "package.sha2.opt-level=3"]);
    }

    #[test]
    fn the_toolchain_is_the_one_that_cargo_recorded() {
        let dir = tempfile::tempdir().unwrap();
        let info = serde_json::json!({ "outputs": { "1": { "stdout": "___\nlib.rlib" }, "2": { "stdout": "rustc 1.91.0 (f8297e351 2025-10-28)\nhost: x\n" } } });
        fs::write(dir.path().join(RUSTC), info.to_string()).unwrap();
        let found = toolchain(&dir.path().join("release/worker"));
        assert_eq!(found.as_deref(), Some("1.91.0 (f8297e351 2025-10-28)"));
    }
}
