//! Between a route's spec and the SDK's types.

use std::collections::{BTreeMap, HashMap};

use aws_sdk_apigateway::types::{ContentHandlingStrategy, IntegrationType};

use crate::aws::apigateway::mock::{JSON, Mock};
use crate::aws::apigateway::route::Route;
use crate::aws::{Aws, AwsError};

/// Puts a method with all that answers it, in the order in which API Gateway accepts the parts.
pub(super) async fn put_route(aws: &Aws, want: &Route, resource: &str) -> Result<(), AwsError> {
    if let Some(mock) = &want.mock {
        put_method_response(aws, want, resource, mock).await?;
    }
    put_integration(aws, want, resource).await?;
    if let Some(mock) = &want.mock {
        put_integration_response(aws, want, resource, mock).await?;
    }
    Ok(())
}

pub(super) async fn put_method(aws: &Aws, want: &Route, resource: &str) -> Result<(), AwsError> {
    let call = aws
        .clients
        .apigateway
        .put_method()
        .rest_api_id(&want.rest_api_id)
        .resource_id(resource)
        .http_method(&want.http_method)
        .authorization_type(&want.authorization_type)
        .set_authorizer_id(want.authorizer_id.clone())
        .set_authorization_scopes(Some(want.authorization_scopes.clone()).filter(|scopes| !scopes.is_empty()))
        .api_key_required(want.api_key_required)
        .set_request_validator_id(want.request_validator_id.clone())
        .set_request_models(map(&want.request_models))
        .set_request_parameters(map(&want.request_parameters));
    aws.call("apigateway:PutMethod", call.send()).await.map(drop)
}

/// Leaves an empty map out of a request.
fn map<V: Clone>(all: &BTreeMap<String, V>) -> Option<HashMap<String, V>> {
    (!all.is_empty()).then(|| all.clone().into_iter().collect())
}

async fn put_integration(aws: &Aws, want: &Route, resource: &str) -> Result<(), AwsError> {
    let call = aws
        .clients
        .apigateway
        .put_integration()
        .rest_api_id(&want.rest_api_id)
        .resource_id(resource)
        .http_method(&want.http_method)
        .r#type(IntegrationType::from(want.integration_type.as_str()))
        .timeout_in_millis(i32::try_from(want.timeout_in_millis).unwrap_or(i32::MAX));
    let call = match &want.mock {
        None => call.integration_http_method(&want.integration_http_method).uri(&want.uri),
        // API Gateway applies no template to a body that it takes for binary.
        Some(mock) => call
            .request_templates(JSON, mock.request_template())
            .content_handling(ContentHandlingStrategy::ConvertToText),
    };
    aws.call("apigateway:PutIntegration", call.send()).await.map(drop)
}

async fn put_method_response(aws: &Aws, want: &Route, resource: &str, mock: &Mock) -> Result<(), AwsError> {
    let call = aws
        .clients
        .apigateway
        .put_method_response()
        .rest_api_id(&want.rest_api_id)
        .resource_id(resource)
        .http_method(&want.http_method)
        .status_code(&mock.status_code)
        .set_response_parameters(Some(mock.declared()));
    aws.call("apigateway:PutMethodResponse", call.send()).await.map(drop)
}

async fn put_integration_response(aws: &Aws, want: &Route, resource: &str, mock: &Mock) -> Result<(), AwsError> {
    let templates = mock.template.clone().map(|template| [(JSON.to_owned(), template)].into());
    let call = aws
        .clients
        .apigateway
        .put_integration_response()
        .rest_api_id(&want.rest_api_id)
        .resource_id(resource)
        .http_method(&want.http_method)
        .status_code(&mock.status_code)
        .set_response_parameters(Some(mock.mapped()))
        .set_response_templates(templates);
    aws.call("apigateway:PutIntegrationResponse", call.send()).await.map(drop)
}
