//! Effects of recreating a resource under the same name on the resources that AWS has tied to the old one.

use super::Planner;
use crate::graph::Node;
use crate::kinds::Action;
use crate::plan::change::{Change, How};
use crate::plan::effect::Revision;
use crate::spec::template;

impl Planner<'_> {
    /// Returns the address of the node's parent, if AWS deletes the node along with it and the plan recreates it under
    /// the same name.
    pub(super) fn recreated_parent(&self, node: &Node) -> Option<String> {
        if !node.kind.about().goes_with_parent() {
            return None;
        }
        let property = node.kind.about().parent_property()?;
        referred_addresses(node, property).find(|address| self.new_behind_name.get(address) == Some(&Action::Replace))
    }

    /// Adds the properties that AWS resolved once, to a resource that the plan replaces under the same name. Returns the
    /// address of the first such resource.
    pub(super) fn set_again(&self, node: &Node, revision: &mut Revision) -> Option<String> {
        let mut first = None;
        for property in node.kind.about().references.holds {
            if revision.changes.iter().any(|change| change.path == *property) {
                continue;
            }
            let is_new = |address: &String| {
                self.new_behind_name.contains_key(address) || self.was_about_to_set_again(node, address)
            };
            let Some(to) = referred_addresses(node, property).find(is_new) else { continue };
            let Some(value) = revision.live.spec.get(*property) else { continue };
            revision.changes.push(Change {
                path: (*property).to_owned(),
                sensitive: self.is_secret(value),
                how: How::SetAgain { value: value.clone() },
            });
            first.get_or_insert(to);
        }
        first
    }

    /// Tells whether a run was interrupted after it recreated `referred` and before it set the reference again. An
    /// update whose inputs equal the record may have been meant for that.
    fn was_about_to_set_again(&self, node: &Node, referred: &str) -> bool {
        let intents = &self.seen.prior.intents;
        let updates = |action: Action| matches!(action, Action::Update | Action::Adopt);
        let own = intents.iter().find(|intent| intent.address == node.address && updates(intent.action));
        let Some(own) = own else { return false };
        let recreated = intents.iter().any(|intent| intent.address == referred && intent.action.creates());
        let record = self.seen.prior.resources.get(&node.address);
        recreated || record.is_some_and(|record| record.inputs == own.inputs)
    }
}

/// Returns the addresses that a property refers to.
fn referred_addresses(node: &Node, property: &str) -> impl Iterator<Item = String> {
    node.spec.get(property).into_iter().flat_map(template::references).map(|(_, to)| to.address)
}
