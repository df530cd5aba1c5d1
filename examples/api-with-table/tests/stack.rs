//! A note is written, listed, read and deleted over HTTP.

use deployer_test::Stack;
use serde_json::{Value, json};

#[tokio::test]
async fn a_note_is_written_listed_read_and_deleted() {
    let stack = Stack::of("stack.yaml").binary("notes", env!("CARGO_BIN_EXE_notes")).apply();
    let url = stack.output("url");
    let (all, note) = (format!("{url}/notes/ann"), format!("{url}/notes/ann/1"));
    assert_eq!(stack.call("PUT", &note, &[], "buy a couch").status, 204);
    assert_eq!(stack.call("PUT", &note, &[], "").status, 400, "an empty note is refused");
    let listed = stack.call("GET", &all, &[], "");
    assert_eq!(listed.status, 200, "{listed:?}");
    assert_eq!(listed.json(), json!({ "notes": [{ "id": "1", "text": "buy a couch" }], "next": Value::Null }));
    assert_eq!(stack.call("GET", &note, &[], "").json(), json!({ "id": "1", "text": "buy a couch" }));
    assert_eq!(stack.call("DELETE", &note, &[], "").status, 204);
    assert_eq!(stack.call("GET", &note, &[], "").status, 404);
    let preflight = [("origin", "https://www.example.com"), ("access-control-request-method", "PUT")];
    let allowed = stack.call("OPTIONS", &note, &preflight, "");
    assert_eq!(allowed.header("access-control-allow-origin"), Some("https://www.example.com"), "{allowed:?}");
    stack.destroy();
}
