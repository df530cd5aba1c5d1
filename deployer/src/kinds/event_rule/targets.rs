//! The targets of a rule: how they are read, put and removed.

use std::collections::BTreeMap;

use aws_sdk_eventbridge::types;

use super::{
    ABSENT, DeadLetterConfig, EventRule, InputTransformer, KinesisParameters, RetryPolicy, SqsParameters, TARGETS,
    Target,
};
use crate::aws::error::ServiceError;
use crate::aws::{Aws, AwsError};

const PUT: &str = "events:PutTargets";

fn shape(error: impl std::fmt::Display) -> AwsError {
    AwsError::Shape { what: "a target of a rule".to_owned(), message: error.to_string() }
}

/// Calls ListTargetsByRule. `None` if the rule or its bus does not exist.
pub(super) async fn list(aws: &Aws, spec: &EventRule) -> Result<Option<BTreeMap<String, Target>>, AwsError> {
    let (mut all, mut token) = (BTreeMap::new(), None);
    loop {
        let call = aws.clients.events.list_targets_by_rule().event_bus_name(&spec.event_bus_name).rule(&spec.name);
        let call = call.set_next_token(token).send();
        let Some(page) = aws.find("events:ListTargetsByRule", ABSENT, call).await? else { return Ok(None) };
        for target in page.targets.unwrap_or_default() {
            all.insert(target.id().to_owned(), to_spec(&target)?);
        }
        token = page.next_token;
        if token.is_none() {
            return Ok(Some(all));
        }
    }
}

/// Puts the new and changed targets. Old ones go first only if AWS has no room for both.
pub(super) async fn add(aws: &Aws, live: &EventRule, want: &EventRule) -> Result<(), AwsError> {
    let new: Vec<&String> =
        want.targets.iter().filter(|(id, target)| live.targets.get(*id) != Some(target)).map(|(id, _)| id).collect();
    let added = new.iter().filter(|id| !live.targets.contains_key(**id)).count();
    let excess = (live.targets.len() + added).saturating_sub(TARGETS);
    let gone = live.targets.keys().filter(|id| !want.targets.contains_key(*id)).take(excess).cloned();
    remove(aws, want, gone.collect()).await?;
    put(aws, want, new.into_iter()).await
}

/// Calls PutTargets for the targets with these ids.
///
/// # Errors
/// AWS answers with success although it refuses a target; the answer's entry is the error then.
pub(super) async fn put<'i>(
    aws: &Aws,
    want: &EventRule,
    ids: impl Iterator<Item = &'i String>,
) -> Result<(), AwsError> {
    let targets: Result<Vec<_>, _> =
        ids.filter_map(|id| Some((id, want.targets.get(id)?))).map(|(id, target)| to_sdk(id, target)).collect();
    let targets = targets?;
    if targets.is_empty() {
        return Ok(());
    }
    let call = aws.clients.events.put_targets().event_bus_name(&want.event_bus_name).rule(&want.name);
    let put = aws.call(PUT, call.set_targets(Some(targets)).send()).await?;
    let failed = put.failed_entries.unwrap_or_default().into_iter().next();
    failed.map_or(Ok(()), |entry| {
        let id = entry.target_id.unwrap_or_default();
        Err(refused(PUT, entry.error_code, entry.error_message, &id))
    })
}

/// Calls RemoveTargets for the targets with these ids.
pub(super) async fn remove(aws: &Aws, rule: &EventRule, ids: Vec<String>) -> Result<(), AwsError> {
    const REMOVE: &str = "events:RemoveTargets";
    if ids.is_empty() {
        return Ok(());
    }
    let call = aws.clients.events.remove_targets().event_bus_name(&rule.event_bus_name).rule(&rule.name);
    let Some(removed) = aws.find(REMOVE, ABSENT, call.set_ids(Some(ids)).send()).await? else { return Ok(()) };
    let failed = removed.failed_entries.unwrap_or_default().into_iter().next();
    failed.map_or(Ok(()), |entry| {
        let id = entry.target_id.unwrap_or_default();
        Err(refused(REMOVE, entry.error_code, entry.error_message, &id))
    })
}

