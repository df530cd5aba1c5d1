//! Checks of requests.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{at, codes, definition, lower};

fn api(target: Value, models: Value) -> Value {
    json!({ "routes": { "PUT /a": target, "GET /a": "f" }, "models": models })
}

#[test]
fn a_route_gets_the_validator_that_its_checks_need() {
    let item = json!({ "Item": { "type": "object" } });
    let of = |target: Value| lower(api(target, item.clone()));
    let out = of(json!({ "function": "f", "model": "Item", "required_headers": ["X-A"], "required_query": ["q"] }));
    let route = &at(&out, "apis.couch.route[PUT /a]").spec;
    assert_eq!(route["request_validator_id"], "${apis.couch.validator[all].id}");
    let name = "${apis.couch.model[Item].name}";
    assert_eq!(route["request_models"], json!({ "application/json": name, "$default": name }));
    let parameters = json!({ "method.request.header.X-A": true, "method.request.querystring.q": true });
    assert_eq!(route["request_parameters"], parameters);
    let validator = &at(&out, "apis.couch.validator[all]").spec;
    assert_eq!(
        (&validator["validate_request_body"], &validator["validate_request_parameters"]),
        (&json!(true), &json!(true))
    );
    assert_eq!(at(&out, "apis.couch.model[Item]").spec["schema"], r#"{"type":"object"}"#);
    assert_eq!(at(&out, "apis.couch.route[GET /a]").spec["request_validator_id"], Value::Null);
    let waits = &at(&out, "apis.couch.stage").depends_on;
    assert!(waits.contains("apis.couch.validator[all]") && waits.contains("apis.couch.model[Item]"));
    let id = |target: Value| at(&of(target), "apis.couch.route[PUT /a]").spec["request_validator_id"].clone();
    assert_eq!(id(json!({ "function": "f", "model": "Item" })), "${apis.couch.validator[body].id}");
    assert_eq!(id(json!({ "function": "f", "required_query": ["q"] })), "${apis.couch.validator[parameters].id}");
}

#[test]
fn another_schema_is_another_definition() {
    let of =
        |kind: &str| definition(api(json!({ "function": "f", "model": "Item" }), json!({ "Item": { "type": kind } })));
    assert_ne!(of("object"), of("array"));
}

#[test]
fn checks_that_aws_would_refuse_are_found() {
    let found = |code, path: &str| BTreeSet::from([(code, path.to_owned())]);
    let of = |target: Value, models: Value| codes(api(target, models));
    let unknown = json!({ "function": "f", "model": "Item" });
    assert_eq!(of(unknown, json!({})), found("api::model", "routes · PUT /a · model"));
    assert_eq!(of(json!("f"), json!({ "Item": "object" })), found("api::model", "models · Item"));
    assert_eq!(of(json!("f"), json!({ "an-item": {} })), found("api::model-name", "models · an-item"));
    let odd = json!({ "function": "f", "required_headers": ["X A"] });
    assert_eq!(of(odd, json!({})), found("api::parameter", "routes · PUT /a · required_headers"));
}
