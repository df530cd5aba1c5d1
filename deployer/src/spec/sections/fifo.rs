//! Tells FIFO queues and topics from standard ones, whoever owns them. The type of a resource that is known only by ARN
//! follows from its name.

use serde_json::Value;

use super::{Resource, Resources};

/// Tells whether a queue or a topic is FIFO.
pub(super) fn is_fifo(resource: &Resource) -> bool {
    resource.is_true("fifo_queue") || resource.is_true("fifo_topic")
}

/// Tells whether a name or an ARN belongs to a FIFO queue or topic: only these end in `.fifo`. Returns `None` if the
/// text ends in a reference.
fn by_name(text: &str) -> Option<bool> {
    (!text.ends_with('}')).then(|| text.ends_with(".fifo"))
}

/// Tells whether the target of a property, a reference or an ARN, is FIFO.
pub(super) fn fifo_of(all: &Resources<'_>, target: &Value) -> Option<bool> {
    match all.resolve(target) {
        Some(resource) => Some(is_fifo(resource)),
        None => by_name(target.as_str()?),
    }
}

/// Tells whether the target of a property, a reference or an ARN, is a resource of a kind, whose ARNs have `service`.
pub(super) fn is_of(all: &Resources<'_>, target: &Value, kind: &str, service: &str) -> bool {
    match all.resolve(target) {
        Some(resource) => resource.kind == kind,
        None => target.as_str().is_some_and(|arn| arn.split(':').nth(2) == Some(service)),
    }
}

/// Returns the name of a reference's target, as findings show it.
pub(super) fn target_name(all: &Resources<'_>, target: &Value) -> String {
    let named = all.resolve(target).map(|resource| resource.address.clone());
    named.unwrap_or_else(|| target.as_str().and_then(|arn| arn.rsplit(':').next()).unwrap_or_default().to_owned())
}

#[cfg(test)]
mod tests {
    use super::by_name;

    #[test]
    fn the_end_of_a_name_tells_its_type_unless_a_reference_ends_it() {
        assert_eq!(by_name("arn:aws:sqs:${aws.region}:1:orders.fifo"), Some(true));
        assert_eq!(by_name("arn:aws:sqs:eu-west-1:1:orders"), Some(false));
        assert_eq!(by_name("${queues.orders.arn}"), None);
    }
}
