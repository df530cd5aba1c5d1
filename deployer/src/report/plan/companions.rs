//! Folds a resource that only lets another one work into the line of that one.

use super::{about, sign};
use crate::plan::PlannedResource;

/// A resource of a plan, and those that are mentioned in its line.
pub(super) struct ShownResource<'p> {
    pub planned: &'p PlannedResource,
    companions: Vec<&'p PlannedResource>,
}

impl ShownResource<'_> {
    /// Mentions the companions: `with its permission`.
    pub fn mention(&self) -> Option<String> {
        let name = |companion: &&PlannedResource| {
            let part = part(companion).unwrap_or(&companion.address);
            match sign(companion) == sign(self.planned) {
                true => part.to_owned(),
                false => format!("{part} ({})", sign(companion)),
            }
        };
        let names: Vec<String> = self.companions.iter().map(name).collect();
        (!names.is_empty()).then(|| format!("with its {}", names.join(" and ")))
    }
}

/// Lists the resources of an element with their companions. With `all`, each resource stands by itself. A companion does
/// so as well if there is more to tell about it: that it widens permissions, or a reason of its own.
pub(super) fn with_companions<'p>(group: &[&'p PlannedResource], all: bool) -> Vec<ShownResource<'p>> {
    let folds =
        |planned: &PlannedResource| !all && planned.kind.about().person.accompanies && planned.widens.is_empty();
    let (companions, leaders): (Vec<_>, Vec<_>) = group.iter().copied().partition(|planned| folds(planned));
    let mut shown: Vec<ShownResource<'p>> =
        leaders.into_iter().map(|planned| ShownResource { planned, companions: Vec::new() }).collect();
    let mut alone = Vec::new();
    for companion in companions {
        let of_own = about(companion);
        let is_leader = |shown: &&mut ShownResource<'_>| {
            let leader = shown.planned;
            let same_label = label(leader).is_some_and(|of| Some(of) == label(companion));
            let tells_as_much = of_own.is_none() || of_own == about(leader);
            !leader.kind.about().person.accompanies && same_label && tells_as_much
        };
        match shown.iter_mut().find(is_leader) {
            Some(leader) => leader.companions.push(companion),
            None => alone.push(ShownResource { planned: companion, companions: Vec::new() }),
        }
    }
    shown.extend(alone);
    let place = |shown: &ShownResource<'_>| group.iter().position(|planned| planned.address == shown.planned.address);
    shown.sort_by_key(place);
    shown
}

/// Returns the text in the brackets of an address.
fn label(planned: &PlannedResource) -> Option<&str> {
    planned.address.split_once('[')?.1.strip_suffix(']')
}

/// Returns the part's name: `permission` of `apis.couch.permission[GET /]`.
fn part(planned: &PlannedResource) -> Option<&str> {
    let (head, _) = planned.address.split_once('[')?;
    head.rsplit_once('.').map(|(_, part)| part)
}
