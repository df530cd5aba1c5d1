//! A stand-in for the Lambda Runtime API, Bedrock, S3 and SQS on one loopback port, and a function's process that uses
//! it.

mod bucket;
mod http;
mod process;
mod queue;

use bucket::Bucket;
pub use bucket::{Put, WriteFault};
pub use process::Process;
pub use queue::QUEUE_URL;
use queue::Queue;

use http::{HttpRequest, Response};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::ops::Deref;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A PNG of minimal size, in base64.
pub const PNG_BASE64: &str =
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

const NEXT: &str = "/2018-06-01/runtime/invocation/next";

/// The model's answer to one call.
pub enum Reply {
    Picture,
    Json(Value),
    Error(u16, &'static str, &'static str),
    /// An answer that is not JSON.
    Raw(u16, Vec<u8>),
    /// A picture, once the test releases it.
    Held,
    /// No answer until the test is over.
    Hang,
}

/// Chooses the model's answer by the prompt and the number of its call, from 1.
pub type Script = fn(&str, usize) -> Reply;

/// The function's answer to one event.
#[derive(Debug)]
pub struct Answer {
    /// `response` or `error`.
    pub kind: String,
    pub body: Value,
}

#[derive(Default)]
struct State {
    events: Vec<(u64, Value)>,
    answers: Vec<Answer>,
    prompts: Vec<String>,
    bucket: Bucket,
    queue: Queue,
    postponed: Vec<(String, u64)>,
    sent: Vec<Value>,
    let_go: bool,
    over: bool,
}

struct Shared {
    state: Mutex<State>,
    changed: Condvar,
    script: Script,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// Waits until `ready` returns a value, or the test is over.
    fn wait<T>(&self, mut ready: impl FnMut(&mut State) -> Option<T>) -> Option<T> {
        let mut state = self.lock();
        loop {
            if let Some(found) = ready(&mut state) {
                return Some(found);
            }
            if state.over {
                return None;
            }
            state = self.changed.wait(state).unwrap();
        }
    }

    fn respond(&self, request: HttpRequest) -> Option<Response> {
        if request.path == NEXT {
            return self.next();
        }
        if let Some(rest) = request.path.strip_prefix("/2018-06-01/runtime/invocation/") {
            let kind = rest.rsplit('/').next().unwrap_or_default().to_owned();
            let body = serde_json::from_slice(&request.body).unwrap();
            self.lock().answers.push(Answer { kind, body });
            self.changed.notify_all();
            return Some(Response::json(202, &json!({"status": "OK"})));
        }
        if request.method == "POST" && request.path.ends_with("/invoke") {
            return self.invoke_model(&request);
        }
        match request.header("x-amz-target").strip_prefix("AmazonSQS.") {
            None => Some(self.lock().bucket.respond(request)),
            Some("ChangeMessageVisibilityBatch") => Some(self.postpone(&request)),
            Some("SendMessage") => Some(self.send(&request)),
            Some(operation) => self.respond_as_queue(operation, &request),
        }
    }

    fn send(&self, request: &HttpRequest) -> Response {
        let body: Value = serde_json::from_slice(&request.body).unwrap();
        let text = body["MessageBody"].as_str().unwrap();
        match text.contains("unsendable") {
            true => {
                let message =
                    format!("Access to the resource is denied: {text} of arn:aws:sqs:eu-west-1:123456789012:q");
                let error = json!({"__type": "com.amazonaws.sqs#AccessDeniedException", "message": message});
                Response::json(403, &error)
            }
            false => {
                self.lock().sent.push(body);
                Response::json(200, &json!({"MessageId": "message-1"}))
            }
        }
    }

    fn postpone(&self, request: &HttpRequest) -> Response {
        let body: Value = serde_json::from_slice(&request.body).unwrap();
        let entries = body["Entries"].as_array().unwrap();
        let ids = entries.iter().map(|entry| json!({"Id": entry["Id"]}));
        let answer = json!({"Successful": ids.collect::<Vec<_>>(), "Failed": []});
        let waits = entries.iter().map(|entry| {
            (entry["ReceiptHandle"].as_str().unwrap().to_owned(), entry["VisibilityTimeout"].as_u64().unwrap())
        });
        let mut state = self.lock();
        for (receipt, seconds) in waits {
            state.queue.hide(&receipt, seconds);
            state.postponed.push((receipt, seconds));
        }
        Response::json(200, &answer)
    }

