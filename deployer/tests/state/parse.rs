//! Bytes that anybody may have written where a state is expected.

use deployer::state::{Journal, State, StateError};
use proptest::prelude::*;

use crate::memory::Server;
use crate::{KEY, held, over, with_queue};

/// A state as it is stored.
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

#[test]
fn a_state_cut_off_anywhere_is_damaged() {
    let whole = run(stored());
    for length in 0..whole.len() - 2 {
        let error = run(read(&whole[..length])).expect_err("not whole");
        assert_eq!(error.code(), "state::damaged", "{length}: {error}");
    }
    assert!(run(read(&whole)).is_ok());
}

proptest! {
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
