//! `apigateway.model`: the form of a request's body, as a JSON schema.
//!
//! **Guarantees**: all models of an API are read with one listing. A model is created before the routes that use it, and
//! deleted once no route and no stage uses it any more.
//! **Assumptions**: AWS keeps the names of models unique within an API.
//! **Caveats**: callers get a change with the stage's next deployment.

use aws_sdk_apigateway::types::Op as PatchOp;

use super::gateway::EXISTS;
use super::{About, Calls, Changes, CreatedResource, Grant, Kind, ObservedResource, Op, Outputs, Parent, Rule};
pub use crate::aws::apigateway::validation::Model;
use crate::aws::apigateway::validation::{models, models_key};
use crate::aws::apigateway::{ABSENT, arn, is_id, patch_op, turn_key};
use crate::aws::service::APIGATEWAY;
use crate::aws::{Aws, AwsError, Place, Trust};

/// The model kind.
pub struct ApiModel;

impl Kind for ApiModel {
    const ABOUT: About = About {
        outputs: &["name"],
        identity: &["rest_api_id", "name"],
        rules: &[
            ("rest_api_id", Rule::Replace("API Gateway cannot move a model to another API")),
            ("name", Rule::Replace("API Gateway cannot rename a model")),
            ("content_type", Rule::Replace("API Gateway cannot change the media type of a model")),
            ("schema", Rule::Json),
        ],
        parent: Some(Parent { kind: "apigateway.rest_api", owns: true, deletes: true }),
        calls: Calls { exists: EXISTS, ..Calls::DEFAULT },
        ..About::of("apigateway.model", &APIGATEWAY)
    };
    type Spec = Model;

    fn predict(spec: &Model, _: &Place) -> Outputs {
        Outputs::from([("name".into(), spec.name.clone())])
    }

    fn iam(op: Op, spec: &Model, place: &Place) -> Vec<Grant> {
        let api = if is_id(&spec.rest_api_id) { &spec.rest_api_id } else { "*" };
        let all = arn(place, &format!("/restapis/{api}/models"));
        let one = format!("{all}/{}", spec.name);
        match op {
            Op::Read | Op::Present => vec![Grant::new(&["apigateway:GET"], all)],
            Op::Create => vec![Grant::new(&["apigateway:POST"], all).of_own()],
            Op::Update => vec![Grant::new(&["apigateway:PATCH"], one).of_own()],
            Op::Delete => vec![Grant::new(&["apigateway:DELETE"], one).of_own()],
        }
    }

    fn any_named(_: &str, _: &Place) -> Vec<Model> {
        vec![Model { name: "*".to_owned(), ..Model::default() }]
    }

    /// Calls GetModels, once for all models of an API.
    async fn read(aws: &Aws, spec: &Model, _: Trust) -> Result<Option<ObservedResource<Model>>, AwsError> {
        let all = models(aws, &spec.rest_api_id).await?;
        let Some(live) = all.iter().find(|one| one.name() == Some(&spec.name)) else { return Ok(None) };
        Ok(Some(ObservedResource::new(physical_id(spec), spec.read(live), Self::predict(spec, &aws.place))))
    }

    async fn create(aws: &Aws, want: &Model) -> Result<CreatedResource, AwsError> {
        let _turn = aws.run.turn(&turn_key(&want.rest_api_id)).await;
        let call = aws
            .clients
            .apigateway
            .create_model()
            .rest_api_id(&want.rest_api_id)
            .name(&want.name)
            .content_type(&want.content_type)
            .schema(&want.schema);
        let made = aws.call("apigateway:CreateModel", call.send()).await;
        aws.run.forget(&models_key(&want.rest_api_id));
        made?;
        Ok(CreatedResource { physical_id: physical_id(want), outputs: Self::predict(want, &aws.place) })
    }

    async fn update(aws: &Aws, _: &ObservedResource<Model>, want: &Model, _: &Changes) -> Result<(), AwsError> {
        let _turn = aws.run.turn(&turn_key(&want.rest_api_id)).await;
        aws.run.forget(&models_key(&want.rest_api_id));
        let call = aws.clients.apigateway.update_model().rest_api_id(&want.rest_api_id).model_name(&want.name);
        let call = call.patch_operations(patch_op(PatchOp::Replace, "/schema", Some(want.schema.clone())));
        aws.call("apigateway:UpdateModel", call.send()).await.map(drop)
    }

    async fn delete(aws: &Aws, live: &ObservedResource<Model>) -> Result<(), AwsError> {
        let Model { rest_api_id: api, name, .. } = &live.spec;
        let _turn = aws.run.turn(&turn_key(api)).await;
        let call = aws.clients.apigateway.delete_model().rest_api_id(api).model_name(name).send();
        let deleted = aws.find("apigateway:DeleteModel", ABSENT, call).await.map(drop);
        aws.run.forget(&models_key(api));
        deleted
    }
}

fn physical_id(spec: &Model) -> String {
    format!("{}/{}", spec.rest_api_id, spec.name)
}
