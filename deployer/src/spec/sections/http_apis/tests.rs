use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{HttpApiElement, HttpApis};
use crate::spec::finding::Findings;
use crate::spec::secrets::Secrets;
use crate::spec::sections::{Common, LoweredStack, Resource, Scope, Section};

fn element(value: Value) -> HttpApiElement {
    serde_json::from_value(value).unwrap()
}

fn with_scope<T>(external: bool, run: impl FnOnce(&Scope<'_>) -> T) -> T {
    let (common, tags) = (Common { external, ..Common::default() }, Default::default());
    run(&Scope {
        is_preview: false,
        stack: "explorers",
        section: "http_apis",
        name: "shop",
        common: &common,
        stack_tags: &tags,
        secrets: &Secrets::default(),
    })
}

fn codes(value: Value) -> BTreeSet<(&'static str, String)> {
    let mut findings = Findings::default();
    with_scope(false, |at| HttpApis::check(&element(value), at, &mut findings));
    findings.0.into_iter().map(|f| (f.code, f.path.0[2..].join(" · "))).collect()
}

fn found(code: &'static str, path: &str) -> BTreeSet<(&'static str, String)> {
    BTreeSet::from([(code, path.to_owned())])
}

fn lower(value: Value) -> LoweredStack {
    let mut out = LoweredStack::default();
    with_scope(false, |at| HttpApis::lower(element(value), at, &mut out));
    out
}

fn at<'a>(out: &'a LoweredStack, address: &str) -> &'a Resource {
    out.resources.iter().find(|r| r.address == address).unwrap_or_else(|| panic!("{address} in {:#?}", out.resources))
}

/// An API with these further properties, and one route.
fn api(more: Value) -> Value {
    let mut api = json!({ "routes": { "GET /items": "items" } });
    api.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    api
}

#[test]
fn routes_to_a_function_share_its_integration_and_permission() {
    let out = lower(json!({ "routes": { "GET /items": "items", "POST /items": "items", "$default": "app" } }));
    let addresses: Vec<_> = out.resources.iter().map(|r| (r.address.as_str(), r.kind)).collect();
    assert_eq!(
        addresses,
        [
            ("http_apis.shop", "apigatewayv2.api"),
            ("http_apis.shop.integration[app]", "apigatewayv2.integration"),
            ("http_apis.shop.integration[items]", "apigatewayv2.integration"),
            ("http_apis.shop.permission[app]", "lambda.permission"),
            ("http_apis.shop.permission[items]", "lambda.permission"),
            ("http_apis.shop.route[$default]", "apigatewayv2.route"),
            ("http_apis.shop.route[GET /items]", "apigatewayv2.route"),
            ("http_apis.shop.route[POST /items]", "apigatewayv2.route"),
            ("http_apis.shop.stage", "apigatewayv2.stage"),
        ]
    );
    let route = at(&out, "http_apis.shop.route[GET /items]");
    assert_eq!(
        route.spec,
        json!({
            "api_id": "${http_apis.shop.id}",
            "route_key": "GET /items",
            "target": "integrations/${http_apis.shop.integration[items].id}",
            "authorization_type": "NONE",
            "authorization_scopes": [],
            "function": "${functions.items.arn}",
        })
    );
    assert_eq!(route.depends_on, ["http_apis.shop.permission[items]".to_owned()].into());
    let source = at(&out, "http_apis.shop.permission[items]").spec["source_arn"].clone();
    assert_eq!(source, "arn:${aws.partition}:execute-api:${aws.region}:${aws.account_id}:${http_apis.shop.id}/*/*");
    let stage = at(&out, "http_apis.shop.stage");
    assert_eq!((stage.depends_on.len(), &stage.spec["stage_name"]), (5, &json!("$default")));
    assert_eq!(stage.spec["auto_deploy"], true);
}

#[test]
fn a_route_with_a_timeout_of_its_own_has_an_integration_of_its_own() {
    let slow = json!({ "function": "items", "timeout": "5s" });
    let out = lower(json!({ "routes": { "GET /items": "items", "GET /slow": slow } }));
    assert_eq!(at(&out, "http_apis.shop.integration[items]").spec["timeout_in_millis"], 30_000);
    let own = at(&out, "http_apis.shop.integration[GET/slow]");
    assert_eq!((&own.spec["timeout_in_millis"], &own.spec["description"]), (&json!(5_000), &json!("GET /slow")));
    let target = &at(&out, "http_apis.shop.route[GET /slow]").spec["target"];
    assert_eq!(target, "integrations/${http_apis.shop.integration[GET/slow].id}");
}

