//! `sns.subscription`: one endpoint that receives an SNS topic's messages.
//!
//! **Guarantees**: a subscription is found by topic, protocol and endpoint. Subscriptions of a topic that are read at
//! the same time share its listing. An unconfirmed subscription counts as present and is never requested again, because
//! every Subscribe sends another mail.
//! **Assumptions**: the topic's owner owns its subscriptions: they have no tags.
//! **Caveats**: SNS shows only the endpoint of an unconfirmed subscription, and accepts no changes to it. Until the
//! confirmation, the subscription is assumed to be as `stack.yaml` states it. After 48 hours it lapses and reads as
//! absent again. It cannot be deleted before that, and receives nothing. SNS applies a changed filter policy within 15
//! minutes.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use aws_sdk_sns::types::Subscription as Listed;
use futures::future::try_join_all;
use serde::{Deserialize, Serialize};

use super::{
    About, Changes, CreatedResource, Destination, Excess, Filter, Grant, Kind, ObservedResource, Op, Outputs, Parent,
    Passage, Person, Probe, References, Rule, Verification,
};
use crate::aws::gather::Bulk;
use crate::aws::service::SNS;
use crate::aws::{Aws, AwsError, Place, Trust};

/// The subscription kind.
pub struct SnsSubscription;

/// A subscription.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Subscription {
    pub topic_arn: String,
    /// `email`, `email-json`, `sqs`, `lambda`, `https`, `http`, `sms`.
    pub protocol: String,
    pub endpoint: String,
    pub raw_message_delivery: bool,
    /// The messages that the endpoint receives, as JSON text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub filter_policy: Option<String>,
    /// `MessageAttributes` or `MessageBody`; absent without a filter policy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub filter_policy_scope: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub redrive_policy: Option<RedrivePolicy>,
}

/// The queue for messages that cannot be delivered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RedrivePolicy {
    pub dead_letter_target_arn: String,
}

/// The most bytes of a filter policy: SNS developer guide, "Filter policy constraints".
const FILTER_SIZE: usize = 256 << 10;

impl Kind for SnsSubscription {
    const ABOUT: About = About {
        identity: &["topic_arn", "protocol", "endpoint"],
        may_be_secret: &["endpoint"],
        rules: &[
            ("topic_arn", Rule::Replace("SNS cannot move a subscription to another topic")),
            ("protocol", Rule::Replace("SNS cannot change a subscription's protocol")),
            ("endpoint", Rule::Replace("SNS cannot send a subscription to another endpoint")),
            ("filter_policy", Rule::Json),
        ],
        parent: Some(Parent { kind: "sns.topic", owns: true, deletes: true }),
        references: References { loose: &["filter_policy"], ..References::DEFAULT },
        person: Person {
            gap: Some(
                "what is published within these seconds does not reach it; an e-mail subscription is confirmed again",
            ),
            ..Person::DEFAULT
        },
        ..About::of("sns.subscription", &SNS)
    };
    type Spec = Subscription;

    fn condition(_: &ObservedResource<Subscription>) -> Option<String> {
        Some("confirmed".to_owned())
    }

    fn limits(spec: &Subscription) -> Vec<Excess> {
        let size = spec.filter_policy.as_ref().map_or(0, String::len);
        let excess = || Excess::size("topic::filter", &["filter_policy"], "the filter policy", [size, FILTER_SIZE]);
        (size > FILTER_SIZE).then(|| Excess { help: "name fewer values", ..excess() }).into_iter().collect()
    }

    fn predict(_: &Subscription, _: &Place) -> Outputs {
        Outputs::new()
    }

    fn afterwards(spec: &Subscription) -> Option<String> {
        spec.protocol.starts_with("email").then(|| confirm(spec))
    }

    /// Grants Subscribe and the listing on the topic; IAM knows no resource for the other calls.
    fn iam(op: Op, spec: &Subscription, _: &Place) -> Vec<Grant> {
        let list = || Grant::new(&["sns:ListSubscriptionsByTopic"], &spec.topic_arn);
        match op {
            Op::Read => vec![list(), Grant::new(&["sns:GetSubscriptionAttributes"], "*")],
            Op::Present => vec![list()],
            Op::Create => vec![Grant::new(&["sns:Subscribe"], &spec.topic_arn)],
            Op::Update => vec![Grant::new(&["sns:SetSubscriptionAttributes"], "*")],
            Op::Delete => vec![Grant::new(&["sns:Unsubscribe"], "*")],
        }
    }