    fn next(&self) -> Option<Response> {
        let (left_ms, event) = self.wait(|state| state.events.pop())?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        let deadline = u64::try_from(now.as_millis()).unwrap() + left_ms;
        let response = Response::json(200, &event)
            .header("Lambda-Runtime-Aws-Request-Id", "request-1")
            .header("Lambda-Runtime-Trace-Id", "Root=1-5759e988-bd862e3fe1be46a994272793")
            .header("Lambda-Runtime-Deadline-Ms", &deadline.to_string())
            .header("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:eu-west-1:000000000000:function:f");
        Some(response)
    }

    fn invoke_model(&self, request: &HttpRequest) -> Option<Response> {
        let body: Value = serde_json::from_slice(&request.body).unwrap();
        // The prompt's place in Stability's requests, and the one in requests of Titan and Nova.
        let prompt = body["prompt"].as_str().or(body["textToImageParams"]["text"].as_str()).unwrap().to_owned();
        let call = {
            let mut state = self.lock();
            state.prompts.push(prompt.clone());
            state.prompts.iter().filter(|p| **p == prompt).count()
        };
        match (self.script)(&prompt, call) {
            reply @ (Reply::Picture | Reply::Held) => {
                if matches!(reply, Reply::Held) {
                    self.wait(|state| state.let_go.then_some(()))?;
                }
                let reply = json!({"seeds": [1], "finish_reasons": [null], "images": [PNG_BASE64]});
                Some(Response::json(200, &reply))
            }
            Reply::Json(reply) => Some(Response::json(200, &reply)),
            Reply::Error(status, code, message) => {
                let response = Response::json(status, &json!({ "message": message }));
                Some(response.header("x-amzn-ErrorType", code))
            }
            Reply::Raw(status, body) => Some(Response::new(status, body)),
            Reply::Hang => self.wait(|_| None),
        }
    }
}

/// The stand-ins alone, which end when this value is dropped.
pub struct World {
    shared: Arc<Shared>,
    address: SocketAddr,
    closing: Arc<AtomicBool>,
    accepting: Option<std::thread::JoinHandle<()>>,
}

impl World {
    /// Starts the stand-ins with a model that follows `script`.
    pub fn start(script: Script) -> Self {
        Self::with_bucket(script, Bucket::default())
    }

    fn with_bucket(script: Script, bucket: Bucket) -> Self {
        let state = Mutex::new(State { bucket, ..State::default() });
        let shared = Arc::new(Shared { state, changed: Condvar::new(), script });
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let closing = Arc::new(AtomicBool::new(false));
        let accepting = {
            let (shared, closing) = (shared.clone(), closing.clone());
            std::thread::spawn(move || {
                for stream in listener.incoming().map_while(Result::ok) {
                    if closing.load(Ordering::SeqCst) {
                        break;
                    }
                    let shared = shared.clone();
                    std::thread::spawn(move || http::serve(stream, |request| shared.respond(request)));
                }
            })
        };
        Self { shared, address, closing, accepting: Some(accepting) }
    }

    /// Releases the answers that the model holds.
    pub fn let_go(&self) {
        self.shared.lock().let_go = true;
        self.shared.changed.notify_all();
    }

    /// Returns the prompts that the model received, one for each call.
    pub fn prompts(&self) -> Vec<String> {
        self.shared.lock().prompts.clone()
    }

    /// Returns the pictures in the bucket, in the order of their arrival.
    pub fn puts(&self) -> Vec<Put> {
        self.shared.lock().bucket.pictures()
    }

    /// Returns the record of `id` in the bucket.
    pub fn record(&self, id: &str) -> Option<Value> {
        self.object(&format!("32/generated_images/requests/{id}.json"))
    }

    /// Returns the JSON object at `key` in the bucket.
    pub fn object(&self, key: &str) -> Option<Value> {
        self.shared.lock().bucket.json(&format!("/images/{key}"))
    }

