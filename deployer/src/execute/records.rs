//! The records of a run in the state: its intents, and the result of each finished step.

use std::collections::BTreeMap;

use serde_json::Value;

use super::Execution;
use super::schedule::StepId;
use super::step::{StepPart, StepResult};
use crate::graph::resolve;
use crate::observe::{leave, take_back};
use crate::plan::{Action, Effect, PlannedResource};
use crate::spec::template;
use crate::state::{Intent, Record, fingerprint, leftover};

impl Execution<'_> {
    /// Returns the actions that the run is about to carry out, and those of an interrupted run that the plan leaves out.
    pub(super) fn intents(&self) -> Vec<Intent> {
        let intent = |planned: &PlannedResource| {
            let inputs = wanted_or_found(planned).map_or(Value::Null, |spec| self.hide_for_intent(planned, spec));
            Intent {
                address: planned.address.clone(),
                action: planned.action(),
                kind: planned.kind.name().to_owned(),
                identity: resolve::readable(&planned.kind.identify(&inputs)),
                since: self.now.clone(),
                created_since: self.created_since(planned, &inputs),
                inputs,
                element: planned.element.clone(),
                dependencies: planned.dependencies.clone(),
                protect: planned.protect,
                retain: planned.retain,
            }
        };
        let elsewhere = self.state.intents.iter().filter(|intent| self.plan.leaves_out(intent)).cloned();
        elsewhere.chain(self.acting().map(intent)).collect()
    }

    /// Returns when an interrupted run was first about to create the resource of `planned`, which is `inputs` in the form
    /// that an intent keeps.
    fn created_since(&self, planned: &PlannedResource, inputs: &Value) -> Option<String> {
        let identity = planned.kind.identify(inputs);
        let same =
            |intent: &&Intent| intent.kind == planned.kind.name() && planned.kind.identify(&intent.inputs) == identity;
        self.state.intents.iter().filter(same).filter_map(Intent::creates_since).min().map(str::to_owned)
    }

    /// Records which functions get new code in this run, in addition to those of an interrupted predecessor.
    pub(super) fn note_deployed_code(&mut self) {
        let brings = |planned: &&PlannedResource| planned.action().builds() && planned.changes_artifact();
        let brought: Vec<String> = self.acting().filter(brings).map(|planned| planned.address.clone()).collect();
        if brought.is_empty() {
            return;
        }
        if self.state.intents.is_empty() {
            self.state.deployed_code.clear();
        }
        self.state.deployed_code.extend(brought);
    }

    /// Iterates over the actions that call AWS.
    fn acting(&self) -> impl Iterator<Item = &PlannedResource> {
        self.plan.actions().iter().filter(|planned| planned.action().calls_aws())
    }

    /// Tells whether the plan only deletes resources that the state records. If such a run is interrupted before its
    /// intents are written, every resource is found without them.
    pub(super) fn removes_what_is_recorded(&self) -> bool {
        let named = |planned: &PlannedResource, inputs: &Value| {
            planned.live().is_some_and(|live| planned.kind.identify(inputs) == planned.kind.identify(&live.spec))
        };
        let recorded = |planned: &PlannedResource| {
            self.state
                .resources
                .get(&planned.address)
                .is_some_and(|record| record.kind == planned.kind.name() && named(planned, &record.inputs))
        };
        let only = |planned: &PlannedResource| planned.action() == Action::Delete && planned.predecessor().is_none();
        let all = || self.acting().all(|planned| only(planned) && recorded(planned));
        self.state.intents.is_empty() && self.acting().next().is_some() && all()
    }

    /// Moves the records of renamed elements, all at once: elements may swap their names.
    pub(super) fn move_records(&mut self) {
        let moves: Vec<(&PlannedResource, Record)> = self
            .plan
            .actions()
            .iter()
            .filter_map(|planned| Some((planned, self.state.resources.remove(planned.moved_from.as_ref()?)?)))
            .collect();
        for (planned, record) in moves {
            let own = self.state.resources.insert(planned.address.clone(), record);
            if let Some((key, own)) = self.predecessor_key(planned).zip(own) {
                self.state.resources.insert(key, to_be_deleted(own));
            }
        }
    }

    /// Records the ids of the resources that the plan found. A record may have the id of a resource that an interrupted
    /// run recreated, and once this run has its own intents, only the record leads to the new one.
    pub(super) fn record_ids(&mut self) {
        for planned in self.plan.actions() {
            let Some(live) = planned.live() else { continue };
            let Some(record) = self.state.resources.get_mut(&planned.address) else { continue };
            let kind = planned.kind;
            if record.kind == kind.name() && kind.identify(&record.inputs) == kind.identify(&live.spec) {
                record.physical_id.clone_from(&live.physical_id);
                record.outputs.extend(live.outputs.clone());
            }
        }
    }

    /// Removes secrets from the state: values that became secret, and those that the run uses to compare identities.
    pub(super) fn hide_secrets(&mut self) {
        let secrets = self.secrets;
        self.state.hide(&|text| secrets.touches(text));
    }

    /// Returns the key of a record whose resource the replacement has yet to delete: `queues.orders#orders-32`.
    fn predecessor_key(&self, planned: &PlannedResource) -> Option<String> {
        let predecessor = planned.predecessor()?;
        Some(leftover(&planned.address, &planned.kind.identify(&self.hide_secrets_in(&predecessor.spec))))
    }

    /// Returns a spec in the form that the state may keep.
    fn hide_secrets_in(&self, spec: &Value) -> Value {
        fingerprint::hide(spec, &self.state.lineage, &|text| self.secrets.touches(text))
    }

    /// Returns a spec in the form that an intent may keep: values from AWS stay hidden where the prior state has a
    /// fingerprint.
    fn hide_for_intent(&self, planned: &PlannedResource, spec: &Value) -> Value {
        let hidden = self.hide_secrets_in(spec);
        match self.state.resources.get(&planned.address) {
            Some(record) if planned.effect.desired_spec().is_none() => {
                fingerprint::like(&hidden, &record.inputs, &self.state.lineage)
            }
            _ => hidden,
        }
    }

    /// Records the result of a finished step.
    pub(super) fn settle(&mut self, id: StepId, desired: &Value, done: StepResult) {
        let planned = self.planned_resource(id);
        let address = &planned.address;
        let pending_removal = id.1 == StepPart::Main && planned.effect.removed_later().is_some();
        if !pending_removal {
            self.state.intents.retain(|intent| intent.address != *address);
        }
        match done {
            StepResult::Exists(created) => {
                // Kept until the resource is deleted, so that an interrupted run leaves no orphan.
                if pending_removal
                    && planned.moved_from.is_none()
                    && let Some(key) = self.predecessor_key(planned)
                    && let Some(old) = self.state.resources.get(address).cloned()
                {
                    self.state.resources.insert(key, to_be_deleted(old));
                }
                self.known.insert(address.clone(), created.outputs.clone());
                let secrets = self.secrets;
                let record = Record {
                    kind: planned.kind.name().to_owned(),
                    element: planned.element.clone(),
                    physical_id: created.physical_id,
                    inputs: fingerprint::hide(desired, &self.state.lineage, &|text| secrets.touches(text)),
                    outputs: created.outputs,
                    dependencies: planned.dependencies.clone(),
                    protect: planned.protect,
                    retain: planned.retain,
                    origin: None,
                };
                let former = self.state.resources.insert(address.clone(), record.clone());
                if planned.retain
                    && let Some(former) = former
                {
                    leave(&mut self.state, &former.kind, &former.inputs);
                }
                take_back(&mut self.state, &record);
                self.record_origin(address);
            }
            StepResult::Absent if !planned.action().builds() => {
                let kind = planned.kind.name();
                // An interrupted replacement leaves two resources and one record.
                let live = planned.live().map(|live| self.hide_for_intent(planned, &live.spec));
                let record = self.state.resources.remove(address);
                if planned.action() == Action::Forget && planned.retain {
                    live.iter().for_each(|spec| leave(&mut self.state, kind, spec));
                    record.iter().for_each(|record| leave(&mut self.state, &record.kind, &record.inputs));
                }
            }
            StepResult::Absent => {
                if let Some(key) = self.predecessor_key(planned) {
                    self.state.resources.remove(&key);
                }
            }
        }
    }

    /// Updates the record of an unchanged resource: the values found in AWS, and those that only the state has
    /// (`protect`, `retain`, dependencies, properties that AWS does not keep).
    pub(super) fn restate(&mut self, id: StepId) {
        let planned = self.planned_resource(id);
        let Effect::Unchanged { wanted, live } = &planned.effect else { return };
        let desired = resolve::value(&wanted.spec, &self.known, &self.aws.place);
        let secrets = self.secrets;
        let lineage = self.state.lineage.clone();
        if let Some(record) = self.state.resources.get_mut(&planned.address) {
            record.inputs = fingerprint::hide(&desired, &lineage, &|text| secrets.touches(text));
            record.element.clone_from(&planned.element);
            record.dependencies.clone_from(&planned.dependencies);
            record.protect = planned.protect;
            record.retain = planned.retain;
            record.physical_id.clone_from(&live.physical_id);
            record.outputs.extend(live.outputs.clone());
        }
        self.record_origin(&planned.address);
    }

    /// Records the origin of the code that AWS has now.
    fn record_origin(&mut self, address: &str) {
        if let Some(whole) = self.origins.get(address) {
            self.state.set_origin(address, whole);
        }
    }

    /// Returns the stack's outputs as far as they are known, without secrets and without references to resources that
    /// do not exist.
    pub(super) fn outputs_now(&self) -> BTreeMap<String, String> {
        let there = |address: &str| {
            self.graph.node(address).is_none_or(|node| node.external) || self.state.resources.contains_key(address)
        };
        let stands = |text: &Value| template::references(text).iter().all(|(_, to)| there(&to.address));
        let wanted = self.graph.outputs().iter().filter(|(name, _)| self.plan.outputs().contains_key(*name));
        let wanted = wanted.filter(|(_, text)| stands(&Value::from(text.as_str())));
        let resolved = wanted.map(|(name, text)| (name.clone(), resolve::text(text, &self.known, &self.aws.place)));
        resolved
            .filter(|(_, text)| !resolve::is_unknown(&Value::from(text.as_str())) && !self.secrets.touches(text))
            .collect()
    }
}

/// Removes the protection of a predecessor that the plan deletes. After an interrupted run, its record must not protect
/// it again.
fn to_be_deleted(record: Record) -> Record {
    Record { protect: false, retain: false, ..record }
}

/// Returns the desired spec, or that of the resource to delete.
fn wanted_or_found(planned: &PlannedResource) -> Option<&Value> {
    let wanted = planned.effect.desired_spec().map(|wanted| &wanted.desired);
    wanted.or(planned.live().map(|live| &live.spec))
}
