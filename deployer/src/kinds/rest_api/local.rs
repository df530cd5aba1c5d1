//! Changes that a local AWS cannot make.

use crate::aws::{Aws, AwsError};
use crate::kinds::Changes;

/// Refuses a change after which a local AWS can no longer list any API: it stores a patched list, number or flag as a
/// text.
pub(super) fn can_patch(aws: &Aws, changes: &Changes) -> Result<(), AwsError> {
    let spoiling = ["endpoint_type", "binary_media_types", "minimum_compression_size", "disable_execute_api_endpoint"];
    match spoiling.iter().find(|property| aws.place.endpoint_url.is_some() && changes.touch(property)) {
        Some(property) => Err(AwsError::Shape {
            what: "apigateway:UpdateRestApi".into(),
            message: format!(
                "a local AWS cannot change `{property}` of an API in place: destroy the stack there and apply again"
            ),
        }),
        None => Ok(()),
    }
}
