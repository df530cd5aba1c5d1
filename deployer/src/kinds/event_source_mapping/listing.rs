//! Mappings as AWS lists them, and waits for what the listings show.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_lambda::types::EventSourceMappingConfiguration as Mapping;
use futures::future::try_join_all;

use super::{ABSENT, EventSource, SETTLED_WITHIN, function_arn};
use crate::aws::wait::Poll;
use crate::aws::{Aws, AwsError};

/// All mappings of the pair, by UUID. Listed by source alone: by function AWS finds none once the function is gone,
/// while its mappings linger.
pub(super) async fn list(aws: &Aws, spec: &EventSource) -> Result<Vec<Mapping>, AwsError> {
    let listed = list_one(aws, &spec.event_source_arn).await?;
    Ok(of_pair(aws, spec, listed))
}

/// As [`list`], from a listing shared with those that ask at the same time.
pub(super) async fn list_along(aws: &Aws, spec: &EventSource) -> Result<Vec<Mapping>, AwsError> {
    let shared = aws.clone();
    let source = &spec.event_source_arn;
    let listed = aws.gathered.mappings.get(source, move |sources| list_all(shared, sources)).await?;
    Ok(of_pair(aws, spec, listed.unwrap_or_default()))
}

fn of_pair(aws: &Aws, spec: &EventSource, mut found: Vec<Mapping>) -> Vec<Mapping> {
    let function = function_arn(&aws.place, &spec.function_name);
    found.retain(|mapping| mapping.function_arn() == Some(function.as_str()));
    found.sort_by(|a, b| a.uuid().cmp(&b.uuid()));
    found
}

/// Fewer sources than this are asked for one by one.
const FEW: usize = 4;
/// Mappings in one answer.
const PAGE: usize = 100;
/// Pages of the account's listing beyond those that hold what is wanted, before the rest is asked for one by one.
const MORE_PAGES: usize = 4;

/// The mappings of many sources: from one listing of the account's, as long as that is not mostly of others.
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

/// Waits until no mapping of the pair is listed. Those that wait for theirs at the same time share the listings.
pub(super) async fn gone(aws: &Aws, spec: &EventSource) -> Result<(), AwsError> {
    aws.until("the event source mapping to be gone", SETTLED_WITHIN, || async move {
        aws.next_look().await;
        Ok(match list_along(aws, spec).await?.first() {
            None => Poll::Ready(()),
            Some(mapping) => Poll::Pending(format!("state {}", mapping.state().unwrap_or_default())),
        })
    })
    .await
}

/// Waits until the mapping can be changed. A mapping that is not listed is left to the next call to report.
pub(super) async fn settled(aws: &Aws, spec: &EventSource) -> Result<(), AwsError> {
    aws.until("the event source mapping to be Enabled or Disabled", SETTLED_WITHIN, || async {
        let all = list(aws, spec).await?;
        Ok(match all.iter().find(|m| !matches!(m.state(), None | Some("Enabled" | "Disabled"))) {
            None => Poll::Ready(()),
            Some(mapping) => Poll::Pending(format!("state {}", mapping.state().unwrap_or_default())),
        })
    })
    .await
}
