//! `apis:` — REST APIs whose routes are Lambda functions.

mod access;
mod check;
mod cors;
mod lint;
mod lower;
mod responses;
#[cfg(test)]
mod tests;
mod timeout;
mod uncovered;
mod validation;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

pub use self::access::{ApiAuthorizerElement, AuthorizerEvent};
pub use self::cors::{CorsElement, CorsSettings};
pub use self::responses::ResponseElement;
pub use self::timeout::Milliseconds;
use super::about::{About, Arrow, Draw, Part, PartPlace, PictureStyle, Refusals, Shape, Suffix, longest_name};
use super::access_logs::AccessLogs;
use super::{Hints, LoweredStack, Resource, Resources, Scope, Section};
use crate::kinds::Kind;
use crate::kinds::api_authorizer::ApiAuthorizer;
use crate::kinds::api_model::ApiModel;
use crate::kinds::api_route::ApiRoute;
use crate::kinds::api_stage::ApiStage;
use crate::kinds::api_validator::ApiValidator;
use crate::kinds::gateway_response::GatewayResponseKind;
use crate::kinds::lambda_function::LambdaFunction;
use crate::kinds::lambda_permission::LambdaPermission;
use crate::kinds::log_group::{LogGroupKind, RETENTION_DAYS};
use crate::kinds::rest_api::RestApi;
use crate::spec::document::Document;
use crate::spec::finding::Findings;

/// Longest name of an API, in characters.
const NAME_LENGTH: usize = longest_name::<RestApi>();

/// The APIs section.
pub struct Apis;

/// A REST API, with one stage that serves all its routes.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ApiElement {
    /// The API's name in AWS, which need not be unique. Default: the stack's name and the element's.
    #[schemars(length(min = 1))]
    pub name: Option<String>,
    /// The purpose of the API.
    pub description: Option<String>,
    /// The stage that serves the routes. Its name is the first part of every URL's path.
    #[serde(default = "prod")]
    #[schemars(length(min = 1, max = 128), regex(pattern = r"^[A-Za-z0-9_-]+$"))]
    pub stage: String,
    /// The function for each method and path: `"POST /images": FUNCTION`.
    pub routes: BTreeMap<String, RouteElement>,
    /// The ways to decide who may call a route, by name.
    #[serde(default)]
    pub authorizers: BTreeMap<String, ApiAuthorizerElement>,
    /// A name under `authorizers`, for all routes that state neither `authorization` nor `authorizer`, except those for
    /// `OPTIONS`.
    pub default_authorizer: Option<String>,
    /// The forms of requests' bodies by name: JSON schemas, draft 4. Bodies of every media type are checked.
    #[serde(default)]
    pub models: BTreeMap<String, Value>,
    /// The sites whose pages may call the API. API Gateway answers their browsers' questions (`OPTIONS`) at each path
    /// without a route for `OPTIONS`, and lets them read its own errors. Functions send `Access-Control-Allow-Origin`
    /// with their own answers.
    pub cors: Option<CorsElement>,
    /// Answers of API Gateway itself, such as errors, by type: `UNAUTHORIZED`, or `DEFAULT_4XX` for all without an
    /// answer of their own.
    #[serde(default)]
    pub responses: BTreeMap<String, ResponseElement>,
    /// Callers reach the API in its region (`REGIONAL`) or through CloudFront (`EDGE`).
    #[serde(default)]
    pub endpoint_type: Endpoint,
    /// Media types of binary bodies, such as `image/png`.
    #[serde(default)]
    #[schemars(inner(regex(pattern = r"^[^/\s]+/[^/\s]+$")))]
    pub binary_media_types: Vec<String>,
    /// The smallest answer, in bytes, that is compressed for callers that accept it. Default: no answer is compressed.
    #[schemars(range(max = 10_485_760))]
    pub minimum_compression_size: Option<u32>,
    /// Whether AWS's URL is switched off, so that callers need a domain of your own.
    #[serde(default)]
    pub disable_execute_api_endpoint: bool,
    /// Where API Gateway looks for a caller's API key: in the header `x-api-key`, or in an authorizer's answer.
    #[serde(default)]
    pub api_key_source: ApiKeySource,
    /// The most requests per second on average. Default: the account's limit.
    #[schemars(range(min = 0.0))]
    pub throttling_rate_limit: Option<f64>,
    /// The most requests at once. Default: the account's limit.
    #[schemars(range(max = 2_147_483_647))]
    pub throttling_burst_limit: Option<u32>,
    /// Variables that functions receive in `stageVariables`.
    #[serde(default)]
    pub variables: BTreeMap<String, String>,
    /// Whether CloudWatch has metrics for each route. They cost extra.
    #[serde(default)]
    pub metrics_enabled: bool,
    /// Whether X-Ray samples and traces requests.
    #[serde(default)]
    pub tracing_enabled: bool,
    /// The log of requests: one line for each. Needs the account's role for API Gateway's logs.
    pub access_logs: Option<AccessLogs>,
}

