//! Adds to a failure what AWS has otherwise than the last apply left it.

use std::collections::{BTreeMap, BTreeSet};

use super::{Edge, Outcome, Verdict, View};
use crate::graph::Node;
use crate::plan::drift::drift_of_all;

/// Adds the likely causes to the text of a failed edge that was tried.
pub fn explained(view: View<'_>, edge: &Edge, outcome: Outcome) -> Outcome {
    if outcome.verdict != Verdict::Failed || edge.obstacle.is_some() {
        return outcome;
    }
    let involved = involved(view, edge);
    let mut changed: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for entry in drift_of_all(view.graph, view.seen, view.place) {
        if involved.contains(entry.address.as_str()) {
            changed.entry(entry.address).or_default().extend(entry.path);
        }
    }
    if changed.is_empty() {
        return outcome;
    }
    let causes = changed.into_iter().map(|(address, paths)| match paths.is_empty() {
        true => format!("{address} does not exist in AWS any more"),
        false => format!("{address} was changed outside: {}", paths.join(", ")),
    });
    let text = [outcome.text.clone()].into_iter().chain(causes).collect::<Vec<_>>().join("; ");
    Outcome { text, ..outcome }.with_help("`deployer apply` puts it back")
}

/// Lists the resources that an edge needs: its own and its ends, the permissions between them, and all that they need.
fn involved<'a>(view: View<'a>, edge: &Edge) -> BTreeSet<&'a str> {
    let graph = view.graph;
    let named = [&edge.resource, &edge.from, &edge.to];
    let ends: Vec<&Node> = named.iter().filter_map(|address| graph.node(address)).collect();
    let Some(own) = graph.node(&edge.resource) else { return BTreeSet::new() };
    let between = graph.nodes().filter(|node| node.element == own.element && node.dependencies.contains(&edge.to));
    let mut found: BTreeSet<&str> = ends.iter().map(|node| node.address.as_str()).collect();
    found.extend(between.map(|node| node.address.as_str()));
    for node in ends {
        let parts = node.dependencies.iter().filter_map(|address| graph.node(address));
        found.extend(parts.filter(|part| part.element == node.element).map(|part| part.address.as_str()));
    }
    found
}
