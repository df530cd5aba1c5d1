//! Words of rules that are no property.

use crate::spec::uncovered::UncoveredAnswer::Otherwise;
use crate::spec::uncovered::{UncoveredWords, unmanaged};

/// The words of a rule, and of its targets.
#[rustfmt::skip]
pub(super) const TABLE: &[UncoveredWords] = &[
    UncoveredWords::of(
        &["schedule", "schedule_expression", "cron", "rate"],
        Otherwise("write a schedule: `schedules: { NAME: { schedule: rate(5 minutes), queue: NAME } }`, or `events: [ { schedule: … } ]` of a function"),
    ),
    UncoveredWords::of(&["target", "function", "queue", "topic"], Otherwise("write `targets: [ { function: NAME } ]`")),
    UncoveredWords::of(&["source", "detail_type", "detail", "resources"], Otherwise("it belongs to the pattern: `pattern: { source: [shop], detail-type: [OrderPaid] }`")),
    UncoveredWords::of(&["state", "disabled"], Otherwise("write `enabled: false` to pause the rule")),
    UncoveredWords::of(&["role", "role_arn"], Otherwise("write `role` at the target that needs it")),
    UncoveredWords::inside(
        "targets",
        &["ecs_parameters", "batch_parameters", "redshift_data_parameters", "run_command_parameters", "sage_maker_pipeline_parameters", "app_sync_parameters", "http_parameters", "api_destination", "log_group"],
        unmanaged("targets of this type", "let a function of this stack receive the event, and make the call"),
    ),
    UncoveredWords::inside("targets", &["arn", "target_arn"], Otherwise("write the target by its type: `function: ARN`, `queue: ARN`, `topic: ARN`, `bus: ARN`, `stream: ARN` or `state_machine: ARN`")),
    UncoveredWords::inside("targets", &["retry_policy", "maximum_retry_attempts", "maximum_event_age_in_seconds"], Otherwise("write `retries: 3` and `max_age: 1h`")),
];
