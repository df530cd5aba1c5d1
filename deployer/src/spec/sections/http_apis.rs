//! `http_apis:` — HTTP APIs whose routes are Lambda functions.

mod access;
mod check;
mod cors;
mod lint;
mod lower;
mod route_key;
#[cfg(test)]
mod tests;
mod uncovered;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::about::{About, Arrow, Draw, Part, PartPlace, PictureStyle, Refusals, Shape, Suffix, longest_name};
use super::access_logs::AccessLogs;
use super::apis::Milliseconds;
use super::{Hints, LoweredStack, Resource, Resources, Scope, Section};
use crate::kinds::Kind;
use crate::kinds::http_api::HttpApi;
use crate::kinds::http_authorizer::HttpAuthorizer;
use crate::kinds::http_integration::HttpIntegration;
use crate::kinds::http_route::HttpRoute;
use crate::kinds::http_stage::HttpStage;
use crate::kinds::lambda_function::LambdaFunction;
use crate::kinds::lambda_permission::LambdaPermission;
use crate::kinds::log_group::{LogGroupKind, RETENTION_DAYS};
use crate::spec::document::Document;
use crate::spec::finding::Findings;
use crate::spec::values::Seconds;

/// Longest name of an API, in characters.
const NAME_LENGTH: usize = longest_name::<HttpApi>();

/// The HTTP APIs section.
pub struct HttpApis;

/// An HTTP API, with one stage that serves its routes as soon as they are created.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HttpApiElement {
    /// The API's name in AWS, which need not be unique. Default: the stack's name and the element's.
    #[schemars(length(min = 1, max = NAME_LENGTH))]
    pub name: Option<String>,
    /// The purpose of the API.
    #[schemars(length(max = 1024))]
    pub description: Option<String>,
    /// The stage that serves the routes. The URLs of `$default` have no stage in their path.
    #[serde(default = "default_stage")]
    #[schemars(length(min = 1, max = 128), regex(pattern = r"^(\$default|[A-Za-z0-9_-]+)$"))]
    pub stage: String,
    /// The function for each route: `"GET /items": FUNCTION`. `$default` takes all requests without another route.
    pub routes: BTreeMap<String, HttpRouteElement>,
    /// The sites whose pages may call the API. API Gateway answers their browsers' questions (`OPTIONS`) by itself.
    pub cors: Option<Cors>,
    /// The ways to decide who may call a route, by name.
    #[serde(default)]
    pub authorizers: BTreeMap<String, AuthorizerElement>,
    /// Whether AWS's URL is switched off, so that callers need a domain of your own.
    #[serde(default)]
    pub disable_execute_api_endpoint: bool,
    /// The addresses by which callers reach the API: of IPv4 alone, or of IPv6, too (`dualstack`).
    #[serde(default)]
    pub ip_address_type: IpAddressType,
    /// The most requests per second on average, for each route. Needs `throttling_burst_limit`. Default: the account's
    /// limit.
    #[schemars(range(min = 0.0))]
    pub throttling_rate_limit: Option<f64>,
    /// The most requests at once, for each route. Needs `throttling_rate_limit`. Default: the account's limit.
    #[schemars(range(max = 2_147_483_647))]
    pub throttling_burst_limit: Option<u32>,
    /// Variables that functions receive in `stageVariables`.
    #[serde(default)]
    pub variables: BTreeMap<String, String>,
    /// Whether CloudWatch has metrics for each route. They cost extra.
    #[serde(default)]
    pub metrics_enabled: bool,
    /// The log of requests: one line for each.
    pub access_logs: Option<AccessLogs>,
}

/// A function's name under `functions`, or a map with further properties of the route.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum HttpRouteElement {
    /// A function's name under `functions`.
    Function(String),
    Map(HttpRouteTarget),
}

