//! States that could not be saved in their place. They are kept in a file beside `stack.yaml`, and the next run of the
//! same user on the same machine picks them up.
//!
//! # Guarantees
//! A file that came with the code, or from anywhere else, is not trusted: an attacker who got one merged could make the
//! next run delete the resources that it names. So each file has a seal, whose key lies outside the code, in the user's
//! own directory.

use std::fs;
use std::path::{Path, PathBuf};

use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::document::State;
use super::store::{Snapshot, Store};
use crate::files;

/// The directory of rescue files, and the file with the key of their seals.
#[derive(Debug, Clone)]
pub struct RescuePlace {
    pub directory: PathBuf,
    /// Path of the key file, specific to this user and machine; without one nothing is rescued.
    pub key: Option<PathBuf>,
}

/// Length of a key in bytes.
const KEY: usize = 32;

impl RescuePlace {
    /// Reads the key, if there is one yet.
    fn key(&self) -> Option<Vec<u8>> {
        fs::read(self.key.as_ref()?).ok().filter(|key| key.len() == KEY)
    }

    /// Reads the key, or creates it if there is none.
    fn or_new_key(&self) -> Option<Vec<u8>> {
        if let Some(key) = self.key() {
            return Some(key);
        }
        let path = self.key.as_ref()?;
        let mut key = vec![0; KEY];
        getrandom::fill(&mut key).ok()?;
        files::directory(path.parent()?).and_then(|()| files::write(path, &key)).ok()?;
        Some(key)
    }
}

/// A state that is waiting to be saved in its place.
#[derive(Serialize, Deserialize)]
struct Rescue {
    /// Proves that this user's deployer wrote the rest. Files of the first version have no seal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    seal: Option<String>,
    /// Digests of the documents that this state may follow. Any other stored document means that another run has
    /// written since, and the file is out of date.
    follows: Vec<String>,
    state: Value,
}

impl Rescue {
    /// Tells whether the seal was made with this key.
    fn is_sealed_by(&self, key: &[u8]) -> bool {
        self.seal.as_ref().is_some_and(|seal| *seal == self.sealed_by(key))
    }

    fn sealed_by(&self, key: &[u8]) -> String {
        let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
        mac.update(json!([self.follows, self.state]).to_string().as_bytes());
        hex(&mac.finalize().into_bytes())
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Returns the digest that identifies a document's bytes.
pub(super) fn digest(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// Writes `state` into the rescue directory; `None` if there is no directory or the write fails.
pub(super) fn keep(store: &Store, state: &State, follows: Vec<String>) -> Option<PathBuf> {
    let place = store.rescue.as_ref()?;
    let path = place.directory.join(format!("{}{}.json", prefix(&store.stack, &state.lineage), state.serial));
    let Some(key) = place.or_new_key() else {
        tracing::warn!(?place, "the state could not be kept in a file either: there is no place for a key");
        return None;
    };
    let mut rescue = Rescue { seal: None, follows, state: serde_json::to_value(state).ok()? };
    rescue.seal = Some(rescue.sealed_by(&key));
    let mut bytes = serde_json::to_vec_pretty(&rescue).ok()?;
    bytes.push(b'\n');
    let written = files::directory(&place.directory).and_then(|()| files::write(&path, &bytes));
    if let Err(error) = &written {
        tracing::warn!(path = %path.display(), %error, "the state could not be kept in a file either");
    }
    written.ok().map(|()| path)
}

/// Replaces the state in `snapshot` with the newest rescued state that follows the stored one.
pub(super) async fn pick_up(store: &Store, snapshot: &mut Snapshot) {
    let Some(stored) = &snapshot.stored else { return };
    let key = store.rescue.as_ref().and_then(RescuePlace::key);
    let mut strange = None;
    let newest = files(store, &stored.state.lineage)
        .into_iter()
        .filter_map(|path| {
            let rescue = read(&path)?;
            if key.as_ref().is_none_or(|key| !rescue.is_sealed_by(key)) {
                strange =
                    rescue.follows.contains(&stored.digest).then(|| (path, rescue.seal.is_some())).or(strange.take());
                return None;
            }
            let state = store.parse(&serde_json::to_vec(&rescue.state).ok()?).ok()?;
            let follows = rescue.follows.contains(&stored.digest);
            let newer = state.lineage == stored.state.lineage && state.serial > stored.state.serial;
            (follows && newer).then_some((state, path))
        })
        .max_by_key(|(state, _)| state.serial);
    snapshot.notice = strange.map(|(path, sealed)| left_alone(&path, sealed)).or(snapshot.notice.take());
    if let Some((state, path)) = newest {
        snapshot.notice = Some(format!(
            "the last run could not save its state: going on with what it kept in {} (version {})",
            path.display(),
            state.serial
        ));
        snapshot.state = state;
    }
}

fn read(path: &Path) -> Option<Rescue> {
    serde_json::from_slice(&fs::read(path).ok()?).ok()
}

/// Returns the notice to the user about a file that is not trusted.
fn left_alone(path: &Path, sealed: bool) -> String {
    let path = path.display();
    if sealed {
        return format!(
            "{path} is left alone: it was not written by this user on this machine, so nothing says that it is true"
        );
    }
    format!(
        "{path} is left alone: it has no seal, so an earlier version of deployer wrote it, or it came with the code. If a run of yours \
         wrote it, put its member `state` in the place of the state (docs/state-format.md tells how); if not, delete it"
    )
}

/// Removes the rescue files that are superseded now that a state was saved in its place. A file that is not trusted
/// stays.
pub(super) fn clear(store: &Store, lineage: &str) {
    let Some(key) = store.rescue.as_ref().and_then(RescuePlace::key) else { return };
    for path in files(store, lineage) {
        if read(&path).is_none_or(|rescue| !rescue.is_sealed_by(&key)) {
            continue;
        }
        if let Err(error) = fs::remove_file(&path) {
            tracing::debug!(path = %path.display(), %error, "a rescue file stays behind");
        }
    }
}

fn files(store: &Store, lineage: &str) -> Vec<PathBuf> {
    let Some(entries) = store.rescue.as_ref().and_then(|place| fs::read_dir(&place.directory).ok()) else {
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
