//! Only known callers get to the API, and pages of other sites can tell what happened.

use deployer_test::Stack;

const PAGE: (&str, &str) = ("origin", "https://www.example.com");

#[tokio::test]
async fn a_known_token_is_admitted_and_every_answer_can_be_read_by_pages() {
    let stack = Stack::of("stack.yaml")
        .binary("guard", env!("CARGO_BIN_EXE_guard"))
        .binary("profile", env!("CARGO_BIN_EXE_profile"))
        .apply();
    let url = stack.output("url");
    let (profile, health) = (format!("{url}/profile"), format!("{url}/health"));

    let with = |token: &str| stack.call("GET", &profile, &[PAGE, ("authorization", token)], "");
    let admitted = with("Bearer open sesame");
    assert_eq!((admitted.status, &admitted.json()["user"]), (200, &"ada".into()));
    for refused in [stack.call("GET", &profile, &[PAGE], ""), with("Bearer open barley"), with("open sesame")] {
        assert_eq!((refused.status, refused.header("access-control-allow-origin")), (401, Some("*")));
    }
    assert_eq!(stack.call("GET", &health, &[], "").status, 200);

    let asked = stack.call("OPTIONS", &profile, &[PAGE, ("access-control-request-method", "GET")], "");
    assert_eq!((asked.status, asked.header("access-control-allow-methods")), (204, Some("GET,OPTIONS")));
    stack.destroy();
}