/// The function that answers a route, and who may call it.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HttpRouteTarget {
    /// A function's name under `functions`.
    pub function: String,
    /// `AWS_IAM`: callers sign their requests with AWS credentials. `NONE`: everybody may call, or those whom the
    /// `authorizer` admits.
    #[serde(default)]
    pub authorization: HttpAuthorization,
    /// A name under `authorizers`.
    pub authorizer: Option<String>,
    /// Scopes of which a token needs one. For an authorizer with `jwt`.
    #[serde(default)]
    pub scopes: Vec<String>,
    /// The time after which callers get 503, from 50ms to 30s.
    #[serde(default = "longest")]
    pub timeout: Milliseconds,
    /// The form of the events that the function gets. `1.0` is that of a REST API.
    #[serde(default)]
    pub payload_format_version: PayloadFormat,
    /// The most requests per second on average. Default: the limit of the API.
    #[schemars(range(min = 0.0))]
    pub throttling_rate_limit: Option<f64>,
    /// The most requests at once. Default: the limit of the API.
    #[schemars(range(max = 2_147_483_647))]
    pub throttling_burst_limit: Option<u32>,
    /// Whether CloudWatch has metrics for the route. Default: as for the API.
    pub metrics_enabled: Option<bool>,
}

/// Who may call a route.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum HttpAuthorization {
    #[default]
    None,
    AwsIam,
}

/// The form of a function's events and answers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum PayloadFormat {
    #[serde(rename = "1.0")]
    One,
    #[default]
    #[serde(rename = "2.0")]
    Two,
}

/// The addresses by which callers reach an API.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum IpAddressType {
    #[default]
    Ipv4,
    Dualstack,
}

/// The sites whose pages may call an API, and how.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Cors {
    /// The sites, as browsers name them: `https://www.example.com`. `*` for all.
    #[serde(default)]
    pub allow_origins: Vec<String>,
    /// The methods that pages may use. `*` for all.
    #[serde(default)]
    pub allow_methods: Vec<String>,
    /// The headers that pages may send. `*` for all, except `Authorization`.
    #[serde(default)]
    pub allow_headers: Vec<String>,
    /// The headers of answers that pages may read.
    #[serde(default)]
    pub expose_headers: Vec<String>,
    /// Whether browsers send cookies and other credentials along. Needs the sites by name.
    #[serde(default)]
    pub allow_credentials: bool,
    /// The seconds for which browsers remember an answer; -1 lets them ask every time.
    #[schemars(range(min = -1, max = 86_400))]
    pub max_age: Option<i32>,
}

/// A way to decide who may call a route: `jwt`, or `function`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AuthorizerElement {
    /// Callers send a token of this issuer. API Gateway checks it by itself.
    pub jwt: Option<Jwt>,
    /// The function that decides, by its name under `functions`.
    pub function: Option<String>,
    /// Where the token is, or what the function's answer depends on, such as `$request.header.Authorization`. Requests
    /// without it get 401. Default: the header `Authorization` for `jwt`, nothing for a function.
    pub identity_sources: Option<Vec<String>>,
    /// The time for which an answer of the function counts for further requests with the same identity sources, up to
    /// an hour. `0s`: the function is asked each time.
    #[schemars(range(max = 3600))]
    pub ttl: Option<Seconds>,
    /// The form of the function's events and answers.
    pub payload_format_version: Option<PayloadFormat>,
    /// Whether the function answers `{"isAuthorized": true}`, and not a policy. Only with `2.0`. Default: `true`.
    pub simple_responses: Option<bool>,
}

/// The tokens that an authorizer accepts.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Jwt {
    /// The issuer's URL, as the tokens name it: `https://cognito-idp.REGION.amazonaws.com/POOL`.
    #[schemars(length(min = 1, max = 2048))]
    pub issuer: String,
    /// The audiences of which a token has to name one: the ids of the apps that got it.
    pub audience: Vec<String>,
}

fn default_stage() -> String {
    crate::kinds::http_stage::DEFAULT.into()
}

const fn longest() -> Milliseconds {
    Milliseconds(30_000)
}

