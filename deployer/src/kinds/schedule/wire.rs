//! Schedules in the shape of the SDK.

use aws_sdk_scheduler::operation::get_schedule::GetScheduleOutput;
use aws_sdk_scheduler::types;
use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;

use super::{
    DeadLetterConfig, EventBridgeParameters, FlexibleTimeWindow, KinesisParameters, MAX_AGE_S, RETRIES, RetryPolicy,
    Schedule, SqsParameters, Target,
};
use crate::aws::AwsError;

const GET: &str = "scheduler:GetSchedule";

fn shape(error: impl std::fmt::Display) -> AwsError {
    AwsError::Shape { what: "a schedule".to_owned(), message: error.to_string() }
}

fn number(number: u32) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

pub(super) fn window(want: &Schedule) -> Result<types::FlexibleTimeWindow, AwsError> {
    let FlexibleTimeWindow { mode, maximum_window_in_minutes } = &want.flexible_time_window;
    let window = types::FlexibleTimeWindow::builder().mode(mode.as_str().into());
    window.set_maximum_window_in_minutes(maximum_window_in_minutes.map(number)).build().map_err(shape)
}

/// Converts an RFC 3339 text.
pub(super) fn moment(text: Option<&str>) -> Result<Option<DateTime>, AwsError> {
    text.map(|text| DateTime::from_str(text, Format::DateTimeWithOffset).map_err(shape)).transpose()
}

pub(super) fn target(want: &Schedule) -> Result<types::Target, AwsError> {
    let target = &want.target;
    let retries = types::RetryPolicy::builder()
        .maximum_event_age_in_seconds(number(target.retry_policy.maximum_event_age_in_seconds))
        .maximum_retry_attempts(number(target.retry_policy.maximum_retry_attempts));
    let dead_letter = target.dead_letter_config.as_ref();
    let event = target.event_bridge_parameters.as_ref().map(|event| {
        let built = types::EventBridgeParameters::builder().detail_type(&event.detail_type).source(&event.source);
        built.build().map_err(shape)
    });
    let kinesis = target.kinesis_parameters.as_ref().map(|kinesis| {
        types::KinesisParameters::builder().partition_key(&kinesis.partition_key).build().map_err(shape)
    });
    let sqs = target.sqs_parameters.as_ref();
    types::Target::builder()
        .arn(&target.arn)
        .role_arn(&target.role_arn)
        .set_input(target.input.clone())
        .retry_policy(retries.build())
        .set_dead_letter_config(dead_letter.map(|config| types::DeadLetterConfig::builder().arn(&config.arn).build()))
        .set_event_bridge_parameters(event.transpose()?)
        .set_kinesis_parameters(kinesis.transpose()?)
        .set_sqs_parameters(
            sqs.map(|sqs| types::SqsParameters::builder().message_group_id(&sqs.message_group_id).build()),
        )
        .build()
        .map_err(shape)
}

/// Converts the answer of GetSchedule.
pub(super) fn to_spec(spec: &Schedule, live: &GetScheduleOutput) -> Result<Schedule, AwsError> {
    let text = |text: Option<&str>| text.filter(|text| !text.is_empty()).map(str::to_owned);
    let window = live.flexible_time_window().ok_or_else(|| AwsError::missing(GET, "FlexibleTimeWindow"))?;
    let minutes = window.maximum_window_in_minutes().map(u32::try_from).transpose();
    Ok(Schedule {
        group_name: spec.group_name.clone(),
        name: spec.name.clone(),
        schedule_expression: live.schedule_expression().unwrap_or_default().to_owned(),
        schedule_expression_timezone: live.schedule_expression_timezone().unwrap_or("UTC").to_owned(),
        flexible_time_window: FlexibleTimeWindow {
            mode: window.mode().as_str().to_owned(),
            maximum_window_in_minutes: minutes.map_err(shape)?,
        },
        state: live.state().map_or("ENABLED", |state| state.as_str()).to_owned(),
        description: text(live.description()),
        start_date: live.start_date().map(shown).transpose()?,
        end_date: live.end_date().map(shown).transpose()?,
        kms_key_arn: text(live.kms_key_arn()),
        action_after_completion: live.action_after_completion().map_or("NONE", |action| action.as_str()).to_owned(),
        target: to_target(live.target().ok_or_else(|| AwsError::missing(GET, "Target"))?)?,
    })
}

/// Writes a moment in UTC and whole seconds, which is all that AWS keeps.
fn shown(moment: &DateTime) -> Result<String, AwsError> {
    DateTime::from_secs(moment.secs()).fmt(Format::DateTime).map_err(shape)
}

fn to_target(live: &types::Target) -> Result<Target, AwsError> {
    let unsigned = |number: Option<i32>, default: u32| number.map_or(Ok(default), u32::try_from).map_err(shape);
    let retries = live.retry_policy();
    let age = retries.and_then(types::RetryPolicy::maximum_event_age_in_seconds);
    let attempts = retries.and_then(types::RetryPolicy::maximum_retry_attempts);
    Ok(Target {
        arn: live.arn().to_owned(),
        role_arn: live.role_arn().to_owned(),
        input: live.input().filter(|input| !input.is_empty()).map(str::to_owned),
        retry_policy: RetryPolicy {
            maximum_event_age_in_seconds: unsigned(age, MAX_AGE_S)?,
            maximum_retry_attempts: unsigned(attempts, RETRIES)?,
        },
        dead_letter_config: live
            .dead_letter_config()
            .and_then(types::DeadLetterConfig::arn)
            .map(|arn| DeadLetterConfig { arn: arn.to_owned() }),
        event_bridge_parameters: live.event_bridge_parameters().map(|event| EventBridgeParameters {
            detail_type: event.detail_type().to_owned(),
            source: event.source().to_owned(),
        }),
        kinesis_parameters: live
            .kinesis_parameters()
            .map(|kinesis| KinesisParameters { partition_key: kinesis.partition_key().to_owned() }),
        sqs_parameters: live
            .sqs_parameters()
            .and_then(types::SqsParameters::message_group_id)
            .map(|id| SqsParameters { message_group_id: id.to_owned() }),
    })
}
