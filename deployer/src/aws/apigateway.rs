//! What the API Gateway kinds share: ARNs, tags, PATCH operations.

use std::collections::{BTreeMap, HashMap};
use std::sync::Mutex;

use aws_sdk_apigateway::types::{Op as PatchOp, PatchOperation, Resource};

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

/// What [`Aws::remember`] knows the path parts of an API by, which creates keep up to date.
pub(crate) fn paths_key(api_id: &str) -> String {
    format!("apigateway:CreateResource {api_id}")
}

/// Ids of an API's resources by path.
pub(crate) type Paths = Mutex<BTreeMap<String, String>>;

/// Notes that this run has just made an API: it has its root and nothing else.
pub(crate) async fn note_new(aws: &Aws, api_id: &str, root: &str) -> Result<(), AwsError> {
    let paths = BTreeMap::from([("/".to_owned(), root.to_owned())]);
    aws.remember::<Paths>(&paths_key(api_id), async { Ok(Mutex::new(paths)) }).await?;
    aws.first_time(new_key(api_id));
    Ok(())
}

/// Tells whether this run made the API, so that nothing of another one can be in it.
pub(crate) fn is_new(aws: &Aws, api_id: &str) -> bool {
    aws.has_done(&new_key(api_id))
}

fn new_key(api_id: &str) -> String {
    format!("apigateway:CreateRestApi {api_id}")
}

/// GetResources, all pages; none when the API itself is gone.
pub(crate) async fn resources(aws: &Aws, api: &str) -> Result<Vec<Resource>, AwsError> {
    let (mut all, mut position) = (Vec::new(), None);
    loop {
        let call = aws.clients.apigateway.get_resources().rest_api_id(api).limit(500).embed("methods");
        let call = call.set_position(position).send();
        let Some(page) = aws.find("apigateway:GetResources", ABSENT, call).await? else { return Ok(Vec::new()) };
        all.extend(page.items.unwrap_or_default());
        position = page.position;
        if position.is_none() {
            return Ok(all);
        }
    }
}

/// Paths of an API that neither have a method nor lead to one, with their ids, the topmost first.
pub(crate) fn unused(tree: &[Resource]) -> Vec<(String, String)> {
    let used = |r: &Resource| r.resource_methods().is_some_and(|methods| !methods.is_empty());
    let leads = |path: &str| {
        tree.iter()
            .filter(|r| used(r))
            .filter_map(Resource::path)
            .any(|other| other.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')))
    };
    let found = tree.iter().filter_map(|r| Some((r.path()?.to_owned(), r.id()?.to_owned())));
    let mut unused: Vec<_> = found.filter(|(path, _)| path != "/" && !leads(path)).collect();
    unused.sort();
    unused
}

/// What [`Aws::turn`] knows an API by: AWS refuses or loses overlapping changes of one API.
pub(crate) fn turn_key(api_id: &str) -> String {
    format!("apigateway/{api_id}")
}

/// Builds an API Gateway management ARN, which has no account: `arn:aws:apigateway:REGION::/restapis/ID`.
pub(crate) fn arn(place: &Place, path: &str) -> String {
    format!("arn:{}:apigateway:{}::{path}", place.partition, place.region)
}

/// How a local AWS says that it has no GetTags.
const UNKNOWN_CALL: &[&str] = &["NotFound", "UnknownOperationException", "NotImplemented", "Http405", "Http501"];

/// The tags of an API or stage. AWS's listings hold them; some local AWS keep later edits apart.
pub(crate) fn live_tags(listed: Option<HashMap<String, String>>, edited: Option<HashMap<String, String>>) -> Tags {
    tags::without_aws(edited.or(listed).unwrap_or_default())
}

/// GetTags of a local AWS that keeps later edits of an API's or stage's tags apart from those given at creation.
pub(crate) async fn edited_tags(aws: &Aws, arn: &str) -> Result<Option<HashMap<String, String>>, AwsError> {
    if aws.place.endpoint_url.is_none() {
        return Ok(None);
    }
    let call = aws.clients.apigateway.get_tags().resource_arn(arn).send();
    let edited = match aws.find("apigateway:GetTags", ABSENT, call).await {
        Err(error) if error.is(UNKNOWN_CALL) => None,
        answer => answer?.and_then(|found| found.tags),
    };
    Ok(edited.filter(|edited| !edited.is_empty()))
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
    use aws_sdk_apigateway::types::{Method, Resource};

    use super::{is_id, unused};

    #[test]
    fn a_path_is_used_when_it_has_a_method_or_leads_to_one() {
        let resource = |id: &str, path: &str, methods: &[&str]| {
            let methods = methods.iter().map(|m| ((*m).to_owned(), Method::builder().build())).collect();
            Resource::builder().id(id).path(path).set_resource_methods(Some(methods)).build()
        };
        let tree = [
            resource("r", "/", &[]),
            resource("c", "/old/{id}", &[]),
            resource("b", "/old", &[]),
            resource("d", "/images", &[]),
            resource("e", "/images/{id}", &["GET"]),
            resource("f", "/image", &[]),
        ];
        let found: Vec<String> = unused(&tree).into_iter().map(|(path, id)| format!("{path} {id}")).collect();
        assert_eq!(found, ["/image f", "/old b", "/old/{id} c"]);
    }

    #[test]
    fn only_what_aws_made_is_an_id() {
        assert!(is_id("a1b2c3d4e5"));
        for unresolved in ["", "${apis.couch.id}", "\u{e000}apis.couch.id\u{e001}"] {
            assert!(!is_id(unresolved), "{unresolved}");
        }
    }
}
