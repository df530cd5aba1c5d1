//! Tags of many resources from few calls: GetResources of the Resource Groups Tagging API.
//!
//! Each service has a call of its own for the tags of one resource, and a rate for it: CloudWatch Logs takes ten a
//! second, Lambda fifteen together with all else. This one answers a hundred ARNs at once.
//!
//! **Guarantees**: a listing is believed only where it says what `stack.yaml` wants and the last apply left. It follows the
//! services with a delay, so anything else, or nothing, is read from the resource itself: an outdated listing never
//! shows up as a difference, and never hides one of our own. What is going to be deleted is never looked up
//! here ([`surely`]).
//! **Caveats**: tags that somebody edited within the delay are seen by a later plan.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;

use super::tags::{self, Tags};
use super::{Aws, AwsError};

pub(crate) const OPERATION: &str = "tag:GetResources";
/// ARNs in one call.
pub(super) const AT_ONCE: usize = 100;
/// The services whose resources are asked for by it.
pub(super) const SERVICES: &[&str] = &["cloudwatch", "lambda", "logs", "sqs"];
/// What local AWSes list. They have no rates, so that for the others a call in vain would only cost time.
const LOCAL: &[&str] = &["sqs"];
/// From this many resources of a service on it pays.
pub(crate) const MANY: usize = 10;

tokio::task_local! {
    static SURELY: ();
}

/// Runs reads that decide on a deletion: they use no listing.
pub(crate) async fn surely<T>(reads: impl Future<Output = T>) -> T {
    SURELY.scope((), reads).await
}

/// The tags of the resource `arn` when a listing has exactly those that are wanted and that the last apply `left`; else
/// what `read` finds out about it (`None`: there is no such resource).
///
/// # Errors
/// What `read` returned. A listing that is refused is done without.
pub(crate) async fn tags_of(
    aws: &Aws,
    arn: &str,
    (wanted, left): (&Tags, Option<Tags>),
    read: impl Future<Output = Result<Option<Tags>, AwsError>>,
) -> Result<Option<Tags>, AwsError> {
    if left.as_ref() != Some(wanted) || SURELY.try_with(|()| ()).is_ok() {
        return read.await;
    }
    match listed(aws, arn).await {
        Some(tags) if tags == *wanted => Ok(Some(tags)),
        _ => read.await,
    }
}

/// What the listing has of `arn`, where many of its service are asked for at once.
async fn listed(aws: &Aws, arn: &str) -> Option<Tags> {
    let service = arn.split(':').nth(2)?;
    let gather = aws.gathered.tags.get(service)?;
    let local = aws.place.endpoint_url.is_some();
    if (local && !LOCAL.contains(&service)) || aws.has_done(&refused(service)) {
        return None;
    }
    let shared = aws.clone();
    match gather.get(arn, move |arns| list(shared, arns)).await {
        Ok(found) => found,
        Err(error) => {
            if aws.first_time(refused(service)) {
                tracing::debug!(service, %error, "tags are read one by one");
            }
            None
        }
    }
}

/// What [`Aws::has_done`] knows that a service's tags cannot be listed.
fn refused(service: &str) -> String {
    format!("{OPERATION} of {service} refused")
}

/// The tags by ARN; nothing where they are few.
async fn list(aws: Aws, arns: BTreeSet<String>) -> Result<BTreeMap<String, Tags>, AwsError> {
    if arns.len() < MANY {
        return Ok(BTreeMap::new());
    }
    let call = aws.clients.tagging.get_resources().set_resource_arn_list(Some(arns.into_iter().collect()));
    let found = aws.call(OPERATION, call.send()).await?.resource_tag_mapping_list.unwrap_or_default();
    let by_arn = found.into_iter().filter_map(|resource| {
        let tags = resource.tags.unwrap_or_default().into_iter().map(|tag| (tag.key, tag.value));
        // Some services write a log group's ARN with `:*` at its end.
        Some((resource.resource_arn?.trim_end_matches(":*").to_owned(), tags::without_aws(tags)))
    });
    Ok(by_arn.collect())
}