    fn verification(spec: &Subscription, _: &Place) -> Verification {
        let outside = |place| Destination::Outside { endpoint: spec.endpoint.clone(), place };
        let to = match spec.protocol.as_str() {
            "email" | "email-json" => outside("a mailbox"),
            "sms" => outside("a telephone"),
            "http" | "https" => outside("a server"),
            _ => Destination::Resource(spec.endpoint.clone()),
        };
        let of_body = spec.filter_policy_scope.as_deref() == Some("MessageBody");
        let filter = spec.filter_policy.clone().map(|policy| Filter { policy, of_body });
        let passage = Passage::new(Probe::Publish { topic_arn: spec.topic_arn.clone(), filter }, to);
        Verification { passages: vec![passage], grants: Vec::new() }
    }

    fn any_named(names: &str, place: &Place) -> Vec<Subscription> {
        vec![Subscription { topic_arn: place.arn("sns", names), ..Subscription::default() }]
    }

    /// ListSubscriptionsByTopic, shared with the topic's other subscriptions, and GetSubscriptionAttributes.
    async fn read(
        aws: &Aws,
        spec: &Subscription,
        _: Trust,
    ) -> Result<Option<ObservedResource<Subscription>>, AwsError> {
        let listed = aws.gather::<ListSubscriptions>(&spec.topic_arn);
        let expected = aws.run.recorded_id(Self::NAME, &[&spec.topic_arn, &spec.protocol, &spec.endpoint]);
        let expected = expected.filter(|arn| arn != PENDING);
        // Speculative: an error here is ignored, because the listing reports it as well.
        let ahead = async {
            match &expected {
                Some(arn) => attributes_of(aws, arn).await.unwrap_or(None),
                None => None,
            }
        };
        let (listed, ahead) = tokio::join!(listed, ahead);
        let Some(arn) = listed?.and_then(|listed| arn_of(spec, listed)) else { return Ok(None) };
        if arn == PENDING {
            return Ok(Some(pending(spec)));
        }
        let attributes = match ahead.filter(|_| expected.as_ref() == Some(&arn)) {
            Some(attributes) => Some(attributes),
            None => attributes_of(aws, &arn).await?,
        };
        let Some(attributes) = attributes else { return Ok(None) };
        if attributes.get("PendingConfirmation").is_some_and(|value| value == "true") {
            return Ok(Some(ObservedResource { physical_id: arn, ..pending(spec) }));
        }
        Ok(Some(ObservedResource::new(arn, to_spec(spec, &attributes)?, Outputs::new())))
    }

    /// ListSubscriptionsByTopic, shared with the topic's other subscriptions.
    async fn present(aws: &Aws, spec: &Subscription) -> Result<Option<ObservedResource<Subscription>>, AwsError> {
        let listed = aws.gather::<ListSubscriptions>(&spec.topic_arn).await?;
        Ok(listed.and_then(|listed| arn_of(spec, listed)).map(|arn| listed_as(spec, arn)))
    }

    /// ListSubscriptionsByTopic, shared with the topic's other subscriptions.
    async fn alike(aws: &Aws, spec: &Subscription) -> Result<Vec<ObservedResource<Subscription>>, AwsError> {
        let listed = aws.gather::<ListSubscriptions>(&spec.topic_arn).await?.unwrap_or_default();
        let of_protocol = listed.into_iter().filter(|seen| seen.protocol.as_deref() == Some(&spec.protocol));
        let told = of_protocol.filter_map(|seen| seen.endpoint.zip(seen.subscription_arn));
        let there = told.filter(|(_, arn)| arn != DELETED);
        Ok(there.map(|(endpoint, arn)| listed_as(&Subscription { endpoint, ..spec.clone() }, arn)).collect())
    }

    /// Calls Subscribe, which returns the ARN of an existing subscription if its attributes are the same.
    async fn create(aws: &Aws, want: &Subscription) -> Result<CreatedResource, AwsError> {
        let stated = attributes(want).into_iter().filter(|(_, value)| !is_cleared(value));
        let call = aws
            .clients
            .sns
            .subscribe()
            .topic_arn(&want.topic_arn)
            .protocol(&want.protocol)
            .endpoint(&want.endpoint)
            .return_subscription_arn(true)
            .set_attributes(Some(stated.map(|(name, value)| (name.to_owned(), value)).collect()));
        let made = aws.call("sns:Subscribe", call.send()).await?;
        let arn = made.subscription_arn.ok_or_else(|| AwsError::missing("sns:Subscribe", "SubscriptionArn"))?;
        Ok(CreatedResource { physical_id: arn, outputs: Outputs::new() })
    }

