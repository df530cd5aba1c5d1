//! Graph → [`Observation`]: what AWS has now, read at once.
//!
//! Each resource is read as soon as its identity is known. Names are computable, so nearly all
//! reads form one wave. Children of generated ids are read by the id that the last apply left; where their parent
//! turns out to have another one, they are read again.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use futures::future::{BoxFuture, FutureExt};
use futures::stream::{FuturesUnordered, StreamExt};
use serde_json::Value;

use crate::aws::{Aws, AwsError, Place, tags};
use crate::graph::resolve::{self, Known};
use crate::graph::{Graph, Node, identity};
use crate::kinds::{AnyKind, Observed, Ownership, by_name};
use crate::spec::secrets::SHORTEST;
use crate::state::{Intent, Record, State, fingerprint, leftover};

/// What AWS has now, beside what the last apply left.
pub struct Observation {
    /// By address of the graph; absent resources are not in it.
    pub(crate) live: BTreeMap<String, Observed<Value>>,
    /// Resources of the prior state that the graph no longer means: address → what is left of them.
    pub(crate) left: BTreeMap<String, Left>,
    /// Every output known, predicted or read.
    pub(crate) known: Known,
    pub(crate) prior: State,
    pub(crate) waves: u32,
}

/// A resource that only the prior state knows.
pub struct Left {
    pub record: Record,
    pub live: Option<Observed<Value>>,
}

/// A read that failed.
#[derive(Debug)]
pub struct FailedRead {
    pub address: String,
    pub element: String,
    pub kind: &'static str,
    pub error: AwsError,
}

/// Why AWS could not be observed.
#[derive(Debug, thiserror::Error)]
pub enum ObserveError {
    #[error("{} of the reads failed", .0.len())]
    Reads(Vec<FailedRead>),
    #[error("{address}: the state holds the unknown kind {kind:?}")]
    UnknownKind { address: String, kind: String },
}

/// Reads every resource of `graph`, and those of `prior` that the graph no longer means.
///
/// # Errors
/// Every read that failed, not just the first.
pub async fn observe(graph: &Graph, aws: &Aws, mut prior: State) -> Result<Observation, ObserveError> {
    let predicted = predict(graph, &aws.place);
    for record in prior.resources.values() {
        expect(aws, record);
    }
    let interrupted = interrupted(graph, aws, &predicted, &prior).await?;
    prior.resources.extend(interrupted);
    let mut wave = Wave::new(graph, aws, &predicted, &prior);
    let (live, left) = tokio::join!(wave.live(), left(graph, aws, &predicted, &prior));
    let Wave { known, waves, mut failed, .. } = wave;
    let left = match left {
        Ok(left) => left,
        Err(ObserveError::Reads(more)) => {
            failed.extend(more);
            BTreeMap::new()
        }
        Err(other) => return Err(other),
    };
    if !failed.is_empty() {
        return Err(ObserveError::Reads(failed));
    }
    Ok(Observation { live, left, known, prior, waves })
}

/// Tells the kinds what id the last apply left.
fn expect(aws: &Aws, record: &Record) {
    let Some(kind) = by_name(&record.kind) else { return };
    let identity: Vec<&str> = kind.identity().iter().filter_map(|p| record.inputs.get(p)?.as_str()).collect();
    aws.expect(kind.name(), &identity, &record.physical_id);
}

/// What AWS has if nothing changed it since `prior` was written, without asking it.
///
/// # Errors
/// When the state holds a kind that this version does not know.
pub fn remembered(graph: &Graph, place: &Place, prior: State) -> Result<Observation, ObserveError> {
    let predicted = predict(graph, place);
    let left = not_meant(graph, place, &predicted, &prior)?
        .into_iter()
        .map(|(address, record, _)| {
            let live = Observed::new(&record.physical_id, record.inputs.clone(), record.outputs.clone());
            (address.clone(), Left { record: record.clone(), live: Some(live) })
        })
        .collect::<BTreeMap<_, _>>();
    let mut known = predicted;
    let mut live = BTreeMap::new();
    for node in graph.nodes() {
        let spec = resolve::value(&node.spec, &known, place);
        let same = |record: &&Record| {
            record.kind == node.kind.name()
                && identity(node.kind.identity(), &record.inputs) == identity(node.kind.identity(), &spec)
        };
        let kept = prior.resources.iter().filter(|(address, _)| !left.contains_key(*address)).map(|(_, record)| record);
        // What an external resource is was never recorded: it is taken as it is wanted.
        let seen = if node.external {
            Observed::new(String::new(), spec.clone(), known.get(&node.address).cloned().unwrap_or_default())
        } else if let Some(record) = kept.clone().find(same) {
            let inputs = fingerprint::shown(&record.inputs, &spec, &prior.lineage);
            Observed::new(&record.physical_id, inputs, record.outputs.clone())
        } else {
            continue;
        };
        known.entry(node.address.clone()).or_default().extend(seen.outputs.clone());
        live.insert(node.address.clone(), seen);
    }
    Ok(Observation { live, left, known, prior, waves: 0 })
}

