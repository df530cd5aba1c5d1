//! Selects the resources of a run.

use std::collections::BTreeSet;

use super::goal::{Adoption, Goal};
use super::problem::Problem;
use crate::graph::{Graph, Node};
use crate::observe::Observation;
use crate::spec::nearest::nearest;

/// The user's choice of resources; names are addresses, or the elements around them.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Selection {
    /// These and their dependencies, or for a destroy their dependents; empty means all.
    pub target: Vec<String>,
    /// Not these and not their dependents, or for a destroy not their dependencies.
    pub exclude: Vec<String>,
    /// Replaced even without a difference.
    pub replace: Vec<String>,
    /// Adopted even if they are not known to be ours.
    pub adopt: Vec<String>,
    /// Also delete the targets that have the stack's ownership tags and that neither `stack.yaml` nor the state has.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub prune: bool,
}

impl Selection {
    /// Selects the resource to adopt alone.
    pub(super) fn only(adoption: &Adoption) -> Self {
        let address = vec![adoption.address.clone()];
        Self { target: address.clone(), adopt: address, ..Self::default() }
    }

    /// Tells whether the user asked to adopt `address`, whoever owns it.
    pub(super) fn adopts(&self, address: &str) -> bool {
        self.adopt.iter().any(|name| is_named(address, name))
    }

    /// Tells whether the user asked to delete the orphan at `address`, by its name or its element's.
    pub(super) fn prunes(&self, address: &str) -> bool {
        let names_it = |name: &String| name.contains('.') && is_named(address, name);
        self.prune && self.target.iter().any(names_it)
    }
}

/// Returns the addresses of a run. A created resource needs its dependencies; a deletion takes the dependents along.
pub(super) fn select(graph: &Graph, selection: &Selection, goal: &Goal) -> BTreeSet<String> {
    let named = |names: &[String]| -> BTreeSet<String> {
        graph
            .nodes()
            .filter(|n| names.iter().any(|name| is_named(&n.address, name)))
            .map(|n| n.address.clone())
            .collect()
    };
    let mut chosen: BTreeSet<String> = if selection.target.is_empty() {
        graph.nodes().map(|n| n.address.clone()).collect()
    } else {
        let targets = named(&selection.target);
        if matches!(goal, Goal::Adopt(_)) {
            // The resources that it needs exist already, or the adoption is refused.
            return targets;
        }
        let along = |address: &String| match goal {
            Goal::Destroy => graph.dependents(address),
            _ => graph.ancestors(address),
        };
        targets.iter().flat_map(along).chain(targets.clone()).collect()
    };
    // A part that AWS deletes along with its parent has to be recreated with the parent.
    let recreated: BTreeSet<String> = named(&selection.replace).intersection(&chosen).cloned().collect();
    let goes_along = |node: &&Node| node.kind.about().goes_with_parent() && !node.dependencies.is_disjoint(&recreated);
    chosen.extend(graph.nodes().filter(goes_along).map(|node| node.address.clone()));
    for address in named(&selection.exclude) {
        let along = match goal {
            Goal::Destroy => graph.ancestors(&address),
            _ => graph.dependents(&address),
        };
        chosen.retain(|other| !along.contains(other));
        chosen.remove(&address);
    }
    chosen
}

/// Tells whether `name` is the address, or an element or part around it.
pub(super) fn is_named(address: &str, name: &str) -> bool {
    address == name || (address.starts_with(name) && address[name.len()..].starts_with(['.', '[', '#']))
}

/// Reports the names that neither the graph nor the prior state has.
pub(super) fn unknown_names(graph: &Graph, seen: &Observation, selection: &Selection) -> Vec<Problem> {
    let Selection { target, exclude, replace, adopt, .. } = selection;
    let known = |name: &String| {
        graph.nodes().any(|n| is_named(&n.address, name))
            || seen.prior.resources.keys().any(|address| is_named(address, name))
            || seen.orphans.iter().any(|orphan| is_named(&orphan.address, name))
    };
    let asked: BTreeSet<&String> = target.iter().chain(exclude).chain(replace).chain(adopt).collect();
    asked
        .into_iter()
        .filter(|name| !known(name))
        .map(|name| {
            let meant = nearest(name, graph.nodes().map(|n| n.address.as_str()));
            Problem {
                code: "plan::unknown-address",
                address: name.clone(),
                element: String::new(),
                message: format!("this stack has no `{name}`"),
                help: meant.map_or_else(
                    || "`deployer plan` lists the addresses".to_owned(),
                    |meant| format!("did you mean `{meant}`?"),
                ),
            }
        })
        .collect()
}
