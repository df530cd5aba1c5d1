//! `apigateway.stage`: a stage of a REST API, with the deployment that it serves.
//!
//! A deployment is AWS's immutable snapshot of the routes. The stage owns it: the snapshot's description holds the
//! digest of the definition that it was taken of, and a stage whose deployment has another description is different.
//!
//! **Guarantees**: a new deployment is made exactly when the definition served is not the one wanted. Callers move
//! over in one call. A deployment that a crash left behind is used, not made twice; those that no stage serves any
//! more are deleted (the way back is the former `stack.yaml`), foreign ones never. What a killed run made and nothing
//! came to use, paths and deployments, is a difference; paths are deleted before the snapshot is taken.
//! **Assumptions**: routes and API settings are as wanted when create and update run, for the stage depends on them.
//! A route that drifted and was repaired needs no new deployment: the drifted form is served only after somebody
//! deployed it by hand, and that deployment does not have our description.
//! **Caveats**: methods that somebody added by hand are part of the next snapshot. AWS makes one deployment in 5 s.

mod deployments;

use std::collections::BTreeMap;

use aws_sdk_apigateway::types::{MethodSetting, Op as PatchOp, PatchOperation, Stage as Live};
use serde::{Deserialize, Serialize};

use deployments::{create_deployment, delete_unserved, deploy, deployments, unserved};

use super::{Changes, Created, Grant, Kind, Observed, Op, Outputs, Ownership, Rule};
use crate::aws::apigateway::{
    ABSENT, arn, edited_tags, is_id, is_new, live_tags, patch_op, pointer, resources, retag, tree_key, turn_key, unused,
};
use crate::aws::digest;
use crate::aws::tags::{self, Tags};
use crate::aws::{Aws, AwsError, Place};

/// The stage kind.
pub struct ApiStage;

/// A stage; rates in requests per second.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Stage {
    pub rest_api_id: String,
    pub stage_name: String,
    /// What the deployment is a snapshot of: a canonical text in which equal APIs are equal. AWS keeps its digest.
    pub definition: String,
    /// Paths without methods that a cut-off run left; none are wanted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unused_paths: Vec<String>,
    /// Deployments of ours that a cut-off run left and no stage serves; none are wanted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unused_deployments: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    pub variables: BTreeMap<String, String>,
    /// None: the account's own limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub throttling_rate_limit: Option<f64>,
    /// None: the account's own limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub throttling_burst_limit: Option<u32>,
    pub metrics_enabled: bool,
    pub tracing_enabled: bool,
    pub tags: Tags,
}

