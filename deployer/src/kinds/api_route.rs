//! `apigateway.route`: one method at one path of a REST API, and the integration that it calls.
//!
//! **Guarantees**: one GetResources serves all routes of an API. Path parts are created from the root down as they are
//! needed, and deleted from the leaf up once nothing is below them; the root is never deleted. A method whose
//! integration is missing because a run was interrupted reads as present and different, and update completes it. A path
//! variable is never renamed in place, because every route below it would change: routes under the old name are deleted
//! before those under the new one are created. A route under the old name that the plan does not have stops that.
//! **Assumptions**: everything inside an API of this stack belongs to this stack.
//! **Caveats**: callers see a route only with the stage's next deployment. AWS replaces a method by deleting and
//! putting it. For the same reason callers do not notice that; in a local AWS they do.

mod wire;

use std::collections::BTreeMap;
use std::sync::Mutex;

use aws_sdk_apigateway::types::Resource;
use aws_smithy_types::retry::RetryConfig;

use super::gateway::EXISTS;
use super::{
    About, Bound, Calls, Changes, CreatedResource, Destination, Grant, Kind, ObservedResource, Op, Outputs, Parent,
    Passage, Probe, References, Rule, Verification,
};
pub use crate::aws::apigateway::mock::Mock;
pub use crate::aws::apigateway::route::Route;
use crate::aws::apigateway::tree::{delete_method, delete_paths, is_within, methods, resources};
use crate::aws::apigateway::{Paths, arn, is_id, paths_key, tree_key, turn_key};
use crate::aws::service::APIGATEWAY;
use crate::aws::{Aws, AwsError, Place, Trust, once};
use crate::mutex::lock;
use wire::{put_method, put_route};

/// The longest that API Gateway waits for an integration, and its default.
const TIMEOUT_MS: u32 = 29_000;

/// The properties that belong to the method, and not to its integration alone.
const METHOD: &[&str] = &[
    "authorization_type",
    "authorizer_id",
    "authorization_scopes",
    "api_key_required",
    "request_validator_id",
    "request_models",
    "request_parameters",
    "integration_type",
    "mock",
    "unlisted_settings",
];

/// The route kind.
pub struct ApiRoute;

impl Kind for ApiRoute {
    const ABOUT: About = About {
        outputs: &["resource_id"],
        identity: &["rest_api_id", "path", "http_method"],
        rules: &[
            ("rest_api_id", Rule::Replace("API Gateway cannot move a route to another API")),
            ("path", Rule::Replace("API Gateway cannot move a route to another path")),
            ("http_method", Rule::Replace("API Gateway cannot change a route's method")),
            ("authorization_scopes", Rule::Unordered),
        ],
        bounds: &[
            ("authorization_type", Bound::Open("NONE")),
            ("authorizer_id", Bound::Reference),
            ("authorization_scopes", Bound::AnyOf),
            ("api_key_required", Bound::Switch),
        ],
        parent: Some(Parent { kind: "apigateway.rest_api", owns: true, deletes: true }),
        // API Gateway accepts an integration with a function that does not exist.
        references: References { by_name: &["uri"], ..References::DEFAULT },
        // The stage's deployment is a snapshot of the routes, so a route is deleted before the snapshot is taken.
        calls: Calls { exists: EXISTS, definition: true, ..Calls::DEFAULT },
        ..About::of("apigateway.route", &APIGATEWAY)
    };
    type Spec = Route;

    /// Returns nothing: AWS generates the resource's id.
    fn predict(_: &Route, _: &Place) -> Outputs {
        Outputs::new()
    }

    fn iam(op: Op, spec: &Route, place: &Place) -> Vec<Grant> {
        let actions: &[&str] = match op {
            Op::Read | Op::Present => &[],
            Op::Create => &["apigateway:POST", "apigateway:PUT", "apigateway:DELETE"],
            Op::Update => &["apigateway:PUT", "apigateway:DELETE"],
            Op::Delete => &["apigateway:DELETE"],
        };
        let api = if is_id(&spec.rest_api_id) { &spec.rest_api_id } else { "*" };
        let tree = arn(place, &format!("/restapis/{api}/resources"));
        vec![Grant::new(&["apigateway:GET"], &tree), Grant::new(actions, tree + "/*").of_own()]
    }

