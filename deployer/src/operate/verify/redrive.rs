//! Compares the settings by which SQS moves failed messages. No message is made to fail: that takes as many receives as
//! the queue allows, each with its visibility timeout.

use aws_sdk_sqs::types::QueueAttributeName as Attribute;
use serde_json::Value;
use tokio::time::Instant;

use super::Outcome;
use crate::aws::{Aws, AwsError};
use crate::operate::queues::QueueTarget;

/// Checks that the queue names its dead-letter queue, and that this one accepts it: GetQueueAttributes of both.
pub async fn check(aws: &Aws, queue: &QueueTarget, dead: &QueueTarget) -> Outcome {
    let began = Instant::now();
    let (own, others) =
        tokio::join!(policy(aws, queue, Attribute::RedrivePolicy), policy(aws, dead, Attribute::RedriveAllowPolicy));
    match own.and_then(|own| Ok((own, others?))) {
        Ok((own, allow)) => judge(queue, dead, &own, &allow, began),
        Err(error) => Outcome::failed(format!("the settings cannot be read: {error}")),
    }
}

async fn policy(aws: &Aws, queue: &QueueTarget, name: Attribute) -> Result<Value, AwsError> {
    let call = aws.clients.sqs.get_queue_attributes().queue_url(&queue.url).attribute_names(name.clone());
    let found = aws.call("sqs:GetQueueAttributes", call.send()).await?.attributes.unwrap_or_default();
    Ok(found.get(&name).and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default())
}

fn judge(queue: &QueueTarget, dead: &QueueTarget, own: &Value, allow: &Value, began: Instant) -> Outcome {
    let repair = "`deployer apply` sets what stack.yaml states";
    match own["deadLetterTargetArn"].as_str() {
        Some(arn) if arn == dead.arn => {}
        Some(arn) => return Outcome::failed(format!("failed messages go to {arn}")).with_help(repair),
        None => return Outcome::failed("the queue has no redrive policy in AWS").with_help(repair),
    }
    let is_source = |arns: &Value| arns.as_array().is_some_and(|arns| arns.iter().any(|arn| *arn == *queue.arn));
    let is_allowed = match allow["redrivePermission"].as_str() {
        Some("denyAll") => false,
        Some("byQueue") => is_source(&allow["sourceQueueArns"]),
        _ => true,
    };
    if !is_allowed {
        let help = "somebody set its `RedriveAllowPolicy`; remove it or add the queue";
        return Outcome::failed(format!("{} does not accept its messages", dead.queue_name)).with_help(help);
    }
    // SQS reports the number as a text or as a number.
    let count = &own["maxReceiveCount"];
    let count = count.as_str().map_or_else(|| count.to_string(), str::to_owned);
    Outcome::ok(
        format!("its settings are right; a message goes there after {count} receives, which was not tried"),
        began,
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::Verdict;
    use super::*;

    fn queue(name: &str) -> QueueTarget {
        QueueTarget {
            address: format!("queues.{name}"),
            element: format!("queues.{name}"),
            queue_name: name.to_owned(),
            url: String::new(),
            arn: format!("arn:{name}"),
            external: false,
            dead_letters: None,
        }
    }

    fn judged(own: &Value, allow: &Value) -> (Verdict, String) {
        let outcome = judge(&queue("q"), &queue("dead"), own, allow, Instant::now());
        (outcome.verdict, outcome.text)
    }

    #[tokio::test]
    async fn failed_messages_arrive_where_both_queues_say_so() {
        let own = json!({ "deadLetterTargetArn": "arn:dead", "maxReceiveCount": "3" });
        let (verdict, text) = judged(&own, &Value::Null);
        assert!(verdict == Verdict::Ok && text.contains("after 3 receives, which was not tried"), "{text}");
        let allowed = json!({ "redrivePermission": "byQueue", "sourceQueueArns": ["arn:q"] });
        assert_eq!(judged(&own, &allowed).0, Verdict::Ok);
        for (own, allow, expected) in [
            (json!({ "deadLetterTargetArn": "arn:x" }), json!({}), "go to arn:x"),
            (Value::Null, json!({}), "no redrive policy"),
            (own.clone(), json!({ "redrivePermission": "denyAll" }), "dead does not accept"),
            (
                own.clone(),
                json!({ "redrivePermission": "byQueue", "sourceQueueArns": ["arn:p"] }),
                "dead does not accept",
            ),
        ] {
            let (verdict, text) = judged(&own, &allow);
            assert!(verdict == Verdict::Failed && text.contains(expected), "{text}");
        }
    }
}
