//! A local AWS that does not know CBOR, played by canned answers.

use std::sync::Mutex;

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_runtime_api::http::StatusCode;
use aws_smithy_types::retry::RetryConfig;

use super::*;
use crate::aws::Clients;

/// Answers each call by `answer`, and records the calls.
#[derive(Debug, Clone)]
struct ScriptedServer {
    answer: fn(&HttpRequest) -> (u16, &'static str),
    asked: Arc<Mutex<Vec<String>>>,
}

impl HttpClient for ScriptedServer {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for ScriptedServer {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let body = String::from_utf8_lossy(request.body().bytes().unwrap_or_default()).into_owned();
        let target = request.headers().get("x-amz-target").unwrap_or("cbor");
        let body = if target == "cbor" { String::new() } else { body };
        self.asked.lock().unwrap().push(format!("{} {target} {body}", request.uri()));
        let (status, body) = (self.answer)(&request);
        let status = StatusCode::try_from(status).expect("a status");
        HttpConnectorFuture::ready(Ok(HttpResponse::new(status, SdkBody::from(body))))
    }
}

fn clients(answer: fn(&HttpRequest) -> (u16, &'static str)) -> (Clients, Arc<Mutex<Vec<String>>>) {
    let asked = Arc::<Mutex<Vec<String>>>::default();
    let played = ScriptedServer { answer, asked: asked.clone() };
    let config = SdkConfig::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .region(Region::new("eu-west-1"))
        .endpoint_url("http://local:1")
        .credentials_provider(SharedCredentialsProvider::new(Credentials::for_tests()))
        .retry_config(RetryConfig::disabled())
        .http_client(Dialect::new(SharedHttpClient::new(played)))
        .build();
    (Clients::of(&config), asked)
}

const ALARM: &str = r#"{"MetricAlarms":[{"AlarmName":"late","Threshold":30,"Period":60,
    "AlarmConfigurationUpdatedTimestamp":1795000000.5,"ActionsEnabled":true,"AlarmActions":["arn:x"]}]}"#;

fn json_alone(request: &HttpRequest) -> (u16, &'static str) {
    if request.headers().get("x-amz-target").is_some() { (200, ALARM) } else { (404, "<html>no such page</html>") }
}

#[tokio::test]
async fn a_local_aws_without_cbor_is_asked_in_json() {
    let (clients, asked) = clients(json_alone);
    for _ in 0..2 {
        let found = clients.cloudwatch.describe_alarms().alarm_names("late").send().await.expect("an answer");
        let alarm = &found.metric_alarms()[0];
        assert_eq!((alarm.alarm_name(), alarm.threshold(), alarm.period()), (Some("late"), Some(30.0), Some(60)));
        assert_eq!(alarm.alarm_configuration_updated_timestamp().map(DateTimeMillis::millis), Some(1_795_000_000_500));
        assert_eq!((alarm.actions_enabled(), alarm.alarm_actions()), (Some(true), &["arn:x".to_owned()][..]));
    }
    let json = r#"http://local:1/ GraniteServiceVersion20100801.DescribeAlarms {"AlarmNames":["late"]}"#;
    let cbor = "http://local:1/service/GraniteServiceVersion20100801/operation/DescribeAlarms cbor ";
    assert_eq!(*asked.lock().unwrap(), [cbor, json, json], "CBOR is tried once");
}

trait DateTimeMillis {
    fn millis(&self) -> i64;
}

impl DateTimeMillis for aws_smithy_types::DateTime {
    fn millis(&self) -> i64 {
        self.to_millis().expect("a time of this age")
    }
}

#[tokio::test]
async fn fractions_and_lists_are_sent_in_json_as_they_are() {
    let (clients, asked) = clients(json_alone);
    let call = clients.cloudwatch.put_metric_alarm().alarm_name("late").threshold(0.5).evaluation_periods(3);
    call.actions_enabled(false).send().await.expect("an answer");
    let sent = asked.lock().unwrap()[1].split_once(' ').expect("two words").1.to_owned();
    let body: serde_json::Value = serde_json::from_str(sent.split_once(' ').expect("two words").1).expect("JSON");
    let expected = serde_json::json!(
        {"AlarmName": "late", "Threshold": 0.5, "EvaluationPeriods": 3, "ActionsEnabled": false});
    assert_eq!(body, expected);
}

#[tokio::test]
async fn a_refusal_in_json_keeps_its_code() {
    let (clients, _) = clients(|request| match request.headers().get("x-amz-target") {
        Some(_) => (400, r#"{"__type":"com.amazonaws.cloudwatch#LimitExceededFault","message":"too many"}"#),
        None => (404, ""),
    });
    let refused = clients.cloudwatch.describe_alarms().send().await.expect_err("a refusal");
    let refused = crate::aws::AwsError::of("cloudwatch:DescribeAlarms", refused);
    assert_eq!((refused.code(), refused.message()), ("LimitExceededFault", "too many"));
}

#[tokio::test]
async fn what_neither_form_reaches_stays_the_first_answer() {
    let (clients, asked) = clients(|_| (403, "<Error><Code>Nonsense</Code></Error>"));
    let refused = clients.cloudwatch.describe_alarms().send().await.expect_err("a refusal");
    assert_eq!(crate::aws::AwsError::of("cloudwatch:DescribeAlarms", refused).status(), 403);
    assert_eq!(asked.lock().unwrap().len(), 2);
}

#[tokio::test]
async fn a_broken_service_is_not_asked_in_another_form() {
    let (clients, asked) = clients(|_| (500, ""));
    clients.cloudwatch.describe_alarms().send().await.expect_err("a failure");
    assert_eq!(asked.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn versioning_is_read_under_either_name() {
    for (xml, expected) in [
        ("<GetBucketVersioningResponse><Status>Enabled</Status></GetBucketVersioningResponse>", Some("Enabled")),
        ("<VersioningConfiguration><Status>Suspended</Status></VersioningConfiguration>", Some("Suspended")),
        ("<GetBucketVersioningResponse/>", None),
    ] {
        static ANSWER: Mutex<&str> = Mutex::new("");
        *ANSWER.lock().unwrap() = xml;
        let (clients, _) = clients(|_| (200, *ANSWER.lock().unwrap()));
        let found = clients.s3.get_bucket_versioning().bucket("b").send().await.expect("an answer");
        assert_eq!(found.status().map(|status| status.as_str()), expected, "{xml}");
    }
}
