//! The deployments of an API: AWS's snapshots of its routes, of which ours are described by what they were taken of.

use aws_sdk_apigateway::types::Deployment;
use aws_smithy_types::retry::RetryConfig;

use super::Stage;
use crate::aws::apigateway::ABSENT;
use crate::aws::{Aws, AwsError, digest, once};

/// GetDeployments, all pages; none when the API itself is gone.
pub(super) async fn deployments(aws: &Aws, api: &str) -> Result<Vec<Deployment>, AwsError> {
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

/// Gives the deployment of the wanted definition, the one that a crash left, else a new one; and whether there is no
/// other. CreateDeployment makes another one each time that it is sent.
pub(super) async fn deploy(aws: &Aws, want: &Stage) -> Result<(String, bool), AwsError> {
    let digest = digest::of(&want.definition);
    let all = deployments(aws, &want.rest_api_id).await?;
    let others = all.iter().any(|d| d.description() != Some(&digest));
    if let Some(id) = fitting(all, &digest) {
        return Ok((id, !others));
    }
    Ok((create_deployment(aws, want).await?, !others))
}

pub(super) async fn create_deployment(aws: &Aws, want: &Stage) -> Result<String, AwsError> {
    let digest = &digest::of(&want.definition);
    let unrepeated = || aws_sdk_apigateway::config::Config::builder().retry_config(RetryConfig::disabled());
    let send = || async {
        let call = aws.clients.apigateway.create_deployment().rest_api_id(&want.rest_api_id).description(digest);
        let call = call.customize().config_override(unrepeated());
        let made = aws.call("apigateway:CreateDeployment", call.send()).await?;
        made.id.ok_or_else(|| AwsError::missing("apigateway:CreateDeployment", "id"))
    };
    let look = || async { Ok(fitting(deployments(aws, &want.rest_api_id).await?, digest)) };
    once(send, look).await
}

/// The newest deployment that is described so.
fn fitting(all: Vec<Deployment>, digest: &str) -> Option<String> {
    let fitting = all.into_iter().filter(|d| d.description() == Some(digest));
    fitting.max_by_key(|d| d.created_date.map(|at| at.secs())).and_then(|d| d.id)
}

/// Deletes the deployments of ours that no stage serves, whichever run left them.
pub(super) async fn delete_unserved(aws: &Aws, api: &str) -> Result<(), AwsError> {
    let all = deployments(aws, api).await?;
    for id in unserved(aws, api, None, &all).await? {
        let call = aws.clients.apigateway.delete_deployment().rest_api_id(api).deployment_id(id).send();
        aws.find("apigateway:DeleteDeployment", ABSENT, call).await?;
    }
    Ok(())
}

/// Finds the deployments of ours that no stage serves, by id. `served` surely is; GetStages is asked only about others.
pub(super) async fn unserved(
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
    let call = aws.clients.apigateway.get_stages().rest_api_id(api).send();
    let Some(stages) = aws.find("apigateway:GetStages", ABSENT, call).await? else { return Ok(Vec::new()) };
    left.retain(|id| !stages.item().iter().any(|stage| stage.deployment_id() == Some(id)));
    left.sort_unstable();
    Ok(left)
}
