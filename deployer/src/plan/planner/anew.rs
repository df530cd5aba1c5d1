//! What comes of a resource that is made anew under its name, for those that AWS ties to the very one that was there.

use serde_json::Value;

use super::Planner;
use crate::graph::Node;
use crate::kinds::Observed;
use crate::plan::diff::Change;
use crate::plan::{Action, Planned};
use crate::spec::template;

impl Planner<'_> {
    /// The resource that the node is part of and goes with, if that is deleted first and made anew under its name.
    pub(super) fn parent_made_anew(&self, node: &Node) -> Option<String> {
        let property = node.kind.identity().first().filter(|_| node.kind.about().goes_with_parent())?;
        referred(node, property).find(|address| self.anew.get(address) == Some(&Action::Replace))
    }

    /// Sets again what AWS would else hold on to: the resource that was there before another one of its name.
    pub(super) fn hold_again(&self, node: &Node, planned: &mut Planned, live: &Observed<Value>) {
        for property in node.kind.about().references.holds {
            let same = !planned.changes.iter().any(|change| change.path == *property);
            let made = |address: &String| self.anew.contains_key(address) || self.was_about_to_hold(node, address);
            let made = referred(node, property).find(made);
            let (Some(made), Some(value)) = (made.filter(|_| same), live.spec.get(*property)) else { continue };
            planned.changes.push(Change {
                path: (*property).to_owned(),
                before: value.clone(),
                after: value.clone(),
                sensitive: self.is_secret(value),
                known: true,
                forces_replacement: false,
            });
            if planned.action == Action::Unchanged {
                planned.action = Action::Update;
                planned.reason = format!("AWS holds on to the former `{made}` until it is set again");
            }
        }
    }

    /// Was a run cut off that made `held` anew, before it had set it again? An update of which nothing differs from what
    /// is recorded may have been meant for that.
    fn was_about_to_hold(&self, node: &Node, held: &str) -> bool {
        let intents = &self.seen.prior.intents;
        let updates = |action: Action| matches!(action, Action::Update | Action::Adopt);
        let own = intents.iter().find(|intent| intent.address == node.address && updates(intent.action));
        let Some(own) = own else { return false };
        let recreated = intents.iter().any(|intent| intent.address == held && intent.action.creates());
        let record = self.seen.prior.resources.get(&node.address);
        recreated || record.is_some_and(|record| record.inputs == own.inputs)
    }
}

/// The addresses that a property refers to.
fn referred(node: &Node, property: &str) -> impl Iterator<Item = String> {
    node.spec.get(property).into_iter().flat_map(template::references).map(|(_, to)| to.address)
}
