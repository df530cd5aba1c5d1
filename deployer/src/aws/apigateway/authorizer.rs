//! An authorizer of a REST API as a value.

use std::sync::Arc;

use aws_sdk_apigateway::types::{Authorizer as Live, AuthorizerType};
use serde::{Deserialize, Serialize};

use super::{ABSENT, known_call};
use crate::aws::{Aws, AwsError};

/// The type of an authorizer that checks tokens of user pools.
pub const COGNITO: &str = "COGNITO_USER_POOLS";
/// The type of an authorizer that asks a function about a token.
pub const TOKEN: &str = "TOKEN";

/// An authorizer of a REST API; times in seconds.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Authorizer {
    pub rest_api_id: String,
    pub name: String,
    /// `TOKEN` or `REQUEST` for a function, or `COGNITO_USER_POOLS`.
    pub authorizer_type: String,
    /// Where the token is (`method.request.header.Authorization`), or what a function's answer is kept by.
    pub identity_source: Vec<String>,
    /// The URI of the function.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authorizer_uri: Option<String>,
    /// How long the function's answer is used again; 0: never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authorizer_result_ttl_in_seconds: Option<u32>,
    /// The user pools whose tokens count.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub provider_arns: Vec<String>,
    /// The regular expression that a token has to match in full.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity_validation_expression: Option<String>,
}

impl Authorizer {
    /// Reads the properties that the authorizer's type has.
    pub(crate) fn read(&self, live: &Live) -> Self {
        let authorizer_type = live.r#type().map_or("", AuthorizerType::as_str).to_owned();
        let asks = authorizer_type != COGNITO;
        let text = |text: Option<&str>| text.filter(|text| !text.is_empty()).map(str::to_owned);
        let sources = live.identity_source().unwrap_or_default().split(',').map(str::trim);
        let mut provider_arns = if asks { Vec::new() } else { live.provider_arns().to_vec() };
        provider_arns.sort();
        Self {
            rest_api_id: self.rest_api_id.clone(),
            name: self.name.clone(),
            identity_source: sources.filter(|source| !source.is_empty()).map(str::to_owned).collect(),
            authorizer_uri: text(live.authorizer_uri()).filter(|_| asks),
            authorizer_result_ttl_in_seconds: live
                .authorizer_result_ttl_in_seconds()
                .and_then(|seconds| u32::try_from(seconds).ok())
                .filter(|_| asks),
            provider_arns,
            identity_validation_expression: text(live.identity_validation_expression()),
            authorizer_type,
        }
    }
}

/// Builds the key under which `aws.run.remember` keeps an API's authorizers.
pub(crate) fn authorizers_key(api: &str) -> String {
    format!("apigateway:GetAuthorizers {api}")
}

/// Returns the authorizers of an API: GetAuthorizers, once a run; empty if the API does not exist.
pub(crate) async fn authorizers(aws: &Aws, api: &str) -> Result<Arc<Vec<Live>>, AwsError> {
    let listing = async {
        let call = aws.clients.apigateway.get_authorizers().rest_api_id(api).limit(500).send();
        let found = known_call(aws, aws.find("apigateway:GetAuthorizers", ABSENT, call).await)?;
        Ok(found.and_then(|found| found.items).unwrap_or_default())
    };
    aws.run.remember(&authorizers_key(api), listing).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_properties_of_its_own_type_count() {
        let live = Live::builder()
            .r#type(AuthorizerType::CognitoUserPools)
            .authorizer_uri("arn:old")
            .authorizer_result_ttl_in_seconds(300)
            .identity_source("method.request.header.A, method.request.header.B")
            .provider_arns("arn:b")
            .provider_arns("arn:a")
            .build();
        let seen = Authorizer::default().read(&live);
        assert_eq!((seen.authorizer_uri, seen.authorizer_result_ttl_in_seconds), (None, None));
        assert_eq!(seen.provider_arns, ["arn:a", "arn:b"]);
        assert_eq!(seen.identity_source, ["method.request.header.A", "method.request.header.B"]);
        let live = Live::builder().r#type(AuthorizerType::Token).authorizer_uri("arn:f").provider_arns("arn:a").build();
        let seen = Authorizer::default().read(&live);
        assert_eq!((seen.authorizer_uri.as_deref(), seen.provider_arns), (Some("arn:f"), vec![]));
    }
}
