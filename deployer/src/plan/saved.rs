//! A plan in a file: for review, and to tell later whether it still holds.
//!
//! # Guarantees
//! Specs are kept as fingerprints of their properties, so no secret is in the file. The fingerprints are keyed by the
//! file's own salt, and the file has only a digest of the state's lineage. So it does not help to guess secrets whose
//! fingerprints are kept elsewhere. A file that is incomplete, edited or written by another program is refused.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::action::{Plan, PlannedResource};
use super::pairs::{Pair, differing, pairs, places};
use super::select::Selection;
use crate::aws::digest;
use crate::kinds::{Action, ArtifactProperty, ObservedResource, Order, REGISTRY};
use crate::spec::secrets::Secrets;
use crate::spec::visible;
use crate::state::fingerprint;

/// The version of the file's format.
pub const SAVED_FORMAT: u32 = 2;
/// The text by which such files are recognised.
const MARK: &str = "deployer plan";

/// A saved plan.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SavedPlan {
    pub file: String,
    pub format_version: u32,
    /// Digest of the file's text with this field empty.
    pub checksum: String,
    pub written_by: String,
    /// RFC 3339, UTC.
    pub written_at: String,
    pub selection: Selection,
    /// The secrets that were not given: the plan is for reading.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub not_given: Vec<String>,
    #[serde(flatten)]
    pub basis: Basis,
    /// The plan in the form of its JSON report.
    pub plan: Value,
}

/// The basis of a plan, and its effects.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Basis {
    pub stack: String,
    pub account: String,
    pub region: String,
    /// `None` if there was no state.
    pub state: Option<StateMark>,
    /// The salt of the fingerprints.
    pub salt: String,
    /// The fingerprint of `stack.yaml`'s resources and outputs, without artifacts.
    pub graph: String,
    pub effects: BTreeMap<String, SavedEffect>,
}

/// One exact version of a state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StateMark {
    /// The digest of the lineage.
    pub lineage: String,
    pub serial: u64,
}

/// The effect on one resource, and the fingerprint of each property that it was decided by.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SavedEffect {
    pub action: Action,
    pub order: Option<Order>,
    pub moved_from: Option<String>,
    pub desired: Option<Marks>,
    pub observed: Option<Marks>,
    /// The resource under another identity that is deleted.
    pub predecessor: Option<Marks>,
}

/// Fingerprints by property.
type Marks = BTreeMap<String, String>;

/// The reason why a file cannot be carried out.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum SavedError {
    #[error("it is not a plan that `deployer plan --out` wrote")]
    Foreign,
    #[error("it has format {found}; this version knows format {SAVED_FORMAT}")]
    Other { found: u64 },
    #[error("it is damaged: {0}")]
    Damaged(String),
}

impl SavedPlan {
    /// Makes a plan to save.
    pub fn new(basis: Basis, selection: Selection, plan: Value, written_at: String) -> Self {
        Self {
            file: MARK.to_owned(),
            format_version: SAVED_FORMAT,
            checksum: String::new(),
            written_by: env!("CARGO_PKG_VERSION").to_owned(),
            written_at,
            selection,
            not_given: Vec::new(),
            basis,
            plan,
        }
    }

    /// Marks the plan as made without these secrets.
    #[must_use]
    pub fn without(self, not_given: Vec<String>) -> Self {
        Self { not_given, ..self }
    }

    /// Returns the file's text.
    pub fn to_text(&self) -> String {
        let text = |saved: &Self| {
            let json = serde_json::to_string_pretty(saved).expect("a saved plan has only text keys, which JSON takes");
            // People read such a file.
            visible::text(&json).into_owned() + "\n"
        };
        let blank = Self { checksum: String::new(), ..self.clone() };
        let checksum = digest::of(&text(&blank));
        text(&Self { checksum, ..blank })
    }

