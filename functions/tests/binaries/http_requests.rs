//! The binary behind the HTTP API, with events of every version, their headers, and origins of pages.

use crate::support::{Answer, Function, Reply};
use serde_json::{Value, json};

const BINARY: &str = env!("CARGO_BIN_EXE_generate-image");
const BODY: &str = "{\"prompt\": \"a moon\"}";

fn start(variables: &[(&str, &str)]) -> Function {
    Function::with_env(BINARY, |_, _| Reply::Picture, variables)
}

/// Returns the event of a REST API.
fn rest(method: &str, headers: Value) -> Value {
    json!({
        "resource": "/generate-image", "path": "/generate-image", "httpMethod": method, "headers": headers,
        "requestContext": {"requestId": "gateway-1", "stage": "Prod", "path": "/Prod/generate-image"},
        "body": BODY, "isBase64Encoded": false
    })
}

/// Returns the event of an HTTP API or a function URL, as AWS documents version 2.0.
fn second(method: &str, raw_path: &str) -> Value {
    json!({
        "version": "2.0", "routeKey": "$default", "rawPath": raw_path, "rawQueryString": "",
        "cookies": ["a=1", "b=2"],
        "headers": {"content-type": "application/json", "accept": "a/b,c/d", "x-correlation-id": "corr-1", "x-forwarded-proto": "https"},
        "requestContext": {
            "accountId": "anonymous", "apiId": "abc", "domainName": "abc.lambda-url.eu-west-1.on.aws", "domainPrefix": "abc",
            "http": {"method": method, "path": raw_path, "protocol": "HTTP/1.1", "sourceIp": "192.0.2.1", "userAgent": "curl/8.5.0"},
            "requestId": "gateway-2", "routeKey": "$default", "stage": "$default",
            "time": "22/Nov/2024:15:39:59 +0000", "timeEpoch": 1732289999000_i64
        },
        "body": "eyJwcm9tcHQiOiAiYSBtb29uIn0=", "isBase64Encoded": true
    })
}

fn status(answer: &Answer) -> u64 {
    assert_eq!(answer.kind, "response", "{:?}", answer.body);
    answer.body["statusCode"].as_u64().unwrap()
}

#[test]
fn an_http_api_and_a_function_url_are_answered_like_a_rest_api() {
    let function = start(&[]);
    for path in ["/generate-image", "/Prod/generate-image", "/"] {
        let answer = function.invoke(second("POST", path));
        assert_eq!(status(&answer), 200, "{path}");
        assert_eq!(answer.body["headers"]["X-Correlation-Id"], "corr-1");
    }
    assert_eq!(status(&function.invoke(second("GET", "/generate-image"))), 405);
    assert_eq!(status(&function.invoke(second("GET", "/Prod/pictures/abc"))), 404);
}

#[test]
fn an_http_api_takes_prompts_for_later_too() {
    let function = start(&[("QUEUE_URL", "https://sqs.eu-west-1.amazonaws.com/123456789012/q")]);
    let answer = function.invoke(second("POST", "/pictures"));
    assert_eq!(status(&answer), 202);
    let location = answer.body["headers"]["Location"].as_str().unwrap();
    assert!(location.starts_with("https://abc.lambda-url.eu-west-1.on.aws/pictures/"), "{location}");
    assert_eq!(function.sent()[0]["MessageBody"], "a moon");
}

#[test]
fn the_consoles_test_event_with_nulls_is_understood() {
    let function = start(&[]);
    let mut event = rest("POST", Value::Null);
    event["multiValueHeaders"] = Value::Null;
    let answer = function.invoke(event);
    assert_eq!(status(&answer), 200);
    assert_eq!(answer.body["headers"]["X-Correlation-Id"], "gateway-1");
}

#[test]
fn a_body_that_is_not_declared_as_json_is_415_and_draws_nothing() {
    let function = start(&[]);
    for headers in [
        json!({"Host": "a1.execute-api.eu-west-1.amazonaws.com"}),
        json!({}),
        json!({"content-type": "text/plain"}),
        json!({"Content-Type": "application/x-www-form-urlencoded"}),
        json!({"Content-Type": null, "Host": "x"}),
    ] {
        let answer = function.invoke(rest("POST", headers.clone()));
        assert_eq!(status(&answer), 415, "{headers}");
        assert_eq!(answer.body["headers"]["Accept-Post"], "application/json");
    }
    let mut event = rest("POST", Value::Null);
    event["multiValueHeaders"] = json!({"Content-Type": ["text/plain"]});
    assert_eq!(status(&function.invoke(event)), 415);
    assert!(function.prompts().is_empty());
}

