//! `apigatewayv2.api`: an HTTP API without its routes, integrations, authorizers and stage.
//!
//! **Guarantees**: an API is found by its ownership tags, which the first call sends, so an interrupted run leaves no
//! API that cannot be found. If the state has an API's id, only that API is meant. All APIs of a run share one listing.
//! A route that is not in `stack.yaml` is served at once, because the stage deploys by itself; so routes, integrations
//! and authorizers that `stack.yaml` does not have are differences, and are deleted. Stages of others are reported and
//! kept.
//! **Assumptions**: everything inside an API of this stack, stages aside, belongs to this stack. Of several APIs with
//! the same tags, this stack owns those that were created after the interrupted run began to create one.
//! **Caveats**: API names are not unique, so CreateApi is sent once an attempt and never repeated by the SDK. AWS writes
//! the CORS settings in small letters, methods in capitals; the spec does so, too.

mod contents;
mod wire;

use aws_sdk_apigatewayv2::types::Api as Live;
use serde::{Deserialize, Serialize};

use super::gateway::{delete_tags, post_tags};
use super::{
    About, Bound, Calls, Changes, CreatedResource, FoundResource, Grant, Kind, NameProperty, ObservedResource, Op,
    Outputs, Person, Rule, service_role,
};
use crate::aws::apigateway::http::{LISTING, apis, edited_tags, forget_parts, retag};
use crate::aws::apigateway::owned::{ApiOwner, carrying, find_matching};
use crate::aws::apigateway::{ABSENT, arn, note_created};
use crate::aws::service::APIGATEWAYV2;
use crate::aws::tags::{self, Tags};
use crate::aws::{Aws, AwsError, Place, Trust, once};
use contents::{Contents, remove};
use wire::{send_create, send_update, to_spec};

/// The HTTP API kind.
pub struct HttpApi;

/// An HTTP API; times in seconds.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Api {
    /// The value of its tag `deployer:stack`.
    pub owner_stack: String,
    /// The value of its tag `deployer:address`.
    pub owner_address: String,
    pub name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cors_configuration: Option<Cors>,
    pub disable_execute_api_endpoint: bool,
    /// `ipv4` or `dualstack`.
    pub ip_address_type: String,
    pub tags: Tags,
    /// The stack's parts of the API.
    #[serde(default)]
    pub parts: Parts,
    /// Routes that neither `stack.yaml` has nor an earlier apply created. The desired list is empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unlisted_routes: Vec<String>,
    /// Ids of integrations that are not in `stack.yaml` and that no route of `stack.yaml` uses. The desired list is
    /// empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unused_integrations: Vec<String>,
    /// Authorizers that are not in `stack.yaml` and that no route of `stack.yaml` uses. The desired list is empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unused_authorizers: Vec<String>,
    /// Stages with this stack's tags that `stack.yaml` does not have. The desired list is empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unlisted_stages: Vec<String>,
    /// Ids of further APIs that an interrupted run created for this element. The desired list is empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub duplicates: Vec<String>,
}

/// The answers that browsers get before they send a request from another site.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Cors {
    pub allow_credentials: bool,
    #[serde(default)]
    pub allow_headers: Vec<String>,
    #[serde(default)]
    pub allow_methods: Vec<String>,
    #[serde(default)]
    pub allow_origins: Vec<String>,
    #[serde(default)]
    pub expose_headers: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_age: Option<i32>,
}

impl Cors {
    /// Returns the settings as AWS writes them: small letters, methods in capitals, sorted.
    #[must_use]
    pub fn normalized(self) -> Self {
        let list = |items: Vec<String>, of: fn(&str) -> String| {
            let mut items: Vec<String> = items.iter().map(|item| of(item)).collect();
            items.sort();
            items.dedup();
            items
        };
        Self {
            allow_credentials: self.allow_credentials,
            allow_headers: list(self.allow_headers, str::to_lowercase),
            allow_methods: list(self.allow_methods, str::to_uppercase),
            allow_origins: list(self.allow_origins, str::to_lowercase),
            expose_headers: list(self.expose_headers, str::to_lowercase),
            // AWS reports 0 where no time is set.
            max_age: self.max_age.filter(|seconds| *seconds != 0),
        }
    }
}

/// The parts of an API in `stack.yaml`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Parts {
    pub stage: String,
    /// Route keys: `GET /items`, `$default`.
    pub routes: Vec<String>,
    /// Descriptions of integrations.
    pub integrations: Vec<String>,
    /// Names of authorizers.
    pub authorizers: Vec<String>,
}

