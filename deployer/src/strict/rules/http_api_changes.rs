//! Changes of an HTTP API that API Gateway refuses because of the API's other parts.

use aws_sdk_apigatewayv2::types::{Authorizer, Integration, Route, Stage};
use futures::future::{BoxFuture, FutureExt};

use crate::aws::apigateway::http::disagree;

use super::super::{About, Call, Place, Refusal, Rule};

/// Refuses routes of a key that exists or to parts that do not, parts in use, and stages with settings that fit nothing.
pub struct HttpApiChanges;

/// The variables of which a line of an access log has to have one.
const REQUEST_IDS: [&str; 2] = ["$context.requestId", "$context.extendedRequestId"];

impl Rule for HttpApiChanges {
    fn about(&self) -> About {
        About {
            name: "http-api-changes",
            summary: "an HTTP API has one route of a key, one variable in a place and one stage of a name, no route without its integration and \
                      authorizer, no settings of a route that does not exist, and an answer cached by nothing is refused",
            source: "ConflictException \"has a conflicting variable on the same hierarchical level\" in \
                     plutomi/plutomi#271; ConflictException \"Cannot delete Integration because it is referenced by the following Routes\" in \
                     milliHQ/terraform-aws-next-js#247; NotFoundException \"Unable to find Route by key\" in \
                     terraform-aws-modules/terraform-aws-apigateway-v2#80; API Gateway's second model",
        }
    }

    fn before<'a>(&'a self, call: &'a Call, place: Place<'a>) -> BoxFuture<'a, Option<Refusal>> {
        refusal(call, place).boxed()
    }
}

async fn refusal(call: &Call, place: Place<'_>) -> Option<Refusal> {
    if call.service != "ApiGatewayV2" {
        return None;
    }
    match call.operation {
        "CreateRoute" => {
            let (key, routes) = (call.text("RouteKey"), routes(call, place).await?);
            if routes.iter().any(|route| route.route_key() == Some(key)) {
                return Some(conflict(format!("Route with key {key} already exists for this API")));
            }
            if let Some(other) = routes.iter().filter_map(Route::route_key).find(|other| disagree(key, other)) {
                let place = "has a conflicting variable on the same hierarchical level as";
                return Some(conflict(format!("The provided route key \"{key}\" {place} \"{other}\"")));
            }
            missing_parts(call, place).await
        }
        "UpdateRoute" => missing_parts(call, place).await,
        "DeleteIntegration" => {
            let target = format!("integrations/{}", call.text("IntegrationId"));
            in_use("Integration", &routes(call, place).await?, |route| route.target() == Some(&target))
        }
        "DeleteAuthorizer" => {
            let id = call.text("AuthorizerId");
            in_use("Authorizer", &routes(call, place).await?, |route| route.authorizer_id() == Some(id))
        }
        "CreateAuthorizer" | "UpdateAuthorizer" => impossible_authorizer(call, place).await,
        "CreateStage" => {
            let name = call.text("StageName");
            if stages(call, place).await?.iter().any(|stage| stage.stage_name() == Some(name)) {
                return Some(conflict("Stage already exists".to_owned()));
            }
            impossible_stage(call, place).await
        }
        "UpdateStage" => impossible_stage(call, place).await,
        _ => None,
    }
}

fn conflict(message: String) -> Refusal {
    Refusal::with_status(409, "ConflictException", message)
}

fn missing(message: String) -> Refusal {
    Refusal::with_status(404, "NotFoundException", message)
}

fn bad(message: &str) -> Refusal {
    Refusal::invalid("BadRequestException", message)
}

/// Asks the emulator for the API's routes. None if it does not tell.
async fn routes(call: &Call, place: Place<'_>) -> Option<Vec<Route>> {
    let clients = place.clients().await;
    clients.apigatewayv2.get_routes().api_id(call.text("ApiId")).send().await.ok()?.items
}

async fn integrations(call: &Call, place: Place<'_>) -> Option<Vec<Integration>> {
    let clients = place.clients().await;
    clients.apigatewayv2.get_integrations().api_id(call.text("ApiId")).send().await.ok()?.items
}

