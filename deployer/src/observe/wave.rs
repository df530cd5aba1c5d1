//! Reads the resources of the graph, each as soon as its identity is known.

use std::collections::{BTreeMap, HashMap};

use futures::future::{BoxFuture, FutureExt};
use futures::stream::{FuturesUnordered, StreamExt};
use serde_json::Value;

use super::hidden::{find, is_hidden};
use super::{FailedRead, ReadScope, identity_known, with_recorded_outputs};
use crate::aws::{Aws, AwsError, Trust};
use crate::graph::resolve::{self, KnownOutputs};
use crate::graph::{Graph, Node};
use crate::kinds::ObservedResource;
use crate::state::{Record, State};

pub(super) struct Wave<'a> {
    pub(super) graph: &'a Graph,
    pub(super) aws: &'a Aws,
    pub(super) predicted: &'a KnownOutputs,
    prior: &'a State,
    pub(super) known: KnownOutputs,
    /// The known outputs, and those that the last apply recorded.
    pub(super) expected: KnownOutputs,
    pub(super) waves: u32,
    scope: ReadScope,
    pub(super) failed: Vec<FailedRead>,
    /// The new resources that may not be read.
    pub(super) unread: Vec<FailedRead>,
}

/// The result of a read, with the identity that was read. The identity may be a guess.
type ReadOutcome<'a> = (&'a Node, String, Result<Option<ObservedResource<Value>>, AwsError>);
type RunningReads<'a> = FuturesUnordered<BoxFuture<'a, ReadOutcome<'a>>>;

impl<'a> Wave<'a> {
    pub(super) fn new(
        graph: &'a Graph,
        aws: &'a Aws,
        predicted: &'a KnownOutputs,
        prior: &'a State,
        scope: ReadScope,
    ) -> Self {
        let expected = with_recorded_outputs(predicted, prior);
        let (failed, unread) = (Vec::new(), Vec::new());
        Self { graph, aws, predicted, prior, known: predicted.clone(), expected, waves: 0, scope, failed, unread }
    }

    /// Reads each node once its identity is known. A node whose parent is absent is absent, too.
    pub(super) async fn live(&mut self) -> BTreeMap<String, ObservedResource<Value>> {
        let mut live = BTreeMap::new();
        let mut waiting: Vec<&Node> = self.graph.nodes().collect();
        let mut running = RunningReads::new();
        let mut wave_of: HashMap<String, u32> = HashMap::new();
        // The identities that reads were started with, and the results of guesses that are not confirmed yet.
        let (mut begun, mut ahead) = (HashMap::<String, String>::new(), HashMap::<String, ReadOutcome<'a>>::new());
        loop {
            let mut confirmed = Vec::new();
            let mut still = Vec::new();
            for node in waiting {
                let spec = resolve::value(&node.spec, &self.known, &self.aws.place);
                if identity_known(node.kind, &spec) {
                    let name = node.kind.identify(&spec);
                    let guessed = begun.get(&node.address) == Some(&name);
                    let wave = if guessed { 1 } else { 1 + self.parent_wave(node, &wave_of) };
                    self.waves = self.waves.max(wave);
                    wave_of.insert(node.address.clone(), wave);
                    if !guessed {
                        ahead.remove(&node.address);
                        begun.insert(node.address.clone(), name.clone());
                        running.push(self.read(node, spec, name));
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
            for outcome in confirmed {
                self.take(outcome, &mut live);
            }
        }
    }

    /// Starts to read a child of a resource with a generated id, by the id from the last apply.
    fn guess(&self, node: &'a Node, begun: &mut HashMap<String, String>, running: &mut RunningReads<'a>) {
        if begun.contains_key(&node.address) {
            return;
        }
        let spec = resolve::value(&node.spec, &self.expected, &self.aws.place);
        if identity_known(node.kind, &spec) {
            let name = node.kind.identify(&spec);
            begun.insert(node.address.clone(), name.clone());
            running.push(self.read(node, spec, name));
        }
    }

    fn take(&mut self, (node, name, outcome): ReadOutcome<'a>, live: &mut BTreeMap<String, ObservedResource<Value>>) {
        match outcome {
            Ok(Some(seen)) => {
                self.known.entry(node.address.clone()).or_default().extend(seen.outputs.clone());
                live.insert(node.address.clone(), seen);
            }
            Ok(None) => {}
            Err(error) => {
                let may_be_denied =
                    self.scope.new_may_be_denied && error.is_access_denied() && self.is_new(node, &name);
                let failed = if may_be_denied { &mut self.unread } else { &mut self.failed };
                let (address, element) = (node.address.clone(), node.element.clone());
                failed.push(FailedRead { address, element, kind: node.kind.name(), error });
            }
        }
    }

    /// Tells whether the stack gets the resource only now. Without any record everything may exist already.
    fn is_new(&self, node: &Node, name: &str) -> bool {
        let State { resources, intents, .. } = self.prior;
        let is_it = |record: &Record| record.kind == node.kind.name() && node.kind.identify(&record.inputs) == name;
        !node.external
            && !resources.is_empty()
            && !resources.contains_key(&node.address)
            && !resources.values().any(is_it)
            && !intents.iter().any(|intent| intent.address == node.address)
    }

    /// Returns the wave whose results revealed this node's identity.
    fn parent_wave(&self, node: &Node, wave_of: &HashMap<String, u32>) -> u32 {
        let predicted = resolve::value(&node.spec, self.predicted, &self.aws.place);
        if identity_known(node.kind, &predicted) {
            return 0;
        }
        node.dependencies.iter().filter_map(|d| wave_of.get(d)).max().copied().unwrap_or(0)
    }

    fn read(&self, node: &'a Node, spec: Value, name: String) -> BoxFuture<'a, ReadOutcome<'a>> {
        let (aws, depth, prior) = (self.aws, self.scope.depth, self.prior);
        async move {
            let found = if is_hidden(node.kind, &spec) {
                // The graph has the resource from the state, because a variable without a value names it.
                let recorded = prior.resources.get(&node.address).map(|record| record.physical_id.as_str());
                find(node.kind, aws, &spec, recorded, &prior.lineage).await
            } else if node.external {
                node.kind.find(aws, &spec).await
            } else {
                depth.read(node.kind, aws, &spec, Trust::Listing).await
            };
            (node, name, found)
        }
        .boxed()
    }
}
