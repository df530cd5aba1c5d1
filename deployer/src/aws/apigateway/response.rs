//! The answers that API Gateway gives instead of a route's integration, such as errors.

use std::collections::BTreeMap;
use std::sync::Arc;

use aws_sdk_apigateway::types::GatewayResponse as Live;
use serde::{Deserialize, Serialize};

use super::mock::JSON;
use super::{ABSENT, known_call};
use crate::aws::{Aws, AwsError};

const HEADER: &str = "gatewayresponse.header.";
/// The template that AWS stores if none is sent.
const TEMPLATE: &str = r#"{"message":$context.error.messageString}"#;

/// An answer of API Gateway instead of a route's.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct GatewayResponse {
    pub rest_api_id: String,
    /// `UNAUTHORIZED`, or `DEFAULT_4XX` for all without an answer of their own.
    pub response_type: String,
    /// None: the status that AWS has for the type.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status_code: Option<String>,
    /// The headers as API Gateway writes mappings: a fixed text stands between single quotes.
    pub headers: BTreeMap<String, String>,
    /// The templates of the body, by media type.
    pub templates: BTreeMap<String, String>,
}

impl GatewayResponse {
    /// Returns the templates of a body in JSON; without one, those that AWS has by default.
    pub fn json(body: Option<&str>) -> BTreeMap<String, String> {
        BTreeMap::from([(JSON.to_owned(), body.unwrap_or(TEMPLATE).to_owned())])
    }

    /// The headers by the names that API Gateway has for them.
    pub(crate) fn parameters(&self) -> std::collections::HashMap<String, String> {
        self.headers.iter().map(|(name, value)| (format!("{HEADER}{name}"), value.clone())).collect()
    }

    /// Reads an answer. AWS reports the default status of the type if none was sent.
    pub(crate) fn read(&self, live: &Live) -> Self {
        let status = live.status_code().filter(|status| !status.is_empty()).map(str::to_owned);
        let own = default_status(&self.response_type);
        let name = |name: &String| name.strip_prefix(HEADER).unwrap_or(name).to_owned();
        Self {
            rest_api_id: self.rest_api_id.clone(),
            response_type: self.response_type.clone(),
            status_code: status.filter(|status| self.status_code.is_some() || Some(status.as_str()) != own),
            headers: live.response_parameters().into_iter().flatten().map(|(k, v)| (name(k), v.clone())).collect(),
            templates: live.response_templates().cloned().unwrap_or_default().into_iter().collect(),
        }
    }
}

/// Returns the status that AWS has for a type.
fn default_status(response_type: &str) -> Option<&'static str> {
    Some(match response_type {
        "BAD_REQUEST_BODY" | "BAD_REQUEST_PARAMETERS" => "400",
        "UNAUTHORIZED" => "401",
        "ACCESS_DENIED"
        | "EXPIRED_TOKEN"
        | "INVALID_API_KEY"
        | "INVALID_SIGNATURE"
        | "WAF_FILTERED"
        | "MISSING_AUTHENTICATION_TOKEN" => "403",
        "RESOURCE_NOT_FOUND" => "404",
        "REQUEST_TOO_LARGE" => "413",
        "UNSUPPORTED_MEDIA_TYPE" => "415",
        "QUOTA_EXCEEDED" | "THROTTLED" => "429",
        "API_CONFIGURATION_ERROR" | "AUTHORIZER_CONFIGURATION_ERROR" | "AUTHORIZER_FAILURE" => "500",
        "INTEGRATION_FAILURE" | "INTEGRATION_TIMEOUT" => "504",
        _ => return None,
    })
}

/// Builds the key under which `aws.run.remember` keeps the answers of an API.
pub(crate) fn responses_key(api: &str) -> String {
    format!("apigateway:GetGatewayResponses {api}")
}

/// Returns the changed answers of an API: GetGatewayResponses, once a run.
pub(crate) async fn changed_responses(aws: &Aws, api: &str) -> Result<Arc<Vec<Live>>, AwsError> {
    let listing = async {
        let call = aws.clients.apigateway.get_gateway_responses().rest_api_id(api).limit(500).send();
        let found = known_call(aws, aws.find("apigateway:GetGatewayResponses", ABSENT, call).await)?;
        let mut items = found.and_then(|found| found.items).unwrap_or_default();
        items.retain(|one| !one.default_response);
        Ok(items)
    };
    aws.run.remember(&responses_key(api), listing).await
}

/// Returns the name of an answer's type.
pub(crate) fn type_of(live: &Live) -> &str {
    live.response_type().map_or("", |kind| kind.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_status_that_aws_has_for_the_type_counts_only_if_it_was_asked_for() {
        let live = Live::builder().status_code("401").response_parameters(format!("{HEADER}X-A"), "'1'").build();
        let spec = GatewayResponse { response_type: "UNAUTHORIZED".into(), ..GatewayResponse::default() };
        let seen = spec.read(&live);
        assert_eq!((seen.status_code.as_deref(), seen.headers["X-A"].as_str()), (None, "'1'"));
        let asked = GatewayResponse { status_code: Some("401".into()), ..spec.clone() };
        assert_eq!(asked.read(&live).status_code.as_deref(), Some("401"));
        let other = Live::builder().status_code("404").build();
        assert_eq!(spec.read(&other).status_code.as_deref(), Some("404"));
    }
}
