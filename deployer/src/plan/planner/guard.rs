//! Properties that decide about a deletion: AWS's switch against it, and those that a deletion alone reads.

use serde_json::Value;

use super::Planner;
use crate::graph::Node;
use crate::plan::action::PlannedResource;
use crate::plan::problem::Problem;
use crate::plan::reason::Note;

impl<'a> Planner<'a> {
    /// Gives each resource that is deleted the value of [`Calls::read_by_deletion`](crate::kinds::Calls) in
    /// `stack.yaml`. Reports a resource that AWS refuses to delete, unless `stack.yaml` states
    /// [`Calls::guard`](crate::kinds::Calls) off; then notes that it is switched off first.
    pub(super) fn honour_guard(&mut self, node: Option<&Node>, planned: &mut PlannedResource) {
        let calls = planned.kind.about().calls;
        let node = node.filter(|node| node.kind.name() == planned.kind.name());
        let stated = |property: &str| node.and_then(|node| node.spec.get(property)).cloned();
        if let Some((property, value)) = calls.read_by_deletion.and_then(|property| Some((property, stated(property)?)))
        {
            for live in planned.effect.deleted_resources_mut() {
                live.spec[property] = value.clone();
            }
        }
        let Some(guard) = calls.guard else { return };
        let is_on = |spec: &Value| spec.get(guard) == Some(&Value::Bool(true));
        if !planned.effect.deleted_resources().any(|live| is_on(&live.spec)) {
            return;
        }
        if stated(guard) == Some(Value::Bool(false)) {
            let text = format!("AWS protects it from deletion: `{guard}` is switched off first, as stack.yaml states");
            self.plan.notes.push(Note::text(&planned.address, text));
        } else {
            self.problems.push(Problem::guarded(node.is_some(), planned, guard));
        }
    }

    /// Returns the node of a record: that of its address, also if it records a predecessor (`ADDRESS#IDENTITY`).
    pub(super) fn node_of_record(&self, address: &str) -> Option<&'a Node> {
        let address = address.split_once('#').map_or(address, |(address, _)| address);
        self.graph.node(address)
    }
}
