//! Which resources a run is about.

use std::collections::BTreeSet;

use super::planner::Goal;
use super::problem::Problem;
use crate::graph::{Graph, Node};
use crate::observe::Observation;
use crate::spec::nearest::nearest;

/// Which resources a run is about; names are addresses or the elements that hold them.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Selection {
    /// These and what they wait for, or when destroying what waits for them; empty means all.
    pub target: Vec<String>,
    /// Not these, nor what waits for them, or when destroying what they wait for.
    pub exclude: Vec<String>,
    /// Made anew even without a difference.
    pub replace: Vec<String>,
    /// Taken over even though they are not known to be ours.
    pub adopt: Vec<String>,
    /// Delete those of the targets, too, that carry the stack's ownership tags and that neither `stack.yaml` nor the state
    /// has.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub prune: bool,
    /// The targets without what they wait for.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub alone: bool,
}

impl Selection {
    /// Tells whether the user asked to adopt `address`, whoever owns it.
    pub(super) fn adopts(&self, address: &str) -> bool {
        self.adopt.iter().any(|name| is_named(address, name))
    }

    /// Is it asked for to delete the orphan at `address`? It takes its name or its element's.
    pub(super) fn prunes(&self, address: &str) -> bool {
        let names_it = |name: &String| name.contains('.') && is_named(address, name);
        self.prune && self.target.iter().any(names_it)
    }
}

/// The addresses that a run is about. What is made needs what it waits for; what goes takes along
/// what waits for it.
pub(super) fn selected(graph: &Graph, selection: &Selection, goal: Goal) -> BTreeSet<String> {
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
        if selection.alone {
            return targets;
        }
        let along = |address: &String| match goal {
            Goal::Apply => graph.ancestors(address),
            Goal::Destroy => graph.dependents(address),
        };
        targets.iter().flat_map(along).chain(targets.clone()).collect()
    };
    // What AWS deletes along with what is made anew has to be made anew, too.
    let anew: BTreeSet<String> = named(&selection.replace).intersection(&chosen).cloned().collect();
    let goes_along = |node: &&Node| node.kind.about().goes_with_parent() && !node.dependencies.is_disjoint(&anew);
    chosen.extend(graph.nodes().filter(goes_along).map(|node| node.address.clone()));
    for address in named(&selection.exclude) {
        let along = match goal {
            Goal::Apply => graph.dependents(&address),
            Goal::Destroy => graph.ancestors(&address),
        };
        chosen.retain(|other| !along.contains(other));
        chosen.remove(&address);
    }
    chosen
}

/// Tells whether `name` is the address or an element or part around it.
pub(super) fn is_named(address: &str, name: &str) -> bool {
    address == name || (address.starts_with(name) && address[name.len()..].starts_with(['.', '[', '#']))
}

/// Names what was asked for and neither the graph nor the prior state has.
pub(super) fn unknown(graph: &Graph, seen: &Observation, selection: &Selection) -> Vec<Problem> {
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
                message: format!("nothing is called `{name}` in this stack"),
                help: meant.map_or_else(
                    || "`deployer plan` lists the addresses".to_owned(),
                    |meant| format!("did you mean `{meant}`?"),
                ),
            }
        })
        .collect()
}