impl Kind for ApiStage {
    const NAME: &'static str = "apigateway.stage";
    const OUTPUTS: &'static [&'static str] = &["stage_name", "url", "arn"];
    const IDENTITY: &'static [&'static str] = &["rest_api_id", "stage_name"];
    const RULES: &'static [(&'static str, Rule)] = &[
        ("rest_api_id", Rule::Replace("API Gateway cannot move a stage to another API")),
        ("stage_name", Rule::Replace("API Gateway cannot rename a stage")),
        ("definition", Rule::Digest),
    ];
    const OWNERSHIP: Ownership = Ownership::Parent;
    const LIMITED: &'static [(Op, &'static str)] =
        &[(Op::Create, "apigateway:CreateDeployment"), (Op::Update, "apigateway:CreateDeployment")];
    const GOES_WITH_PARENT: bool = true;
    const PART_OF: Option<&'static str> = Some("apigateway.rest_api");
    const GAP: Option<&'static str> = Some("the API does not answer at this stage for some seconds");
    const MOVED: Option<&'static str> = Some("callers need its new URL: the former one stops answering");
    const TAGS: tags::Rules = tags::Rules::strict("API Gateway");
    type Spec = Stage;

    /// The URL and ARN are known as soon as the API's id is.
    fn predict(spec: &Stage, place: &Place) -> Outputs {
        let mut outputs = Outputs::from([("stage_name".into(), spec.stage_name.clone())]);
        if is_id(&spec.rest_api_id) {
            outputs.insert("url".into(), url(spec, place));
            outputs.insert("arn".into(), stage_arn(spec, place));
        }
        outputs
    }

    fn iam(op: Op, spec: &Stage, place: &Place) -> Vec<Grant> {
        let api = if is_id(&spec.rest_api_id) { &spec.rest_api_id } else { "*" };
        let at = |path: &str| arn(place, &format!("/restapis/{api}/{path}"));
        let stage = at(&format!("stages/{}", spec.stage_name));
        let (stages, deployments) = (at("stages"), at("deployments"));
        let deploy = || Grant::new(&["apigateway:GET", "apigateway:POST"], &deployments);
        let clean_up = || {
            let listings = Grant::on(&["apigateway:GET"], [stages.clone(), deployments.clone()]);
            [listings, Grant::new(&["apigateway:DELETE"], format!("{deployments}/*"))]
        };
        let resources = at("resources");
        let prune = || {
            let parts = Grant::new(&["apigateway:DELETE"], format!("{resources}/*"));
            [Grant::new(&["apigateway:GET"], &resources), parts]
        };
        match op {
            // AWS tells tags with the stage; a local AWS is asked for them apart.
            Op::Read | Op::Present => {
                vec![Grant::on(&["apigateway:GET"], [stage, stages, deployments, resources, arn(place, "/tags/*")])]
            }
            Op::Create => {
                let own = [
                    deploy(),
                    Grant::new(&["apigateway:POST"], &stages),
                    Grant::new(&["apigateway:PATCH"], stage),
                    // Tags given at creation are checked as a call of their own.
                    Grant::new(&["apigateway:PUT"], arn(place, "/tags/*")),
                ];
                own.into_iter().chain(clean_up()).chain(prune()).collect()
            }
            Op::Update => {
                let tags = Grant::new(&["apigateway:PUT", "apigateway:DELETE"], arn(place, "/tags/*"));
                let own = [deploy(), Grant::new(&["apigateway:PATCH"], stage), tags];
                own.into_iter().chain(clean_up()).chain(prune()).collect()
            }
            Op::Delete => [Grant::new(&["apigateway:DELETE"], stage)].into_iter().chain(clean_up()).collect(),
        }
    }

    /// GetStage, GetDeployments and, once with all routes of the API, GetResources; GetStages if there is more than
    /// the deployment served.
    async fn read(aws: &Aws, spec: &Stage) -> Result<Option<Observed<Stage>>, AwsError> {
        let gateway = &aws.clients.apigateway;
        let asked = gateway.get_stage().rest_api_id(&spec.rest_api_id).stage_name(&spec.stage_name).send();
        let (api, tree) = (&spec.rest_api_id, tree_key(&spec.rest_api_id));
        let arn = stage_arn(spec, &aws.place);
        let (found, deployments, tree, edited) = tokio::join!(
            aws.find("apigateway:GetStage", ABSENT, asked),
            deployments(aws, api),
            aws.remember(&tree, resources(aws, api)),
            edited_tags(aws, &arn),
        );
        let (Some(found), deployments, tree, edited) = (found?, deployments?, tree?, edited?) else { return Ok(None) };
        let live = Live::builder()
            .set_deployment_id(found.deployment_id)
            .set_description(found.description)
            .set_variables(found.variables)
            .set_method_settings(found.method_settings)
            .tracing_enabled(found.tracing_enabled)
            .build();
        let tags = live_tags(found.tags, edited);
        let served = deployments.iter().find(|d| d.id.is_some() && d.id == live.deployment_id);
        let definition = served.and_then(|d| d.description.clone()).unwrap_or_default();
        let unused_paths = unused(&tree).into_iter().map(|(path, _)| path).collect();
        // One made by hand and served is a difference of its own, whose end cleans up.
        let unused_deployments = match live.deployment_id() {
            Some(id) if digest::is_digest(&definition) => unserved(aws, api, Some(id), &deployments).await?,
            _ => Vec::new(),
        };
        let stage = Stage { unused_paths, unused_deployments, ..stage(spec, &live, definition, tags) };
        Ok(Some(Observed::new(physical_id(spec), stage, Self::predict(spec, &aws.place))))
    }

    /// GetStage.
    async fn present(aws: &Aws, spec: &Stage) -> Result<Option<Observed<Stage>>, AwsError> {
        let asked =
            aws.clients.apigateway.get_stage().rest_api_id(&spec.rest_api_id).stage_name(&spec.stage_name).send();
        let arn = stage_arn(spec, &aws.place);
        let (found, edited) = tokio::join!(aws.find("apigateway:GetStage", ABSENT, asked), edited_tags(aws, &arn));
        let (Some(found), edited) = (found?, edited?) else { return Ok(None) };
        let stage = Stage { tags: live_tags(found.tags, edited), ..spec.clone() };
        Ok(Some(Observed::new(physical_id(spec), stage, Self::predict(spec, &aws.place))))
    }

    /// CreateDeployment, CreateStage, and UpdateStage for the settings that CreateStage does not take.
    async fn create(aws: &Aws, want: &Stage) -> Result<Created, AwsError> {
        let _turn = aws.turn(&turn_key(&want.rest_api_id)).await;
        // In an API that this run made there is nothing to find, unless an earlier attempt left it.
        let new =
            is_new(aws, &want.rest_api_id) && aws.first_time(format!("apigateway:CreateStage {}", physical_id(want)));
        let (deployment, alone) = if new {
            (create_deployment(aws, want).await?, true)
        } else {
            prune(aws, &want.rest_api_id).await?;
            deploy(aws, want).await?
        };
        let call = aws
            .clients
            .apigateway
            .create_stage()
            .rest_api_id(&want.rest_api_id)
            .stage_name(&want.stage_name)
            .deployment_id(deployment)
            .set_description(want.description.clone())
            .set_variables(Some(want.variables.clone().into_iter().collect()))
            .tracing_enabled(want.tracing_enabled)
            .set_tags(Some(want.tags.clone().into_iter().collect()));
        aws.call("apigateway:CreateStage", call.send()).await?;
        patch(aws, want, settings(&Stage::default(), want)).await?;
        if !alone {
            delete_unserved(aws, &want.rest_api_id).await?;
        }
        Ok(Created { physical_id: physical_id(want), outputs: Self::predict(want, &aws.place) })
    }

    /// One UpdateStage for all that differs, after CreateDeployment when the definition does.
    async fn update(aws: &Aws, live: &Observed<Stage>, want: &Stage, changes: &Changes) -> Result<(), AwsError> {
        let _turn = aws.turn(&turn_key(&want.rest_api_id)).await;
        if changes.touch_any(&["definition", "unused_paths"]) {
            prune(aws, &want.rest_api_id).await?;
        }
        let mut ops = settings(&live.spec, want);
        if changes.touch("definition") {
            ops.push(patch_op(PatchOp::Replace, "/deploymentId", Some(deploy(aws, want).await?.0)));
        }
        ops.extend(properties(&live.spec, want));
        patch(aws, want, ops).await?;
        retag(aws, &stage_arn(want, &aws.place), &live.spec.tags, &want.tags).await?;
        if changes.touch_any(&["definition", "unused_deployments"]) {
            delete_unserved(aws, &want.rest_api_id).await?;
        }
        Ok(())
    }

    /// DeleteStage, then DeleteDeployment for those of ours that no stage serves.
    async fn delete(aws: &Aws, live: &Observed<Stage>) -> Result<(), AwsError> {
        let api = &live.spec.rest_api_id;
        let _turn = aws.turn(&turn_key(api)).await;
        let call = aws.clients.apigateway.delete_stage().rest_api_id(api).stage_name(&live.spec.stage_name).send();
        aws.find("apigateway:DeleteStage", ABSENT, call).await?;
        delete_unserved(aws, api).await
    }
}

