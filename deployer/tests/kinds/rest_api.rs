use deployer::aws::{Aws, Trust};
use deployer::kinds::{self, Changes};
use serde_json::{Value, json};

use crate::catalog::api_route::route;
use crate::catalog::rest_api::api;
use crate::common::account;
use crate::contract::{differences, read};

#[tokio::test]
async fn every_property_given_at_creation_is_read_back() {
    let aws = account().await;
    let kind = kinds::find("apigateway.rest_api").expect("a registered kind");
    let want = api(json!({
        "endpoint_type": "EDGE",
        "binary_media_types": ["image/png", "image/jpeg"],
        "minimum_compression_size": 1024,
        "disable_execute_api_endpoint": true,
    }));
    kind.create(&aws, &want).await.expect("create");
    let live = read(kind, &aws, &want).await.expect("present");
    assert_eq!(differences(kind, &live, &want), Vec::<String>::new());
}

#[tokio::test]
async fn a_create_called_again_finds_the_api_that_the_lost_answer_made() {
    let aws = account().await;
    let kind = kinds::find("apigateway.rest_api").expect("a registered kind");
    let first = kind.create(&aws, &api(json!({}))).await.expect("create");
    let again = kind.create(&aws, &api(json!({}))).await.expect("create again");
    assert_eq!(first, again);
    let creates = aws.calls_made().into_iter().filter(|call| *call == "apigateway:CreateRestApi").count();
    assert_eq!(creates, 1);
}

/// Creates an API with the ownership tags of `apis.couch`, like an unknown third party.
async fn tagged(aws: &Aws) -> String {
    let call = aws.clients.apigateway.create_rest_api().name("couch");
    let call = call.tags("deployer:stack", "couch").tags("deployer:address", "apis.couch");
    call.send().await.expect("an API").id.expect("an id")
}

async fn ids(aws: &Aws) -> Vec<String> {
    let all = aws.clients.apigateway.get_rest_apis().send().await.expect("a listing").items.unwrap_or_default();
    all.into_iter().filter_map(|api| api.id).collect()
}

#[tokio::test]
async fn where_the_state_has_an_id_another_api_with_our_tags_is_named_and_left_alone() {
    let aws = account().await;
    let kind = kinds::find("apigateway.rest_api").expect("a registered kind");
    let want = api(json!({}));
    let older = tagged(&aws).await;
    let ours = kind.create(&aws, &want).await.expect("create").physical_id;
    aws.run.record(kind.name(), &["couch", "apis.couch"], &ours, None);
    let live = read(kind, &aws, &want).await.expect("present");
    assert_eq!(live.physical_id, ours);
    assert!(live.notes.iter().any(|note| note.contains(&older)), "{:?}", live.notes);
    assert_eq!(differences(kind, &live, &want), Vec::<String>::new());
    kind.delete(&aws, &live).await.expect("delete");
    assert_eq!(ids(&aws).await, std::slice::from_ref(&older));
    let refused =
        kind.read(&fresh(&aws, &ours), &want, Trust::Listing).await.expect_err("theirs is not taken for ours");
    assert!(refused.to_string().contains(&older), "{refused}");
}

/// Returns the same AWS as the next run sees it, with an id from its state.
fn fresh(aws: &Aws, id: &str) -> Aws {
    let next = aws.begin_again(16);
    next.run.record("apigateway.rest_api", &["couch", "apis.couch"], id, None);
    next
}

#[tokio::test]
async fn of_several_apis_with_our_tags_and_no_state_none_is_taken() {
    let aws = account().await;
    let kind = kinds::find("apigateway.rest_api").expect("a registered kind");
    let mut made = [tagged(&aws).await, tagged(&aws).await];
    made.sort();
    let refused = kind.read(&aws, &api(json!({})), Trust::Listing).await.expect_err("ambiguous");
    assert!(made.iter().all(|id| refused.to_string().contains(id)), "{refused}");
    aws.run.claim("apis.couch", &made[1]);
    assert_eq!(read(kind, &aws, &api(json!({}))).await.expect("present").physical_id, made[1]);
}

#[tokio::test]
async fn what_an_interrupted_run_made_twice_is_a_difference_and_goes() {
    let aws = account().await;
    let kind = kinds::find("apigateway.rest_api").expect("a registered kind");
    let want = api(json!({}));
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("a time").as_secs();
    let mut made = [tagged(&aws).await, tagged(&aws).await];
    made.sort();
    aws.run.note_interrupted_create(kind.name(), &["couch", "apis.couch"], i64::try_from(since).expect("seconds"));
    let live = read(kind, &aws, &want).await.expect("present");
    let changes = differences(kind, &live, &want);
    assert_eq!(changes, ["duplicates"]);
    kind.update(&aws, &live, &want, &Changes(changes)).await.expect("update");
    assert_eq!(ids(&aws).await, [live.physical_id]);

    aws.clients.apigateway.create_rest_api().name("couch").send().await.expect("a foreign API of the same name");
    let live = read(kind, &aws, &want).await.expect("present");
    assert!(live.notes.is_empty(), "{:?}", live.notes);
}

#[tokio::test]
async fn a_create_sent_again_takes_nobody_elses_api_for_its_own() {
    let aws = account().await;
    let kind = kinds::find("apigateway.rest_api").expect("a registered kind");
    let older = tagged(&aws).await;
    let first = kind.create(&aws, &api(json!({}))).await.expect("create");
    let again = kind.create(&aws, &api(json!({}))).await.expect("create again");
    assert_eq!(first, again);
    assert_ne!(first.physical_id, older);
}

