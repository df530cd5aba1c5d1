//! `apigateway.request_validator`: the parts of requests that API Gateway checks for routes.
//!
//! **Guarantees**: all validators of an API are read with one listing. A validator is created before the routes that use
//! it, and deleted once no route and no stage uses it any more.
//! **Assumptions**: a validator is known by its name.
//! **Caveats**: callers get a change with the stage's next deployment.

use aws_sdk_apigateway::types::Op as PatchOp;
use aws_smithy_types::retry::RetryConfig;

use super::gateway::EXISTS;
use super::{About, Calls, Changes, CreatedResource, Grant, Kind, ObservedResource, Op, Outputs, Parent, Rule};
pub use crate::aws::apigateway::validation::Validator;
use crate::aws::apigateway::validation::{validators, validators_key};
use crate::aws::apigateway::{ABSENT, arn, is_id, patch_op, turn_key};
use crate::aws::service::APIGATEWAY;
use crate::aws::{Aws, AwsError, Place, Trust, once};

/// The validator kind.
pub struct ApiValidator;

impl Kind for ApiValidator {
    const ABOUT: About = About {
        outputs: &["id", "name"],
        identity: &["rest_api_id", "name"],
        rules: &[
            ("rest_api_id", Rule::Replace("API Gateway cannot move a validator to another API")),
            ("name", Rule::Replace("a validator is known by its name")),
        ],
        parent: Some(Parent { kind: "apigateway.rest_api", owns: true, deletes: true }),
        calls: Calls { exists: EXISTS, ..Calls::DEFAULT },
        ..About::of("apigateway.request_validator", &APIGATEWAY)
    };
    type Spec = Validator;

    /// Predicts only the name: AWS generates the id.
    fn predict(spec: &Validator, _: &Place) -> Outputs {
        Outputs::from([("name".into(), spec.name.clone())])
    }

    fn iam(op: Op, spec: &Validator, place: &Place) -> Vec<Grant> {
        let api = if is_id(&spec.rest_api_id) { &spec.rest_api_id } else { "*" };
        let all = arn(place, &format!("/restapis/{api}/requestvalidators"));
        let one = format!("{all}/*");
        let list = Grant::new(&["apigateway:GET"], &all);
        match op {
            Op::Read | Op::Present => vec![list],
            Op::Create => vec![list, Grant::new(&["apigateway:POST"], all).of_own()],
            Op::Update => vec![Grant::new(&["apigateway:PATCH"], one).of_own()],
            Op::Delete => vec![Grant::new(&["apigateway:DELETE"], one).of_own()],
        }
    }

    fn any_named(_: &str, _: &Place) -> Vec<Validator> {
        vec![Validator::default()]
    }

    /// Calls GetRequestValidators, once for all validators of an API.
    async fn read(aws: &Aws, spec: &Validator, _: Trust) -> Result<Option<ObservedResource<Validator>>, AwsError> {
        let all = validators(aws, &spec.rest_api_id).await?;
        let mut same: Vec<_> = all.iter().filter(|one| one.name() == Some(&spec.name)).collect();
        same.sort_by_key(|one| one.id());
        let Some((first, others)) = same.split_first() else { return Ok(None) };
        let made = created(spec, first.id())?;
        let mut seen = ObservedResource::new(made.physical_id, spec.read(first), made.outputs);
        seen.twins = others.iter().filter_map(|one| Some(format!("{}/{}", spec.rest_api_id, one.id()?))).collect();
        Ok(Some(seen))
    }

    /// Calls CreateRequestValidator once. AWS would create a second one of the same name.
    async fn create(aws: &Aws, want: &Validator) -> Result<CreatedResource, AwsError> {
        let _turn = aws.run.turn(&turn_key(&want.rest_api_id)).await;
        let look = || async {
            aws.run.forget(&validators_key(&want.rest_api_id));
            let found = Self::read(aws, want, Trust::Resource).await?;
            Ok(found.map(|found| CreatedResource { physical_id: found.physical_id, outputs: found.outputs }))
        };
        let again = !aws.run.is_first_time(format!("{} {} {}", Self::NAME, want.rest_api_id, want.name));
        if again && let Some(found) = look().await? {
            return Ok(found);
        }
        let send = || async { created(want, send_create(aws, want).await?.as_deref()) };
        let made = once(send, look).await;
        aws.run.forget(&validators_key(&want.rest_api_id));
        made
    }

    async fn update(
        aws: &Aws,
        live: &ObservedResource<Validator>,
        want: &Validator,
        _: &Changes,
    ) -> Result<(), AwsError> {
        let _turn = aws.run.turn(&turn_key(&want.rest_api_id)).await;
        aws.run.forget(&validators_key(&want.rest_api_id));
        let replace = |path: &str, value: bool| patch_op(PatchOp::Replace, path, Some(value.to_string()));
        let ops = vec![
            replace("/validateRequestBody", want.validate_request_body),
            replace("/validateRequestParameters", want.validate_request_parameters),
        ];
        let (api, id) = split(&live.physical_id);
        let call = aws.clients.apigateway.update_request_validator().rest_api_id(api).request_validator_id(id);
        aws.call("apigateway:UpdateRequestValidator", call.set_patch_operations(Some(ops)).send()).await.map(drop)
    }

    async fn delete(aws: &Aws, live: &ObservedResource<Validator>) -> Result<(), AwsError> {
        let _turn = aws.run.turn(&turn_key(&live.spec.rest_api_id)).await;
        for physical_id in std::iter::once(&live.physical_id).chain(&live.twins) {
            let (api, id) = split(physical_id);
            let call = aws.clients.apigateway.delete_request_validator().rest_api_id(api).request_validator_id(id);
            aws.find("apigateway:DeleteRequestValidator", ABSENT, call.send()).await?;
        }
        aws.run.forget(&validators_key(&live.spec.rest_api_id));
        Ok(())
    }
}

/// Splits a physical id into those of the API and of the validator.
fn split(physical_id: &str) -> (&str, &str) {
    physical_id.split_once('/').unwrap_or((physical_id, ""))
}

fn created(spec: &Validator, id: Option<&str>) -> Result<CreatedResource, AwsError> {
    let id = id.ok_or_else(|| AwsError::missing("apigateway:GetRequestValidators", "id"))?;
    let outputs = Outputs::from([("id".into(), id.to_owned()), ("name".into(), spec.name.clone())]);
    Ok(CreatedResource { physical_id: format!("{}/{id}", spec.rest_api_id), outputs })
}

async fn send_create(aws: &Aws, want: &Validator) -> Result<Option<String>, AwsError> {
    let unrepeated = aws_sdk_apigateway::config::Config::builder().retry_config(RetryConfig::disabled());
    let call = aws
        .clients
        .apigateway
        .create_request_validator()
        .rest_api_id(&want.rest_api_id)
        .name(&want.name)
        .validate_request_body(want.validate_request_body)
        .validate_request_parameters(want.validate_request_parameters)
        .customize()
        .config_override(unrepeated);
    Ok(aws.call("apigateway:CreateRequestValidator", call.send()).await?.id)
}
