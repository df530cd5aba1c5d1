//! The policies of the queues that the stack's topics send to.

use crate::kinds::Kind;
use crate::kinds::sns_subscription::SnsSubscription;
use crate::kinds::sqs_queue::SqsQueue;
use crate::spec::sections::eventing::{Sender, Source, Sources, extend_policies};
use crate::spec::sections::{LoweredStack, Resource, Resources, reference};

const SNS: Sender = Sender { service: super::PRINCIPAL, sid: "SNS", in_account: false };

/// Adds to the policies of queues that they take messages of the stack's topics, and what these cannot deliver. SNS drops
/// a message that the policy does not allow, and nobody is told.
pub(super) fn derive(lowered: &mut LoweredStack) {
    let all = Resources(&lowered.resources);
    let mut sources = Sources::new();
    for told in all.0.iter().filter(|resource| resource.kind == SnsSubscription::NAME) {
        let Some(topic) = all.resolve(&told.spec["topic_arn"]) else { continue };
        for end in [&told.spec["endpoint"], &told.spec["redrive_policy"]["dead_letter_target_arn"]] {
            if let Some(queue) = all.resolve(end).filter(|end| end.kind == SqsQueue::NAME) {
                sources.entry(queue.address.clone()).or_default().insert(Source::of(topic, arn(topic)));
            }
        }
    }
    extend_policies(&mut lowered.resources, &sources, SNS);
}

/// Returns a topic's ARN: as a text of its name, so that a policy need not wait for the topic, unless others own it.
fn arn(topic: &Resource) -> String {
    match topic.spec["name"].as_str().filter(|_| !topic.external) {
        Some(name) => format!("arn:${{aws.partition}}:sns:${{aws.region}}:${{aws.account_id}}:{name}"),
        None => reference(&topic.address, "arn"),
    }
}
