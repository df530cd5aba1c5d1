//! Why an action is what it is, and which outputs it moves.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::Planner;
use crate::graph::{Node, resolve};
use crate::kinds::AnyKind;
use crate::plan::action::OutputChange;
use crate::plan::diff::{Change, Rules};
use crate::plan::owner;
use crate::spec::secrets::Secrets;
use crate::state::State;

impl Planner<'_> {
    /// Says how we know that it is ours, and that a run was cut off when its intent says so.
    pub(super) fn why_adopt(&self, node: &Node, spec: &Value, owner: &owner::Owner) -> String {
        let (kind, wanted) = (node.kind.name(), node.kind.identify(spec));
        let other = self.seen.prior.resources.iter().find(|(address, record)| {
            **address != node.address && record.kind == kind && node.kind.identify(&record.inputs) == wanted
        });
        if let Some((other, _)) = other {
            return format!("was {other} until now");
        }
        let intent = self.seen.prior.intents.iter().find(|intent| intent.address == node.address);
        match (intent, owner) {
            (Some(intent), _) => format!("created by an interrupted run at {}", intent.since),
            (None, owner::Owner::Foreign(who)) => format!("adopted on request; {who}"),
            (None, owner::Owner::Ours) => "tagged as this stack's, missing from the state".to_owned(),
        }
    }
}

/// Names the properties that cannot change in place, each with the reason.
pub(super) fn why_replace(kind: &dyn AnyKind, forced: bool, changes: &[Change]) -> String {
    let rules = Rules(kind.rules());
    let forcing = changes.iter().filter(|change| change.forces_replacement);
    let why = |change: &Change| {
        let why = rules.fixed(&change.path).unwrap_or("AWS cannot change it in place");
        format!("{} changes: {why}", change.path)
    };
    let reasons: Vec<String> = forcing.map(why).collect();
    match (forced, reasons.is_empty()) {
        (true, true) => "asked for by --replace".to_owned(),
        (false, true) => "stack.yaml means another resource now".to_owned(),
        (_, false) => reasons.join("; "),
    }
}

/// Lists the outputs that differ from those of the last apply; before the first one there are none to compare with.
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
        // The state keeps no output that holds a secret.
        let after = outputs.get(name).filter(|text| !secrets.touches(text));
        let open = after.is_some_and(|text| resolve::is_unknown(&Value::from(text.as_str())));
        let after = after.map(|text| resolve::readable(text));
        (before != after && !(open && settled)).then(|| OutputChange { name: name.clone(), before, after })
    };
    names.into_iter().filter_map(change).collect()
}
