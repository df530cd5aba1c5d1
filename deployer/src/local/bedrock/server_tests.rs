use std::net::SocketAddr;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

use super::super::super::signature::tests::sign_request;
use super::*;

const SECRET: &str = "a secret of this start";

const CORE: &str = "stability.stable-image-core-v1%3A1";
const TITAN: &str = "amazon.titan-image-generator-v1";

fn settings() -> Settings {
    Settings { allow_retired: false, secret: SECRET.into() }
}

/// A server on a free port, stopped when dropped.
struct TestServer {
    address: SocketAddr,
    task: JoinHandle<io::Result<Infallible>>,
}

impl Drop for TestServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

struct BedrockResponse {
    status: u16,
    error: Option<String>,
    body: Value,
}

impl TestServer {
    async fn start(settings: Settings) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        Self { address, task: tokio::spawn(serve(listener, settings)) }
    }

    async fn send(&self, method: &str, path: &str, body: &str) -> BedrockResponse {
        self.send_to("us-west-2", method, path, body).await
    }

    async fn send_to(&self, region: &str, method: &str, path: &str, body: &str) -> BedrockResponse {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        let length = body.len();
        let host = self.address.to_string();
        let signature =
            sign_request((method, &host, path), body.as_bytes(), ("test", SECRET, region), SystemTime::now());
        let request = format!(
            "{method} {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\ncontent-length: {length}\r\n{signature}\r\n{body}"
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut raw = String::new();
        stream.read_to_string(&mut raw).await.unwrap();
        let (head, body) = raw.split_once("\r\n\r\n").unwrap();
        let header = |name: &str| head.lines().find_map(|line| Some(line.strip_prefix(name)?.trim().to_owned()));
        BedrockResponse {
            status: head.split(' ').nth(1).unwrap().parse().unwrap(),
            error: header("x-amzn-errortype:"),
            body: serde_json::from_str(body).unwrap(),
        }
    }

    async fn invoke(&self, model: &str, body: Value) -> BedrockResponse {
        self.send("POST", &format!("/model/{model}/invoke"), &body.to_string()).await
    }

    async fn control(&self, faults: Value) {
        assert_eq!(self.send("POST", "/_control", &faults.to_string()).await.status, 200);
    }
}

fn png_size(image: &Value) -> (u32, u32) {
    let bytes = STANDARD.decode(image.as_str().unwrap()).unwrap();
    let reader = png::Decoder::new(std::io::Cursor::new(bytes)).read_info().unwrap();
    (reader.info().width, reader.info().height)
}

#[tokio::test]
async fn a_stability_model_answers_with_seed_reason_and_picture() {
    let server = TestServer::start(settings()).await;
    let answer = server.invoke(CORE, json!({"prompt": "a couch", "seed": 7})).await;
    assert_eq!(answer.status, 200);
    assert_eq!((&answer.body["seeds"], &answer.body["finish_reasons"]), (&json!([7]), &json!([null])));
    assert_eq!(png_size(&answer.body["images"][0]), (1024, 1024));
}

#[tokio::test]
async fn a_stability_model_reports_the_seed_it_chose() {
    let server = TestServer::start(settings()).await;
    let answer = server.invoke(CORE, json!({"prompt": "a couch"})).await;
    let seed = answer.body["seeds"][0].as_u64().unwrap();
    assert!((1..=4_294_967_295).contains(&seed));
    let repeated = server.invoke(CORE, json!({"prompt": "a couch", "seed": seed})).await;
    assert_eq!(repeated.body["images"], answer.body["images"]);
}

#[tokio::test]
async fn titan_answers_in_its_own_shape_with_every_picture_asked_for() {
    let server = TestServer::start(Settings { allow_retired: true, ..settings() }).await;
    let config = json!({"numberOfImages": 2, "width": 512, "height": 512, "seed": 7});
    let body =
        json!({"taskType": "TEXT_IMAGE", "textToImageParams": {"text": "a couch"}, "imageGenerationConfig": config});
    let answer = server.invoke(TITAN, body).await;
    assert_eq!((answer.status, &answer.body["error"]), (200, &Value::Null));
    let images = answer.body["images"].as_array().unwrap();
    assert_eq!(images.iter().map(png_size).collect::<Vec<_>>(), [(512, 512), (512, 512)]);
    assert_ne!(images[0], images[1]);
}

#[tokio::test]
async fn errors_carry_their_code_in_a_header_and_a_message() {
    let server = TestServer::start(settings()).await;
    for (model, status, code) in [
        (TITAN, 404, "ResourceNotFoundException"),
        ("no.such-model", 400, "ValidationException"),
        (CORE, 400, "ValidationException"),
    ] {
        let answer = server.invoke(model, json!({})).await;
        assert_eq!((answer.status, answer.error.as_deref()), (status, Some(code)), "{model}");
        assert!(answer.body["message"].is_string(), "{model}");
    }
}

