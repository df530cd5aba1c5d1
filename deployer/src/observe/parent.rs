//! What is part of something else, and whose that is.

use std::collections::BTreeSet;

use futures::future::join_all;
use serde_json::Value;

use super::{FailedRead, Observation, ObserveError};
use crate::aws::{Aws, tagged, tags};
use crate::graph::Graph;
use crate::kinds::{AnyKind, Observed, Outputs, Ownership, by_name};

impl Observation {
    /// The live resource that another one is part of, if its kind is known to be part of one: of those in
    /// `dependencies` the one that its first identity property names. Somebody else's (external) is none.
    pub(crate) fn parent<'a>(
        &'a self,
        graph: &Graph,
        kind: &dyn AnyKind,
        spec: &Value,
        dependencies: &'a BTreeSet<String>,
    ) -> Option<(&'a String, &'a Observed<Value>)> {
        let (of, name) = (kind.part_of()?, spec.get(kind.identity().first()?)?.as_str()?);
        let named = |outputs: &Outputs| outputs.values().any(|output| output == name);
        dependencies.iter().find_map(|address| {
            let node = graph.node(address).filter(|node| node.kind.name() == of && !node.external);
            let live = node.and_then(|_| self.live.get(address));
            let left = self.left.get(address).filter(|left| left.record.kind == of).and_then(|left| left.live.as_ref());
            Some((address, live.into_iter().chain(left).find(|seen| named(&seen.outputs))?))
        })
    }

    /// Tells whether the last apply left the resource that another one is part of.
    pub(crate) fn left_parent(&self, kind: &dyn AnyKind, spec: &Value, dependencies: &BTreeSet<String>) -> bool {
        let name = kind.identity().first().and_then(|property| spec.get(property)?.as_str());
        let records = dependencies.iter().filter_map(|address| self.prior.resources.get(address));
        records.filter(|record| Some(record.kind.as_str()) == kind.part_of()).any(|record| {
            let is_named = |output: &String| Some(output.as_str()) == name;
            record.outputs.values().any(is_named)
        })
    }

    /// Reads those again whose owner was taken to be that of their parent, where that one is not seen to be ours.
    pub(super) async fn confirm(&mut self, graph: &Graph, aws: &Aws) -> Result<(), ObserveError> {
        let part = |kind: &&dyn AnyKind| kind.ownership() == Ownership::Tags && kind.part_of().is_some();
        let doubtful = |kind: &dyn AnyKind, spec: &Value, dependencies: &BTreeSet<String>| {
            let parent = self.parent(graph, kind, spec, dependencies);
            parent.and_then(|(_, live)| live.spec["tags"][tags::STACK].as_str()) != Some(&self.prior.stack)
        };
        let nodes = graph.nodes().filter(|node| part(&node.kind)).filter_map(|node| {
            let spec = &self.live.get(&node.address)?.spec;
            doubtful(node.kind, spec, &node.dependencies).then_some((
                false,
                &node.address,
                &node.element,
                node.kind,
                spec,
            ))
        });
        let left = self.left.iter().filter_map(|(address, left)| {
            let (kind, spec) = (by_name(&left.record.kind).filter(part)?, &left.live.as_ref()?.spec);
            let doubtful = doubtful(kind, spec, &left.record.dependencies);
            doubtful.then_some((true, address, &left.record.element, kind, spec))
        });
        let reads = nodes.chain(left).map(|(is_left, address, element, kind, spec)| async move {
            let live = tagged::surely(kind.read(aws, spec)).await.map_err(|error| FailedRead {
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
