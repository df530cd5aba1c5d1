//! Signs of life: tells whether the run that holds a lock has ended, where that is certain.
//!
//! A run keeps a file locked (`flock`) as long as it holds the state's lock. The kernel releases that file when the
//! process ends, in whatever way, and not before: also not while the process is suspended.
//!
//! # Guarantees
//! A run counts as ended only on the machine that it ran on, since its last boot, and for the same user. The name of the
//! file is the lock's random id, so only the run itself created it. Without the file nothing is known: it was removed,
//! or the run is on another machine, also on a copy of this one.
//!
//! A process number is not compared. Another process may have it by now, and in a container it means another process.

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use crate::files;

/// The file with a random id that the kernel makes at each boot.
const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";
/// Files of ended runs that nobody asked about are removed after this time.
const KEPT: Duration = Duration::from_secs(24 * 3600);

/// The process that holds a lock, as the lock records it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HolderProcess {
    /// The boot of the machine.
    pub boot: String,
    /// The process's number. It only informs people.
    pub pid: u32,
}

/// A file that this process keeps locked until it ends, or until this value is dropped.
pub(super) struct LifeSign {
    path: PathBuf,
    _locked: File,
}

impl LifeSign {
    /// Locks the file of the lock `id`, and returns it with this process. `None` where that is impossible.
    pub fn begin(directory: &Path, id: &str) -> Option<(Self, HolderProcess)> {
        let boot = boot()?;
        let path = file_of(directory, id)?;
        files::directory(directory).ok()?;
        tidy(directory);
        let locked = files::open(&path).ok()?;
        locked.try_lock().ok()?;
        Some((Self { path, _locked: locked }, HolderProcess { boot, pid: std::process::id() }))
    }
}

impl Drop for LifeSign {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

/// Tells whether the run that holds the lock `id` has certainly ended.
pub(super) fn has_ended(directory: &Path, id: &str, process: &HolderProcess) -> bool {
    let Some(path) = file_of(directory, id) else { return false };
    boot().as_ref() == Some(&process.boot) && is_free(&path)
}

/// Removes the file of an ended run.
pub(super) fn forget(directory: &Path, id: &str) {
    if let Some(path) = file_of(directory, id)
        && is_free(&path)
    {
        let _ = fs::remove_file(path);
    }
}

/// Tells whether the file exists and no process keeps it locked.
fn is_free(path: &Path) -> bool {
    let Ok(file) = File::options().write(true).open(path) else { return false };
    match file.try_lock() {
        Ok(()) => true,
        Err(TryLockError::WouldBlock | TryLockError::Error(_)) => false,
    }
}

/// Returns the file of a lock. The id comes from the stored lock, so only an id of ours becomes part of a path.
fn file_of(directory: &Path, id: &str) -> Option<PathBuf> {
    let is_ours = !id.is_empty() && id.len() <= 64 && id.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_ours.then(|| directory.join(id))
}

fn boot() -> Option<String> {
    let text = fs::read_to_string(BOOT_ID).ok()?;
    Some(text.trim().to_owned()).filter(|id| !id.is_empty())
}

fn tidy(directory: &Path) {
    let is_old = |path: &Path| {
        let changed = fs::metadata(path).and_then(|found| found.modified()).ok();
        changed.and_then(|then| SystemTime::now().duration_since(then).ok()).is_some_and(|age| age > KEPT)
    };
    let entries = fs::read_dir(directory).into_iter().flatten().flatten().map(|entry| entry.path());
    for path in entries.filter(|path| is_old(path) && is_free(path)) {
        let _ = fs::remove_file(path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_has_ended_once_its_file_is_free_and_not_where_there_is_none() {
        let dir = tempfile::tempdir().unwrap();
        let Some((sign, process)) = LifeSign::begin(dir.path(), "0a1b") else {
            assert!(boot().is_none(), "only a machine without a boot id has no signs");
            return;
        };
        assert!(!has_ended(dir.path(), "0a1b", &process), "it lives");
        let (path, file) = (dir.path().join("0a1b"), sign._locked.try_clone().unwrap());
        drop(sign);
        assert!(!path.exists() && !has_ended(dir.path(), "0a1b", &process), "a released lock leaves no file");
        drop(file);
        fs::write(&path, "").unwrap();
        assert!(has_ended(dir.path(), "0a1b", &process), "a killed run leaves its file free");
        let elsewhere = HolderProcess { boot: "another boot".to_owned(), ..process.clone() };
        assert!(!has_ended(dir.path(), "0a1b", &elsewhere));
        forget(dir.path(), "0a1b");
        assert!(!path.exists());
        fs::write(dir.path().join("state"), "").unwrap();
        for strange in ["../state", "", "state"] {
            assert!(!has_ended(dir.path(), strange, &process), "{strange}");
        }
    }
}
