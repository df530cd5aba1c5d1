//! A plan that is safe to show.
//!
//! # Guarantees
//! Every text is masked as a whole, before it is cut, wrapped, compared or encoded: a part of a secret matches none of
//! its forms. A text for one line holds no line end. Every renderer takes a plan in this form.

use std::collections::BTreeSet;
use std::ops::Deref;

use serde_json::Value;

use crate::kinds::Observed;
use crate::plan::{Change, Drift, Note, OutputChange, Plan, Planned};
use crate::spec::secrets::Secrets;
use crate::spec::visible;

/// A plan with all secrets masked, for display.
pub struct Shown(Plan);

impl Deref for Shown {
    type Target = Plan;

    fn deref(&self) -> &Plan {
        &self.0
    }
}

impl Shown {
    pub fn of(plan: &Plan, secrets: &Secrets) -> Self {
        let cover = Cover(secrets);
        Self(Plan {
            actions: plan.actions.iter().map(|planned| cover.planned(planned)).collect(),
            drift: plan.drift.iter().map(|drift| cover.drift(drift)).collect(),
            notes: plan.notes.iter().map(|note| cover.note(note)).collect(),
            outputs: plan.outputs.iter().map(|(name, value)| (cover.line(name), cover.line(value))).collect(),
            output_changes: plan.output_changes.iter().map(|change| cover.output(change)).collect(),
            refresh_only: plan.refresh_only,
            code_sizes: plan.code_sizes.iter().map(|(address, size)| (cover.line(address), *size)).collect(),
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

    fn planned(&self, planned: &Planned) -> Planned {
        Planned {
            address: self.line(&planned.address),
            element: self.line(&planned.element),
            reason: self.line(&planned.reason),
            changes: planned.changes.iter().map(|change| self.change(change)).collect(),
            desired: planned.desired.as_ref().map(|spec| self.value(spec)),
            spec: planned.spec.as_ref().map(|spec| self.value(spec)),
            live: planned.live.as_ref().map(|live| self.observed(live)),
            predecessor: planned.predecessor.as_ref().map(|live| self.observed(live)),
            dependencies: self.lines(&planned.dependencies),
            by_name: self.lines(&planned.by_name),
            early: self.lines(&planned.early),
            goes_with: self.maybe(planned.goes_with.as_ref()),
            prior_dependencies: self.lines(&planned.prior_dependencies),
            moved_from: self.maybe(planned.moved_from.as_ref()),
            ..*planned
        }
    }

    fn observed(&self, live: &Observed<Value>) -> Observed<Value> {
        Observed {
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
            before: self.value(&change.before),
            after: self.value(&change.after),
            ..*change
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

    fn note(&self, note: &Note) -> Note {
        Note { address: self.line(&note.address), text: self.line(&note.text) }
    }

    fn output(&self, change: &OutputChange) -> OutputChange {
        let [before, after] = [&change.before, &change.after].map(|text| self.maybe(text.as_ref()));
        OutputChange { name: self.line(&change.name), before, after }
    }
}
