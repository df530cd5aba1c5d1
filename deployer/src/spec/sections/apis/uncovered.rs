//! Words of APIs and routes that are no property.

use crate::spec::uncovered::UncoveredAnswer::Otherwise;
use crate::spec::uncovered::{UncoveredWords, unmanaged};

const AUTHORIZER: &str = "write `authorizers: { staff: { function: FUNCTION } }`, and `authorizer: staff` at each route, or `default_authorizer: staff`";
const VALIDATION: &str = "write `models: { Item: { type: object, required: [name] } }` at the API, and `model: Item`, `required_query: [page]` or `required_headers: [X-Tenant]` at a route: each is checked";
const KEYS: &str = "create key and plan elsewhere for the API's id (`outputs: { api: \"${apis.NAME.id}\" }`), and write `api_key_required: true` at the route";
const ROUTES: &str = "write `routes: { \"GET /items/{id}\": FUNCTION }`";

/// The words of an API, and of its routes.
#[rustfmt::skip]
pub(super) const TABLE: &[UncoveredWords] = &[
    UncoveredWords::of(
        &["domain", "domains", "domain_name", "custom_domain", "base_path", "certificate", "certificate_arn"],
        unmanaged("custom domains", "create the domain and its mapping elsewhere, for the id and the stage of the API: `outputs: { api: \"${apis.NAME.id}\" }`"),
    ),
    UncoveredWords::of(
        &["vpc_link", "vpc_links", "vpc_endpoint_ids", "private"],
        unmanaged("private APIs and VPC links", "write `authorization: AWS_IAM` at the routes to admit signed requests alone"),
    ),
    UncoveredWords::of(&["authorizer", "auth", "authorization", "jwt", "cognito", "user_pool"], Otherwise(AUTHORIZER)),
    UncoveredWords::of(&["api_key", "api_keys", "api_key_required", "usage_plan", "usage_plans", "quota"], unmanaged("API keys and usage plans", KEYS)),
    UncoveredWords::of(&["validate", "request_validator", "request_validators", "request_parameters", "request_validation"], Otherwise(VALIDATION)),
    UncoveredWords::of(
        &["policy", "resource_policy"],
        unmanaged("resource policies of APIs", "write `authorization: AWS_IAM` at the routes, or set the policy elsewhere: the plan names it, and it stays as it is"),
    ),
    UncoveredWords::of(&["logging", "logs", "access_log"], Otherwise("write `access_logs: {}`")),
    UncoveredWords::of(&["logging_level", "execution_logs", "data_trace_enabled"], unmanaged("execution logs of APIs", "let the functions log their requests; `access_logs` has a line for each")),
    UncoveredWords::of(&["cache", "caching", "cache_cluster"], unmanaged("the cache of an API", "let the functions send `Cache-Control`")),
    UncoveredWords::of(&["waf", "web_acl"], unmanaged("web ACLs", "create the ACL elsewhere, for the stage's ARN; `throttling_rate_limit` limits requests without one")),
    UncoveredWords::of(&["canary", "canary_settings", "deployment"], unmanaged("canaries", "try a change in a copy of the stack first: `--env NAME`")),
    UncoveredWords::of(
        &["openapi", "swagger", "definition_body", "definition_uri", "body"],
        unmanaged("APIs from OpenAPI documents", ROUTES),
    ),
    UncoveredWords::of(
        &["protocol", "protocol_type", "websocket", "route_selection_expression"],
        unmanaged("WebSocket APIs", "leave it out: an element of `apis:` is a REST API; write HTTP APIs under `http_apis`"),
    ),
    UncoveredWords::of(&["gateway_response", "error_responses", "errors"], Otherwise("write `responses: { UNAUTHORIZED: { status: 401, headers: { NAME: TEXT } } }`")),
    UncoveredWords::of(&["methods", "paths", "resources", "endpoints", "integrations", "integration"], Otherwise(ROUTES)),
    UncoveredWords::of(&["function", "functions", "lambda", "handler"], Otherwise("a function for all requests is a route: `routes: { \"ANY /{proxy+}\": FUNCTION }`")),
    UncoveredWords::of(
        &["throttle", "throttling", "rate_limit"],
        Otherwise("write `throttling_rate_limit`, requests a second, and `throttling_burst_limit`"),
    ),
    UncoveredWords::of(&["timeout", "timeout_in_millis"], Otherwise("it belongs to a route: `\"GET /items\": { function: FUNCTION, timeout: 10s }`")),

    UncoveredWords::inside("routes", &["cors"], Otherwise("it belongs to the API: `cors: { allow_origins: [https://www.example.com] }`")),
    UncoveredWords::inside("routes", &["authorizer_id", "jwt", "cognito", "user_pool"], Otherwise("describe it under `authorizers` of the API, and name it here: `authorizer: NAME`")),
    UncoveredWords::inside("authorizers", &["jwt", "issuer", "audience"], Otherwise("REST APIs check tokens of Cognito user pools alone: `cognito: [ARN]`; write an HTTP API under `http_apis` for those of other issuers, or a function")),
    UncoveredWords::inside("routes", &["api_key", "usage_plan"], Otherwise("write `api_key_required: true`; create key and plan elsewhere")),
    UncoveredWords::inside("routes", &["validate", "request", "request_parameters", "request_models", "request_validator", "models"], Otherwise(VALIDATION)),
    UncoveredWords::inside(
        "routes",
        &["integration", "integration_type", "uri", "url", "queue", "mock", "redirect", "target"],
        unmanaged("integrations other than functions", "let a function answer: `{ function: FUNCTION }`"),
    ),
    UncoveredWords::inside("routes", &["throttle", "throttling", "throttling_rate_limit", "rate_limit", "cache", "caching"], unmanaged("settings of single routes", "`throttling_rate_limit` of the API is for all its routes")),
    UncoveredWords::inside("routes", &["method", "path"], Otherwise("they are the name of the route: `\"GET /items\": { function: FUNCTION }`")),
];
