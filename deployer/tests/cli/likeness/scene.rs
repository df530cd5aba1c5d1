//! Resources for the rules, created by the SDK, and what happens to them.

use std::path::PathBuf;
use std::time::Duration;

use aws_sdk_lambda::primitives::Blob;
use aws_sdk_lambda::types::{Environment, FunctionCode, InvocationType, Runtime};
use deployer::aws::Clients;
use serde_json::{Value, json};

use crate::local::Local;
use crate::operate::zip_of;

pub const ACCOUNT: &str = "000000000000";

/// A function that appends its events to the file in `EVENTS`. It answers `ANSWER`, and fails without it.
const CODE: &str = r#"#!/usr/bin/env python3
import json, os, urllib.request
api = "http://" + os.environ["AWS_LAMBDA_RUNTIME_API"] + "/2018-06-01/runtime/invocation/"
while True:
    with urllib.request.urlopen(api + "next") as event:
        body, request = json.load(event), event.headers["Lambda-Runtime-Aws-Request-Id"]
    with open(os.environ["EVENTS"], "a") as events:
        events.write(json.dumps(body) + "\n")
    path, answer = "/response", os.environ["ANSWER"].replace("FORMAT", str(os.environ.get("AWS_LAMBDA_LOG_FORMAT")))
    if not answer:
        path, answer = "/error", '{"errorType": "Boom", "errorMessage": "as asked"}'
    urllib.request.urlopen(urllib.request.Request(api + request + path, answer.encode(), method="POST")).read()
"#;

/// A cloud whose rules are observed.
pub struct Scene {
    pub local: Local,
    pub clients: Clients,
}

/// A queue's address and ARN.
pub struct Queue {
    pub url: String,
    pub arn: String,
}

impl Scene {
    pub async fn new(local: Local) -> Self {
        let clients = local.clients().await;
        Self { local, clients }
    }

    pub async fn queue(&self, name: &str) -> Queue {
        let created = self.clients.sqs.create_queue().queue_name(name).send().await.expect("a queue");
        let arn = format!("arn:aws:sqs:eu-west-1:{ACCOUNT}:{name}");
        Queue { url: created.queue_url.expect("an address"), arn }
    }

    pub async fn set_queue(&self, queue: &Queue, attribute: &str, value: &str) {
        let set = self.clients.sqs.set_queue_attributes().queue_url(&queue.url).attributes(attribute.into(), value);
        set.send().await.expect("attributes");
    }

    /// Lets a service send messages to a queue on behalf of another resource.
    pub async fn admit(&self, queue: &Queue, service: &str, source: &str) {
        self.set_queue(queue, "Policy", &statement(service, "sqs:SendMessage", &queue.arn, source)).await;
    }

    pub async fn send(&self, queue: &Queue) {
        self.clients.sqs.send_message().queue_url(&queue.url).message_body("a job").send().await.expect("it is sent");
    }

    /// Counts the messages of a queue that can be received.
    pub async fn waiting(&self, queue: &Queue) -> u32 {
        let attribute = aws_sdk_sqs::types::QueueAttributeName::ApproximateNumberOfMessages;
        let asked = self.clients.sqs.get_queue_attributes().queue_url(&queue.url).attribute_names(attribute.clone());
        let attributes = asked.send().await.expect("attributes").attributes.expect("attributes");
        attributes[&attribute].parse().expect("a number")
    }

    pub async fn topic(&self, name: &str) -> String {
        self.clients.sns.create_topic().name(name).send().await.expect("a topic").topic_arn.expect("its ARN")
    }

    pub async fn set_topic(&self, topic: &str, attribute: &str, value: &str) {
        let set = self.clients.sns.set_topic_attributes().topic_arn(topic);
        set.attribute_name(attribute).attribute_value(value).send().await.expect("an attribute");
    }

    pub async fn subscribe(&self, topic: &str, protocol: &str, endpoint: &str) -> String {
        let subscribe = self.clients.sns.subscribe().topic_arn(topic).protocol(protocol).endpoint(endpoint);
        let subscribed = subscribe.return_subscription_arn(true).send().await.expect("a subscription");
        subscribed.subscription_arn.expect("its ARN")
    }

    pub async fn publish(&self, topic: &str) {
        self.clients.sns.publish().topic_arn(topic).message("news").send().await.expect("it is published");
    }

    /// Creates a role that may do nothing.
    pub async fn role(&self, name: &str) -> String {
        let trust = json!({ "Version": "2012-10-17", "Statement": [
            { "Effect": "Allow", "Principal": { "Service": "lambda.amazonaws.com" }, "Action": "sts:AssumeRole" } ] });
        let create = self.clients.iam.create_role().role_name(name).assume_role_policy_document(trust.to_string());
        create.send().await.expect("a role").role.expect("a role").arn
    }