    /// Reads a file's bytes.
    ///
    /// # Errors
    /// When it is not a complete plan in a known format.
    pub fn parse(bytes: &[u8]) -> Result<Self, SavedError> {
        let damaged = |error: &dyn std::fmt::Display| SavedError::Damaged(error.to_string());
        let text = std::str::from_utf8(bytes).map_err(|_| SavedError::Foreign)?;
        let value: Value = serde_json::from_str(text).map_err(|e| match text.contains(MARK) {
            true => damaged(&e),
            false => SavedError::Foreign,
        })?;
        if value.get("file").and_then(Value::as_str) != Some(MARK) {
            return Err(SavedError::Foreign);
        }
        match value.get("format_version").and_then(Value::as_u64) {
            Some(found) if found != u64::from(SAVED_FORMAT) => return Err(SavedError::Other { found }),
            Some(_) => {}
            None => return Err(damaged(&"it has no `format_version`")),
        }
        let saved: Self = serde_path_to_error::deserialize(value).map_err(|e| damaged(&e))?;
        let blank = text.replacen(&saved.checksum, "", 1);
        if !digest::is_digest(&saved.checksum) || digest::of(&blank) != saved.checksum {
            return Err(damaged(&"it was changed after it was written"));
        }
        Ok(saved)
    }
}

/// Computes fingerprints of values.
pub struct Marker<'a> {
    pub salt: &'a str,
    pub secrets: &'a Secrets,
}

impl Marker<'_> {
    /// Returns the effects of a plan with fingerprints.
    pub fn effects(&self, plan: &Plan) -> BTreeMap<String, SavedEffect> {
        let effect = |planned: &PlannedResource| SavedEffect {
            action: planned.action(),
            order: planned.order(),
            // The address may contain a text that has become a secret since.
            moved_from: planned.moved_from.as_deref().map(|from| self.secrets.mask(from).into_owned()),
            desired: planned.effect.desired_spec().map(|wanted| self.marks(&wanted.desired)),
            observed: planned.live().map(|live| self.marks_of(live)),
            predecessor: planned.predecessor().map(|live| self.marks_of(live)),
        };
        self.prepare(plan);
        plan.actions()
            .iter()
            .map(|planned| (self.secrets.mask(&planned.address).into_owned(), effect(planned)))
            .collect()
    }

    /// Computes the slow fingerprints first, all at once.
    fn prepare(&self, plan: &Plan) {
        let mut texts = BTreeSet::new();
        for planned in plan.actions() {
            let desired = planned.effect.desired_spec().map(|wanted| &wanted.desired);
            let found = planned.live().into_iter().chain(planned.predecessor()).map(|live| &live.spec);
            for spec in desired.into_iter().chain(found) {
                fingerprint::secret_texts(spec, &|text| self.secrets.touches(text), &mut texts);
            }
        }
        fingerprint::prepare(texts, self.salt);
    }

    fn marks_of(&self, live: &ObservedResource<Value>) -> Marks {
        let mut marks = self.marks(&live.spec);
        marks.insert("physical id".to_owned(), fingerprint::fast(&live.physical_id, self.salt));
        marks
    }

    fn marks(&self, spec: &Value) -> Marks {
        let properties = spec.as_object().into_iter().flatten();
        properties.map(|(name, value)| (name.clone(), self.mark(value))).collect()
    }

    /// Returns the fingerprint of a value, whatever the order of its keys. Secrets in it get a slow fingerprint first.
    pub fn mark(&self, value: &Value) -> String {
        let mut value = fingerprint::hide(value, self.salt, &|text| self.secrets.touches(text));
        value.sort_all_objects();
        fingerprint::fast(&value.to_string(), self.salt)
    }
}

