//! A plan that only adopts.

use std::collections::BTreeSet;

use super::action::{Plan, PlannedResource};
use super::effect::Effect;
use super::goal::Adoption;
use super::problem::{PlanError, Problem};
use super::reason::{Note, Remark};
use crate::kinds::Ownership;
use crate::observe::Observation;

/// Reduces a plan to its adoptions. A part that needs another new part of its element is left for the next apply, which
/// creates the needed part and then adopts this one as a part of our resource.
///
/// # Errors
/// There is nothing to adopt, the id is another resource's, or an adoption needs a resource that does not exist.
pub(super) fn adoptions_only(plan: Plan, wanted: &Adoption, seen: &Observation) -> Result<Plan, PlanError> {
    let of = |adopts: bool| plan.actions.iter().filter(move |planned| is_adoption(planned) == adopts);
    let Some(first) = of(true).next() else { return Err(nothing_to_adopt(&plan, wanted)) };
    if let Some(id) = &wanted.id
        && !of(true).any(|planned| has_id(planned, id))
    {
        let meant = of(true).find(|planned| planned.address == wanted.address).unwrap_or(first);
        return Err(other_id(meant, id));
    }
    let adopted: BTreeSet<&String> = of(true).map(|planned| &planned.address).collect();
    let created: BTreeSet<&String> = of(false).filter(|other| is_creation(other)).map(|other| &other.address).collect();
    let mut later = BTreeSet::new();
    for planned in of(true).filter(|planned| !planned.changes().is_empty()) {
        let is_there = |needed: &&String| adopted.contains(*needed) || seen.live.contains_key(*needed);
        let Some(missing) = planned.dependencies.iter().find(|needed| !is_there(needed)) else { continue };
        let is_part = planned.kind.ownership() == Ownership::Parent;
        if !(created.contains(missing) && planned.address != wanted.address && is_part) {
            return Err(incomplete(planned, wanted, missing));
        }
        later.insert(planned.address.clone());
    }
    let mut plan = plan;
    plan.actions.retain(|planned| is_adoption(planned) && !later.contains(&planned.address));
    let interrupted = seen.prior.intents.iter().map(|intent| &intent.address);
    let is_adopted = |address: &String| plan.actions.iter().any(|planned| planned.address == *address);
    plan.left_out = interrupted.filter(|address| !is_adopted(address)).cloned().collect();
    plan.notes.extend(later.into_iter().map(|address| Note::new(address, Remark::AdoptedLater)));
    Ok(plan)
}

fn is_adoption(planned: &PlannedResource) -> bool {
    matches!(planned.effect, Effect::Adopt(_))
}

fn is_creation(planned: &PlannedResource) -> bool {
    matches!(planned.effect, Effect::Create { .. })
}

fn has_id(planned: &PlannedResource, id: &str) -> bool {
    planned.live().is_some_and(|live| live.physical_id == id || live.outputs.values().any(|output| output == id))
}

fn nothing_to_adopt(plan: &Plan, Adoption { address, .. }: &Adoption) -> PlanError {
    match plan.actions.iter().find(|planned| is_creation(planned)) {
        Some(absent) => {
            let help =
                "check the name and the region in stack.yaml, and the id of a REST API; `deployer apply` creates it";
            problem("adopt::absent", absent, format!("AWS has nothing that `{address}` means"), help.to_owned())
        }
        None => {
            let help = "`deployer plan` shows whether it differs from stack.yaml".to_owned();
            let element = plan.actions.first().map_or_else(String::new, |planned| planned.element.clone());
            let message = format!("`{address}` belongs to this stack already");
            PlanError(vec![Problem { code: "adopt::ours", address: address.clone(), element, message, help }])
        }
    }
}

fn other_id(meant: &PlannedResource, id: &str) -> PlanError {
    let live = meant.live().map_or("nothing", |live| &live.physical_id);
    let message = format!("`{}` means {live}, not {id}", meant.address);
    problem("adopt::other", meant, message, "its name in stack.yaml decides: correct it there".to_owned())
}

fn incomplete(planned: &PlannedResource, wanted: &Adoption, missing: &str) -> PlanError {
    let message = format!("`{}` needs `{missing}`, which does not exist yet", wanted.address);
    let help = format!("create that first: `deployer apply --target '{missing}'`");
    problem("adopt::incomplete", planned, message, help)
}

fn problem(code: &'static str, at: &PlannedResource, message: String, help: String) -> PlanError {
    let (address, element) = (at.address.clone(), at.element.clone());
    PlanError(vec![Problem { code, address, element, message, help }])
}