#[tokio::test]
async fn what_hangs_under_an_api_and_is_not_wanted_is_seen_and_goes_or_is_named() {
    let aws = account().await;
    let kind = kinds::find("apigateway.rest_api").expect("a registered kind");
    let want = api(json!({"parts": {"stage": "Prod", "routes": ["GET /images"]}}));
    let id = kind.create(&aws, &want).await.expect("create").physical_id;
    let route_kind = kinds::find("apigateway.route").expect("a registered kind");
    for (method, path) in [("GET", "/images"), ("ANY", "/admin/{x}"), ("DELETE", "/images")] {
        route_kind.create(&aws, &route(&id, method, path, json!({}))).await.expect("a route");
    }
    let gateway = &aws.clients.apigateway;
    let tree = gateway.get_resources().rest_api_id(&id).send().await.expect("a listing");
    let root = tree.items().iter().find(|r| r.path() == Some("/")).and_then(|r| r.id()).expect("a root").to_owned();
    gateway.create_resource().rest_api_id(&id).parent_id(root).path_part("old").send().await.expect("a path");
    let made = gateway.create_deployment().rest_api_id(&id).send().await.expect("a deployment").id.expect("an id");
    for (stage, owner) in [("Prod", "couch"), ("Former", "couch"), ("test", "others")] {
        let call = gateway.create_stage().rest_api_id(&id).stage_name(stage).deployment_id(&made);
        call.tags("deployer:stack", owner).send().await.expect("a stage");
    }
    gateway.create_deployment().rest_api_id(&id).description("by hand").send().await.expect("a deployment");
    let authorizer = gateway.create_authorizer().rest_api_id(&id).name("tokens").r#type("TOKEN".into());
    authorizer.authorizer_uri("arn:x").identity_source("method.request.header.Auth").send().await.expect("one");
    let response = gateway.put_gateway_response().rest_api_id(&id).response_type("DEFAULT_4XX".into());
    response.status_code("418").send().await.expect("a response");

    let aws = aws.begin_again(16);
    let live = read(kind, &aws, &want).await.expect("present");
    let changes = differences(kind, &live, &want);
    assert_eq!(changes, ["unlisted_routes", "unused_paths", "unlisted_stages"]);
    assert_eq!(live.spec["unlisted_routes"], json!(["ANY /admin/{x}", "DELETE /images"]));
    let notes = live.notes.join("\n");
    for named in ["`test`", "`tokens`", "`DEFAULT_4XX`", "deployments"] {
        assert!(notes.contains(named), "{notes}");
    }
    kind.update(&aws, &live, &want, &Changes(changes)).await.expect("update");
    let live = read(kind, &aws, &want).await.expect("present");
    assert_eq!(differences(kind, &live, &want), Vec::<String>::new());
    let tree = gateway.get_resources().rest_api_id(&id).send().await.expect("a listing");
    let mut left: Vec<&str> = tree.items().iter().filter_map(|r| r.path()).collect();
    left.sort_unstable();
    assert_eq!(left, ["/", "/images"]);
    let stages = gateway.get_stages().rest_api_id(&id).send().await.expect("a listing");
    let mut stages: Vec<&str> = stages.item().iter().filter_map(|stage| stage.stage_name()).collect();
    stages.sort_unstable();
    assert_eq!(stages, ["Prod", "test"]);
}

#[tokio::test]
async fn what_the_last_apply_made_is_removed_under_its_own_address() {
    let aws = account().await;
    let kind = kinds::find("apigateway.rest_api").expect("a registered kind");
    let want = api(json!({"parts": {"stage": "Prod", "routes": []}}));
    let id = kind.create(&aws, &want).await.expect("create").physical_id;
    let route_kind = kinds::find("apigateway.route").expect("a registered kind");
    route_kind.create(&aws, &route(&id, "GET", "/old", json!({}))).await.expect("a route");
    let aws = aws.begin_again(16);
    aws.run.record("apigateway.route", &[&id, "/old", "GET"], "id", None);
    let live = read(kind, &aws, &want).await.expect("present");
    assert_eq!(differences(kind, &live, &want), Vec::<String>::new());
}

#[tokio::test]
async fn many_apis_share_one_listing() {
    let aws = account().await;
    let kind = kinds::find("apigateway.rest_api").expect("a registered kind");
    let specs: Vec<Value> = (0..5).map(|n| api(json!({"owner_address": format!("apis.a{n}")}))).collect();
    for found in futures::future::join_all(specs.iter().map(|spec| kind.read(&aws, spec, Trust::Listing))).await {
        assert!(found.expect("read").is_none());
    }
    assert_eq!(aws.calls(), (1, 0));
}

#[tokio::test]
async fn what_would_spoil_a_local_aws_is_refused_before_it_is_sent() {
    let aws = account().await;
    let kind = kinds::find("apigateway.rest_api").expect("a registered kind");
    kind.create(&aws, &api(json!({}))).await.expect("create");
    let live = read(kind, &aws, &api(json!({}))).await.expect("present");
    let want = api(json!({"binary_media_types": ["image/png"]}));
    let refused = kind.update(&aws, &live, &want, &Changes(vec!["binary_media_types".into()])).await;
    assert!(refused.expect_err("refused").to_string().contains("`binary_media_types`"));
    assert!(read(kind, &aws, &want).await.is_some());
}
