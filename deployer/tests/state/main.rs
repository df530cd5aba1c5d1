//! The state: conditional writes, the lease, the journal, and documents that are refused.

#[path = "../common/mod.rs"]
#[allow(dead_code)]
mod common;

mod buckets;
mod journal;
mod lock;
mod memory;
mod parse;
mod places;
mod s3;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use deployer::aws::Place;
use deployer::state::{Holder, Lease, Objects, Record, State, Store};
use serde_json::json;

const KEY: &str = "couch.json";
const LOCK: &str = "couch.json.lock";

fn now() -> String {
    "2026-11-22T10:00:00Z".into()
}

fn place() -> Place {
    Place { account: "123456789012".into(), region: "eu-west-1".into(), partition: "aws".into(), endpoint_url: None }
}

fn over(objects: Arc<dyn Objects>) -> Store {
    Store::over(objects, KEY, "couch", &place(), now)
}

fn holder(who: &str) -> Holder {
    Holder {
        who: who.into(),
        host: "ci-7".into(),
        operation: "apply".into(),
        run_url: Some("https://ci.example/run/7".into()),
    }
}

async fn held(store: &Store, who: &str) -> Lease {
    store.lock(&holder(who), Duration::ZERO, &|_| {}).await.expect("a free lock")
}

/// Returns `state` with one more queue.
fn with_queue(state: &State, name: &str) -> State {
    let mut state = state.clone();
    let record = Record {
        kind: "sqs.queue".into(),
        element: format!("queues.{name}"),
        physical_id: format!("https://sqs/{name}"),
        inputs: json!({ "name": name }),
        outputs: [("url".to_owned(), format!("https://sqs/{name}"))].into(),
        dependencies: BTreeSet::new(),
        protect: false,
        retain: false,
        origin: None,
    };
    state.resources.insert(format!("queues.{name}"), record);
    state
}

fn names(state: &State) -> Vec<&str> {
    state.resources.keys().map(String::as_str).collect()
}
