//! Tags of many resources from few calls: GetResources of the Resource Groups Tagging API.
//!
//! Each service has a call of its own for the tags of one resource, and a rate for it: CloudWatch Logs takes ten a
//! second, Lambda fifteen together with all else. This one answers a hundred ARNs at once.
//!
//! **Guarantees**: a listing is believed only where it says what `stack.yaml` wants and the last apply left. It follows
//! the services with a delay, so anything else, or nothing, is read from the resource itself: an outdated listing never
//! shows up as a difference, and never hides one of our own. Nothing is deleted on its word: what is going to be
//! deleted is either not looked up here ([`surely`]), or asked for its owner right before it goes ([`still_ours`]).
//! **Caveats**: tags that somebody edited within the delay are seen by a later plan.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::sync::Arc;

use super::gather::Gather;
use super::service::{self, Service};
use super::tags::{self, Tags};
use super::{Aws, AwsError};
use crate::mutex::lock;

pub(crate) const OPERATION: &str = "tag:GetResources";
/// ARNs in one call.
const AT_ONCE: usize = 100;
/// From this many resources of a service on it pays.
pub(crate) const MANY: usize = 10;

tokio::task_local! {
    static SURELY: ();
}

/// Runs reads that decide on a deletion: they use no listing, but for [`presumed`] tags.
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
    before: (&Tags, Option<Tags>),
    read: impl Future<Output = Result<Option<Tags>, AwsError>>,
) -> Result<Option<Tags>, AwsError> {
    if SURELY.try_with(|()| ()).is_ok() { read.await } else { presumed(aws, arn, before, read).await }
}

/// As [`tags_of`], and the listing is used for what is going to be deleted, too. For kinds whose `delete` asks whether
/// it is [`still_ours`]: where their service answers few such questions a second, a plan does not wait for all of them.
///
/// # Errors
/// As [`tags_of`].
pub(crate) async fn presumed(
    aws: &Aws,
    arn: &str,
    (wanted, left): (&Tags, Option<Tags>),
    read: impl Future<Output = Result<Option<Tags>, AwsError>>,
) -> Result<Option<Tags>, AwsError> {
    if left.as_ref() != Some(wanted) {
        return read.await;
    }
    match listed(aws, arn).await {
        Some(tags) if seen(aws, tags.clone(), wanted) == *wanted => {
            aws.first_time(believed(arn));
            Ok(Some(wanted.clone()))
        }
        _ => read.await,
    }
}

/// Tags without those of others that are left alone.
fn seen(aws: &Aws, mut tags: Tags, wanted: &Tags) -> Tags {
    let stated: Vec<&str> = wanted.keys().map(String::as_str).collect();
    tags.retain(|key, _| !aws.ignored.has(key, &stated, false));
    tags
}

/// Asks whose a resource is before it is deleted, where only a listing has said so until now. `left` are the tags that
/// were believed.
///
/// # Errors
/// [`AwsError::Taken`] where it carries another stack's tag by now, [`AwsError::Unmarked`] where it carries none, or what
/// `read` returned.
pub(crate) async fn still_ours(
    aws: &Aws,
    arn: &str,
    left: Option<Tags>,
    read: impl Future<Output = Result<Option<Tags>, AwsError>>,
) -> Result<(), AwsError> {
    if !aws.has_done(&believed(arn)) {
        return Ok(());
    }
    let Some(now) = read.await? else { return Ok(()) };
    match now.get(tags::STACK) {
        Some(owner) if left.is_none_or(|left| left.get(tags::STACK) != Some(owner)) => {
            Err(AwsError::Taken { arn: arn.to_owned(), owner: owner.clone() })
        }
        Some(_) => Ok(()),
        None => Err(AwsError::Unmarked { id: arn.to_owned() }),
    }
}

/// What [`Aws::has_done`] knows a resource by whose tags were taken from a listing.
fn believed(arn: &str) -> String {
    format!("{OPERATION} believed of {arn}")
}

/// What the listing has of `arn`, where many of its service are asked for at once.
async fn listed(aws: &Aws, arn: &str) -> Option<Tags> {
    let Service { name: service, tags_listed_locally, .. } = service::named(arn.split(':').nth(2)?)?;
    let is_local = aws.place.endpoint_url.is_some();
    if (is_local && !tags_listed_locally) || aws.has_done(&refused(service)) {
        return None;
    }
    let gather = {
        let mut all = lock(&aws.gathered.tags);
        all.entry(service).or_insert_with(|| Arc::new(Gather::new(AT_ONCE))).clone()
    };
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

/// Takes the tags of `arn` as if a listing had told them.
#[cfg(test)]
pub(crate) fn believe(aws: &Aws, arn: &str) {
    aws.first_time(believed(arn));
}

#[cfg(test)]
mod tests {
    use futures::future::join_all;
    use serde_json::json;

    use super::*;
    use crate::aws::played;

    fn of(stack: &str) -> Tags {
        Tags::from([(tags::STACK.to_owned(), stack.to_owned())])
    }

    fn arns() -> Vec<String> {
        (0..MANY).map(|n| format!("arn:aws:logs:eu-west-1:123456789012:log-group:g{n}")).collect()
    }

    /// An AWS that lists all of [`arns`] as `stack`'s.
    async fn listing(stack: &str) -> Aws {
        let mapping = |arn| json!({"ResourceARN": arn, "Tags": [{"Key": tags::STACK, "Value": stack}]});
        let all: Vec<_> = arns().into_iter().map(mapping).collect();
        let body = json!({ "ResourceTagMappingList": all }).to_string();
        played::answering(&[&played::json(&body)]).await
    }

    async fn untouched() -> Result<Option<Tags>, AwsError> {
        panic!("the resource is not asked");
    }

    #[tokio::test]
    async fn what_is_deleted_on_the_word_of_a_listing_is_asked_for_its_owner_before() {
        let (aws, ours) = (listing("couch").await, of("couch"));
        let before = || (&ours, Some(ours.clone()));
        let names = arns();
        let seen = surely(join_all(names.iter().map(|arn| presumed(&aws, arn, before(), untouched())))).await;
        assert!(seen.into_iter().all(|tags| tags.expect("listed").as_ref() == Some(&ours)));
        let ask = |now: Option<Tags>| still_ours(&aws, &names[0], Some(ours.clone()), async { Ok(now) });
        ask(Some(ours.clone())).await.expect("still ours");
        let unmarked = ask(Some(Tags::new())).await.expect_err("another one of its name");
        assert!(matches!(&unmarked, AwsError::Unmarked { id } if *id == names[0]), "{unmarked}");
        ask(None).await.expect("gone");
        let taken = ask(Some(of("shop"))).await.expect_err("another stack's");
        assert_eq!(taken.to_string(), format!("not deleted: {} belongs to the stack \"shop\" by now", names[0]));
        let other = "arn:aws:logs:eu-west-1:123456789012:log-group:read";
        still_ours(&aws, other, Some(ours.clone()), untouched()).await.expect("its own service said so");
    }

    #[tokio::test]
    async fn a_listing_that_says_something_else_is_not_believed() {
        let (aws, ours) = (listing("shop").await, of("couch"));
        let names = arns();
        let read = || async { Ok(Some(of("couch"))) };
        let all = names.iter().map(|arn| presumed(&aws, arn, (&ours, Some(ours.clone())), read()));
        for tags in join_all(all).await {
            assert_eq!(tags.expect("read").as_ref(), Some(&ours));
        }
        still_ours(&aws, &names[0], Some(ours.clone()), untouched()).await.expect("asked already");
    }
}