    /// Calls SetSubscriptionAttributes, which takes one attribute a call.
    async fn update(
        aws: &Aws,
        live: &ObservedResource<Subscription>,
        want: &Subscription,
        _: &Changes,
    ) -> Result<(), AwsError> {
        if !live.notes.is_empty() {
            return Ok(());
        }
        let have: HashMap<_, _> = attributes(&live.spec).into_iter().collect();
        for (name, value) in attributes(want) {
            if have.get(name) == Some(&value) {
                continue;
            }
            let call = aws.clients.sns.set_subscription_attributes().subscription_arn(&live.physical_id);
            // SNS refuses an empty text in place of a missing value.
            let call = call.attribute_name(name).set_attribute_value(Some(value).filter(|value| !value.is_empty()));
            aws.call("sns:SetSubscriptionAttributes", call.send()).await?;
        }
        Ok(())
    }

    fn lapses(live: &ObservedResource<Subscription>, with_parent: bool) -> Option<&'static str> {
        (!live.notes.is_empty()).then_some(if with_parent { VOID } else { LAPSES })
    }

    async fn delete(aws: &Aws, live: &ObservedResource<Subscription>) -> Result<(), AwsError> {
        if live.physical_id == PENDING {
            return Ok(());
        }
        let call = aws.clients.sns.unsubscribe().subscription_arn(&live.physical_id).send();
        match aws.find("sns:Unsubscribe", ABSENT, call).await {
            // The same code also means a malformed ARN, but listings return none.
            Err(e) if e.is(&["InvalidParameter", "InvalidParameterException"]) && e.message().contains(IS_PENDING) => {
                Ok(())
            }
            done => done.map(drop),
        }
    }
}

const ABSENT: &[&str] = &["NotFound", "NotFoundException"];
/// In a listing: takes the place of the ARN until the subscription is confirmed.
const PENDING: &str = "PendingConfirmation";
/// In a listing: takes the place of the ARN for a while after the subscription was deleted.
const DELETED: &str = "Deleted";
const IS_PENDING: &str = "pending confirmation";
const LAPSES: &str = "SNS deletes no subscription that waits for its confirmation: it lapses by itself within 48 hours. Whoever confirms it before gets its messages, and can unsubscribe by the link in each";
const VOID: &str = "SNS deletes it with its topic, so the mail that asks to confirm it has no effect any more";

/// Calls GetSubscriptionAttributes. `None` if the subscription does not exist.
async fn attributes_of(aws: &Aws, arn: &str) -> Result<Option<HashMap<String, String>>, AwsError> {
    let call = aws.clients.sns.get_subscription_attributes().subscription_arn(arn).send();
    let found = aws.find("sns:GetSubscriptionAttributes", ABSENT, call).await?;
    Ok(found.map(|found| found.attributes.unwrap_or_default()))
}

/// Converts a listed subscription.
fn listed_as(spec: &Subscription, arn: String) -> ObservedResource<Subscription> {
    if arn == PENDING { pending(spec) } else { ObservedResource::new(arn, spec.clone(), Outputs::new()) }
}

/// The subscriptions by their topic's ARN, from listings that concurrent reads share.
struct ListSubscriptions;

impl Bulk for ListSubscriptions {
    type Item = Vec<Listed>;

    /// ListSubscriptionsByTopic, 100 a page.
    async fn fetch(aws: Aws, topics: BTreeSet<String>) -> Result<BTreeMap<String, Vec<Listed>>, AwsError> {
        let all = try_join_all(topics.into_iter().map(|topic| list_one(&aws, topic))).await?;
        Ok(all.into_iter().flatten().collect())
    }
}

async fn list_one(aws: &Aws, topic: String) -> Result<Option<(String, Vec<Listed>)>, AwsError> {
    let (mut all, mut next) = (Vec::new(), None);
    loop {
        let call = aws.clients.sns.list_subscriptions_by_topic().topic_arn(&topic).set_next_token(next).send();
        let Some(page) = aws.find("sns:ListSubscriptionsByTopic", ABSENT, call).await? else { return Ok(None) };
        all.extend(page.subscriptions.unwrap_or_default());
        next = page.next_token.filter(|token| !token.is_empty());
        if next.is_none() {
            return Ok(Some((topic, all)));
        }
    }
}

