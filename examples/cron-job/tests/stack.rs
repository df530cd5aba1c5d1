//! The functions of the schedules run, and the schedules are there.

use deployer_test::Stack;
use serde_json::json;

#[tokio::test]
async fn the_cron_job_reports_and_tidies() {
    let stack = Stack::of("stack.yaml")
        .binary("report", env!("CARGO_BIN_EXE_report"))
        .binary("tidy", env!("CARGO_BIN_EXE_tidy"))
        .apply();
    assert_eq!(stack.invoke("report", &json!({ "kind": "daily" }))["report"], "daily");
    let status = stack.deployer(&["status"]);
    assert!(status.contains("fires "), "{status}");
    let sqs = aws_sdk_sqs::Client::new(&stack.sdk_config().await);
    let send = sqs.send_message().queue_url(stack.output("jobs")).message_body(json!({ "job": "tidy" }).to_string());
    send.send().await.expect("it is sent");
    stack.logged("tidy", r#"{"jobs":1,"failed":0}"#).await;
    stack.destroy();
}
