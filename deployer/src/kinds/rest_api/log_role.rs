//! The role by which API Gateway writes logs: one for all APIs of an account in a region.

use super::Api;
use crate::aws::{Aws, AwsError};

const KEY: &str = "apigateway:GetAccount";
const HELP: &str = "create a role once for the account that `apigateway.amazonaws.com` may assume, with the policy `service-role/AmazonAPIGatewayPushToCloudWatchLogs`, and run `aws apigateway update-account --patch-operations op=replace,path=/cloudwatchRoleArn,value=ROLE_ARN` in this region";

/// Refuses an API with a log if AWS would refuse its stage. Calls GetAccount, once a run, and only for APIs with a log.
/// A local AWS writes no logs of requests, and needs no role.
pub(super) async fn check(aws: &Aws, spec: &Api) -> Result<(), AwsError> {
    if !spec.parts.logs || aws.place.endpoint_url.is_some() {
        return Ok(());
    }
    let account = async {
        let call = aws.clients.apigateway.get_account().send();
        Ok(aws.call("apigateway:GetAccount", call).await?.cloudwatch_role_arn)
    };
    let role = aws.run.remember::<Option<String>>(KEY, account).await?;
    if role.iter().any(|role| !role.is_empty()) {
        return Ok(());
    }
    let message =
        format!("API Gateway has no role in {} to write logs with, and would refuse the stage", aws.place.region);
    Err(AwsError::Unprepared { code: "api::log-role", message, help: HELP })
}
