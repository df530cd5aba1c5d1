//! The effects of an action on the users of a resource.

use crate::plan::{Action, Order, Planned};

/// Lists the order of a replacement, the interruption that an action causes, and data that it destroys.
pub(in crate::report) fn impact(planned: &Planned) -> Vec<String> {
    let kind = planned.kind;
    let mut said = Vec::new();
    match (planned.action, planned.order) {
        (Action::Replace, Some(Order::CreateFirst)) if planned.predecessor.is_some() => {
            said.push("created first; the old one is deleted once nothing uses it".to_owned());
            said.extend(kind.about().person.moved.map(|moved| format!("afterwards: {moved}")));
        }
        (Action::Replace, Some(Order::CreateFirst)) => said.push("created; the old one stays in AWS".to_owned()),
        (Action::Replace, _) => {
            said.push("deleted first, because the new one needs its name".to_owned());
            said.extend(kind.about().person.gap.map(|gap| format!("meanwhile: {gap}")));
        }
        (Action::Delete, _) if planned.predecessor.is_some() => {
            said.push("and the old one, which an interrupted run left behind".to_owned());
        }
        (Action::Update | Action::Adopt | Action::Create, _) if planned.predecessor.is_some() => {
            said.push("the old one is deleted afterwards".to_owned());
        }
        _ => {}
    }
    let goes = planned.action == Action::Delete
        || planned.predecessor.is_some()
        || (planned.action == Action::Replace && planned.order != Some(Order::CreateFirst));
    let gone = planned.predecessor.as_ref().or(planned.live.as_ref());
    if goes && let Some(lost) = gone.and_then(|gone| kind.lost(&gone.spec)) {
        said.push(format!("lost for good: {lost}"));
    }
    said
}
