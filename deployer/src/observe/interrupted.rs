//! Finds resources that an interrupted run created and did not record.

use std::collections::{BTreeMap, BTreeSet};

use futures::stream::{FuturesUnordered, StreamExt};
use serde_json::Value;

use super::hidden::{find, is_hidden};
use super::left::{identities, same_open_identity};
use super::{FailedRead, ObserveError, identity_known};
use crate::aws::{Aws, Place, Trust};
use crate::graph::Graph;
use crate::graph::owner::{by_own_tags, created_untagged};
use crate::graph::resolve::{self, KnownOutputs};
use crate::kinds::{self, AnyKind, ObservedResource};
use crate::state::{Intent, Record, State, leftover};

/// Finds resources that an interrupted run created and that are neither in the graph nor in the state. Returns them as
/// records, so that they are treated like every resource removed from `stack.yaml`.
pub(super) async fn find_interrupted(
    graph: &Graph,
    aws: &Aws,
    predicted: &KnownOutputs,
    prior: &State,
) -> Result<BTreeMap<String, Record>, ObserveError> {
    let meant = if prior.intents.is_empty() { BTreeSet::new() } else { identities(graph, &aws.place, predicted) };
    let known = read_created_parents(aws, prior).await?;
    let intents: Vec<Intent> = prior
        .intents
        .iter()
        .map(|intent| Intent { inputs: resolve::marks(&intent.inputs, &known), ..intent.clone() })
        .collect();
    let mut reads = FuturesUnordered::new();
    // Considers intents of every action. A run that was to delete or adopt a remnant of an earlier run, and was itself
    // interrupted, has left the only trace of it.
    for intent in &intents {
        let Some(kind) = kinds::find(&intent.kind).filter(|_| intent.inputs.is_object()) else { continue };
        let name = kind.identify(&intent.inputs);
        let recorded =
            prior.resources.values().any(|record| record.kind == intent.kind && kind.identify(&record.inputs) == name);
        let is_meant = meant.contains(&(intent.kind.clone(), name.clone()))
            || graph
                .node(&intent.address)
                .is_some_and(|node| same_open_identity(node, &intent.kind, &intent.inputs, &aws.place, predicted));
        if recorded || !identity_known(kind, &intent.inputs) || is_meant {
            continue;
        }
        let read = async move {
            if is_hidden(kind, &intent.inputs) {
                find(kind, aws, &intent.inputs, None, &prior.lineage).await
            } else {
                kind.read(aws, &intent.inputs, Trust::Resource).await
            }
        };
        reads.push(async move { (intent, kind, name, read.await) });
    }
    let (mut found, mut failed) = (BTreeMap::new(), Vec::new());
    while let Some((intent, kind, name, outcome)) = reads.next().await {
        match outcome {
            Ok(Some(live)) if is_ours(prior, kind, &live, &aws.place) => {
                let taken = prior.resources.contains_key(&intent.address);
                let address = if taken { leftover(&intent.address, &name) } else { intent.address.clone() };
                found.insert(address, record_of(intent, live));
            }
            Ok(_) => {}
            Err(error) => failed.push(FailedRead {
                address: intent.address.clone(),
                element: intent.element.clone(),
                kind: kind.name(),
                error,
            }),
        }
    }
    if failed.is_empty() { Ok(found) } else { Err(ObserveError::Reads(failed)) }
}

/// Returns the outputs that intents refer to and that AWS assigned after they were written. Takes them from the
/// records, else reads them.
async fn read_created_parents(aws: &Aws, prior: &State) -> Result<KnownOutputs, ObserveError> {
    let outputs = |(address, record): (&String, &Record)| (address.clone(), record.outputs.clone());
    let mut known: KnownOutputs = prior.resources.iter().map(outputs).collect();
    let awaited: BTreeSet<String> =
        prior.intents.iter().flat_map(|intent| resolve::list_awaited(&intent.inputs)).collect();
    for intent in prior.intents.iter().filter(|intent| awaited.contains(&intent.address)) {
        let Some(kind) = kinds::find(&intent.kind) else { continue };
        if known.contains_key(&intent.address) || !identity_known(kind, &intent.inputs) {
            continue;
        }
        let live = kind.present(aws, &intent.inputs).await.map_err(|error| {
            let (address, element) = (intent.address.clone(), intent.element.clone());
            ObserveError::Reads(vec![FailedRead { address, element, kind: kind.name(), error }])
        })?;
        if let Some(live) = live {
            known.insert(intent.address.clone(), live.outputs);
        }
    }
    Ok(known)
}

/// Tells whether the resource belongs to the stack. A part has no ownership tags; the intent is the only evidence that
/// the run created it.
fn is_ours(prior: &State, kind: &dyn AnyKind, live: &ObservedResource<Value>, place: &Place) -> bool {
    by_own_tags(kind, live, &prior.stack, false).is_none_or(|owner| owner.is_ours())
        || created_untagged(prior, kind, live, place)
}

fn record_of(intent: &Intent, live: ObservedResource<Value>) -> Record {
    Record {
        kind: intent.kind.clone(),
        element: intent.element.clone(),
        physical_id: live.physical_id,
        inputs: intent.inputs.clone(),
        outputs: live.outputs,
        dependencies: intent.dependencies.clone(),
        protect: intent.protect,
        retain: intent.retain,
        origin: None,
    }
}
