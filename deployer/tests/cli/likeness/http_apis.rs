//! Rules about HTTP APIs.

use aws_sdk_apigatewayv2::types::{AuthorizationType, AuthorizerType, Cors, IntegrationType, ProtocolType};

use super::scene::{ACCOUNT, Scene};
use crate::local::Local;

const GATEWAY: &str = "apigateway.amazonaws.com";
const OK: &str = r#"{"statusCode": 200, "body": "hello"}"#;
/// The headers of a browser's question before a request.
const QUESTION: &str = "origin: https://a.example\r\naccess-control-request-method: GET\r\n";

/// An HTTP API with a stage that deploys by itself.
struct Api<'a> {
    client: &'a aws_sdk_apigatewayv2::Client,
    local: &'a Local,
    id: String,
}

impl<'a> Api<'a> {
    async fn new(client: &'a aws_sdk_apigatewayv2::Client, local: &'a Local) -> Self {
        let made = client.create_api().name("shop").protocol_type(ProtocolType::Http).send().await.expect("an API");
        let id = made.api_id.expect("its id");
        client.create_stage().api_id(&id).stage_name("$default").auto_deploy(true).send().await.expect("a stage");
        Self { client, local, id }
    }

    async fn of(scene: &'a Scene) -> Self {
        Self::new(&scene.clients.apigatewayv2, &scene.local).await
    }

    /// Creates an integration with a function, and returns its id.
    async fn integration(&self, function: &str, format: &str) -> String {
        let create = self.client.create_integration().api_id(&self.id).integration_type(IntegrationType::AwsProxy);
        let made = create.integration_uri(function).payload_format_version(format).send().await;
        made.expect("an integration").integration_id.expect("its id")
    }

    async fn route(&self, key: &str, integration: &str) {
        let create = self.client.create_route().api_id(&self.id).route_key(key);
        create.target(format!("integrations/{integration}")).send().await.expect("a route");
    }

    /// Sends a request to the API's URL, such as `GET /pets`.
    fn send(&self, method_and_path: &str, headers: &str) -> (u16, String) {
        let (method, path) = method_and_path.split_once(' ').expect("a method and a path");
        let line = format!("{method} /_aws/execute-api/{}{path}", self.id);
        self.local.send("endpoint_url", &line, headers, "")
    }

    fn source(&self, requests: &str) -> String {
        format!("arn:aws:execute-api:eu-west-1:{ACCOUNT}:{}/{requests}", self.id)
    }
}

pub async fn callers(scene: &Scene) -> bool {
    let clients = scene.local.clients_of("222222222222", scene.local.text("secret_access_key")).await;
    let api = Api::new(&clients.apigatewayv2, &scene.local).await;
    let none = api.integration("arn:aws:lambda:eu-west-1:222222222222:function:none", "2.0").await;
    api.route("$default", &none).await;
    let status = api.send("GET /pets", "").0;
    if status == 404 {
        return false;
    }
    assert!(status >= 500, "{status}");
    assert_eq!(api.send("GET ", "").0, status, "a URL without a slash at its end");
    true
}

pub async fn routes(scene: &Scene) -> bool {
    let api = Api::of(scene).await;
    let target = api.integration(&scene.function("open", OK).await, "2.0").await;
    scene.allow("open", GATEWAY, &api.source("*/*")).await;
    api.route("OPTIONS /pets", &target).await;
    if api.send("OPTIONS /pets", "").0 != 200 {
        return false;
    }
    api.route("GET /pets/{rest+}", &target).await;
    let cors = Cors::builder().allow_origins("https://a.example").allow_methods("GET").build();
    let update = api.client.update_api().api_id(&api.id).cors_configuration(cors);
    update.send().await.expect("an API");
    let calls = scene.calls("open");
    let (status, answer) = api.send("OPTIONS /pets/1", QUESTION);
    assert!(
        status == 204 && answer.to_lowercase().contains("access-control-allow-origin: https://a.example"),
        "{answer}"
    );
    assert_eq!(scene.calls("open"), calls, "API Gateway answers browsers itself");
    let (status, answer) = api.send("GET /pets/1/2", "origin: https://a.example\r\n");
    assert!(
        status == 200 && answer.to_lowercase().contains("access-control-allow-origin: https://a.example"),
        "{answer}"
    );
    true
}

