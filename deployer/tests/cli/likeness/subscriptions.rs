//! Rules about the subscriptions of log groups.

use aws_sdk_cloudwatchlogs::types::InputLogEvent;
use serde_json::json;

use super::scene::{ACCOUNT, Scene};

const GROUP: &str = "/couch/lines";

pub async fn log_subscriptions(scene: &Scene) -> bool {
    let logs = &scene.clients.logs;
    logs.create_log_group().log_group_name(GROUP).send().await.expect("a group");
    logs.create_log_stream().log_group_name(GROUP).log_stream_name("s").send().await.expect("a stream");
    let function = scene.function("log-reader", "1").await;
    let put = |name: &str, pattern: &str| {
        let put = logs.put_subscription_filter().log_group_name(GROUP).filter_name(name);
        put.filter_pattern(pattern).destination_arn(&function).send()
    };
    if put("errors", r#"{ $.level = "ERROR" && $.tries >= 2 }"#).await.is_ok() {
        return false;
    }
    scene
        .allow("log-reader", "logs.amazonaws.com", &format!("arn:aws:logs:eu-west-1:{ACCOUNT}:log-group:{GROUP}:*"))
        .await;
    put("errors", r#"{ $.level = "ERROR" && $.tries >= 2 }"#).await.expect("a filter");
    put("words", "?boom ?bang -harmless").await.expect("a second filter");
    let third = put("third", "").await.expect_err("no third filter").into_service_error();
    assert!(third.is_limit_exceeded_exception(), "{third:?}");
    let lines = [
        json!({ "level": "ERROR", "tries": 3 }).to_string(),
        json!({ "level": "ERROR", "tries": 1 }).to_string(),
        "a harmless boom".to_owned(),
        "a bang".to_owned(),
    ];
    let now = i64::try_from(std::time::SystemTime::UNIX_EPOCH.elapsed().expect("a time").as_millis()).expect("a time");
    let event = |line: &String| InputLogEvent::builder().timestamp(now).message(line).build().expect("an event");
    let write = logs.put_log_events().log_group_name(GROUP).log_stream_name("s");
    write.set_log_events(Some(lines.iter().map(event).collect())).send().await.expect("lines");
    // Each filter has one line of these, and calls once.
    scene.called("log-reader", 2).await;
    true
}