    /// Lets the next write of a key that ends in `end` fail.
    pub fn fail_write(&self, end: &'static str, fault: WriteFault) {
        self.shared.lock().bucket.fail(end, fault);
    }

    /// Returns the methods of the requests to the bucket, with the owner that they expected.
    pub fn expected_owners(&self) -> BTreeSet<(String, String)> {
        self.shared.lock().bucket.expected_owners()
    }

    /// Puts a JSON object at `key` into the bucket.
    pub fn place(&self, key: &str, body: &Value) {
        self.shared.lock().bucket.place(format!("/images/{key}"), body);
    }

    /// Returns the messages that were sent, as SendMessage took them.
    pub fn sent(&self) -> Vec<Value> {
        self.shared.lock().sent.clone()
    }

    /// Returns the receipt handles of the postponed messages, with the seconds.
    pub fn postponed(&self) -> Vec<(String, u64)> {
        self.shared.lock().postponed.clone()
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.shared.lock().over = true;
        self.shared.changed.notify_all();
        self.closing.store(true, Ordering::SeqCst);
        // Wakes the accepting thread, which then notices the end.
        let _ = TcpStream::connect(self.address);
        if let Some(accepting) = self.accepting.take() {
            let _ = accepting.join();
        }
    }
}

/// A running function. It ends with its stand-ins when this value is dropped.
pub struct Function {
    child: Child,
    world: World,
}

impl Deref for Function {
    type Target = World;

    fn deref(&self) -> &World {
        &self.world
    }
}

impl Function {
    /// Starts `binary` with a model that follows `script`.
    pub fn start(binary: &str, script: Script) -> Self {
        Self::launch(binary, World::start(script), &[])
    }

    /// Starts `binary` with further variables.
    pub fn with_env(binary: &str, script: Script, variables: &[(&str, &str)]) -> Self {
        Self::launch(binary, World::start(script), variables)
    }

    /// Starts `binary` with a bucket that refuses every picture.
    pub fn with_refusing_bucket(binary: &str) -> Self {
        Self::launch(binary, World::with_bucket(|_, _| Reply::Picture, Bucket::refusing()), &[])
    }

    fn launch(binary: &str, world: World, variables: &[(&str, &str)]) -> Self {
        let child = command(binary, &world.address.to_string()).envs(variables.iter().copied()).spawn().unwrap();
        Self { child, world }
    }

    /// Delivers `event` with 30 s to its deadline and returns the answer.
    pub fn invoke(&self, event: Value) -> Answer {
        self.invoke_within(Duration::from_secs(30), event)
    }

    /// Delivers `event` with `left` to its deadline and returns the answer.
    pub fn invoke_within(&self, left: Duration, event: Value) -> Answer {
        let left_ms = u64::try_from(left.as_millis()).unwrap();
        self.shared.lock().events.push((left_ms, event));
        self.shared.changed.notify_all();
        let answer = self.shared.wait(|state| state.answers.pop());
        answer.unwrap()
    }

    /// Ends the function and returns the lines it wrote.
    pub fn log(mut self) -> Vec<Value> {
        self.child.kill().unwrap();
        let mut text = String::new();
        let mut stdout = self.child.stdout.take().unwrap();
        std::io::Read::read_to_string(&mut stdout, &mut text).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

impl Drop for Function {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Returns the command that runs `binary` with the variables that Lambda sets and no others.
pub fn command(binary: &str, address: &str) -> Command {
    let mut command = Command::new(binary);
    command
        .env_clear()
        .env("AWS_LAMBDA_RUNTIME_API", address)
        .env("AWS_LAMBDA_FUNCTION_NAME", "f")
        .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
        .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "512")
        .env("AWS_REGION", "eu-west-1")
        .env("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
        .env("AWS_SECRET_ACCESS_KEY", "not-a-secret")
        .env("AWS_ENDPOINT_URL", format!("http://{address}"))
        .env("BUCKET", "images")
        .env("PREFIX", "32/generated_images")
        .env("MODEL_ID", "stability.stable-image-core-v1:1")
        .env("MODEL_REGION", "us-west-2")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}
