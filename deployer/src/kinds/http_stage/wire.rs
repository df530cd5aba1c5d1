//! Between a stage's spec and the SDK's types.

use std::collections::HashMap;

use aws_sdk_apigatewayv2::types::{AccessLogSettings as LiveLogs, RouteSettings as LiveSettings, Stage as Live};

use super::{AccessLogSettings, RouteSettings, Stage};
use crate::aws::apigateway::ABSENT;
use crate::aws::tags::Tags;
use crate::aws::{Aws, AwsError};
use crate::kinds::Changes;

pub(super) async fn send_create(aws: &Aws, want: &Stage) -> Result<(), AwsError> {
    let variables = want.stage_variables.clone().into_iter().collect::<HashMap<_, _>>();
    let routes: HashMap<_, _> = want.route_settings.iter().map(|(key, own)| (key.clone(), settings(own))).collect();
    let call = aws
        .clients
        .apigatewayv2
        .create_stage()
        .api_id(&want.api_id)
        .stage_name(&want.stage_name)
        .auto_deploy(want.auto_deploy)
        .default_route_settings(settings(&want.default_route_settings))
        .set_route_settings(Some(routes).filter(|all| !all.is_empty()))
        .set_stage_variables(Some(variables).filter(|all| !all.is_empty()))
        .set_access_log_settings(want.access_log_settings.as_ref().map(logs))
        .set_tags(Some(want.tags.clone().into_iter().collect()));
    aws.call("apigatewayv2:CreateStage", call.send()).await.map(drop)
}

/// Deletes the log settings and the settings of routes that are not wanted any more. UpdateStage would keep them.
pub(super) async fn clear(aws: &Aws, live: &Stage, want: &Stage) -> Result<(), AwsError> {
    let client = &aws.clients.apigatewayv2;
    let (api, stage) = (&want.api_id, &want.stage_name);
    if live.access_log_settings.is_some() && want.access_log_settings.is_none() {
        let call = client.delete_access_log_settings().api_id(api).stage_name(stage).send();
        aws.find("apigatewayv2:DeleteAccessLogSettings", ABSENT, call).await?;
    }
    let loses = |key: &String, own: &RouteSettings| match want.route_settings.get(key) {
        Some(wanted) => loses_limit(own, wanted),
        None => true,
    };
    for key in live.route_settings.iter().filter(|(key, own)| loses(key, own)).map(|(key, _)| key) {
        let call = client.delete_route_settings().api_id(api).stage_name(stage).route_key(key).send();
        aws.find("apigatewayv2:DeleteRouteSettings", ABSENT, call).await?;
    }
    Ok(())
}

/// Tells whether a limit goes away.
fn loses_limit(live: &RouteSettings, want: &RouteSettings) -> bool {
    (live.throttling_burst_limit.is_some() && want.throttling_burst_limit.is_none())
        || (live.throttling_rate_limit.is_some() && want.throttling_rate_limit.is_none())
}

/// Calls UpdateStage with what changed. A variable without a value is removed.
pub(super) async fn send_update(aws: &Aws, live: &Stage, want: &Stage, changes: &Changes) -> Result<(), AwsError> {
    let has = |property: &str| changes.touch(property);
    let routes: HashMap<_, _> = want
        .route_settings
        .iter()
        .filter(|(key, own)| live.route_settings.get(*key) != Some(own))
        .map(|(key, own)| (key.clone(), settings(own)))
        .collect();
    let removed = live.stage_variables.keys().filter(|name| !want.stage_variables.contains_key(*name));
    let set = want.stage_variables.iter().filter(|(name, value)| live.stage_variables.get(*name) != Some(*value));
    let variables: HashMap<String, String> = removed
        .map(|name| (name.clone(), String::new()))
        .chain(set.map(|(name, value)| (name.clone(), value.clone())))
        .collect();
    let logging = want.access_log_settings.as_ref().filter(|_| has("access_log_settings"));
    let properties = ["auto_deploy", "default_route_settings"];
    if routes.is_empty() && variables.is_empty() && logging.is_none() && !changes.touch_any(&properties) {
        return Ok(());
    }
    let call = aws
        .clients
        .apigatewayv2
        .update_stage()
        .api_id(&want.api_id)
        .stage_name(&want.stage_name)
        .set_auto_deploy(has("auto_deploy").then_some(want.auto_deploy))
        .set_default_route_settings(has("default_route_settings").then(|| settings(&want.default_route_settings)))
        .set_route_settings(Some(routes).filter(|all| !all.is_empty()))
        .set_stage_variables(Some(variables).filter(|all| !all.is_empty()))
        .set_access_log_settings(logging.map(logs));
    let now = aws.call("apigatewayv2:UpdateStage", call.send()).await?;
    let kept = to_settings(now.default_route_settings());
    if has("default_route_settings") && loses_limit(&kept, &want.default_route_settings) {
        let message = format!(
            "API Gateway keeps the throttling of the stage {}: set `throttling_rate_limit` and \
             `throttling_burst_limit` to the account's limits, 10000 and 5000 unless they were changed",
            want.stage_name
        );
        return Err(AwsError::Unplanned { message });
    }
    Ok(())
}