fn physical_id(spec: &Stage) -> String {
    format!("{}/{}", spec.rest_api_id, spec.stage_name)
}

fn stage_arn(spec: &Stage, place: &Place) -> String {
    arn(place, &format!("/restapis/{}/stages/{}", spec.rest_api_id, spec.stage_name))
}

/// Where callers reach the stage, without a slash at the end.
fn url(spec: &Stage, place: &Place) -> String {
    let Stage { rest_api_id: api, stage_name: stage, .. } = spec;
    match &place.endpoint_url {
        Some(endpoint) => format!("{}/restapis/{api}/{stage}/_user_request_", endpoint.trim_end_matches('/')),
        None => format!("https://{api}.execute-api.{}.{}/{stage}", place.region, place.suffix()),
    }
}

fn stage(spec: &Stage, live: &Live, definition: String, tags: Tags) -> Stage {
    let all = live.method_settings().and_then(|settings| settings.get("*/*"));
    // −1 says that the account's limit holds.
    let rate = all.map(MethodSetting::throttling_rate_limit).filter(|rate| *rate >= 0.0);
    let burst = all.and_then(|s| u32::try_from(s.throttling_burst_limit()).ok());
    Stage {
        rest_api_id: spec.rest_api_id.clone(),
        stage_name: spec.stage_name.clone(),
        definition,
        unused_paths: Vec::new(),
        unused_deployments: Vec::new(),
        description: live.description.clone().filter(|text| !text.is_empty()),
        variables: live.variables.clone().unwrap_or_default().into_iter().collect(),
        throttling_rate_limit: rate,
        throttling_burst_limit: burst,
        metrics_enabled: all.is_some_and(MethodSetting::metrics_enabled),
        tracing_enabled: live.tracing_enabled(),
        tags,
    }
}