impl Kind for HttpApi {
    const ABOUT: About = About {
        outputs: &["id", "name", "arn", "execution_arn"],
        identity: &["owner_stack", "owner_address"],
        rules: &[
            ("owner_stack", Rule::Replace("an API is known by its stack's tag")),
            ("owner_address", Rule::Replace("an API is known by the tag of its address")),
            ("parts", Rule::Hint),
        ],
        bounds: &[("disable_execute_api_endpoint", Bound::Switch)],
        tags: Some(tags::TagRules::strict("API Gateway")),
        named: Some(NameProperty::of("name", 128)),
        calls: Calls { exists: &["ConflictException"], ..Calls::DEFAULT },
        person: Person {
            lost: Some("its URL; a new API gets a new one"),
            gap: Some("the API does not answer"),
            seconds: (1.0, 0.8),
            ..Person::DEFAULT
        },
        ..About::of("apigatewayv2.api", &APIGATEWAYV2)
    };
    type Spec = Api;

    /// Predicts only the name: AWS generates the id.
    fn predict(spec: &Api, _: &Place) -> Outputs {
        Outputs::from([("name".into(), spec.name.clone())])
    }

    /// Grants by the API's tags, because its id is not known before it exists. The parts of an API inherit its tags.
    fn iam(op: Op, _: &Api, place: &Place) -> Vec<Grant> {
        let (apis, api) = (arn(place, "/apis"), arn(place, "/apis/*"));
        let under = |parts: &[&str]| parts.iter().map(|part| format!("{api}/{part}")).collect::<Vec<_>>();
        match op {
            // AWS returns tags with the API; a local AWS needs a call of its own for them.
            Op::Present => vec![Grant::on(&["apigateway:GET"], [apis, arn(place, "/tags/*")])],
            Op::Read => {
                let parts = under(&["routes", "integrations", "authorizers", "stages"]);
                vec![Grant::on(&["apigateway:GET"], [vec![apis, arn(place, "/tags/*")], parts].concat())]
            }
            // AWS checks tags given at creation like a call of their own.
            Op::Create => vec![
                Grant::new(&["apigateway:GET"], &apis),
                Grant::new(&["apigateway:POST"], apis).marking_own(),
                post_tags(place),
                service_role(place, "ops.apigateway.amazonaws.com", "AWSServiceRoleForAPIGateway"),
            ],
            // The pattern covers the parts below an API, such as `/apis/ID/cors`, as well.
            Op::Update => vec![
                Grant::new(&["apigateway:GET"], &api),
                Grant::on(&["apigateway:PATCH", "apigateway:DELETE"], [api]).of_own(),
                post_tags(place),
                delete_tags(place),
            ],
            Op::Delete => vec![Grant::new(&["apigateway:DELETE"], api).of_own()],
        }
    }

    fn any_named(_: &str, _: &Place) -> Vec<Api> {
        vec![Api::default()]
    }

    /// Calls GetApis, once for all APIs of a run, and reads the parts of the API that `spec` means.
    async fn read(aws: &Aws, spec: &Api, _: Trust) -> Result<Option<ObservedResource<Api>>, AwsError> {
        let expected = aws.run.recorded_id(Self::NAME, &[&spec.owner_stack, &spec.owner_address]);
        let ahead = async {
            match &expected {
                Some(id) => Contents::read(aws, id, spec).await.map(Some),
                None => Ok(None),
            }
        };
        let (found, ahead) = tokio::join!(observe_api(aws, spec), ahead);
        let Some(mut seen) = found? else { return Ok(None) };
        let contents = match ahead?.filter(|_| expected.as_ref() == Some(&seen.physical_id)) {
            Some(contents) => contents,
            None => Contents::read(aws, &seen.physical_id, spec).await?,
        };
        seen.notes.extend(contents.notes.iter().cloned());
        seen.spec = contents.into_spec(seen.spec);
        Ok(Some(seen))
    }

    /// Calls GetApis. The parts need no read: AWS deletes them with the API.
    async fn present(aws: &Aws, spec: &Api) -> Result<Option<ObservedResource<Api>>, AwsError> {
        observe_api(aws, spec).await
    }

    fn by_arn(resource: &str, tags: &Tags) -> Option<FoundResource<Api>> {
        let id = resource.strip_prefix("/apis/").filter(|id| !id.contains('/'))?;
        Some(found_resource(id, tags))
    }

    async fn named_like(aws: &Aws, _: &str) -> Result<Vec<FoundResource<Api>>, AwsError> {
        if aws.place.endpoint_url.is_none() {
            return Ok(Vec::new());
        }
        let all = apis(aws).await?;
        let tagged = all.iter().filter_map(|api| {
            let tags: Tags = api.tags.clone()?.into_iter().collect();
            let address = tags.get(tags::ADDRESS).cloned();
            Some(FoundResource { address, ..found_resource(api.api_id()?, &tags) })
        });
        Ok(tagged.collect())
    }

