//! The parts that the API Gateway kinds share: ARNs, tags, PATCH operations.
//!
//! - `authorizer`: decides who may call routes, as a value
//! - `deployments`: snapshots of an API's routes, and the stages that serve them
//! - `http`: the parts of an HTTP API
//! - `mock`, `response`: the answers of API Gateway itself
//! - `owned`: which API a spec means
//! - `route`: a method at a path as a value, and the definition of which a deployment is a snapshot
//! - `validation`: checks of requests, as values
//! - `tree`: the paths of an API with their methods

pub(crate) mod authorizer;
pub(crate) mod deployments;
pub(crate) mod http;
pub(crate) mod mock;
pub(crate) mod owned;
pub(crate) mod response;
pub(crate) mod route;
pub(crate) mod tree;
pub(crate) mod validation;

use std::collections::{BTreeMap, HashMap};
use std::sync::Mutex;

use aws_sdk_apigateway::types::{Op as PatchOp, PatchOperation, Stage};

use super::owner::Owner;
use super::tags::{self, Tags};
use super::{Aws, AwsError, Place};

/// The code for an API, route, deployment or stage that does not exist.
pub(crate) const ABSENT: &[&str] = &["NotFoundException"];

/// Tells whether `api_id` is an id from AWS, and not an unresolved reference.
pub(crate) fn is_id(api_id: &str) -> bool {
    !api_id.is_empty() && api_id.bytes().all(|b| b.is_ascii_alphanumeric())
}

/// Builds the key under which `aws.run.remember` keeps the routes of an API.
pub(crate) fn tree_key(api_id: &str) -> String {
    format!("apigateway:GetResources {api_id}")
}

/// Builds the key under which `aws.run.remember` keeps the path parts of an API. Creates keep them up to date.
pub(crate) fn paths_key(api_id: &str) -> String {
    format!("apigateway:CreateResource {api_id}")
}

/// Ids of an API's resources by path.
pub(crate) type Paths = Mutex<BTreeMap<String, String>>;

/// Notes that this run has just created an API, which has its root and nothing else.
pub(crate) async fn note_new(aws: &Aws, api_id: &str, root: &str) -> Result<(), AwsError> {
    let paths = BTreeMap::from([("/".to_owned(), root.to_owned())]);
    aws.run.remember::<Paths>(&paths_key(api_id), async { Ok(Mutex::new(paths)) }).await?;
    note_created(aws, api_id);
    Ok(())
}

/// Notes that this run has just created an API.
pub(crate) fn note_created(aws: &Aws, api_id: &str) {
    aws.run.note_done(new_key(api_id));
}

/// Tells whether this run created the API, so that it has nothing of others.
pub(crate) fn is_created(aws: &Aws, api_id: &str) -> bool {
    aws.run.is_done(&new_key(api_id))
}

fn new_key(api_id: &str) -> String {
    format!("created API {api_id}")
}

/// Builds the key of an API for `aws.run.turn`: AWS refuses or loses overlapping changes of one API.
pub(crate) fn turn_key(api_id: &str) -> String {
    format!("apigateway/{api_id}")
}

/// Builds an API Gateway management ARN, which has no account: `arn:aws:apigateway:REGION::/restapis/ID`.
pub(crate) fn arn(place: &Place, path: &str) -> String {
    format!("arn:{}:apigateway:{}::{path}", place.partition, place.region)
}

/// The codes by which a local AWS reports an unknown call.
const UNKNOWN_CALL: &[&str] = &["NotFound", "UnknownOperationException", "NotImplemented", "Http405", "Http501"];

/// Returns the tags of an API or stage. AWS's listings have them; some local AWSes keep later edits apart.
pub(crate) fn live_tags(listed: Option<HashMap<String, String>>, edited: Option<HashMap<String, String>>) -> Tags {
    tags::without_aws(edited.or(listed).unwrap_or_default())
}

/// Treats a call that a local AWS does not know like one that found nothing.
pub(crate) fn known_call<T>(aws: &Aws, answer: Result<Option<T>, AwsError>) -> Result<Option<T>, AwsError> {
    match answer {
        Err(error) if aws.place.endpoint_url.is_some() && error.is(UNKNOWN_CALL) => Ok(None),
        answer => answer,
    }
}

/// Tells whether a stage carries the ownership tag of this stack.
pub(crate) fn stages_of_stack(stage: &Stage, stack: &str) -> bool {
    let tag = stage.tags().and_then(|tags| tags.get(tags::STACK)).map(String::as_str);
    Owner::by_tag(stack, tag, false).is_ours()
}

/// Calls GetTags on a local AWS, which may keep later edits of an API's or stage's tags apart from those of the create.
pub(crate) async fn edited_tags(aws: &Aws, arn: &str) -> Result<Option<HashMap<String, String>>, AwsError> {
    if aws.place.endpoint_url.is_none() {
        return Ok(None);
    }
    let call = aws.clients.apigateway.get_tags().resource_arn(arn).send();
    let edited = known_call(aws, aws.find("apigateway:GetTags", ABSENT, call).await)?.and_then(|found| found.tags);
    Ok(edited.filter(|edited| !edited.is_empty()))
}

/// Calls TagResource and UntagResource for the differences. All tags are sent, because the policies that `deployer iam`
/// prints recognise our requests by the ownership tags.
pub(crate) async fn retag(aws: &Aws, arn: &str, live: &Tags, want: &Tags) -> Result<(), AwsError> {
    let delta = tags::Delta::between(live, want);
    let local = aws.place.endpoint_url.is_some();
    if !delta.set.is_empty() || (local && !delta.remove.is_empty()) {
        let set = want.clone().into_iter().collect();
        let call = aws.clients.apigateway.tag_resource().resource_arn(arn).set_tags(Some(set));
        aws.call("apigateway:TagResource", call.send()).await?;
    }
    if !delta.remove.is_empty() {
        let call = aws.clients.apigateway.untag_resource().resource_arn(arn).set_tag_keys(Some(delta.remove));
        aws.call("apigateway:UntagResource", call.send()).await?;
    }
    Ok(())
}

/// Builds a PATCH operation. No value clears the property.
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
