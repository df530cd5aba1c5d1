//! Between an API's spec and the SDK's types.

use aws_sdk_apigateway::types::{
    ApiKeySourceType, EndpointConfiguration, EndpointType, Op as PatchOp, PatchOperation, RestApi as Live,
};
use aws_smithy_types::retry::RetryConfig;

use super::Api;
use crate::aws::apigateway::{patch_op, pointer};
use crate::aws::tags::Tags;
use crate::aws::{Aws, AwsError};

/// Sends CreateRestApi once: the SDK does not repeat it.
pub(super) async fn send_create(aws: &Aws, want: &Api) -> Result<Live, AwsError> {
    let unrepeated = aws_sdk_apigateway::config::Config::builder().retry_config(RetryConfig::disabled());
    let call = aws
        .clients
        .apigateway
        .create_rest_api()
        .name(&want.name)
        .set_description(want.description.clone())
        .endpoint_configuration(
            EndpointConfiguration::builder().types(EndpointType::from(want.endpoint_type.as_str())).build(),
        )
        .set_binary_media_types(Some(want.binary_media_types.clone()).filter(|types| !types.is_empty()))
        .set_minimum_compression_size(want.minimum_compression_size.map(|bytes| bytes as i32))
        .disable_execute_api_endpoint(want.disable_execute_api_endpoint)
        .api_key_source(ApiKeySourceType::from(want.api_key_source.as_str()))
        .set_tags(Some(want.tags.clone().into_iter().collect()))
        .customize()
        .config_override(unrepeated);
    let made = aws.call("apigateway:CreateRestApi", call.send()).await?;
    let id = made.id.ok_or_else(|| AwsError::missing("apigateway:CreateRestApi", "id"))?;
    let root = made.root_resource_id;
    let root = root.ok_or_else(|| AwsError::missing("apigateway:CreateRestApi", "rootResourceId"))?;
    Ok(Live::builder().id(id).name(&want.name).root_resource_id(root).build())
}

pub(super) fn api(spec: &Api, live: Live, tags: Tags) -> Api {
    let types = live.endpoint_configuration.and_then(|c| c.types).unwrap_or_default();
    Api {
        owner_stack: spec.owner_stack.clone(),
        owner_address: spec.owner_address.clone(),
        name: live.name.unwrap_or_default(),
        description: live.description.filter(|text| !text.is_empty()),
        endpoint_type: types.first().map_or("EDGE", EndpointType::as_str).to_owned(),
        binary_media_types: live.binary_media_types.unwrap_or_default(),
        minimum_compression_size: live.minimum_compression_size.and_then(|bytes| u32::try_from(bytes).ok()),
        disable_execute_api_endpoint: live.disable_execute_api_endpoint,
        api_key_source: live.api_key_source.as_ref().map_or("HEADER", ApiKeySourceType::as_str).to_owned(),
        tags,
        parts: spec.parts.clone(),
        ..Api::default()
    }
}

/// Returns the PATCH operations that turn one API into another.
pub(super) fn patch(live: &Api, want: &Api) -> Vec<PatchOperation> {
    let mut ops = Vec::new();
    let mut replace = |differs: bool, path: String, value: Option<String>| {
        if differs {
            ops.push(patch_op(PatchOp::Replace, path, value));
        }
    };
    replace(live.name != want.name, "/name".into(), Some(want.name.clone()));
    let description = want.description.clone().unwrap_or_default();
    replace(live.description != want.description, "/description".into(), Some(description));
    let types = format!("/endpointConfiguration/types/{}", live.endpoint_type);
    replace(live.endpoint_type != want.endpoint_type, types, Some(want.endpoint_type.clone()));
    let size = want.minimum_compression_size.map(|bytes| bytes.to_string());
    replace(live.minimum_compression_size != want.minimum_compression_size, "/minimumCompressionSize".into(), size);
    let disabled = want.disable_execute_api_endpoint;
    replace(
        live.disable_execute_api_endpoint != disabled,
        "/disableExecuteApiEndpoint".into(),
        Some(disabled.to_string()),
    );
    replace(live.api_key_source != want.api_key_source, "/apiKeySource".into(), Some(want.api_key_source.clone()));
    let media = |op: PatchOp, from: &Api, to: &Api| -> Vec<PatchOperation> {
        let missing = to.binary_media_types.iter().filter(|t| !from.binary_media_types.contains(t));
        missing.map(|t| patch_op(op.clone(), format!("/binaryMediaTypes/{}", pointer(t)), None)).collect()
    };
    ops.extend(media(PatchOp::Add, live, want));
    ops.extend(media(PatchOp::Remove, want, live));
    ops
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(ops: &[PatchOperation]) -> Vec<String> {
        let text = |o: &PatchOperation| {
            format!("{} {} {}", o.op().map_or("", PatchOp::as_str), o.path().unwrap_or(""), o.value().unwrap_or("-"))
        };
        ops.iter().map(text).collect()
    }

    #[test]
    fn only_what_differs_is_patched_and_media_types_one_by_one() {
        let live = Api {
            endpoint_type: "EDGE".into(),
            binary_media_types: vec!["image/png".into(), "a/b".into()],
            minimum_compression_size: Some(1),
            ..Api::default()
        };
        let want = Api {
            endpoint_type: "REGIONAL".into(),
            binary_media_types: vec!["a/b".into(), "image/jpeg".into()],
            ..Api::default()
        };
        assert_eq!(
            texts(&patch(&live, &want)),
            [
                "replace /endpointConfiguration/types/EDGE REGIONAL",
                "replace /minimumCompressionSize -",
                "add /binaryMediaTypes/image~1jpeg -",
                "remove /binaryMediaTypes/image~1png -",
            ]
        );
        assert!(patch(&want, &want).is_empty());
    }
}
