//! The reasons for adoptions and replacements, and the outputs that change.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::Planner;
use crate::graph::owner::Owner;
use crate::graph::{Node, resolve};
use crate::kinds::AnyKind;
use crate::plan::action::OutputChange;
use crate::plan::change::Change;
use crate::plan::diff::PropertyRules;
use crate::plan::reason::{FixedProperty, Reason};
use crate::spec::secrets::Secrets;
use crate::state::State;

impl Planner<'_> {
    /// Tells how we know that the resource is ours, or that a run was interrupted if there is an intent.
    pub(super) fn why_adopt(&self, node: &Node, spec: &Value, owner: &Owner) -> Reason {
        let kind = node.kind.name();
        let wanted = node.kind.identify(spec);
        let other = self.seen.prior.resources.iter().find(|(address, record)| {
            **address != node.address && record.kind == kind && node.kind.identify(&record.inputs) == wanted
        });
        if let Some((other, _)) = other {
            return Reason::Moved { from: other.clone() };
        }
        let intent = self.seen.prior.intents.iter().find(|intent| intent.address == node.address);
        match (intent, owner) {
            (Some(intent), _) => {
                Reason::Interrupted { since: intent.creates_since().unwrap_or(&intent.since).to_owned() }
            }
            (None, Owner::Foreign(owner)) => Reason::AdoptRequested { owner: owner.clone() },
            (None, Owner::Ours) => Reason::Unrecorded,
        }
    }
}

/// Names the properties that cannot change in place, or else what asks for the replacement.
pub(super) fn why_replace(kind: &dyn AnyKind, forced: bool, changes: &[Change]) -> Reason {
    let rules = PropertyRules(kind.rules());
    let forcing = changes.iter().filter(|change| change.forces_replacement());
    let fixed = |change: &Change| FixedProperty {
        path: change.path.clone(),
        why: rules.why_fixed(&change.path).map(str::to_owned),
    };
    let properties: Vec<FixedProperty> = forcing.map(fixed).collect();
    match (forced, properties.is_empty()) {
        (true, true) => Reason::ReplaceRequested,
        (false, true) => Reason::AnotherResource,
        (_, false) => Reason::CannotUpdate { properties },
    }
}

/// Lists the outputs that differ from those of the last apply. Before the first apply the list is empty.
pub(super) fn output_changes(
    prior: &State,
    outputs: &BTreeMap<String, String>,
    settled: bool,
    secrets: &Secrets,
) -> Vec<OutputChange> {
    if prior.resources.is_empty() {
        return Vec::new();
    }
    let names: BTreeSet<&String> = prior.outputs.keys().chain(outputs.keys()).collect();
    let change = |name: &String| {
        let before = prior.outputs.get(name).cloned();
        // The state does not keep outputs that contain a secret.
        let after = outputs.get(name).filter(|text| !secrets.touches(text));
        let value = after.map(|text| Value::from(text.as_str()));
        if value.as_ref().is_some_and(resolve::needs_variable) {
            return None;
        }
        let open = value.as_ref().is_some_and(resolve::is_unknown);
        let after = after.map(|text| resolve::readable(text));
        (before != after && !(open && settled)).then(|| OutputChange { name: name.clone(), before, after })
    };
    names.into_iter().filter_map(change).collect()
}
