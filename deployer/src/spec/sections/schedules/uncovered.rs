//! Words of schedules that are no property.

use crate::spec::sections::permission;
use crate::spec::uncovered::UncoveredAnswer::Otherwise;
use crate::spec::uncovered::{UncoveredWords, unmanaged};

/// The words of a schedule.
#[rustfmt::skip]
pub(super) const TABLE: &[UncoveredWords] = &[
    permission::WORDS,
    UncoveredWords::of(
        &["ecs_parameters", "task_definition", "ecs", "run_task"],
        unmanaged("templates for tasks of ECS", "write the call itself: `call: ecs:runTask`, with `Cluster` and `TaskDefinition` under `input`, and `permissions` that include `iam:PassRole` for the task's roles"),
    ),
    UncoveredWords::of(
        &["sage_maker_pipeline_parameters", "pipeline"],
        unmanaged("templates for pipelines of SageMaker", "write the call itself: `call: sagemaker:startPipelineExecution`, with its parameters under `input`"),
    ),
    UncoveredWords::of(
        &["target", "targets", "target_arn", "arn"],
        Otherwise("write the target by its type: `function: NAME`, `queue: NAME`, `topic: NAME`, `bus: ARN`, `stream: ARN`, `state_machine: ARN` or `call: SERVICE:ACTION`"),
    ),
    UncoveredWords::of(
        &["state", "disabled"],
        Otherwise("write `enabled: false` to pause the schedule"),
    ),
    UncoveredWords::of(
        &["event_pattern", "pattern"],
        Otherwise("write a rule: `rules: { NAME: { pattern: { source: [NAME] }, targets: [ { queue: NAME } ] } }`"),
    ),
    UncoveredWords::of(
        &["retry_policy", "maximum_retry_attempts", "maximum_event_age_in_seconds"],
        Otherwise("write `retries: 3` and `max_age: 1h`"),
    ),
    UncoveredWords::of(
        &["action_after_completion", "auto_delete"],
        Otherwise("write `delete_after_completion: true`"),
    ),
];
