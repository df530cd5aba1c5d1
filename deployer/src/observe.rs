//! Observes the resources of a graph in AWS: Graph → [`Observation`].
//!
//! Each resource is read as soon as its identity is known. Names can be computed, so nearly all reads form one wave. A
//! child of a resource with a generated id is read by the id from the last apply. If the parent turns out to have
//! another id, the child is read again.

pub(crate) mod hidden;
mod interrupted;
mod left;
mod orphans;
mod parent;
mod wave;

use std::collections::BTreeMap;

use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;
use futures::future::BoxFuture;
use serde::Deserialize;
use serde_json::Value;

use crate::aws::tags::Tags;
use crate::aws::{Aws, AwsError, Place, Trust};
use crate::graph::Graph;
pub(crate) use crate::graph::identity_known;
use crate::graph::resolve::{self, KnownOutputs};
use crate::kinds::{self, AnyKind, ObservedResource};
use crate::spec::secrets::LEAST;
use crate::state::{Intent, Record, State, fingerprint};

pub(crate) use left::records_without_node;
pub use orphans::{Orphan, Search, leave, take_back};

use interrupted::find_interrupted;
use left::read_left;
use wave::Wave;

/// The resources in AWS, and the state of the last apply.
pub struct Observation {
    /// The graph's resources in AWS, by address. Absent resources are missing.
    pub(crate) live: BTreeMap<String, ObservedResource<Value>>,
    /// Resources of the prior state that are no longer in the graph, by address.
    pub(crate) left: BTreeMap<String, StateOnlyResource>,
    /// Every known output, predicted or read.
    pub(crate) known: KnownOutputs,
    pub(crate) prior: State,
    pub(crate) waves: u32,
    /// Resources with this stack's ownership tags that are neither in the graph nor in the prior state.
    pub(crate) orphans: Vec<Orphan>,
    /// Whether the listing of orphans did not arrive in time, so that orphans are unknown.
    pub(crate) unlisted: bool,
    /// New resources that the credentials may not read. They count as absent.
    pub(crate) unread: Vec<FailedRead>,
}

/// A resource that only the prior state has.
pub struct StateOnlyResource {
    pub record: Record,
    pub live: Option<ObservedResource<Value>>,
}

/// A read that failed.
#[derive(Debug)]
pub struct FailedRead {
    pub address: String,
    pub element: String,
    pub kind: &'static str,
    pub error: AwsError,
}

/// The reason why AWS could not be observed.
#[derive(Debug, thiserror::Error)]
pub enum ObserveError {
    #[error("{} of the reads failed", .0.len())]
    Reads(Vec<FailedRead>),
    #[error("{address}: the state holds the unknown kind {kind:?}")]
    UnknownKind { address: String, kind: String },
}

/// How much of each resource to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// Everything that AWS has.
    Whole,
    /// Existence and owner, which is enough to delete the resource.
    Presence,
}

impl Depth {
    fn read<'a>(
        self,
        kind: &'static dyn AnyKind,
        aws: &'a Aws,
        spec: &'a Value,
        trust: Trust,
    ) -> BoxFuture<'a, Result<Option<ObservedResource<Value>>, AwsError>> {
        match self {
            Self::Whole => kind.read(aws, spec, trust),
            Self::Presence => kind.present(aws, spec),
        }
    }
}

/// What to read, and how thoroughly.
#[derive(Debug, Clone, Copy)]
pub struct ReadScope {
    pub depth: Depth,
    pub search: Search,
    /// Whether a resource that the credentials may not read counts as absent, if the state does not know it. For plans
    /// that are not carried out: a pull request adds resources before anybody has allowed them.
    pub new_may_be_denied: bool,
}

/// Reads every resource of `graph`, and those of `prior` that are no longer in the graph.
///
/// # Errors
/// Returns every failed read, not just the first.
pub async fn observe(
    graph: &Graph,
    aws: &Aws,
    mut prior: State,
    scope: ReadScope,
) -> Result<Observation, ObserveError> {
    let ReadScope { depth, search, .. } = scope;
    let predicted = predict(graph, &aws.place);
    hidden::put_back(graph, &with_recorded_outputs(&predicted, &prior), &aws.place, &mut prior);
    for record in prior.resources.values() {
        note_record(aws, record);
    }
    prior.intents.iter().for_each(|intent| note_interrupted_create(aws, intent));
    let interrupted = find_interrupted(graph, aws, &predicted, &prior).await?;
    interrupted.values().for_each(|record| note_record(aws, record));
    prior.resources.extend(interrupted);
    let mut wave = Wave::new(graph, aws, &predicted, &prior, scope);
    let reads = async { tokio::join!(wave.live(), read_left(graph, aws, &predicted, &prior, depth)) };
    let ((live, left), listed) = orphans::beside(reads, orphans::list_or_nothing(aws, &prior.stack), search).await;
    let Wave { known, waves, mut failed, unread, .. } = wave;
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
    hidden::put_back(graph, &known, &aws.place, &mut prior);
    let unlisted = listed.is_none();
    let mut seen = Observation { live, left, known, prior, waves, orphans: Vec::new(), unlisted, unread };
    if depth == Depth::Presence {
        seen.confirm(graph, aws).await?;
    }
    seen.orphans = orphans::find_orphans(graph, aws, &seen, listed.unwrap_or_default(), search).await;
    Ok(seen)
}

