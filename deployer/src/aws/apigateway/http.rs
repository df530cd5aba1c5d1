//! The parts of an HTTP API as AWS lists them. One listing of a run serves all parts of a type.

use std::sync::Arc;

use aws_sdk_apigatewayv2::config::{Builder, Config};
use aws_sdk_apigatewayv2::types::{Api, Authorizer, Integration, Route, Stage};
use aws_smithy_types::retry::RetryConfig;

use super::owned::ListedApi;
use super::{ABSENT, UNKNOWN_CALL};
use crate::aws::tags::{self, Tags};
use crate::aws::{Aws, AwsError};

/// The key under which `aws.run.remember` keeps all HTTP APIs.
pub(crate) const LISTING: &str = "apigatewayv2:GetApis";
/// The most items that AWS returns at once. The first version has this limit; the second one documents none.
const PAGE: &str = "500";

impl ListedApi for Api {
    fn id(&self) -> Option<&str> {
        self.api_id()
    }

    fn tags(&self) -> Option<&std::collections::HashMap<String, String>> {
        self.tags.as_ref()
    }

    fn created_at(&self) -> Option<&aws_smithy_types::DateTime> {
        self.created_date.as_ref()
    }
}

/// Reads all pages of a listing. If AWS refuses the size of a page, it chooses one itself.
macro_rules! pages {
    ($aws:expr, $operation:literal, $call:expr) => {{
        let (mut all, mut token, mut size) = (Vec::new(), None, Some(PAGE.to_owned()));
        loop {
            let call = $call.set_max_results(size.clone()).set_next_token(token.clone()).send();
            let page = match $aws.find($operation, ABSENT, call).await {
                Err(error) if size.is_some() && error.is(&["BadRequestException"]) => {
                    size = None;
                    continue;
                }
                page => page?,
            };
            let Some(page) = page else { break Ok(Vec::new()) };
            all.extend(page.items.unwrap_or_default());
            token = page.next_token;
            if token.is_none() {
                break Ok(all);
            }
        }
    }};
}

/// Returns all HTTP and WebSocket APIs: GetApis, once a run.
pub(crate) async fn apis(aws: &Aws) -> Result<Arc<Vec<Api>>, AwsError> {
    let listing = async { pages!(aws, "apigatewayv2:GetApis", aws.clients.apigatewayv2.get_apis()) };
    aws.run.remember(LISTING, listing).await
}

pub(crate) fn routes_key(api_id: &str) -> String {
    format!("apigatewayv2:GetRoutes {api_id}")
}

pub(crate) fn integrations_key(api_id: &str) -> String {
    format!("apigatewayv2:GetIntegrations {api_id}")
}

pub(crate) fn authorizers_key(api_id: &str) -> String {
    format!("apigatewayv2:GetAuthorizers {api_id}")
}

pub(crate) fn stages_key(api_id: &str) -> String {
    format!("apigatewayv2:GetStages {api_id}")
}

/// Returns the routes of an API: GetRoutes, once a run; empty if the API does not exist.
pub(crate) async fn routes(aws: &Aws, api_id: &str) -> Result<Arc<Vec<Route>>, AwsError> {
    let listing = async { pages!(aws, "apigatewayv2:GetRoutes", aws.clients.apigatewayv2.get_routes().api_id(api_id)) };
    aws.run.remember(&routes_key(api_id), listing).await
}

/// Returns the integrations of an API: GetIntegrations, once a run; empty if the API does not exist.
pub(crate) async fn integrations(aws: &Aws, api_id: &str) -> Result<Arc<Vec<Integration>>, AwsError> {
    let call = || aws.clients.apigatewayv2.get_integrations().api_id(api_id);
    let listing = async { pages!(aws, "apigatewayv2:GetIntegrations", call()) };
    aws.run.remember(&integrations_key(api_id), listing).await
}

/// Returns the authorizers of an API: GetAuthorizers, once a run; empty if the API does not exist.
pub(crate) async fn authorizers(aws: &Aws, api_id: &str) -> Result<Arc<Vec<Authorizer>>, AwsError> {
    let call = || aws.clients.apigatewayv2.get_authorizers().api_id(api_id);
    let listing = async { pages!(aws, "apigatewayv2:GetAuthorizers", call()) };
    aws.run.remember(&authorizers_key(api_id), listing).await
}