#[test]
fn json_may_have_parameters_and_a_suffix() {
    let function = start(&[]);
    for declared in ["application/json; charset=utf-8", "APPLICATION/JSON", "application/vnd.api+json"] {
        assert_eq!(status(&function.invoke(rest("POST", json!({"content-TYPE": declared})))), 200, "{declared}");
    }
}

#[test]
fn a_body_beyond_reason_is_413() {
    let function = start(&[]);
    let mut event = rest("POST", json!({"Content-Type": "application/json"}));
    event["body"] = json!(json!({"prompt": "x".repeat(300_000)}).to_string());
    assert_eq!(status(&function.invoke(event)), 413);
}

#[test]
fn an_event_that_is_no_http_request_is_logged_and_answered_as_one() {
    let function = start(&[]);
    for event in
        [json!({"source": "warmup"}), json!({"httpMethod": "POST", "headers": {"a": 5}}), json!([]), json!("x")]
    {
        let answer = function.invoke(event.clone());
        assert_eq!(status(&answer), 400, "{event}");
        assert_eq!(answer.body["isBase64Encoded"], false);
        assert!(answer.body["body"].is_string());
    }
    let log = function.log();
    assert_eq!(log.iter().filter(|line| line["message"] == "not an HTTP event").count(), 4);
}

#[test]
fn a_page_of_a_listed_origin_may_ask_and_read() {
    let function = start(&[("CORS_ORIGINS", "https://a.example,https://b.example")]);
    let answer = function
        .invoke(rest("OPTIONS", json!({"Origin": "https://b.example", "Access-Control-Request-Method": "POST"})));
    assert_eq!((status(&answer), &answer.body["body"]), (204, &json!("")));
    let headers = &answer.body["headers"];
    assert_eq!(headers["Access-Control-Allow-Origin"], "https://b.example");
    assert_eq!(headers["Access-Control-Allow-Methods"], "POST");
    assert_eq!(headers["Access-Control-Allow-Headers"], "content-type, idempotency-key, x-correlation-id");
    assert!(headers["Access-Control-Max-Age"].is_string());
    assert_eq!(headers["Vary"], "Origin");

    // Errors need the header, too, or the page could not read them.
    for (declared, expected) in [("application/json", 200), ("text/plain", 415)] {
        let answer = function.invoke(rest("POST", json!({"Content-Type": declared, "Origin": "https://b.example"})));
        assert_eq!(status(&answer), expected);
        assert_eq!(answer.body["headers"]["Access-Control-Allow-Origin"], "https://b.example");
        assert_eq!(answer.body["headers"]["Access-Control-Expose-Headers"], "x-correlation-id, retry-after, location");
    }
    assert_eq!(function.invoke(rest("GET", json!({}))).body["headers"]["Allow"], "POST, OPTIONS");
}

#[test]
fn a_page_of_another_origin_is_let_in_nowhere() {
    let origin = json!({"Origin": "https://c.example", "Content-Type": "application/json"});
    let function = start(&[("CORS_ORIGINS", "https://a.example")]);
    let answer = function.invoke(rest("OPTIONS", origin.clone()));
    assert_eq!(status(&answer), 204);
    assert_eq!(answer.body["headers"]["Access-Control-Allow-Origin"], Value::Null);

    let function = start(&[]);
    let answer = function.invoke(rest("OPTIONS", origin.clone()));
    assert_eq!(status(&answer), 405);
    let answer = function.invoke(rest("POST", origin));
    let headers = answer.body["headers"].as_object().unwrap();
    assert!(!headers.keys().any(|name| name.starts_with("Access-Control-") || name == "Vary"), "{headers:?}");
}

#[test]
fn an_open_api_lets_every_page_in() {
    let function = start(&[("CORS_ORIGINS", "*")]);
    let answer =
        function.invoke(rest("POST", json!({"Origin": "https://c.example", "Content-Type": "application/json"})));
    assert_eq!(answer.body["headers"]["Access-Control-Allow-Origin"], "*");
}

#[test]
fn a_probe_is_answered_on_every_route_without_a_picture() {
    let function = start(&[]);
    for method in ["POST", "GET", "DELETE"] {
        let answer = function.invoke(rest(method, json!({"X-Deployer-Verify": "0123abcd"})));
        assert_eq!(status(&answer), 200, "{method}");
        let body: Value = serde_json::from_str(answer.body["body"].as_str().unwrap()).unwrap();
        assert_eq!(body, json!({"deployer.verify": "0123abcd"}));
    }
    assert!(function.prompts().is_empty() && function.puts().is_empty());
    let forged =
        function.invoke(rest("POST", json!({"X-Deployer-Verify": "a\" b", "content-type": "application/json"})));
    assert_eq!(status(&forged), 200);
    assert_eq!(function.puts().len(), 1, "no word, no probe");
}
