//! References that follow a resource to its successor widen no permissions.

use serde_json::Value;

use super::action::PlannedResource;
use super::change::Change;
use super::widening::bound;
use crate::graph::resolve::KnownOutputs;
use crate::kinds::Bound;

/// Takes the mark from references that only follow a resource of this plan to its successor: whether the successor may
/// do more is judged at the successor itself.
pub(super) fn forgive_successors(actions: &mut [PlannedResource], known: &KnownOutputs) {
    let outputs = |address: &str| known.get(address).into_iter().flat_map(|outputs| outputs.values());
    let moves: Vec<(String, String)> = actions
        .iter()
        .filter_map(|planned| Some((planned, planned.predecessor()?)))
        .flat_map(|(planned, old)| {
            let olds = old.outputs.values().cloned();
            olds.flat_map(|before| outputs(&planned.address).map(move |after| (before.clone(), after.clone())))
        })
        .collect();
    for planned in actions.iter_mut().filter(|planned| !planned.widens.is_empty()) {
        let kind = planned.kind;
        let follows = |change: &Change| {
            let text = |value: &Value| value.as_str().map(str::to_owned);
            let pair = text(change.before()).zip(text(change.after()));
            bound(kind, change) == Some(Bound::Reference) && pair.is_some_and(|pair| moves.contains(&pair))
        };
        let forgiven: Vec<String> =
            planned.changes().iter().filter(|change| follows(change)).map(|change| change.path.clone()).collect();
        planned.widens.retain(|path| !forgiven.contains(path));
    }
}
