//! `apigateway.stage`: a stage of a REST API, with the deployment that it serves.
//!
//! A deployment is AWS's immutable snapshot of the routes. The stage owns it: the snapshot's description holds the
//! digest of the definition, and a stage whose deployment has another description differs from `stack.yaml`.
//!
//! **Guarantees**: a new deployment is created exactly when the served definition is not the desired one. Callers move
//! over in one call. A deployment that an interrupted run left behind is used, not created twice. Our deployments that
//! no stage serves are deleted (to go back, apply the former `stack.yaml`), those of others never. A deployment that a
//! killed run created and that no stage serves yet is a difference. Right before a snapshot, the API's methods are
//! compared with the definition: if a method is missing, different or not in the definition, no snapshot is taken. So a
//! deployment with our description serves the routes of `stack.yaml` and nothing else.
//! **Assumptions**: nobody changes a method between that comparison and CreateDeployment. A route that drifted and was
//! repaired needs no new deployment: its drifted form is served only if somebody deployed it by hand, and that
//! deployment does not have our description.
//! **Caveats**: AWS creates one deployment in 5 s.

mod wire;

use std::collections::BTreeMap;
use std::time::Duration;

use aws_sdk_apigateway::types::Op as PatchOp;
use serde::{Deserialize, Serialize};

use super::gateway::{EXISTS, delete_tags, put_tags};
use super::{About, Calls, Changes, CreatedResource, Grant, Kind, ObservedResource, Op, Outputs, Parent, Person, Rule};
use crate::aws::apigateway::deployments::{
    create_deployment, delete_unserved, deploy, deployments, find_unserved, stages, stages_key,
};
pub use crate::aws::apigateway::route::Definition;
use crate::aws::apigateway::tree::resources;
use crate::aws::apigateway::{ABSENT, arn, edited_tags, is_created, is_id, live_tags, patch_op, retag, turn_key};
use crate::aws::digest;
use crate::aws::service::APIGATEWAY;
use crate::aws::tags::{self, Tags};
use crate::aws::wait::Poll;
use crate::aws::{Aws, AwsError, Place, Trust};
use wire::{logs, patch, properties, settings, stage};

/// How long AWS may take to report changed methods of an API. A local AWS reports them at once.
const SETTLED_WITHIN: Duration = Duration::from_secs(20);
const SETTLED_WITHIN_LOCALLY: Duration = Duration::from_millis(200);

/// The stage kind.
pub struct ApiStage;

/// A stage; rates in requests per second.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Stage {
    pub rest_api_id: String,
    pub stage_name: String,
    /// The definition that the deployment is a snapshot of: a canonical text, equal for equal APIs. AWS keeps its
    /// digest.
    pub definition: String,
    /// This stack's deployments that an interrupted run created and no stage serves. The desired list is empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unused_deployments: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    pub variables: BTreeMap<String, String>,
    /// None: the account's own limit applies.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub throttling_rate_limit: Option<f64>,
    /// None: the account's own limit applies.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub throttling_burst_limit: Option<u32>,
    pub metrics_enabled: bool,
    pub tracing_enabled: bool,
    /// The log of requests.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub access_log_settings: Option<AccessLogSettings>,
    pub tags: Tags,
}

/// The log of an API's requests.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct AccessLogSettings {
    /// The ARN of a log group.
    pub destination_arn: String,
    pub format: String,
}

impl Kind for ApiStage {
    const ABOUT: About = About {
        outputs: &["stage_name", "url", "arn"],
        identity: &["rest_api_id", "stage_name"],
        rules: &[
            ("rest_api_id", Rule::Replace("API Gateway cannot move a stage to another API")),
            ("stage_name", Rule::Replace("API Gateway cannot rename a stage")),
            ("definition", Rule::Digest),
        ],
        tags: Some(tags::TagRules::strict("API Gateway")),
        parent: Some(Parent { kind: "apigateway.rest_api", owns: true, deletes: true }),
        calls: Calls {
            exists: EXISTS,
            limited: &[(Op::Create, "apigateway:CreateDeployment"), (Op::Update, "apigateway:CreateDeployment")],
            ..Calls::DEFAULT
        },
        person: Person {
            gap: Some("the API does not answer at this stage for some seconds"),
            moved: Some("callers need its new URL: the former one stops answering"),
            seconds: (1.5, 0.6),
            ..Person::DEFAULT
        },
        ..About::of("apigateway.stage", &APIGATEWAY)
    };
    type Spec = Stage;

