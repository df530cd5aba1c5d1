//! The effects of a plan in a form that two runs can compare.
//!
//! # Guarantees
//! The same effects give the same digest, and other effects another one, whatever the order of the plan, the time, the
//! state's serial, the reasons, and properties that were not compared. No secret is in it: if the state has a lineage, secrets are fingerprints under it;
//! before the first apply they are left out, because there is no key yet.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io::{Read as _, Write as _};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::read::ZlibDecoder;
use flate2::write::ZlibEncoder;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::action::{Plan, PlannedResource};
use super::change::Change;
use super::pairs::{Pair, differing, pairs, places};
use crate::aws::{Place, digest};
use crate::graph::resolve;
use crate::kinds::{Action, Order};
use crate::spec::secrets::Secrets;
use crate::state::fingerprint;

/// Longer values are stored as digests.
const LONG: usize = 100;
/// The most bytes that a record may unpack to.
const LARGEST: u64 = 50_000_000;
/// Replaces a secret as long as there is no key. No JSON value has this text.
const HIDDEN: &str = "(sensitive)";
/// The version of the form that the digest is computed from.
const FORMAT: u32 = 2;

/// The effects of a plan on one stack.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Effects {
    /// The version of the form. Other versions of the deployer may write the same effects differently.
    pub format: u32,
    pub stack: String,
    pub account: String,
    pub region: String,
    /// By address, without unchanged resources.
    pub resources: BTreeMap<String, ReviewedEffect>,
    /// The properties by address that were not compared because a secret was not given. They are no part of the digest:
    /// while the secrets stay the same, a plan has the same digest with and without them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub not_compared: BTreeMap<String, BTreeSet<String>>,
}

/// The effect on one resource.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReviewedEffect {
    pub kind: String,
    pub action: Action,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order: Option<Order>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub renamed_from: Option<String>,
    /// The physical ids of the resources to delete.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub deletes: Vec<String>,
    /// By property.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub changes: BTreeMap<String, PropertyEffect>,
}

/// The change of one property: its values in JSON, so that no two of them have the same text. A long one is replaced by
/// the digest of that text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PropertyEffect {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub forces_replacement: bool,
}

impl Default for Effects {
    fn default() -> Self {
        let (stack, account, region) = Default::default();
        let (resources, not_compared) = Default::default();
        Self { format: FORMAT, stack, account, region, resources, not_compared }
    }
}

impl fmt::Display for PropertyEffect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |text: &Option<String>| text.as_deref().map_or_else(|| "(none)".to_owned(), resolve::readable);
        match &self.before {
            Some(_) => write!(f, "{} → {}", shown(&self.before), shown(&self.after))?,
            None => f.write_str(&shown(&self.after))?,
        }
        f.write_str(if self.forces_replacement { " (forces replacement)" } else { "" })
    }
}

impl Effects {
    /// Collects the effects of `plan` on `stack`; `key` is the state's lineage, if there is a state.
    pub fn of(plan: &Plan, stack: &str, place: &Place, secrets: &Secrets, key: Option<&str>) -> Self {
        let hide = Hide { secrets, key };
        let acting = plan.actions().iter().filter(|planned| planned.has_changes());
        let resources = acting.map(|planned| (hide.address(&planned.address), hide.effect(planned))).collect();
        Self {
            format: FORMAT,
            stack: stack.to_owned(),
            account: place.account.clone(),
            region: place.region.clone(),
            resources,
            not_compared: plan.not_compared().iter().map(|(at, paths)| (hide.address(at), paths.clone())).collect(),
        }
    }

    /// Returns the canonical digest: `sha256:` and 64 hex digits.
    pub fn digest(&self) -> String {
        // Structs are written in the order of their fields and maps in that of their keys.
        let compared = Self { not_compared: BTreeMap::new(), ..self.clone() };
        digest::of(&serde_json::to_string(&compared).expect("effects have only text keys, which JSON takes"))
    }

