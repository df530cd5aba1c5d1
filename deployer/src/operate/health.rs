//! The health of deployed resources: AWS's reports beyond their configuration.

use std::collections::BTreeMap;

use futures::future::join_all;
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