#[test]
fn settings_of_a_route_are_whole_because_aws_adds_nothing_to_them() {
    let out = lower(json!({
        "routes": { "GET /a": "items", "GET /b": { "function": "items", "metrics_enabled": true } },
        "throttling_rate_limit": 5.0, "throttling_burst_limit": 7,
    }));
    let settings = &at(&out, "http_apis.shop.stage").spec["route_settings"];
    let own = json!({ "detailed_metrics_enabled": true, "throttling_burst_limit": 7, "throttling_rate_limit": 5.0 });
    assert_eq!(settings, &json!({ "GET /b": own }));
}

#[test]
fn an_authorizers_function_may_be_called_for_it_alone_before_a_route_uses_it() {
    let out = lower(json!({
        "routes": { "GET /a": { "function": "items", "authorizer": "staff" }, "GET /b": { "function": "items", "authorizer": "users", "scopes": ["b", "a"] } },
        "authorizers": { "staff": { "function": "guard" }, "users": { "jwt": { "issuer": "https://a.example", "audience": ["y", "x"] } } },
    }));
    let staff = &at(&out, "http_apis.shop.authorizer[staff]").spec;
    assert_eq!(
        *staff,
        json!({
            "api_id": "${http_apis.shop.id}",
            "name": "staff",
            "authorizer_type": "REQUEST",
            "identity_source": [],
            "authorizer_uri": "${functions.guard.invoke_arn}",
            "authorizer_payload_format_version": "2.0",
            "authorizer_result_ttl_in_seconds": 0,
            "enable_simple_responses": true,
        })
    );
    let permission = at(&out, "http_apis.shop.authorizer_permission[staff]");
    let source = permission.spec["source_arn"].as_str().unwrap();
    assert!(source.ends_with(":${http_apis.shop.id}/authorizers/${http_apis.shop.authorizer[staff].id}"), "{source}");
    let route = at(&out, "http_apis.shop.route[GET /a]");
    assert!(route.depends_on.contains("http_apis.shop.authorizer_permission[staff]"));
    assert_eq!(
        (&route.spec["authorization_type"], &route.spec["authorizer_id"]),
        (&json!("CUSTOM"), &json!("${http_apis.shop.authorizer[staff].id}"))
    );
    let users = &at(&out, "http_apis.shop.authorizer[users]").spec;
    assert_eq!(users["jwt_configuration"], json!({ "issuer": "https://a.example", "audience": ["x", "y"] }));
    assert_eq!(users["identity_source"], json!(["$request.header.Authorization"]));
    let route = &at(&out, "http_apis.shop.route[GET /b]").spec;
    assert_eq!((&route["authorization_type"], &route["authorization_scopes"]), (&json!("JWT"), &json!(["a", "b"])));
}

#[test]
fn logs_go_to_a_group_of_the_api_or_to_a_given_one() {
    let out = lower(api(json!({ "name": "Shop & more", "access_logs": {} })));
    let group = &at(&out, "http_apis.shop.log_group").spec;
    assert_eq!(
        (&group["name"], &group["retention_in_days"]),
        (&json!("/aws/vendedlogs/http-apis/Shop---more"), &json!(30))
    );
    let settings = &at(&out, "http_apis.shop.stage").spec["access_log_settings"];
    assert_eq!(settings["destination_arn"], "${http_apis.shop.log_group.arn}");
    assert!(settings["format"].as_str().is_some_and(|line| line.contains("$context.requestId")));
    assert!(serde_json::from_str::<Value>(super::lower::LINE).is_ok());
    let out = lower(api(json!({ "access_logs": { "log_group_arn": "arn:aws:logs:eu-west-1:1:log-group:g" } })));
    assert!(out.resources.iter().all(|resource| resource.kind != "logs.log_group"));
}