    fn brief(spec: &Route) -> Option<String> {
        if let Some(mock) = &spec.mock {
            let origin = mock.headers.get("Access-Control-Allow-Origin").map_or("", |origin| origin.trim_matches('\''));
            let others = if mock.template.is_some() { " and others" } else { "" };
            return Some(format!("API Gateway answers pages of {origin}{others}, no authorization"));
        }
        let function = function_arn(spec)?;
        let name = function.split_once(":function:").map_or(function, |(_, name)| name);
        let authorization = match spec.authorization_type.as_str() {
            "NONE" => "no authorization".to_owned(),
            "CUSTOM" => "asks its authorizer".to_owned(),
            "COGNITO_USER_POOLS" => "tokens of a user pool".to_owned(),
            other => format!("authorization {other}"),
        };
        let key = if spec.api_key_required { ", API key required" } else { "" };
        let timeout = match spec.timeout_in_millis {
            TIMEOUT_MS => String::new(),
            other => format!(", timeout {other} ms"),
        };
        Some(format!("calls {name}, {authorization}{key}{timeout}"))
    }

    fn verification(spec: &Route, _: &Place) -> Verification {
        if spec.mock.is_some() {
            return Verification::default();
        }
        let to = Destination::Resource(function_arn(spec).unwrap_or(&spec.uri).to_owned());
        let (parent, method, path) = (spec.rest_api_id.clone(), spec.http_method.clone(), spec.path.clone());
        let closed = match spec.authorization_type.as_str() {
            "NONE" if !spec.api_key_required => None,
            "NONE" | "AWS_IAM" => Some("the route takes signed requests, or those with an API key, alone".to_owned()),
            _ => Some("the route takes requests alone that its authorizer admits".to_owned()),
        };
        let passage = Passage { closed, ..Passage::new(Probe::Request { parent, method, path }, to) };
        Verification { passages: vec![passage], grants: Vec::new() }
    }

    fn any_named(_: &str, _: &Place) -> Vec<Route> {
        vec![Route::default()]
    }

    /// Calls GetResources with the methods included, once for all routes of an API.
    async fn read(aws: &Aws, spec: &Route, _: Trust) -> Result<Option<ObservedResource<Route>>, AwsError> {
        let api = &spec.rest_api_id;
        let tree = aws.run.remember(&tree_key(api), resources(aws, api)).await?;
        let Some(resource) = tree.iter().find(|r| r.path() == Some(&spec.path)) else { return Ok(None) };
        let method = resource.resource_methods().and_then(|methods| methods.get(&spec.http_method));
        let (Some(id), Some(method)) = (resource.id(), method) else { return Ok(None) };
        let made = created_route(spec, id);
        Ok(Some(ObservedResource::new(made.physical_id, spec.read(method), made.outputs)))
    }

    async fn create(aws: &Aws, want: &Route) -> Result<CreatedResource, AwsError> {
        let _turn = aws.run.turn(&turn_key(&want.rest_api_id)).await;
        let made = make(aws, want).await;
        aws.run.forget(&tree_key(&want.rest_api_id));
        if made.is_err() {
            aws.run.forget(&paths_key(&want.rest_api_id));
        }
        made
    }

    /// Calls PutIntegration. If the method itself or API Gateway's own answer differs, DeleteMethod and PutMethod precede
    /// it: parts of the former answer would remain.
    async fn update(
        aws: &Aws,
        live: &ObservedResource<Route>,
        want: &Route,
        changes: &Changes,
    ) -> Result<(), AwsError> {
        let _turn = aws.run.turn(&turn_key(&want.rest_api_id)).await;
        let resource = live.outputs.get("resource_id");
        let resource = resource.ok_or_else(|| AwsError::missing("apigateway:GetResources", "id"))?;
        if changes.touch_any(METHOD) || want.mock.is_some() {
            delete_method(aws, &want.rest_api_id, resource, &want.http_method).await?;
            put_method(aws, want, resource).await?;
        }
        let put = put_route(aws, want, resource).await;
        aws.run.forget(&tree_key(&want.rest_api_id));
        put
    }

