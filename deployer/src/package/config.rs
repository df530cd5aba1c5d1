//! Reads the part of cargo's configuration that decides rustc's flags.
//!
//! The files and their order are cargo's (<https://doc.rust-lang.org/cargo/reference/config.html>): files nearer to the
//! working directory come later, and rustc uses the last of repeated flags. Unreadable files are skipped: cargo names
//! them when it builds.

use std::path::{Path, PathBuf};

use cargo_platform::{Cfg, CfgExpr};
use toml::{Table, Value};

use super::Architecture;
use super::environment::BuildEnvironment;

/// A word of a command line, and its origin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Flag {
    pub text: String,
    /// A file's path, or a variable's name.
    pub place: String,
}

/// The configuration files that apply in one directory, in ascending priority.
#[derive(Debug, Default)]
pub(super) struct Config {
    files: Vec<(PathBuf, Table)>,
}

/// Maximum depth of nested `include`s, and of profiles that inherit.
const DEPTH: usize = 8;

impl Config {
    /// Reads the files that cargo reads when started in `directory`.
    pub fn of(directory: &Path, environment: &BuildEnvironment) -> Self {
        let above: Vec<PathBuf> = directory.ancestors().map(|ancestor| ancestor.join(".cargo")).collect();
        let mut config = Self::default();
        for place in environment.cargo_home().into_iter().chain(above.into_iter().rev()) {
            let file = ["config", "config.toml"].map(|name| place.join(name)).into_iter().find(|file| file.is_file());
            if let Some(file) = file.filter(|file| config.files.iter().all(|(known, _)| known != file)) {
                config.add(&file, DEPTH);
            }
        }
        config
    }

    /// Lists all files that were read, so that stamps can depend on them.
    pub fn paths(&self) -> impl Iterator<Item = &Path> {
        self.files.iter().map(|(path, _)| path.as_path())
    }

    fn add(&mut self, file: &Path, depth: usize) {
        let text = std::fs::read_to_string(file).unwrap_or_default();
        let table: Table = text.parse().unwrap_or_default();
        let included = table.get("include").map(included_paths).unwrap_or_default();
        for path in included.into_iter().filter(|_| depth > 0) {
            self.add(&file.with_file_name(path), depth - 1);
        }
        self.files.push((file.to_owned(), table));
    }

    /// Returns rustc's flags for the function's own code, from the first of cargo's sources that has any.
    pub fn rustflags(&self, architecture: Architecture, cross: bool, environment: &BuildEnvironment) -> Vec<Flag> {
        for (variable, separator) in [("CARGO_ENCODED_RUSTFLAGS", '\u{1f}'), ("RUSTFLAGS", ' ')] {
            // An empty value replaces the files' flags, too.
            if let Some(value) = environment.get_or_empty(variable) {
                return split(&value.to_string_lossy(), separator, variable);
            }
        }
        let triple = if cross { architecture.triple().to_owned() } else { self.target(architecture, environment) };
        let mut flags = self.list(&["target", &triple, "rustflags"]);
        flags.extend(from_variable("CARGO_TARGET_", &format!("{triple}_RUSTFLAGS"), environment));
        flags.extend(self.of_conditions(&triple));
        if flags.is_empty() {
            flags = self.list(&["build", "rustflags"]);
            flags.extend(from_variable("CARGO_BUILD_", "RUSTFLAGS", environment));
        }
        flags
    }

    /// Returns the flags of a profile and of the profiles that it inherits from. Only nightly cargo accepts them.
    pub fn profile_flags(&self, profile: &str, manifest: &Path) -> Vec<Flag> {
        let text = std::fs::read_to_string(manifest).unwrap_or_default();
        let own = Self { files: vec![(manifest.to_owned(), text.parse().unwrap_or_default())] };
        let (mut flags, mut name) = (Vec::new(), profile.to_owned());
        for _ in 0..DEPTH {
            flags.splice(0..0, self.list(&["profile", &name, "rustflags"]));
            flags.splice(0..0, own.list(&["profile", &name, "rustflags"]));
            let inherits = |config: &Self| config.last(&["profile", &name, "inherits"]);
            match inherits(self).or_else(|| inherits(&own)) {
                Some(parent) => name = parent,
                None => break,
            }
        }
        flags
    }