    /// Replaces what a role may do.
    pub async fn permit(&self, role: &str, actions: &[&str]) {
        let actions = if actions.is_empty() { &["s3:GetObject"] } else { actions };
        let policy = json!({ "Version": "2012-10-17", "Statement": [
            { "Effect": "Allow", "Action": actions, "Resource": "*" } ] });
        let put = self.clients.iam.put_role_policy().role_name(role).policy_name("work");
        put.policy_document(policy.to_string()).send().await.expect("a policy");
    }

    /// Creates a function with a role of its name, and returns the function's ARN. Without an answer it fails.
    pub async fn function(&self, name: &str, answer: &str) -> String {
        let role = self.role(name).await;
        let create = self.clients.lambda.create_function().function_name(name).role(role).handler("x");
        let code = FunctionCode::builder().zip_file(Blob::new(zip_of(CODE))).build();
        let create = create.runtime(Runtime::Providedal2023).code(code).environment(self.environment(name, answer));
        create.send().await.expect("a function").function_arn.expect("its ARN")
    }

    pub async fn set_answer(&self, name: &str, answer: &str) {
        let update = self.clients.lambda.update_function_configuration().function_name(name);
        update.environment(self.environment(name, answer)).send().await.expect("a configuration");
    }

    fn environment(&self, name: &str, answer: &str) -> Environment {
        let events = self.events_of(name).to_str().expect("UTF-8").to_owned();
        Environment::builder().variables("EVENTS", events).variables("ANSWER", answer).build()
    }

    fn events_of(&self, function: &str) -> PathBuf {
        self.local.dir.path().join(format!("{function}.events"))
    }

    /// Returns the events that a function got.
    pub fn events(&self, function: &str) -> Vec<Value> {
        let text = std::fs::read_to_string(self.events_of(function)).unwrap_or_default();
        text.lines().map(|line| serde_json::from_str(line).expect("an event")).collect()
    }

    pub fn calls(&self, function: &str) -> usize {
        std::fs::read_to_string(self.events_of(function)).map_or(0, |events| events.lines().count())
    }

    /// Waits until a function was called this often.
    pub async fn called(&self, function: &str, times: usize) {
        until(async || (self.calls(function) >= times).then_some(())).await;
    }

    /// Lets a service invoke a function on behalf of another resource.
    pub async fn allow(&self, function: &str, service: &str, source: &str) {
        let number = self.policy(function).await.map_or(0, |policy| policy["Statement"].as_array().map_or(0, Vec::len));
        let add = self.clients.lambda.add_permission().function_name(function).statement_id(format!("s{number}"));
        add.action("lambda:InvokeFunction").principal(service).source_arn(source).send().await.expect("a permission");
    }

    pub async fn policy(&self, function: &str) -> Option<Value> {
        let found = self.clients.lambda.get_policy().function_name(function).send().await.ok()?;
        serde_json::from_str(&found.policy?).ok()
    }

    pub async fn invoke(&self, function: &str, qualifier: &str) -> Value {
        let call = self.clients.lambda.invoke().function_name(function).qualifier(qualifier).payload(Blob::new("{}"));
        let answer = call.send().await.expect("the function runs").payload.expect("an answer");
        serde_json::from_slice(answer.as_ref()).expect("JSON")
    }

    pub async fn invoke_later(&self, function: &str) {
        let call = self.clients.lambda.invoke().function_name(function).invocation_type(InvocationType::Event);
        call.payload(Blob::new("{}")).send().await.expect("the event is accepted");
    }

    /// Tells whether CloudWatch has a metric.
    pub async fn has_metric(&self, namespace: &str, metric: &str) -> bool {
        let asked = self.clients.cloudwatch.list_metrics().namespace(namespace).metric_name(metric);
        !asked.send().await.expect("metrics").metrics().is_empty()
    }
}

/// A policy that lets a service act on a resource on behalf of another.
pub fn statement(service: &str, action: &str, resource: &str, source: &str) -> String {
    let condition = json!({ "ArnEquals": { "aws:SourceArn": source } });
    let statement = json!({ "Effect": "Allow", "Principal": { "Service": service }, "Action": action, "Resource": resource, "Condition": condition });
    json!({ "Version": "2012-10-17", "Statement": [statement] }).to_string()
}

/// Waits until something is found.
pub async fn until<T>(look: impl AsyncFn() -> Option<T>) -> T {
    loop {
        if let Some(found) = look().await {
            return found;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