    /// Returns the effects as one word, for a place that nobody reads and that has little room.
    pub fn to_record(&self) -> String {
        let text = serde_json::to_vec(self).expect("effects have only text keys, which JSON takes");
        let mut packed = ZlibEncoder::new(Vec::new(), Compression::best());
        packed.write_all(&text).and_then(|()| packed.finish()).map(|bytes| STANDARD.encode(bytes)).unwrap_or_default()
    }

    /// Decodes the text of [`Effects::to_record`]. Returns `None` for any other text, for another version's form, and
    /// for a text that unpacks to more than [`LARGEST`].
    pub fn of_record(record: &str) -> Option<Self> {
        let packed = STANDARD.decode(record).ok()?;
        let mut text = Vec::new();
        ZlibDecoder::new(&*packed).take(LARGEST).read_to_end(&mut text).ok()?;
        serde_json::from_slice(&text).ok().filter(|effects: &Self| effects.format == FORMAT)
    }

    pub fn is_empty(&self) -> bool {
        self.resources.is_empty()
    }

    /// Tells whether these effects are those of `reviewed`, apart from values that the review did not have: of what it did
    /// not compare, any value counts as reviewed, and so does the value of a property that was shown as not given.
    pub fn agree_with(&self, reviewed: &Self) -> bool {
        if self.place() != reviewed.place() {
            return false;
        }
        let (mut then, mut now) = (reviewed.resources.clone(), self.resources.clone());
        let is_not_given = |change: &PropertyEffect| change.after.as_ref() == Some(&open_value());
        let mut open = reviewed.not_compared.clone();
        for (address, effect) in &then {
            let paths = effect.changes.iter().filter(|(_, change)| is_not_given(change)).map(|(path, _)| path.clone());
            open.entry(address.clone()).or_default().extend(paths);
        }
        let is_value = |change: &PropertyEffect| change.after.is_some() && !change.forces_replacement;
        for effects in [&mut then, &mut now] {
            for (address, paths) in &open {
                let Some(effect) = effects.get_mut(address) else { continue };
                effect.changes.retain(|path, change| !(paths.contains(path) && is_value(change)));
            }
            let is_nothing = |effect: &ReviewedEffect| {
                let ReviewedEffect { action, renamed_from, deletes, changes, .. } = effect;
                *action == Action::Update && renamed_from.is_none() && deletes.is_empty() && changes.is_empty()
            };
            effects.retain(|_, effect| !is_nothing(effect));
        }
        then == now
    }

    /// Tells whether these effects are what remains of `reviewed` after an interrupted run. A resource that the run
    /// created without a record is adopted then.
    pub fn is_rest_of(&self, reviewed: &Self) -> bool {
        self.place() == reviewed.place()
            && self.resources.iter().all(|(address, effect)| {
                reviewed.resources.get(address).is_some_and(|then| {
                    then == effect
                        || (then.action == Action::Create
                            && effect.action == Action::Adopt
                            && effect.changes.is_empty())
                })
            })
    }

    fn place(&self) -> [&str; 3] {
        [&self.stack, &self.account, &self.region]
    }

    /// Describes each difference from the reviewed plan in a line; empty if there is none.
    pub fn differences(&self, reviewed: &Self) -> Vec<String> {
        let mut lines = Vec::new();
        for (what, then, now) in places(reviewed.place(), self.place()) {
            lines.push(format!("the reviewed plan is for the {what} {then}, this one for {now}"));
        }
        for (address, pair) in pairs(&reviewed.resources, &self.resources) {
            match pair {
                Pair::Gone(then) => {
                    lines.push(format!("- {address}: {} was reviewed and is no longer planned", word(then)))
                }
                Pair::New(now) => lines.push(format!("+ {address}: {} was not reviewed", describe(now))),
                Pair::Both(then, now) if then != now => lines.extend(describe_change(address, then, now)),
                Pair::Both(..) => {}
            }
        }
        lines
    }
}

