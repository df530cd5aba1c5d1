//! The account adds links, and anybody follows them.

use deployer_test::Stack;
use serde_json::{Value, json};

#[tokio::test]
async fn a_signed_request_adds_a_link_that_anybody_can_follow() {
    let stack = Stack::of("stack.yaml").binary("links", env!("CARGO_BIN_EXE_links")).apply();
    let url = stack.output("url");
    let link = json!({ "to": "https://www.rust-lang.org", "days": 7 }).to_string();
    assert_eq!(stack.call("POST", &format!("{url}/links"), &[], &link).status, 403, "it is not signed");
    // API Gateway hands over the same event after it has checked the signature.
    let added = stack.invoke("links", &json!({ "routeKey": "POST /links", "body": link }));
    assert_eq!(added["statusCode"], 201, "{added}");
    let body: Value = serde_json::from_str(added["body"].as_str().expect("a text")).expect("JSON");
    let followed = stack.call("GET", &format!("{url}/{}", body["id"].as_str().expect("an id")), &[], "");
    assert_eq!((followed.status, followed.header("location")), (302, Some("https://www.rust-lang.org")));
    assert_eq!(stack.call("GET", &format!("{url}/nothing"), &[], "").status, 404);
    let script = json!({ "routeKey": "POST /links", "body": json!({ "to": "javascript:alert(1)" }).to_string() });
    assert_eq!(stack.invoke("links", &script)["statusCode"], 400);
    stack.destroy();
}
