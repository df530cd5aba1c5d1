use deployer::aws::{Aws, Trust};
use deployer::kinds::{self, Changes};
use serde_json::{Value, json};

use crate::catalog::api_route::{parent, route};
use crate::common::account;
use crate::contract::{differences, read};

async fn paths(aws: &Aws, api: &str) -> Vec<String> {
    let call = aws.clients.apigateway.get_resources().rest_api_id(api).limit(500).send();
    let found = call.await.expect("a listing").items.unwrap_or_default();
    let mut paths: Vec<String> = found.into_iter().filter_map(|r| r.path).collect();
    paths.sort();
    paths
}

#[tokio::test]
async fn routes_at_the_root_with_any_and_greedy_paths_are_read_back() {
    let aws = account().await;
    let api = parent(&aws).await;
    let kind = kinds::find("apigateway.route").expect("a registered kind");
    for (method, path) in [("ANY", "/"), ("ANY", "/{proxy+}"), ("GET", "/health")] {
        let want = route(&api, method, path, json!({}));
        kind.create(&aws, &want).await.expect("create");
        let live = read(kind, &aws, &want).await.expect("present");
        assert_eq!(differences(kind, &live, &want), Vec::<String>::new(), "{method} {path}");
    }
}

#[tokio::test]
async fn many_routes_made_at_once_share_their_path_and_one_listing() {
    let aws = account().await;
    let api = parent(&aws).await;
    let kind = kinds::find("apigateway.route").expect("a registered kind");
    let routes: Vec<Value> = ["GET", "POST", "PUT", "DELETE"]
        .into_iter()
        .flat_map(|method| ["/v1/images", "/v1/images/{id}"].map(|path| route(&api, method, path, json!({}))))
        .collect();
    for made in futures::future::join_all(routes.iter().map(|want| kind.create(&aws, want))).await {
        made.expect("create");
    }
    assert_eq!(paths(&aws, &api).await, ["/", "/v1", "/v1/images", "/v1/images/{id}"]);
    let before = aws.calls().0;
    for found in futures::future::join_all(routes.iter().map(|want| kind.read(&aws, want, Trust::Listing))).await {
        assert!(found.expect("read").is_some());
    }
    assert_eq!(aws.calls().0 - before, 1);

    let live = read(kind, &aws, &routes[0]).await.expect("present");
    kind.delete(&aws, &live).await.expect("delete");
    assert!(read(kind, &aws, &routes[2]).await.is_some(), "other methods of the path stay");
    for want in &routes {
        if let Some(live) = read(kind, &aws, want).await {
            kind.delete(&aws, &live).await.expect("delete");
        }
    }
    assert_eq!(paths(&aws, &api).await, ["/"]);
}

#[tokio::test]
async fn a_method_left_without_its_integration_is_completed() {
    let aws = account().await;
    let api = parent(&aws).await;
    let kind = kinds::find("apigateway.route").expect("a registered kind");
    let want = route(&api, "POST", "/images", json!({}));
    let gateway = &aws.clients.apigateway;
    let tree = gateway.get_resources().rest_api_id(&api).send().await.expect("a listing");
    let root = tree.items()[0].id().expect("an id");
    let made = gateway.create_resource().rest_api_id(&api).parent_id(root).path_part("images").send().await;
    let resource = made.expect("a resource").id.expect("an id");
    let put = gateway.put_method().rest_api_id(&api).resource_id(resource).http_method("POST");
    put.authorization_type("NONE").send().await.expect("a method");

    let live = read(kind, &aws, &want).await.expect("present");
    let changes = differences(kind, &live, &want);
    assert_eq!(changes, ["integration_type", "integration_http_method", "uri", "timeout_in_millis"]);
    kind.update(&aws, &live, &want, &Changes(changes)).await.expect("update");
    let live = read(kind, &aws, &want).await.expect("present");
    assert_eq!(differences(kind, &live, &want), Vec::<String>::new());
}

#[tokio::test]
async fn another_path_variable_waits_until_the_routes_of_the_former_one_are_gone() {
    let aws = account().await;
    let api = parent(&aws).await;
    let kind = kinds::find("apigateway.route").expect("a registered kind");
    let before = route(&api, "GET", "/images/{id}/large", json!({}));
    kind.create(&aws, &before).await.expect("create");
    let after = route(&api, "ANY", "/images/{name}", json!({}));
    let refused = kind.create(&aws, &after).await.expect_err("a route is in the way");
    assert!(refused.to_string().contains("`GET /images/{id}/large`"), "{refused}");
    assert_eq!(paths(&aws, &api).await, ["/", "/images", "/images/{id}", "/images/{id}/large"]);

    let live = read(kind, &aws, &before).await.expect("present");
    kind.delete(&aws, &live).await.expect("delete");
    kind.create(&aws, &after).await.expect("create");
    assert!(read(kind, &aws, &after).await.is_some());
    assert_eq!(paths(&aws, &api).await, ["/", "/images", "/images/{name}"]);
}

#[tokio::test]
async fn a_path_of_another_variable_without_routes_makes_room() {
    let aws = account().await;
    let api = parent(&aws).await;
    let kind = kinds::find("apigateway.route").expect("a registered kind");
    let gateway = &aws.clients.apigateway;
    let tree = gateway.get_resources().rest_api_id(&api).send().await.expect("a listing");
    let mut parent = tree.items()[0].id().expect("an id").to_owned();
    for part in ["{id}", "large"] {
        let made = gateway.create_resource().rest_api_id(&api).parent_id(parent).path_part(part).send().await;
        parent = made.expect("a path").id.expect("an id");
    }
    kind.create(&aws, &route(&api, "GET", "/{proxy+}", json!({}))).await.expect("create");
    assert_eq!(paths(&aws, &api).await, ["/", "/{proxy+}"]);
}

#[tokio::test]
async fn what_somebody_gave_an_integration_is_taken_away() {
    let aws = account().await;
    let api = parent(&aws).await;
    let kind = kinds::find("apigateway.route").expect("a registered kind");
    let want = route(&api, "GET", "/images", json!({}));
    let made = kind.create(&aws, &want).await.expect("create");
    let put = aws.clients.apigateway.put_integration().rest_api_id(&api).resource_id(&made.outputs["resource_id"]);
    let put = put.http_method("GET").r#type("AWS_PROXY".into()).integration_http_method("POST");
    let put = put.uri(want["uri"].as_str().expect("a text")).credentials("arn:aws:iam::123456789012:role/other");
    put.timeout_in_millis(29_000).send().await.expect("an integration");
    let live = read(kind, &aws, &want).await.expect("present");
    let changes = differences(kind, &live, &want);
    assert_eq!(changes, ["unlisted_settings"]);
    kind.update(&aws, &live, &want, &Changes(changes)).await.expect("update");
    let live = read(kind, &aws, &want).await.expect("present");
    assert_eq!(differences(kind, &live, &want), Vec::<String>::new());
}
