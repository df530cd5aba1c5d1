//! Finds the parents of resources that are parts, and thereby the parts' owners.

use futures::future::join_all;
use serde_json::Value;

use super::{FailedRead, Observation, ObserveError};
use crate::aws::{Aws, Place, Trust};
use crate::graph::Graph;
use crate::graph::owner::{Owner, Owners, Parent, Parents, by_own_tags};
use crate::kinds::{self, AnyKind, Ownership};

impl Observation {
    /// Returns what tells the owners of this stack's resources.
    pub(crate) fn owners<'a>(&'a self, graph: &'a Graph, stack: &'a str, place: &'a Place) -> Owners<'a> {
        Owners::new(stack, place, &self.prior, self.parents(graph))
    }

    /// Returns every live resource that may have parts.
    fn parents<'a>(&'a self, graph: &'a Graph) -> Parents<'a> {
        let left = self.left.iter().filter_map(|(address, left)| {
            let kind = kinds::find(&left.record.kind)?;
            Some(Parent { address, kind, live: left.live.as_ref()?, is_stated: false })
        });
        let nodes = graph.nodes().filter(|node| !node.external).filter_map(|node| {
            let live = self.live.get(&node.address)?;
            Some(Parent { address: &node.address, kind: node.kind, live, is_stated: true })
        });
        Parents::among(left.chain(nodes))
    }

    /// Re-reads every resource whose ownership was inferred from its parent, unless the parent turned out to be ours.
    pub(super) async fn confirm(&mut self, graph: &Graph, aws: &Aws) -> Result<(), ObserveError> {
        let part = |kind: &&dyn AnyKind| kind.ownership() == Ownership::Tags && kind.about().parent.is_some();
        let parents = self.parents(graph);
        let doubtful = |kind: &dyn AnyKind, spec: &Value| {
            let parent = parents.of(kind, spec);
            let owner = parent.and_then(|parent| by_own_tags(parent.kind, parent.live, &self.prior.stack, true));
            owner != Some(Owner::Ours)
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
