//! The environment variables that packaging reads and passes on: the only place that names them.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

/// Variables that an outer cargo sets for the program it runs. Passed on, they would make build scripts and `env!`
/// see the wrong package, or point to a job server that is gone.
const FROM_OUTER_CARGO: &[&str] = &[
    "CARGO_BIN_",
    "CARGO_CRATE_NAME",
    "CARGO_MAKEFLAGS",
    "CARGO_MANIFEST_",
    "CARGO_PKG_",
    "CARGO_PRIMARY_PACKAGE",
    "CARGO_TARGET_TMPDIR",
    "MAKEFLAGS",
    "MFLAGS",
    "OUT_DIR",
    "RUST_RECURSION_COUNT",
    "__CARGO",
];

/// Variables about how cargo talks: diagnostics are captured, so colour and progress bars would end up in error texts.
const TALK: &[&str] = &["CARGO_TERM_"];

/// Variables that start with one of these can change what cargo, rustc or the C compilers of build scripts make.
const CHANGES_OUTPUT: &[&str] =
    &["AR_", "CARGO_", "CC_", "CFLAGS", "CPPFLAGS", "CXX", "HOST_", "LDFLAGS", "PKG_CONFIG", "RUST", "TARGET_", "ZIG"];
const CHANGES_OUTPUT_EXACTLY: &[&str] = &["AR", "CARGO", "CC", "SOURCE_DATE_EPOCH"];

/// Those of the above that change only what programs print.
const CHANGES_NOTHING: &[&str] = &["RUST_BACKTRACE", "RUST_LOG", "RUST_LIB_BACKTRACE"];

/// A set of environment variables.
#[derive(Debug, Clone, Default)]
pub struct Environment(BTreeMap<OsString, OsString>);

impl Environment {
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

    /// A variable's value; an empty one counts as not set, as in cargo.
    pub(super) fn get(&self, name: &str) -> Option<&OsStr> {
        let value = self.0.get(OsStr::new(name))?;
        (!value.is_empty()).then_some(value)
    }

    /// The cargo to start: `CARGO`, else the one on the path.
    pub(super) fn cargo(&self) -> OsString {
        self.get("CARGO").unwrap_or(OsStr::new("cargo")).to_owned()
    }

    /// What cargo is started with.
    pub(super) fn for_cargo(&self) -> impl Iterator<Item = (&OsStr, &OsStr)> {
        self.0
            .iter()
            .filter(|(name, _)| !starts(name, FROM_OUTER_CARGO) && !starts(name, TALK))
            .map(|(name, value)| (name.as_os_str(), value.as_os_str()))
            .chain([(OsStr::new("CARGO_TERM_COLOR"), OsStr::new("never"))])
    }

    /// The variables, in order, that can change what is built.
    pub(super) fn changing_output(&self) -> impl Iterator<Item = (&OsStr, &OsStr)> {
        self.for_cargo().filter(|(name, _)| {
            let exactly = |list: &[&str]| list.iter().any(|n| OsStr::new(n) == *name);
            (starts(name, CHANGES_OUTPUT) || exactly(CHANGES_OUTPUT_EXACTLY)) && !exactly(CHANGES_NOTHING)
        })
    }

    /// Finds an executable by name: on the path, else where cargo installs its own.
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
        let environment = Environment::default()
            .with("CARGO_PKG_NAME", "deployer")
            .with("CARGO_MANIFEST_DIR", "/x")
            .with("CARGO_MAKEFLAGS", "--jobserver-fds=3,4")
            .with("CARGO_TERM_COLOR", "always")
            .with("CARGO_TARGET_DIR", "/t")
            .with("HOME", "/h");
        let passed = names(environment.for_cargo());
        assert_eq!(passed, ["CARGO_TARGET_DIR", "HOME", "CARGO_TERM_COLOR"]);
    }

    #[test]
    fn flags_and_compilers_change_the_output_and_log_levels_do_not() {
        let environment = Environment::default()
            .with("CC", "clang")
            .with("CARGO_PROFILE_RELEASE_LTO", "off")
            .with("RUSTFLAGS", "-C debuginfo=2")
            .with("RUST_LOG", "debug")
            .with("USER", "me");
        let changing = names(environment.changing_output());
        assert_eq!(changing, ["CARGO_PROFILE_RELEASE_LTO", "CC", "RUSTFLAGS", "CARGO_TERM_COLOR"]);
    }
}
