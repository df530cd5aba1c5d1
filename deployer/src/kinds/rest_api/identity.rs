//! Decides which API a spec means: names are not unique, and tags can be copied.

use std::collections::BTreeSet;
use std::sync::Arc;

use aws_sdk_apigateway::types::RestApi as Live;

use super::{Api, FoundResource, RestApi, api_arn, id_of};
use crate::aws::apigateway::{edited_tags, live_tags};
use crate::aws::owner::Owner;
use crate::aws::tags::{self, Tags};
use crate::aws::{Aws, AwsError};
use crate::kinds::Kind;

/// The key under which `aws.run.remember` keeps all APIs.
pub(super) const LISTING: &str = "apigateway:GetRestApis";

/// How far the clocks of AWS and of the interrupted run may be apart, in seconds.
const CLOCKS_APART_S: i64 = 60;

/// The API that a spec means, and further ones with the same ownership tags.
pub(super) struct MatchingApis {
    pub api: Live,
    /// Ids of further APIs that the same interrupted run created.
    pub duplicates: Vec<String>,
    /// Ids of APIs that an unknown run or user created.
    pub others: Vec<String>,
}

/// Finds the API that `spec` means: the one that the user named, or else the one in the state, or the only one with the
/// ownership tags. The APIs of an interrupted run are recognised by their time of creation.
///
/// # Errors
/// [`AwsError::Ambiguous`] if nothing tells which of several APIs is meant.
pub(super) async fn find_matching(aws: &Aws, spec: &Api) -> Result<Option<MatchingApis>, AwsError> {
    let all = aws.run.remember(LISTING, listing(aws)).await?;
    let by_id = |id: &String| all.iter().find(|api| api.id.as_ref() == Some(id)).cloned();
    if let Some(id) = aws.run.claimed_id(&spec.owner_address) {
        return Ok(by_id(&id).map(|api| MatchingApis { api, duplicates: Vec::new(), others: Vec::new() }));
    }
    let identity = [spec.owner_stack.as_str(), spec.owner_address.as_str()];
    let expected = aws.run.recorded_id(RestApi::NAME, &identity);
    let since = aws.run.interrupted_create_s(RestApi::NAME, &identity);
    let recent = |api: &Live| {
        let made = api.created_date.map(|at| at.secs());
        since.zip(made).is_some_and(|(since, made)| made >= since - CLOCKS_APART_S)
    };
    let recorded = expected.as_ref().and_then(by_id);
    let candidates = carrying(&all, spec);
    let (recent, others): (Vec<Live>, Vec<Live>) =
        candidates.into_iter().filter(|api| recorded.as_ref().is_none_or(|own| own.id != api.id)).partition(recent);
    let ids = |apis: &[Live]| apis.iter().filter_map(|api| api.id.clone()).collect::<Vec<_>>();
    if let Some(api) = recorded {
        return Ok(Some(MatchingApis { api, duplicates: ids(&recent), others: ids(&others) }));
    }
    match (recent.split_first(), others.as_slice()) {
        (Some((api, more)), _) => {
            Ok(Some(MatchingApis { api: api.clone(), duplicates: ids(more), others: ids(&others) }))
        }
        (None, []) => Ok(None),
        (None, [api]) if expected.is_none() => {
            Ok(Some(MatchingApis { api: api.clone(), duplicates: Vec::new(), others: Vec::new() }))
        }
        (None, others) => {
            let address = spec.owner_address.clone();
            let what = match expected {
                Some(gone) => {
                    format!("the API {gone} of the last apply is gone, and others carry the tags of `{address}`")
                }
                None => format!("{} APIs carry the tags of `{address}`", others.len()),
            };
            Err(AwsError::Ambiguous { what, address, ids: ids(others) })
        }
    }
}

/// Returns the APIs with the ownership tags of `spec`, the oldest first.
fn carrying(all: &[Live], spec: &Api) -> Vec<Live> {
    let carries = |api: &&Live| {
        let tag = |key: &str| api.tags.as_ref().and_then(|tags| tags.get(key)).map(String::as_str);
        let owner = Owner::by_tag(&spec.owner_stack, tag(tags::STACK), false);
        owner.is_ours() && tag(tags::ADDRESS) == Some(&spec.owner_address)
    };
    let mut ours: Vec<Live> = all.iter().filter(carries).cloned().collect();
    let age = |api: &Live| (api.created_date.map(|d| (d.secs(), d.subsec_nanos())), api.id.clone());
    ours.sort_by_key(age);
    ours
}

/// Returns the ids of the APIs with these tags before this run creates its own.
pub(super) async fn known_before(aws: &Aws, spec: &Api) -> Result<Arc<BTreeSet<String>>, AwsError> {
    let key = format!("apigateway:CreateRestApi before {} {}", spec.owner_stack, spec.owner_address);
    aws.run
        .remember(&key, async {
            let all = aws.run.remember(LISTING, listing(aws)).await?;
            Ok(carrying(&all, spec).into_iter().filter_map(|api| api.id).collect())
        })
        .await
}

/// Finds the API that this run has created, if any.
pub(super) async fn made_since(aws: &Aws, spec: &Api, before: &BTreeSet<String>) -> Result<Option<Live>, AwsError> {
    let all = aws.run.remember(LISTING, listing(aws)).await?;
    Ok(carrying(&all, spec).into_iter().find(|api| api.id.as_ref().is_some_and(|id| !before.contains(id))))
}

/// Calls GetRestApis, all pages.
async fn listing(aws: &Aws) -> Result<Vec<Live>, AwsError> {
    let (mut all, mut position) = (Vec::new(), None);
    loop {
        let call = aws.clients.apigateway.get_rest_apis().limit(500).set_position(position).send();
        let page = aws.call("apigateway:GetRestApis", call).await?;
        for mut api in page.items.unwrap_or_default() {
            if aws.place.endpoint_url.is_some() && !has_owner_tag(&api) {
                // A local AWS does not list tags that were added later.
                let edited = edited_tags(aws, &api_arn(aws, &id_of(&api)?)).await?;
                api.tags = Some(live_tags(api.tags.take(), edited).into_iter().collect());
            }
            all.push(api);
        }
        position = page.position;
        if position.is_none() {
            return Ok(all);
        }
    }
}

/// Tells whether the listed tags include some stack's ownership tag.
fn has_owner_tag(api: &Live) -> bool {
    api.tags.as_ref().is_some_and(|tags| tags.contains_key(tags::STACK))
}

/// Returns an API with only the properties that identify it: its ownership tags.
pub(super) fn found_resource(id: &str, tags: &Tags) -> FoundResource<Api> {
    let tag = |key: &str| tags.get(key).cloned().unwrap_or_default();
    let (owner_stack, owner_address) = (tag(tags::STACK), tag(tags::ADDRESS));
    FoundResource::of(id, Api { owner_stack, owner_address, tags: tags.clone(), ..Api::default() })
}

/// Lists every API with tags: GetRestApis.
pub(super) async fn all(aws: &Aws) -> Result<Vec<FoundResource<Api>>, AwsError> {
    let call = aws.clients.apigateway.get_rest_apis().limit(500);
    let page = aws.call("apigateway:GetRestApis", call.send()).await?;
    let tagged = page.items().iter().filter_map(|api| {
        let tags: Tags = api.tags()?.clone().into_iter().collect();
        let address = tags.get(tags::ADDRESS).cloned();
        Some(FoundResource { address, ..found_resource(api.id()?, &tags) })
    });
    Ok(tagged.collect())
}