impl Section for HttpApis {
    const ABOUT: &'static About = &About {
        name: "http_apis",
        singular: "HTTP API",
        example: include_str!("examples/http_apis.yaml"),
        synonyms: &[
            ("httpapi", "http_apis"),
            ("apigatewayv2", "http_apis"),
            ("lambda", "function"),
            ("stagevariables", "variables"),
            ("corsconfiguration", "cors"),
            ("accesslogsettings", "access_logs"),
            ("identitysource", "identity_sources"),
            ("authorizationscopes", "scopes"),
            ("enablesimpleresponses", "simple_responses"),
            ("authorizerresultttlinseconds", "ttl"),
        ],
        uncovered: uncovered::TABLE,
        protected: false,
        suffix: Suffix::Property { property: "name", longest: NAME_LENGTH, fifo: None },
        picture: PictureStyle {
            icon: "M4 7 H20 M4 12 H20 M4 17 H20 M16 4 L20 7 L16 10 M8 9 L4 12 L8 15",
            shape: Shape::Stadium,
            arrows: &[
                Arrow { from: HttpRoute::NAME, to: Some(LambdaFunction::NAME), draw: Draw::Each(route_key) },
                Arrow { from: HttpIntegration::NAME, to: None, draw: Draw::Nothing },
                Arrow {
                    from: HttpAuthorizer::NAME,
                    to: Some(LambdaFunction::NAME),
                    draw: Draw::To("asks who may call"),
                },
                Arrow { from: HttpStage::NAME, to: Some(LogGroupKind::NAME), draw: Draw::To("logs requests") },
                Arrow { from: HttpStage::NAME, to: None, draw: Draw::Nothing },
                Arrow { from: LambdaPermission::NAME, to: Some(LambdaFunction::NAME), draw: Draw::Nothing },
            ],
        },
        one_of: &[],
        key: None,
        usage: None,
        refusals: Refusals {
            operations: &[],
            codes: &[],
            words: &[
                ("access_log_settings", &["access_logs"]),
                ("cors_configuration", &["cors"]),
                ("issuer", &["jwt"]),
            ],
            parts: &[
                Part { name: "authorizer", property: "authorizers", place: PartPlace::Entry },
                Part { name: "integration", property: "routes", place: PartPlace::Beside },
                Part { name: "log_group", property: "access_logs", place: PartPlace::Inside },
                Part { name: "permission", property: "routes", place: PartPlace::Beside },
                Part { name: "route", property: "routes", place: PartPlace::Entry },
                Part { name: "stage", property: "stage", place: PartPlace::Beside },
            ],
        },
    };
    type Element = HttpApiElement;

    fn check(element: &HttpApiElement, at: &Scope<'_>, findings: &mut Findings) {
        check::external(at, findings);
        check::routes(element, at, findings);
        check::throttling(element, at, findings);
        check::variables(element, at, findings);
        check::access_logs(element, at, findings);
        access::authorizers(element, at, findings);
        access::routes(element, at, findings);
        cors::check(element, at, findings);
    }

    fn lower(element: HttpApiElement, at: &Scope<'_>, out: &mut LoweredStack) {
        lower::lower(&element, at, out);
    }

    fn lint(document: &Document, all: &Resources<'_>, resource: &Resource, findings: &mut Findings) {
        if resource.kind == HttpRoute::NAME {
            lint::route(document, all, resource, findings);
        }
    }

    fn hints(hints: &mut Hints<'_>) {
        let keys = r"^(\$default$|(GET|POST|PUT|PATCH|DELETE|HEAD|OPTIONS|ANY) /)";
        hints.property("routes", "propertyNames", json!({ "pattern": keys }));
        hints.property("external", "enum", json!([false]));
        hints.inner("AccessLogs", "retention_in_days", "enum", json!(RETENTION_DAYS));
    }
}

/// Returns a route's key, the label of its arrow in pictures.
fn route_key(route: &Value, _: &str) -> Vec<String> {
    vec![route["route_key"].as_str().unwrap_or_default().to_owned()]
}

impl HttpRouteElement {
    fn target(&self) -> HttpRouteTarget {
        match self {
            Self::Function(name) => HttpRouteTarget {
                function: name.clone(),
                authorization: HttpAuthorization::default(),
                authorizer: None,
                scopes: Vec::new(),
                timeout: longest(),
                payload_format_version: PayloadFormat::default(),
                throttling_rate_limit: None,
                throttling_burst_limit: None,
                metrics_enabled: None,
            },
            Self::Map(target) => target.clone(),
        }
    }
}
