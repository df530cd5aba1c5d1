//! Single operations. Each function tells whether the emulator answers them like AWS.

use std::io::{Cursor, Write as _};

use aws_sdk_lambda::primitives::Blob;
use aws_sdk_lambda::types::{AliasRoutingConfiguration, LayerVersionContentInput};
use aws_sdk_sqs::types::QueueAttributeName;
use serde_json::json;
use zip::write::SimpleFileOptions;

use super::scene::{ACCOUNT, Queue, Scene};
use crate::operate::zip_of;

pub async fn function_policy(scene: &Scene) -> bool {
    scene.function("closed", "1").await;
    let found = scene.clients.lambda.get_policy().function_name("closed").send().await;
    found.is_err_and(|error| error.into_service_error().is_resource_not_found_exception())
}

pub async fn attachable_policy(scene: &Scene) -> bool {
    scene.role("bare").await;
    let attach = |arn: String| scene.clients.iam.attach_role_policy().role_name("bare").policy_arn(arn).send();
    attach("arn:aws:iam::aws:policy/UnknownHere".into()).await.expect("AWS's own policies are not judged");
    let attached = attach(format!("arn:aws:iam::{ACCOUNT}:policy/none")).await;
    attached.is_err_and(|error| error.into_service_error().is_no_such_entity_exception())
}

/// Creates a queue and the one that gets its messages after one receipt.
async fn pair(scene: &Scene, name: &str) -> (Queue, Queue) {
    let (queue, dead) = (scene.queue(name).await, scene.queue(&format!("{name}-dead")).await);
    let redrive = json!({ "deadLetterTargetArn": dead.arn, "maxReceiveCount": 1 }).to_string();
    scene.set_queue(&queue, QueueAttributeName::RedrivePolicy.as_str(), &redrive).await;
    scene.set_queue(&queue, QueueAttributeName::VisibilityTimeout.as_str(), "0").await;
    (queue, dead)
}

pub async fn dead_letter_sources(scene: &Scene) -> bool {
    let (queue, dead) = pair(scene, "source").await;
    let listed = scene.clients.sqs.list_dead_letter_source_queues().queue_url(&dead.url).send().await;
    listed.is_ok_and(|listed| listed.queue_urls() == [queue.url])
}

pub async fn message_moves(scene: &Scene) -> bool {
    let (queue, dead) = pair(scene, "moved").await;
    scene.send(&queue).await;
    for _ in 0..2 {
        scene.clients.sqs.receive_message().queue_url(&queue.url).send().await.expect("messages");
    }
    assert_eq!((scene.waiting(&queue).await, scene.waiting(&dead).await), (0, 1));
    let start = |arn: &str| scene.clients.sqs.start_message_move_task().source_arn(arn).send();
    if start(&dead.arn).await.is_err() {
        return false;
    }
    assert_eq!((scene.waiting(&queue).await, scene.waiting(&dead).await), (1, 0));
    start(&queue.arn).await.expect_err("no queue of dead letters");
    let tasks = scene.clients.sqs.list_message_move_tasks().source_arn(&dead.arn).send().await.expect("tasks");
    let task = &tasks.results()[0];
    assert_eq!((task.status.as_deref(), task.approximate_number_of_messages_moved), (Some("COMPLETED"), 1));
    true
}

pub async fn alias_weights(scene: &Scene) -> bool {
    let lambda = &scene.clients.lambda;
    for answer in ["1", "2"] {
        match answer {
            "1" => drop(scene.function("weighed", answer).await),
            _ => scene.set_answer("weighed", answer).await,
        }
        lambda.publish_version().function_name("weighed").send().await.expect("a version");
    }
    let weights = AliasRoutingConfiguration::builder().additional_version_weights("2", 1.0).build();
    let create = lambda.create_alias().function_name("weighed").name("live").function_version("1");
    create.routing_config(weights).send().await.expect("an alias");
    scene.invoke("weighed", "live").await == json!(2)
}

pub async fn version_code(scene: &Scene) -> bool {
    let lambda = &scene.clients.lambda;
    scene.function("old", "1").await;
    lambda.publish_version().function_name("old").send().await.expect("a version");
    let update = lambda.update_function_code().function_name("old").zip_file(Blob::new(zip_of("other")));
    update.send().await.expect("the code");
    let mut addresses = Vec::new();
    for qualifier in ["1", "$LATEST"] {
        let found = lambda.get_function().function_name("old").qualifier(qualifier).send().await.expect("the function");
        let address = found.code.and_then(|code| code.location).expect("an address");
        addresses.push(address.split('?').next().map(str::to_owned));
    }
    addresses[0] != addresses[1]
}

pub async fn log_format(scene: &Scene) -> bool {
    scene.function("logging", r#""FORMAT""#).await;
    scene.invoke("logging", "$LATEST").await == "Text"
}

/// A function that answers the output of the program `word`, which only its layer has.
const OF_LAYER: &str = r#"#!/usr/bin/env python3
import json, os, shutil, subprocess, urllib.request
api = "http://" + os.environ["AWS_LAMBDA_RUNTIME_API"] + "/2018-06-01/runtime/invocation/"
while True:
    with urllib.request.urlopen(api + "next") as event:
        event.read()
        request = event.headers["Lambda-Runtime-Aws-Request-Id"]
    program = shutil.which("word")
    answer = json.dumps(program and subprocess.check_output([program], text=True)).encode()
    urllib.request.urlopen(urllib.request.Request(api + request + "/response", answer, method="POST")).read()
"#;

pub async fn function_layers(scene: &Scene) -> bool {
    let lambda = &scene.clients.lambda;
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    zip.start_file("bin/word", SimpleFileOptions::default().unix_permissions(0o755)).expect("an entry");
    zip.write_all(b"#!/bin/sh\nprintf layer\n").expect("its content");
    let content = Blob::new(zip.finish().expect("a zip").into_inner());
    let publish = lambda.publish_layer_version().layer_name("words");
    let publish = publish.content(LayerVersionContentInput::builder().zip_file(content).build());
    let arn = publish.send().await.expect("a layer").layer_version_arn.expect("its ARN");
    scene.function("speaker", "1").await;
    let update = lambda.update_function_code().function_name("speaker").zip_file(Blob::new(zip_of(OF_LAYER)));
    update.send().await.expect("the code");
    let update = lambda.update_function_configuration().function_name("speaker").layers(arn);
    update.send().await.expect("the layer");
    scene.invoke("speaker", "$LATEST").await == "layer"
}

pub async fn alarm_evaluation(scene: &Scene) -> bool {
    scene.send(&scene.queue("measured").await).await;
    scene.has_metric("AWS/SQS", "ApproximateNumberOfMessagesVisible").await
}

pub async fn mail_confirmation(scene: &Scene) -> bool {
    let topic = scene.topic("letters").await;
    scene.subscribe(&topic, "email", "me@example.com").await;
    let listed = scene.clients.sns.list_subscriptions_by_topic().topic_arn(topic).send().await.expect("subscriptions");
    listed.subscriptions()[0].subscription_arn() == Some("PendingConfirmation")
}