/// Makes an error of an entry that AWS refused in an answer of success.
fn refused(operation: &'static str, code: Option<String>, message: Option<String>, id: &str) -> AwsError {
    AwsError::Service(Box::new(ServiceError {
        operation,
        code: code.unwrap_or_else(|| "FailedEntry".to_owned()),
        message: format!("{} (target {id})", message.unwrap_or_default()),
        status: 200,
        request_id: None,
        retry_after_s: None,
        needed: None,
    }))
}

fn number(number: u32) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

fn to_sdk(id: &str, target: &Target) -> Result<types::Target, AwsError> {
    let transformer = target.input_transformer.as_ref().map(|transformer| {
        let paths = transformer.input_paths_map.clone().into_iter().collect();
        let built = types::InputTransformer::builder().set_input_paths_map(Some(paths));
        built.input_template(&transformer.input_template).build().map_err(shape)
    });
    let kinesis = target.kinesis_parameters.as_ref().map(|kinesis| {
        types::KinesisParameters::builder().partition_key_path(&kinesis.partition_key_path).build().map_err(shape)
    });
    let retries = types::RetryPolicy::builder()
        .maximum_event_age_in_seconds(number(target.retry_policy.maximum_event_age_in_seconds))
        .maximum_retry_attempts(number(target.retry_policy.maximum_retry_attempts));
    let dead_letter = target.dead_letter_config.as_ref();
    let sqs = target.sqs_parameters.as_ref();
    types::Target::builder()
        .id(id)
        .arn(&target.arn)
        .set_role_arn(target.role_arn.clone())
        .set_input(target.input.clone())
        .set_input_path(target.input_path.clone())
        .set_input_transformer(transformer.transpose()?)
        .set_kinesis_parameters(kinesis.transpose()?)
        .set_sqs_parameters(
            sqs.map(|sqs| types::SqsParameters::builder().message_group_id(&sqs.message_group_id).build()),
        )
        .set_dead_letter_config(dead_letter.map(|config| types::DeadLetterConfig::builder().arn(&config.arn).build()))
        .retry_policy(retries.build())
        .build()
        .map_err(shape)
}

fn to_spec(live: &types::Target) -> Result<Target, AwsError> {
    let default = RetryPolicy::default();
    let unsigned = |number: Option<i32>, default: u32| number.map_or(Ok(default), u32::try_from).map_err(shape);
    let retries = live.retry_policy();
    let age = retries.and_then(types::RetryPolicy::maximum_event_age_in_seconds);
    let attempts = retries.and_then(types::RetryPolicy::maximum_retry_attempts);
    let text = |text: Option<&str>| text.filter(|text| !text.is_empty()).map(str::to_owned);
    Ok(Target {
        arn: live.arn().to_owned(),
        role_arn: text(live.role_arn()),
        input: text(live.input()),
        input_path: text(live.input_path()),
        input_transformer: live.input_transformer().map(|transformer| InputTransformer {
            input_paths_map: transformer.input_paths_map().cloned().unwrap_or_default().into_iter().collect(),
            input_template: transformer.input_template().to_owned(),
        }),
        retry_policy: RetryPolicy {
            maximum_event_age_in_seconds: unsigned(age, default.maximum_event_age_in_seconds)?,
            maximum_retry_attempts: unsigned(attempts, default.maximum_retry_attempts)?,
        },
        dead_letter_config: live
            .dead_letter_config()
            .and_then(types::DeadLetterConfig::arn)
            .map(|arn| DeadLetterConfig { arn: arn.to_owned() }),
        sqs_parameters: live
            .sqs_parameters()
            .and_then(types::SqsParameters::message_group_id)
            .map(|id| SqsParameters { message_group_id: id.to_owned() }),
        kinesis_parameters: live
            .kinesis_parameters()
            .map(|kinesis| KinesisParameters { partition_key_path: kinesis.partition_key_path().to_owned() }),
    })
}
