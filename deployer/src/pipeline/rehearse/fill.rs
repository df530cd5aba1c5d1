//! Fills the private cloud with the resources that the plan has read.
//!
//! Each resource is created with the spec that AWS has. AWS gave it other ids than the private cloud does, so the
//! outputs of its dependencies are replaced in it. Code that is not on this machine is replaced by a placeholder.

use std::collections::BTreeSet;

use futures::future::try_join_all;
use serde_json::Value;

use super::super::LoadedStack;
use super::super::gather::GatheredInputs;
use super::{not_set_up, others};
use crate::aws::{Aws, AwsError};
use crate::failure::Failure;
use crate::graph::resolve::KnownOutputs;
use crate::graph::{Node, own, resolve};
use crate::kinds::{self, AnyKind, CreatedResource, ObservedResource, Outputs};
use crate::package;
use crate::plan::{Action, Plan};
use crate::state::State;

/// Shorter texts are no ids, and may occur anywhere.
const LEAST_ID: usize = 8;

/// The plan, and what it has read.
pub(super) struct Scene<'a> {
    pub loaded: &'a LoadedStack,
    pub plan: &'a Plan,
    pub gathered: &'a GatheredInputs,
}

/// A resource that AWS has.
struct Existing<'a> {
    address: &'a str,
    kind: &'static dyn AnyKind,
    live: &'a ObservedResource<Value>,
    /// The resource in `stack.yaml`, if AWS has just that.
    same: Option<&'a Node>,
    dependencies: BTreeSet<&'a str>,
}

/// The resources that the private cloud has by now.
struct Filling<'a> {
    scene: &'a Scene<'a>,
    aws: &'a Aws,
    known: KnownOutputs,
    /// Ids of AWS with those of the private cloud.
    ids: Vec<(String, String)>,
    state: State,
}

/// Creates every resource that the plan has found. Returns the state of the last apply with the ids of the private
/// cloud.
pub(super) async fn fill(scene: &Scene<'_>, aws: &Aws) -> Result<State, Failure> {
    let known = scene.loaded.graph.predict_outputs(&aws.place);
    let state = scene.gathered.snapshot.state.clone();
    let mut waiting = scene.existing();
    others::create(&scene.loaded.graph, waiting.iter().map(|one| one.live), &known, aws).await?;
    let mut filling = Filling { scene, aws, known, ids: Vec::new(), state };
    while !waiting.is_empty() {
        let names: BTreeSet<&str> = waiting.iter().map(|one| one.address).collect();
        let is_next = |one: &Existing<'_>| one.dependencies.iter().all(|at| *at == one.address || !names.contains(at));
        let (mut next, mut later): (Vec<_>, Vec<_>) = waiting.into_iter().partition(is_next);
        if next.is_empty() {
            // A circle of records: AWS has all of them, in whatever order they came.
            next.push(later.remove(0));
        }
        filling.create_all(&next).await?;
        waiting = later;
    }
    Ok(filling.state)
}

impl<'a> Scene<'a> {
    fn existing(&self) -> Vec<Existing<'a>> {
        let Self { loaded, plan, gathered } = *self;
        let observation = &gathered.observation;
        let recorded = |address: &str| observation.prior.resources.get(address);
        let unchanged = |address: &str| {
            plan.actions().iter().any(|one| one.address == address && one.action() == Action::Unchanged)
        };
        let of_graph = loaded.graph.nodes().filter_map(|node| {
            let live = observation.live.get(&node.address)?;
            let recorded = recorded(&node.address).into_iter().flat_map(|record| &record.dependencies);
            Some(Existing {
                address: &node.address,
                kind: node.kind,
                live,
                same: (!node.external && unchanged(&node.address)).then_some(node),
                dependencies: node.dependencies.iter().chain(recorded).map(String::as_str).collect(),
            })
        });
        let of_state = observation.left.iter().filter_map(|(address, left)| {
            let live = left.live.as_ref()?;
            let dependencies = left.record.dependencies.iter().map(String::as_str).collect();
            Some(Existing { address, kind: kinds::find(&left.record.kind)?, live, same: None, dependencies })
        });
        let orphans = observation.orphans.iter().filter_map(|orphan| {
            let live = orphan.live.as_ref().ok()?;
            let (address, kind) = (orphan.address.as_str(), kinds::find(orphan.kind)?);
            Some(Existing { address, kind, live, same: None, dependencies: BTreeSet::new() })
        });
        of_graph.chain(of_state).chain(orphans).collect()
    }
}