/// Adds the outputs of the last apply to those that are known.
fn with_recorded_outputs(known: &KnownOutputs, prior: &State) -> KnownOutputs {
    let mut expected: KnownOutputs =
        prior.resources.iter().map(|(address, record)| (address.clone(), record.outputs.clone())).collect();
    for (address, outputs) in known {
        expected.entry(address.clone()).or_default().extend(outputs.clone());
    }
    expected
}

/// Tells the resource's kind the id that the last apply recorded.
fn note_record(aws: &Aws, record: &Record) {
    let Some(kind) = kinds::find(&record.kind) else { return };
    let identity: Vec<&str> = kind.identity().iter().filter_map(|p| record.inputs.get(p)?.as_str()).collect();
    let tags = record.inputs.get("tags").and_then(|tags| Tags::deserialize(tags).ok());
    aws.run.record(kind.name(), &identity, &record.physical_id, tags);
    aws.run.record_spec(kind.name(), &identity, &record.inputs);
}

/// Tells the resource's kind when an interrupted run was about to create it.
fn note_interrupted_create(aws: &Aws, intent: &Intent) {
    let Some(since) = intent.creates_since() else { return };
    let Some(kind) = kinds::find(&intent.kind) else { return };
    let identity: Vec<&str> = kind.identity().iter().filter_map(|p| intent.inputs.get(p)?.as_str()).collect();
    if let Ok(since) = DateTime::from_str(since, Format::DateTime) {
        aws.run.note_interrupted_create(kind.name(), &identity, since.secs());
    }
}

/// Builds an observation from the state, as if nothing in AWS had changed since. Makes no AWS calls.
///
/// # Errors
/// Returns an error if the state has a kind that this version does not know.
pub fn observe_state(graph: &Graph, place: &Place, mut prior: State) -> Result<Observation, ObserveError> {
    let predicted = predict(graph, place);
    hidden::put_back(graph, &with_recorded_outputs(&predicted, &prior), place, &mut prior);
    let left = records_without_node(graph, place, &predicted, &prior)?
        .into_iter()
        .map(|(address, record, _)| {
            let live = ObservedResource::new(&record.physical_id, record.inputs.clone(), record.outputs.clone());
            (address.clone(), StateOnlyResource { record: record.clone(), live: Some(live) })
        })
        .collect::<BTreeMap<_, _>>();
    let mut known = predicted;
    let mut live = BTreeMap::new();
    for node in graph.nodes() {
        let spec = resolve::value(&node.spec, &known, place);
        let same = |record: &&Record| {
            record.kind == node.kind.name() && node.kind.identify(&record.inputs) == node.kind.identify(&spec)
        };
        let kept = prior.resources.iter().filter(|(address, _)| !left.contains_key(*address)).map(|(_, record)| record);
        // The state has no record of an external resource; assume that it is as desired.
        let seen = if node.external {
            ObservedResource::new(String::new(), spec.clone(), known.get(&node.address).cloned().unwrap_or_default())
        } else if let Some(record) = kept.clone().find(same) {
            let inputs = fingerprint::replace_known(&record.inputs, &spec, &prior.lineage);
            ObservedResource::new(&record.physical_id, inputs, record.outputs.clone())
        } else {
            continue;
        };
        known.entry(node.address.clone()).or_default().extend(seen.outputs.clone());
        live.insert(node.address.clone(), seen);
    }
    let (orphans, unread) = (Vec::new(), Vec::new());
    Ok(Observation { live, left, known, prior, waves: 0, orphans, unlisted: false, unread })
}

/// Computes every output that does not need AWS.
pub(crate) fn predict(graph: &Graph, place: &Place) -> KnownOutputs {
    graph.predict_outputs(place)
}

impl Observation {
    /// Lists the live values for which the prior state has a secret's fingerprint. They are secrets of an earlier apply
    /// that the variables may no longer contain. A value that `stack.yaml` states in clear text is none.
    pub(crate) fn secrets_of_before(&self, graph: &Graph, place: &Place) -> Vec<String> {
        let mut found = Vec::new();
        for (address, record) in &self.prior.resources {
            let live = self.live.get(address).or_else(|| self.left.get(address).and_then(|left| left.live.as_ref()));
            let Some(live) = live else { continue };
            let desired = graph.node(address).map(|node| resolve::value(&node.spec, &self.known, place));
            fingerprint::collect_revealed(&live.spec, &record.inputs, desired.as_ref(), &mut found);
        }
        found.retain(|text| text.len() >= LEAST && !fingerprint::is(text));
        found
    }
}
