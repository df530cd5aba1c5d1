//! The parts of an API that `stack.yaml` does not have.

use aws_sdk_apigateway::types::{Deployment, Stage};

use super::{Api, Parts};
use crate::aws::apigateway::authorizer::authorizers;
use crate::aws::apigateway::deployments::{delete_unserved, deployments, served_of, stages, stages_key};
use crate::aws::apigateway::owned::note_kept;
use crate::aws::apigateway::response::{changed_responses, type_of};
use crate::aws::apigateway::tree::{delete_methods, methods, prune, resources, unused_paths};
use crate::aws::apigateway::{ABSENT, is_created, stages_of_stack, tree_key};
use crate::aws::{Aws, AwsError, digest};

/// The parts of an API that are not in `stack.yaml`.
#[derive(Default)]
pub(super) struct Contents {
    pub unlisted_routes: Vec<String>,
    pub unused_paths: Vec<String>,
    pub unlisted_stages: Vec<String>,
    /// The parts that are kept, in words.
    pub notes: Vec<String>,
}

impl Contents {
    /// Calls GetResources, GetStages and GetDeployments, once for the API, its routes and its stage, and GetAuthorizers
    /// and GetGatewayResponses.
    pub(super) async fn read(aws: &Aws, api: &str, spec: &Api) -> Result<Self, AwsError> {
        if is_created(aws, api) {
            return Ok(Self::default());
        }
        let (tree, (stages_key, tree_key)) = (resources(aws, api), (stages_key(api), tree_key(api)));
        let (tree, stages, deployments, authorizers, responses) = tokio::join!(
            aws.run.remember(&tree_key, tree),
            aws.run.remember(&stages_key, stages(aws, api)),
            deployments(aws, api),
            authorizers(aws, api),
            changed_responses(aws, api),
        );
        let (tree, stages, deployments) = (tree?, stages?, deployments?);
        let Parts { stage, routes, authorizers: guards, responses: own, .. } = &spec.parts;
        let recorded = |kind: &str, rest: &[&str]| aws.run.has_record(kind, &[&[api], rest].concat());
        let unlisted_routes = methods(&tree)
            .into_iter()
            .filter(|(name, (resource, method, _))| {
                let path = resource.path().unwrap_or_default();
                !routes.contains(name) && !recorded("apigateway.route", &[path, method])
            })
            .map(|(name, _)| name)
            .collect();
        let further = stages.iter().filter(|found| found.stage_name() != Some(stage));
        let further = further.filter(|found| !recorded("apigateway.stage", &[found.stage_name().unwrap_or_default()]));
        let (of_stack, others): (Vec<&Stage>, Vec<&Stage>) =
            further.partition(|found| stages_of_stack(found, &spec.owner_stack));
        let mut notes = Vec::new();
        note_kept(&mut notes, "stages", others.into_iter().filter_map(Stage::stage_name));
        note_kept(&mut notes, "deployments", of_others(&stages, &deployments));
        let authorizers = authorizers?;
        let others = authorizers
            .iter()
            .filter_map(|one| one.name())
            .filter(|name| !guards.iter().any(|own| own == name) && !recorded("apigateway.authorizer", &[name]));
        note_kept(&mut notes, "authorizers", others);
        let responses = responses?;
        let foreign = responses
            .iter()
            .map(type_of)
            .filter(|kind| !own.iter().any(|own| own == kind) && !recorded("apigateway.gateway_response", &[kind]));
        note_kept(&mut notes, "gateway responses, which take effect with the next deployment,", foreign);
        note_kept(&mut notes, "canaries, which serve another deployment to some of the callers,", canaries(&stages));
        Ok(Self {
            unlisted_routes,
            unused_paths: unused_paths(&tree, &paths(&spec.parts)).into_iter().map(|(path, _)| path).collect(),
            unlisted_stages: of_stack.into_iter().filter_map(|stage| stage.stage_name.clone()).collect(),
            notes,
        })
    }
}

/// Returns the paths of the stack's routes.
fn paths(parts: &Parts) -> Vec<&str> {
    parts.routes.iter().filter_map(|route| Some(route.split_once(' ')?.1)).collect()
}

/// Deletes the parts that the plan has listed: methods, stages, and the paths that then lead nowhere.
pub(super) async fn remove(aws: &Aws, api: &str, live: &Api, want: &Api) -> Result<(), AwsError> {
    delete_methods(aws, api, &live.unlisted_routes).await?;
    if !live.unlisted_routes.is_empty() || !live.unused_paths.is_empty() {
        prune(aws, api, &paths(&want.parts)).await?;
    }
    for stage in &live.unlisted_stages {
        aws.run.forget(&stages_key(api));
        let call = aws.clients.apigateway.delete_stage().rest_api_id(api).stage_name(stage).send();
        aws.find("apigateway:DeleteStage", ABSENT, call).await?;
    }
    if !live.unlisted_stages.is_empty() {
        delete_unserved(aws, api).await?;
    }
    Ok(())
}

/// Returns the deployments that no stage serves and whose description is not the digest of a definition.
fn of_others<'a>(stages: &[Stage], deployments: &'a [Deployment]) -> impl Iterator<Item = &'a str> {
    let served = served_of(stages);
    let others = deployments.iter().filter(|d| !d.description().is_some_and(digest::is_digest));
    others.filter_map(Deployment::id).filter(move |id| !served.iter().any(|served| served == id))
}

fn canaries(stages: &[Stage]) -> impl Iterator<Item = &str> {
    let serving = |stage: &&Stage| stage.canary_settings().is_some_and(|canary| canary.percent_traffic() > 0.0);
    stages.iter().filter(serving).filter_map(Stage::stage_name)
}
