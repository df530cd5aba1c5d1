//! Deployed APIs. Each function tells whether the emulator serves them like API Gateway.

use aws_sdk_apigateway::types::{IntegrationType, Op, PatchOperation};
use aws_sdk_cloudwatch::types::DimensionFilter;

use super::scene::{ACCOUNT, Scene};
use crate::local::Local;

const GATEWAY: &str = "apigateway.amazonaws.com";
const STAGE: &str = "main";

/// An API whose routes invoke one function.
struct Api<'a> {
    client: &'a aws_sdk_apigateway::Client,
    local: &'a Local,
    id: String,
    root: String,
    function: String,
}

impl<'a> Api<'a> {
    async fn new(client: &'a aws_sdk_apigateway::Client, local: &'a Local, function: String) -> Self {
        let id = client.create_rest_api().name("shop").send().await.expect("an API").id.expect("its id");
        let resources = client.get_resources().rest_api_id(&id).send().await.expect("resources");
        let root = resources.items()[0].id.clone().expect("an id");
        Self { client, local, id, root, function }
    }

    async fn of(scene: &'a Scene, function: String) -> Self {
        Self::new(&scene.clients.apigateway, &scene.local, function).await
    }

    async fn resource(&self, parent: &str, part: &str) -> String {
        let create = self.client.create_resource().rest_api_id(&self.id).parent_id(parent).path_part(part);
        create.send().await.expect("a resource").id.expect("its id")
    }

    /// Adds `GET /PART`.
    async fn route(&self, part: &str) {
        let resource = self.resource(&self.root, part).await;
        let method = self.client.put_method().rest_api_id(&self.id).resource_id(&resource).http_method("GET");
        method.authorization_type("NONE").send().await.expect("a method");
        let uri =
            format!("arn:aws:apigateway:eu-west-1:lambda:path/2015-03-31/functions/{}/invocations", self.function);
        let put = self.client.put_integration().rest_api_id(&self.id).resource_id(&resource).http_method("GET");
        let put = put.r#type(IntegrationType::AwsProxy).integration_http_method("POST").uri(uri);
        put.send().await.expect("an integration");
    }

    async fn deploy(&self) -> String {
        let created = self.client.create_deployment().rest_api_id(&self.id).send().await.expect("a deployment");
        created.id.expect("its id")
    }

    async fn stage(&self, deployment: &str) {
        let create = self.client.create_stage().rest_api_id(&self.id).stage_name(STAGE).deployment_id(deployment);
        create.send().await.expect("a stage");
    }

    fn get(&self, path: &str) -> (u16, String) {
        let line = format!("GET /restapis/{}/{STAGE}/_user_request_{path}", self.id);
        self.local.send("endpoint_url", &line, "", "")
    }

    fn source(&self, method_and_path: &str) -> String {
        format!("arn:aws:execute-api:eu-west-1:{ACCOUNT}:{}/*/{method_and_path}", self.id)
    }
}

