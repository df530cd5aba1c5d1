//! A page of the site gets an address and uploads a picture, as a browser does it; other pages and pictures are refused.

use deployer_test::{Response, Stack};
use serde_json::{Value, json};

const SITE: &str = "https://www.example.com";
const PICTURE: &str = "not really a PNG";

#[tokio::test]
async fn a_page_uploads_the_picture_that_it_stated_and_nothing_else() {
    let stack = Stack::of("stack.yaml").binary("sign", env!("CARGO_BIN_EXE_sign")).apply();
    let (asking, uploads) = (format!("{}/uploads", stack.output("url")), stack.output("uploads"));
    let page = [("origin", SITE), ("content-type", "text/plain;charset=UTF-8"), ("sec-fetch-mode", "cors")];
    let ask = |body: Value| stack.call("POST", &asking, &page, &body.to_string());
    assert_eq!(ask(json!({ "type": "text/html", "size": 16 })).status, 400);
    assert_eq!(ask(json!({ "type": "image/png", "size": 11 * 1024 * 1024 })).status, 400);
    let asked = ask(json!({ "type": "image/png", "size": PICTURE.len() }));
    assert_eq!(asked.header("access-control-allow-origin"), Some(SITE), "{asked:?}");
    let (address, key) = (text(&asked, "address"), text(&asked, "key"));
    assert_eq!(asked.json()["headers"], json!({ "content-type": "image/png" }));

    let question = |origin| {
        let headers = [("access-control-request-method", "PUT"), ("access-control-request-headers", "content-type")];
        stack.call("OPTIONS", &address, &[&headers[..], &[("origin", origin)]].concat(), "")
    };
    let allowed = question(SITE);
    assert_eq!((allowed.status, allowed.header("access-control-allow-origin")), (200, Some(SITE)), "{allowed:?}");
    assert_eq!(allowed.header("access-control-max-age"), Some("3600"));
    assert_eq!(question("https://elsewhere.example").status, 403);

    let put = |content_type, body: &str| {
        let page = [("origin", SITE), ("content-type", content_type), ("sec-fetch-mode", "cors")];
        stack.call("PUT", &address, &page, body)
    };
    assert_eq!(put("text/html", PICTURE).status, 403, "another type");
    assert_eq!(put("image/png", "a picture of another size").status, 403);
    let stored = put("image/png", PICTURE);
    assert_eq!((stored.status, stored.header("access-control-allow-origin")), (200, Some(SITE)), "{stored:?}");

    let s3 = aws_sdk_s3::Client::from_conf(
        aws_sdk_s3::config::Builder::from(&stack.sdk_config().await).force_path_style(true).build(),
    );
    let found = s3.get_object().bucket(&uploads).key(&key).send().await.expect("it is stored");
    assert_eq!(found.content_type(), Some("image/png"));
    assert_eq!(found.body.collect().await.expect("its bytes").into_bytes(), PICTURE.as_bytes());
    stack.destroy();
}

fn text(answer: &Response, member: &str) -> String {
    answer.json()[member].as_str().unwrap_or_else(|| panic!("no {member}: {answer:?}")).to_owned()
}
