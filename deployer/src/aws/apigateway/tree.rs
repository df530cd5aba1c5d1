//! The resource tree of a REST API: its paths with the methods at them.

use std::collections::BTreeMap;

use aws_sdk_apigateway::types::{Method, Resource};

use super::route::name;
use super::{ABSENT, paths_key, tree_key};
use crate::aws::{Aws, AwsError};

/// Calls GetResources, all pages; empty if the API does not exist.
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

/// Lists the methods of a tree, by the names that routes have in `stack.yaml`: `POST /images`.
pub(crate) fn methods(tree: &[Resource]) -> BTreeMap<String, (&Resource, &str, &Method)> {
    let mut found = BTreeMap::new();
    for resource in tree {
        for (method, what) in resource.resource_methods().into_iter().flatten() {
            found.insert(name(method, resource.path().unwrap_or_default()), (resource, method.as_str(), what));
        }
    }
    found
}

/// Tells whether `path` is `top` or lies under it.
pub(crate) fn is_within(path: &str, top: &str) -> bool {
    path.strip_prefix(top).is_some_and(|rest| top == "/" || rest.is_empty() || rest.starts_with('/'))
}

/// Lists the paths that have no method and lead neither to one nor to one of `wanted`, with their ids, the topmost
/// first.
pub(crate) fn unused_paths(tree: &[Resource], wanted: &[&str]) -> Vec<(String, String)> {
    let used = |r: &&Resource| r.resource_methods().is_some_and(|methods| !methods.is_empty());
    let ends: Vec<&str> = tree.iter().filter(used).filter_map(Resource::path).chain(wanted.iter().copied()).collect();
    let leads = |path: &str| ends.iter().any(|end| is_within(end, path));
    let found = tree.iter().filter_map(|r| Some((r.path()?.to_owned(), r.id()?.to_owned())));
    let mut unused: Vec<_> = found.filter(|(path, _)| path != "/" && !leads(path)).collect();
    unused.sort();
    unused
}

/// Deletes the methods of these names. A method that does not exist is no error.
pub(crate) async fn delete_methods(aws: &Aws, api: &str, names: &[String]) -> Result<(), AwsError> {
    if names.is_empty() {
        return Ok(());
    }
    let tree = resources(aws, api).await?;
    let all = methods(&tree);
    for (resource, method, _) in names.iter().filter_map(|name| all.get(name)) {
        delete_method(aws, api, resource.id().unwrap_or_default(), method).await?;
    }
    Ok(())
}

pub(crate) async fn delete_method(aws: &Aws, api: &str, resource: &str, method: &str) -> Result<(), AwsError> {
    let call = aws.clients.apigateway.delete_method().rest_api_id(api).resource_id(resource).http_method(method);
    let deleted = aws.find("apigateway:DeleteMethod", ABSENT, call.send()).await.map(drop);
    aws.run.forget(&tree_key(api));
    deleted
}

/// Deletes paths, given from the topmost down. AWS deletes a path with its methods and the paths under it, so an
/// interruption leaves no part behind. A local AWS keeps the paths under it: there the last path is deleted first.
pub(crate) async fn delete_paths(aws: &Aws, api: &str, mut ids: Vec<String>) -> Result<(), AwsError> {
    if aws.place.endpoint_url.is_some() {
        ids.reverse();
    }
    for id in ids {
        let call = aws.clients.apigateway.delete_resource().rest_api_id(api).resource_id(id).send();
        let deleted = aws.find("apigateway:DeleteResource", ABSENT, call).await;
        aws.run.forget(&tree_key(api));
        aws.run.forget(&paths_key(api));
        deleted?;
    }
    Ok(())
}

/// Deletes the paths that lead to no method, nor to one of `wanted`.
pub(crate) async fn prune(aws: &Aws, api: &str, wanted: &[&str]) -> Result<(), AwsError> {
    let unused = unused_paths(&resources(aws, api).await?, wanted);
    delete_paths(aws, api, unused.into_iter().map(|(_, id)| id).collect()).await
}

#[cfg(test)]
mod tests {
    use aws_sdk_apigateway::types::{Method, Resource};

    use super::{is_within, methods, unused_paths};

    fn tree() -> [Resource; 6] {
        let resource = |id: &str, path: &str, methods: &[&str]| {
            let methods = methods.iter().map(|m| ((*m).to_owned(), Method::builder().build())).collect();
            Resource::builder().id(id).path(path).set_resource_methods(Some(methods)).build()
        };
        [
            resource("r", "/", &[]),
            resource("c", "/old/{id}", &[]),
            resource("b", "/old", &[]),
            resource("d", "/images", &[]),
            resource("e", "/images/{id}", &["GET", "ANY"]),
            resource("f", "/image", &[]),
        ]
    }

    #[test]
    fn a_path_is_used_when_it_has_a_method_or_leads_to_one_or_is_to_have_one() {
        let found = |wanted: &[&str]| -> Vec<String> {
            unused_paths(&tree(), wanted).into_iter().map(|(path, id)| format!("{path} {id}")).collect()
        };
        assert_eq!(found(&[]), ["/image f", "/old b", "/old/{id} c"]);
        assert_eq!(found(&["/old/new"]), ["/image f", "/old/{id} c"]);
    }

    #[test]
    fn methods_are_named_as_in_the_stack() {
        assert_eq!(methods(&tree()).into_keys().collect::<Vec<_>>(), ["ANY /images/{id}", "GET /images/{id}"]);
    }

    #[test]
    fn a_path_that_begins_alike_is_another_one() {
        assert!(is_within("/a/b", "/a") && is_within("/a", "/a") && is_within("/a", "/"));
        assert!(!is_within("/ab", "/a") && !is_within("/", "/a"));
    }
}
