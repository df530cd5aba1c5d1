//! Between a stage's spec and the SDK's types.

use aws_sdk_apigateway::types::{MethodSetting, Op as PatchOp, PatchOperation, Stage as Live};

use super::{AccessLogSettings, Stage};
use crate::aws::apigateway::{patch_op, pointer};
use crate::aws::tags::Tags;
use crate::aws::{Aws, AwsError};

pub(super) fn stage(spec: &Stage, live: &Live, definition: String, tags: Tags) -> Stage {
    let all = live.method_settings().and_then(|settings| settings.get("*/*"));
    // −1 means that the account's limit applies.
    let rate = all.map(MethodSetting::throttling_rate_limit).filter(|rate| *rate >= 0.0);
    let burst = all.and_then(|s| u32::try_from(s.throttling_burst_limit()).ok());
    Stage {
        rest_api_id: spec.rest_api_id.clone(),
        stage_name: spec.stage_name.clone(),
        definition,
        unused_deployments: Vec::new(),
        description: live.description.clone().filter(|text| !text.is_empty()),
        variables: live.variables.clone().unwrap_or_default().into_iter().collect(),
        throttling_rate_limit: rate,
        throttling_burst_limit: burst,
        metrics_enabled: all.is_some_and(MethodSetting::metrics_enabled),
        tracing_enabled: live.tracing_enabled(),
        access_log_settings: live.access_log_settings().and_then(|logs| {
            let arn = logs.destination_arn().filter(|arn| !arn.is_empty())?;
            let format = logs.format().unwrap_or_default().to_owned();
            Some(AccessLogSettings { destination_arn: arn.to_owned(), format })
        }),
        tags,
    }
}

pub(super) async fn patch(aws: &Aws, want: &Stage, ops: Vec<PatchOperation>) -> Result<(), AwsError> {
    if ops.is_empty() {
        return Ok(());
    }
    let call = aws.clients.apigateway.update_stage().rest_api_id(&want.rest_api_id).stage_name(&want.stage_name);
    aws.call("apigateway:UpdateStage", call.set_patch_operations(Some(ops)).send()).await.map(drop)
}

/// Returns the settings for all methods. They are sent together: a single one would reset the others to the server's
/// defaults.
pub(super) fn settings(live: &Stage, want: &Stage) -> Vec<PatchOperation> {
    let of = |s: &Stage| (s.throttling_rate_limit, s.throttling_burst_limit, s.metrics_enabled);
    if of(live) == of(want) {
        return Vec::new();
    }
    let unlimited = || "-1".to_owned();
    let replace = |path: &str, value: String| patch_op(PatchOp::Replace, format!("/*/*/{path}"), Some(value));
    vec![
        replace("throttling/rateLimit", want.throttling_rate_limit.map_or_else(unlimited, |v| v.to_string())),
        replace("throttling/burstLimit", want.throttling_burst_limit.map_or_else(unlimited, |v| v.to_string())),
        replace("metrics/enabled", want.metrics_enabled.to_string()),
    ]
}

/// Returns the PATCH operations for the properties that CreateStage takes as well.
pub(super) fn properties(live: &Stage, want: &Stage) -> Vec<PatchOperation> {
    let mut ops = Vec::new();
    let mut replace = |path: String, value: String| ops.push(patch_op(PatchOp::Replace, path, Some(value)));
    if live.description != want.description {
        replace("/description".into(), want.description.clone().unwrap_or_default());
    }
    if live.tracing_enabled != want.tracing_enabled {
        replace("/tracingEnabled".into(), want.tracing_enabled.to_string());
    }
    for (name, value) in want.variables.iter().filter(|(name, value)| live.variables.get(*name) != Some(*value)) {
        replace(format!("/variables/{}", pointer(name)), value.clone());
    }
    let removed = live.variables.keys().filter(|name| !want.variables.contains_key(*name));
    ops.extend(removed.map(|name| patch_op(PatchOp::Remove, format!("/variables/{}", pointer(name)), None)));
    ops
}

/// Returns the PATCH operations for the log of requests, which CreateStage does not take.
pub(super) fn logs(live: &Stage, want: &Stage) -> Vec<PatchOperation> {
    match &want.access_log_settings {
        settings if live.access_log_settings == *settings => Vec::new(),
        None => vec![patch_op(PatchOp::Remove, "/accessLogSettings", None)],
        Some(logs) => vec![
            patch_op(PatchOp::Replace, "/accessLogSettings/destinationArn", Some(logs.destination_arn.clone())),
            patch_op(PatchOp::Replace, "/accessLogSettings/format", Some(logs.format.clone())),
        ],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_throttle_of_minus_one_is_none() {
        let unset = MethodSetting::builder().throttling_rate_limit(-1.0).throttling_burst_limit(-1).build();
        let live = Live::builder().method_settings("*/*", unset).build();
        let seen = stage(&Stage::default(), &live, String::new(), Tags::new());
        assert_eq!((seen.throttling_rate_limit, seen.throttling_burst_limit), (None, None));
    }

    #[test]
    fn a_removed_throttle_is_sent_as_minus_one() {
        let live = Stage { throttling_rate_limit: Some(5.0), ..Stage::default() };
        let sent = settings(&live, &Stage::default());
        assert_eq!(sent[0].value(), Some("-1"));
        assert!(settings(&live, &live).is_empty());
    }
}