#[tokio::test]
async fn a_request_signed_for_a_region_without_the_model_is_refused() {
    let server = TestServer::start(settings()).await;
    let path = format!("/model/{CORE}/invoke");
    let body = json!({"prompt": "x", "aspect_ratio": "21:9"}).to_string();
    assert_eq!(server.send_to("eu-west-1", "POST", &path, &body).await.status, 400);
    assert_eq!(server.send_to("us-west-2", "POST", &path, &body).await.status, 200);
}

#[tokio::test]
async fn the_content_filter_answers_200_without_a_picture_for_stability_and_400_for_titan() {
    let server = TestServer::start(Settings { allow_retired: true, ..settings() }).await;
    server.control(json!({"filter_prompts_containing": ["sofa"]})).await;
    for prompt in ["a SOFA", "a couch [[filter]]"] {
        let answer = server.invoke(CORE, json!({"prompt": prompt})).await;
        assert_eq!((answer.status, &answer.body), (200, &json!({"finish_reasons": ["Filter reason: prompt"]})));
        let body = json!({"taskType": "TEXT_IMAGE", "textToImageParams": {"text": prompt}});
        let answer = server.invoke(TITAN, body).await;
        assert_eq!((answer.status, answer.error.as_deref()), (400, Some("ValidationException")));
    }
}

#[tokio::test]
async fn faults_hit_the_next_invocations_and_the_log_tells_what_happened() {
    let server = TestServer::start(settings()).await;
    server.control(json!({"throttle_next": 1, "fail_next": 1})).await;
    let body = json!({"prompt": "a couch", "seed": 3, "aspect_ratio": "21:9"});
    let mut answers = Vec::new();
    for _ in 0..3 {
        let answer = server.invoke(CORE, body.clone()).await;
        answers.push((answer.status, answer.error));
    }
    let expected =
        [(429, Some("ThrottlingException".to_owned())), (500, Some("InternalServerException".to_owned())), (200, None)];
    assert_eq!(answers, expected);
    let log: Vec<LoggedInvocation> = serde_json::from_value(server.send("GET", "/_requests", "").await.body).unwrap();
    let outcomes: Vec<_> = log.iter().map(|entry| (entry.outcome.as_str(), entry.seed)).collect();
    assert_eq!(outcomes, [("ThrottlingException", None), ("InternalServerException", None), ("ok", Some(3))]);
    assert_eq!(log[2].prompt.as_deref(), Some("a couch"));
    assert_eq!(log[2].model, "stability.stable-image-core-v1:1");
}

#[tokio::test]
async fn a_prompt_can_carry_its_own_fault() {
    let server = TestServer::start(settings()).await;
    let throttled = server.invoke(CORE, json!({"prompt": "a couch [[throttle]]"})).await;
    let failed = server.invoke(CORE, json!({"prompt": "a couch [[fail]]"})).await;
    assert_eq!((throttled.status, failed.status), (429, 500));
}

#[tokio::test]
async fn a_fault_it_does_not_know_and_a_route_it_does_not_serve_are_refused() {
    let server = TestServer::start(settings()).await;
    assert_eq!(server.send("POST", "/_control", r#"{"explode": true}"#).await.status, 400);
    assert_eq!(server.send("GET", "/model/x/invoke", "").await.status, 404);
    assert_eq!(server.send("POST", "/model/x/converse", "{}").await.status, 404);
}

#[tokio::test]
async fn a_model_is_described_where_it_is_offered_and_not_found_elsewhere() {
    let server = TestServer::start(settings()).await;
    let path = format!("/foundation-models/{CORE}");
    let answer = server.send("GET", &path, "").await;
    assert_eq!((answer.status, &answer.body["modelDetails"]["modelLifecycle"]["status"]), (200, &json!("ACTIVE")));
    assert_eq!(answer.body["modelDetails"]["modelId"], "stability.stable-image-core-v1:1");
    let elsewhere = server.send_to("eu-west-1", "GET", &path, "").await;
    let nowhere = server.send("GET", "/foundation-models/acme.draw-v1", "").await;
    let retired = server.send("GET", &format!("/foundation-models/{TITAN}"), "").await;
    for answer in [elsewhere, nowhere, retired] {
        assert_eq!((answer.status, answer.error.as_deref()), (404, Some("ResourceNotFoundException")));
    }
    let log: Vec<LoggedInvocation> = serde_json::from_value(server.send("GET", "/_requests", "").await.body).unwrap();
    assert!(log.is_empty(), "no model was invoked");
}

#[tokio::test]
async fn a_retired_model_that_is_served_all_the_same_is_described_as_a_legacy_model() {
    let server = TestServer::start(Settings { allow_retired: true, ..settings() }).await;
    let answer = server.send("GET", &format!("/foundation-models/{TITAN}"), "").await;
    assert_eq!((answer.status, &answer.body["modelDetails"]["modelLifecycle"]), (200, &json!({"status": "LEGACY"})));
}
