//! Lists mappings, and waits for changes that the listings show.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_lambda::types::EventSourceMappingConfiguration as Mapping;
use futures::future::try_join_all;

use super::{ABSENT, EventSource, SETTLED_WITHIN, function_arn};
use crate::aws::gather::Bulk;
use crate::aws::wait::Poll;
use crate::aws::{Aws, AwsError};

/// Lists all mappings of the pair, by UUID. The listing is filtered by source alone: AWS finds no mapping by a function
/// that was deleted, although its mappings remain for a while.
pub(super) async fn list(aws: &Aws, spec: &EventSource) -> Result<Vec<Mapping>, AwsError> {
    let listed = list_one(aws, &spec.event_source_arn).await?;
    Ok(of_pair(aws, spec, listed))
}

/// As [`list`], from a listing that concurrent reads share.
pub(super) async fn list_along(aws: &Aws, spec: &EventSource) -> Result<Vec<Mapping>, AwsError> {
    let listed = aws.gather::<ListMappings>(&spec.event_source_arn).await?;
    Ok(of_pair(aws, spec, listed.unwrap_or_default()))
}

fn of_pair(aws: &Aws, spec: &EventSource, mut found: Vec<Mapping>) -> Vec<Mapping> {
    let function = function_arn(&aws.place, &spec.function_name);
    found.retain(|mapping| mapping.function_arn() == Some(function.as_str()));
    found.sort_by(|a, b| a.uuid().cmp(&b.uuid()));
    found
}

/// From this many sources on, one listing of the account is tried before single calls.
const FEW: usize = 4;
/// Mappings in one answer.
const PAGE: usize = 100;
/// The most pages of the account's listing beyond those that the wanted mappings fill. After them, single calls read
/// the rest.
const MORE_PAGES: usize = 4;

/// The mappings by the ARN of their source.
struct ListMappings;

impl Bulk for ListMappings {
    type Item = Vec<Mapping>;

    async fn fetch(aws: Aws, sources: BTreeSet<String>) -> Result<BTreeMap<String, Vec<Mapping>>, AwsError> {
        list_all(aws, sources).await
    }
}

/// Lists the mappings of many sources, from one listing of the account unless most of it belongs to other sources.
async fn list_all(aws: Aws, sources: BTreeSet<String>) -> Result<BTreeMap<String, Vec<Mapping>>, AwsError> {
    if sources.len() >= FEW {
        let mut by_source: BTreeMap<String, Vec<Mapping>> = sources.iter().map(|s| (s.clone(), Vec::new())).collect();
        let mut marker = None;
        for _ in 0..sources.len().div_ceil(PAGE) + MORE_PAGES {
            let call = aws.clients.lambda.list_event_source_mappings().max_items(PAGE as i32).set_marker(marker);
            let page = aws.call("lambda:ListEventSourceMappings", call.send()).await?;
            for mapping in page.event_source_mappings.unwrap_or_default() {
                if let Some(of) = mapping.event_source_arn().and_then(|source| by_source.get_mut(source)) {
                    of.push(mapping);
                }
            }
            marker = page.next_marker.filter(|m| !m.is_empty());
            if marker.is_none() {
                return Ok(by_source);
            }
        }
    }
    let each = try_join_all(sources.iter().map(|source| list_one(&aws, source))).await?;
    Ok(sources.into_iter().zip(each).collect())
}

async fn list_one(aws: &Aws, source: &str) -> Result<Vec<Mapping>, AwsError> {
    let (mut found, mut marker) = (Vec::new(), None);
    loop {
        let call = aws.clients.lambda.list_event_source_mappings().event_source_arn(source).set_marker(marker).send();
        let Some(page) = aws.find("lambda:ListEventSourceMappings", ABSENT, call).await? else { return Ok(found) };
        found.extend(page.event_source_mappings.unwrap_or_default());
        marker = page.next_marker.filter(|m| !m.is_empty());
        if marker.is_none() {
            return Ok(found);
        }
    }
}

pub(super) async fn is_deleting(aws: &Aws, spec: &EventSource, uuid: &str) -> Result<bool, AwsError> {
    let all = list(aws, spec).await?;
    Ok(all.iter().find(|m| m.uuid() == Some(uuid)).is_none_or(|m| m.state() == Some("Deleting")))
}

/// Waits until no mapping of the pair is listed. Concurrent waits share the listings.
pub(super) async fn wait_until_deleted(aws: &Aws, spec: &EventSource) -> Result<(), AwsError> {
    aws.until("the event source mapping to be gone", SETTLED_WITHIN, || async move {
        aws.shared_look().await;
        Ok(match list_along(aws, spec).await?.first() {
            None => Poll::Ready(()),
            Some(mapping) => Poll::Pending(format!("state {}", mapping.state().unwrap_or_default())),
        })
    })
    .await
}

/// Waits until the mapping can be changed. If the mapping is not listed, the next call reports that.
pub(super) async fn wait_until_changeable(aws: &Aws, spec: &EventSource) -> Result<(), AwsError> {
    aws.until("the event source mapping to be Enabled or Disabled", SETTLED_WITHIN, || async {
        let all = list(aws, spec).await?;
        Ok(match all.iter().find(|m| !matches!(m.state(), None | Some("Enabled" | "Disabled"))) {
            None => Poll::Ready(()),
            Some(mapping) => Poll::Pending(format!("state {}", mapping.state().unwrap_or_default())),
        })
    })
    .await
}
