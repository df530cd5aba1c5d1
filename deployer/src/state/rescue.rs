//! What could not be saved in its place: kept in a file beside `stack.yaml`, picked up by the
//! next run.

use std::fs;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::document::State;
use super::store::{Snapshot, Store};

/// A state that waits for its place.
#[derive(Serialize, Deserialize)]
struct Rescue {
    /// Digests of the documents that it may follow. Anything else in its place means that another
    /// run has been there since, and the file is out of date.
    follows: Vec<String>,
    state: Value,
}

/// Names a document's bytes.
pub(super) fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Writes `state` into the rescue directory; `None` when there is none or it cannot be written.
pub(super) fn keep(store: &Store, state: &State, follows: Vec<String>) -> Option<PathBuf> {
    let directory = store.rescue_dir.as_ref()?;
    let path = directory.join(format!("{}{}.json", prefix(&store.stack, &state.lineage), state.serial));
    let rescue = Rescue { follows, state: serde_json::to_value(state).ok()? };
    let mut bytes = serde_json::to_vec_pretty(&rescue).ok()?;
    bytes.push(b'\n');
    let written = fs::create_dir_all(directory).and_then(|()| fs::write(&path, bytes));
    if let Err(error) = &written {
        tracing::warn!(path = %path.display(), %error, "the state could not be kept in a file either");
    }
    written.ok().map(|()| path)
}

/// Puts the newest rescued state that follows the stored one into `snapshot`.
pub(super) async fn pick_up(store: &Store, snapshot: &mut Snapshot) {
    let Some(stored) = &snapshot.stored else { return };
    let newest = files(store, &stored.state.lineage)
        .into_iter()
        .filter_map(|path| {
            let rescue: Rescue = serde_json::from_slice(&fs::read(&path).ok()?).ok()?;
            let state = store.parse(&serde_json::to_vec(&rescue.state).ok()?).ok()?;
            let follows = rescue.follows.contains(&stored.digest);
            let newer = state.lineage == stored.state.lineage && state.serial > stored.state.serial;
            (follows && newer).then_some((state, path))
        })
        .max_by_key(|(state, _)| state.serial);
    if let Some((state, path)) = newest {
        snapshot.notice = Some(format!(
            "the last run could not save its state: going on with what it kept in {} (version {})",
            path.display(),
            state.serial
        ));
        snapshot.state = state;
    }
}

/// Removes what a state now saved in its place has made needless.
pub(super) fn clear(store: &Store, lineage: &str) {
    for path in files(store, lineage) {
        if let Err(error) = fs::remove_file(&path) {
            tracing::debug!(path = %path.display(), %error, "a rescue file stays behind");
        }
    }
}

fn files(store: &Store, lineage: &str) -> Vec<PathBuf> {
    let Some(entries) = store.rescue_dir.as_ref().and_then(|directory| fs::read_dir(directory).ok()) else {
        return Vec::new();
    };
    let prefix = prefix(&store.stack, lineage);
    let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    let ours = |path: &PathBuf| {
        path.file_name().is_some_and(|name| {
            let name = name.to_string_lossy();
            name.starts_with(&prefix) && name.ends_with(".json")
        })
    };
    paths.filter(ours).collect()
}

fn prefix(stack: &str, lineage: &str) -> String {
    format!("{stack}-{lineage}-")
}