    /// Calls DeleteResource, from the topmost path part that no other route is under; or else DeleteMethod.
    async fn delete(aws: &Aws, live: &ObservedResource<Route>) -> Result<(), AwsError> {
        let api = &live.spec.rest_api_id;
        let _turn = aws.run.turn(&turn_key(api)).await;
        let removed = remove(aws, &live.spec).await;
        aws.run.forget(&tree_key(api));
        aws.run.forget(&paths_key(api));
        removed
    }
}

/// Returns the ARN of the function that a route calls.
fn function_arn(spec: &Route) -> Option<&str> {
    spec.uri.split_once("/functions/")?.1.strip_suffix("/invocations")
}

fn created_route(spec: &Route, resource: &str) -> CreatedResource {
    CreatedResource {
        physical_id: format!("{}/{resource}/{}", spec.rest_api_id, spec.http_method),
        outputs: Outputs::from([("resource_id".into(), resource.to_owned())]),
    }
}

async fn make(aws: &Aws, want: &Route) -> Result<CreatedResource, AwsError> {
    let resource = path_resource(aws, want).await?;
    match put_method(aws, want, &resource).await {
        // An earlier attempt created the method.
        Err(e) if e.is(&["ConflictException"]) => {
            delete_method(aws, &want.rest_api_id, &resource, &want.http_method).await?;
            put_method(aws, want, &resource).await?;
        }
        put => put?,
    }
    put_route(aws, want, &resource).await?;
    Ok(created_route(want, &resource))
}

/// Finds the resource of the route's path, and creates the missing path parts from the root down.
async fn path_resource(aws: &Aws, want: &Route) -> Result<String, AwsError> {
    let api = &want.rest_api_id;
    let known = aws
        .run
        .remember::<Paths>(&paths_key(api), async { Ok(Mutex::new(paths(&resources(aws, api).await?))) })
        .await?;
    let mut paths = lock(&known).clone();
    let root = paths.get("/").cloned();
    let mut parent = root.ok_or_else(|| AwsError::missing("apigateway:GetResources", "root"))?;
    let mut path = String::new();
    for part in parts(&want.path) {
        let above = path.clone();
        path = format!("{above}/{part}");
        if !paths.contains_key(&path) {
            if let Some(other) = variable_beside(&paths, &above, part) {
                make_room(aws, api, &other).await?;
                paths.retain(|path, _| !is_within(path, &other));
            }
            let id = create_resource(aws, api, &parent, part).await?;
            paths.insert(path.clone(), id);
            *lock(&known) = paths.clone();
        }
        parent.clone_from(&paths[&path]);
    }
    Ok(parent)
}

fn parts(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter(|part| !part.is_empty())
}

/// Returns the resource ids by path.
fn paths(tree: &[Resource]) -> BTreeMap<String, String> {
    tree.iter().filter_map(|r| Some((r.path()?.to_owned(), r.id()?.to_owned()))).collect()
}

/// Finds the path of another variable in the place of `part`: AWS allows one variable in a place.
fn variable_beside(paths: &BTreeMap<String, String>, above: &str, part: &str) -> Option<String> {
    let is_variable = |part: &str| part.starts_with('{');
    let beside = |path: &&String| {
        path.rsplit_once('/').is_some_and(|(parent, last)| parent == above && last != part && is_variable(last))
    };
    is_variable(part).then(|| paths.keys().find(beside).cloned()).flatten()
}

/// Deletes the path of another variable, because AWS allows one variable in a place. Earlier steps have deleted the
/// routes under it. A remaining route is in no plan: an error.
async fn make_room(aws: &Aws, api: &str, other: &str) -> Result<(), AwsError> {
    let tree = resources(aws, api).await?;
    let under = |r: &&Resource| r.path().is_some_and(|path| is_within(path, other));
    let mut paths: Vec<&Resource> = tree.iter().filter(under).collect();
    let left = methods(&tree).into_iter().find(|(_, (resource, ..))| under(resource));
    if let Some((route, _)) = left {
        let message = format!("the API {api} has the route `{route}`, in the way of another path variable");
        return Err(AwsError::Unplanned { message });
    }
    paths.sort_by_key(|r| r.path());
    delete_paths(aws, api, paths.into_iter().filter_map(Resource::id).map(str::to_owned).collect()).await
}