impl Filling<'_> {
    async fn create_all(&mut self, all: &[Existing<'_>]) -> Result<(), Failure> {
        let mut specs = Vec::new();
        for one in all {
            specs.push(self.spec(one)?);
        }
        let creating = all.iter().zip(&specs).map(|(one, spec)| self.create(one, spec));
        let created = try_join_all(creating).await?;
        for ((one, spec), created) in all.iter().zip(&specs).zip(created) {
            self.record(one, spec, created);
        }
        Ok(())
    }

    /// Returns the spec with which the private cloud has a resource as AWS has it.
    fn spec(&self, one: &Existing<'_>) -> Result<Value, Failure> {
        let place = &self.aws.place;
        let mut spec = match one.same {
            Some(node) => {
                let resolved = resolve::value(&node.spec, &self.known, place);
                own::fill_own_outputs(one.kind, one.address, resolved, place)
            }
            None => self.with_ids(&one.live.spec),
        };
        let Some(property) = one.kind.artifact() else { return Ok(spec) };
        let digest = spec[property.name][property.digest].as_str().unwrap_or_default().to_owned();
        let artifact = self.scene.gathered.artifacts.get(one.address);
        if let Some(artifact) = artifact.filter(|artifact| artifact.code_sha256 == digest) {
            let zip = artifact.clone();
            let read = move || zip.bytes().map_err(|e| AwsError::Package { code: e.code(), message: e.to_string() });
            self.aws.put_code(digest, artifact.size, read);
            return Ok(spec);
        }
        let (zip, digest) = package::placeholder().map_err(|error| not_set_up(one.address, &error.to_string()))?;
        spec[property.name] = property.value(&digest);
        self.aws.put_code(digest, zip.len() as u64, move || Ok(zip.clone()));
        Ok(spec)
    }

    async fn create(&self, one: &Existing<'_>, spec: &Value) -> Result<CreatedResource, Failure> {
        let created = one.kind.create(self.aws, spec).await;
        created.map_err(|error| not_set_up(one.address, &error.to_string()))
    }

    /// Notes the ids that the private cloud gave a resource.
    fn record(&mut self, one: &Existing<'_>, spec: &Value, created: CreatedResource) {
        let mut outputs: Outputs = one.kind.predict(spec, &self.aws.place).unwrap_or_default();
        outputs.extend(created.outputs);
        for (name, old) in &one.live.outputs {
            if let Some(new) = outputs.get(name) {
                self.note_id(old, new);
            }
        }
        self.note_id(&one.live.physical_id, &created.physical_id);
        let inputs = self.state.resources.get(one.address).map(|record| self.inputs(one, spec, &record.inputs));
        if let (Some(record), Some(inputs)) = (self.state.resources.get_mut(one.address), inputs) {
            record.inputs = inputs;
            record.physical_id = created.physical_id;
            record.outputs.clone_from(&outputs);
        }
        if self.scene.loaded.graph.node(one.address).is_some_and(|node| node.kind.name() == one.kind.name()) {
            self.known.entry(one.address.to_owned()).or_default().extend(outputs);
        }
    }

    /// Returns the recorded inputs with the ids of the private cloud. A placeholder of the code counts as recorded if
    /// the code was.
    fn inputs(&self, one: &Existing<'_>, spec: &Value, recorded: &Value) -> Value {
        let mut inputs = self.with_ids(recorded);
        if let Some(property) = one.kind.artifact() {
            let digest = |spec: &Value| spec[property.name][property.digest].clone();
            if digest(recorded) == digest(&one.live.spec) && !digest(recorded).is_null() {
                inputs[property.name] = spec[property.name].clone();
            }
        }
        inputs
    }

    fn note_id(&mut self, old: &str, new: &str) {
        if old != new && old.len() >= LEAST_ID && !self.ids.iter().any(|(known, _)| known == old) {
            self.ids.push((old.to_owned(), new.to_owned()));
            // A longer text may contain a shorter one.
            self.ids.sort_by_key(|(old, _)| std::cmp::Reverse(old.len()));
        }
    }

    /// Replaces the ids of AWS in a value.
    fn with_ids(&self, value: &Value) -> Value {
        match value {
            Value::String(text) => {
                let replaced = self.ids.iter().fold(text.clone(), |text, (old, new)| text.replace(old, new));
                Value::String(replaced)
            }
            Value::Array(items) => items.iter().map(|item| self.with_ids(item)).collect(),
            Value::Object(map) => {
                Value::Object(map.iter().map(|(key, item)| (key.clone(), self.with_ids(item))).collect())
            }
            _ => value.clone(),
        }
    }
}
