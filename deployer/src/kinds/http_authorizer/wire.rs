//! Between an authorizer's spec and the SDK's types.

use aws_sdk_apigatewayv2::types::{Authorizer as Live, AuthorizerType, JwtConfiguration as LiveJwt};

use super::{Authorizer, JWT, JwtConfiguration};
use crate::aws::apigateway::http::unrepeated;
use crate::aws::{Aws, AwsError};
use crate::kinds::Changes;

/// Sends CreateAuthorizer once, and returns the id of the new authorizer.
pub(super) async fn send_create(aws: &Aws, want: &Authorizer) -> Result<Option<String>, AwsError> {
    let is_simple = (want.authorizer_type != JWT).then_some(want.enable_simple_responses);
    let call = aws
        .clients
        .apigatewayv2
        .create_authorizer()
        .api_id(&want.api_id)
        .name(&want.name)
        .authorizer_type(AuthorizerType::from(want.authorizer_type.as_str()))
        .set_identity_source(Some(want.identity_source.clone()))
        .set_jwt_configuration(want.jwt_configuration.as_ref().map(jwt))
        .set_authorizer_uri(want.authorizer_uri.clone())
        .set_authorizer_payload_format_version(want.authorizer_payload_format_version.clone())
        .set_authorizer_result_ttl_in_seconds(want.authorizer_result_ttl_in_seconds.map(seconds))
        .set_enable_simple_responses(is_simple)
        .customize()
        .config_override(unrepeated());
    Ok(aws.call("apigatewayv2:CreateAuthorizer", call.send()).await?.authorizer_id)
}

/// Calls UpdateAuthorizer with the properties that changed; with all that the type has if the type itself changed.
pub(super) async fn send_update(
    aws: &Aws,
    (api, id): (&str, &str),
    want: &Authorizer,
    changes: &Changes,
) -> Result<(), AwsError> {
    let is_other = changes.touch("authorizer_type");
    let has = |property: &str| is_other || changes.touch(property);
    let is_simple =
        (want.authorizer_type != JWT && has("enable_simple_responses")).then_some(want.enable_simple_responses);
    let call = aws
        .clients
        .apigatewayv2
        .update_authorizer()
        .api_id(api)
        .authorizer_id(id)
        .set_authorizer_type(is_other.then(|| AuthorizerType::from(want.authorizer_type.as_str())))
        .set_identity_source(has("identity_source").then(|| want.identity_source.clone()))
        .set_jwt_configuration(want.jwt_configuration.as_ref().filter(|_| has("jwt_configuration")).map(jwt))
        .set_authorizer_uri(want.authorizer_uri.clone().filter(|_| has("authorizer_uri")))
        .set_authorizer_payload_format_version(
            want.authorizer_payload_format_version.clone().filter(|_| has("authorizer_payload_format_version")),
        )
        .set_authorizer_result_ttl_in_seconds(
            want.authorizer_result_ttl_in_seconds.filter(|_| has("authorizer_result_ttl_in_seconds")).map(seconds),
        )
        .set_enable_simple_responses(is_simple);
    aws.call("apigatewayv2:UpdateAuthorizer", call.send()).await.map(drop)
}

fn seconds(ttl: u32) -> i32 {
    i32::try_from(ttl).unwrap_or(i32::MAX)
}

fn jwt(want: &JwtConfiguration) -> LiveJwt {
    LiveJwt::builder().issuer(&want.issuer).set_audience(Some(want.audience.clone())).build()
}

/// Reads the properties of the authorizer's type alone: AWS keeps those of the other type as they were.
pub(super) fn to_spec(spec: &Authorizer, live: &Live) -> Authorizer {
    let authorizer_type = live.authorizer_type().map_or("", AuthorizerType::as_str).to_owned();
    let (of_token, of_function) = (authorizer_type == JWT, authorizer_type != JWT);
    let text = |text: Option<&str>| text.filter(|text| of_function && !text.is_empty()).map(str::to_owned);
    let jwt_configuration = live.jwt_configuration().filter(|_| of_token).map(|jwt| JwtConfiguration {
        issuer: jwt.issuer().unwrap_or_default().to_owned(),
        audience: jwt.audience().to_vec(),
    });
    let ttl = live.authorizer_result_ttl_in_seconds().and_then(|seconds| u32::try_from(seconds).ok());
    Authorizer {
        api_id: spec.api_id.clone(),
        name: spec.name.clone(),
        identity_source: live.identity_source().to_vec(),
        jwt_configuration,
        authorizer_uri: text(live.authorizer_uri()),
        authorizer_payload_format_version: text(live.authorizer_payload_format_version()),
        authorizer_result_ttl_in_seconds: of_function.then(|| ttl.unwrap_or_default()),
        enable_simple_responses: of_function && live.enable_simple_responses().unwrap_or(false),
        authorizer_type,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_properties_of_its_own_type_count() {
        let live = Live::builder()
            .name("users")
            .authorizer_type(AuthorizerType::Jwt)
            .authorizer_uri("arn:old")
            .authorizer_payload_format_version("2.0")
            .authorizer_result_ttl_in_seconds(300)
            .enable_simple_responses(true)
            .jwt_configuration(LiveJwt::builder().issuer("https://a.example").audience("app").build())
            .build();
        let seen = to_spec(&Authorizer::default(), &live);
        let jwt = JwtConfiguration { issuer: "https://a.example".into(), audience: vec!["app".into()] };
        assert_eq!(
            seen,
            Authorizer { authorizer_type: JWT.into(), jwt_configuration: Some(jwt), ..Authorizer::default() }
        );
        let live = Live::builder().authorizer_type(AuthorizerType::Request).authorizer_uri("arn:f").build();
        let seen = to_spec(&Authorizer::default(), &live);
        assert_eq!((seen.authorizer_uri.as_deref(), seen.authorizer_result_ttl_in_seconds), (Some("arn:f"), Some(0)));
        assert_eq!(seen.jwt_configuration, None);
    }
}
