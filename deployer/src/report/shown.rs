//! A plan that is safe to show.
//!
//! # Guarantees
//! Every text is masked as a whole, before it is cut, wrapped, compared or encoded: a part of a secret matches none of
//! its forms. A text for one line holds no line end. Every renderer takes a plan in this form.

use std::collections::BTreeSet;
use std::ops::Deref;

use serde_json::Value;

use super::reason;
use crate::kinds::ObservedResource;
use crate::plan::{
    Change, Deletion, DesiredSpec, Drift, Effect, How, Note, OutputChange, Plan, PlannedResource, Replacement, Revision,
};
use crate::spec::secrets::Secrets;
use crate::spec::visible;

/// A plan with all secrets masked, for display.
pub struct MaskedPlan(Plan);

impl Deref for MaskedPlan {
    type Target = Plan;

    fn deref(&self) -> &Plan {
        &self.0
    }
}

impl MaskedPlan {
    pub fn of(plan: &Plan, secrets: &Secrets) -> Self {
        let cover = Cover(secrets);
        Self(Plan {
            actions: plan.actions.iter().map(|planned| cover.mask_planned(planned)).collect(),
            drift: plan.drift.iter().map(|drift| cover.drift(drift)).collect(),
            notes: plan.notes.iter().map(|note| cover.note(note)).collect(),
            outputs: plan.outputs.iter().map(|(name, value)| (cover.line(name), cover.line(value))).collect(),
            output_changes: plan.output_changes.iter().map(|change| cover.output(change)).collect(),
            not_compared: plan
                .not_compared
                .iter()
                .map(|(address, paths)| (cover.line(address), cover.lines(paths)))
                .collect(),
            side: plan.side,
            // Nothing of these is shown.
            parents: Vec::new(),
            left_out: BTreeSet::new(),
        })
    }
}

/// Masks the parts of a plan.
struct Cover<'a>(&'a Secrets);

impl Cover<'_> {
    fn line(&self, text: &str) -> String {
        visible::line(&self.0.mask(text)).into_owned()
    }

    fn lines(&self, texts: &BTreeSet<String>) -> BTreeSet<String> {
        texts.iter().map(|text| self.line(text)).collect()
    }

    fn value(&self, value: &Value) -> Value {
        self.0.mask_value(value)
    }

    fn maybe(&self, text: Option<&String>) -> Option<String> {
        text.map(|text| self.line(text))
    }

    fn mask_planned(&self, planned: &PlannedResource) -> PlannedResource {
        PlannedResource {
            address: self.line(&planned.address),
            element: self.line(&planned.element),
            reason: planned.reason.clone().map_texts(&|text| self.line(text)),
            effect: self.effect(&planned.effect),
            dependencies: self.lines(&planned.dependencies),
            by_name: self.lines(&planned.by_name),
            early: self.lines(&planned.early),
            prior_dependencies: self.lines(&planned.prior_dependencies),
            moved_from: self.maybe(planned.moved_from.as_ref()),
            widens: self.lines(&planned.widens),
            code_change: planned.code_change.clone().map(|change| change.map_texts(&|text| self.line(text))),
            ..*planned
        }
    }

    fn effect(&self, effect: &Effect) -> Effect {
        match effect {
            Effect::Create { wanted, changes } => {
                Effect::Create { wanted: self.mask_desired(wanted), changes: self.changes(changes) }
            }
            Effect::Update(revision) => Effect::Update(self.revision(revision)),
            Effect::Adopt(revision) => Effect::Adopt(self.revision(revision)),
            Effect::Replace { wanted, changes, order } => Effect::Replace {
                wanted: self.mask_desired(wanted),
                changes: self.changes(changes),
                order: match order {
                    Replacement::CreateFirst { predecessor } => {
                        Replacement::CreateFirst { predecessor: self.maybe_observed(predecessor) }
                    }
                    Replacement::DeleteFirst { live, leftover } => Replacement::DeleteFirst {
                        live: self.mask_observed(live),
                        leftover: self.maybe_observed(leftover),
                    },
                },
            },
            Effect::Unchanged { wanted, live } => {
                Effect::Unchanged { wanted: self.mask_desired(wanted), live: self.mask_observed(live) }
            }
            Effect::Delete { live, how } => Effect::Delete {
                live: self.mask_observed(live),
                how: match how {
                    Deletion::Called { leftover } => Deletion::Called { leftover: self.maybe_observed(leftover) },
                    Deletion::WithParent(parent) => Deletion::WithParent(self.line(parent)),
                },
            },
            Effect::Forget { live } => Effect::Forget { live: self.maybe_observed(live) },
        }
    }

    fn revision(&self, revision: &Revision) -> Revision {
        Revision {
            wanted: self.mask_desired(&revision.wanted),
            live: self.mask_observed(&revision.live),
            changes: self.changes(&revision.changes),
            leftover: self.maybe_observed(&revision.leftover),
        }
    }

    fn mask_desired(&self, wanted: &DesiredSpec) -> DesiredSpec {
        DesiredSpec { desired: self.value(&wanted.desired), spec: self.value(&wanted.spec) }
    }

    fn changes(&self, changes: &[Change]) -> Vec<Change> {
        changes.iter().map(|change| self.change(change)).collect()
    }

    fn maybe_observed(&self, live: &Option<ObservedResource<Value>>) -> Option<ObservedResource<Value>> {
        live.as_ref().map(|live| self.mask_observed(live))
    }

    fn mask_observed(&self, live: &ObservedResource<Value>) -> ObservedResource<Value> {
        ObservedResource {
            physical_id: self.line(&live.physical_id),
            spec: self.value(&live.spec),
            outputs: live.outputs.iter().map(|(name, value)| (name.clone(), self.line(value))).collect(),
            notes: live.notes.iter().map(|note| self.line(note)).collect(),
            twins: live.twins.iter().map(|twin| self.line(twin)).collect(),
        }
    }

    fn change(&self, change: &Change) -> Change {
        Change {
            path: self.line(&change.path),
            sensitive: change.sensitive,
            how: match &change.how {
                How::Differs { before, after, known, forces_replacement } => How::Differs {
                    before: self.value(before),
                    after: self.value(after),
                    known: *known,
                    forces_replacement: *forces_replacement,
                },
                How::SetAgain { value } => How::SetAgain { value: self.value(value) },
            },
        }
    }

    fn drift(&self, drift: &Drift) -> Drift {
        Drift {
            address: self.line(&drift.address),
            path: self.maybe(drift.path.as_ref()),
            before: self.value(&drift.before),
            after: self.value(&drift.after),
            plan: self.value(&drift.plan),
            ..*drift
        }
    }

    /// Renders the remark first, so that the whole text is masked.
    fn note(&self, note: &Note) -> Note {
        Note::text(self.line(&note.address), self.line(&reason::remark(note)))
    }

    fn output(&self, change: &OutputChange) -> OutputChange {
        let [before, after] = [&change.before, &change.after].map(|text| self.maybe(text.as_ref()));
        OutputChange { name: self.line(&change.name), before, after }
    }
}
