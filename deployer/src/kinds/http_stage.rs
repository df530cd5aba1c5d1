//! `apigatewayv2.stage`: a stage of an HTTP API. It deploys by itself: a change of a route is served within seconds.
//!
//! **Guarantees**: the stage is created after all routes, so callers never see a part of an API. All stages of an API
//! are read with one listing. A deployment of AWS's that failed is reported.
//! **Assumptions**: nobody switches the automatic deployment off, which would be a difference and is switched on again.
//! **Caveats**: AWS merges the variables and the settings of routes that it is sent with those that it has, so each
//! removed one is sent empty or deleted by a call of its own. To log, AWS needs a policy of CloudWatch Logs, which it
//! writes itself with the permissions of the caller (`AWSLogDeliveryWrite20150319`).

mod wire;

use std::collections::BTreeMap;

use aws_sdk_apigatewayv2::types::Stage as Live;
use serde::{Deserialize, Serialize};

use super::gateway::{delete_tags, post_tags};
use super::{About, Calls, Changes, CreatedResource, Grant, Kind, ObservedResource, Op, Outputs, Parent, Person, Rule};
use crate::aws::apigateway::http::{edited_tags, retag, stages, stages_key};
use crate::aws::apigateway::{ABSENT, arn, is_id, turn_key};
use crate::aws::service::{APIGATEWAYV2, cure};
use crate::aws::tags::{self, Tags};
use crate::aws::{Aws, AwsError, Place, Trust};
use wire::{clear, send_create, send_update, to_spec};

/// The stage kind.
pub struct HttpStage;

/// The name of the stage that has no part in the path of its URLs.
pub const DEFAULT: &str = "$default";

/// A stage; rates in requests per second.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Stage {
    pub api_id: String,
    pub stage_name: String,
    pub auto_deploy: bool,
    /// The settings of routes without settings of their own.
    pub default_route_settings: RouteSettings,
    /// By route key. AWS takes nothing from the default for them.
    pub route_settings: BTreeMap<String, RouteSettings>,
    pub stage_variables: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub access_log_settings: Option<AccessLogSettings>,
    pub tags: Tags,
}

/// How a stage treats the requests of routes.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct RouteSettings {
    pub detailed_metrics_enabled: bool,
    /// None: the account's own limit applies.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub throttling_burst_limit: Option<u32>,
    /// None: the account's own limit applies.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub throttling_rate_limit: Option<f64>,
}

/// The log of a stage's requests.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct AccessLogSettings {
    /// The ARN of a log group.
    pub destination_arn: String,
    pub format: String,
}

/// The calls that AWS makes in the caller's name to let itself write to a log group.
const DELIVERY: &[&str] = &[
    "logs:CreateLogDelivery",
    "logs:DeleteLogDelivery",
    "logs:DescribeLogGroups",
    "logs:DescribeResourcePolicies",
    "logs:GetLogDelivery",
    "logs:ListLogDeliveries",
    "logs:PutResourcePolicy",
    "logs:UpdateLogDelivery",
];

const UNSEEN_GROUP: &str = "the new log group is not visible to API Gateway yet";

impl Kind for HttpStage {
    const ABOUT: About = About {
        outputs: &["stage_name", "url", "arn"],
        identity: &["api_id", "stage_name"],
        rules: &[
            ("api_id", Rule::Replace("API Gateway cannot move a stage to another API")),
            ("stage_name", Rule::Replace("API Gateway cannot rename a stage")),
        ],
        tags: Some(tags::TagRules::strict("API Gateway")),
        parent: Some(Parent { kind: "apigatewayv2.api", owns: true, deletes: true }),
        calls: Calls {
            exists: &["ConflictException"],
            cures: &[
                cure("apigatewayv2:CreateStage", "NotFoundException", "log group", 60, UNSEEN_GROUP),
                cure("apigatewayv2:UpdateStage", "NotFoundException", "log group", 60, UNSEEN_GROUP),
            ],
            ..Calls::DEFAULT
        },
        person: Person {
            gap: Some("the API does not answer at this stage for some seconds"),
            moved: Some("callers need its new URL: the former one stops answering"),
            seconds: (0.8, 0.5),
            ..Person::DEFAULT
        },
        ..About::of("apigatewayv2.stage", &APIGATEWAYV2)
    };
    type Spec = Stage;