fn settings(want: &RouteSettings) -> LiveSettings {
    LiveSettings::builder()
        .detailed_metrics_enabled(want.detailed_metrics_enabled)
        .set_throttling_burst_limit(want.throttling_burst_limit.map(|limit| i32::try_from(limit).unwrap_or(i32::MAX)))
        .set_throttling_rate_limit(want.throttling_rate_limit)
        .build()
}

fn logs(want: &AccessLogSettings) -> LiveLogs {
    LiveLogs::builder().destination_arn(&want.destination_arn).format(&want.format).build()
}

fn to_settings(live: Option<&LiveSettings>) -> RouteSettings {
    RouteSettings {
        detailed_metrics_enabled: live.and_then(LiveSettings::detailed_metrics_enabled).unwrap_or(false),
        throttling_burst_limit: live
            .and_then(LiveSettings::throttling_burst_limit)
            .and_then(|limit| u32::try_from(limit).ok()),
        throttling_rate_limit: live.and_then(LiveSettings::throttling_rate_limit).filter(|limit| *limit >= 0.0),
    }
}

pub(super) fn to_spec(spec: &Stage, live: &Live, tags: Tags) -> Stage {
    let logging = live.access_log_settings().map(|logs| AccessLogSettings {
        // CloudWatch Logs writes `:*` at the end of a group's ARN, API Gateway does not.
        destination_arn: logs.destination_arn().unwrap_or_default().trim_end_matches(":*").to_owned(),
        format: logs.format().unwrap_or_default().to_owned(),
    });
    let routes = live.route_settings().into_iter().flatten();
    let variables = live.stage_variables.clone().unwrap_or_default();
    Stage {
        api_id: spec.api_id.clone(),
        stage_name: spec.stage_name.clone(),
        auto_deploy: live.auto_deploy().unwrap_or(false),
        default_route_settings: to_settings(live.default_route_settings()),
        route_settings: routes.map(|(key, own)| (key.clone(), to_settings(Some(own)))).collect(),
        stage_variables: variables.into_iter().filter(|(_, value)| !value.is_empty()).collect(),
        access_log_settings: logging.filter(|logs| !logs.destination_arn.is_empty()),
        tags,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_removed_variable_is_one_without_a_value() {
        let live = Live::builder().stage_variables("mode", "").stage_variables("size", "1").build();
        let seen = to_spec(&Stage::default(), &live, Tags::new());
        assert_eq!(seen.stage_variables, [("size".to_owned(), "1".to_owned())].into());
    }

    #[test]
    fn the_end_of_a_log_groups_arn_makes_no_difference() {
        let logs = LiveLogs::builder().destination_arn("arn:aws:logs:eu-west-1:1:log-group:g:*").format("f").build();
        let seen = to_spec(&Stage::default(), &Live::builder().access_log_settings(logs).build(), Tags::new());
        assert_eq!(seen.access_log_settings.unwrap().destination_arn, "arn:aws:logs:eu-west-1:1:log-group:g");
    }
}
