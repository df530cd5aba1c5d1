use deployer::aws::{Aws, Trust};
use deployer::kinds;
use serde_json::{Value, json};

use crate::catalog::http_api::{api, parent};
use crate::catalog::http_integration::integration;
use crate::catalog::http_route::{made, route};
use crate::catalog::http_stage::stage;
use crate::common::account;
use crate::contract::{differences, read};

#[tokio::test]
async fn a_create_called_again_finds_the_http_api_that_the_lost_answer_made() {
    let aws = account().await;
    for (kind, spec, call) in [("apigatewayv2.api", api(json!({})), "apigatewayv2:CreateApi")] {
        let kind = kinds::find(kind).expect("a registered kind");
        let first = kind.create(&aws, &spec).await.expect("create");
        assert_eq!(kind.create(&aws, &spec).await.expect("create again"), first);
        assert_eq!(aws.calls_made().into_iter().filter(|made| *made == call).count(), 1);
    }
    let (id, kind) = (parent(&aws).await, kinds::find("apigatewayv2.integration").expect("a registered kind"));
    let spec = integration(&id, "one", json!({}));
    let first = kind.create(&aws, &spec).await.expect("create");
    assert_eq!(kind.create(&aws, &spec).await.expect("create again"), first);
}

#[tokio::test]
async fn many_http_routes_are_read_with_one_listing() {
    let aws = account().await;
    let id = parent(&aws).await;
    let target = made(&aws, "apigatewayv2.integration", integration(&id, "one", json!({}))).await;
    let kind = kinds::find("apigatewayv2.route").expect("a registered kind");
    let routes: Vec<Value> = (0..40).map(|n| route(&id, &format!("GET /a{n}"), &target, json!({}))).collect();
    for made in futures::future::join_all(routes.iter().map(|want| kind.create(&aws, want))).await {
        made.expect("create");
    }
    let before = aws.calls().0;
    for found in futures::future::join_all(routes.iter().map(|want| kind.read(&aws, want, Trust::Listing))).await {
        assert!(found.expect("read").is_some());
    }
    assert_eq!(aws.calls().0 - before, 1);
}

/// Returns what an update of the API plans once its parts are in `stack.yaml`, and makes it.
async fn repaired(aws: &Aws, want: &Value) -> Vec<String> {
    let kind = kinds::find("apigatewayv2.api").expect("a registered kind");
    let next = aws.begin_again(16);
    let live = read(kind, &next, want).await.expect("present");
    let planned = differences(kind, &live, want);
    kind.update(&next, &live, want, &deployer::kinds::Changes(planned.clone())).await.expect("update");
    planned
}

#[tokio::test]
async fn parts_that_stack_yaml_does_not_have_are_deleted_and_stages_of_others_are_kept() {
    let aws = account().await;
    let kind = kinds::find("apigatewayv2.api").expect("a registered kind");
    let parts = json!({ "stage": "$default", "routes": ["GET /"], "integrations": ["one"], "authorizers": [] });
    let want = api(json!({ "parts": parts }));
    let id = kind.create(&aws, &want).await.expect("create").physical_id;
    let own = made(&aws, "apigatewayv2.integration", integration(&id, "one", json!({}))).await;
    let theirs = made(&aws, "apigatewayv2.integration", integration(&id, "theirs", json!({}))).await;
    made(&aws, "apigatewayv2.route", route(&id, "GET /", &own, json!({}))).await;
    made(&aws, "apigatewayv2.route", route(&id, "ANY /admin", &theirs, json!({}))).await;
    let client = &aws.clients.apigatewayv2;
    client.create_stage().api_id(&id).stage_name("theirs").send().await.expect("a stage");
    kinds::find("apigatewayv2.stage").expect("a kind").create(&aws, &stage(&id, json!({}))).await.expect("a stage");

    let live = read(kind, &aws.begin_again(16), &want).await.expect("present");
    assert!(live.notes.iter().any(|note| note.contains("`theirs`")), "{:?}", live.notes);
    assert_eq!(repaired(&aws, &want).await, ["unlisted_routes", "unused_integrations"]);
    assert_eq!(repaired(&aws, &want).await, Vec::<String>::new());
    let routes = client.get_routes().api_id(&id).send().await.expect("routes").items.unwrap_or_default();
    assert_eq!(routes.iter().filter_map(|route| route.route_key()).collect::<Vec<_>>(), ["GET /"]);
    let integrations = client.get_integrations().api_id(&id).send().await.expect("integrations");
    assert_eq!(integrations.items().len(), 1);
}