/// A function's name under `functions`, or a map with further properties of the route.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum RouteElement {
    /// A function's name under `functions`.
    Function(String),
    Map(RouteTarget),
}

/// The function that answers a route, and who may call it.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RouteTarget {
    /// A function's name under `functions`.
    pub function: String,
    /// `AWS_IAM`: callers sign their requests with AWS credentials. `NONE`: everybody may call. Default: the API's
    /// `default_authorizer` decides; without one everybody may call.
    pub authorization: Option<Authorization>,
    /// A name under `authorizers`.
    pub authorizer: Option<String>,
    /// Scopes of which a token needs one. For an authorizer with `cognito`.
    #[serde(default)]
    pub scopes: Vec<String>,
    /// A name under `models`. Requests with another body get 400, and the function is not called.
    pub model: Option<String>,
    /// Headers that requests need. Those without one get 400, and the function is not called.
    #[serde(default)]
    pub required_headers: Vec<String>,
    /// Query parameters that requests need, likewise.
    #[serde(default)]
    pub required_query: Vec<String>,
    /// Whether callers send the API key of a usage plan. Create keys and plans outside this stack.
    #[serde(default)]
    pub api_key_required: bool,
    /// The time after which callers get 504, from 50ms to 29s. A `REGIONAL` API takes up to 5 minutes if the account's
    /// quota was raised.
    #[serde(default)]
    pub timeout: Milliseconds,
}

/// Who may call a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Authorization {
    None,
    AwsIam,
}

/// The way to an API.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum Endpoint {
    #[default]
    Regional,
    Edge,
}

/// Where API Gateway looks for a caller's API key: in the header `x-api-key`, or in an authorizer's answer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum ApiKeySource {
    #[default]
    Header,
    Authorizer,
}

fn prod() -> String {
    "Prod".into()
}

