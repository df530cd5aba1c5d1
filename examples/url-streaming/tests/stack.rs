//! A URL streams an answer of any length.

use deployer_test::Stack;

/// The most bytes of an answer that is not streamed.
const BUFFERED: usize = 6 * 1024 * 1024;

#[tokio::test]
async fn an_export_is_streamed_whole_even_if_it_is_larger_than_an_ordinary_answer() {
    let stack = Stack::of("stack.yaml").binary("export", env!("CARGO_BIN_EXE_export")).apply();
    let url = stack.output("url");
    let url = url.trim_end_matches('/');
    let short = stack.call("GET", &format!("{url}/?rows=2"), &[], "");
    assert_eq!((short.status, short.header("content-type")), (200, Some("text/csv; charset=utf-8")));
    let expected = "order,article,amount\norder-00000000,a chair of oak with four legs,1\norder-00000001,a chair of oak with four legs,2\n";
    assert_eq!(short.body, expected);
    let long = stack.call("GET", &format!("{url}/?rows=150000"), &[], "");
    assert_eq!(long.status, 200);
    assert!(long.body.len() > BUFFERED, "{} bytes", long.body.len());
    assert_eq!(long.body.lines().count(), 150_001);
    assert_eq!(long.body.lines().last(), Some("order-00149999,a chair of oak with four legs,6"));
    stack.destroy();
}
