//! Differences that no edit is to blame for, each with its reason.

use serde_json::{Value, json};

/// An accepted difference between an edited account and a fresh apply.
struct AcceptedDifference {
    /// The kind of thing; below it the end of the property's path.
    thing: &'static str,
    property: &'static str,
    edited: fn() -> Value,
    fresh: fn() -> Value,
    /// Why the difference is harmless or cannot be avoided.
    reason: &'static str,
}

const KNOWN: &[AcceptedDifference] = &[
    AcceptedDifference {
        thing: "function ",
        property: "dead_letter_config",
        edited: || json!({ "target_arn": "" }),
        fresh: || Value::Null,
        reason: CLEARED,
    },
    AcceptedDifference {
        thing: "bucket ",
        property: "bucket_key_enabled",
        edited: || json!(false),
        fresh: || Value::Null,
        reason: "no bucket key is what S3 has by default; the local AWS tells only what was set",
    },
    AcceptedDifference {
        thing: "bucket ",
        property: "versioning.status",
        edited: || json!("Suspended"),
        fresh: || Value::Null,
        reason: "S3 suspends a bucket's versioning; no bucket goes back to never having had it",
    },
    AcceptedDifference {
        thing: "queue ",
        property: "SqsManagedSseEnabled",
        edited: || json!("true"),
        fresh: || Value::Null,
        reason: "AWS tells its default, which is true; the local AWS tells only what was set",
    },
    AcceptedDifference {
        thing: "api ",
        property: "method_settings",
        edited: || json!({ "*/*": defaults_of_methods() }),
        fresh: || Value::Null,
        reason: "a setting of all methods that goes back to its default is written down as that default",
    },
    AcceptedDifference {
        thing: "queue ",
        property: "KmsMasterKeyId",
        edited: || json!(""),
        fresh: || Value::Null,
        reason: CLEARED,
    },
    AcceptedDifference {
        thing: "topic ",
        property: "KmsMasterKeyId",
        edited: || json!(""),
        fresh: || Value::Null,
        reason: CLEARED,
    },
    AcceptedDifference {
        thing: "topic ",
        property: "DeliveryPolicy",
        edited: || json!(""),
        fresh: || Value::Null,
        reason: CLEARED,
    },
    AcceptedDifference {
        thing: "topic ",
        property: "Policy.Statement.Action",
        edited: || json!(OWNERS_ACTIONS.map(|action| format!("SNS:{action}"))),
        fresh: || json!(["SNS:Publish", "SNS:Receive", "SNS:Subscribe"]),
        reason: "a topic that loses its policy gets the one that AWS gives a new topic; the local AWS gives another one",
    },
];

/// The actions that AWS's default policy of a topic allows to its account.
const OWNERS_ACTIONS: [&str; 8] = [
    "AddPermission",
    "DeleteTopic",
    "GetTopicAttributes",
    "ListSubscriptionsByTopic",
    "Publish",
    "RemovePermission",
    "SetTopicAttributes",
    "Subscribe",
];
/// A stage's default settings for all methods.
fn defaults_of_methods() -> Value {
    json!({
        "cache_data_encrypted": false,
        "cache_ttl_in_seconds": 300,
        "caching_enabled": false,
        "data_trace_enabled": false,
        "logging_level": "OFF",
        "metrics_enabled": false,
        "require_authorization_for_cache_control": true,
        "throttling_burst_limit": -1,
        "throttling_rate_limit": -1.0,
        "unauthorized_cache_control_header_strategy": "SucceedWithResponseHeader",
    })
}

const CLEARED: &str = "AWS clears an attribute that is set to nothing; the local AWS keeps the nothing";

/// Tells whether a difference is one of these.
pub fn is_known(at: &str, edited: &Value, fresh: &Value) -> bool {
    KNOWN.iter().any(|known| {
        at.starts_with(known.thing)
            && at.ends_with(known.property)
            && *edited == (known.edited)()
            && *fresh == (known.fresh)()
            && !known.reason.is_empty()
    })
}