    /// Calls CreateApi once. A second attempt looks for the API that the first one may have created.
    async fn create(aws: &Aws, want: &Api) -> Result<CreatedResource, AwsError> {
        let key = format!("apigatewayv2:CreateApi before {} {}", want.owner_stack, want.owner_address);
        let known = async {
            let ours = carrying(&apis(aws).await?, owner(want));
            Ok(ours.into_iter().filter_map(|api| api.api_id).collect::<Vec<String>>())
        };
        let before = aws.run.remember(&key, known).await?;
        let look = || async {
            aws.run.forget(LISTING);
            let ours = carrying(&apis(aws).await?, owner(want));
            Ok(ours.into_iter().filter_map(|api| api.api_id).find(|id| !before.contains(id)))
        };
        let attempt = format!("apigatewayv2:CreateApi {} {}", want.owner_stack, want.owner_address);
        let id = match aws.run.is_first_time(attempt) {
            true => None,
            false => look().await?,
        };
        let id = match id {
            Some(id) => id,
            None => {
                let id = once(|| send_create(aws, want), look).await?;
                note_created(aws, &id);
                id
            }
        };
        aws.run.forget(LISTING);
        Ok(CreatedResource { outputs: outputs(&aws.place, &id, &want.name), physical_id: id })
    }

    /// Sets the tags first, because IAM policies, ours and others', know the owner by them. Then calls UpdateApi, and
    /// deletes the unwanted parts.
    async fn update(aws: &Aws, live: &ObservedResource<Api>, want: &Api, changes: &Changes) -> Result<(), AwsError> {
        let id = &live.physical_id;
        aws.run.forget(LISTING);
        retag(aws, &api_arn(&aws.place, id), &live.spec.tags, &want.tags).await?;
        send_update(aws, id, want, changes).await?;
        remove(aws, id, &live.spec).await?;
        for id in &live.spec.duplicates {
            delete_api(aws, id).await?;
        }
        aws.run.forget(LISTING);
        Ok(())
    }

    /// Calls DeleteApi for this API and for the duplicates that the plan named. AWS deletes the parts with them.
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
    let call = aws.clients.apigatewayv2.delete_api().api_id(id).send();
    aws.find("apigatewayv2:DeleteApi", ABSENT, call).await?;
    forget_parts(aws, id);
    Ok(())
}

fn owner(spec: &Api) -> ApiOwner<'_> {
    ApiOwner { kind: HttpApi::NAME, stack: &spec.owner_stack, address: &spec.owner_address }
}

/// Finds the API that `spec` means, without its parts.
async fn observe_api(aws: &Aws, spec: &Api) -> Result<Option<ObservedResource<Api>>, AwsError> {
    let all = apis(aws).await?;
    let Some(found) = find_matching(aws, &all, owner(spec))? else { return Ok(None) };
    let notes = found.notes();
    let id = found.api.api_id.clone().ok_or_else(|| AwsError::missing("apigatewayv2:GetApis", "ApiId"))?;
    let tags = live_tags(aws, &found.api, &id).await?;
    let outputs = outputs(&aws.place, &id, found.api.name().unwrap_or_default());
    let api = Api { duplicates: found.duplicates, ..to_spec(spec, found.api, tags) };
    Ok(Some(ObservedResource { notes, ..ObservedResource::new(id, api, outputs) }))
}

async fn live_tags(aws: &Aws, api: &Live, id: &str) -> Result<Tags, AwsError> {
    let edited = edited_tags(aws, &api_arn(&aws.place, id)).await?;
    Ok(edited.unwrap_or_else(|| tags::without_aws(api.tags.clone().unwrap_or_default())))
}

fn api_arn(place: &Place, id: &str) -> String {
    arn(place, &format!("/apis/{id}"))
}

fn outputs(place: &Place, id: &str, name: &str) -> Outputs {
    Outputs::from([
        ("id".into(), id.to_owned()),
        ("name".into(), name.to_owned()),
        ("arn".into(), api_arn(place, id)),
        ("execution_arn".into(), place.arn("execute-api", id)),
    ])
}

/// Returns an API with only the properties that identify it: its ownership tags.
fn found_resource(id: &str, tags: &Tags) -> FoundResource<Api> {
    let tag = |key: &str| tags.get(key).cloned().unwrap_or_default();
    let (owner_stack, owner_address) = (tag(tags::STACK), tag(tags::ADDRESS));
    FoundResource::of(id, Api { owner_stack, owner_address, tags: tags.clone(), ..Api::default() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cors_settings_are_equal_that_differ_in_order_and_capitals_alone() {
        let cors = |headers: [&str; 2], methods: [&str; 2], max_age| Cors {
            allow_headers: headers.map(str::to_owned).to_vec(),
            allow_methods: methods.map(str::to_owned).to_vec(),
            max_age,
            ..Cors::default()
        };
        let stated = cors(["Content-Type", "Authorization"], ["POST", "get"], None).normalized();
        assert_eq!(stated, cors(["authorization", "content-type"], ["GET", "POST"], Some(0)).normalized());
        assert_eq!(stated.allow_headers, ["authorization", "content-type"]);
        assert_eq!(stated.allow_methods, ["GET", "POST"]);
    }
}