/// Computes every output that needs no AWS.
pub(crate) fn predict(graph: &Graph, place: &Place) -> Known {
    let mut known = Known::new();
    for node in graph.nodes() {
        let spec = resolve::value(&node.spec, &known, place);
        if identity_known(node.kind, &spec)
            && let Ok(outputs) = node.kind.predict(&spec, place)
        {
            known.insert(node.address.clone(), outputs);
        }
    }
    known
}

impl Observation {
    /// What AWS holds where the prior state has the fingerprint of a secret: secrets of an earlier
    /// apply, which the variables may no longer name. What `stack.yaml` states in clear is none.
    pub(crate) fn secrets_of_before(&self, graph: &Graph, place: &Place) -> Vec<String> {
        let mut found = Vec::new();
        for (address, record) in &self.prior.resources {
            let live = self.live.get(address).or_else(|| self.left.get(address).and_then(|left| left.live.as_ref()));
            let Some(live) = live else { continue };
            let desired = graph.node(address).map(|node| resolve::value(&node.spec, &self.known, place));
            fingerprint::revealed(&live.spec, &record.inputs, desired.as_ref(), &mut found);
        }
        found.retain(|text| text.len() >= SHORTEST);
        found
    }
}

pub(crate) fn identity_known(kind: &dyn AnyKind, spec: &Value) -> bool {
    kind.identity().iter().all(|property| spec.get(property).is_none_or(|value| !resolve::is_unknown(value)))
}

struct Wave<'a> {
    graph: &'a Graph,
    aws: &'a Aws,
    predicted: &'a Known,
    known: Known,
    /// What is known, and besides the outputs that the last apply left.
    expected: Known,
    waves: u32,
    failed: Vec<FailedRead>,
}

/// A read by an identity, which may be a guess.
type Outcome<'a> = (&'a Node, String, Result<Option<Observed<Value>>, AwsError>);
type Running<'a> = FuturesUnordered<BoxFuture<'a, Outcome<'a>>>;

impl<'a> Wave<'a> {
    fn new(graph: &'a Graph, aws: &'a Aws, predicted: &'a Known, prior: &State) -> Self {
        let mut expected: Known =
            prior.resources.iter().map(|(address, record)| (address.clone(), record.outputs.clone())).collect();
        for (address, outputs) in predicted {
            expected.entry(address.clone()).or_default().extend(outputs.clone());
        }
        Self { graph, aws, predicted, known: predicted.clone(), expected, waves: 0, failed: Vec::new() }
    }

