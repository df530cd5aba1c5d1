//! `apigateway.rest_api`: a REST API (v1) without its routes and stages.
//!
//! **Guarantees**: an API is found by its ownership tags, which the first call sends, so an interrupted run leaves no
//! API that cannot be found. If the state has an API's id, only that API is meant. All APIs of a run share one listing.
//! Every part of an API that is not in `stack.yaml` is detected: methods, paths and stages with the stack's tags are
//! differences, and are deleted before anything is deployed; stages, deployments, authorizers, gateway responses and a
//! resource policy of others are reported and kept. Parts that the last apply recorded, such as a route that was
//! removed from `stack.yaml`, are deleted under their own address.
//! **Assumptions**: of several APIs with the same tags, this stack owns those that were created after the interrupted
//! run began to create one. The oldest of them is meant; the others are differences, and are deleted. Every other API
//! is reported and kept. If nothing tells which API is meant, the run fails and nothing is changed.
//! **Caveats**: API names are not unique, so CreateRestApi is sent once an attempt and never repeated by the SDK. AWS
//! deletes one API in 30 s. Changes reach callers with the stage's next deployment.

mod contents;
mod identity;
mod local;
mod log_role;
mod wire;

use std::time::Duration;

use aws_sdk_apigateway::types::{ApiStatus, RestApi as Live};
use serde::{Deserialize, Serialize};

use super::gateway::{EXISTS, delete_tags, put_tags};
use super::{
    About, Bound, Calls, Changes, CreatedResource, FoundResource, Grant, Kind, NameProperty, ObservedResource, Op,
    Outputs, Person, Rule, service_role,
};
use crate::aws::apigateway::owned::MatchingApis;
use crate::aws::apigateway::{ABSENT, arn, edited_tags, live_tags, note_new, retag, tree_key, turn_key};
use crate::aws::service::APIGATEWAY;
use crate::aws::tags::{self, Tags};
use crate::aws::wait::Poll;
use crate::aws::{Aws, AwsError, Place, Trust, once};
use contents::{Contents, remove};
use identity::{LISTING, find_matching, known_before, made_since};
use local::can_patch;
use wire::{api, patch, send_create};

/// The REST API kind.
pub struct RestApi;

/// A REST API; sizes in bytes.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Api {
    /// The value of its tag `deployer:stack`.
    pub owner_stack: String,
    /// The value of its tag `deployer:address`.
    pub owner_address: String,
    pub name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// `REGIONAL`, `EDGE` or `PRIVATE`.
    pub endpoint_type: String,
    pub binary_media_types: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub minimum_compression_size: Option<u32>,
    pub disable_execute_api_endpoint: bool,
    /// `HEADER` or `AUTHORIZER`.
    pub api_key_source: String,
    pub tags: Tags,
    /// The stack's parts of the API. All other parts were created by others.
    #[serde(default)]
    pub parts: Parts,
    /// Routes that neither `stack.yaml` has nor an earlier apply created, such as `ANY /admin`. The desired list is
    /// empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unlisted_routes: Vec<String>,
    /// Paths without a route that an interrupted run left. The desired list is empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unused_paths: Vec<String>,
    /// Stages with this stack's tags that `stack.yaml` does not have. The desired list is empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unlisted_stages: Vec<String>,
    /// Ids of further APIs that an interrupted run created for this element. The desired list is empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub duplicates: Vec<String>,
}

/// The parts of an API in `stack.yaml`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Parts {
    pub stage: String,
    /// `POST /images`.
    pub routes: Vec<String>,
    /// The stage has a log of requests.
    #[serde(default, skip_serializing_if = "is_false")]
    pub logs: bool,
    /// Names of authorizers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub authorizers: Vec<String>,
    /// Types of API Gateway's own answers: `DEFAULT_4XX`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub responses: Vec<String>,
}

/// Tells whether an API lacks a part. Such a part is left out of texts.
const fn is_false(value: &bool) -> bool {
    !*value
}

impl Kind for RestApi {
    const ABOUT: About = About {
        outputs: &["id", "name", "arn", "execution_arn", "root_resource_id"],
        identity: &["owner_stack", "owner_address"],
        rules: &[
            ("owner_stack", Rule::Replace("an API is known by its stack's tag")),
            ("owner_address", Rule::Replace("an API is known by the tag of its address")),
            ("binary_media_types", Rule::Unordered),
            ("parts", Rule::Hint),
        ],
        bounds: &[("endpoint_type", Bound::Shut("PRIVATE")), ("disable_execute_api_endpoint", Bound::Switch)],
        tags: Some(tags::TagRules::strict("API Gateway")),
        named: Some(NameProperty::of("name", 255)),
        calls: Calls {
            exists: EXISTS,
            limited: &[(Op::Create, "apigateway:CreateRestApi"), (Op::Delete, "apigateway:DeleteRestApi")],
            ..Calls::DEFAULT
        },
        person: Person {
            lost: Some("its URL; a new API gets a new one"),
            gap: Some("the API does not answer, and AWS deletes only one API in 30 s"),
            seconds: (1.5, 1.0),
            ..Person::DEFAULT
        },
        ..About::of("apigateway.rest_api", &APIGATEWAY)
    };
    type Spec = Api;