    /// Returns the variables that `[env]` sets for compilers.
    pub fn variables(&self) -> Vec<(String, Flag)> {
        let mut found = Vec::new();
        for (path, table) in &self.files {
            let set = table.get("env").and_then(Value::as_table);
            for (name, value) in set.into_iter().flatten() {
                let text = value.as_str().or_else(|| value.get("value").and_then(Value::as_str));
                let flag = text.map(|text| Flag { text: text.to_owned(), place: path.display().to_string() });
                found.extend(flag.map(|flag| (name.clone(), flag)));
            }
        }
        found
    }

    /// Returns the target that plain cargo builds for.
    fn target(&self, architecture: Architecture, environment: &BuildEnvironment) -> String {
        let variable = environment.get("CARGO_BUILD_TARGET").map(|value| value.to_string_lossy().into_owned());
        variable.or_else(|| self.last(&["build", "target"])).unwrap_or_else(|| architecture.triple().to_owned())
    }

    /// Returns the flags of each `[target.'cfg(…)']` whose condition holds.
    fn of_conditions(&self, triple: &str) -> Vec<Flag> {
        let mut flags = Vec::new();
        for (path, table) in &self.files {
            let targets = table.get("target").and_then(Value::as_table);
            for (key, value) in targets.into_iter().flatten().filter(|(key, _)| key.starts_with("cfg(")) {
                if CfgExpr::matches_key(key, &facts(triple)) {
                    flags.extend(value.get("rustflags").map(|list| words(list, path)).unwrap_or_default());
                }
            }
        }
        flags
    }

    fn list(&self, keys: &[&str]) -> Vec<Flag> {
        let lists = self.files.iter().filter_map(|(path, table)| Some(words(at(table, keys)?, path)));
        lists.flatten().collect()
    }

    /// Returns the text in the file with the highest priority, or the first text of a list there.
    fn last(&self, keys: &[&str]) -> Option<String> {
        let value = self.files.iter().rev().find_map(|(_, table)| at(table, keys))?;
        let first = value.as_array().and_then(|list| list.first()).unwrap_or(value);
        first.as_str().map(str::to_owned)
    }
}

fn at<'a>(table: &'a Table, keys: &[&str]) -> Option<&'a Value> {
    let (first, rest) = keys.split_first()?;
    rest.iter().try_fold(table.get(*first)?, |value, key| value.get(*key))
}

/// Reads flags given as a list, or as one text separated by blanks.
fn words(value: &Value, path: &Path) -> Vec<Flag> {
    let place = path.display().to_string();
    match value {
        Value::String(text) => split(text, ' ', &place),
        Value::Array(list) => {
            let texts = list.iter().filter_map(Value::as_str);
            texts.map(|text| Flag { text: text.to_owned(), place: place.clone() }).collect()
        }
        _ => Vec::new(),
    }
}

fn split(text: &str, separator: char, place: &str) -> Vec<Flag> {
    let words = text.split(separator).map(str::trim).filter(|word| !word.is_empty());
    words.map(|word| Flag { text: word.to_owned(), place: place.to_owned() }).collect()
}

fn from_variable(prefix: &str, name: &str, environment: &BuildEnvironment) -> Vec<Flag> {
    let variable = format!("{prefix}{}", name.to_ascii_uppercase().replace(['-', '.'], "_"));
    let value = environment.get(&variable).map(|value| value.to_string_lossy().into_owned());
    split(&value.unwrap_or_default(), ' ', &variable)
}

/// Returns the paths of `include`: a text, a list of texts, or tables with a `path`.
fn included_paths(value: &Value) -> Vec<String> {
    let one = |value: &Value| value.as_str().or_else(|| value.get("path")?.as_str()).map(str::to_owned);
    match value {
        Value::Array(list) => list.iter().filter_map(one).collect(),
        value => one(value).into_iter().collect(),
    }
}