pub async fn permission(scene: &Scene) -> bool {
    let api = Api::of(scene).await;
    let target = api.integration(&scene.function("asked", OK).await, "2.0").await;
    api.route("GET /pets", &target).await;
    let (status, answer) = api.send("GET /pets", "");
    if status == 200 {
        return false;
    }
    assert!(status == 500 && answer.ends_with(r#"{"message":"Internal Server Error"}"#), "{answer}");
    scene.allow("asked", GATEWAY, &api.source("*/*")).await;
    assert_eq!(api.send("GET /pets", "").0, 200);

    let guard = scene.function("guard", r#"{"isAuthorized": true, "context": {"who": "me"}}"#).await;
    let create = api.client.create_authorizer().api_id(&api.id).name("guard").authorizer_type(AuthorizerType::Request);
    let create = create.authorizer_uri(guard).authorizer_payload_format_version("2.0").enable_simple_responses(true);
    let create = create.set_identity_source(Some(Vec::new())).authorizer_result_ttl_in_seconds(0);
    let guard = create.send().await.expect("an authorizer").authorizer_id.expect("its id");
    let create = api.client.create_route().api_id(&api.id).route_key("GET /dogs").authorizer_id(&guard);
    let create = create.authorization_type(AuthorizationType::Custom).target(format!("integrations/{target}"));
    create.send().await.expect("a route");
    assert_eq!(api.send("GET /dogs", "").0, 500, "the authorizer's function does not allow it");
    scene.allow("guard", GATEWAY, &api.source(&format!("authorizers/{guard}"))).await;
    assert_eq!(api.send("GET /dogs", "").0, 200);
    scene.set_answer("guard", r#"{"isAuthorized": false}"#).await;
    assert_eq!(api.send("GET /dogs", "").0, 403);
    true
}

pub async fn format(scene: &Scene) -> bool {
    let api = Api::of(scene).await;
    let function = scene.function("formed", r#"{"pets": 1}"#).await;
    scene.allow("formed", GATEWAY, &api.source("*/*")).await;
    let (first, second) = (api.integration(&function, "1.0").await, api.integration(&function, "2.0").await);
    api.route("GET /first/{id}", &first).await;
    api.route("GET /second/{id}", &second).await;
    let status = api.send("GET /first/7?a=1&a=2", "").0;
    if status == 200 {
        return false;
    }
    assert_eq!(status, 500, "an answer of format 1.0 needs a status code");
    let (status, answer) = api.send("GET /second/7", "cookie: a=1; b=2\r\n");
    assert!(status == 200 && answer.ends_with(r#"{"pets": 1}"#), "{answer}");
    let events = scene.events("formed");
    let of_first = &events[0];
    assert_eq!((&of_first["version"], &of_first["httpMethod"]), (&"1.0".into(), &"GET".into()));
    assert_eq!(of_first["multiValueQueryStringParameters"]["a"], serde_json::json!(["1", "2"]));
    assert_eq!((&of_first["resource"], &of_first["pathParameters"]["id"]), (&"/first/{id}".into(), &"7".into()));
    let of_second = &events[1];
    assert_eq!((&of_second["version"], &of_second["routeKey"]), (&"2.0".into(), &"GET /second/{id}".into()));
    assert_eq!(of_second["cookies"], serde_json::json!(["a=1", "b=2"]));
    scene.set_answer("formed", "").await;
    let (status, answer) = api.send("GET /second/7", "");
    assert!(status == 500 && answer.ends_with(r#"{"message":"Internal Server Error"}"#), "{answer}");
    true
}

pub async fn parts(scene: &Scene) -> bool {
    let api = Api::of(scene).await;
    let target = api.integration("arn:aws:lambda:eu-west-1:000000000000:function:none", "2.0").await;
    api.route("GET /pets", &target).await;
    let again = api.client.create_route().api_id(&api.id).route_key("GET /pets").send().await;
    if again.is_ok() {
        return false;
    }
    let in_use = api.client.delete_integration().api_id(&api.id).integration_id(&target).send().await;
    assert!(in_use.is_err(), "a route uses it");
    let variable = |name: &str, value: &str| {
        api.client.update_stage().api_id(&api.id).stage_name("$default").stage_variables(name, value).send()
    };
    variable("a", "1").await.expect("a stage");
    variable("b", "2").await.expect("a stage");
    variable("a", "").await.expect("a stage");
    let delete = api.client.delete_access_log_settings().api_id(&api.id).stage_name("$default");
    delete.send().await.expect("settings");
    let stage = api.client.get_stage().api_id(&api.id).stage_name("$default").send().await.expect("the stage is kept");
    let variables = stage.stage_variables.unwrap_or_default();
    assert_eq!(variables.into_iter().collect::<Vec<_>>(), [("b".to_owned(), "2".to_owned())]);
    true
}
