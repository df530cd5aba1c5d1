//! The listing of all REST APIs, and the API in it that a spec means.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use aws_sdk_apigateway::types::RestApi as Live;
use aws_smithy_types::DateTime;

use super::{Api, FoundResource, RestApi, api_arn, id_of};
use crate::aws::apigateway::owned::{self, ApiOwner, ListedApi, MatchingApis, carrying};
use crate::aws::apigateway::{edited_tags, live_tags};
use crate::aws::tags::{self, Tags};
use crate::aws::{Aws, AwsError};
use crate::kinds::Kind;

/// The key under which `aws.run.remember` keeps all APIs.
pub(super) const LISTING: &str = "apigateway:GetRestApis";

impl ListedApi for Live {
    fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    fn tags(&self) -> Option<&HashMap<String, String>> {
        self.tags.as_ref()
    }

    fn created_at(&self) -> Option<&DateTime> {
        self.created_date.as_ref()
    }
}

fn owner(spec: &Api) -> ApiOwner<'_> {
    ApiOwner { kind: RestApi::NAME, stack: &spec.owner_stack, address: &spec.owner_address }
}

/// Finds the API that `spec` means.
///
/// # Errors
/// [`AwsError::Ambiguous`] if nothing tells which of several APIs is meant.
pub(super) async fn find_matching(aws: &Aws, spec: &Api) -> Result<Option<MatchingApis<Live>>, AwsError> {
    let all = aws.run.remember(LISTING, listing(aws)).await?;
    owned::find_matching(aws, &all, owner(spec))
}

/// Returns the ids of the APIs with these tags before this run creates its own.
pub(super) async fn known_before(aws: &Aws, spec: &Api) -> Result<Arc<BTreeSet<String>>, AwsError> {
    let key = format!("apigateway:CreateRestApi before {} {}", spec.owner_stack, spec.owner_address);
    aws.run
        .remember(&key, async {
            let all = aws.run.remember(LISTING, listing(aws)).await?;
            Ok(carrying(&all, owner(spec)).into_iter().filter_map(|api| api.id).collect())
        })
        .await
}

/// Finds the API that this run has created, if any.
pub(super) async fn made_since(aws: &Aws, spec: &Api, before: &BTreeSet<String>) -> Result<Option<Live>, AwsError> {
    let all = aws.run.remember(LISTING, listing(aws)).await?;
    Ok(carrying(&all, owner(spec)).into_iter().find(|api| api.id.as_ref().is_some_and(|id| !before.contains(id))))
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
