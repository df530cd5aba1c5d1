//! Rules about the records of asynchronous calls.

use aws_sdk_lambda::error::ProvideErrorMetadata;
use aws_sdk_lambda::types::{DeadLetterConfig, DestinationConfig, OnFailure, OnSuccess};
use serde_json::Value;

use super::scene::{Queue, Scene, until};

/// Receives a record from a queue.
async fn record(scene: &Scene, queue: &Queue) -> Value {
    until(async || {
        let received = scene.clients.sqs.receive_message().queue_url(&queue.url).send().await.expect("an answer");
        let message = received.messages.unwrap_or_default().pop()?;
        serde_json::from_str(message.body()?).ok()
    })
    .await
}

pub async fn async_destinations(scene: &Scene) -> bool {
    let (done, failed, dead) =
        (scene.queue("done").await, scene.queue("given-up").await, scene.queue("dead-events").await);
    scene.function("later", r#"{"drawn": 1}"#).await;
    let lambda = &scene.clients.lambda;
    let put = || {
        let to = DestinationConfig::builder()
            .on_success(OnSuccess::builder().destination(&done.arn).build())
            .on_failure(OnFailure::builder().destination(&failed.arn).build());
        lambda
            .put_function_event_invoke_config()
            .function_name("later")
            .maximum_retry_attempts(0)
            .destination_config(to.build())
            .send()
    };
    if let Err(refused) = put().await {
        let refused = refused.into_service_error();
        let message = refused.message().unwrap_or_default();
        assert!(message.contains("execution role does not have permissions to call SendMessage"), "{message}");
    } else {
        return false;
    }
    scene.permit("later", &["sqs:SendMessage"]).await;
    put().await.expect("the settings");
    scene.invoke_later("later").await;
    let told = record(scene, &done).await;
    assert_eq!(told["requestContext"]["condition"], "Success");
    assert_eq!(told["responsePayload"]["drawn"], 1, "{told}");

    let target = DeadLetterConfig::builder().target_arn(&dead.arn).build();
    let update = lambda.update_function_configuration().function_name("later").dead_letter_config(target);
    update.send().await.expect("a dead-letter queue");
    scene.set_answer("later", "").await;
    scene.invoke_later("later").await;
    let told = record(scene, &failed).await;
    assert_eq!(told["requestContext"]["condition"], "RetriesExhausted");
    assert_eq!(told["requestContext"]["approximateInvokeCount"], 1, "no second attempt");
    until(async || (scene.waiting(&dead).await == 1).then_some(())).await;
    true
}
