//! Arbitrary bytes where a state or lock is expected.

use std::time::Duration;

use deployer::kinds::Action;
use deployer::state::{Journal, State, StateError};
use proptest::prelude::*;
use serde_json::Value;

use crate::memory::Server;
use crate::{KEY, LOCK, held, holder, over, with_queue};

/// Returns a state as it is stored.
async fn stored() -> Vec<u8> {
    let server = Server::new();
    let store = over(server.link());
    let lease = held(&store, "ada").await;
    let snapshot = store.read().await.expect("readable");
    store.journal(&snapshot, &lease).commit(&with_queue(&snapshot.state, "first")).await.expect("written");
    server.bytes(KEY).expect("a state")
}

async fn read(bytes: &[u8]) -> Result<State, StateError> {
    let server = Server::new();
    server.set(KEY, bytes);
    let read = over(server.link()).read().await.map(|snapshot| snapshot.state);
    assert_eq!(server.bytes(KEY).as_deref(), Some(bytes), "reading changes nothing");
    read
}

fn run<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime")
        .block_on(work)
}

#[test]
fn a_state_is_json_for_people_with_a_line_end() {
    let text = String::from_utf8(run(stored())).expect("UTF-8");
    assert!(text.starts_with("{\n  \"format_version\": 1,\n  \"lineage\": \"") && text.ends_with("}\n"), "{text}");
    assert!(text.contains("\"written_at\": \"2026-11-22T10:00:00Z\"") && !text.contains("intents"), "{text}");
}

/// An intent as every version of format 1 has written it.
fn with_intent(action: &str) -> Vec<u8> {
    let mut document: Value = serde_json::from_slice(&run(stored())).expect("JSON");
    document["intents"] = serde_json::json!([{
        "address": "topics.alarms", "action": action, "kind": "sns.topic", "identity": "shop-alarms",
        "since": "2026-11-22T17:57:31Z", "inputs": { "name": "shop-alarms" }, "element": "topics.alarms"
    }]);
    serde_json::to_vec(&document).expect("JSON")
}

#[test]
fn the_action_of_an_intent_is_read_from_its_word() {
    let words = [
        ("create", Action::Create),
        ("update", Action::Update),
        ("replace", Action::Replace),
        ("delete", Action::Delete),
        ("adopt", Action::Adopt),
    ];
    for (word, action) in words {
        let state = run(read(&with_intent(word))).expect("readable");
        assert_eq!(state.intents[0].action, action);
        assert_eq!(serde_json::to_value(&state.intents[0]).expect("JSON")["action"], word);
    }
    let error = run(read(&with_intent("explode"))).expect_err("no action");
    assert_eq!(error.code(), "state::damaged", "{error}");
    assert!(error.to_string().contains("intents[0].action"), "{error}");
}

#[test]
fn a_state_cut_off_anywhere_is_damaged() {
    let whole = run(stored());
    for length in 0..whole.len() - 2 {
        let error = run(read(&whole[..length])).expect_err("not whole");
        assert_eq!(error.code(), "state::damaged", "{length}: {error}");
    }
    assert!(run(read(&whole)).is_ok());
}

/// Sets the number of cases: `PROPTEST_CASES`, for a long run, or the usual number.
fn config() -> ProptestConfig {
    let asked = std::env::var("PROPTEST_CASES").ok().and_then(|number| number.parse().ok());
    ProptestConfig { cases: asked.unwrap_or(64), failure_persistence: None, ..ProptestConfig::default() }
}

/// Generates small JSON values, including extreme ones.
fn json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        prop_oneof![Just(u64::MAX), Just(0), any::<u64>()].prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "\\PC{0,12}".prop_map(Value::from),
        Just(Value::from("fingerprint:hmac-sha256:")),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            proptest::collection::btree_map("[a-z_]{0,6}", inner, 0..3)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

/// Replaces the `at`th value of a document by `new`, or removes it.
fn mutated(document: &mut Value, at: usize, new: Option<&Value>) {
    fn pointers(value: &Value, at: &str, found: &mut Vec<String>) {
        let inner: Vec<(String, &Value)> = match value {
            Value::Object(map) => {
                map.iter().map(|(key, item)| (key.replace('~', "~0").replace('/', "~1"), item)).collect()
            }
            Value::Array(items) => items.iter().enumerate().map(|(i, item)| (i.to_string(), item)).collect(),
            _ => return,
        };
        for (key, item) in inner {
            let path = format!("{at}/{key}");
            pointers(item, &path, found);
            found.push(path);
        }
    }
    let mut found = Vec::new();
    pointers(document, "", &mut found);
    let Some(pointer) = found.get(at % found.len().max(1)) else { return };
    let (parent, key) = pointer.rsplit_once('/').expect("a pointer has a slash");
    match new {
        Some(new) => *document.pointer_mut(pointer).expect("it was found") = new.clone(),
        None => {
            if let Some(Value::Object(map)) = document.pointer_mut(parent) {
                map.remove(&key.replace("~1", "/").replace("~0", "~"));
            }
        }
    }
}

type Mutation = (usize, Option<Value>);

fn mutations() -> impl Strategy<Value = Vec<Mutation>> {
    proptest::collection::vec((0..1_000_usize, proptest::option::weighted(0.8, json())), 1..4)
}

/// Reads a lock with arbitrary content, and tries to take it.
async fn meet(lock: &[u8]) {
    let server = Server::new();
    server.set(LOCK, lock);
    let store = over(server.link());
    if let Err(error) = store.lock_info().await {
        assert!(!error.to_string().is_empty());
    }
    match store.lock(&holder("bea"), Duration::from_secs(90), &|_| {}).await {
        Ok(lease) => lease.release().await.expect("released"),
        Err(error) => assert!(error.code().starts_with("state::"), "{error}"),
    }
}

async fn stored_lock() -> Vec<u8> {
    let server = Server::new();
    let _lease = held(&over(server.link()), "ada").await;
    server.bytes(LOCK).expect("a lock")
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn a_state_with_other_values_in_it_is_read_or_refused(changes in mutations()) {
        let mut state: Value = serde_json::from_slice(&run(stored())).expect("JSON");
        for (at, new) in &changes {
            mutated(&mut state, *at, new.as_ref());
        }
        if let Err(error) = run(read(state.to_string().as_bytes())) {
            prop_assert!(error.code().starts_with("state::") && !error.to_string().is_empty());
        }
    }

    #[test]
    fn a_lock_with_other_values_in_it_holds_or_is_taken_over(changes in mutations()) {
        let mut lock: Value = serde_json::from_slice(&run(stored_lock())).expect("JSON");
        for (at, new) in &changes {
            mutated(&mut lock, *at, new.as_ref());
        }
        run(meet(lock.to_string().as_bytes()));
    }

    #[test]
    fn any_bytes_as_a_lock_hold_or_are_taken_over(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        run(meet(&bytes));
    }

    #[test]
    fn arbitrary_bytes_are_refused_in_words(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let error = run(read(&bytes)).expect_err("noise");
        prop_assert!(error.code().starts_with("state::") && !error.help().is_empty());
    }

    #[test]
    fn a_state_with_a_changed_byte_is_read_or_refused(at in 0_usize..400, byte in any::<u8>()) {
        let mut bytes = run(stored());
        let at = at % bytes.len();
        bytes[at] = byte;
        if let Err(error) = run(read(&bytes)) {
            prop_assert!(!error.to_string().is_empty());
        }
    }
}
