//! `apigateway.authorizer`: decides who may call routes of a REST API, by a function or by tokens of user pools.
//!
//! **Guarantees**: all authorizers of an API are read with one listing. The authorizer is created before the routes that
//! use it, and deleted once no route and no stage uses it any more. CreateAuthorizer is sent once, and its result is
//! looked for before it is sent again.
//! **Assumptions**: an authorizer is known by its name. AWS keeps names unique within an API.
//! **Caveats**: callers get a change with the stage's next deployment.

use aws_sdk_apigateway::types::{AuthorizerType, Op as PatchOp, PatchOperation};
use aws_smithy_types::retry::RetryConfig;

use super::gateway::EXISTS;
use super::{About, Bound, Calls, Changes, CreatedResource, Grant, Kind, ObservedResource, Op, Outputs, Parent, Rule};
pub use crate::aws::apigateway::authorizer::{Authorizer, COGNITO, TOKEN};
use crate::aws::apigateway::authorizer::{authorizers, authorizers_key};
use crate::aws::apigateway::{ABSENT, arn, is_id, patch_op, turn_key};
use crate::aws::service::APIGATEWAY;
use crate::aws::{Aws, AwsError, Place, Trust, once};

/// The authorizer kind.
pub struct ApiAuthorizer;

impl Kind for ApiAuthorizer {
    const ABOUT: About = About {
        outputs: &["id", "name"],
        identity: &["rest_api_id", "name"],
        rules: &[
            ("rest_api_id", Rule::Replace("API Gateway cannot move an authorizer to another API")),
            ("name", Rule::Replace("an authorizer is known by its name")),
            ("provider_arns", Rule::Unordered),
        ],
        // A kept answer of the function counts for all callers with the same values of these sources.
        bounds: &[
            ("identity_source", Bound::Restrictions),
            ("identity_validation_expression", Bound::Pattern),
            ("provider_arns", Bound::Members),
            ("authorizer_uri", Bound::Reference),
        ],
        parent: Some(Parent { kind: "apigateway.rest_api", owns: true, deletes: true }),
        calls: Calls { exists: EXISTS, ..Calls::DEFAULT },
        ..About::of("apigateway.authorizer", &APIGATEWAY)
    };
    type Spec = Authorizer;

    /// Predicts only the name: AWS generates the id.
    fn predict(spec: &Authorizer, _: &Place) -> Outputs {
        Outputs::from([("name".into(), spec.name.clone())])
    }

    fn iam(op: Op, spec: &Authorizer, place: &Place) -> Vec<Grant> {
        let api = if is_id(&spec.rest_api_id) { &spec.rest_api_id } else { "*" };
        let all = arn(place, &format!("/restapis/{api}/authorizers"));
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
        let all = authorizers(aws, &spec.rest_api_id).await?;
        let mut same: Vec<_> = all.iter().filter(|one| one.name() == Some(&spec.name)).collect();
        same.sort_by_key(|one| one.id());
        let Some((first, others)) = same.split_first() else { return Ok(None) };
        let made = created(spec, first.id())?;
        let mut seen = ObservedResource::new(made.physical_id, spec.read(first), made.outputs);
        seen.twins = others.iter().filter_map(|one| Some(format!("{}/{}", spec.rest_api_id, one.id()?))).collect();
        Ok(Some(seen))
    }

    async fn create(aws: &Aws, want: &Authorizer) -> Result<CreatedResource, AwsError> {
        let _turn = aws.run.turn(&turn_key(&want.rest_api_id)).await;
        let look = || async {
            aws.run.forget(&authorizers_key(&want.rest_api_id));
            let found = Self::read(aws, want, Trust::Resource).await?;
            Ok(found.map(|found| CreatedResource { physical_id: found.physical_id, outputs: found.outputs }))
        };
        let again = !aws.run.is_first_time(format!("{} {} {}", Self::NAME, want.rest_api_id, want.name));
        if again && let Some(found) = look().await? {
            return Ok(found);
        }
        let send = || async { created(want, send_create(aws, want).await?.as_deref()) };
        let made = once(send, look).await;
        aws.run.forget(&authorizers_key(&want.rest_api_id));
        made
    }

    /// Calls UpdateAuthorizer with all differences.
    async fn update(
        aws: &Aws,
        live: &ObservedResource<Authorizer>,
        want: &Authorizer,
        _: &Changes,
    ) -> Result<(), AwsError> {
        let _turn = aws.run.turn(&turn_key(&want.rest_api_id)).await;
        aws.run.forget(&authorizers_key(&want.rest_api_id));
        let ops = patch(&live.spec, want);
        if ops.is_empty() {
            return Ok(());
        }
        let (api, id) = split(&live.physical_id);
        let call = aws.clients.apigateway.update_authorizer().rest_api_id(api).authorizer_id(id);
        aws.call("apigateway:UpdateAuthorizer", call.set_patch_operations(Some(ops)).send()).await.map(drop)
    }