    fn condition(seen: &ObservedResource<Stage>) -> Option<String> {
        seen.outputs.get("url").cloned()
    }

    /// Computes the URL and the ARN, which follow from the API's id.
    fn predict(spec: &Stage, place: &Place) -> Outputs {
        let mut outputs = Outputs::from([("stage_name".into(), spec.stage_name.clone())]);
        if is_id(&spec.api_id) {
            outputs.insert("url".into(), url(spec, place));
            outputs.insert("arn".into(), stage_arn(spec, place));
        }
        outputs
    }

    fn iam(op: Op, spec: &Stage, place: &Place) -> Vec<Grant> {
        let api = if is_id(&spec.api_id) { &spec.api_id } else { "*" };
        let stages = arn(place, &format!("/apis/{api}/stages"));
        let stage = format!("{stages}/{}", spec.stage_name);
        // AWS lets itself write to the log group with the permissions of the caller.
        let deliver = || spec.access_log_settings.is_some().then(|| Grant::new(DELIVERY, "*"));
        match op {
            // AWS returns tags with the stage; a local AWS needs a call of its own for them.
            Op::Read | Op::Present => vec![Grant::on(&["apigateway:GET"], [stages, arn(place, "/tags/*")])],
            Op::Create => {
                let create = Grant::new(&["apigateway:POST"], stages).of_own();
                [create, post_tags(place)].into_iter().chain(deliver()).collect()
            }
            Op::Update => {
                // Log settings and the settings of a route are parts of the stage that are deleted by themselves.
                let parts =
                    Grant::on(&["apigateway:PATCH", "apigateway:DELETE"], [stage.clone(), stage + "/*"]).of_own();
                [parts, post_tags(place), delete_tags(place)].into_iter().chain(deliver()).collect()
            }
            Op::Delete => vec![Grant::new(&["apigateway:DELETE"], stage).of_own()],
        }
    }

    fn any_named(_: &str, _: &Place) -> Vec<Stage> {
        let any = Stage { stage_name: "*".to_owned(), ..Stage::default() };
        vec![Stage { access_log_settings: Some(AccessLogSettings::default()), ..any.clone() }, any]
    }

    /// Calls GetStages, once for the API and its stages.
    async fn read(aws: &Aws, spec: &Stage, _: Trust) -> Result<Option<ObservedResource<Stage>>, AwsError> {
        let arn = stage_arn(spec, &aws.place);
        let (all, edited) = tokio::join!(stages(aws, &spec.api_id), edited_tags(aws, &arn));
        let (all, edited) = (all?, edited?);
        let Some(live) = all.iter().find(|stage| stage.stage_name() == Some(&spec.stage_name)) else { return Ok(None) };
        let tags = edited.unwrap_or_else(|| tags::without_aws(live.tags.clone().unwrap_or_default()));
        let outputs = Self::predict(spec, &aws.place);
        let mut seen = ObservedResource::new(physical_id(spec), to_spec(spec, live, tags), outputs);
        seen.notes.extend(failed_deployment(live));
        Ok(Some(seen))
    }

    async fn create(aws: &Aws, want: &Stage) -> Result<CreatedResource, AwsError> {
        let _turn = aws.run.turn(&turn_key(&want.api_id)).await;
        aws.run.forget(&stages_key(&want.api_id));
        send_create(aws, want).await?;
        aws.run.forget(&stages_key(&want.api_id));
        Ok(CreatedResource { physical_id: physical_id(want), outputs: Self::predict(want, &aws.place) })
    }

