//! Rules about function URLs.

use aws_sdk_lambda::types::{Cors, FunctionUrlAuthType};

use super::scene::Scene;

const OK: &str = r#"{"statusCode": 200, "body": "hello"}"#;
/// The headers of a browser's question before a request.
const QUESTION: &str = "origin: https://a.example\r\naccess-control-request-method: GET\r\n";

/// Sends a request to the URL with this id.
fn send(scene: &Scene, id: &str, method: &str, headers: &str) -> (u16, String) {
    scene.local.send("endpoint_url", &format!("{method} /_aws/lambda-url/{id}/pets"), headers, "")
}

pub async fn function_url(scene: &Scene) -> bool {
    scene.function("url-site", OK).await;
    let lambda = &scene.clients.lambda;
    let create = || lambda.create_function_url_config().function_name("url-site").auth_type(FunctionUrlAuthType::None);
    let cors = Cors::builder().allow_origins("https://a.example").allow_methods("GET").build();
    let made = create().cors(cors).send().await.expect("a URL");
    let id = made.function_url.trim_start_matches("https://").split('.').next().expect("its id").to_owned();
    if send(scene, &id, "GET", "").0 == 200 {
        return false;
    }
    let (status, answer) = send(scene, &id, "OPTIONS", QUESTION);
    assert!(
        status == 200 && answer.to_lowercase().contains("access-control-allow-origin: https://a.example"),
        "{answer}"
    );
    let add = || lambda.add_permission().function_name("url-site").principal("*");
    let add_url = add().statement_id("url").action("lambda:InvokeFunctionUrl");
    add_url.function_url_auth_type(FunctionUrlAuthType::None).send().await.expect("a permission");
    assert_eq!(send(scene, &id, "GET", "").0, 403, "one of the two statements is missing");
    let add_function = add().statement_id("function").action("lambda:InvokeFunction");
    add_function.invoked_via_function_url(true).send().await.expect("a permission");
    let (status, answer) = send(scene, &id, "GET", "origin: https://a.example\r\n");
    assert!(status == 200 && answer.ends_with("hello"), "{answer}");
    assert!(answer.to_lowercase().contains("access-control-allow-origin: https://a.example"), "{answer}");
    lambda.delete_function().function_name("url-site").send().await.expect("it is deleted");
    assert_eq!(send(scene, &id, "GET", "").0, 404, "the URL ends with its function");
    true
}