/// The means to hide secrets.
struct Hide<'a> {
    secrets: &'a Secrets,
    key: Option<&'a str>,
}

impl Hide<'_> {
    /// Masks an address, which may contain a text that has become a secret.
    fn address(&self, address: &str) -> String {
        self.secrets.mask(address).into_owned()
    }

    fn effect(&self, planned: &PlannedResource) -> ReviewedEffect {
        let gone = match planned.action() {
            Action::Delete | Action::Replace | Action::Forget => planned.live(),
            _ => None,
        };
        let deletes = gone.into_iter().chain(planned.predecessor());
        ReviewedEffect {
            kind: planned.kind.name().to_owned(),
            action: planned.action(),
            order: planned.order(),
            renamed_from: planned.moved_from.as_deref().map(|from| self.address(from)),
            deletes: deletes.map(|live| self.secrets.mask(&live.physical_id).into_owned()).collect(),
            changes: planned.changes().iter().map(|change| (change.path.clone(), self.change(change))).collect(),
        }
    }

    fn change(&self, change: &Change) -> PropertyEffect {
        PropertyEffect {
            before: self.value(change.before(), change.sensitive),
            after: self.value(change.after(), change.sensitive),
            forces_replacement: change.forces_replacement(),
        }
    }

    fn value(&self, value: &Value, sensitive: bool) -> Option<String> {
        let mut value = (!value.is_null()).then(|| value.clone())?;
        if resolve::needs_variable(&value) {
            return Some(open_value());
        }
        value.sort_all_objects();
        let hidden = match self.key {
            Some(key) if sensitive => Value::from(fingerprint::of(&value.to_string(), key)),
            Some(key) => fingerprint::hide(&value, key, &|text| self.secrets.touches(text)),
            None if sensitive => return Some(HIDDEN.to_owned()),
            None => value,
        };
        // Map keys may contain a secret, too, and without a key so may all texts.
        let text = self.secrets.mask_value(&hidden).to_string();
        Some(if text.chars().count() > LONG { digest::of(&text) } else { text })
    }
}

/// Returns the text that stands for a value that needs a variable without a value. No JSON value has this text.
fn open_value() -> String {
    resolve::NOT_GIVEN.to_owned()
}

fn word(effect: &ReviewedEffect) -> &'static str {
    match effect.action {
        Action::Create => "create",
        Action::Update => "update",
        Action::Replace => "replace",
        Action::Delete => "delete",
        Action::Adopt => "adopt",
        Action::Unchanged => "rename",
        Action::Forget => "leaving the state",
    }
}

fn describe(effect: &ReviewedEffect) -> String {
    let shown: Vec<String> = match effect.action {
        Action::Update | Action::Replace | Action::Adopt => {
            effect.changes.iter().map(|(path, text)| format!("{path}: {text}")).collect()
        }
        _ => Vec::new(),
    };
    if shown.is_empty() { word(effect).to_owned() } else { format!("{} ({})", word(effect), shown.join("; ")) }
}

fn describe_change(address: &str, then: &ReviewedEffect, now: &ReviewedEffect) -> Vec<String> {
    if then.action != now.action {
        return vec![format!("~ {address}: {} was reviewed, now it is {}", word(then), describe(now))];
    }
    let mut lines: Vec<String> = differing(&then.changes, &now.changes)
        .map(|path| {
            let text = |effect: &ReviewedEffect| {
                effect.changes.get(path).map_or("no change".to_owned(), PropertyEffect::to_string)
            };
            format!("~ {address}: {path}: reviewed {}, now {}", text(then), text(now))
        })
        .collect();
    if lines.is_empty() {
        lines.push(format!("~ {address}: what is deleted, or in which order, is not what was reviewed"));
    }
    lines
}

#[cfg(test)]
mod tests;