/// Returns the ARN of the subscription that `spec` identifies, or [`PENDING`]. A confirmed subscription takes
/// precedence over one that waits.
fn arn_of(spec: &Subscription, listed: Vec<Listed>) -> Option<String> {
    let masked = without_password(&spec.endpoint);
    let ours = listed.into_iter().filter(|seen| {
        seen.protocol.as_deref() == Some(&spec.protocol)
            && seen.endpoint.as_deref().is_some_and(|seen| seen == spec.endpoint || seen == masked)
    });
    let arns = ours.filter_map(|seen| seen.subscription_arn).filter(|arn| arn != DELETED);
    arns.min_by_key(|arn| arn == PENDING)
}

/// Returns an endpoint as SNS lists it: without the password of `https://user:password@host`.
fn without_password(endpoint: &str) -> String {
    let masked = || {
        let (scheme, rest) = endpoint.split_once("://")?;
        let (user, host) = rest.split_once('@').filter(|(user, _)| !user.contains('/'))?;
        let (name, _) = user.split_once(':')?;
        Some(format!("{scheme}://{name}:****@{host}"))
    };
    masked().unwrap_or_else(|| endpoint.to_owned())
}

fn pending(spec: &Subscription) -> ObservedResource<Subscription> {
    ObservedResource { notes: vec![confirm(spec)], ..ObservedResource::new(PENDING, spec.clone(), Outputs::new()) }
}

/// Names the task that the user has before messages arrive.
fn confirm(spec: &Subscription) -> String {
    let what = match spec.protocol.as_str() {
        "email" | "email-json" => "e-mail subscription",
        _ => "subscription",
    };
    format!("confirm the {what} of {}: nothing is sent there until then", spec.endpoint)
}

/// Returns the attributes that can change, in an order that SNS accepts. SNS refuses a policy for the message body
/// while the scope is the attributes: so the scope `MessageBody` precedes the policy, and `MessageAttributes` follows
/// it.
fn attributes(subscription: &Subscription) -> Vec<(&'static str, String)> {
    let policy = ("FilterPolicy", subscription.filter_policy.clone().unwrap_or_else(|| "{}".to_owned()));
    let scope =
        ("FilterPolicyScope", subscription.filter_policy_scope.clone().unwrap_or_else(|| ATTRIBUTES.to_owned()));
    let redrive = subscription.redrive_policy.as_ref().map_or_else(String::new, |redrive| {
        serde_json::json!({ "deadLetterTargetArn": redrive.dead_letter_target_arn }).to_string()
    });
    let filter = if scope.1 == ATTRIBUTES { [policy, scope] } else { [scope, policy] };
    let raw = ("RawMessageDelivery", subscription.raw_message_delivery.to_string());
    filter.into_iter().chain([raw, ("RedrivePolicy", redrive)]).collect()
}

const ATTRIBUTES: &str = "MessageAttributes";

/// Tells whether an attribute's value equals the default of a new subscription.
fn is_cleared(value: &str) -> bool {
    ["", "{}", "false", ATTRIBUTES].contains(&value)
}

/// Turns the answer of GetSubscriptionAttributes, all texts, into a spec.
fn to_spec(spec: &Subscription, live: &HashMap<String, String>) -> Result<Subscription, AwsError> {
    let text = |attribute: &str| live.get(attribute).filter(|v| !v.is_empty() && *v != "{}").cloned();
    let filter_policy = text("FilterPolicy");
    Ok(Subscription {
        topic_arn: spec.topic_arn.clone(),
        protocol: spec.protocol.clone(),
        endpoint: spec.endpoint.clone(),
        raw_message_delivery: live.get("RawMessageDelivery").is_some_and(|value| value == "true"),
        filter_policy_scope: filter_policy
            .is_some()
            .then(|| text("FilterPolicyScope").unwrap_or_else(|| ATTRIBUTES.to_owned())),
        filter_policy,
        redrive_policy: text("RedrivePolicy").map(|policy| redrive(&policy)).transpose()?,
    })
}

fn redrive(text: &str) -> Result<RedrivePolicy, AwsError> {
    let parsed: Option<serde_json::Value> = serde_json::from_str(text).ok();
    let arn = parsed.as_ref().and_then(|policy| policy["deadLetterTargetArn"].as_str());
    arn.map(|arn| RedrivePolicy { dead_letter_target_arn: arn.to_owned() })
        .ok_or_else(|| AwsError::missing("sns:GetSubscriptionAttributes", "deadLetterTargetArn in RedrivePolicy"))
}

#[cfg(test)]
mod tests;
