//! A plan's notes about Bedrock's models, with a stand-in for Bedrock whose answers the test chooses.

use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use crate::bench::{Bench, RunOutput};
use crate::common;
use crate::proxy::{Proxy, answer};

const STACK: &str = r#"
stack: pictures
region: eu-west-1
state: { bucket: BUCKET, key: pictures.json }
functions:
  draw: { zip: worker.zip, memory_size: 256, permissions: [ { allow: bedrock:InvokeModel, on: "arn:aws:bedrock:us-west-2::foundation-model/acme.draw-v1:0" } ] }
  show: { zip: worker.zip, permissions: [ { allow: "bedrock:Invoke*", on: [ "arn:aws:bedrock:us-west-2::foundation-model/acme.draw-v1:0", "arn:aws:bedrock:*::foundation-model/*" ] } ] }
queues: { orders: {} }
"#;

/// A stand-in for Bedrock.
struct Bedrock {
    url: String,
    /// The heads of the requests that it received.
    asked: Arc<Mutex<Vec<String>>>,
    answer: Arc<Mutex<(u16, Value)>>,
}

impl Bedrock {
    fn saying(status: u16, body: Value) -> Self {
        let asked: Arc<Mutex<Vec<String>>> = Arc::default();
        let says = Arc::new(Mutex::new((status, body)));
        let (heads, said) = (asked.clone(), says.clone());
        let proxy = Proxy::in_stead("127.0.0.1:1", move |sent| {
            heads.lock().unwrap().push(sent.to_owned());
            let (status, body) = said.lock().unwrap().clone();
            Some(answer(status, "application/json", body.to_string().as_bytes()))
        });
        Self { url: proxy.url, asked, answer: says }
    }

    fn of_life(life: Value) -> Self {
        Self::saying(200, details(life))
    }

    fn says(&self, status: u16, body: Value) {
        *self.answer.lock().unwrap() = (status, body);
    }

    fn run(&self, bench: &Bench, arguments: &[&str]) -> RunOutput {
        let mut command = bench.command(arguments);
        RunOutput::of(command.env("AWS_ENDPOINT_URL_BEDROCK", &self.url).output().expect("the binary runs"))
    }

    #[track_caller]
    fn ok(&self, bench: &Bench, arguments: &[&str]) -> String {
        let ran = self.run(bench, arguments);
        assert_eq!(ran.code, Some(0), "{ran}");
        ran.stdout
    }

    #[track_caller]
    fn notes(&self, bench: &Bench) -> Vec<Value> {
        notes(&self.ok(bench, &["plan", "--json"]))
    }
}

fn details(life: Value) -> Value {
    json!({ "modelDetails": { "modelArn": "arn", "modelId": "acme.draw-v1:0", "modelLifecycle": life } })
}

fn refusal(code: &str) -> Value {
    json!({ "__type": code, "message": "no" })
}

/// Returns the notes about models in a JSON plan.
fn notes(plan: &str) -> Vec<Value> {
    let plan: Value = serde_json::from_str(plan).expect("one JSON object");
    let notes = plan["notes"].as_array().cloned().unwrap_or_default();
    notes.into_iter().filter(|note| note["text"].as_str().is_some_and(|text| text.contains("model"))).collect()
}

#[tokio::test]
async fn a_legacy_model_is_told_with_its_end_in_text_json_and_markdown() {
    let bench = Bench::new(STACK).await;
    let bedrock = Bedrock::of_life(json!({ "status": "LEGACY", "endOfLifeTime": "2999-01-15T00:00:00Z" }));
    let told = "the model acme.draw-v1:0 in us-west-2 is a legacy one: Bedrock ends it on 2999-01-15, in ";
    let notes = bedrock.notes(&bench);
    assert_eq!(notes.len(), 1, "{notes:?}");
    assert_eq!(notes[0]["address"], "functions.draw.role");
    assert!(notes[0]["text"].as_str().unwrap().starts_with(told), "{notes:?}");
    let asked = std::mem::take(&mut *bedrock.asked.lock().unwrap());
    assert_eq!(asked.len(), 1, "one question for a model, however many use it: {asked:?}");
    assert!(asked[0].starts_with("GET /foundation-models/acme.draw-v1%3A0 "), "{}", asked[0]);
    assert!(asked[0].contains("/us-west-2/bedrock/aws4_request"), "{}", asked[0]);
    let text = bedrock.ok(&bench, &["plan", "--out", "saved.plan"]);
    assert!(text.contains(&format!("! functions.draw.role: {told}")) && text.contains("[model::legacy]"), "{text}");
    assert!(bench.ok(&["show", "saved.plan", "--markdown"]).contains(told));
    let applied = bedrock.ok(&bench, &["apply", "-y"]);
    assert!(applied.contains(told), "{applied}");
}

