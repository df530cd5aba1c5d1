//! The state document: its format, and how untrusted bytes are parsed into it.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::error::Category;

use super::error::StateError;
use super::fingerprint;
use crate::kinds::{Action, Outputs};
use crate::origin::{CrateList, Origin, WholeOrigin};

/// The newest format version that this deployer reads and writes.
pub const FORMAT_VERSION: u32 = 1;

/// Largest integer that every JSON reader keeps exactly. No state is ever written that often.
const LAST_SERIAL: u64 = 1 << 53;

/// The result of a stack's last apply. Disposable: everything in it can be found again from `stack.yaml`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct State {
    pub format_version: u32,
    /// Random, created once for each state. A state of another lineage is never overwritten.
    pub lineage: String,
    /// Grows by one with every write.
    pub serial: u64,
    pub stack: String,
    pub account: String,
    pub region: String,
    /// Version of the deployer that wrote the document.
    pub written_by: String,
    /// RFC 3339, UTC.
    pub written_at: String,
    pub resources: BTreeMap<String, Record>,
    /// Operations that the current run is about to carry out; empty when no run is in progress.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub intents: Vec<Intent>,
    /// Addresses of the functions that received code in the last apply that deployed any. `deployer rollback` rolls
    /// these back by default.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub deployed_code: BTreeSet<String>,
    /// Resources left in AWS on purpose, by kind and identity: because of `retain: true`, or removed from the state by
    /// hand.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub left_in_aws: BTreeMap<String, BTreeSet<String>>,
    /// The stack's outputs, without sensitive ones.
    #[serde(default)]
    pub outputs: BTreeMap<String, String>,
    /// The crates of functions' code, by the digest that their origins name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub crates: BTreeMap<String, CrateList>,
}

/// One resource as it was last applied.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Record {
    pub kind: String,
    pub element: String,
    pub physical_id: String,
    /// The spec that was applied; secrets as keyed fingerprints.
    pub inputs: Value,
    pub outputs: Outputs,
    pub dependencies: BTreeSet<String>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub protect: bool,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub retain: bool,
    /// The sources and settings that the applied code was built from, if it was packaged by an apply that recorded them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<Origin>,
}

/// An operation that a run is about to carry out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Intent {
    pub address: String,
    pub action: Action,
    pub kind: String,
    /// The identity of the resource to create or delete.
    pub identity: String,
    /// RFC 3339, UTC.
    pub since: String,
    /// RFC 3339, UTC. When the first of several interrupted runs was about to create the resource, which no run has
    /// recorded yet. A run that adopts or updates the resource, and is interrupted too, keeps this trace of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_since: Option<String>,
    /// The desired spec, with secrets as keyed fingerprints. A later run uses it to find the resource that an
    /// interrupted run created, even if `stack.yaml` has changed since.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub inputs: Value,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub element: String,
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub dependencies: BTreeSet<String>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub protect: bool,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub retain: bool,
}

impl Intent {
    /// Returns when a run was first about to create the resource, or `None` if no interrupted run was.
    pub fn creates_since(&self) -> Option<&str> {
        let own = self.action.creates().then_some(&self.since);
        self.created_since.as_ref().or(own).map(String::as_str)
    }
}

/// Returns the address of a predecessor of `address` that has another identity and is yet to be deleted. Fingerprints in
/// the identity are shortened.
pub fn leftover(address: &str, identity: &str) -> String {
    let short = |part: &str| {
        let hash = part.rsplit(':').next().filter(|_| fingerprint::is(part));
        hash.map_or_else(|| part.to_owned(), |hash| format!("#{}", hash.chars().take(SHORT_HASH).collect::<String>()))
    };
    let parts: Vec<String> = identity.split(" · ").map(short).collect();
    format!("{address}#{}", parts.join(" · "))
}

/// Characters of a fingerprint in an address: 48 bits, enough to tell two predecessors apart.
const SHORT_HASH: usize = 8;

/// The stack, account and region that a state must belong to, and the place to name in messages.
pub(super) struct ExpectedState<'a> {
    pub stack: &'a str,
    pub account: &'a str,
    pub region: &'a str,
    pub place: &'a str,
}

impl State {
    /// Tells whether two states have the same content, regardless of who wrote them and when.
    pub fn says_the_same(&self, other: &Self) -> bool {
        self.lineage == other.lineage
            && self.resources == other.resources
            && self.intents == other.intents
            && self.outputs == other.outputs
            && self.left_in_aws == other.left_in_aws
    }

