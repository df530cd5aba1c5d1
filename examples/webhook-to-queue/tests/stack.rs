//! Signed calls are worked off, and forged ones are refused.

use deployer_test::Stack;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

const SECRET: &str = "a secret of the sender";
const BODY: &str = r#"{"id":"42"}"#;

#[tokio::test]
async fn a_signed_call_is_worked_off_and_a_forged_one_is_refused() {
    let stack = Stack::of("stack.yaml")
        .var("secret", SECRET)
        .binary("accept", env!("CARGO_BIN_EXE_accept"))
        .binary("handle", env!("CARGO_BIN_EXE_handle"))
        .apply();
    let url = format!("{}/hooks/shop", stack.output("url"));
    let status = |signature: &str| stack.call("POST", &url, &[("x-signature", signature)], BODY).status;
    assert_eq!(stack.call("POST", &url, &[], BODY).status, 400, "it is not signed");
    assert_eq!(status(&signature("another secret")), 403);
    assert_eq!(status("sha256=abc"), 403);
    assert_eq!(status(&signature(SECRET)), 202);
    stack.logged("handle", r#"{"handled":"42","source":"shop"}"#).await;
    stack.destroy();
}

/// Signs the body as the sender does.
fn signature(secret: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("a key");
    mac.update(BODY.as_bytes());
    let digits: String = mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256={digits}")
}
