//! Messages that arrive only if policies, roles and keys allow it. Each function tells whether they do.

use aws_sdk_cloudwatch::types::{ComparisonOperator, HistoryItemType, StateValue, Statistic};
use aws_sdk_lambda::types::DeadLetterConfig;
use serde_json::json;

use super::scene::{ACCOUNT, Scene, statement, until};

const SNS: &str = "sns.amazonaws.com";
const TO_READ: [&str; 3] = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"];

pub async fn topic_to_queue(scene: &Scene) -> bool {
    let (topic, queue, dead) = (scene.topic("news").await, scene.queue("news").await, scene.queue("news-dead").await);
    let subscription = scene.subscribe(&topic, "sqs", &queue.arn).await;
    scene.admit(&dead, SNS, &topic).await;
    let redrive = json!({ "deadLetterTargetArn": dead.arn }).to_string();
    let set = scene.clients.sns.set_subscription_attributes().subscription_arn(subscription);
    set.attribute_name("RedrivePolicy").attribute_value(redrive).send().await.expect("an attribute");
    scene.publish(&topic).await;
    if scene.waiting(&queue).await == 1 {
        return false;
    }
    scene.admit(&queue, SNS, &format!("{topic}-other")).await;
    scene.publish(&topic).await;
    assert_eq!((scene.waiting(&queue).await, scene.waiting(&dead).await), (0, 2), "another topic is allowed");
    scene.admit(&queue, SNS, &topic).await;
    scene.publish(&topic).await;
    assert_eq!((scene.waiting(&queue).await, scene.waiting(&dead).await), (1, 2), "this topic is allowed");
    scene.set_queue(&queue, "KmsMasterKeyId", "alias/aws/sqs").await;
    scene.publish(&topic).await;
    assert_eq!((scene.waiting(&queue).await, scene.waiting(&dead).await), (1, 3), "no topic may use the key of SQS");
    true
}

pub async fn topic_to_function(scene: &Scene) -> bool {
    let (topic, function) = (scene.topic("calls").await, scene.function("told", "1").await);
    scene.subscribe(&topic, "lambda", &function).await;
    scene.publish(&topic).await;
    let fails = until(async || match scene.calls("told") {
        0 => scene.has_metric("AWS/SNS", "NumberOfNotificationsFailed").await.then_some(true),
        _ => Some(false),
    });
    if !fails.await {
        return false;
    }
    scene.allow("told", SNS, &topic).await;
    scene.publish(&topic).await;
    scene.called("told", 1).await;
    true
}

pub async fn alarm_to_topic(scene: &Scene) -> bool {
    let (topic, queue) = (scene.topic("alarms").await, scene.queue("alarms").await);
    scene.admit(&queue, SNS, &topic).await;
    scene.subscribe(&topic, "sqs", &queue.arn).await;
    let alarm = create_alarm(scene, "loud", &topic).await;
    let of_others = statement("events.amazonaws.com", "sns:Publish", &topic, &alarm);
    scene.set_topic(&topic, "Policy", &of_others).await;
    let results = ring(scene, "loud").await;
    if scene.waiting(&queue).await == 1 {
        return false;
    }
    assert!(results[0].contains("Failed to execute action") && results[0].contains("SNS:Publish"), "{results:?}");
    scene.set_topic(&topic, "Policy", &statement("cloudwatch.amazonaws.com", "sns:Publish", &topic, &alarm)).await;
    let results = ring(scene, "loud").await;
    assert_eq!(results[0], format!("Successfully executed action {topic}"));
    assert_eq!(scene.waiting(&queue).await, 1);
    scene.set_topic(&topic, "KmsMasterKeyId", "alias/aws/sns").await;
    let results = ring(scene, "loud").await;
    assert!(results[0].contains("AWSKMS") && scene.waiting(&queue).await == 1, "{results:?}");
    true
}

pub async fn alarm_to_function(scene: &Scene) -> bool {
    let function = scene.function("rung", "1").await;
    let alarm = create_alarm(scene, "calling", &function).await;
    let results = ring(scene, "calling").await;
    let Some(result) = results.first() else {
        return false;
    };
    assert!(result.contains("Failed to execute action"), "{results:?}");
    scene.allow("rung", "lambda.alarms.cloudwatch.amazonaws.com", &alarm).await;
    let results = ring(scene, "calling").await;
    assert_eq!(results[0], format!("Successfully executed action {function}"));
    scene.called("rung", 1).await;
    true
}

async fn create_alarm(scene: &Scene, name: &str, action: &str) -> String {
    let put = scene.clients.cloudwatch.put_metric_alarm().alarm_name(name).alarm_actions(action).namespace("Test");
    let put = put.metric_name("none").statistic(Statistic::Sum).period(60).evaluation_periods(1).threshold(1.0);
    put.comparison_operator(ComparisonOperator::GreaterThanThreshold).send().await.expect("an alarm");
    format!("arn:aws:cloudwatch:eu-west-1:{ACCOUNT}:alarm:{name}")
}