async fn authorizers(call: &Call, place: Place<'_>) -> Option<Vec<Authorizer>> {
    let clients = place.clients().await;
    clients.apigatewayv2.get_authorizers().api_id(call.text("ApiId")).send().await.ok()?.items
}

async fn stages(call: &Call, place: Place<'_>) -> Option<Vec<Stage>> {
    let clients = place.clients().await;
    clients.apigatewayv2.get_stages().api_id(call.text("ApiId")).send().await.ok()?.items
}

/// Judges the integration and the authorizer that a route names.
async fn missing_parts(call: &Call, place: Place<'_>) -> Option<Refusal> {
    if let Some(id) = call.text("Target").strip_prefix("integrations/")
        && !integrations(call, place).await?.iter().any(|one| one.integration_id() == Some(id))
    {
        return Some(missing(format!("Unable to find Integration by Id: {id}")));
    }
    let id = call.text("AuthorizerId");
    if !id.is_empty() && !authorizers(call, place).await?.iter().any(|one| one.authorizer_id() == Some(id)) {
        return Some(missing(format!("Unable to find Authorizer by Id: {id}")));
    }
    None
}

fn in_use(what: &str, routes: &[Route], uses: impl Fn(&Route) -> bool) -> Option<Refusal> {
    let ids: Vec<&str> = routes.iter().filter(|route| uses(route)).filter_map(Route::route_id).collect();
    let message =
        format!("Cannot delete {what} because it is referenced by the following Routes with Ids: [{}]", ids.join(", "));
    (!ids.is_empty()).then(|| conflict(message))
}

/// Judges the type of an authorizer, and what it keeps answers by.
async fn impossible_authorizer(call: &Call, place: Place<'_>) -> Option<Refusal> {
    let others = authorizers(call, place).await?;
    let (id, name) = (call.text("AuthorizerId"), call.text("Name"));
    let mut same = others.iter().filter(|one| one.authorizer_id() != Some(id) && one.name() == Some(name));
    if !name.is_empty() && same.next().is_some() {
        return Some(bad(&format!("Authorizer name must be unique. Authorizer {name} already exists in this API")));
    }
    let before = others.iter().find(|one| one.authorizer_id() == Some(id));
    let ttl = call.input["AuthorizerResultTtlInSeconds"].as_i64();
    let ttl = ttl.or_else(|| before?.authorizer_result_ttl_in_seconds().map(i64::from)).unwrap_or_default();
    let sources = call.input["IdentitySource"].as_array().map(Vec::len);
    let sources = sources.or_else(|| Some(before?.identity_source().len())).unwrap_or_default();
    let kind = call.text("AuthorizerType");
    let kind = if kind.is_empty() { before?.authorizer_type()?.as_str() } else { kind };
    let issuer = call.input["JwtConfiguration"]["Issuer"].as_str();
    match kind {
        "REQUEST" if ttl > 0 && sources == 0 => {
            Some(bad("IdentitySource is required if AuthorizerResultTtlInSeconds is greater than 0"))
        }
        "JWT" if sources != 1 => Some(bad("A JWT authorizer requires exactly one identity source")),
        "JWT" if issuer.is_some_and(|issuer| !issuer.starts_with("https://")) => Some(bad(
            "Invalid issuer. Issuer must have a valid discovery endpoint ended with '/.well-known/openid-configuration'",
        )),
        _ => None,
    }
}

/// Judges the settings of a stage.
async fn impossible_stage(call: &Call, place: Place<'_>) -> Option<Refusal> {
    if let Some(line) = call.input["AccessLogSettings"]["Format"].as_str()
        && !REQUEST_IDS.iter().any(|id| line.contains(id))
    {
        return Some(bad("Access log format must contain at least $context.requestId or $context.extendedRequestId"));
    }
    let settings = call.input["RouteSettings"].as_object().filter(|settings| !settings.is_empty())?;
    let routes = routes(call, place).await?;
    let unknown = settings.keys().find(|key| !routes.iter().any(|route| route.route_key() == Some(key.as_str())))?;
    Some(missing(format!("Unable to find Route by key {unknown} within the provided RouteSettings")))
}
