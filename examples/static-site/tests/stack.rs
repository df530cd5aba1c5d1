//! The site is served to everybody, and its page may call the function, which another site's may not.

use deployer_test::Stack;
use serde_json::json;

const INDEX: &str = include_str!("../site/index.html");
const LOST: &str = include_str!("../site/404.html");

#[tokio::test]
async fn the_site_is_served_and_its_page_alone_may_count_visits() {
    let stack = Stack::of("stack.yaml").binary("visits", env!("CARGO_BIN_EXE_visits")).apply();
    let s3 = aws_sdk_s3::Client::from_conf(
        aws_sdk_s3::config::Builder::from(&stack.sdk_config().await).force_path_style(true).build(),
    );
    let (bucket, site, visits) = (stack.output("bucket"), stack.output("site"), stack.output("visits"));
    let config = json!({ "visits": visits }).to_string();
    for (key, text) in [("index.html", INDEX), ("404.html", LOST), ("config.json", &config)] {
        let put = s3.put_object().bucket(&bucket).key(key).content_type("text/html; charset=utf-8");
        put.body(text.as_bytes().to_vec().into()).send().await.expect("it is stored");
    }
    let home = stack.call("GET", &site, &[], "");
    assert_eq!((home.status, home.body.as_str()), (200, INDEX));
    assert_eq!(home.header("content-type"), Some("text/html; charset=utf-8"));
    let config = stack.call("GET", &format!("{site}/config.json"), &[], "");
    assert_eq!(config.json()["visits"], visits);
    let lost = stack.call("GET", &format!("{site}/nothing.html"), &[], "");
    assert_eq!((lost.status, lost.body.as_str()), (403, LOST), "S3 tells nobody which objects are missing");

    let question = |origin| [("origin", origin), ("access-control-request-method", "POST")];
    let allowed = stack.call("OPTIONS", &visits, &question(&site), "");
    assert_eq!(allowed.header("access-control-allow-origin"), Some(site.as_str()), "{allowed:?}");
    let refused = stack.call("OPTIONS", &visits, &question("https://www.example.com"), "");
    assert_eq!(refused.header("access-control-allow-origin"), None, "{refused:?}");
    for count in 1..=2 {
        let counted = stack.call("POST", &visits, &[("origin", &site)], "");
        assert_eq!(counted.json(), json!({ "visits": count }));
        assert_eq!(counted.header("access-control-allow-origin"), Some(site.as_str()), "{counted:?}");
    }
    assert_eq!(stack.call("GET", &visits, &[], "").status, 405);
    stack.destroy();
}
