//! Groups the edges into rounds of probes that may be on their way at the same time.
//!
//! A call that a log shows may be any probe's, if the function does not log the probe. So two probes that can reach the
//! same function, also over several edges, never share a round if one of them is known by its calls. These rounds come
//! first: alarms and requests, which are known in other ways, would start functions, too.

use std::collections::{BTreeMap, BTreeSet};

use super::{Arrival, Departure, Edge};

/// Edges with one departure, by their place in the list of edges.
type Group = Vec<usize>;

/// Returns the rounds, each with its groups.
pub fn of(edges: &[Edge]) -> Vec<Vec<Group>> {
    let mut groups: Vec<Group> = Vec::new();
    for (index, edge) in edges.iter().enumerate().filter(|(_, edge)| edge.obstacle.is_none()) {
        let same = |group: &&mut Group| edges[group[0]].departure == edge.departure;
        match groups.iter_mut().find(same) {
            Some(group) => group.push(index),
            None => groups.push(vec![index]),
        }
    }
    let (mut by_calls, rest): (Vec<Group>, Vec<Group>) =
        groups.into_iter().partition(|group| group.iter().any(|index| is_known_by_calls(&edges[*index])));
    // A probe that nothing consumes stays in its queue, and would hide the next one that arrives there.
    by_calls.sort_by_key(|group| matches!(edges[group[0]].departure, Departure::Enqueue { .. }));
    let mut rounds: Vec<(Vec<Group>, BTreeSet<&str>)> = Vec::new();
    for group in by_calls {
        let reached = reached(&group, edges);
        match rounds.iter_mut().find(|(_, others)| others.is_disjoint(&reached)) {
            Some((round, others)) => {
                round.push(group);
                others.extend(reached);
            }
            None => rounds.push((vec![group], reached)),
        }
    }
    let rounds = rounds.into_iter().map(|(round, _)| round);
    rounds.chain((!rest.is_empty()).then_some(rest)).collect()
}

/// Counts the messages that each place outside AWS gets, by its endpoint, when `edges` are tried. A probe also passes
/// those of `all` edges that are not tried.
pub fn letters<'e>(edges: &[Edge], all: &'e [Edge]) -> BTreeMap<&'e str, usize> {
    let mut counts = BTreeMap::new();
    for group in of(edges).iter().flatten() {
        let start: Vec<&str> = group.iter().map(|index| edges[*index].from.as_str()).collect();
        let reached = reached_from(&start, all);
        let outside = all.iter().filter(|edge| edge.is_to_person() && edge.obstacle.is_none());
        let ends: BTreeSet<&str> = outside.map(|edge| edge.to.as_str()).filter(|end| reached.contains(end)).collect();
        for end in ends {
            *counts.entry(end).or_insert(0) += 1;
        }
    }
    counts
}

fn is_known_by_calls(edge: &Edge) -> bool {
    match &edge.arrival {
        Arrival::Call { .. } => true,
        Arrival::Message { consumers, .. } => !consumers.is_empty(),
        _ => false,
    }
}

/// Lists the addresses that a group's probe can reach, also over further edges. A probe that is published reaches all
/// subscribers.
fn reached<'e>(group: &[usize], edges: &'e [Edge]) -> BTreeSet<&'e str> {
    let start: Vec<&str> = group.iter().map(|index| edges[*index].from.as_str()).collect();
    reached_from(&start, edges)
}

/// Lists the addresses that probes from these addresses can reach over `edges`.
pub(super) fn reached_from<'e>(start: &[&str], edges: &'e [Edge]) -> BTreeSet<&'e str> {
    let passed: Vec<&Edge> =
        edges.iter().filter(|edge| !matches!(edge.departure, Departure::Settings { .. })).collect();
    let mut found = BTreeSet::new();
    let mut grows = true;
    while grows {
        grows = false;
        for edge in &passed {
            let is_reached = start.contains(&edge.from.as_str()) || found.contains(edge.from.as_str());
            grows |= is_reached && found.insert(edge.to.as_str());
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::super::edges::test_edge;
    use super::*;
    use crate::operate::FunctionTarget;

    fn ring(name: &str) -> Departure {
        Departure::Ring { alarm_name: name.to_owned() }
    }

    fn call(name: &str) -> Arrival {
        let function = FunctionTarget {
            element: format!("functions.{name}"),
            function_name: name.to_owned(),
            log_group: String::new(),
            external: false,
        };
        Arrival::Call { function, is_silent: false }
    }

    /// ```text
    /// a1 ─→ t ─→ f      a2 ─→ f      a3 ─→ g
    /// ```
    #[test]
    fn probes_that_can_reach_one_function_are_sent_one_after_the_other_and_alarms_last() {
        let edges = [
            test_edge(ring("1"), Arrival::Action("t".into()), ["a1", "t"]),
            test_edge(ring("t"), call("f"), ["t", "functions.f"]),
            test_edge(ring("2"), call("f"), ["a2", "functions.f"]),
            test_edge(ring("3"), call("g"), ["a3", "functions.g"]),
        ];
        assert_eq!(of(&edges), [vec![vec![1], vec![3]], vec![vec![2]], vec![vec![0]]]);
    }

    #[test]
    fn a_person_gets_a_message_of_each_probe_that_reaches_the_topic() {
        let edges = [
            test_edge(ring("1"), Arrival::Action("t".into()), ["a1", "t"]),
            test_edge(ring("2"), Arrival::Action("t".into()), ["a2", "t"]),
            test_edge(ring("t"), Arrival::Accepted("a mailbox"), ["t", "me@example.com"]),
        ];
        assert_eq!(letters(&edges, &edges), BTreeMap::from([("me@example.com", 3)]));
        let one = std::slice::from_ref(&edges[0]);
        assert_eq!(letters(one, &edges), BTreeMap::from([("me@example.com", 1)]), "over an edge that is not tried");
    }

    #[test]
    fn edges_share_one_probe_if_it_leaves_in_the_same_way() {
        let edges = [
            test_edge(ring("1"), Arrival::Action("t".into()), ["a", "t"]),
            test_edge(ring("1"), Arrival::Action("u".into()), ["a", "u"]),
        ];
        assert_eq!(of(&edges), [vec![vec![0, 1]]]);
    }
}