#[tokio::test]
async fn a_model_that_bedrock_does_not_have_is_refused_before_anything_is_made() {
    let bench = Bench::new(STACK).await;
    let bedrock = Bedrock::saying(404, refusal("ResourceNotFoundException"));
    for arguments in [&["plan"][..], &["apply", "-y"], &["ci"]] {
        let ran = bedrock.run(&bench, arguments);
        assert_eq!(ran.code, Some(1), "{ran}");
        assert!(
            ran.stderr.contains("error[model::unknown]: Bedrock in us-west-2 does not have the model acme.draw-v1:0"),
            "{ran}"
        );
        assert!(ran.stderr.contains("list-foundation-models --region us-west-2"), "{ran}");
    }
    assert!(bench.state().await.is_none() && bench.lock().await.is_none(), "nothing was made, and no lock is left");
    bedrock.says(400, refusal("ValidationException"));
    assert_eq!(bedrock.run(&bench, &["plan"]).code, Some(1));
}

#[tokio::test]
async fn a_model_that_has_ended_refuses_changes_to_its_users_and_no_others() {
    let bench = Bench::new(STACK).await;
    let bedrock = Bedrock::of_life(json!({ "status": "ACTIVE" }));
    bedrock.ok(&bench, &["apply", "-y"]);
    assert_eq!(bedrock.notes(&bench), Vec::<Value>::new());
    bedrock.says(200, details(json!({ "status": "LEGACY", "endOfLifeTime": "2020-01-15T00:00:00Z" })));
    bench.write("stack.yaml", &STACK.replace("orders: {}", "orders: { delay_seconds: 5s }"));
    let notes = bedrock.notes(&bench);
    assert!(notes[0]["text"].as_str().unwrap().contains("on 2020-01-15: every call fails [model::ended]"), "{notes:?}");
    bedrock.ok(&bench, &["apply", "-y"]);
    bench.write("stack.yaml", &STACK.replace("memory_size: 256", "memory_size: 512"));
    let ran = bedrock.run(&bench, &["plan"]);
    assert!(ran.code == Some(1) && ran.stderr.contains("error[model::ended]"), "{ran}");
    let before = bedrock.asked.lock().unwrap().len();
    bedrock.run(&bench, &["drift"]);
    bedrock.ok(&bench, &["destroy", "-y"]);
    assert_eq!(bedrock.asked.lock().unwrap().len(), before, "drift and destroy need no model");
}

#[tokio::test]
async fn who_may_not_ask_bedrock_has_a_plan_with_a_note() {
    let bench = Bench::new(STACK).await;
    let bedrock = Bedrock::saying(403, refusal("AccessDeniedException"));
    let notes = bedrock.notes(&bench);
    let expected = "whether Bedrock in us-west-2 serves the model acme.draw-v1:0 is not known: bedrock:GetFoundationModel is not allowed; `deployer iam plan` lists it";
    assert_eq!(notes, [json!({ "address": "functions.draw.role", "text": expected })]);
}

#[tokio::test]
async fn a_bedrock_that_never_answers_holds_no_plan_up() {
    let bench = Bench::new(STACK).await;
    let silent = Proxy::in_stead("127.0.0.1:1", |_| {
        loop {
            std::thread::park();
        }
    });
    let bedrock = Bedrock { url: silent.url, ..Bedrock::of_life(json!({})) };
    let notes = bedrock.notes(&bench);
    assert!(notes[0]["text"].as_str().unwrap().ends_with("is not known: it did not answer in time"), "{notes:?}");
}

#[tokio::test]
async fn an_emulator_that_knows_nothing_of_bedrock_is_not_believed() {
    let bench = Bench::new(STACK).await;
    let refused = Bedrock::saying(404, refusal("ResourceNotFoundException"));
    let upstream = common::cloud().endpoint_url.clone();
    let odd = [r#"{"__type":"ResourceNotFoundException"}"#, "{}", "<html>", ""];
    for body in odd {
        let emulator = Proxy::in_stead(&upstream, move |sent| {
            sent.starts_with("GET /foundation-models/")
                .then(|| answer(if body.contains("type") { 404 } else { 200 }, "application/json", body.as_bytes()))
        });
        let mut command = bench.command(&["plan", "--json", "--endpoint-url", &emulator.url]);
        let ran =
            RunOutput::of(command.env("AWS_ENDPOINT_URL_BEDROCK", &refused.url).output().expect("the binary runs"));
        assert_eq!(ran.code, Some(0), "{ran}");
        let notes = notes(&ran.stdout);
        assert!(notes.len() == 1 && notes[0]["text"].as_str().unwrap().contains("is not known: "), "{body}: {notes:?}");
    }
    assert!(refused.asked.lock().unwrap().is_empty(), "an address on the command line is that of all services");
}
