//! `apigatewayv2.authorizer`: decides who may call routes of an HTTP API, by a token's claims or by a function.
//!
//! **Guarantees**: all authorizers of an API are read with one listing. The authorizer is created before the routes that
//! use it, and deleted after them.
//! **Assumptions**: an authorizer is known by its name, which the console shows.
//! **Caveats**: API Gateway asks a token's issuer for its keys when the authorizer is created, and refuses an issuer that
//! does not answer. A local AWS asks when a token arrives.

mod wire;

use serde::{Deserialize, Serialize};

use super::{About, Bound, Calls, Changes, CreatedResource, Grant, Kind, ObservedResource, Op, Outputs, Parent, Rule};
use crate::aws::apigateway::http::{authorizers, authorizers_key};
use crate::aws::apigateway::{ABSENT, arn, is_id, turn_key};
use crate::aws::service::APIGATEWAYV2;
use crate::aws::{Aws, AwsError, Place, Trust, once};
use wire::{send_create, send_update, to_spec};

/// The authorizer kind.
pub struct HttpAuthorizer;

/// An authorizer of an HTTP API; times in seconds.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Authorizer {
    pub api_id: String,
    pub name: String,
    /// `JWT`, or `REQUEST` for a function.
    pub authorizer_type: String,
    /// Where the token is (`$request.header.Authorization`), or what a function's answer is cached by, in this order.
    pub identity_source: Vec<String>,
    /// Of type `JWT` alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jwt_configuration: Option<JwtConfiguration>,
    /// The URI of the function, of type `REQUEST` alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authorizer_uri: Option<String>,
    /// The form of the function's events and answers: `1.0` or `2.0`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authorizer_payload_format_version: Option<String>,
    /// How long the function's answer is used again; 0: never.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authorizer_result_ttl_in_seconds: Option<u32>,
    /// The function answers `isAuthorized` in place of a policy.
    pub enable_simple_responses: bool,
}

/// The tokens that an authorizer accepts.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct JwtConfiguration {
    pub issuer: String,
    /// Of these, a token's `aud` or `client_id` has to be one.
    pub audience: Vec<String>,
}

/// The type of an authorizer that reads a token.
pub const JWT: &str = "JWT";
/// The type of an authorizer that asks a function.
pub const REQUEST: &str = "REQUEST";

impl Kind for HttpAuthorizer {
    const ABOUT: About = About {
        outputs: &["id", "name"],
        identity: &["api_id", "name"],
        rules: &[
            ("api_id", Rule::Replace("API Gateway cannot move an authorizer to another API")),
            ("name", Rule::Replace("an authorizer is known by its name")),
            ("jwt_configuration.audience", Rule::Unordered),
        ],
        // A kept answer of the function counts for all callers with the same values of these sources.
        bounds: &[
            ("identity_source", Bound::Restrictions),
            ("jwt_configuration.issuer", Bound::Reference),
            ("jwt_configuration.audience", Bound::Members),
            ("authorizer_uri", Bound::Reference),
        ],
        parent: Some(Parent { kind: "apigatewayv2.api", owns: true, deletes: true }),
        calls: Calls { exists: &["ConflictException"], ..Calls::DEFAULT },
        ..About::of("apigatewayv2.authorizer", &APIGATEWAYV2)
    };
    type Spec = Authorizer;

    /// Predicts only the name: AWS generates the id.
    fn predict(spec: &Authorizer, _: &Place) -> Outputs {
        Outputs::from([("name".into(), spec.name.clone())])
    }

    fn iam(op: Op, spec: &Authorizer, place: &Place) -> Vec<Grant> {
        let api = if is_id(&spec.api_id) { &spec.api_id } else { "*" };
        let all = arn(place, &format!("/apis/{api}/authorizers"));
        let one = format!("{all}/*");
        let list = Grant::new(&["apigateway:GET"], &all);
        match op {
            Op::Read | Op::Present => vec![list],
            Op::Create => vec![list, Grant::new(&["apigateway:POST"], all).of_own()],
            Op::Update => vec![Grant::new(&["apigateway:PATCH"], one).of_own()],
            Op::Delete => vec![Grant::new(&["apigateway:DELETE"], one).of_own()],
        }
    }

    fn any_named(_: &str, _: &Place) -> Vec<Authorizer> {
        vec![Authorizer::default()]
    }

    /// Calls GetAuthorizers, once for all authorizers of an API.
    async fn read(aws: &Aws, spec: &Authorizer, _: Trust) -> Result<Option<ObservedResource<Authorizer>>, AwsError> {
        let all = authorizers(aws, &spec.api_id).await?;
        let mut same: Vec<_> = all.iter().filter(|one| one.name() == Some(&spec.name)).collect();
        same.sort_by_key(|one| one.authorizer_id());
        let Some((first, others)) = same.split_first() else { return Ok(None) };
        let made = created(spec, first.authorizer_id())?;
        let mut seen = ObservedResource::new(made.physical_id, to_spec(spec, first), made.outputs);
        seen.twins =
            others.iter().filter_map(|one| Some(format!("{}/{}", spec.api_id, one.authorizer_id()?))).collect();
        Ok(Some(seen))
    }

    async fn create(aws: &Aws, want: &Authorizer) -> Result<CreatedResource, AwsError> {
        let _turn = aws.run.turn(&turn_key(&want.api_id)).await;
        let look = || async {
            aws.run.forget(&authorizers_key(&want.api_id));
            let found = Self::read(aws, want, Trust::Resource).await?;
            Ok(found.map(|found| CreatedResource { physical_id: found.physical_id, outputs: found.outputs }))
        };
        let again = !aws.run.is_first_time(format!("{} {} {}", Self::NAME, want.api_id, want.name));
        if again && let Some(found) = look().await? {
            return Ok(found);
        }
        let send = || async { created(want, send_create(aws, want).await?.as_deref()) };
        let made = once(send, look).await;
        aws.run.forget(&authorizers_key(&want.api_id));
        made
    }

    async fn update(
        aws: &Aws,
        live: &ObservedResource<Authorizer>,
        want: &Authorizer,
        changes: &Changes,
    ) -> Result<(), AwsError> {
        let _turn = aws.run.turn(&turn_key(&want.api_id)).await;
        aws.run.forget(&authorizers_key(&want.api_id));
        send_update(aws, split(&live.physical_id), want, changes).await
    }

    async fn delete(aws: &Aws, live: &ObservedResource<Authorizer>) -> Result<(), AwsError> {
        let _turn = aws.run.turn(&turn_key(&live.spec.api_id)).await;
        for physical_id in std::iter::once(&live.physical_id).chain(&live.twins) {
            let (api, id) = split(physical_id);
            let call = aws.clients.apigatewayv2.delete_authorizer().api_id(api).authorizer_id(id).send();
            aws.find("apigatewayv2:DeleteAuthorizer", ABSENT, call).await?;
        }
        aws.run.forget(&authorizers_key(&live.spec.api_id));
        Ok(())
    }
}

/// Splits a physical id into those of the API and of the authorizer.
fn split(physical_id: &str) -> (&str, &str) {
    physical_id.split_once('/').unwrap_or((physical_id, ""))
}

fn created(spec: &Authorizer, id: Option<&str>) -> Result<CreatedResource, AwsError> {
    let id = id.ok_or_else(|| AwsError::missing("apigatewayv2:GetAuthorizers", "AuthorizerId"))?;
    let outputs = Outputs::from([("id".into(), id.to_owned()), ("name".into(), spec.name.clone())]);
    Ok(CreatedResource { physical_id: format!("{}/{id}", spec.api_id), outputs })
}
