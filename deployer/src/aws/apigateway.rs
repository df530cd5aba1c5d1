//! What the API Gateway kinds share: ARNs, tags, PATCH operations.

use std::collections::HashMap;

use aws_sdk_apigateway::types::{Op as PatchOp, PatchOperation};

use super::tags::{self, Tags};
use super::{Aws, AwsError, Place};

/// The code for an API, route, deployment or stage that is not there.
pub(crate) const ABSENT: &[&str] = &["NotFoundException"];

/// Tells whether `api_id` is an id that AWS made, and not a reference that is still to be resolved.
pub(crate) fn is_id(api_id: &str) -> bool {
    !api_id.is_empty() && api_id.bytes().all(|b| b.is_ascii_alphanumeric())
}

/// What [`Aws::remember`] knows the routes of an API by.
pub(crate) fn tree_key(api_id: &str) -> String {
    format!("apigateway:GetResources {api_id}")
}

/// What [`Aws::turn`] knows an API by: AWS refuses or loses overlapping changes of one API.
pub(crate) fn turn_key(api_id: &str) -> String {
    format!("apigateway/{api_id}")
}

/// Builds an API Gateway management ARN, which has no account: `arn:aws:apigateway:REGION::/restapis/ID`.
pub(crate) fn arn(place: &Place, path: &str) -> String {
    format!("arn:{}:apigateway:{}::{path}", place.partition, place.region)
}

/// The tags of an API or stage. AWS's listings hold them; a local AWS keeps later edits apart from those given at
/// creation, and so is asked for both.
pub(crate) async fn live_tags(aws: &Aws, arn: &str, listed: Option<HashMap<String, String>>) -> Result<Tags, AwsError> {
    let mut tags = listed.unwrap_or_default();
    if aws.place.endpoint_url.is_some() {
        let call = aws.clients.apigateway.get_tags().resource_arn(arn).send();
        let edited = aws.find("apigateway:GetTags", ABSENT, call).await?.and_then(|found| found.tags);
        if let Some(edited) = edited.filter(|edited| !edited.is_empty()) {
            tags = edited;
        }
    }
    Ok(tags::without_aws(tags))
}

/// TagResource and UntagResource for what differs.
pub(crate) async fn retag(aws: &Aws, arn: &str, live: &Tags, want: &Tags) -> Result<(), AwsError> {
    let delta = tags::Delta::between(live, want);
    let local = aws.place.endpoint_url.is_some();
    if !delta.set.is_empty() || (local && !delta.remove.is_empty()) {
        let set = if local { want.clone() } else { delta.set };
        let call = aws.clients.apigateway.tag_resource().resource_arn(arn).set_tags(Some(set.into_iter().collect()));
        aws.call("apigateway:TagResource", call.send()).await?;
    }
    if !delta.remove.is_empty() {
        let call = aws.clients.apigateway.untag_resource().resource_arn(arn).set_tag_keys(Some(delta.remove));
        aws.call("apigateway:UntagResource", call.send()).await?;
    }
    Ok(())
}

/// One PATCH operation; no value clears the property.
pub(crate) fn patch_op(op: PatchOp, path: impl Into<String>, value: Option<String>) -> PatchOperation {
    PatchOperation::builder().op(op).path(path).set_value(value).build()
}

/// Escapes one part of a JSON pointer: `image/png` → `image~1png`.
pub(crate) fn pointer(part: &str) -> String {
    part.replace('~', "~0").replace('/', "~1")
}

#[cfg(test)]
mod tests {
    use super::is_id;

    #[test]
    fn only_what_aws_made_is_an_id() {
        assert!(is_id("a1b2c3d4e5"));
        for unresolved in ["", "${apis.couch.id}", "\u{e000}apis.couch.id\u{e001}"] {
            assert!(!is_id(unresolved), "{unresolved}");
        }
    }
}