/// Returns the stages of an API: GetStages, once a run; empty if the API does not exist.
pub(crate) async fn stages(aws: &Aws, api_id: &str) -> Result<Arc<Vec<Stage>>, AwsError> {
    let listing = async { pages!(aws, "apigatewayv2:GetStages", aws.clients.apigatewayv2.get_stages().api_id(api_id)) };
    aws.run.remember(&stages_key(api_id), listing).await
}

/// Makes the next look at the parts of an API ask AWS again.
pub(crate) fn forget_parts(aws: &Aws, api_id: &str) {
    for key in [routes_key(api_id), integrations_key(api_id), authorizers_key(api_id), stages_key(api_id)] {
        aws.run.forget(&key);
    }
}

/// Tells whether two route keys have variables of different names in one place, which AWS refuses. Those that take all
/// that follows are compared with each other alone.
pub(crate) fn disagree(one: &str, other: &str) -> bool {
    let parts = |key| str::split_once(key, ' ').map_or("", |(_, path)| path).split('/');
    let Some((one, other)) = parts(one).zip(parts(other)).find(|(one, other)| one != other) else { return false };
    one.starts_with('{') && other.starts_with('{') && one.ends_with("+}") == other.ends_with("+}")
}

/// Turns off the SDK's retries, for creations that AWS or an emulator would carry out twice.
pub(crate) fn unrepeated() -> Builder {
    Config::builder().retry_config(RetryConfig::disabled())
}

/// Calls GetTags on a local AWS, which keeps later edits of an API's or stage's tags apart from those of the creation.
pub(crate) async fn edited_tags(aws: &Aws, arn: &str) -> Result<Option<Tags>, AwsError> {
    if aws.place.endpoint_url.is_none() {
        return Ok(None);
    }
    let call = aws.clients.apigatewayv2.get_tags().resource_arn(arn).send();
    match aws.find("apigatewayv2:GetTags", ABSENT, call).await {
        Err(error) if error.is(UNKNOWN_CALL) => Ok(None),
        found => Ok(found?.and_then(|found| found.tags).map(tags::without_aws).filter(|tags| !tags.is_empty())),
    }
}

/// Calls TagResource and UntagResource for the differences. All tags are sent, because the policies that `deployer iam`
/// prints recognise our requests by the ownership tags.
pub(crate) async fn retag(aws: &Aws, arn: &str, live: &Tags, want: &Tags) -> Result<(), AwsError> {
    let delta = tags::Delta::between(live, want);
    let is_local = aws.place.endpoint_url.is_some();
    if !delta.set.is_empty() || (is_local && !delta.remove.is_empty()) {
        let set = want.clone().into_iter().collect();
        let call = aws.clients.apigatewayv2.tag_resource().resource_arn(arn).set_tags(Some(set));
        aws.call("apigatewayv2:TagResource", call.send()).await?;
    }
    if !delta.remove.is_empty() {
        let call = aws.clients.apigatewayv2.untag_resource().resource_arn(arn).set_tag_keys(Some(delta.remove));
        aws.call("apigatewayv2:UntagResource", call.send()).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::disagree;

    #[test]
    fn variables_of_different_names_disagree_in_one_place() {
        assert!(disagree("GET /items/{id}", "GET /items/{name}"));
        assert!(disagree("GET /items/{id}/parts", "PUT /items/{name}"));
        assert!(disagree("ANY /{rest+}", "GET /{proxy+}"));
        for (one, other) in [
            ("GET /items/{id}", "PUT /items/{id}/parts/{part}"),
            ("GET /items/{id}", "GET /dogs/{name}"),
            ("GET /items/{id}", "GET /items/new"),
            ("GET /items/new/{a}", "GET /items/{id}/{b}"),
            ("GET /{id}", "GET /{proxy+}"),
            ("GET /{id}", "$default"),
        ] {
            assert!(!disagree(one, other) && !disagree(other, one), "{one} {other}");
        }
    }
}
