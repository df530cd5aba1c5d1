//! The origin of a function's code: the sources, crates and settings that it was built from.
//!
//! # Guarantees
//! An origin holds names and digests, and no content of a file. Its size is bounded: files beyond [`MOST_FILES`] are
//! recorded by directory. It informs people; nothing is decided by it.

mod difference;
mod tree;

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

pub use difference::{CodeChange, FileChange, FileEdit, UnknownOrigin, ValueChange};

/// The most files that are recorded one by one.
const MOST_FILES: usize = 64;
/// The most settings.
const MOST_SETTINGS: usize = 64;
/// The most characters of a setting's value; a longer one is recorded by its digest.
const LONGEST: usize = 100;
/// The bytes of a digest: 96 bits, which encode to 16 characters.
const DIGEST_BYTES: usize = 12;
/// Precedes a digest in the place of a value.
const MARK: char = '#';

/// The crates that code depends on, with their versions in `Cargo.lock`.
pub type CrateList = BTreeMap<String, String>;

/// The origin as the state keeps it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// Digests by file, relative to the workspace. A name that ends in `/` stands for all files below that directory.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    files: BTreeMap<String, String>,
    /// Profile, features, toolchain and the like.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    settings: BTreeMap<String, String>,
    /// The variables that the build reads and whose values are not recorded.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    unrecorded: BTreeSet<String>,
    /// The digest of the crates, under which the state keeps them. Functions share them.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    crates: String,
}

/// An origin with its crates.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WholeOrigin {
    #[serde(flatten)]
    pub origin: Origin,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub crate_list: CrateList,
}

/// The parts of an origin, as they are collected.
#[derive(Debug, Default)]
pub struct OriginParts {
    pub files: BTreeMap<String, String>,
    pub settings: BTreeMap<String, String>,
    pub unrecorded: BTreeSet<String>,
    pub crates: CrateList,
}

impl OriginParts {
    /// Adds a setting. A long value is recorded by its digest.
    pub fn set(&mut self, name: impl Into<String>, value: impl Into<String>) {
        let value = value.into();
        let value = if value.chars().count() > LONGEST { hidden(value.as_bytes()) } else { value };
        self.settings.insert(name.into(), value);
    }

    /// Adds a setting of which only the digest is recorded.
    pub fn set_hidden(&mut self, name: impl Into<String>, value: &[u8]) {
        self.settings.insert(name.into(), hidden(value));
    }

    /// Returns the origin, within its bounds.
    pub fn finish(self) -> WholeOrigin {
        let Self { files, mut settings, unrecorded, crates } = self;
        while settings.len() > MOST_SETTINGS {
            settings.pop_last();
        }
        let digest = match crates.is_empty() {
            true => String::new(),
            false => digest(&serde_json::to_vec(&crates).unwrap_or_default()),
        };
        let origin = Origin { files: tree::bounded(files, MOST_FILES), settings, unrecorded, crates: digest };
        WholeOrigin { origin, crate_list: crates }
    }
}

impl WholeOrigin {
    /// Returns the origin with files that were packaged beside the code.
    pub fn with_files(mut self, files: impl Iterator<Item = (String, String)>) -> Self {
        let all = std::mem::take(&mut self.origin.files).into_iter().chain(files).collect();
        self.origin.files = tree::bounded(all, MOST_FILES);
        self
    }
}

impl Origin {
    /// Returns the digest under which the crates are kept; empty without crates.
    pub fn crates(&self) -> &str {
        &self.crates
    }

    /// Removes each entry that contains a secret.
    pub fn hide(&mut self, secret: &dyn Fn(&str) -> bool) {
        self.files.retain(|name, _| !secret(name));
        self.settings.retain(|name, value| !secret(name) && !secret(value));
        self.unrecorded.retain(|name| !secret(name));
    }
}

/// Returns a short digest.
pub fn digest(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(&Sha256::digest(bytes)[..DIGEST_BYTES])
}

fn hidden(value: &[u8]) -> String {
    format!("{MARK}{}", digest(value))
}