    async fn delete(aws: &Aws, live: &ObservedResource<Authorizer>) -> Result<(), AwsError> {
        let _turn = aws.run.turn(&turn_key(&live.spec.rest_api_id)).await;
        for physical_id in std::iter::once(&live.physical_id).chain(&live.twins) {
            let (api, id) = split(physical_id);
            let call = aws.clients.apigateway.delete_authorizer().rest_api_id(api).authorizer_id(id).send();
            aws.find("apigateway:DeleteAuthorizer", ABSENT, call).await?;
        }
        aws.run.forget(&authorizers_key(&live.spec.rest_api_id));
        Ok(())
    }
}

/// Splits a physical id into those of the API and of the authorizer.
fn split(physical_id: &str) -> (&str, &str) {
    physical_id.split_once('/').unwrap_or((physical_id, ""))
}

fn created(spec: &Authorizer, id: Option<&str>) -> Result<CreatedResource, AwsError> {
    let id = id.ok_or_else(|| AwsError::missing("apigateway:GetAuthorizers", "id"))?;
    let outputs = Outputs::from([("id".into(), id.to_owned()), ("name".into(), spec.name.clone())]);
    Ok(CreatedResource { physical_id: format!("{}/{id}", spec.rest_api_id), outputs })
}

/// Sends CreateAuthorizer once, and returns the id of the new authorizer.
async fn send_create(aws: &Aws, want: &Authorizer) -> Result<Option<String>, AwsError> {
    let unrepeated = aws_sdk_apigateway::config::Config::builder().retry_config(RetryConfig::disabled());
    let ttl_s = want.authorizer_result_ttl_in_seconds.and_then(|seconds| i32::try_from(seconds).ok());
    let call = aws
        .clients
        .apigateway
        .create_authorizer()
        .rest_api_id(&want.rest_api_id)
        .name(&want.name)
        .r#type(AuthorizerType::from(want.authorizer_type.as_str()))
        .identity_source(want.identity_source.join(","))
        .set_authorizer_uri(want.authorizer_uri.clone())
        .set_authorizer_result_ttl_in_seconds(ttl_s)
        .set_provider_arns(Some(want.provider_arns.clone()).filter(|arns| !arns.is_empty()))
        .set_identity_validation_expression(want.identity_validation_expression.clone())
        .customize()
        .config_override(unrepeated);
    Ok(aws.call("apigateway:CreateAuthorizer", call.send()).await?.id)
}

/// Returns the PATCH operations that turn one authorizer into another.
fn patch(live: &Authorizer, want: &Authorizer) -> Vec<PatchOperation> {
    let mut ops = Vec::new();
    let mut replace = |differs: bool, path: &str, value: Option<String>| {
        if differs {
            ops.push(patch_op(PatchOp::Replace, path, Some(value.unwrap_or_default())));
        }
    };
    replace(live.authorizer_type != want.authorizer_type, "/type", Some(want.authorizer_type.clone()));
    replace(live.identity_source != want.identity_source, "/identitySource", Some(want.identity_source.join(",")));
    if let Some(uri) = &want.authorizer_uri {
        replace(live.authorizer_uri.as_ref() != Some(uri), "/authorizerUri", Some(uri.clone()));
    }
    let ttl = want.authorizer_result_ttl_in_seconds;
    if let Some(seconds) = ttl {
        replace(
            live.authorizer_result_ttl_in_seconds != ttl,
            "/authorizerResultTtlInSeconds",
            Some(seconds.to_string()),
        );
    }
    let pattern = &want.identity_validation_expression;
    replace(live.identity_validation_expression != *pattern, "/identityValidationExpression", pattern.clone());
    let pools = |op: PatchOp, from: &Authorizer, to: &Authorizer| -> Vec<PatchOperation> {
        let missing = to.provider_arns.iter().filter(|arn| !from.provider_arns.contains(arn));
        missing.map(|arn| patch_op(op.clone(), "/providerARNs", Some(arn.clone()))).collect()
    };
    ops.extend(pools(PatchOp::Add, live, want));
    ops.extend(pools(PatchOp::Remove, want, live));
    ops
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pools_are_added_and_removed_one_by_one() {
        let of = |arns: &[&str]| Authorizer {
            provider_arns: arns.iter().map(|arn| (*arn).to_owned()).collect(),
            ..Authorizer::default()
        };
        let ops = patch(&of(&["arn:a", "arn:b"]), &of(&["arn:b", "arn:c"]));
        let told: Vec<_> =
            ops.iter().map(|op| (op.op().map_or("", PatchOp::as_str), op.value().unwrap_or(""))).collect();
        assert_eq!(told, [("add", "arn:c"), ("remove", "arn:a")]);
        assert!(patch(&of(&["arn:a"]), &of(&["arn:a"])).is_empty());
    }
}
