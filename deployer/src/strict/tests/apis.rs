//! API Gateway looks at the other parts of an API before it changes one.

use super::*;

const TREE: &str = "/restapis/a1/resources?";

fn api(method: &'static str, path: &str, body: &Value) -> Sent {
    rest("apigateway", method, &format!("/restapis/a1{path}"), body)
}

/// A trial whose emulator has the path `/images/{id}` with a complete GET and a POST without an integration.
fn trial() -> Trial {
    let trial = Trial::new();
    let complete = json!({"httpMethod": "GET", "methodIntegration": {"type": "AWS_PROXY"}});
    let tree = json!({"item": [
        {"id": "root", "path": "/"},
        {"id": "images", "parentId": "root", "pathPart": "images", "path": "/images"},
        {"id": "one", "parentId": "images", "pathPart": "{id}", "path": "/images/{id}",
            "resourceMethods": {"GET": complete, "POST": {"httpMethod": "POST"}}},
    ]});
    trial.knows(TREE, 200, tree);
    trial.knows(
        "/restapis/a1/stages",
        200,
        json!({"item": [{"stageName": "Prod", "deploymentId": "d1",
        "canarySettings": {"deploymentId": "d2"}}]}),
    );
    let deployments = ["d1", "d2", "d3"].map(|id| json!({"id": id}));
    trial.knows("/restapis/a1/deployments", 200, json!({"item": deployments}));
    trial
}

async fn refusal(sent: Sent) -> (u16, String) {
    let (status, body) = trial().send(&sent, &json!({})).await;
    (status, body["message"].as_str().unwrap_or_default().to_owned())
}

#[tokio::test]
async fn a_place_has_one_variable_and_a_parent_one_part_of_a_name() {
    let create = |parent: &str, part: &str| api("POST", &format!("/resources/{parent}"), &json!({"pathPart": part}));
    let sibling = "A sibling ({id}) of this resource already has a variable path part -- only one is allowed";
    assert_eq!(refusal(create("images", "{name}")).await, (400, sibling.into()));
    assert_eq!(refusal(create("images", "{proxy+}")).await, (400, sibling.into()));
    let same = "Another resource with the same parent already has this name: images";
    assert_eq!(refusal(create("root", "images")).await, (409, same.into()));
    for (parent, part) in [("images", "latest"), ("root", "{name}"), ("one", "{size}")] {
        assert_eq!(refusal(create(parent, part)).await.0, 200, "{parent} {part}");
    }
}

#[tokio::test]
async fn a_method_is_put_once_and_before_its_integration() {
    let method =
        |name: &str| api("PUT", &format!("/resources/one/methods/{name}"), &json!({"authorizationType": "NONE"}));
    assert_eq!(refusal(method("GET")).await, (409, "Method already exists for this resource".into()));
    assert_eq!(refusal(method("PUT")).await.0, 200);
    let integration = |name: &str, more: &Value| {
        let mut body = json!({"type": "AWS_PROXY", "httpMethod": "POST"});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        api("PUT", &format!("/resources/one/methods/{name}/integration"), &body)
    };
    assert_eq!(refusal(integration("GET", &json!({}))).await.0, 200);
    assert_eq!(refusal(integration("PUT", &json!({}))).await, (404, "Invalid Method identifier specified".into()));
    for timeout in [49, 29_001] {
        let answer = refusal(integration("GET", &json!({"timeoutInMillis": timeout}))).await;
        assert_eq!(answer, (400, "Timeout should be between 50 ms and 29000 ms".into()));
    }
    for more in [
        json!({"timeoutInMillis": 50}),
        json!({"timeoutInMillis": 29_000}),
        json!({"timeoutInMillis": 60_000, "responseTransferMode": "STREAM"}),
    ] {
        assert_eq!(refusal(integration("GET", &more)).await.0, 200, "{more}");
    }
}

#[tokio::test]
async fn only_complete_methods_are_deployed() {
    let deploy = || api("POST", "/deployments", &json!({}));
    assert_eq!(refusal(deploy()).await, (400, "No integration defined for method".into()));
    let trial = trial();
    trial.knows(TREE, 200, json!({"item": [{"id": "root", "path": "/"}]}));
    let (status, body) = trial.send(&deploy(), &json!({})).await;
    assert_eq!((status, &body["message"]), (400, &json!("The REST API doesn't contain any methods")));
    let complete = json!({"GET": {"methodIntegration": {"type": "MOCK"}}});
    trial.knows(TREE, 200, json!({"item": [{"id": "root", "path": "/", "resourceMethods": complete}]}));
    trial.pass(5.0);
    assert_eq!(trial.send(&deploy(), &json!({})).await.0, 200);
}

#[tokio::test]
async fn a_stage_has_a_name_of_its_own_and_a_deployment_that_exists() {
    let create = |name: &str, id: &str| api("POST", "/stages", &json!({"stageName": name, "deploymentId": id}));
    assert_eq!(refusal(create("Prod", "d1")).await, (409, "Stage already exists".into()));
    assert_eq!(refusal(create("Test", "d9")).await, (400, "Deployment id does not exist".into()));
    assert_eq!(refusal(create("Test", "d3")).await.0, 200);
    let update = |id: &str| {
        let patch = json!([{"op": "replace", "path": "/deploymentId", "value": id}]);
        api("PATCH", "/stages/Prod", &json!({"patchOperations": patch}))
    };
    assert_eq!(refusal(update("d9")).await, (400, "Deployment id does not exist".into()));
    assert_eq!(refusal(update("d3")).await.0, 200);
}

#[tokio::test]
async fn a_deployment_that_a_stage_serves_is_not_deleted() {
    let delete = |id: &str| api("DELETE", &format!("/deployments/{id}"), &Value::Null);
    let used = "Active stages pointing to this deployment must be moved or deleted";
    assert_eq!(refusal(delete("d1")).await, (400, used.into()));
    assert_eq!(refusal(delete("d2")).await, (400, used.into()), "a canary");
    assert_eq!(refusal(delete("d3")).await.0, 200);
}

#[tokio::test]
async fn an_emulator_that_tells_nothing_lets_every_change_pass() {
    for sent in [
        api("POST", "/resources/images", &json!({"pathPart": "{name}"})),
        api("POST", "/deployments", &json!({})),
        api("DELETE", "/deployments/d1", &Value::Null),
    ] {
        assert_eq!(Trial::new().send(&sent, &json!({})).await.0, 200);
    }
}
