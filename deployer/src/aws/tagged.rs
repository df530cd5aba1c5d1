//! Tags of many resources from few calls: GetResources of the Resource Groups Tagging API.
//!
//! Each service has its own call for the tags of one resource, and a rate for it: CloudWatch Logs takes ten a second,
//! Lambda fifteen together with all its other calls. GetResources answers a hundred ARNs at once.
//!
//! **Guarantees**: a listing is trusted only where it shows the tags that `stack.yaml` wants and the last apply
//! recorded. Listings lag behind the services, so every other result, and no result, is followed by a read of the
//! resource itself: an outdated listing never shows up as a difference, and never hides one of our own. A listing never
//! decides a deletion: before one, the resource is read without listings ([`Trust::Resource`]), or its owner is read
//! right before the call ([`check_owner`]).
//! **Caveats**: tags that somebody edited within the lag appear in a later plan.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::future::Future;
use std::sync::{Arc, Mutex};

use super::gather::Gather;
use super::owner::{Foreign, Owner};
use super::service::{self, Service};
use super::tags::{self, Tags};
use super::{Aws, AwsError};
use crate::mutex::lock;

pub(crate) const OPERATION: &str = "tag:GetResources";
/// ARNs in one call.
const AT_ONCE: usize = 100;
/// The number of resources of one service from which a listing costs less than single calls.
pub(crate) const MANY: usize = 10;

/// The source that a read may take tags from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trust {
    /// A listing, where it shows the tags that are expected.
    Listing,
    /// The resource alone, because the answer decides a deletion.
    Resource,
}

/// The tags that a resource has if nothing changed.
pub(crate) struct ExpectedTags<'a> {
    /// The tags in `stack.yaml`.
    pub(crate) wanted: &'a Tags,
    /// The tags after the last apply.
    pub(crate) recorded: Option<Tags>,
}

