//! The checks of requests that API Gateway makes itself, as values: validators, and the models of bodies.

use std::sync::Arc;

use aws_sdk_apigateway::types::{Model as LiveModel, RequestValidator as LiveValidator};
use serde::{Deserialize, Serialize};

use super::{ABSENT, known_call};
use crate::aws::{Aws, AwsError};

/// The parts of a request that routes have checked.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Validator {
    pub rest_api_id: String,
    pub name: String,
    pub validate_request_body: bool,
    pub validate_request_parameters: bool,
}

impl Validator {
    pub(crate) fn read(&self, live: &LiveValidator) -> Self {
        Self {
            rest_api_id: self.rest_api_id.clone(),
            name: self.name.clone(),
            validate_request_body: live.validate_request_body(),
            validate_request_parameters: live.validate_request_parameters(),
        }
    }
}

/// The form of a request's body.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Model {
    pub rest_api_id: String,
    pub name: String,
    pub content_type: String,
    /// A JSON schema, draft 4.
    pub schema: String,
}

impl Model {
    pub(crate) fn read(&self, live: &LiveModel) -> Self {
        Self {
            rest_api_id: self.rest_api_id.clone(),
            name: self.name.clone(),
            content_type: live.content_type().unwrap_or_default().to_owned(),
            schema: live.schema().unwrap_or_default().to_owned(),
        }
    }
}

/// Builds the key under which `aws.run.remember` keeps an API's validators.
pub(crate) fn validators_key(api: &str) -> String {
    format!("apigateway:GetRequestValidators {api}")
}

/// Returns the validators of an API: GetRequestValidators, once a run.
pub(crate) async fn validators(aws: &Aws, api: &str) -> Result<Arc<Vec<LiveValidator>>, AwsError> {
    let listing = async {
        let call = aws.clients.apigateway.get_request_validators().rest_api_id(api).limit(500).send();
        let found = known_call(aws, aws.find("apigateway:GetRequestValidators", ABSENT, call).await)?;
        Ok(found.and_then(|found| found.items).unwrap_or_default())
    };
    aws.run.remember(&validators_key(api), listing).await
}

/// Builds the key under which `aws.run.remember` keeps an API's models.
pub(crate) fn models_key(api: &str) -> String {
    format!("apigateway:GetModels {api}")
}

/// Returns the models of an API, AWS's own among them: GetModels, once a run.
pub(crate) async fn models(aws: &Aws, api: &str) -> Result<Arc<Vec<LiveModel>>, AwsError> {
    let listing = async {
        let call = aws.clients.apigateway.get_models().rest_api_id(api).limit(500).send();
        let found = known_call(aws, aws.find("apigateway:GetModels", ABSENT, call).await)?;
        Ok(found.and_then(|found| found.items).unwrap_or_default())
    };
    aws.run.remember(&models_key(api), listing).await
}