/// Deletes the paths that no route uses. The stage comes after all routes, so none is still to be used.
async fn prune(aws: &Aws, api: &str) -> Result<(), AwsError> {
    for (_, id) in unused(&resources(aws, api).await?) {
        let call = aws.clients.apigateway.delete_resource().rest_api_id(api).resource_id(id).send();
        aws.find("apigateway:DeleteResource", ABSENT, call).await?;
    }
    aws.forget(&tree_key(api));
    Ok(())
}

async fn patch(aws: &Aws, want: &Stage, ops: Vec<PatchOperation>) -> Result<(), AwsError> {
    if ops.is_empty() {
        return Ok(());
    }
    let call = aws.clients.apigateway.update_stage().rest_api_id(&want.rest_api_id).stage_name(&want.stage_name);
    aws.call("apigateway:UpdateStage", call.set_patch_operations(Some(ops)).send()).await.map(drop)
}

/// The settings for all methods, sent together: one of them alone would leave the others to the server's defaults.
fn settings(live: &Stage, want: &Stage) -> Vec<PatchOperation> {
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

/// The PATCH operations for what CreateStage takes as well.
fn properties(live: &Stage, want: &Stage) -> Vec<PatchOperation> {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn place(endpoint_url: Option<&str>) -> Place {
        Place {
            account: "123456789012".into(),
            region: "eu-west-1".into(),
            partition: "aws".into(),
            endpoint_url: endpoint_url.map(str::to_owned),
        }
    }

    #[test]
    fn the_url_is_usable_as_it_stands_on_aws_and_on_a_local_one() {
        let spec = Stage { rest_api_id: "abc123".into(), stage_name: "Prod".into(), ..Stage::default() };
        assert_eq!(url(&spec, &place(None)), "https://abc123.execute-api.eu-west-1.amazonaws.com/Prod");
        assert_eq!(
            url(&spec, &place(Some("http://127.0.0.1:4566/"))),
            "http://127.0.0.1:4566/restapis/abc123/Prod/_user_request_"
        );
    }

    #[test]
    fn the_url_is_unknown_while_the_api_id_is() {
        let spec = Stage { rest_api_id: "${apis.couch.id}".into(), stage_name: "Prod".into(), ..Stage::default() };
        assert_eq!(ApiStage::predict(&spec, &place(None)).into_keys().collect::<Vec<_>>(), ["stage_name"]);
    }

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