impl Section for Apis {
    const ABOUT: &'static About = &About {
        name: "apis",
        singular: "API",
        example: include_str!("examples/apis.yaml"),
        synonyms: &[
            ("auth", "authorization"),
            ("restapi", "apis"),
            ("restapis", "apis"),
            ("stagename", "stage"),
            ("restapiname", "name"),
            ("lambda", "function"),
            ("stagevariables", "variables"),
            ("corsconfiguration", "cors"),
            ("gatewayresponses", "responses"),
            ("accesslogsettings", "access_logs"),
            ("identitysource", "identity_sources"),
            ("identityvalidationexpression", "validation_pattern"),
            ("authorizerresultttlinseconds", "ttl"),
            ("reauthorizeevery", "ttl"),
            ("providerarns", "cognito"),
            ("authorizationscopes", "scopes"),
            ("statuscode", "status"),
        ],
        uncovered: uncovered::TABLE,
        protected: false,
        suffix: Suffix::Property { property: "name", longest: NAME_LENGTH, fifo: None },
        picture: PictureStyle {
            icon: "M8 5 L3 12 L8 19 M16 5 L21 12 L16 19 M13.5 4 L10.5 20",
            shape: Shape::Stadium,
            arrows: &[
                Arrow { from: ApiRoute::NAME, to: Some(LambdaFunction::NAME), draw: Draw::Each(method_and_path) },
                Arrow {
                    from: ApiAuthorizer::NAME,
                    to: Some(LambdaFunction::NAME),
                    draw: Draw::To("asks who may call"),
                },
                Arrow { from: ApiStage::NAME, to: Some(LogGroupKind::NAME), draw: Draw::To("logs requests") },
                Arrow { from: ApiStage::NAME, to: None, draw: Draw::Nothing },
                Arrow { from: ApiModel::NAME, to: None, draw: Draw::Nothing },
                Arrow { from: ApiValidator::NAME, to: None, draw: Draw::Nothing },
                Arrow { from: GatewayResponseKind::NAME, to: None, draw: Draw::Nothing },
                Arrow { from: LambdaPermission::NAME, to: Some(LambdaFunction::NAME), draw: Draw::Nothing },
            ],
        },
        one_of: &[],
        key: None,
        usage: None,
        refusals: Refusals {
            operations: &[],
            codes: &[],
            words: &[("access_log_settings", &["access_logs"])],
            parts: &[
                Part { name: "authorizer", property: "authorizers", place: PartPlace::Entry },
                Part { name: "log_group", property: "access_logs", place: PartPlace::Inside },
                Part { name: "model", property: "models", place: PartPlace::Entry },
                Part { name: "permission", property: "routes", place: PartPlace::Entry },
                Part { name: "response", property: "responses", place: PartPlace::Entry },
                Part { name: "route", property: "routes", place: PartPlace::Entry },
                Part { name: "stage", property: "stage", place: PartPlace::Beside },
            ],
        },
    };
    type Element = ApiElement;

    fn check(element: &ApiElement, at: &Scope<'_>, findings: &mut Findings) {
        check::external(at, findings);
        check::routes(element, at, findings);
        check::places(element, at, findings);
        check::variables(element, at, findings);
        access::check(element, at, findings);
        validation::check(element, at, findings);
        cors::check(element, at, findings);
        responses::check(element, at, findings);
        check::access_logs(element, at, findings);
    }

    fn lower(element: ApiElement, at: &Scope<'_>, out: &mut LoweredStack) {
        lower::lower(&element, at, out);
    }

    fn lint(document: &Document, all: &Resources<'_>, resource: &Resource, findings: &mut Findings) {
        if resource.kind == ApiRoute::NAME {
            lint::route(document, all, resource, findings);
        }
    }

    fn lint_all(document: &Document, all: &Resources<'_>, findings: &mut Findings) {
        lint::paths(document, all, findings);
    }

    fn hints(hints: &mut Hints<'_>) {
        let methods = "^(GET|POST|PUT|PATCH|DELETE|HEAD|OPTIONS|ANY) /";
        hints.property("routes", "propertyNames", json!({ "pattern": methods }));
        hints.property("responses", "propertyNames", json!({ "enum": responses::TYPES }));
        hints.inner("AccessLogs", "retention_in_days", "enum", json!(RETENTION_DAYS));
        hints.property("external", "enum", json!([false]));
    }
}

/// Returns a route's method and path, the label of its arrow in pictures.
fn method_and_path(route: &Value, _: &str) -> Vec<String> {
    let text = |key: &str| route[key].as_str().unwrap_or_default();
    vec![format!("{} {}", text("http_method"), text("path"))]
}

impl RouteElement {
    fn target(&self) -> RouteTarget {
        match self {
            Self::Function(name) => RouteTarget {
                function: name.clone(),
                authorization: None,
                authorizer: None,
                scopes: Vec::new(),
                model: None,
                required_headers: Vec::new(),
                required_query: Vec::new(),
                api_key_required: false,
                timeout: Milliseconds::default(),
            },
            Self::Map(target) => target.clone(),
        }
    }
}
