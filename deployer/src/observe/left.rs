//! Reads the resources of the prior state that are no longer in the graph.

use std::collections::{BTreeMap, BTreeSet};

use futures::stream::{FuturesUnordered, StreamExt};
use serde_json::Value;

use super::hidden::{find, is_hidden};
use super::{Depth, FailedRead, ObserveError, StateOnlyResource, identity_known};
use crate::aws::{Aws, Place, Trust};
use crate::graph::resolve::{self, KnownOutputs};
use crate::graph::{Graph, Node};
use crate::kinds::{self, AnyKind};
use crate::state::{Record, State};

/// Reads the resources whose recorded identity the graph does not have.
pub(super) async fn read_left(
    graph: &Graph,
    aws: &Aws,
    predicted: &KnownOutputs,
    prior: &State,
    depth: Depth,
) -> Result<BTreeMap<String, StateOnlyResource>, ObserveError> {
    let mut reads = FuturesUnordered::new();
    for (address, record, kind) in records_without_node(graph, &aws.place, predicted, prior)? {
        let read = async move {
            if is_hidden(kind, &record.inputs) {
                find(kind, aws, &record.inputs, Some(&record.physical_id), &prior.lineage).await
            } else {
                depth.read(kind, aws, &record.inputs, Trust::Resource).await
            }
        };
        reads.push(async move { (address, record, kind, read.await) });
    }
    let (mut left, mut failed) = (BTreeMap::new(), Vec::new());
    while let Some((address, record, kind, outcome)) = reads.next().await {
        match outcome {
            Ok(live) => {
                left.insert(address.clone(), StateOnlyResource { record: record.clone(), live });
            }
            Err(error) => failed.push(FailedRead {
                address: address.clone(),
                element: record.element.clone(),
                kind: kind.name(),
                error,
            }),
        }
    }
    if failed.is_empty() { Ok(left) } else { Err(ObserveError::Reads(failed)) }
}

/// Lists the records whose identity the graph has under no address.
pub(crate) fn records_without_node<'a>(
    graph: &Graph,
    place: &Place,
    predicted: &KnownOutputs,
    prior: &'a State,
) -> Result<Vec<(&'a String, &'a Record, &'static dyn AnyKind)>, ObserveError> {
    let meant = identities(graph, place, predicted);
    let mut found = Vec::new();
    for (address, record) in &prior.resources {
        let kind = kinds::find(&record.kind)
            .ok_or_else(|| ObserveError::UnknownKind { address: address.clone(), kind: record.kind.clone() })?;
        let is_meant = meant.contains(&(record.kind.clone(), kind.identify(&record.inputs)))
            || graph
                .node(address)
                .is_some_and(|node| same_open_identity(node, &record.kind, &record.inputs, place, predicted));
        if !is_meant {
            found.push((address, record, kind));
        }
    }
    Ok(found)
}

/// Lists the kind and identity of every resource in the graph whose identity is known without a read.
pub(super) fn identities(graph: &Graph, place: &Place, known: &KnownOutputs) -> BTreeSet<(String, String)> {
    graph
        .nodes()
        .filter_map(|node| {
            let spec = resolve::value(&node.spec, known, place);
            identity_known(node.kind, &spec).then(|| (node.kind.name().to_owned(), node.kind.identify(&spec)))
        })
        .collect()
}

/// Tells whether a node and a record share the known part of their identity. The rest, a parent's generated id, is
/// known only after the parent was read.
pub(super) fn same_open_identity(
    node: &Node,
    kind: &str,
    inputs: &Value,
    place: &Place,
    predicted: &KnownOutputs,
) -> bool {
    let spec = resolve::value(&node.spec, predicted, place);
    node.kind.name() == kind
        && !identity_known(node.kind, &spec)
        && node.kind.identity().iter().all(|property| {
            spec.get(property).is_some_and(resolve::is_unknown) || spec.get(property) == inputs.get(property)
        })
}
