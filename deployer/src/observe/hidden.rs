//! Identities that hold a secret. The state has a fingerprint in its place.
//!
//! # Guarantees
//! If `stack.yaml` still states the secret, the run works with its value, so every comparison is of plain texts.
//! [`State::hide`] removes the value before a state is written. Any other secret remains a fingerprint, also in the
//! resource that is found by it: no message of the run can show the value.

use serde_json::Value;

use crate::aws::{Aws, AwsError, Place};
use crate::graph::Graph;
use crate::graph::resolve::{self, KnownOutputs};
use crate::kinds::{self, AnyKind, ObservedResource};
use crate::spec::secrets::Secrets;
use crate::state::{State, fingerprint};

/// Replaces fingerprints in the identities of records and intents by the values that the graph states.
pub(crate) fn put_back(graph: &Graph, known: &KnownOutputs, place: &Place, prior: &mut State) {
    let stated = graph.nodes().filter(|node| !node.kind.may_be_secret().is_empty());
    let stated: Vec<_> = stated.map(|node| (node.kind.name(), resolve::value(&node.spec, known, place))).collect();
    let records = prior.resources.values_mut().map(|record| (&record.kind, &mut record.inputs));
    let intents = prior.intents.iter_mut().map(|intent| (&intent.kind, &mut intent.inputs));
    for (name, inputs) in records.chain(intents) {
        let Some(kind) = kinds::find(name).filter(|kind| is_hidden(*kind, inputs)) else { continue };
        let of_kind = stated.iter().filter(|(of, _)| of == name).map(|(_, spec)| spec);
        let Some(spec) = of_kind.into_iter().find(|spec| is_of(kind, inputs, spec, &prior.lineage)) else { continue };
        for property in kind.may_be_secret() {
            inputs[*property] = spec[*property].clone();
        }
    }
}

/// Tells whether the identity in `inputs` has a fingerprint.
pub(crate) fn is_hidden(kind: &dyn AnyKind, inputs: &Value) -> bool {
    let is_mark = |property: &&str| inputs.get(property).and_then(Value::as_str).is_some_and(fingerprint::is);
    kind.may_be_secret().iter().any(is_mark)
}

/// Tells whether `spec` states the identity of `inputs`, whose secrets may be fingerprints.
pub(crate) fn is_of(kind: &dyn AnyKind, inputs: &Value, spec: &Value, key: &str) -> bool {
    let may_be = kind.may_be_secret();
    let same = |property: &&str| spec.get(property) == inputs.get(property);
    let fits = |property: &&str| {
        let text = |value: &Value| value.get(property).and_then(Value::as_str).map(str::to_owned);
        same(property) || text(inputs).zip(text(spec)).is_some_and(|(mark, text)| fingerprint::fits(&mark, &text, key))
    };
    // Fingerprints are slow to compute, so the other properties are compared first.
    kind.identity().iter().filter(|property| !may_be.contains(property)).all(same) && may_be.iter().all(fits)
}

/// Finds the resource whose identity in `inputs` has a fingerprint: by its recorded id, or else by comparing the
/// fingerprint with each resource of an otherwise equal identity. The result has the spec of `inputs`.
///
/// # Errors
/// Returns the errors of [`AnyKind::alike`].
pub(super) async fn find(
    kind: &'static dyn AnyKind,
    aws: &Aws,
    inputs: &Value,
    physical_id: Option<&str>,
    key: &str,
) -> Result<Option<ObservedResource<Value>>, AwsError> {
    let mut alike = kind.alike(aws, inputs).await?;
    // An id that is no ARN may be shared: SNS lists every unconfirmed subscription as `PendingConfirmation`.
    let arn = physical_id.filter(|id| id.starts_with("arn:"));
    let named = alike.iter().position(|seen| Some(seen.physical_id.as_str()) == arn);
    let at = match named {
        Some(at) => Some(at),
        None => {
            let (specs, inputs, key) =
                (alike.iter().map(|seen| seen.spec.clone()).collect::<Vec<_>>(), inputs.clone(), key.to_owned());
            let tried = move || specs.iter().position(|spec| is_of(kind, &inputs, spec, &key));
            tokio::task::spawn_blocking(tried).await.ok().flatten()
        }
    };
    Ok(at.map(|at| without_secret(kind, alike.swap_remove(at), inputs)))
}