    /// Predicts only the name: AWS generates the id.
    fn predict(spec: &Api, _: &Place) -> Outputs {
        Outputs::from([("name".into(), spec.name.clone())])
    }

    /// Grants by the API's tags, because its id is not known before it exists. The parts of an API inherit its tags.
    fn iam(op: Op, spec: &Api, place: &Place) -> Vec<Grant> {
        let apis = arn(place, "/restapis");
        let api = arn(place, "/restapis/*");
        let under = |parts: &[&str]| parts.iter().map(|part| format!("{api}/{part}")).collect::<Vec<_>>();
        let contents = ["resources", "stages", "deployments", "authorizers", "gatewayresponses"];
        match op {
            // AWS returns tags with the API; a local AWS needs a call of its own for them.
            Op::Present => vec![Grant::on(&["apigateway:GET"], [apis, arn(place, "/tags/*")])],
            Op::Read => {
                let account = spec.parts.logs.then(|| arn(place, "/account"));
                let resources = [vec![apis, arn(place, "/tags/*")], under(&contents), Vec::from_iter(account)].concat();
                vec![Grant::on(&["apigateway:GET"], resources)]
            }
            // AWS checks tags given at creation like a call of their own.
            Op::Create => vec![
                Grant::new(&["apigateway:GET"], &apis),
                Grant::new(&["apigateway:POST"], apis).marking_own(),
                put_tags(place),
                service_role(place, "ops.apigateway.amazonaws.com", "AWSServiceRoleForAPIGateway"),
            ],
            Op::Update => vec![
                Grant::new(&["apigateway:GET"], &api),
                Grant::on(&["apigateway:PATCH", "apigateway:DELETE"], [api]).of_own(),
                put_tags(place),
                delete_tags(place),
            ],
            Op::Delete => vec![Grant::new(&["apigateway:GET"], apis), Grant::new(&["apigateway:DELETE"], api).of_own()],
        }
    }

    fn any_named(_: &str, _: &Place) -> Vec<Api> {
        vec![Api::default()]
    }

    /// Calls GetRestApis, once for all APIs of a run, and reads the parts of the API that `spec` means.
    async fn read(aws: &Aws, spec: &Api, _: Trust) -> Result<Option<ObservedResource<Api>>, AwsError> {
        let expected = aws.run.recorded_id(Self::NAME, &[&spec.owner_stack, &spec.owner_address]);
        let ahead = async {
            match &expected {
                Some(id) => Contents::read(aws, id, spec).await.map(Some),
                None => Ok(None),
            }
        };
        let (found, ahead, role) = tokio::join!(observe_api(aws, spec), ahead, log_role::check(aws, spec));
        role?;
        let Some(mut seen) = found? else { return Ok(None) };
        let contents = match ahead?.filter(|_| expected.as_ref() == Some(&seen.physical_id)) {
            Some(contents) => contents,
            None => Contents::read(aws, &seen.physical_id, spec).await?,
        };
        let Contents { unlisted_routes, unused_paths, unlisted_stages, notes } = contents;
        seen.spec = Api { unlisted_routes, unused_paths, unlisted_stages, ..seen.spec };
        seen.notes.extend(notes);
        Ok(Some(seen))
    }

    /// Calls GetRestApis. The parts need no read: AWS deletes them with the API.
    async fn present(aws: &Aws, spec: &Api) -> Result<Option<ObservedResource<Api>>, AwsError> {
        observe_api(aws, spec).await
    }

    fn by_arn(resource: &str, tags: &Tags) -> Option<FoundResource<Api>> {
        let id = resource.strip_prefix("/restapis/").filter(|id| !id.contains('/'))?;
        Some(identity::found_resource(id, tags))
    }

    async fn named_like(aws: &Aws, _: &str) -> Result<Vec<FoundResource<Api>>, AwsError> {
        if aws.place.endpoint_url.is_some() { identity::all(aws).await } else { Ok(Vec::new()) }
    }

    /// Calls CreateRestApi once. A second attempt looks for the API that the first one may have created.
    async fn create(aws: &Aws, want: &Api) -> Result<CreatedResource, AwsError> {
        let before = known_before(aws, want).await?;
        aws.run.forget(LISTING);
        let attempt = format!("apigateway:CreateRestApi {} {}", want.owner_stack, want.owner_address);
        if !aws.run.is_first_time(attempt)
            && let Some(found) = made_since(aws, want, &before).await?
        {
            return created_api(aws, &found);
        }
        let look = || async {
            aws.run.forget(LISTING);
            made_since(aws, want, &before).await
        };
        let made = once(|| send_create(aws, want), look).await?;
        aws.run.forget(LISTING);
        if let (Some(id), Some(root)) = (made.id(), made.root_resource_id()) {
            note_new(aws, id, root).await?;
        }
        created_api(aws, &made)
    }