    /// Reads each node once its identity is known; nodes whose parent is absent are absent too.
    async fn live(&mut self) -> BTreeMap<String, Observed<Value>> {
        let mut live = BTreeMap::new();
        let mut waiting: Vec<&Node> = self.graph.nodes().collect();
        let mut running = Running::new();
        let mut wave_of: HashMap<String, u32> = HashMap::new();
        // Identities that reads were begun with, and what came of guesses that nothing has confirmed yet.
        let (mut begun, mut ahead) = (HashMap::<String, String>::new(), HashMap::<String, Outcome<'a>>::new());
        loop {
            let mut confirmed = Vec::new();
            let mut still = Vec::new();
            for node in waiting {
                let spec = resolve::value(&node.spec, &self.known, &self.aws.place);
                if identity_known(node.kind, &spec) {
                    let name = identity(node.kind.identity(), &spec);
                    let guessed = begun.get(&node.address) == Some(&name);
                    let wave = if guessed { 1 } else { 1 + self.parent_wave(node, &wave_of) };
                    self.waves = self.waves.max(wave);
                    wave_of.insert(node.address.clone(), wave);
                    if !guessed {
                        ahead.remove(&node.address);
                        begun.insert(node.address.clone(), name.clone());
                        running.push(read(self.aws, node, spec, name));
                    } else if let Some(outcome) = ahead.remove(&node.address) {
                        confirmed.push(outcome);
                    }
                } else {
                    self.guess(node, &mut begun, &mut running);
                    still.push(node);
                }
            }
            waiting = still;
            if confirmed.is_empty() {
                let Some(outcome) = running.next().await else { return live };
                let is_waiting = waiting.iter().any(|node| node.address == outcome.0.address);
                if is_waiting {
                    ahead.insert(outcome.0.address.clone(), outcome);
                    continue;
                }
                if begun.get(&outcome.0.address) != Some(&outcome.1) {
                    continue;
                }
                confirmed.push(outcome);
            }
            for (node, _, outcome) in confirmed {
                self.take(node, outcome, &mut live);
            }
        }
    }

    /// Begins to read a child of a generated id by the id that it had.
    fn guess(&self, node: &'a Node, begun: &mut HashMap<String, String>, running: &mut Running<'a>) {
        if begun.contains_key(&node.address) {
            return;
        }
        let spec = resolve::value(&node.spec, &self.expected, &self.aws.place);
        if identity_known(node.kind, &spec) {
            let name = identity(node.kind.identity(), &spec);
            begun.insert(node.address.clone(), name.clone());
            running.push(read(self.aws, node, spec, name));
        }
    }

    fn take(
        &mut self,
        node: &Node,
        outcome: Result<Option<Observed<Value>>, AwsError>,
        live: &mut BTreeMap<String, Observed<Value>>,
    ) {
        match outcome {
            Ok(Some(seen)) => {
                self.known.entry(node.address.clone()).or_default().extend(seen.outputs.clone());
                live.insert(node.address.clone(), seen);
            }
            Ok(None) => {}
            Err(error) => self.failed.push(FailedRead {
                address: node.address.clone(),
                element: node.element.clone(),
                kind: node.kind.name(),
                error,
            }),
        }
    }

    /// The wave whose results made this node's identity known.
    fn parent_wave(&self, node: &Node, wave_of: &HashMap<String, u32>) -> u32 {
        let predicted = resolve::value(&node.spec, self.predicted, &self.aws.place);
        if identity_known(node.kind, &predicted) {
            return 0;
        }
        node.dependencies.iter().filter_map(|d| wave_of.get(d)).max().copied().unwrap_or(0)
    }
}

fn read<'a>(aws: &'a Aws, node: &'a Node, spec: Value, name: String) -> BoxFuture<'a, Outcome<'a>> {
    async move {
        let found = if node.external { node.kind.find(aws, &spec) } else { node.kind.read(aws, &spec) };
        let found = found.await;
        (node, name, found)
    }
    .boxed()
}

