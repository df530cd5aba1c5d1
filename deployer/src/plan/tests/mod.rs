//! Tests of plans: one phenomenon a test, in a world made by hand.

mod adopt;
mod code;
mod compare;
mod destroy;
mod endpoints;
mod guard;
mod large;
mod leave;
pub(crate) mod ownership;
mod properties;
mod refresh;
mod renamed;
mod replace;
mod secrets;
mod select;
mod widening;
pub(crate) mod world;

use world::World;

/// Two queues, one of which the other refers to.
const QUEUES: &str = "
stack: couch
queues:
  inbox: { visibility_timeout: 60s, redrive: { max_receive_count: 3 } }
";

/// A topic and the alarm that notifies it.
const ALARM: &str = "
stack: couch
topics: { alarms: {} }
alarms:
  oldest:
    namespace: AWS/SQS
    metric_name: ApproximateAgeOfOldestMessage
    statistic: Maximum
    comparison_operator: GreaterThanThreshold
    threshold: 30
    period: 60s
    evaluation_periods: 1
    alarm_actions: [ \"${topics.alarms.arn}\" ]
";
