//! The answers to browsers.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{at, codes, lower};
use crate::spec::sections::LoweredStack;

const SITE: &str = "https://www.example.com";

fn with_cors(routes: Value, cors: Value) -> LoweredStack {
    lower(json!({ "routes": routes, "cors": cors }))
}

fn header(out: &LoweredStack, path: &str, name: &str) -> Value {
    at(out, &format!("apis.couch.route[OPTIONS {path}]")).spec["mock"]["headers"][name].clone()
}

#[test]
fn every_path_answers_browsers_with_the_methods_of_its_routes() {
    let out = with_cors(json!({ "GET /a": "f", "POST /a": "f", "ANY /b/{rest+}": "f" }), json!("*"));
    let methods = |path: &str| header(&out, path, "Access-Control-Allow-Methods");
    assert_eq!(methods("/a"), "'GET,OPTIONS,POST'");
    assert_eq!(methods("/b/{rest+}"), "'DELETE,GET,HEAD,OPTIONS,PATCH,POST,PUT'");
    let route = &at(&out, "apis.couch.route[OPTIONS /a]").spec;
    assert_eq!((&route["authorization_type"], &route["api_key_required"]), (&json!("NONE"), &json!(false)));
    assert_eq!((&route["integration_type"], &route["mock"]["status_code"]), (&json!("MOCK"), &json!("204")));
    assert_eq!(header(&out, "/a", "Access-Control-Allow-Origin"), "'*'");
    assert_eq!(header(&out, "/a", "Vary"), Value::Null);
    let parts = &at(&out, "apis.couch").spec["parts"];
    assert_eq!(parts["routes"].as_array().map(Vec::len), Some(5));
    assert_eq!(parts["responses"], json!(["DEFAULT_4XX", "DEFAULT_5XX"]));
    let waits = &at(&out, "apis.couch.stage").depends_on;
    for part in ["route[OPTIONS /a]", "response[DEFAULT_4XX]"] {
        assert!(waits.contains(&format!("apis.couch.{part}")), "{part}");
    }
}

#[test]
fn a_path_with_a_route_for_options_keeps_it() {
    let out = with_cors(json!({ "GET /a": "f", "OPTIONS /a": "f" }), json!(SITE));
    let route = &at(&out, "apis.couch.route[OPTIONS /a]").spec;
    assert_eq!((&route["integration_type"], &route["mock"]), (&json!("AWS_PROXY"), &Value::Null));
}

#[test]
fn of_several_sites_the_callers_own_is_named_and_errors_are_for_all_without_credentials() {
    let several = json!({ "allow_origins": [SITE, "https://b.example"], "allow_credentials": true, "max_age": 5 });
    let out = with_cors(json!({ "GET /a": "f" }), several);
    let mock = &at(&out, "apis.couch.route[OPTIONS /a]").spec["mock"];
    let template = mock["template"].as_str().unwrap();
    assert!(template.contains(&format!("$site == \"{SITE}\" || $site == \"https://b.example\"")), "{template}");
    assert_eq!(header(&out, "/a", "Access-Control-Allow-Origin"), format!("'{SITE}'"));
    assert_eq!(header(&out, "/a", "Vary"), "'Origin'");
    let errors = &at(&out, "apis.couch.response[DEFAULT_5XX]").spec["headers"];
    assert_eq!(*errors, json!({ "Access-Control-Allow-Origin": "'*'" }));
    let one = json!({ "allow_origins": [SITE], "allow_credentials": true, "expose_headers": ["X-A", "X-B"] });
    let out = with_cors(json!({ "GET /a": "f" }), one);
    assert_eq!(
        at(&out, "apis.couch.response[DEFAULT_4XX]").spec["headers"],
        json!({
            "Access-Control-Allow-Credentials": "'true'",
            "Access-Control-Allow-Origin": format!("'{SITE}'"),
            "Access-Control-Expose-Headers": "'X-A,X-B'",
        })
    );
    assert_eq!(at(&out, "apis.couch.route[OPTIONS /a]").spec["mock"]["template"], Value::Null);
}

#[test]
fn an_answer_of_its_own_type_has_the_headers_too() {
    let responses =
        json!({ "UNAUTHORIZED": { "status": 403, "headers": { "WWW-Authenticate": "Bearer" }, "body": "no" } });
    let out = lower(json!({ "routes": { "GET /a": "f" }, "cors": "*", "responses": responses }));
    let spec = &at(&out, "apis.couch.response[UNAUTHORIZED]").spec;
    assert_eq!(spec["status_code"], "403");
    assert_eq!(spec["headers"], json!({ "Access-Control-Allow-Origin": "'*'", "WWW-Authenticate": "'Bearer'" }));
    assert_eq!(spec["templates"], json!({ "application/json": "no" }));
}

#[test]
fn settings_that_no_browser_would_follow_are_found() {
    let found = |code, path: &str| BTreeSet::from([(code, path.to_owned())]);
    let of = |cors: Value| codes(json!({ "routes": { "GET /": "f" }, "cors": cors }));
    assert_eq!(of(json!("https://*.example.com")), found("api::cors-origin", "cors"));
    assert_eq!(
        of(json!({ "allow_origins": [SITE, "www.example.com"] })),
        found("api::cors-origin", "cors · allow_origins · 1")
    );
    assert_eq!(of(json!({})), found("api::cors-origins", "cors"));
    let credentials = json!({ "allow_origins": ["*"], "allow_credentials": true });
    assert_eq!(of(credentials), found("api::cors-credentials", "cors · allow_credentials"));
    let methods = json!({ "allow_origins": ["*"], "allow_methods": ["GET", "ANY"] });
    assert_eq!(of(methods), found("api::cors-method", "cors · allow_methods · 1"));
    let headers = json!({ "allow_origins": ["*"], "expose_headers": ["a b"] });
    assert_eq!(of(headers), found("api::cors-header", "cors · expose_headers · 0"));
    assert_eq!(of(json!({ "allow_origins": [SITE, "${vars.site}"], "allow_headers": ["*"] })), [].into());
    let closed = json!({ "GET /": "f", "OPTIONS /": { "function": "f", "authorization": "AWS_IAM" } });
    let found = codes(json!({ "routes": closed, "cors": "*" }));
    assert_eq!(found, [("api::preflight", "routes · OPTIONS /".to_owned())].into());
}
