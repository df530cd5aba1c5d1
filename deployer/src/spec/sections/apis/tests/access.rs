//! Access to routes.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{at, codes, definition, lower};

const POOL: &str = "arn:aws:cognito-idp:eu-west-1:123456789012:userpool/eu-west-1_a";

fn route(name: &str, target: Value, api: Value) -> Value {
    let mut api = api;
    api["routes"] = json!({ name: target });
    at(&lower(api), &format!("apis.couch.route[{name}]")).spec.clone()
}

#[test]
fn the_default_is_for_routes_that_say_nothing_else_and_never_for_browsers_questions() {
    let api = json!({ "default_authorizer": "staff", "authorizers": {
        "staff": { "function": "guard" }, "users": { "cognito": [POOL] } } });
    let of = |name: &str, target: Value| {
        let route = route(name, target, api.clone());
        (route["authorization_type"].clone(), route["authorizer_id"].clone())
    };
    let staff = (json!("CUSTOM"), json!("${apis.couch.authorizer[staff].id}"));
    assert_eq!(of("GET /", json!("f")), staff);
    assert_eq!(of("GET /", json!({ "function": "f", "authorization": "NONE" })), (json!("NONE"), Value::Null));
    assert_eq!(of("GET /", json!({ "function": "f", "authorization": "AWS_IAM" })), (json!("AWS_IAM"), Value::Null));
    assert_eq!(of("OPTIONS /", json!("f")), (json!("NONE"), Value::Null));
    let users = (json!("COGNITO_USER_POOLS"), json!("${apis.couch.authorizer[users].id}"));
    assert_eq!(of("GET /", json!({ "function": "f", "authorizer": "users" })), users);
}

#[test]
fn a_function_may_be_called_for_its_authorizer_alone_before_the_stage_is_deployed() {
    let out = lower(json!({ "routes": { "GET /": "f" }, "default_authorizer": "staff", "authorizers": {
        "staff": { "function": "guard", "type": "request", "ttl": 60,
            "identity_sources": ["$request.header.A", "$request.querystring.b", "$context.path", "$stageVariables.c"] } } }));
    let spec = &at(&out, "apis.couch.authorizer[staff]").spec;
    assert_eq!(
        spec["identity_source"],
        json!(["method.request.header.A", "method.request.querystring.b", "context.path", "stageVariables.c"])
    );
    assert_eq!((&spec["authorizer_type"], &spec["authorizer_result_ttl_in_seconds"]), (&json!("REQUEST"), &json!(60)));
    let source = &at(&out, "apis.couch.authorizer_permission[staff]").spec["source_arn"];
    assert!(source.as_str().unwrap().ends_with(":${apis.couch.id}/authorizers/${apis.couch.authorizer[staff].id}"));
    let waits = &at(&out, "apis.couch.stage").depends_on;
    assert!(
        waits.contains("apis.couch.authorizer_permission[staff]") && waits.contains("apis.couch.authorizer[staff]")
    );
}

#[test]
fn an_authorizer_that_changes_is_another_definition() {
    let of = |authorizer: Value| {
        definition(json!({ "routes": { "GET /": "f" }, "default_authorizer": "a", "authorizers": { "a": authorizer } }))
    };
    let plain = of(json!({ "function": "guard" }));
    for other in [
        json!({ "function": "guard", "ttl": 5 }),
        json!({ "function": "other" }),
        json!({ "function": "guard", "validation_pattern": "^a" }),
        json!({ "cognito": [POOL] }),
    ] {
        assert_ne!(of(other), plain);
    }
}

#[test]
fn authorizers_that_aws_would_refuse_are_found() {
    let found = |code, path: &str| BTreeSet::from([(code, path.to_owned())]);
    let of = |authorizer: Value| {
        codes(json!({ "routes": { "GET /": "f" }, "default_authorizer": "a", "authorizers": { "a": authorizer } }))
    };
    let at = |rest: &str| format!("authorizers · a{rest}");
    assert_eq!(of(json!({})), found("api::authorizer-type", &at("")));
    assert_eq!(of(json!({ "function": "g", "cognito": [POOL] })), found("api::authorizer-type", &at("")));
    assert_eq!(of(json!({ "function": "${functions.g.arn}" })), found("api::function", &at(" · function")));
    assert_eq!(of(json!({ "cognito": [] })), found("api::user-pool", &at(" · cognito")));
    assert_eq!(of(json!({ "cognito": ["a"] })), found("api::user-pool", &at(" · cognito · 0")));
    assert_eq!(of(json!({ "cognito": [POOL], "ttl": 5 })), found("api::authorizer-property", &at(" · ttl")));
    let sources = |sources: Value| of(json!({ "function": "g", "identity_sources": sources }));
    assert_eq!(sources(json!([])), found("api::identity-source", &at(" · identity_sources")));
    assert_eq!(sources(json!(["Authorization"])), found("api::identity-source", &at(" · identity_sources · 0")));
    assert_eq!(
        sources(json!(["$request.querystring.t"])),
        found("api::identity-source", &at(" · identity_sources · 0"))
    );
    let kept = json!({ "function": "g", "type": "request", "ttl": 5 });
    assert_eq!(of(kept), found("api::authorizer-cache", &at(" · ttl")));
    let pattern = json!({ "function": "g", "type": "request", "validation_pattern": "a" });
    assert_eq!(of(pattern), found("api::authorizer-property", &at(" · validation_pattern")));
    assert_eq!(of(json!({ "cognito": ["${vars.pool}"], "validation_pattern": "a" })), [].into());
}

#[test]
fn routes_with_an_authorizer_that_cannot_be_are_found() {
    let of = |target: Value| {
        codes(json!({ "routes": { "GET /": target, "GET /a": { "function": "f", "authorizer": "staff" } },
            "authorizers": { "staff": { "function": "g" } } }))
    };
    let found = |code, name: &str| BTreeSet::from([(code, format!("routes · GET / · {name}"))]);
    assert_eq!(of(json!({ "function": "f", "authorizer": "stuff" })), found("api::authorizer", "authorizer"));
    let both = json!({ "function": "f", "authorizer": "staff", "authorization": "NONE" });
    assert_eq!(of(both), found("api::authorization", "authorization"));
    assert_eq!(of(json!({ "function": "f", "authorizer": "staff", "scopes": ["a"] })), found("api::scopes", "scopes"));
    let unused = codes(json!({ "routes": { "GET /": "f" }, "authorizers": { "staff": { "function": "g" } } }));
    assert_eq!(unused, [("api::unused-authorizer", "authorizers · staff".to_owned())].into());
}
