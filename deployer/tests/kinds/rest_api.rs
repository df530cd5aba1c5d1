use deployer::kinds::{Changes, by_name};
use serde_json::{Value, json};

use crate::common::account;
use crate::contract::{Case, contract, differences, read};

pub fn api(changes: Value) -> Value {
    let mut spec = json!({
        "owner_stack": "couch",
        "owner_address": "apis.couch",
        "name": "couch",
        "endpoint_type": "REGIONAL",
        "binary_media_types": [],
        "disable_execute_api_endpoint": false,
        "api_key_source": "HEADER",
        "tags": { "deployer:stack": "couch", "deployer:address": "apis.couch" },
    });
    for (key, value) in changes.as_object().expect("a map").clone() {
        spec[key] = value;
    }
    spec
}

#[tokio::test]
async fn a_rest_api_keeps_the_contract() {
    let aws = account().await;
    let tags = |extra: Value| {
        let mut tags = api(json!({}))["tags"].clone();
        for (key, value) in extra.as_object().expect("a map").clone() {
            tags[key] = value;
        }
        tags
    };
    let case = Case {
        kind: "apigateway.rest_api",
        create: api(json!({"tags": tags(json!({"tier": "free"}))})),
        steps: vec![
            (
                "a description",
                api(json!({"description": "sofas", "tags": tags(json!({"tier": "free"}))})),
                vec!["description"],
            ),
            (
                "everything else",
                api(json!({"name": "sofa", "api_key_source": "AUTHORIZER", "tags": tags(json!({"team": "sofa"}))})),
                vec!["name", "api_key_source", "tags.team", "tags.tier", "description"],
            ),
            ("everything back", api(json!({})), vec!["name", "api_key_source", "tags.team"]),
        ],
    };
    contract(&aws, case).await;
}

#[tokio::test]
async fn every_property_given_at_creation_is_read_back() {
    let aws = account().await;
    let kind = by_name("apigateway.rest_api").expect("a registered kind");
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
    let kind = by_name("apigateway.rest_api").expect("a registered kind");
    let first = kind.create(&aws, &api(json!({}))).await.expect("create");
    let again = kind.create(&aws, &api(json!({}))).await.expect("create again");
    assert_eq!(first, again);
    let creates = aws.calls_made().into_iter().filter(|call| *call == "apigateway:CreateRestApi").count();
    assert_eq!(creates, 1);
}

#[tokio::test]
async fn a_second_api_with_our_tags_is_reported_and_deleted_with_the_first() {
    let aws = account().await;
    let kind = by_name("apigateway.rest_api").expect("a registered kind");
    let want = api(json!({}));
    for _ in 0..2 {
        let call = aws.clients.apigateway.create_rest_api().name("couch");
        let call = call.tags("deployer:stack", "couch").tags("deployer:address", "apis.couch");
        call.send().await.expect("an API");
    }
    aws.clients.apigateway.create_rest_api().name("couch").send().await.expect("a foreign API of the same name");
    let live = read(kind, &aws, &want).await.expect("present");
    assert!(live.notes[0].starts_with("1 more"), "{:?}", live.notes);
    kind.delete(&aws, &live).await.expect("delete");
    let left = aws.clients.apigateway.get_rest_apis().send().await.expect("a listing").items.unwrap_or_default();
    assert_eq!(left.len(), 1, "only the foreign one is left");
    assert!(left[0].tags().is_none_or(|tags| tags.is_empty()));
}

#[tokio::test]
async fn many_apis_share_one_listing() {
    let aws = account().await;
    let kind = by_name("apigateway.rest_api").expect("a registered kind");
    let specs: Vec<Value> = (0..5).map(|n| api(json!({"owner_address": format!("apis.a{n}")}))).collect();
    for found in futures::future::join_all(specs.iter().map(|spec| kind.read(&aws, spec))).await {
        assert!(found.expect("read").is_none());
    }
    assert_eq!(aws.calls(), (1, 0));
}

#[tokio::test]
async fn what_would_spoil_a_local_aws_is_refused_before_it_is_sent() {
    let aws = account().await;
    let kind = by_name("apigateway.rest_api").expect("a registered kind");
    kind.create(&aws, &api(json!({}))).await.expect("create");
    let live = read(kind, &aws, &api(json!({}))).await.expect("present");
    let want = api(json!({"binary_media_types": ["image/png"]}));
    let refused = kind.update(&aws, &live, &want, &Changes(vec!["binary_media_types".into()])).await;
    assert!(refused.expect_err("refused").to_string().contains("`binary_media_types`"));
    assert!(read(kind, &aws, &want).await.is_some());
}
