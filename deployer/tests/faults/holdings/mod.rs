//! Reads everything in an account and everything that AWS reports about it, with the SDK alone, without the deployer's
//! kinds.

mod alike;
mod known;

use std::collections::{BTreeMap, BTreeSet};

use deployer::aws::Aws;
use serde_json::Value;

use crate::catalog;

pub use alike::Replacements;

/// Each thing by a name that is the same in every account, with everything that AWS reports about it.
pub type Holdings = BTreeMap<String, Value>;

/// The paths and methods in each deployment's snapshot, by the deployment's id.
pub type DeploymentSnapshots = BTreeMap<String, Value>;

/// Lists the contents of the account, except the buckets of states.
pub async fn holdings(aws: &Aws, deployed: &DeploymentSnapshots) -> Holdings {
    let (mut ids, mut all) = (Vec::new(), Vec::new());
    for thing in catalog::things(aws).await {
        ids.extend(thing.id);
        all.push((thing.name, thing.whole.await));
    }
    let alike = Replacements::of(aws, ids, deployed);
    all.into_iter().map(|(name, value)| (alike.text(&name), alike.value(value))).collect()
}

/// Describes the differences between two accounts, one a line.
pub fn differences(edited: &Holdings, fresh: &Holdings) -> Vec<String> {
    let names: BTreeSet<&String> = edited.keys().chain(fresh.keys()).collect();
    names
        .into_iter()
        .flat_map(|name| match (edited.get(name), fresh.get(name)) {
            (Some(_), None) => vec![format!("{name}: is there, and not after a fresh apply")],
            (None, Some(_)) => vec![format!("{name}: is missing")],
            (Some(one), Some(other)) => {
                let mut lines = Vec::new();
                differ(name, one, other, &mut lines);
                lines
            }
            (None, None) => Vec::new(),
        })
        .collect()
}

fn differ(at: &str, edited: &Value, fresh: &Value, lines: &mut Vec<String>) {
    match (edited, fresh) {
        (Value::Object(one), Value::Object(other)) => {
            let names: BTreeSet<&String> = one.keys().chain(other.keys()).collect();
            for name in names {
                let of = |map: &serde_json::Map<String, Value>| map.get(name).cloned().unwrap_or_default();
                differ(&format!("{at}.{name}"), &of(one), &of(other), lines);
            }
        }
        _ if edited == fresh || known::is_known(at, edited, fresh) => {}
        _ => lines.push(format!("{at}: {edited}, after a fresh apply {fresh}")),
    }
}