    /// Deletes what UpdateStage cannot clear, and then sends the rest.
    async fn update(
        aws: &Aws,
        live: &ObservedResource<Stage>,
        want: &Stage,
        changes: &Changes,
    ) -> Result<(), AwsError> {
        let _turn = aws.run.turn(&turn_key(&want.api_id)).await;
        aws.run.forget(&stages_key(&want.api_id));
        retag(aws, &stage_arn(want, &aws.place), &live.spec.tags, &want.tags).await?;
        clear(aws, &live.spec, want).await?;
        send_update(aws, &live.spec, want, changes).await
    }

    async fn delete(aws: &Aws, live: &ObservedResource<Stage>) -> Result<(), AwsError> {
        let api = &live.spec.api_id;
        let _turn = aws.run.turn(&turn_key(api)).await;
        let call = aws.clients.apigatewayv2.delete_stage().api_id(api).stage_name(&live.spec.stage_name).send();
        let deleted = aws.find("apigatewayv2:DeleteStage", ABSENT, call).await.map(drop);
        aws.run.forget(&stages_key(api));
        deleted
    }
}

fn physical_id(spec: &Stage) -> String {
    format!("{}/{}", spec.api_id, spec.stage_name)
}

fn stage_arn(spec: &Stage, place: &Place) -> String {
    arn(place, &format!("/apis/{}/stages/{}", spec.api_id, spec.stage_name))
}

/// Returns the stage's URL for callers, without a slash at the end.
fn url(spec: &Stage, place: &Place) -> String {
    let Stage { api_id, stage_name, .. } = spec;
    let stage = if stage_name == DEFAULT { String::new() } else { format!("/{stage_name}") };
    match &place.endpoint_url {
        Some(endpoint) => format!("{}/_aws/execute-api/{api_id}{stage}", endpoint.trim_end_matches('/')),
        None => format!("https://{api_id}.execute-api.{}.{}{stage}", place.region, place.suffix()),
    }
}

/// Describes the last deployment if it failed: the stage then serves what it served before.
fn failed_deployment(live: &Live) -> Option<String> {
    let message = live.last_deployment_status_message().filter(|text| !text.is_empty())?;
    let failed = !message.starts_with("Successfully") && message.to_lowercase().contains("fail");
    failed.then(|| format!("serves what it served before its last deployment, which failed: {message}"))
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
        let stage = |name: &str| Stage { api_id: "abc123".into(), stage_name: name.into(), ..Stage::default() };
        assert_eq!(url(&stage(DEFAULT), &place(None)), "https://abc123.execute-api.eu-west-1.amazonaws.com");
        assert_eq!(url(&stage("v1"), &place(None)), "https://abc123.execute-api.eu-west-1.amazonaws.com/v1");
        let local = place(Some("http://127.0.0.1:4566/"));
        assert_eq!(url(&stage(DEFAULT), &local), "http://127.0.0.1:4566/_aws/execute-api/abc123");
        assert_eq!(url(&stage("v1"), &local), "http://127.0.0.1:4566/_aws/execute-api/abc123/v1");
    }

    #[test]
    fn the_url_is_unknown_while_the_api_id_is() {
        let spec = Stage { api_id: "${http_apis.shop.id}".into(), stage_name: DEFAULT.into(), ..Stage::default() };
        assert_eq!(HttpStage::predict(&spec, &place(None)).into_keys().collect::<Vec<_>>(), ["stage_name"]);
    }

    #[test]
    fn a_failed_deployment_is_reported_and_no_other() {
        let note = |message: &str| failed_deployment(&Live::builder().last_deployment_status_message(message).build());
        assert_eq!(note("Successfully deployed stage with deployment ID 'a1'"), None);
        assert_eq!(note(""), None);
        let failed = note("Deployment attempt failed: Unable to deploy API because no routes exist in this API");
        assert!(failed.is_some_and(|text| text.contains("no routes exist")));
    }
}