#[test]
fn routes_that_aws_would_refuse_are_found() {
    let routes = |routes: Value| codes(json!({ "routes": routes }));
    assert_eq!(routes(json!({})), found("http_api::no-routes", "routes"));
    assert_eq!(routes(json!({ "get /": "f" })), found("http_api::route", "routes · get /"));
    assert_eq!(routes(json!({ "default": "f" })), found("http_api::route", "routes · default"));
    assert_eq!(routes(json!({ "GET /{proxy+}/x": "f" })), found("http_api::route", "routes · GET /{proxy+}/x"));
    assert_eq!(routes(json!({ "GET /:id": "f" })), found("http_api::colon", "routes · GET /:id"));
    let same = json!({ "GET /{id}": "f", "GET /{name}": "f" });
    assert_eq!(routes(same), found("http_api::same-route", "routes · GET /{name}"));
    let below = json!({ "GET /{id}/a": "f", "GET /{name}/b": "f" });
    assert_eq!(routes(below), found("http_api::path-variable", "routes · GET /{name}/b"));
    let methods = json!({ "GET /{id}": "f", "PUT /{name}": "f" });
    assert_eq!(routes(methods), found("http_api::path-variable", "routes · PUT /{name}"));
    assert_eq!(routes(json!({ "GET /{id}": "f", "GET /a/{name}": "f", "ANY /{proxy+}": "f" })), [].into());
    for timeout in [json!("49ms"), json!("30001ms"), json!(31)] {
        let slow = json!({ "GET /": { "function": "f", "timeout": timeout } });
        assert_eq!(routes(slow), found("http_api::timeout", "routes · GET / · timeout"));
    }
    assert_eq!(routes(json!({ "GET /": { "function": "f", "timeout": "30s" }, "$default": "f" })), [].into());
    assert_eq!(routes(json!({ "GET /": "${functions.f.arn}" })), found("http_api::function", "routes · GET /"));
    let many: serde_json::Map<_, _> = (0..301).map(|n| (format!("GET /a{n}"), json!("f"))).collect();
    assert_eq!(routes(Value::Object(many)), found("http_api::many-routes", "routes"));
}

#[test]
fn a_rate_without_a_burst_is_found_for_the_api_and_a_route() {
    assert_eq!(
        codes(api(json!({ "throttling_rate_limit": 5.0 }))),
        found("http_api::throttling", "throttling_rate_limit")
    );
    let routes = json!({ "GET /": { "function": "f", "throttling_burst_limit": 5 } });
    let path = "routes · GET / · throttling_burst_limit";
    assert_eq!(codes(json!({ "routes": routes })), found("http_api::throttling", path));
}

#[test]
fn sites_that_no_browser_names_are_found() {
    let cors = |cors: Value| codes(api(json!({ "cors": cors })));
    assert_eq!(cors(json!({})), found("http_api::cors-origins", "cors"));
    let all = json!({ "allow_origins": ["*"], "allow_credentials": true });
    assert_eq!(cors(all), found("http_api::cors-credentials", "cors · allow_credentials"));
    for wrong in ["www.example.com", "https://www.example.com/", "https://a.example/shop"] {
        let origin = json!({ "allow_origins": [wrong] });
        assert_eq!(cors(origin), found("http_api::cors-origin", "cors · allow_origins · 0"), "{wrong}");
    }
    let method = json!({ "allow_origins": ["*"], "allow_methods": ["get", "*", "ANY"] });
    assert_eq!(cors(method), found("http_api::cors-method", "cors · allow_methods · 2"));
    assert_eq!(cors(json!({ "allow_origins": ["https://*", "http://localhost:3000"], "max_age": -1 })), [].into());
}

#[test]
fn a_route_that_refuses_browsers_questions_is_found_unless_another_one_answers_them() {
    let guarded = json!({ "function": "f", "authorization": "AWS_IAM" });
    let of = |routes: Value| codes(json!({ "routes": routes, "cors": { "allow_origins": ["*"] } }));
    assert_eq!(of(json!({ "ANY /a": guarded })), found("http_api::preflight", "routes · ANY /a"));
    assert_eq!(of(json!({ "$default": guarded })), found("http_api::preflight", "routes · $default"));
    assert_eq!(of(json!({ "$default": guarded, "OPTIONS /{proxy+}": "f" })), [].into());
    assert_eq!(of(json!({ "GET /a": guarded })), [].into());
    assert_eq!(of(json!({ "ANY /a": "f" })), [].into());
}

