//! The deployments of an API: AWS's snapshots of its routes. The description of ours is the digest of the definition.

use aws_sdk_apigateway::types::{Deployment, Stage};
use aws_smithy_types::retry::RetryConfig;

use super::ABSENT;
use crate::aws::{Aws, AwsError, digest, once};

/// Calls GetDeployments, all pages; empty if the API does not exist.
pub(crate) async fn deployments(aws: &Aws, api: &str) -> Result<Vec<Deployment>, AwsError> {
    let (mut all, mut position) = (Vec::new(), None);
    loop {
        let call = aws.clients.apigateway.get_deployments().rest_api_id(api).limit(500).set_position(position).send();
        let Some(page) = aws.find("apigateway:GetDeployments", ABSENT, call).await? else { return Ok(Vec::new()) };
        all.extend(page.items.unwrap_or_default());
        position = page.position;
        if position.is_none() {
            return Ok(all);
        }
    }
}

/// Returns the deployment of the wanted definition, one that an interrupted run created or a new one, and whether it is
/// the only one. CreateDeployment creates another one each time it is sent.
pub(crate) async fn deploy(aws: &Aws, api: &str, definition: &str) -> Result<(String, bool), AwsError> {
    let digest = digest::of(definition);
    let all = deployments(aws, api).await?;
    let others = all.iter().any(|d| d.description() != Some(&digest));
    if let Some(id) = fitting(all, &digest) {
        return Ok((id, !others));
    }
    Ok((create_deployment(aws, api, definition).await?, !others))
}

pub(crate) async fn create_deployment(aws: &Aws, api: &str, definition: &str) -> Result<String, AwsError> {
    let digest = &digest::of(definition);
    let unrepeated = || aws_sdk_apigateway::config::Config::builder().retry_config(RetryConfig::disabled());
    let send = || async {
        let call = aws.clients.apigateway.create_deployment().rest_api_id(api).description(digest);
        let call = call.customize().config_override(unrepeated());
        let made = aws.call("apigateway:CreateDeployment", call.send()).await?;
        made.id.ok_or_else(|| AwsError::missing("apigateway:CreateDeployment", "id"))
    };
    let look = || async { Ok(fitting(deployments(aws, api).await?, digest)) };
    once(send, look).await
}

/// Finds the newest deployment with this description.
fn fitting(all: Vec<Deployment>, digest: &str) -> Option<String> {
    let fitting = all.into_iter().filter(|d| d.description() == Some(digest));
    fitting.max_by_key(|d| d.created_date.map(|at| at.secs())).and_then(|d| d.id)
}

/// Deletes the deployments of ours that no stage serves, whichever run created them.
pub(crate) async fn delete_unserved(aws: &Aws, api: &str) -> Result<(), AwsError> {
    let all = deployments(aws, api).await?;
    for id in find_unserved(aws, api, None, &all).await? {
        let call = aws.clients.apigateway.delete_deployment().rest_api_id(api).deployment_id(id).send();
        aws.find("apigateway:DeleteDeployment", ABSENT, call).await?;
    }
    Ok(())
}

/// Finds the ids of our deployments that no stage serves. `served` is served in any case; GetStages is called only if
/// there are others.
pub(crate) async fn find_unserved(
    aws: &Aws,
    api: &str,
    served: Option<&str>,
    all: &[Deployment],
) -> Result<Vec<String>, AwsError> {
    let ours = all.iter().filter(|d| d.description().is_some_and(digest::is_digest)).filter_map(Deployment::id);
    let mut left: Vec<String> = ours.filter(|id| Some(*id) != served).map(str::to_owned).collect();
    if left.is_empty() {
        return Ok(left);
    }
    let served = served_of(&stages(aws, api).await?);
    left.retain(|id| !served.contains(id));
    left.sort_unstable();
    Ok(left)
}

/// Builds the key under which `aws.run.remember` keeps an API's stages.
pub(crate) fn stages_key(api: &str) -> String {
    format!("apigateway:GetStages {api}")
}

/// Calls GetStages, whose answer has the same properties of each stage as GetStage's; empty if the API does not exist.
pub(crate) async fn stages(aws: &Aws, api: &str) -> Result<Vec<Stage>, AwsError> {
    let call = aws.clients.apigateway.get_stages().rest_api_id(api).send();
    Ok(aws.find("apigateway:GetStages", ABSENT, call).await?.and_then(|found| found.item).unwrap_or_default())
}

/// Lists the deployments that stages serve, including those that a canary serves to some callers.
pub(crate) fn served_of(stages: &[Stage]) -> Vec<String> {
    let of = |stage: &Stage| {
        let canary = stage.canary_settings().and_then(|canary| canary.deployment_id());
        [stage.deployment_id(), canary].into_iter().flatten().map(str::to_owned).collect::<Vec<_>>()
    };
    stages.iter().flat_map(of).collect()
}