pub async fn route_permission(scene: &Scene) -> bool {
    let api = Api::of(scene, scene.function("served", r#"{"statusCode": 201, "body": "hello"}"#).await).await;
    api.route("pets").await;
    api.stage(&api.deploy().await).await;
    let (status, answer) = api.get("/pets");
    if status == 201 {
        return false;
    }
    assert!(status == 500 && answer.ends_with(r#"{"message": "Internal server error"}"#), "{answer}");
    scene.allow("served", GATEWAY, &api.source("POST/pets")).await;
    assert_eq!(api.get("/pets").0, 500, "another method is allowed");
    scene.allow("served", GATEWAY, &api.source("GET/pets")).await;
    let (status, answer) = api.get("/pets");
    assert!(status == 201 && answer.ends_with("hello"), "{answer}");
    true
}

pub async fn proxy_answer(scene: &Scene) -> bool {
    let api = Api::of(scene, scene.function("odd", r#"{"pets": 1}"#).await).await;
    scene.allow("odd", GATEWAY, &api.source("*")).await;
    api.route("pets").await;
    api.stage(&api.deploy().await).await;
    let (status, answer) = api.get("/pets");
    if status == 200 {
        return false;
    }
    assert!(status == 502 && answer.ends_with(r#"{"message": "Internal server error"}"#), "{answer}");
    for malformed in [r#""text""#, "null", r#"{"statusCode": 200, "body": {"pets": 1}}"#, ""] {
        scene.set_answer("odd", malformed).await;
        assert_eq!(api.get("/pets").0, 502, "{malformed}");
    }
    for (proper, expected) in
        [(r#"{"statusCode": "202"}"#, 202), (r#"{"statusCode": 404, "headers": {"x": "1"}}"#, 404)]
    {
        scene.set_answer("odd", proper).await;
        assert_eq!(api.get("/pets").0, expected, "{proper}");
    }
    true
}

pub async fn snapshot(scene: &Scene) -> bool {
    let api = Api::of(scene, scene.function("kept", r#"{"statusCode": 200}"#).await).await;
    scene.allow("kept", GATEWAY, &api.source("*")).await;
    api.route("pets").await;
    api.stage(&api.deploy().await).await;
    api.route("dogs").await;
    let (status, answer) = api.get("/dogs");
    if status == 200 {
        return false;
    }
    assert!(status == 403 && answer.contains("Missing Authentication Token"), "{answer}");
    let deployment = api.deploy().await;
    assert_eq!(api.get("/dogs").0, 403, "the stage serves the first deployment");
    let patch = PatchOperation::builder().op(Op::Replace).path("/deploymentId").value(deployment).build();
    let update = api.client.update_stage().rest_api_id(&api.id).stage_name(STAGE).patch_operations(patch);
    update.send().await.expect("the stage");
    assert_eq!((api.get("/dogs").0, api.get("/pets").0), (200, 200));
    true
}

pub async fn metrics(scene: &Scene) -> bool {
    let api = Api::of(scene, scene.function("counted", r#"{"statusCode": 200}"#).await).await;
    scene.allow("counted", GATEWAY, &api.source("*")).await;
    api.route("pets").await;
    api.stage(&api.deploy().await).await;
    assert_eq!(api.get("/pets").0, 200);
    let of = DimensionFilter::builder().name("FunctionName").value("counted").build();
    let asked = scene.clients.cloudwatch.list_metrics().namespace("AWS/Lambda").dimensions(of);
    let found = asked.send().await.expect("metrics");
    found.metrics().iter().any(|metric| metric.metric_name() == Some("Invocations"))
}

pub async fn deployments(scene: &Scene) -> bool {
    let api = Api::of(scene, "arn:aws:lambda:eu-west-1:000000000000:function:none".into()).await;
    let Err(refusal) = api.client.create_deployment().rest_api_id(&api.id).send().await else {
        return false;
    };
    assert!(refusal.into_service_error().is_bad_request_exception());
    api.route("pets").await;
    let deployment = api.deploy().await;
    api.stage(&deployment).await;
    let create = api.client.create_stage().rest_api_id(&api.id).stage_name(STAGE).deployment_id(&deployment);
    assert!(create.send().await.expect_err("a second one").into_service_error().is_conflict_exception());
    let delete = api.client.delete_deployment().rest_api_id(&api.id).deployment_id(&deployment);
    assert!(delete.send().await.expect_err("it is served").into_service_error().is_bad_request_exception());
    let create = api.client.create_stage().rest_api_id(&api.id).stage_name("other").deployment_id("none");
    assert!(create.send().await.expect_err("no deployment").into_service_error().is_bad_request_exception());
    true
}

pub async fn subtree(scene: &Scene) -> bool {
    let api = Api::of(scene, String::new()).await;
    let parent = api.resource(&api.root, "pets").await;
    let child = api.resource(&parent, "{id}").await;
    api.resource(&child, "photo").await;
    api.client.delete_resource().rest_api_id(&api.id).resource_id(&parent).send().await.expect("it is deleted");
    let left = api.client.get_resources().rest_api_id(&api.id).send().await.expect("resources");
    left.items().len() == 1
}

pub async fn authorizers(scene: &Scene) -> bool {
    let api = Api::of(scene, String::new()).await;
    let create = || {
        let create =
            api.client.create_authorizer().rest_api_id(&api.id).name("users").r#type("COGNITO_USER_POOLS".into());
        create.identity_source("method.request.header.Authorization").provider_arns("arn:a").send()
    };
    let id = create().await.expect("an authorizer").id.expect("its id");
    let Err(refusal) = create().await else { return false };
    assert!(refusal.into_service_error().is_conflict_exception());
    let patch = PatchOperation::builder().op(Op::Add).path("/providerARNs").value("arn:b").build();
    let update = api.client.update_authorizer().rest_api_id(&api.id).authorizer_id(id).patch_operations(patch);
    update.send().await.expect("a second pool").provider_arns() == ["arn:a", "arn:b"]
}

pub async fn mock(scene: &Scene) -> bool {
    let api = Api::of(scene, String::new()).await;
    let resource = api.resource(&api.root, "pets").await;
    let (id, client) = (&api.id, api.client);
    let header = "method.response.header.Access-Control-Allow-Origin";
    let put = client.put_method().rest_api_id(id).resource_id(&resource).http_method("OPTIONS");
    put.authorization_type("NONE").send().await.expect("a method");
    let put = client.put_method_response().rest_api_id(id).resource_id(&resource).http_method("OPTIONS");
    put.status_code("204").response_parameters(header, true).send().await.expect("an answer");
    let put = client.put_integration().rest_api_id(id).resource_id(&resource).http_method("OPTIONS");
    let put = put.r#type(IntegrationType::Mock).request_templates("application/json", r#"{"statusCode": 204}"#);
    put.send().await.expect("an integration");
    let put = client.put_integration_response().rest_api_id(id).resource_id(&resource).http_method("OPTIONS");
    let put = put.status_code("204").response_parameters(header, "'https://a.example'");
    let put = put.response_templates(
        "application/json",
        "#set($site = $input.params().header.get(\"origin\"))\n#if($site == \"https://b.example\" || $site == \"\")\
         #set($context.responseOverride.header.Access-Control-Allow-Origin = $site)#else\n#end",
    );
    put.send().await.expect("an answer");
    api.stage(&api.deploy().await).await;
    let line = format!("OPTIONS /restapis/{id}/{STAGE}/_user_request_/pets");
    let ask = |site: &str| {
        let (status, answer) = api.local.send("endpoint_url", &line, &format!("origin: {site}\r\n"), "");
        assert_eq!(status, 204, "{answer}");
        let name = "access-control-allow-origin: ";
        let value = answer.lines().find_map(|line| line.to_lowercase().strip_prefix(name).map(str::to_owned));
        value.expect("the header")
    };
    assert_eq!(ask("https://c.example"), "https://a.example");
    ask("https://b.example") == "https://b.example"
}

pub async fn callers(scene: &Scene) -> bool {
    let clients = scene.local.clients_of("222222222222", scene.local.text("secret_access_key")).await;
    let none = "arn:aws:lambda:eu-west-1:222222222222:function:none";
    let api = Api::new(&clients.apigateway, &scene.local, none.into()).await;
    api.route("pets").await;
    api.stage(&api.deploy().await).await;
    let status = api.get("/pets").0;
    assert!([404, 500].contains(&status), "{status}");
    status == 500
}
