//! Words of HTTP APIs and routes that are no property.

use crate::spec::uncovered::UncoveredAnswer::Otherwise;
use crate::spec::uncovered::{UncoveredWords, unmanaged};

const ROUTES: &str = "write `routes: { \"GET /items/{id}\": FUNCTION }`";
const KEYS: &str =
    "HTTP APIs have none: write a REST API under `apis`, or let an authorizer with a function check the key";

/// The words of an HTTP API, and of its routes.
#[rustfmt::skip]
pub(super) const TABLE: &[UncoveredWords] = &[
    UncoveredWords::of(
        &["domain", "domains", "domain_name", "custom_domain", "base_path", "certificate", "certificate_arn"],
        unmanaged("custom domains", "create the domain and its mapping elsewhere, for the id and the stage of the API: `outputs: { api: \"${http_apis.NAME.id}\" }`"),
    ),
    UncoveredWords::of(
        &["vpc_link", "vpc_links", "vpc_endpoint_ids", "private"],
        unmanaged("private APIs and VPC links", "write `authorization: AWS_IAM` at the routes to admit signed requests alone"),
    ),
    UncoveredWords::of(&["api_key", "api_keys", "api_key_required", "usage_plan", "usage_plans", "quota"], unmanaged("API keys and usage plans", KEYS)),
    UncoveredWords::of(
        &["models", "request_validator", "request_parameters", "request_validation"],
        unmanaged("request validation", "HTTP APIs have none: write a REST API under `apis`, or check the request in the function"),
    ),
    UncoveredWords::of(
        &["policy", "resource_policy"],
        unmanaged("resource policies of APIs", "HTTP APIs have none: write `authorization: AWS_IAM` at the routes"),
    ),
    UncoveredWords::of(&["cache", "caching", "cache_cluster"], unmanaged("the cache of an API", "let the functions send `Cache-Control`")),
    UncoveredWords::of(&["waf", "web_acl"], unmanaged("web ACLs", "HTTP APIs take none; `throttling_rate_limit` limits requests without one")),
    UncoveredWords::of(&["canary", "canary_settings", "deployment"], unmanaged("canaries", "try a change in a copy of the stack first: `--env NAME`")),
    UncoveredWords::of(
        &["openapi", "swagger", "definition_body", "definition_uri", "body"],
        unmanaged("APIs from OpenAPI documents", ROUTES),
    ),
    UncoveredWords::of(
        &["websocket", "route_selection_expression", "protocol", "protocol_type"],
        unmanaged("WebSocket APIs", "leave it out: an element of `http_apis:` is an HTTP API"),
    ),
    UncoveredWords::of(&["auto_deploy"], Otherwise("leave it out: the stage serves each change as soon as it is made")),
    UncoveredWords::of(&["methods", "paths", "resources", "endpoints", "integrations", "integration"], Otherwise(ROUTES)),
    UncoveredWords::of(&["function", "functions", "lambda", "handler"], Otherwise("a function for all requests is a route: `routes: { $default: FUNCTION }`")),
    UncoveredWords::of(&["authorizer", "auth", "authorization", "jwt", "cognito", "user_pool"], Otherwise("write `authorizers: { users: { jwt: { issuer: URL, audience: [ID] } } }`, and `authorizer: users` at each route")),
    UncoveredWords::of(
        &["throttle", "throttling", "rate_limit"],
        Otherwise("write `throttling_rate_limit`, requests a second, and `throttling_burst_limit`"),
    ),
    UncoveredWords::of(&["timeout", "timeout_in_millis"], Otherwise("it belongs to a route: `\"GET /items\": { function: FUNCTION, timeout: 10s }`")),

    UncoveredWords::inside("routes", &["cors"], Otherwise("it belongs to the API: `cors: { allow_origins: [https://www.example.com] }`")),
    UncoveredWords::inside("routes", &["jwt", "cognito", "user_pool"], Otherwise("describe it under `authorizers` of the API, and name it here: `authorizer: NAME`")),
    UncoveredWords::inside("routes", &["api_key", "api_key_required", "usage_plan"], unmanaged("API keys and usage plans", KEYS)),
    UncoveredWords::inside(
        "routes",
        &["request", "request_parameters", "response_parameters", "parameter_mapping"],
        unmanaged("changes of requests and answers", "let the function read and send what it needs"),
    ),
    UncoveredWords::inside(
        "routes",
        &["integration", "integration_type", "uri", "url", "queue", "mock", "redirect", "target"],
        unmanaged("integrations other than functions", "let a function answer: `{ function: FUNCTION }`"),
    ),
    UncoveredWords::inside("routes", &["throttle", "throttling", "rate_limit"], Otherwise("write `throttling_rate_limit`, requests a second, and `throttling_burst_limit`")),
    UncoveredWords::inside("routes", &["method", "path"], Otherwise("they are the name of the route: `\"GET /items\": { function: FUNCTION }`")),
];
