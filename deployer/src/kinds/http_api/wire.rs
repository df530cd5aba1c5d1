//! Between an API's spec and the SDK's types.

use aws_sdk_apigatewayv2::types::{Api as Live, Cors as LiveCors, IpAddressType, ProtocolType};

use super::{Api, Cors};
use crate::aws::apigateway::ABSENT;
use crate::aws::apigateway::http::unrepeated;
use crate::aws::tags::Tags;
use crate::aws::{Aws, AwsError};
use crate::kinds::Changes;

/// Sends CreateApi once, and returns the id of the new API.
pub(super) async fn send_create(aws: &Aws, want: &Api) -> Result<String, AwsError> {
    let call = aws
        .clients
        .apigatewayv2
        .create_api()
        .name(&want.name)
        .protocol_type(ProtocolType::Http)
        .set_description(want.description.clone())
        .set_cors_configuration(want.cors_configuration.as_ref().map(cors))
        .disable_execute_api_endpoint(want.disable_execute_api_endpoint)
        .ip_address_type(IpAddressType::from(want.ip_address_type.as_str()))
        .set_tags(Some(want.tags.clone().into_iter().collect()))
        .customize()
        .config_override(unrepeated());
    let made = aws.call("apigatewayv2:CreateApi", call.send()).await?;
    made.api_id.ok_or_else(|| AwsError::missing("apigatewayv2:CreateApi", "ApiId"))
}

/// Calls UpdateApi with the properties that changed, and DeleteCorsConfiguration if no CORS is wanted any more.
pub(super) async fn send_update(aws: &Aws, id: &str, want: &Api, changes: &Changes) -> Result<(), AwsError> {
    let client = &aws.clients.apigatewayv2;
    let has = |property: &str| changes.touch(property);
    let clears_cors = has("cors_configuration") && want.cors_configuration.is_none();
    if clears_cors {
        delete_cors(aws, id).await?;
    }
    let properties = ["name", "description", "disable_execute_api_endpoint", "ip_address_type"];
    if !changes.touch_any(&properties) && (clears_cors || !has("cors_configuration")) {
        return Ok(());
    }
    let call = client
        .update_api()
        .api_id(id)
        .set_name(has("name").then(|| want.name.clone()))
        .set_description(has("description").then(|| want.description.clone().unwrap_or_default()))
        .set_cors_configuration(want.cors_configuration.as_ref().filter(|_| has("cors_configuration")).map(cors))
        .set_disable_execute_api_endpoint(
            has("disable_execute_api_endpoint").then_some(want.disable_execute_api_endpoint),
        )
        .set_ip_address_type(has("ip_address_type").then(|| IpAddressType::from(want.ip_address_type.as_str())));
    aws.call("apigatewayv2:UpdateApi", call.send()).await.map(drop)
}

async fn delete_cors(aws: &Aws, id: &str) -> Result<(), AwsError> {
    let call = aws.clients.apigatewayv2.delete_cors_configuration().api_id(id).send();
    aws.find("apigatewayv2:DeleteCorsConfiguration", ABSENT, call).await.map(drop)
}

/// UpdateApi replaces the settings as a whole, so a list that is not sent is cleared.
fn cors(want: &Cors) -> LiveCors {
    let some = |items: &Vec<String>| Some(items.clone()).filter(|items| !items.is_empty());
    LiveCors::builder()
        .allow_credentials(want.allow_credentials)
        .set_allow_headers(some(&want.allow_headers))
        .set_allow_methods(some(&want.allow_methods))
        .set_allow_origins(some(&want.allow_origins))
        .set_expose_headers(some(&want.expose_headers))
        .set_max_age(want.max_age)
        .build()
}

pub(super) fn to_spec(spec: &Api, live: Live, tags: Tags) -> Api {
    Api {
        owner_stack: spec.owner_stack.clone(),
        owner_address: spec.owner_address.clone(),
        name: live.name.unwrap_or_default(),
        description: live.description.filter(|text| !text.is_empty()),
        cors_configuration: live.cors_configuration.map(to_cors),
        disable_execute_api_endpoint: live.disable_execute_api_endpoint.unwrap_or(false),
        ip_address_type: live.ip_address_type.as_ref().map_or("ipv4", IpAddressType::as_str).to_owned(),
        tags,
        parts: spec.parts.clone(),
        ..Api::default()
    }
}

fn to_cors(live: LiveCors) -> Cors {
    let cors = Cors {
        allow_credentials: live.allow_credentials.unwrap_or(false),
        allow_headers: live.allow_headers.unwrap_or_default(),
        allow_methods: live.allow_methods.unwrap_or_default(),
        allow_origins: live.allow_origins.unwrap_or_default(),
        expose_headers: live.expose_headers.unwrap_or_default(),
        max_age: live.max_age,
    };
    cors.normalized()
}