/// Reads what the prior state holds under an address or identity that the graph does not mean.
async fn left(
    graph: &Graph,
    aws: &Aws,
    predicted: &Known,
    prior: &State,
) -> Result<BTreeMap<String, Left>, ObserveError> {
    let mut reads = FuturesUnordered::new();
    for (address, record, kind) in not_meant(graph, &aws.place, predicted, prior)? {
        reads.push(async move { (address, record, kind, kind.read(aws, &record.inputs).await) });
    }
    let (mut left, mut failed) = (BTreeMap::new(), Vec::new());
    while let Some((address, record, kind, outcome)) = reads.next().await {
        match outcome {
            Ok(live) => {
                left.insert(address.clone(), Left { record: record.clone(), live });
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

/// The records of the prior state that the graph means under no address.
pub(crate) fn not_meant<'a>(
    graph: &Graph,
    place: &Place,
    predicted: &Known,
    prior: &'a State,
) -> Result<Vec<(&'a String, &'a Record, &'static dyn AnyKind)>, ObserveError> {
    let meant = meant(graph, place, predicted);
    let mut found = Vec::new();
    for (address, record) in &prior.resources {
        let kind = by_name(&record.kind)
            .ok_or_else(|| ObserveError::UnknownKind { address: address.clone(), kind: record.kind.clone() })?;
        let is_meant = meant.contains(&(record.kind.clone(), identity(kind.identity(), &record.inputs)))
            || graph
                .node(address)
                .is_some_and(|node| same_open_identity(node, &record.kind, &record.inputs, place, predicted));
        if !is_meant {
            found.push((address, record, kind));
        }
    }
    Ok(found)
}

/// Finds what a cut-off run made and neither the graph means by now nor the state records: as
/// records, so that it goes the way of every removed resource.
async fn interrupted(
    graph: &Graph,
    aws: &Aws,
    predicted: &Known,
    prior: &State,
) -> Result<BTreeMap<String, Record>, ObserveError> {
    let meant = if prior.intents.is_empty() { BTreeSet::new() } else { meant(graph, &aws.place, predicted) };
    let known = made_parents(aws, prior).await?;
    let intents: Vec<Intent> = prior
        .intents
        .iter()
        .map(|intent| Intent { inputs: resolve::marks(&intent.inputs, &known), ..intent.clone() })
        .collect();
    let mut reads = FuturesUnordered::new();
    // Whatever the action was: a run that was to delete or adopt what an earlier one had left, and
    // was cut off itself, is the only one that still knows of it.
    for intent in &intents {
        let Some(kind) = by_name(&intent.kind).filter(|_| intent.inputs.is_object()) else { continue };
        let name = identity(kind.identity(), &intent.inputs);
        let recorded = prior
            .resources
            .values()
            .any(|record| record.kind == intent.kind && identity(kind.identity(), &record.inputs) == name);
        let is_meant = meant.contains(&(intent.kind.clone(), name.clone()))
            || graph
                .node(&intent.address)
                .is_some_and(|node| same_open_identity(node, &intent.kind, &intent.inputs, &aws.place, predicted));
        if recorded || !identity_known(kind, &intent.inputs) || is_meant {
            continue;
        }
        reads.push(async move { (intent, kind, name, kind.read(aws, &intent.inputs).await) });
    }
    let (mut found, mut failed) = (BTreeMap::new(), Vec::new());
    while let Some((intent, kind, name, outcome)) = reads.next().await {
        match outcome {
            Ok(Some(live))
                if is_ours(kind, &live, &prior.stack) || made_unmarked(prior, kind, &name, &live, &aws.place) =>
            {
                let taken = prior.resources.contains_key(&intent.address);
                let address = if taken { leftover(&intent.address, &name) } else { intent.address.clone() };
                found.insert(address, recovered(intent, live));
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

/// The outputs of what intents refer to by ids that AWS gave after they were written: recorded, or else read.
async fn made_parents(aws: &Aws, prior: &State) -> Result<Known, ObserveError> {
    let outputs = |(address, record): (&String, &Record)| (address.clone(), record.outputs.clone());
    let mut known: Known = prior.resources.iter().map(outputs).collect();
    let awaited: BTreeSet<String> = prior.intents.iter().flat_map(|intent| resolve::awaited(&intent.inputs)).collect();
    for intent in prior.intents.iter().filter(|intent| awaited.contains(&intent.address)) {
        let Some(kind) = by_name(&intent.kind) else { continue };
        if known.contains_key(&intent.address) || !identity_known(kind, &intent.inputs) {
            continue;
        }
        let live = kind.read(aws, &intent.inputs).await.map_err(|error| {
            let (address, element) = (intent.address.clone(), intent.element.clone());
            ObserveError::Reads(vec![FailedRead { address, element, kind: kind.name(), error }])
        })?;
        if let Some(live) = live {
            known.insert(intent.address.clone(), live.outputs);
        }
    }
    Ok(known)
}

/// What is part of something else has no marks; that the run made it is all that is known.
fn is_ours(kind: &dyn AnyKind, live: &Observed<Value>, stack: &str) -> bool {
    kind.ownership() == Ownership::Parent || live.spec["tags"].get(tags::STACK).and_then(Value::as_str) == Some(stack)
}

/// Some emulators drop the tags of a create call, so that a run cut off right after it leaves no marks. Its intent, made
/// when nothing of the name existed, tells whose it is. AWS makes a resource and its tags in one, and is not believed on this.
pub(crate) fn made_unmarked(
    prior: &State,
    kind: &dyn AnyKind,
    name: &str,
    live: &Observed<Value>,
    place: &Place,
) -> bool {
    let marked = live.spec["tags"].get(tags::STACK).is_some();
    let made = |intent: &Intent| {
        matches!(intent.action.as_str(), "create" | "replace")
            && intent.kind == kind.name()
            && identity(kind.identity(), &intent.inputs) == name
    };
    place.endpoint_url.is_some() && kind.ownership() == Ownership::Tags && !marked && prior.intents.iter().any(made)
}

fn recovered(intent: &Intent, live: Observed<Value>) -> Record {
    Record {
        kind: intent.kind.clone(),
        element: intent.element.clone(),
        physical_id: live.physical_id,
        inputs: intent.inputs.clone(),
        outputs: live.outputs,
        dependencies: intent.dependencies.clone(),
        protect: false,
        retain: false,
    }
}

/// Every (kind, identity) that the graph means and that needs no read to know.
fn meant(graph: &Graph, place: &Place, known: &Known) -> BTreeSet<(String, String)> {
    graph
        .nodes()
        .filter_map(|node| {
            let spec = resolve::value(&node.spec, known, place);
            identity_known(node.kind, &spec)
                .then(|| (node.kind.name().to_owned(), identity(node.kind.identity(), &spec)))
        })
        .collect()
}

/// A child of a generated id: same but for the part that is not known before its parent is read.
fn same_open_identity(node: &Node, kind: &str, inputs: &Value, place: &Place, predicted: &Known) -> bool {
    let spec = resolve::value(&node.spec, predicted, place);
    node.kind.name() == kind
        && !identity_known(node.kind, &spec)
        && node.kind.identity().iter().all(|property| {
            spec.get(property).is_some_and(resolve::is_unknown) || spec.get(property) == inputs.get(property)
        })
}
