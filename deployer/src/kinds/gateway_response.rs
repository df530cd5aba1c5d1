//! `apigateway.gateway_response`: an answer of API Gateway in place of a route's, such as an error.
//!
//! **Guarantees**: all answers of an API are read with one listing. Deleting one brings AWS's own answer back.
//! **Assumptions**: everything inside an API of this stack belongs to this stack.
//! **Caveats**: callers get a changed answer with the stage's next deployment. A type with an answer of its own takes
//! nothing from `DEFAULT_4XX` or `DEFAULT_5XX`.

use super::{About, Calls, Changes, CreatedResource, Grant, Kind, ObservedResource, Op, Outputs, Parent, Rule};
pub use crate::aws::apigateway::response::GatewayResponse;
use crate::aws::apigateway::response::{changed_responses, responses_key, type_of};
use crate::aws::apigateway::{ABSENT, arn, is_id, turn_key};
use crate::aws::service::APIGATEWAY;
use crate::aws::{Aws, AwsError, Place, Trust};

/// The kind of API Gateway's own answers.
pub struct GatewayResponseKind;

impl Kind for GatewayResponseKind {
    const ABOUT: About = About {
        outputs: &["response_type"],
        identity: &["rest_api_id", "response_type"],
        rules: &[
            ("rest_api_id", Rule::Replace("API Gateway cannot move an answer to another API")),
            ("response_type", Rule::Replace("an answer is known by its type")),
        ],
        parent: Some(Parent { kind: "apigateway.rest_api", owns: true, deletes: true }),
        // The stage's deployment is a snapshot of the answers, too.
        calls: Calls { definition: true, ..Calls::DEFAULT },
        ..About::of("apigateway.gateway_response", &APIGATEWAY)
    };
    type Spec = GatewayResponse;

    fn predict(spec: &GatewayResponse, _: &Place) -> Outputs {
        Outputs::from([("response_type".into(), spec.response_type.clone())])
    }

    fn iam(op: Op, spec: &GatewayResponse, place: &Place) -> Vec<Grant> {
        let api = if is_id(&spec.rest_api_id) { &spec.rest_api_id } else { "*" };
        let all = arn(place, &format!("/restapis/{api}/gatewayresponses"));
        let one = format!("{all}/{}", spec.response_type);
        match op {
            Op::Read | Op::Present => vec![Grant::new(&["apigateway:GET"], all)],
            Op::Create | Op::Update => vec![Grant::new(&["apigateway:PUT"], one).of_own()],
            Op::Delete => vec![Grant::new(&["apigateway:DELETE"], one).of_own()],
        }
    }

    fn brief(spec: &GatewayResponse) -> Option<String> {
        let status = spec.status_code.as_ref().map(|status| format!("status {status}, "));
        let headers: Vec<&str> = spec.headers.keys().map(String::as_str).collect();
        let headers = if headers.is_empty() { "no headers".to_owned() } else { format!("with {}", headers.join(", ")) };
        Some(format!("{}{headers}", status.unwrap_or_default()))
    }

    fn any_named(_: &str, _: &Place) -> Vec<GatewayResponse> {
        vec![GatewayResponse { response_type: "*".to_owned(), ..GatewayResponse::default() }]
    }

    /// Calls GetGatewayResponses, once for all answers of an API.
    async fn read(
        aws: &Aws,
        spec: &GatewayResponse,
        _: Trust,
    ) -> Result<Option<ObservedResource<GatewayResponse>>, AwsError> {
        let all = changed_responses(aws, &spec.rest_api_id).await?;
        let Some(live) = all.iter().find(|live| type_of(live) == spec.response_type) else { return Ok(None) };
        Ok(Some(ObservedResource::new(physical_id(spec), spec.read(live), Self::predict(spec, &aws.place))))
    }

    async fn create(aws: &Aws, want: &GatewayResponse) -> Result<CreatedResource, AwsError> {
        put(aws, want).await?;
        Ok(CreatedResource { physical_id: physical_id(want), outputs: Self::predict(want, &aws.place) })
    }

    /// Calls PutGatewayResponse, which replaces the answer as a whole.
    async fn update(
        aws: &Aws,
        _: &ObservedResource<GatewayResponse>,
        want: &GatewayResponse,
        _: &Changes,
    ) -> Result<(), AwsError> {
        put(aws, want).await
    }

    async fn delete(aws: &Aws, live: &ObservedResource<GatewayResponse>) -> Result<(), AwsError> {
        let GatewayResponse { rest_api_id: api, response_type, .. } = &live.spec;
        let _turn = aws.run.turn(&turn_key(api)).await;
        let call = aws.clients.apigateway.delete_gateway_response().rest_api_id(api);
        let call = call.response_type(response_type.as_str().into()).send();
        let deleted = aws.find("apigateway:DeleteGatewayResponse", ABSENT, call).await.map(drop);
        aws.run.forget(&responses_key(api));
        deleted
    }
}

fn physical_id(spec: &GatewayResponse) -> String {
    format!("{}/{}", spec.rest_api_id, spec.response_type)
}

async fn put(aws: &Aws, want: &GatewayResponse) -> Result<(), AwsError> {
    let _turn = aws.run.turn(&turn_key(&want.rest_api_id)).await;
    let call = aws
        .clients
        .apigateway
        .put_gateway_response()
        .rest_api_id(&want.rest_api_id)
        .response_type(want.response_type.as_str().into())
        .set_status_code(want.status_code.clone())
        .set_response_parameters(Some(want.parameters()))
        .set_response_templates(Some(want.templates.clone().into_iter().collect()));
    let put = aws.call("apigateway:PutGatewayResponse", call.send()).await.map(drop);
    aws.run.forget(&responses_key(&want.rest_api_id));
    put
}