/// Sends CreateResource once: some emulators create a second part of the same name.
async fn create_resource(aws: &Aws, api: &str, parent: &str, part: &str) -> Result<String, AwsError> {
    let unrepeated = || aws_sdk_apigateway::config::Config::builder().retry_config(RetryConfig::disabled());
    let send = || async {
        let call = aws.clients.apigateway.create_resource().rest_api_id(api).parent_id(parent).path_part(part);
        let made = aws.call("apigateway:CreateResource", call.customize().config_override(unrepeated()).send()).await?;
        made.id.ok_or_else(|| AwsError::missing("apigateway:CreateResource", "id"))
    };
    let look = || async {
        let tree = resources(aws, api).await?;
        Ok(tree.into_iter().find(|r| r.parent_id() == Some(parent) && r.path_part() == Some(part)).and_then(|r| r.id))
    };
    match once(send, look).await {
        // Another step or run created the part meanwhile.
        Err(conflict) if conflict.is(&["ConflictException"]) => look().await?.ok_or(conflict),
        made => made,
    }
}

async fn remove(aws: &Aws, route: &Route) -> Result<(), AwsError> {
    let api = &route.rest_api_id;
    let mut tree = resources(aws, api).await?;
    let Some(leaf) = tree.iter().position(|r| r.path() == Some(&route.path)) else { return Ok(()) };
    let leaf_id = tree[leaf].id().unwrap_or_default().to_owned();
    let had_method = tree[leaf].resource_methods.get_or_insert_default().remove(&route.http_method).is_some();
    let mut path = route.path.clone();
    let mut emptied = Vec::new();
    while let Some(id) = removable(&tree, &path) {
        tree.retain(|r| r.id() != Some(&id));
        path.truncate(path.rfind('/').unwrap_or(0));
        emptied.push(id);
    }
    if emptied.is_empty() && had_method {
        return delete_method(aws, api, &leaf_id, &route.http_method).await;
    }
    emptied.reverse();
    delete_paths(aws, api, emptied).await
}

/// Returns the id of a path's resource if it is not the root and has neither methods nor children.
fn removable(tree: &[Resource], path: &str) -> Option<String> {
    let resource = tree.iter().find(|r| r.path() == Some(path) && path != "/")?;
    let empty = resource.resource_methods().is_none_or(|methods| methods.is_empty());
    let childless = !tree.iter().any(|r| r.parent_id() == resource.id());
    (empty && childless).then(|| resource.id().map(str::to_owned)).flatten()
}

#[cfg(test)]
mod tests {
    use aws_sdk_apigateway::types::Method;

    use super::*;

    fn resource(id: &str, parent: Option<&str>, path: &str, methods: &[&str]) -> Resource {
        let methods = methods.iter().map(|m| ((*m).to_owned(), Method::builder().build())).collect();
        Resource::builder()
            .id(id)
            .set_parent_id(parent.map(str::to_owned))
            .path(path)
            .set_resource_methods(Some(methods))
            .build()
    }

    #[test]
    fn a_path_part_goes_when_nothing_is_left_under_it_and_the_root_never() {
        let tree = [
            resource("r", None, "/", &[]),
            resource("a", Some("r"), "/images", &[]),
            resource("b", Some("a"), "/images/{id}", &["GET"]),
            resource("c", Some("r"), "/health", &[]),
        ];
        assert_eq!(removable(&tree, "/health").as_deref(), Some("c"));
        for kept in ["/", "/images", "/images/{id}", "/absent", ""] {
            assert_eq!(removable(&tree, kept), None, "{kept}");
        }
    }

    #[test]
    fn a_second_variable_in_a_place_is_seen_a_greedy_one_too() {
        let tree = [
            resource("r", None, "/", &[]),
            resource("a", Some("r"), "/{id}", &[]),
            resource("b", Some("a"), "/{id}/{proxy+}", &[]),
        ];
        let paths = paths(&tree);
        assert_eq!(variable_beside(&paths, "", "{name}").as_deref(), Some("/{id}"));
        assert_eq!(variable_beside(&paths, "", "{id}"), None);
        assert_eq!(variable_beside(&paths, "", "images"), None);
        assert_eq!(variable_beside(&paths, "/{id}", "{name}").as_deref(), Some("/{id}/{proxy+}"));
    }
}