#[test]
fn authorizers_that_aws_would_refuse_are_found() {
    let of = |authorizer: Value| {
        codes(
            json!({ "routes": { "GET /": { "function": "f", "authorizer": "a" } }, "authorizers": { "a": authorizer } }),
        )
    };
    let jwt = |issuer: &str, audience: Value| json!({ "jwt": { "issuer": issuer, "audience": audience } });
    assert_eq!(of(jwt("http://a.example", json!(["x"]))), found("http_api::issuer", "authorizers · a · jwt · issuer"));
    assert_eq!(
        of(jwt("https://a.example", json!([]))),
        found("http_api::audience", "authorizers · a · jwt · audience")
    );
    assert_eq!(of(json!({})), found("http_api::authorizer-type", "authorizers · a"));
    let cached = json!({ "function": "g", "ttl": 60 });
    assert_eq!(of(cached), found("http_api::authorizer-cache", "authorizers · a · ttl"));
    let by_token = json!({ "function": "g", "ttl": 60, "identity_sources": ["$request.header.X"] });
    assert_eq!(of(by_token), found("http_api::authorizer-routes", "authorizers · a · ttl"));
    let of_rest = json!({ "function": "g", "identity_sources": ["method.request.header.X"] });
    assert_eq!(of(of_rest), found("http_api::identity-source", "authorizers · a · identity_sources · 0"));
    let simple = json!({ "function": "g", "payload_format_version": "1.0", "simple_responses": true });
    assert_eq!(of(simple), found("http_api::simple-responses", "authorizers · a · simple_responses"));
    let of_function = json!({ "jwt": { "issuer": "https://a.example", "audience": ["x"] }, "ttl": 5 });
    assert_eq!(of(of_function), found("http_api::authorizer-property", "authorizers · a · ttl"));
    assert_eq!(of(json!({ "function": "g" })), [].into());
}

#[test]
fn authorizers_that_do_not_exist_or_are_not_used_are_found() {
    let route = |route: Value| codes(json!({ "routes": { "GET /": route } }));
    assert_eq!(
        route(json!({ "function": "f", "authorizer": "a" })),
        found("http_api::authorizer", "routes · GET / · authorizer")
    );
    assert_eq!(
        route(json!({ "function": "f", "scopes": ["x"] })),
        found("http_api::scopes", "routes · GET / · scopes")
    );
    let unused = api(json!({ "authorizers": { "a": { "function": "g" } } }));
    assert_eq!(codes(unused), found("http_api::unused-authorizer", "authorizers · a"));
    let both = json!({
        "routes": { "GET /": { "function": "f", "authorizer": "a", "authorization": "AWS_IAM" } },
        "authorizers": { "a": { "function": "g" } },
    });
    assert_eq!(codes(both), found("http_api::authorization", "routes · GET / · authorization"));
}

#[test]
fn logs_that_aws_would_refuse_are_found() {
    let logs = |logs: Value| codes(api(json!({ "access_logs": logs })));
    assert_eq!(logs(json!({ "format": "$context.status" })), found("http_api::log-format", "access_logs · format"));
    let lines = json!({ "format": "$context.requestId\n$context.status" });
    assert_eq!(logs(lines), found("http_api::log-line", "access_logs · format"));
    assert_eq!(
        logs(json!({ "retention_in_days": 31 })),
        found("log_group::retention", "access_logs · retention_in_days")
    );
    assert_eq!(
        logs(json!({ "log_group_arn": "requests" })),
        found("http_api::log-group", "access_logs · log_group_arn")
    );
    let variables = |name: &str, value: &str| codes(api(json!({ "variables": { name: value } })));
    assert_eq!(variables("a-b", "x"), found("http_api::variable-name", "variables · a-b"));
    assert_eq!(variables("a", "x y"), found("http_api::variable-value", "variables · a"));
}

#[test]
fn an_api_cannot_be_external() {
    let mut findings = Findings::default();
    with_scope(true, |at| HttpApis::check(&element(api(json!({}))), at, &mut findings));
    assert_eq!(findings.0.iter().map(|f| f.code).collect::<Vec<_>>(), ["http_api::external"]);
}