/// The listings of a run, by service: if one service refuses, the others still answer.
#[derive(Default)]
struct Listings(Mutex<HashMap<&'static str, Arc<Gather<Tags>>>>);

/// Returns the tags of the resource `arn`: from a listing if `trust` allows that and it shows the `expected` tags, else
/// from `read` (`None`: no such resource).
///
/// A kind whose `delete` calls [`check_owner`] may pass [`Trust::Listing`] at all times: where the service answers few
/// such questions a second, a plan does not wait for all of them.
///
/// # Errors
/// The error of `read`. A listing that is refused is replaced by `read`.
pub(crate) async fn tags_of(
    aws: &Aws,
    arn: &str,
    expected: ExpectedTags<'_>,
    trust: Trust,
    read: impl Future<Output = Result<Option<Tags>, AwsError>>,
) -> Result<Option<Tags>, AwsError> {
    let ExpectedTags { wanted, recorded } = expected;
    if trust == Trust::Resource || recorded.as_ref() != Some(wanted) {
        return read.await;
    }
    match from_listing(aws, arn).await {
        Some(tags) if without_ignored(aws, tags.clone(), wanted) == *wanted => {
            aws.run.note_done(trusted_key(arn));
            Ok(Some(wanted.clone()))
        }
        _ => read.await,
    }
}

/// Returns `tags` without the ones that the stack ignores.
fn without_ignored(aws: &Aws, mut tags: Tags, wanted: &Tags) -> Tags {
    let stated: Vec<&str> = wanted.keys().map(String::as_str).collect();
    tags.retain(|key, _| !aws.ignored.has(key, &stated, false));
    tags
}

/// Reads the owner of a resource right before it is deleted, if only a listing has shown it until now. `recorded` are
/// the tags after the last apply.
///
/// # Errors
/// [`AwsError::Foreign`] if its tags do not name this stack any more, or the error of `read`.
pub(crate) async fn check_owner(
    aws: &Aws,
    arn: &str,
    recorded: Option<Tags>,
    read: impl Future<Output = Result<Option<Tags>, AwsError>>,
) -> Result<(), AwsError> {
    if !aws.run.is_done(&trusted_key(arn)) {
        return Ok(());
    }
    let Some(now) = read.await? else { return Ok(()) };
    let stack = recorded.as_ref().and_then(|tags| tags.get(tags::STACK));
    let tag = now.get(tags::STACK).map(String::as_str);
    match stack.map_or(Owner::Foreign(Foreign::Untagged), |stack| Owner::by_tag(stack, tag, true)) {
        Owner::Ours => Ok(()),
        Owner::Foreign(owner) => Err(AwsError::Foreign { id: arn.to_owned(), owner }),
    }
}

/// Builds the key under which the run notes that the tags of `arn` came from a listing.
fn trusted_key(arn: &str) -> String {
    format!("{OPERATION} trusted for {arn}")
}

/// Returns the tags that a listing shows for `arn`, if many resources of its service are asked for at once.
async fn from_listing(aws: &Aws, arn: &str) -> Option<Tags> {
    let Service { name: service, tags_listed_locally, .. } = service::by_name(arn.split(':').nth(2)?)?;
    let is_local = aws.place.endpoint_url.is_some();
    if (is_local && !tags_listed_locally) || aws.run.is_done(&refused_key(service)) {
        return None;
    }
    let listings = aws.run.part::<Listings>();
    let gather = lock(&listings.0).entry(service).or_insert_with(|| Arc::new(Gather::new(AT_ONCE))).clone();
    let shared = aws.clone();
    match gather.get(arn, move |arns| list(shared, arns)).await {
        Ok(found) => found,
        Err(error) => {
            if aws.run.is_first_time(refused_key(service)) {
                tracing::debug!(service, %error, "tags are read one by one");
            }
            None
        }
    }
}

/// Builds the key under which the run notes that a service's tags cannot be listed.
fn refused_key(service: &str) -> String {
    format!("{OPERATION} of {service} refused")
}

/// Lists the tags by ARN; empty if the ARNs are few.
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

/// Notes that the tags of `arn` came from a listing.
#[cfg(test)]
pub(crate) fn trust_listing(aws: &Aws, arn: &str) {
    aws.run.note_done(trusted_key(arn));
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

    async fn fail_on_read() -> Result<Option<Tags>, AwsError> {
        panic!("the resource is not read");
    }

    fn expected_tags(tags: &Tags) -> ExpectedTags<'_> {
        ExpectedTags { wanted: tags, recorded: Some(tags.clone()) }
    }

    #[tokio::test]
    async fn the_owner_of_a_resource_known_from_a_listing_is_read_before_its_deletion() {
        let (aws, ours) = (listing("couch").await, of("couch"));
        let names = arns();
        let reads = names.iter().map(|arn| tags_of(&aws, arn, expected_tags(&ours), Trust::Listing, fail_on_read()));
        assert!(join_all(reads).await.into_iter().all(|tags| tags.expect("listed").as_ref() == Some(&ours)));
        let check = |now: Option<Tags>| check_owner(&aws, &names[0], Some(ours.clone()), async { Ok(now) });
        check(Some(ours.clone())).await.expect("still ours");
        let unmarked = check(Some(Tags::new())).await.expect_err("another one of its name");
        assert!(matches!(&unmarked, AwsError::Foreign { owner: Foreign::TagsRemoved, .. }), "{unmarked}");
        check(None).await.expect("deleted already");
        let taken = check(Some(of("shop"))).await.expect_err("another stack's");
        assert_eq!(taken.to_string(), format!("not deleted: {} belongs to the stack \"shop\"", names[0]));
        let other = "arn:aws:logs:eu-west-1:123456789012:log-group:read";
        check_owner(&aws, other, Some(ours.clone()), fail_on_read()).await.expect("its own service answered");
    }

    #[tokio::test]
    async fn a_listing_that_shows_other_tags_is_not_trusted() {
        let (aws, ours) = (listing("shop").await, of("couch"));
        let names = arns();
        let read = || async { Ok(Some(of("couch"))) };
        let all = names.iter().map(|arn| tags_of(&aws, arn, expected_tags(&ours), Trust::Listing, read()));
        for tags in join_all(all).await {
            assert_eq!(tags.expect("read").as_ref(), Some(&ours));
        }
        check_owner(&aws, &names[0], Some(ours.clone()), fail_on_read()).await.expect("read already");
    }

    #[tokio::test]
    async fn a_read_that_decides_a_deletion_takes_no_tags_from_a_listing() {
        let (aws, ours) = (listing("couch").await, of("couch"));
        let names = arns();
        let read = || async { Ok(Some(of("shop"))) };
        let all = names.iter().map(|arn| tags_of(&aws, arn, expected_tags(&ours), Trust::Resource, read()));
        for tags in join_all(all).await {
            assert_eq!(tags.expect("read"), Some(of("shop")));
        }
        assert_eq!(aws.calls(), (0, 0), "nothing is listed");
    }
}