/// Returns the facts about a Linux target that `cfg(…)` may test.
fn facts(triple: &str) -> Vec<Cfg> {
    let arch = triple.split('-').next().unwrap_or_default();
    let env = if triple.ends_with("musl") { "musl" } else { "gnu" };
    let pairs = [
        ("target_arch", arch),
        ("target_endian", "little"),
        ("target_env", env),
        ("target_family", "unix"),
        ("target_os", "linux"),
        ("target_pointer_width", "64"),
        ("target_vendor", "unknown"),
    ];
    let pairs = pairs.iter().map(|(key, value)| format!("{key}=\"{value}\""));
    pairs.chain(["unix".to_owned()]).filter_map(|text| text.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    struct CargoDirectories(tempfile::TempDir);

    impl CargoDirectories {
        /// Checks that cargo's call of rustc ends with the flags that [`Config`] finds.
        fn compare(&self, variables: &[(&str, &str)]) {
            let home = self.0.path().join("home");
            let set = variables
                .iter()
                .fold(BuildEnvironment::of_process().without("RUSTFLAGS"), |all, (name, value)| all.with(name, *value));
            let set = set
                .with("CARGO_HOME", home.as_os_str())
                .with("CARGO_NET_OFFLINE", "true")
                .without("CARGO_BUILD_TARGET");
            let set = set.with("CARGO_TARGET_DIR", self.0.path().join("target").join(variables.len().to_string()));
            let directory = self.0.path().join("work/stack");
            let _ = std::fs::remove_dir_all(self.0.path().join("target"));
            let output = std::process::Command::new(set.cargo())
                .args(["build", "-v"])
                .current_dir(&directory)
                .env_clear()
                .envs(set.for_cargo())
                .output()
                .unwrap();
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            let call = said.lines().find(|line| line.contains("--crate-name p ")).unwrap_or_else(|| panic!("{said}"));
            let passed: Vec<&str> =
                call.trim_end_matches('`').split(' ').filter(|word| word.starts_with("--cfg=")).collect();
            let host = Architecture::host().unwrap();
            let found = Config::of(&directory, &set).rustflags(host, false, &set);
            let found: Vec<&str> = found.iter().map(|flag| flag.text.as_str()).collect();
            assert_eq!(found, passed, "{variables:?}");
        }

        fn with(files: &[(&str, &str)]) -> Self {
            let dir = tempfile::tempdir().unwrap();
            for (path, text) in files {
                let path = dir.path().join(path);
                std::fs::create_dir_all(path.parent().unwrap()).unwrap();
                std::fs::write(path, text).unwrap();
            }
            Self(dir)
        }

        fn flags(&self, environment: &BuildEnvironment) -> Vec<String> {
            let environment = environment.clone().with("CARGO_HOME", self.0.path().join("home"));
            let config = Config::of(&self.0.path().join("work/stack"), &environment);
            let flags = config.rustflags(Architecture::X86_64, false, &environment);
            flags.into_iter().map(|flag| flag.text).collect()
        }
    }

    #[test]
    fn files_are_joined_and_the_nearest_comes_last() {
        let place = CargoDirectories::with(&[
            ("home/config.toml", "[build]\nrustflags = [\"-C\", \"home\"]\n"),
            ("work/.cargo/config.toml", "[build]\nrustflags = [\"-Cwork\", \"-Cmore\"]\n"),
            ("work/stack/.cargo/config", "include = \"extra.toml\"\n[build]\nrustflags = [\"-Cstack\"]\n"),
            ("work/stack/.cargo/extra.toml", "[build]\nrustflags = [\"-Cextra\"]\n"),
        ]);
        let found = place.flags(&BuildEnvironment::default().with("CARGO_BUILD_RUSTFLAGS", "-Cvariable"));
        assert_eq!(found, ["-C", "home", "-Cwork", "-Cmore", "-Cextra", "-Cstack", "-Cvariable"]);
    }

    #[test]
    fn one_source_counts_and_the_targets_own_come_before_those_of_all_builds() {
        let place = CargoDirectories::with(&[(
            "work/.cargo/config.toml",
            "[build]\nrustflags = [\"-Cbuild\"]\n[target.'cfg(all(unix, target_arch = \"x86_64\"))']\nrustflags = [\"-Ccfg\"]\n\
             [target.'cfg(windows)']\nrustflags = [\"-Cwindows\"]\n[target.x86_64-unknown-linux-gnu]\nrustflags = [\"-Ctriple\"]\n",
        )]);
        assert_eq!(place.flags(&BuildEnvironment::default()), ["-Ctriple", "-Ccfg"]);
        let musl = BuildEnvironment::default().with("CARGO_BUILD_TARGET", "x86_64-unknown-linux-musl");
        assert_eq!(place.flags(&musl), ["-Ccfg"]);
        assert_eq!(place.flags(&BuildEnvironment::default().with("RUSTFLAGS", "-Cvariable")), ["-Cvariable"]);
        assert!(place.flags(&BuildEnvironment::default().with("RUSTFLAGS", "")).is_empty(), "an empty value counts");
        let encoded =
            BuildEnvironment::default().with("CARGO_ENCODED_RUSTFLAGS", "-C\u{1f}a b").with("RUSTFLAGS", "-Cx");
        assert_eq!(place.flags(&encoded), ["-C", "a b"]);
    }

    #[test]
    fn a_profile_has_the_flags_of_those_it_inherits_from() {
        let place = CargoDirectories::with(&[(
            "work/Cargo.toml",
            "[profile.lambda]\ninherits = \"release\"\nrustflags = [\"-Cown\"]\n[profile.release]\nrustflags = [\"-Cparent\"]\n",
        )]);
        let flags = Config::default().profile_flags("lambda", &place.0.path().join("work/Cargo.toml"));
        assert_eq!(flags.iter().map(|flag| flag.text.as_str()).collect::<Vec<_>>(), ["-Cparent", "-Cown"]);
    }

    /// Compares this reader with cargo itself, which prints how it calls rustc.
    #[test]
    fn cargo_takes_the_same_flags_from_the_same_files() {
        let place = CargoDirectories::with(&[
            ("home/config.toml", "[build]\nrustflags = [\"--cfg=home\"]\n"),
            (".cargo/config.toml", "[build]\nrustflags = [\"--cfg=outer\", \"--cfg=outer2\"]\n"),
            ("work/stack/.cargo/config.toml", "[build]\nrustflags = [\"--cfg=near\"]\n"),
            (
                "work/stack/Cargo.toml",
                "[package]\nname = \"p\"\nversion = \"0.1.0\"\nedition = \"2021\"\n[workspace]\n",
            ),
            ("work/stack/src/main.rs", "fn main() {}\n"),
        ]);
        place.compare(&[]);
        place.compare(&[("CARGO_BUILD_RUSTFLAGS", "--cfg=variable")]);
        place.compare(&[("RUSTFLAGS", "")]);
        place.compare(&[("RUSTFLAGS", " --cfg=a  --cfg=b ")]);
        place.compare(&[("CARGO_ENCODED_RUSTFLAGS", "--cfg=a\u{1f}--cfg=b"), ("RUSTFLAGS", "--cfg=c")]);
        let arch = std::env::consts::ARCH;
        let targets = format!(
            "[target.'cfg(target_arch = \"{arch}\")']\nrustflags = [\"--cfg=condition\"]\n[target.'cfg(windows)']\nrustflags = \
             [\"--cfg=windows\"]\n[target.{arch}-unknown-linux-gnu]\nrustflags = [\"--cfg=triple\"]\n"
        );
        std::fs::write(place.0.path().join("work/stack/.cargo/config.toml"), targets).unwrap();
        place.compare(&[]);
        let variable = format!("CARGO_TARGET_{}_UNKNOWN_LINUX_GNU_RUSTFLAGS", arch.to_ascii_uppercase());
        place.compare(&[(&variable, "--cfg=variable")]);
        std::fs::remove_file(place.0.path().join("home/config.toml")).unwrap();
        std::fs::remove_file(place.0.path().join(".cargo/config.toml")).unwrap();
        let text = "[build]\nrustflags = \"--cfg=one --cfg=two\"\n";
        std::fs::write(place.0.path().join("work/stack/.cargo/config.toml"), text).unwrap();
        place.compare(&[]);
    }
}
