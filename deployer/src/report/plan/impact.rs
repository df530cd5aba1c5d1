//! The effects of an action on the users of a resource.

use crate::plan::{Deletion, Effect, PlannedResource, Replacement, Revision};

/// Lists the order of a replacement, the interruption that an action causes, and data that it destroys.
pub(in crate::report) fn impact(planned: &PlannedResource) -> Vec<String> {
    let wanted = planned.effect.desired_spec();
    let person = wanted.map_or(planned.kind.about().person, |wanted| planned.kind.person(&wanted.desired));
    let mut lines = Vec::new();
    match &planned.effect {
        Effect::Replace { order: Replacement::CreateFirst { predecessor: Some(_) }, .. } => {
            lines.push("created first; the old one is deleted once nothing uses it".to_owned());
            lines.extend(person.moved.map(|moved| format!("afterwards: {moved}")));
        }
        Effect::Replace { order: Replacement::CreateFirst { predecessor: None }, .. } => {
            lines.push("created; the old one stays in AWS".to_owned());
        }
        Effect::Replace { order: Replacement::DeleteFirst { .. }, .. } => {
            lines.push("deleted first, because the new one needs its name".to_owned());
            lines.extend(person.gap.map(|gap| format!("meanwhile: {gap}")));
        }
        Effect::Delete { how: Deletion::Called { leftover: Some(_) }, .. } => {
            lines.push("and the old one, which an interrupted run left behind".to_owned());
        }
        Effect::Update(Revision { leftover: Some(_), .. }) | Effect::Adopt(Revision { leftover: Some(_), .. }) => {
            lines.push("the old one is deleted afterwards".to_owned());
        }
        _ => {}
    }
    let lost = planned.effect.lost_resource().and_then(|lost| planned.kind.data_loss(&lost.spec));
    lines.extend(lost.map(|lost| format!("lost for good: {lost}")));
    lines
}
