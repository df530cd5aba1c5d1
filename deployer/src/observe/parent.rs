//! Finds the parents of resources that are parts, and thereby the parts' owners.

use std::collections::{BTreeSet, HashMap};

use futures::future::join_all;
use serde_json::Value;

use super::{FailedRead, Observation, ObserveError};
use crate::aws::{Aws, Trust, tags};
use crate::graph::Graph;
use crate::kinds::{self, AnyKind, Observed, Ownership, REGISTRY};

/// The live resources that may have parts, by kind and by each of their outputs. External resources are excluded.
pub(crate) struct Parents<'a>(HashMap<(&'a str, &'a str), Parent<'a>>);

#[derive(Clone, Copy)]
pub(crate) struct Parent<'a> {
    pub(crate) address: &'a str,
    pub(crate) live: &'a Observed<Value>,
    /// Whether `stack.yaml` has it, under this address.
    pub(crate) is_meant: bool,
}

impl<'a> Parents<'a> {
    /// Returns the parent of a resource of `kind`: the one that its first identity property names.
    pub(crate) fn of(&self, kind: &dyn AnyKind, spec: &Value) -> Option<Parent<'a>> {
        self.0.get(&(kind.about().part_of()?, kind.about().parent_in(spec)?)).copied()
    }

    /// Finds the resources that `text` names directly or by something inside them, such as an API by the ARN of a
    /// route.
    pub(crate) fn named<'s>(&'s self, text: &'s str) -> impl Iterator<Item = (&'a str, Parent<'a>)> + 's {
        let last = text.rsplit(':').next().unwrap_or_default();
        let within = |whole: &str, output: &str| whole.strip_prefix(output).is_some_and(|rest| rest.starts_with('/'));
        let names = move |output: &str| text == output || within(text, output) || within(last, output);
        self.0.iter().filter(move |((_, output), _)| names(output)).map(|((kind, _), parent)| (*kind, *parent))
    }
}

impl Observation {
    /// Returns every live resource that may have parts.
    pub(crate) fn parents<'a>(&'a self, graph: &'a Graph) -> Parents<'a> {
        let kinds: BTreeSet<&str> = REGISTRY.iter().filter_map(|kind| kind.about().part_of()).collect();
        let left = self.left.iter().filter_map(|(address, left)| {
            let parent = Parent { address, live: left.live.as_ref()?, is_meant: false };
            Some((left.record.kind.as_str(), parent))
        });
        let nodes = graph.nodes().filter(|node| !node.external).filter_map(|node| {
            let parent = Parent { address: &node.address, live: self.live.get(&node.address)?, is_meant: true };
            Some((node.kind.name(), parent))
        });
        let mut parents = HashMap::new();
        for (kind, parent) in left.chain(nodes).filter(|(kind, _)| kinds.contains(kind)) {
            parents.extend(parent.live.outputs.values().map(|output| ((kind, output.as_str()), parent)));
        }
        Parents(parents)
    }

    /// Tells whether the state has the parent of a resource of `kind`.
    pub(crate) fn left_parent(&self, kind: &dyn AnyKind, spec: &Value) -> bool {
        let about = kind.about();
        let name = about.parent_in(spec);
        let mut records = self.prior.resources.values().filter(|record| Some(record.kind.as_str()) == about.part_of());
        records.any(|record| record.outputs.values().any(|output| Some(output.as_str()) == name))
    }

    /// Re-reads every resource whose ownership was inferred from its parent, unless the parent turned out to be ours.
    pub(super) async fn confirm(&mut self, graph: &Graph, aws: &Aws) -> Result<(), ObserveError> {
        let part = |kind: &&dyn AnyKind| kind.ownership() == Ownership::Tags && kind.about().parent.is_some();
        let parents = self.parents(graph);
        let doubtful = |kind: &dyn AnyKind, spec: &Value| {
            let parent = parents.of(kind, spec);
            parent.and_then(|parent| parent.live.spec["tags"][tags::STACK].as_str()) != Some(&self.prior.stack)
        };
        let nodes = graph.nodes().filter(|node| part(&node.kind)).filter_map(|node| {
            let spec = &self.live.get(&node.address)?.spec;
            doubtful(node.kind, spec).then_some((false, &node.address, &node.element, node.kind, spec))
        });
        let left = self.left.iter().filter_map(|(address, left)| {
            let (kind, spec) = (kinds::find(&left.record.kind).filter(part)?, &left.live.as_ref()?.spec);
            let doubtful = doubtful(kind, spec);
            doubtful.then_some((true, address, &left.record.element, kind, spec))
        });
        let reads = nodes.chain(left).map(|(is_left, address, element, kind, spec)| async move {
            let live = kind.read(aws, spec, Trust::Resource).await.map_err(|error| FailedRead {
                address: address.clone(),
                element: element.clone(),
                kind: kind.name(),
                error,
            });
            (is_left, address.clone(), live)
        });
        let (mut found, mut failed) = (Vec::new(), Vec::new());
        for (is_left, address, live) in join_all(reads).await {
            match live {
                Ok(live) => found.push((is_left, address, live)),
                Err(read) => failed.push(read),
            }
        }
        for (is_left, address, live) in found {
            if is_left {
                self.left.entry(address).and_modify(|left| left.live = live);
            } else if let Some(live) = live {
                self.live.insert(address, live);
            } else {
                self.live.remove(&address);
            }
        }
        if failed.is_empty() { Ok(()) } else { Err(ObserveError::Reads(failed)) }
    }
}
