//! EventBridge.

use super::{ROLE, Service, THROTTLED, cure, overall};

const CHANGING: &str = "another change of the rule or the bus is in progress";

/// EventBridge. All calls but PutEvents share 50 a second.
pub static EVENTS: Service = Service {
    rates: &[overall("events", 48.0, 50.0)],
    cures: &[
        cure("events:", "ConcurrentModificationException", "", 60, CHANGING),
        cure("events:PutTargets", "ValidationException", "cannot be assumed by principal", 120, ROLE),
        cure("events:", "ThrottlingException", "", 60, THROTTLED),
    ],
    for_many: &["events:ListRules"],
    ..Service::of("events", "EventBridge")
};