/// Describes the differences since `before` was saved; empty if `now` has the same effects.
pub fn describe_moves(before: &Basis, now: &Basis) -> Vec<String> {
    let elsewhere: Vec<String> = places(before.place(), now.place())
        .map(|(what, then, is)| format!("the plan is for the {what} {then}, this is {is}"))
        .collect();
    if !elsewhere.is_empty() {
        // Everything else differs as well.
        return elsewhere;
    }
    let mut lines: Vec<String> = state_change(before.state.as_ref(), now.state.as_ref()).into_iter().collect();
    let same_graph = before.graph == now.graph;
    let wanted_by = if same_graph { "by what it refers to" } else { "in stack.yaml or its variables" };
    let mut wanted_changed = false;
    for (address, pair) in pairs(&before.effects, &now.effects) {
        let (then, is) = match pair {
            Pair::Both(then, is) => (then, is),
            Pair::Gone(_) => {
                lines.push(format!("`{address}` is no longer part of it"));
                continue;
            }
            Pair::New(_) => {
                lines.push(format!("`{address}` is new"));
                continue;
            }
        };
        let mut differs = then.changes_in_aws(is);
        differs.extend(then.changed_artifacts(is));
        if let Some(what) = differing_properties(&without_artifacts(&then.desired), &without_artifacts(&is.desired)) {
            wanted_changed = true;
            differs.push(format!("{what} {wanted_by}"));
        }
        if differs.is_empty() && then != is {
            differs.push("another action is planned".to_owned());
        }
        lines.extend(differs.into_iter().map(|what| format!("`{address}`: {what}")));
    }
    if !same_graph && !wanted_changed {
        lines.push("stack.yaml or its variables changed".to_owned());
    }
    lines
}

impl Basis {
    fn place(&self) -> [&str; 3] {
        [&self.stack, &self.account, &self.region]
    }
}

impl SavedEffect {
    /// Describes the differences between the resources that two plans found.
    fn changes_in_aws(&self, now: &Self) -> Vec<String> {
        let pairs = [(&self.observed, &now.observed), (&self.predecessor, &now.predecessor)];
        pairs.into_iter().filter_map(|(then, is)| Some(format!("{} in AWS", differing_properties(then, is)?))).collect()
    }

    /// Names the artifacts that differ.
    fn changed_artifacts(&self, now: &Self) -> Vec<String> {
        let (Some(then), Some(now)) = (&self.desired, &now.desired) else { return Vec::new() };
        let artifacts = differing(then, now).filter_map(artifact);
        artifacts.map(|artifact| format!("{} changed", artifact.words)).collect()
    }
}

/// Finds the artifact that a property holds. A saved plan has no kinds, so the property's name decides.
fn artifact(property: &str) -> Option<&'static ArtifactProperty> {
    REGISTRY.iter().find_map(|kind| kind.artifact().filter(|artifact| artifact.name == property))
}

fn state_change(then: Option<&StateMark>, is: Option<&StateMark>) -> Option<String> {
    match (then, is) {
        (None, None) => None,
        (None, Some(is)) => Some(format!("there was no state, now it is at serial {}", is.serial)),
        (Some(then), None) => Some(format!("the state was at serial {}, now there is none", then.serial)),
        (Some(then), Some(is)) if then.lineage != is.lineage => Some("there is a new state".to_owned()),
        (Some(then), Some(is)) if then.serial != is.serial => {
            Some(format!("the state was at serial {}, now it is at {}", then.serial, is.serial))
        }
        _ => None,
    }
}

fn without_artifacts(marks: &Option<Marks>) -> Option<Marks> {
    let mut marks = marks.clone()?;
    marks.retain(|property, _| artifact(property).is_none());
    Some(marks)
}

/// Names the properties that differ.
fn differing_properties(then: &Option<Marks>, is: &Option<Marks>) -> Option<String> {
    match (then, is) {
        (None, None) => None,
        (None, Some(_)) => Some("it exists now".to_owned()),
        (Some(_), None) => Some("it is gone".to_owned()),
        (Some(then), Some(is)) => {
            let names: Vec<&str> = differing(then, is).collect();
            (!names.is_empty()).then(|| format!("{} changed", names.join(", ")))
        }
    }
}

#[cfg(test)]
mod tests;
