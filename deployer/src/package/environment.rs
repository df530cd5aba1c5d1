//! The environment variables that packaging reads and passes on: the only place that names them.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

use super::passed::{self, For};

/// Prefixes of variables that can change the output of cargo, rustc or the C compilers of build scripts.
const CHANGES_OUTPUT: &[&str] =
    &["AR_", "CARGO_", "CC_", "CFLAGS", "CPPFLAGS", "CXX", "HOST_", "LDFLAGS", "PKG_CONFIG", "RUST", "TARGET_", "ZIG"];
const CHANGES_OUTPUT_EXACTLY: &[&str] = &["AR", "CARGO", "CC", "SOURCE_DATE_EPOCH"];

/// Variables among the above that change only printed text.
const CHANGES_NOTHING: &[&str] = &["RUST_BACKTRACE", "RUST_LOG", "RUST_LIB_BACKTRACE"];

/// A set of environment variables.
#[derive(Debug, Clone, Default)]
pub struct BuildEnvironment(BTreeMap<OsString, OsString>);

impl BuildEnvironment {
    /// Takes this process's variables.
    #[must_use]
    pub fn of_process() -> Self {
        Self(std::env::vars_os().collect())
    }

    /// Sets one variable.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<OsString>) -> Self {
        self.0.insert(name.into(), value.into());
        self
    }

    /// Removes one variable.
    #[must_use]
    pub fn without(mut self, name: &str) -> Self {
        self.0.remove(OsStr::new(name));
        self
    }

    /// Returns the value of a variable that is passed to cargo; an empty value counts as unset, as in cargo.
    pub(super) fn get(&self, name: &str) -> Option<&OsStr> {
        self.get_or_empty(name).filter(|value| !value.is_empty())
    }

    /// Like [`Self::get`], for variables of which cargo accepts an empty value.
    pub(super) fn get_or_empty(&self, name: &str) -> Option<&OsStr> {
        let (name, value) = self.0.get_key_value(OsStr::new(name))?;
        self.passes(name, value, For::Build).then_some(value)
    }

    /// Tells whether a variable is set and withheld from builds.
    pub(super) fn withholds(&self, name: &str) -> bool {
        self.0.get_key_value(OsStr::new(name)).is_some_and(|(name, value)| !self.passes(name, value, For::Build))
    }

    /// Lists the variables named in a text that are set and withheld from builds.
    pub(super) fn withheld_in(&self, text: &str) -> Vec<String> {
        let words: BTreeSet<&str> = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').collect();
        let names = self.0.keys().map(|name| name.to_string_lossy());
        let named = names.filter(|name| name.len() > 3 && words.contains(name.as_ref()) && self.withholds(name));
        named.map(std::borrow::Cow::into_owned).collect()
    }

    /// Tells whether this runs in CI, where nobody reviews cargo's changes to files.
    pub(super) fn is_ci(&self) -> bool {
        self.get("CI").is_some_and(|value| value != "false" && value != "0")
    }

    /// Returns the cargo to start: `CARGO`, or else the one on the path.
    pub(super) fn cargo(&self) -> OsString {
        self.get("CARGO").unwrap_or(OsStr::new("cargo")).to_owned()
    }

    /// Returns the variables for a build. Incremental builds are off, because their code differs from a clean build's.
    pub(super) fn for_cargo(&self) -> impl Iterator<Item = (&OsStr, &OsStr)> {
        let set = [("CARGO_INCREMENTAL", "0"), ("CARGO_TERM_COLOR", "never")];
        self.passed_variables(For::Build)
            .filter(|(name, _)| *name != "CARGO_INCREMENTAL")
            .chain(set.map(|(name, value)| (OsStr::new(name), OsStr::new(value))))
    }

    /// Returns the variables for downloading packages.
    pub(super) fn for_fetching(&self) -> impl Iterator<Item = (&OsStr, &OsStr)> {
        self.passed_variables(For::Fetch).chain([(OsStr::new("CARGO_TERM_COLOR"), OsStr::new("never"))])
    }

    /// Returns the names of variables that cargo needs to download packages and that a build must not see.
    pub(super) fn for_fetching_alone(&self) -> impl Iterator<Item = &OsStr> {
        self.passed_variables(For::Fetch)
            .filter(|(name, value)| !self.passes(name, value, For::Build))
            .map(|(name, _)| name)
    }

    fn passed_variables(&self, to: For) -> impl Iterator<Item = (&OsStr, &OsStr)> {
        let all = self.0.iter().map(|(name, value)| (name.as_os_str(), value.as_os_str()));
        all.filter(move |(name, value)| self.passes(name, value, to))
    }

    fn passes(&self, name: &OsStr, value: &OsStr, to: For) -> bool {
        let named = self.0.get(OsStr::new(passed::NAMED)).map(|list| list.to_string_lossy()).unwrap_or_default();
        let named: Vec<&str> = named.split([',', ' ']).collect();
        passed::passes(&name.to_string_lossy(), &value.to_string_lossy(), &named, to)
    }

    /// Returns the variables, in order, that can change the result of a build.
    pub(super) fn changing_output(&self) -> impl Iterator<Item = (&OsStr, &OsStr)> {
        self.for_cargo().filter(|(name, _)| {
            let exactly = |list: &[&str]| list.iter().any(|n| OsStr::new(n) == *name);
            (starts(name, CHANGES_OUTPUT) || exactly(CHANGES_OUTPUT_EXACTLY)) && !exactly(CHANGES_NOTHING)
        })
    }

    /// Finds an executable by name: on the path, or else where cargo installs its own.
    pub(super) fn program(&self, name: &str) -> Option<PathBuf> {
        let path = self.get("PATH").unwrap_or_default();
        std::env::split_paths(path)
            .chain(self.cargo_home().map(|home| home.join("bin")))
            .map(|directory| directory.join(name))
            .find(|file| file.is_file())
    }

    pub(super) fn cargo_home(&self) -> Option<PathBuf> {
        self.home("CARGO_HOME", ".cargo")
    }

    pub(super) fn rustup_home(&self) -> Option<PathBuf> {
        self.home("RUSTUP_HOME", ".rustup")
    }

    fn home(&self, variable: &str, default: &str) -> Option<PathBuf> {
        match self.get(variable) {
            Some(home) => Some(home.into()),
            None => self.get("HOME").map(|home| PathBuf::from(home).join(default)),
        }
    }
}

