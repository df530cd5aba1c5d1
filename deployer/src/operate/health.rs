//! The health of deployed resources: AWS's reports beyond their configuration.

use std::collections::BTreeMap;

use futures::future::join_all;
use jiff::Timestamp;
use serde_json::Value;

use crate::aws::Aws;
use crate::kinds::{self, ObservedResource, Sign};

/// The name of a resource's kind, and the resource as read.
pub type Live<'a> = (&'static str, &'a ObservedResource<Value>);

/// Asks AWS for the health of the resources, by address: one question for all resources of a kind. If a question fails,
/// its sign says so, and the others go on.
pub async fn signs(aws: &Aws, live: &BTreeMap<String, Live<'_>>) -> BTreeMap<String, Vec<Sign>> {
    let mut by_kind: BTreeMap<&str, (Vec<&String>, Vec<&ObservedResource<Value>>)> = BTreeMap::new();
    let mut signs: BTreeMap<String, Vec<Sign>> = BTreeMap::new();
    for (address, (kind, observed)) in live {
        let own = signs.entry(address.clone()).or_default();
        own.extend(observed.notes.iter().map(Sign::alarming));
        if own.is_empty() {
            own.extend(kinds::find(kind).and_then(|kind| kind.condition(observed)).map(Sign::fine));
        }
        let (addresses, all) = by_kind.entry(kind).or_default();
        addresses.push(address);
        all.push(observed);
    }
    let asked = by_kind.iter().filter_map(|(kind, (addresses, all))| {
        let kind = kinds::find(kind)?;
        Some(async move { addresses.iter().zip(kind.signs(aws, all).await) })
    });
    for (address, more) in join_all(asked).await.into_iter().flatten() {
        signs.entry((*address).clone()).or_default().extend(more);
    }
    signs
}

/// Adds when each resource acts by itself next, after `now` (RFC 3339).
pub fn add_upcoming(signs: &mut BTreeMap<String, Vec<Sign>>, live: &BTreeMap<String, Live<'_>>, now: &str) {
    let Ok(now) = now.parse::<Timestamp>() else { return };
    for (address, (kind, observed)) in live {
        let words = kinds::find(kind).and_then(|kind| kind.upcoming(&observed.spec, now));
        signs.entry(address.clone()).or_default().extend(words.map(Sign::fine));
    }
}
