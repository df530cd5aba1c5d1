//! Rules judge requests as they arrive; the emulator is a table of answers.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use super::*;
use crate::mutex::lock;

const ACCOUNT: &str = "123456789012";

/// A local AWS with a clock of its own, whose emulator accepts everything.
pub struct Trial {
    strict: Strict,
    now: Arc<Mutex<Duration>>,
}

/// A request to a service in JSON.
pub struct Sent {
    signing: &'static str,
    method: &'static str,
    path: String,
    headers: Vec<(&'static str, String)>,
    body: String,
}

impl Trial {
    pub fn new() -> Self {
        Self::with(Switches::as_slow_as_aws())
    }

    pub fn with(switches: Switches) -> Self {
        let now = Arc::new(Mutex::new(Duration::from_secs(1000)));
        let clock = now.clone();
        let emulator = Emulator::new("http://127.0.0.1:9".into(), "test".into(), None);
        Self { strict: Strict::new(switches, Arc::new(move || *lock(&clock)), emulator), now }
    }

    pub fn pass(&self, seconds: f64) {
        *lock(&self.now) += Duration::from_secs_f64(seconds);
    }

    /// Sends a request that the emulator answers with `answer`.
    pub async fn send(&self, sent: &Sent, answer: &Value) -> (u16, Value) {
        let answer = self.send_raw(sent, answer.to_string()).await;
        (answer.status, answer.json())
    }

    pub async fn send_raw(&self, sent: &Sent, body: String) -> Answer {
        let scope = format!("{ACCOUNT}/20261201/eu-west-1/{}/aws4_request", sent.signing);
        let mut request = Request::builder()
            .method(sent.method)
            .uri(format!("http://127.0.0.1:9{}", sent.path))
            .header("authorization", format!("AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0"));
        for (name, value) in &sent.headers {
            request = request.header(*name, value);
        }
        let request = request.body(Bytes::from(sent.body.clone())).unwrap();
        let answered = self.strict.answer(request, async move |_| {
            let mut answer = Answer { status: 200, headers: hyper::HeaderMap::new(), body: Bytes::new() };
            answer.set_body(body);
            Ok::<_, Infallible>(answer)
        });
        let Ok(answer) = answered.await;
        answer
    }
}

pub fn rest(signing: &'static str, method: &'static str, path: &str, body: &Value) -> Sent {
    let body = if body.is_null() { String::new() } else { body.to_string() };
    Sent { signing, method, path: path.into(), headers: Vec::new(), body }
}

pub fn target(signing: &'static str, target: &str, body: &Value) -> Sent {
    let headers = vec![("x-amz-target", target.to_owned())];
    Sent { signing, method: "POST", path: "/".into(), headers, body: body.to_string() }
}

pub fn form(signing: &'static str, body: &str) -> Sent {
    let headers = vec![("content-type", "application/x-www-form-urlencoded".to_owned())];
    Sent { signing, method: "POST", path: "/".into(), headers, body: body.into() }
}

pub fn create_function(name: &str, role: &str) -> Sent {
    let body = json!({"FunctionName": name, "Role": format!("arn:aws:iam::{ACCOUNT}:role/{role}"), "Code": {}});
    rest("lambda", "POST", "/2015-03-31/functions", &body)
}

pub fn create_role(name: &str) -> Sent {
    form("iam", &format!("Action=CreateRole&RoleName={name}&AssumeRolePolicyDocument=%7B%7D"))
}

#[test]
fn every_rule_has_a_name_of_its_own_a_sentence_and_a_source() {
    let rules = rules();
    for about in &rules {
        let is_lower = about.name.chars().all(|letter| letter.is_ascii_lowercase() || letter == '-');
        assert!(is_lower && rules.iter().filter(|other| other.name == about.name).count() == 1, "{}", about.name);
        assert!(about.summary.len() > 20 && !about.summary.ends_with('.') && !about.source.is_empty(), "{about:?}");
    }
}

#[tokio::test]
async fn a_request_that_breaks_the_model_is_refused_in_the_form_of_its_service() {
    let trial = Trial::new();
    let (status, body) = trial.send(&target("sqs", "AmazonSQS.CreateQueue", &json!({})), &json!({})).await;
    assert_eq!((status, &body["__type"]), (400, &json!("InvalidParameterValue")));
    let answer = trial.send_raw(&create_role("a%20b"), String::new()).await;
    assert_eq!((answer.status, answer.xml("Code")), (400, Some("ValidationException")));
    let off = Trial::with(Switches::default().without(["model"]));
    assert_eq!(off.send(&target("sqs", "AmazonSQS.CreateQueue", &json!({})), &json!({})).await.0, 200);
}

#[tokio::test]
async fn lambda_assumes_a_role_ten_seconds_after_its_creation() {
    let trial = Trial::new();
    trial.send(&create_role("draw"), &Value::Null).await;
    let (status, body) = trial.send(&create_function("draw", "draw"), &json!({})).await;
    assert_eq!(status, 400);
    assert_eq!(body["message"], "The role defined for the function cannot be assumed by Lambda.");
    trial.pass(10.0);
    assert_eq!(trial.send(&create_function("draw", "draw"), &json!({})).await.0, 200);
    let off = Trial::with(Switches::as_slow_as_aws().without(["role-propagation"]));
    off.send(&create_role("draw"), &Value::Null).await;
    assert_eq!(off.send(&create_function("draw", "draw"), &json!({})).await.0, 200);
}

#[tokio::test]
async fn a_mapping_waits_until_the_functions_role_may_read_the_queue() {
    let trial = Trial::new();
    trial.send(&create_function("draw", "draw"), &json!({})).await;
    trial
        .send(&form("iam", "Action=PutRolePolicy&RoleName=draw&PolicyName=p&PolicyDocument=%7B%7D"), &Value::Null)
        .await;
    let body = json!({"FunctionName": "draw", "EventSourceArn": "arn:aws:sqs:eu-west-1:123456789012:orders"});
    let map = rest("lambda", "POST", "/2015-03-31/event-source-mappings", &body);
    let (status, body) = trial.send(&map, &json!({})).await;
    assert_eq!(status, 400, "{body}");
    trial.pass(10.0);
    assert_eq!(trial.send(&map, &json!({})).await.0, 200);
}

#[tokio::test]
async fn a_new_function_is_pending_and_refuses_changes_until_it_is_active() {
    let trial = Trial::new();
    let function = json!({"FunctionName": "draw", "State": "Active"});
    assert_eq!(trial.send(&create_function("draw", "draw"), &function).await.1["State"], "Pending");
    let read = rest("lambda", "GET", "/2015-03-31/functions/draw", &Value::Null);
    let shown = trial.send(&read, &json!({"Configuration": function})).await.1;
    assert_eq!(shown["Configuration"]["State"], "Pending");
    let update = rest("lambda", "PUT", "/2015-03-31/functions/draw/configuration", &json!({"Timeout": 5}));
    let (status, body) = trial.send(&update, &function).await;
    assert_eq!(status, 409);
    assert!(body["message"].as_str().unwrap().ends_with("following state: Pending"), "{body}");
    trial.pass(3.0);
    assert_eq!(trial.send(&update, &function).await.1["LastUpdateStatus"], "InProgress");
    let (status, body) = trial.send(&update, &function).await;
    assert_eq!(status, 409);
    assert!(body["message"].as_str().unwrap().contains("An update is in progress for resource: arn:aws:lambda:"));
    trial.pass(2.0);
    assert_eq!(trial.send(&read, &json!({"Configuration": function})).await.1["Configuration"]["State"], "Active");
    assert_eq!(trial.send(&update, &function).await.0, 200);
}