/// Removes the secret from the resource that was found by it.
fn without_secret(kind: &dyn AnyKind, seen: ObservedResource<Value>, inputs: &Value) -> ObservedResource<Value> {
    let mut secrets = Secrets::default();
    let texts = kind.may_be_secret().iter().filter_map(|property| seen.spec.get(property)?.as_str());
    texts.for_each(|text| secrets.add(text));
    let notes = seen.notes.iter().map(|note| secrets.mask(note).into_owned()).collect();
    ObservedResource { spec: inputs.clone(), notes, ..seen }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::aws::played;

    const LISTED: &str = "<ListSubscriptionsByTopicResponse><ListSubscriptionsByTopicResult><Subscriptions>\
        <member><Protocol>email</Protocol><Endpoint>old@example.com</Endpoint><SubscriptionArn>arn:old</SubscriptionArn></member>\
        <member><Protocol>email</Protocol><Endpoint>waits@example.com</Endpoint><SubscriptionArn>PendingConfirmation</SubscriptionArn></member>\
        <member><Protocol>email</Protocol><Endpoint>gone@example.com</Endpoint><SubscriptionArn>Deleted</SubscriptionArn></member>\
        </Subscriptions></ListSubscriptionsByTopicResult></ListSubscriptionsByTopicResponse>";
    const TOPIC: &str = "arn:aws:sns:eu-west-1:123456789012:alarms";

    fn inputs(endpoint: &str) -> Value {
        let endpoint = fingerprint::of(endpoint, "lineage");
        json!({"topic_arn": TOPIC, "protocol": "email", "endpoint": endpoint, "raw_message_delivery": false})
    }

    async fn find_resource(endpoint: &str, id: &str) -> Option<ObservedResource<Value>> {
        let head = "200 OK\r\nconnection: close\r\ncontent-type: text/xml\r\ncontent-length: ";
        let aws = played::answering(&[&format!("{head}{}\r\n\r\n{LISTED}", LISTED.len())]).await;
        let kind = kinds::find("sns.subscription").expect("a kind");
        find(kind, &aws, &inputs(endpoint), Some(id), "lineage").await.expect("an answer")
    }

    #[tokio::test]
    async fn a_subscription_whose_address_is_known_no_more_is_found_by_its_arn_and_shows_no_address() {
        let seen = find_resource("another@example.com", "arn:old").await.expect("it is there");
        assert_eq!((seen.physical_id.as_str(), &seen.spec), ("arn:old", &inputs("another@example.com")));
    }

    #[tokio::test]
    async fn a_subscription_without_a_recorded_arn_is_found_by_trying_the_fingerprint() {
        for id in ["PendingConfirmation", "arn:that-lapsed"] {
            let seen = find_resource("old@example.com", id).await.expect("it is there");
            assert_eq!((seen.physical_id.as_str(), &seen.spec), ("arn:old", &inputs("old@example.com")));
        }
        let seen = find_resource("waits@example.com", "arn:that-waits").await.expect("it is there");
        assert_eq!(seen.physical_id, "PendingConfirmation");
        assert!(!seen.notes.is_empty() && !format!("{seen:?}").contains("waits@"), "{seen:?}");
        assert_eq!(
            find_resource("never@example.com", "PendingConfirmation").await,
            None,
            "others that wait are not it"
        );
        assert_eq!(find_resource("gone@example.com", "arn:gone").await, None);
    }

    #[test]
    fn a_secret_is_put_back_where_the_graph_states_it_and_nowhere_else() {
        let kind = kinds::find("sns.subscription").expect("a kind");
        let spec = |endpoint: &str, topic: &str| json!({"topic_arn": topic, "protocol": "email", "endpoint": endpoint});
        let hidden = inputs("ops@example.com");
        assert!(is_hidden(kind, &hidden) && !is_hidden(kind, &spec("ops@example.com", TOPIC)));
        assert!(is_of(kind, &hidden, &spec("ops@example.com", TOPIC), "lineage"));
        assert!(!is_of(kind, &hidden, &spec("dev@example.com", TOPIC), "lineage"), "another address");
        assert!(!is_of(kind, &hidden, &spec("ops@example.com", "arn:other"), "lineage"), "another topic");
        assert!(!is_of(kind, &hidden, &spec("ops@example.com", TOPIC), "another"), "another state");
    }
}