    /// Sets the tags first, because IAM policies, ours and others', know the owner by them. Then calls UpdateRestApi,
    /// and deletes the unwanted parts.
    async fn update(aws: &Aws, live: &ObservedResource<Api>, want: &Api, changes: &Changes) -> Result<(), AwsError> {
        let id = &live.physical_id;
        aws.run.forget(LISTING);
        retag(aws, &api_arn(aws, id), &live.spec.tags, &want.tags).await?;
        let patch = patch(&live.spec, want);
        if changes.touch_other_than(&["tags"]) && !patch.is_empty() {
            can_patch(aws, changes)?;
            let call = aws.clients.apigateway.update_rest_api().rest_api_id(id).set_patch_operations(Some(patch));
            let now = aws.call("apigateway:UpdateRestApi", call.send()).await?;
            if now.api_status == Some(ApiStatus::Updating) {
                available(aws, id).await?;
            }
        }
        let turn = aws.run.turn(&turn_key(id)).await;
        remove(aws, id, &live.spec, want).await?;
        drop(turn);
        for id in &live.spec.duplicates {
            delete_api(aws, id).await?;
        }
        aws.run.forget(LISTING);
        Ok(())
    }

    /// Calls DeleteRestApi for this API and for the duplicates that the plan named. AWS deletes routes, deployments and
    /// stages with them.
    async fn delete(aws: &Aws, live: &ObservedResource<Api>) -> Result<(), AwsError> {
        aws.run.forget(LISTING);
        for id in std::iter::once(&live.physical_id).chain(&live.spec.duplicates) {
            delete_api(aws, id).await?;
        }
        aws.run.forget(LISTING);
        Ok(())
    }
}

async fn delete_api(aws: &Aws, id: &str) -> Result<(), AwsError> {
    let call = aws.clients.apigateway.delete_rest_api().rest_api_id(id).send();
    aws.find("apigateway:DeleteRestApi", ABSENT, call).await?;
    aws.run.forget(&tree_key(id));
    Ok(())
}

/// Finds the API that `spec` means, without its parts.
async fn observe_api(aws: &Aws, spec: &Api) -> Result<Option<ObservedResource<Api>>, AwsError> {
    let Some(found) = find_matching(aws, spec).await? else { return Ok(None) };
    let notes = found.notes();
    let MatchingApis { api: live, duplicates, .. } = found;
    let id = id_of(&live)?;
    let outputs = outputs(&aws.place, &live)?;
    let edited = edited_tags(aws, &api_arn(aws, &id)).await?;
    let policy = live.policy().is_some_and(|policy| !policy.is_empty());
    let tags = live_tags(live.tags.clone(), edited);
    let mut seen = ObservedResource::new(id, Api { duplicates, ..api(spec, live, tags) }, outputs);
    seen.notes.extend(notes);
    if policy {
        seen.notes.push(
            "has a resource policy that stack.yaml does not have; it takes effect with the next deployment".into(),
        );
    }
    Ok(Some(seen))
}

fn api_arn(aws: &Aws, id: &str) -> String {
    arn(&aws.place, &format!("/restapis/{id}"))
}

fn id_of(api: &Live) -> Result<String, AwsError> {
    api.id.clone().ok_or_else(|| AwsError::missing("apigateway:GetRestApis", "id"))
}

fn created_api(aws: &Aws, api: &Live) -> Result<CreatedResource, AwsError> {
    Ok(CreatedResource { physical_id: id_of(api)?, outputs: outputs(&aws.place, api)? })
}

fn outputs(place: &Place, api: &Live) -> Result<Outputs, AwsError> {
    let id = id_of(api)?;
    let root = api.root_resource_id.clone();
    Ok(Outputs::from([
        ("name".into(), api.name.clone().unwrap_or_default()),
        ("arn".into(), arn(place, &format!("/restapis/{id}"))),
        ("execution_arn".into(), place.arn("execute-api", &id)),
        ("root_resource_id".into(), root.ok_or_else(|| AwsError::missing("apigateway:GetRestApis", "rootResourceId"))?),
        ("id".into(), id),
    ]))
}

/// Waits until AWS has spread a changed endpoint.
async fn available(aws: &Aws, id: &str) -> Result<(), AwsError> {
    aws.until(&format!("REST API {id} to be available"), Duration::from_secs(300), || async {
        let call = aws.clients.apigateway.get_rest_api().rest_api_id(id).send();
        let api = aws.call("apigateway:GetRestApi", call).await?;
        Ok(match api.api_status {
            Some(status @ (ApiStatus::Updating | ApiStatus::Pending)) => Poll::Pending(status.as_str().to_owned()),
            Some(ApiStatus::Failed) => {
                let message = api.api_status_message.unwrap_or_default();
                return Err(AwsError::Shape { what: "apigateway:UpdateRestApi".into(), message });
            }
            _ => Poll::Ready(()),
        })
    })
    .await
}