/// Lets an alarm ring, and returns the results of its actions, newest first.
async fn ring(scene: &Scene, alarm: &str) -> Vec<String> {
    for state in [StateValue::Ok, StateValue::Alarm] {
        let set = scene.clients.cloudwatch.set_alarm_state().alarm_name(alarm).state_value(state);
        set.state_reason("as asked").send().await.expect("a state");
    }
    let history = scene.clients.cloudwatch.describe_alarm_history().alarm_name(alarm);
    let history = history.history_item_type(HistoryItemType::Action).send().await.expect("a history");
    history.alarm_history_items().iter().filter_map(|item| item.history_summary.clone()).collect()
}

pub async fn mapping_role(scene: &Scene) -> bool {
    let queue = scene.queue("unread").await;
    scene.function("reader", "1").await;
    let create = || {
        let create = scene.clients.lambda.create_event_source_mapping();
        create.function_name("reader").event_source_arn(&queue.arn).enabled(false).send()
    };
    let Err(refusal) = create().await else {
        return false;
    };
    let refusal = refusal.into_service_error();
    assert!(refusal.is_invalid_parameter_value_exception() && refusal.to_string().contains("ReceiveMessage on SQS"));
    scene.permit("reader", &TO_READ).await;
    create().await.expect("a role that may read");
    true
}

pub async fn mapping_to_function(scene: &Scene) -> bool {
    let queue = scene.queue("jobs").await;
    scene.function("worker", "1").await;
    scene.permit("worker", &TO_READ).await;
    let create = scene.clients.lambda.create_event_source_mapping();
    let created = create.function_name("worker").event_source_arn(&queue.arn).send().await.expect("a mapping");
    let uuid = created.uuid.expect("an id");
    scene.permit("worker", &["sqs:ReceiveMessage"]).await;
    scene.send(&queue).await;
    if !is_stopped(scene, &uuid, "DeleteMessage on SQS").await {
        return false;
    }
    scene.permit("worker", &TO_READ).await;
    scene.called("worker", 1).await;
    scene.set_queue(&queue, "KmsMasterKeyId", &format!("arn:aws:kms:eu-west-1:{ACCOUNT}:key/one")).await;
    assert!(is_stopped(scene, &uuid, "Decrypt on KMS").await);
    scene.permit("worker", &[&TO_READ[..], &["kms:Decrypt"]].concat()).await;
    scene.send(&queue).await;
    scene.called("worker", 2).await;
    true
}

/// Waits until the mapping's last result names a problem, or a message reaches the function.
async fn is_stopped(scene: &Scene, mapping: &str, problem: &str) -> bool {
    let before = scene.calls("worker");
    until(async || {
        let found = scene.clients.lambda.get_event_source_mapping().uuid(mapping).send().await.expect("the mapping");
        let result = found.last_processing_result.expect("a result");
        if result.starts_with("PROBLEM: ") && result.ends_with(problem) {
            return Some(true);
        }
        (scene.calls("worker") > before).then_some(false)
    })
    .await
}

pub async fn function_role(scene: &Scene) -> bool {
    let dead = scene.queue("unwritten").await;
    scene.function("writer", "1").await;
    let target = || DeadLetterConfig::builder().target_arn(&dead.arn).build();
    let update = || scene.clients.lambda.update_function_configuration().function_name("writer");
    let Err(refusal) = update().dead_letter_config(target()).send().await else {
        return false;
    };
    let refusal = refusal.into_service_error();
    assert!(refusal.is_invalid_parameter_value_exception() && refusal.to_string().contains("SendMessage on SQS"));
    scene.permit("writer", &["sqs:SendMessage"]).await;
    update().dead_letter_config(target()).send().await.expect("a role that may write");
    true
}

pub async fn dead_letter_role(scene: &Scene) -> bool {
    let dead = scene.queue("lost").await;
    scene.function("failing", "").await;
    scene.permit("failing", &["sqs:SendMessage"]).await;
    let target = DeadLetterConfig::builder().target_arn(&dead.arn).build();
    let update = scene.clients.lambda.update_function_configuration().function_name("failing");
    update.dead_letter_config(target).send().await.expect("a dead-letter queue");
    let once = scene.clients.lambda.put_function_event_invoke_config().function_name("failing");
    once.maximum_retry_attempts(0).send().await.expect("no second attempt");
    scene.permit("failing", &[]).await;
    scene.invoke_later("failing").await;
    let lost = until(async || match scene.waiting(&dead).await {
        0 => scene.has_metric("AWS/Lambda", "DeadLetterErrors").await.then_some(true),
        _ => Some(false),
    });
    if !lost.await {
        return false;
    }
    scene.permit("failing", &["sqs:SendMessage"]).await;
    scene.invoke_later("failing").await;
    until(async || (scene.waiting(&dead).await == 1).then_some(())).await;
    true
}

pub async fn log_role(scene: &Scene) -> bool {
    scene.function("silent", "1").await;
    scene.invoke("silent", "$LATEST").await;
    if has_logs(scene, "silent").await {
        return false;
    }
    scene.permit("silent", &["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"]).await;
    scene.invoke("silent", "$LATEST").await;
    assert!(has_logs(scene, "silent").await);
    true
}

async fn has_logs(scene: &Scene, function: &str) -> bool {
    let group = format!("/aws/lambda/{function}");
    let found = scene.clients.logs.describe_log_groups().log_group_name_prefix(group).send().await.expect("groups");
    !found.log_groups().is_empty()
}