    fn condition(seen: &ObservedResource<Stage>) -> Option<String> {
        seen.outputs.get("url").cloned()
    }

    /// Computes the URL and the ARN, which follow from the API's id.
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
        let deploy = || Grant::new(&["apigateway:POST"], &deployments).of_own();
        let clean_up = || {
            let listings = Grant::on(&["apigateway:GET"], [stages.clone(), deployments.clone()]);
            [listings, Grant::new(&["apigateway:DELETE"], format!("{deployments}/*")).of_own()]
        };
        let compare = || Grant::new(&["apigateway:GET"], at("resources"));
        match op {
            // AWS returns tags with the stage; a local AWS needs a call of its own for them.
            Op::Read | Op::Present => {
                vec![Grant::on(&["apigateway:GET"], [stage, stages, deployments, arn(place, "/tags/*")])]
            }
            Op::Create => {
                let own = [
                    deploy(),
                    Grant::new(&["apigateway:POST"], &stages).of_own(),
                    Grant::new(&["apigateway:PATCH"], stage).of_own(),
                    // AWS checks tags given at creation like a call of their own.
                    put_tags(place),
                ];
                own.into_iter().chain(clean_up()).chain([compare()]).collect()
            }
            Op::Update => {
                let patch = Grant::new(&["apigateway:PATCH"], stage).of_own();
                let own = [deploy(), patch, put_tags(place), delete_tags(place)];
                own.into_iter().chain(clean_up()).chain([compare()]).collect()
            }
            Op::Delete => [Grant::new(&["apigateway:DELETE"], stage).of_own()].into_iter().chain(clean_up()).collect(),
        }
    }

    fn any_named(_: &str, _: &Place) -> Vec<Stage> {
        vec![Stage { stage_name: "*".to_owned(), ..Stage::default() }]
    }

    /// Calls GetStages, once for the API and its stages, and GetDeployments.
    async fn read(aws: &Aws, spec: &Stage, _: Trust) -> Result<Option<ObservedResource<Stage>>, AwsError> {
        let api = &spec.rest_api_id;
        let (arn, key) = (stage_arn(spec, &aws.place), stages_key(api));
        let (all, deployments, edited) =
            tokio::join!(aws.run.remember(&key, stages(aws, api)), deployments(aws, api), edited_tags(aws, &arn),);
        let (all, deployments, edited) = (all?, deployments?, edited?);
        let Some(live) = all.iter().find(|stage| stage.stage_name() == Some(&spec.stage_name)) else { return Ok(None) };
        let tags = live_tags(live.tags.clone(), edited);
        let served = deployments.iter().find(|d| d.id.is_some() && d.id == live.deployment_id);
        let definition = served.and_then(|d| d.description.clone()).unwrap_or_default();
        // A deployment made by hand and served by the stage is a difference of its own; its repair also cleans up.
        let unused_deployments = match live.deployment_id() {
            Some(id) if digest::is_digest(&definition) => find_unserved(aws, api, Some(id), &deployments).await?,
            _ => Vec::new(),
        };
        let stage = Stage { unused_deployments, ..stage(spec, live, definition, tags) };
        Ok(Some(ObservedResource::new(physical_id(spec), stage, Self::predict(spec, &aws.place))))
    }

    /// GetStage.
    async fn present(aws: &Aws, spec: &Stage) -> Result<Option<ObservedResource<Stage>>, AwsError> {
        let asked =
            aws.clients.apigateway.get_stage().rest_api_id(&spec.rest_api_id).stage_name(&spec.stage_name).send();
        let arn = stage_arn(spec, &aws.place);
        let (found, edited) = tokio::join!(aws.find("apigateway:GetStage", ABSENT, asked), edited_tags(aws, &arn));
        let (Some(found), edited) = (found?, edited?) else { return Ok(None) };
        let stage = Stage { tags: live_tags(found.tags, edited), ..spec.clone() };
        Ok(Some(ObservedResource::new(physical_id(spec), stage, Self::predict(spec, &aws.place))))
    }

    /// Calls CreateDeployment, CreateStage, and UpdateStage for the settings that CreateStage does not take.
    async fn create(aws: &Aws, want: &Stage) -> Result<CreatedResource, AwsError> {
        let _turn = aws.run.turn(&turn_key(&want.rest_api_id)).await;
        // An API that this run created has no deployments, unless an earlier attempt created one.
        let new = is_created(aws, &want.rest_api_id)
            && aws.run.is_first_time(format!("apigateway:CreateStage {}", physical_id(want)));
        let (deployment, alone) = if new {
            (create_deployment(aws, &want.rest_api_id, &want.definition).await?, true)
        } else {
            check_definition(aws, want).await?;
            deploy(aws, &want.rest_api_id, &want.definition).await?
        };
        aws.run.forget(&stages_key(&want.rest_api_id));
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
        let none = Stage::default();
        patch(aws, want, [settings(&none, want), logs(&none, want)].concat()).await?;
        if !alone {
            delete_unserved(aws, &want.rest_api_id).await?;
        }
        Ok(CreatedResource { physical_id: physical_id(want), outputs: Self::predict(want, &aws.place) })
    }

    /// Sends all differences in one UpdateStage, after CreateDeployment if the definition differs.
    async fn update(
        aws: &Aws,
        live: &ObservedResource<Stage>,
        want: &Stage,
        changes: &Changes,
    ) -> Result<(), AwsError> {
        let _turn = aws.run.turn(&turn_key(&want.rest_api_id)).await;
        aws.run.forget(&stages_key(&want.rest_api_id));
        let mut ops = [settings(&live.spec, want), logs(&live.spec, want)].concat();
        if changes.touch("definition") {
            check_definition(aws, want).await?;
            let deployment = deploy(aws, &want.rest_api_id, &want.definition).await?.0;
            ops.push(patch_op(PatchOp::Replace, "/deploymentId", Some(deployment)));
        }
        ops.extend(properties(&live.spec, want));
        patch(aws, want, ops).await?;
        retag(aws, &stage_arn(want, &aws.place), &live.spec.tags, &want.tags).await?;
        if changes.touch_any(&["definition", "unused_deployments"]) {
            delete_unserved(aws, &want.rest_api_id).await?;
        }
        Ok(())
    }

    /// Calls DeleteStage, then DeleteDeployment for this stack's deployments that no stage serves.
    async fn delete(aws: &Aws, live: &ObservedResource<Stage>) -> Result<(), AwsError> {
        let api = &live.spec.rest_api_id;
        let _turn = aws.run.turn(&turn_key(api)).await;
        aws.run.forget(&stages_key(api));
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

/// Returns the stage's URL for callers, without a slash at the end.
fn url(spec: &Stage, place: &Place) -> String {
    let Stage { rest_api_id: api, stage_name: stage, .. } = spec;
    match &place.endpoint_url {
        Some(endpoint) => format!("{}/restapis/{api}/{stage}/_user_request_", endpoint.trim_end_matches('/')),
        None => format!("https://{api}.execute-api.{}.{}/{stage}", place.region, place.suffix()),
    }
}

/// Refuses to take a snapshot of anything but the definition. AWS may report a fresh change only some seconds later.
async fn check_definition(aws: &Aws, want: &Stage) -> Result<(), AwsError> {
    let (api, definition) = (&want.rest_api_id, &want.definition);
    let definition: Definition = serde_json::from_str(definition)
        .map_err(|e| AwsError::Shape { what: "the definition of the stage".into(), message: e.to_string() })?;
    let within = if aws.place.endpoint_url.is_some() { SETTLED_WITHIN_LOCALLY } else { SETTLED_WITHIN };
    let settled = aws.until("the API's routes", within, || async {
        let differs = definition.mismatch(&resources(aws, api).await?);
        Ok(differs.map_or(Poll::Ready(()), Poll::Pending))
    });
    match settled.await {
        Err(AwsError::Deadline { last: Some(differs), .. }) => {
            Err(AwsError::Unplanned { message: format!("not deployed: the API {api} {differs}") })
        }
        settled => settled,
    }
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
}