fn starts(name: &OsStr, prefixes: &[&str]) -> bool {
    let name = name.as_encoded_bytes();
    prefixes.iter().any(|p| name.starts_with(p.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names<'a>(list: impl Iterator<Item = (&'a OsStr, &'a OsStr)>) -> Vec<&'a str> {
        list.map(|(name, _)| name.to_str().unwrap()).collect()
    }

    #[test]
    fn what_an_outer_cargo_set_does_not_reach_the_inner_one() {
        let environment = BuildEnvironment::default()
            .with("CARGO_PKG_NAME", "deployer")
            .with("CARGO_MANIFEST_DIR", "/x")
            .with("CARGO_MAKEFLAGS", "--jobserver-fds=3,4")
            .with("CARGO_INCREMENTAL", "1")
            .with("CARGO_TERM_COLOR", "always")
            .with("CARGO_TARGET_DIR", "/t")
            .with("HOME", "/h");
        let passed = names(environment.for_cargo());
        assert_eq!(passed, ["CARGO_TARGET_DIR", "HOME", "CARGO_INCREMENTAL", "CARGO_TERM_COLOR"]);
        assert!(environment.for_cargo().any(|(name, value)| name == "CARGO_INCREMENTAL" && value == "0"));
    }

    #[test]
    fn flags_and_compilers_change_the_output_and_log_levels_do_not() {
        let environment = BuildEnvironment::default()
            .with("CC", "clang")
            .with("CARGO_PROFILE_RELEASE_LTO", "off")
            .with("RUSTFLAGS", "-C debuginfo=2")
            .with("RUST_LOG", "debug")
            .with("USER", "me");
        let changing = names(environment.changing_output());
        let set = ["CARGO_INCREMENTAL", "CARGO_TERM_COLOR"];
        assert_eq!(changing, [&["CARGO_PROFILE_RELEASE_LTO", "CC", "RUSTFLAGS"][..], &set].concat());
    }

    #[test]
    fn what_is_withheld_is_not_there_for_the_build() {
        let environment = BuildEnvironment::default()
            .with("GIT_SHA", "abc")
            .with("STAGE", "prod")
            .with("DEPLOYER_BUILD_ENV", "STAGE, OTHER");
        assert!(environment.withholds("GIT_SHA") && environment.get("GIT_SHA").is_none());
        assert!(!environment.withholds("STAGE") && environment.get("STAGE").is_some());
        assert!(!environment.withholds("OTHER"));
        assert_eq!(environment.withheld_in("set `GIT_SHA` or STAGE"), ["GIT_SHA"]);
        assert!(environment.withheld_in("GIT_SHA2").is_empty());
    }

    #[test]
    fn only_what_downloads_packages_sees_their_registrys_token() {
        let environment =
            BuildEnvironment::default().with("CARGO_REGISTRIES_OURS_TOKEN", "t").with("AWS_SESSION_TOKEN", "t");
        assert!(environment.for_fetching_alone().eq(["CARGO_REGISTRIES_OURS_TOKEN"]));
        assert_eq!(names(environment.for_fetching()), ["CARGO_REGISTRIES_OURS_TOKEN", "CARGO_TERM_COLOR"]);
    }
}