    /// Records the origin of the code of a resource that the state has.
    pub fn set_origin(&mut self, address: &str, whole: &WholeOrigin) {
        let Some(record) = self.resources.get_mut(address) else { return };
        record.origin = Some(whole.origin.clone());
        if !whole.crate_list.is_empty() {
            self.crates.insert(whole.origin.crates().to_owned(), whole.crate_list.clone());
        }
        let used: BTreeSet<&str> =
            self.resources.values().filter_map(|record| Some(record.origin.as_ref()?.crates())).collect();
        self.crates.retain(|digest, _| used.contains(digest.as_str()));
    }

    /// Returns the recorded origin of a resource's code; `None` without a complete one.
    pub fn origin(&self, record: &Record) -> Option<WholeOrigin> {
        let origin = record.origin.clone()?;
        let crate_list = match origin.crates() {
            "" => CrateList::new(),
            digest => self.crates.get(digest)?.clone(),
        };
        Some(WholeOrigin { origin, crate_list })
    }

    /// Replaces each text that contains a secret by its fingerprint, including texts that were recorded in clear.
    pub fn hide(&mut self, secret: &dyn Fn(&str) -> bool) {
        let key = self.lineage.clone();
        let hidden = |value: &Value| fingerprint::hide(value, &key, secret);
        for record in self.resources.values_mut() {
            record.inputs = hidden(&record.inputs);
            record.origin.iter_mut().for_each(|origin| origin.hide(secret));
        }
        let identity = |text: &str| {
            let part = |part: &str| if secret(part) { fingerprint::of(part, &key) } else { part.to_owned() };
            text.split(" · ").map(part).collect::<Vec<_>>().join(" · ")
        };
        for intent in &mut self.intents {
            (intent.inputs, intent.identity) = (hidden(&intent.inputs), identity(&intent.identity));
        }
        for names in self.left_in_aws.values_mut().filter(|names| names.iter().any(|name| secret(name))) {
            *names = names.iter().map(|name| identity(name)).collect();
        }
    }

    /// Serialises the document as indented JSON, which people and line diffs can read.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = serde_json::to_vec_pretty(self).expect("a state has only text keys, which JSON takes");
        bytes.push(b'\n');
        bytes
    }

    /// Reads a document, and refuses anything but a complete state of this stack in a known format.
    ///
    /// # Errors
    /// `Damaged`, `NotAState`, `Newer`, `Foreign` or `Elsewhere`. `newest_good` is still empty in each.
    pub(super) fn parse(bytes: &[u8], expected: &ExpectedState<'_>) -> Result<Self, StateError> {
        let place = expected.place.to_owned();
        let damaged = |reason: String| StateError::Damaged { place: place.clone(), reason, newest_good: None };
        let value: Value = serde_json::from_slice(bytes).map_err(|error| {
            damaged(match error.classify() {
                _ if bytes.is_empty() => "it is empty".into(),
                Category::Eof => format!("it ends in the middle, after {} bytes", bytes.len()),
                _ => error.to_string(),
            })
        })?;
        let not_a_state =
            |reason: &str| StateError::NotAState { place: place.clone(), reason: reason.into(), newest_good: None };
        let Some(version) = value.get("format_version") else {
            return Err(not_a_state("it has no `format_version`"));
        };
        let Some(version) = version.as_u64() else { return Err(damaged("`format_version` is not a number".into())) };
        if version > u64::from(FORMAT_VERSION) {
            let written_by = value.get("written_by").and_then(Value::as_str).unwrap_or("of a newer version").to_owned();
            return Err(StateError::Newer {
                place,
                found: version,
                known: FORMAT_VERSION,
                written_by,
                newest_good: None,
            });
        }
        if version == 0 || value.get("lineage").is_none() {
            return Err(not_a_state("it has no `lineage`"));
        }
        let state: Self = serde_path_to_error::deserialize(value).map_err(|error| damaged(error.to_string()))?;
        if state.serial > LAST_SERIAL {
            return Err(damaged(format!("its serial {} is none that a state comes to have", state.serial)));
        }
        state.belongs(expected)
    }

    fn belongs(self, expected: &ExpectedState<'_>) -> Result<Self, StateError> {
        let place = expected.place.to_owned();
        if self.stack != expected.stack {
            return Err(StateError::Foreign {
                place,
                found: self.stack,
                wanted: expected.stack.to_owned(),
                newest_good: None,
            });
        }
        if self.account != expected.account || self.region != expected.region {
            return Err(StateError::Elsewhere {
                place,
                found: format!("{} in {}", self.account, self.region),
                wanted: format!("{} in {}", expected.account, expected.region),
                newest_good: None,
            });
        }
        Ok(self)
    }
}
