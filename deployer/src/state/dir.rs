//! Objects as files of a directory, with the same conditions as in S3.

use std::fs::{self, File, TryLockError};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use futures::future::{BoxFuture, FutureExt};
use sha2::{Digest, Sha256};

use super::objects::{Condition, Object, ObjectError, Objects, Version};
use crate::aws::Place;
use crate::files;

/// How long to wait for the guard, and how often to try it.
const GUARD_WINDOW: Duration = Duration::from_secs(10);
const GUARD_POLL: Duration = Duration::from_millis(5);

/// Files under one directory; a key is a path below it.
///
/// # Guarantees
/// An exclusive lock on one guard file is held while a condition is checked and the file is written. A file appears
/// whole or not at all and survives a power cut. Only users who may add files to its directory can open it.
#[derive(Clone)]
pub(super) struct Dir {
    root: PathBuf,
    /// Locked around every change. It lies beside the state, so two stacks do not wait for each other.
    guard: PathBuf,
}

impl Dir {
    /// Keeps the file `key`, its copies and its lock under `root`.
    pub(super) fn new(root: PathBuf, key: &str) -> Self {
        let guard = root.join(format!(".{key}.guard"));
        Self { root, guard }
    }

    fn read(&self, key: &str) -> Result<Option<Object>, ObjectError> {
        let path = self.root.join(key);
        let found = (|| {
            let mut file = File::open(&path)?;
            let modified = file.metadata()?.modified()?;
            let mut bytes = Vec::new();
            file.read_to_end(&mut bytes)?;
            Ok((bytes, modified))
        })();
        match found {
            Ok((bytes, modified)) => {
                let version = version_of(&bytes);
                Ok(Some(Object { bytes, version, modified, server_now: self.clock() }))
            }
            Err(error) if is_absent(&error) => Ok(None),
            Err(error) => Err(file_error(&path, &error)),
        }
    }

    /// Reads the file system's own clock, which differs from this machine's on a network drive.
    fn clock(&self) -> SystemTime {
        tempfile::tempfile_in(&self.root)
            .and_then(|file| file.metadata()?.modified())
            .unwrap_or_else(|_| SystemTime::now())
    }

    fn write(&self, key: &str, bytes: &[u8], condition: &Condition) -> Result<Version, ObjectError> {
        let path = self.root.join(key);
        let parent = path.parent().unwrap_or(&self.root);
        files::directory(parent).map_err(|e| file_error(parent, &e))?;
        let _guard = self.guard()?;
        self.check(key, condition)?;
        // The guard makes a fixed name safe: a file that a killed run left there is overwritten.
        let fresh = path.with_added_extension("new");
        replace(&fresh, &path, bytes, files::mode_in(parent)).map_err(|e| file_error(&path, &e))?;
        sync_directory(parent);
        Ok(version_of(bytes))
    }

    fn check(&self, key: &str, condition: &Condition) -> Result<(), ObjectError> {
        let found = self.read(key)?.map(|object| object.version);
        let holds = match condition {
            Condition::Absent => found.is_none(),
            Condition::Matches(version) => found.as_ref() == Some(version),
        };
        if holds { Ok(()) } else { Err(ObjectError::Conflict) }
    }

    fn remove(&self, key: &str, if_match: Option<&Version>) -> Result<(), ObjectError> {
        let path = self.root.join(key);
        if !path.exists() {
            return if if_match.is_some() { Err(ObjectError::Conflict) } else { Ok(()) };
        }
        let _guard = self.guard()?;
        if let Some(version) = if_match {
            self.check(key, &Condition::Matches(version.clone()))?;
        }
        match fs::remove_file(&path) {
            Err(error) if !is_absent(&error) => return Err(file_error(&path, &error)),
            _ => {}
        }
        sync_directory(path.parent().unwrap_or(&self.root));
        Ok(())
    }

    fn keys(&self, prefix: &str) -> Result<Vec<String>, ObjectError> {
        let directory = prefix.rsplit_once('/').map_or("", |(directory, _)| directory);
        let path = self.root.join(directory);
        let entries = match fs::read_dir(&path) {
            Ok(entries) => entries,
            Err(error) if is_absent(&error) => return Ok(Vec::new()),
            Err(error) => return Err(file_error(&path, &error)),
        };
        let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        let keys = names.map(|name| if directory.is_empty() { name } else { format!("{directory}/{name}") });
        Ok(keys.filter(|key| key.starts_with(prefix)).collect())
    }

    fn guard(&self) -> Result<File, ObjectError> {
        let open = files::open_as(&self.guard, files::mode_in(&self.root));
        let file = open.map_err(|e| file_error(&self.guard, &e))?;
        let deadline = Instant::now() + GUARD_WINDOW;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(file),
                // Other processes hold the lock for one write. A process that is suspended during it holds the lock
                // until it continues.
                Err(TryLockError::WouldBlock) if Instant::now() < deadline => std::thread::sleep(GUARD_POLL),
                Err(TryLockError::WouldBlock) => {
                    let message = format!("another process has kept it locked for {} s", GUARD_WINDOW.as_secs());
                    return Err(ObjectError::File { path: self.guard.display().to_string(), message, denied: false });
                }
                Err(TryLockError::Error(error)) => return Err(file_error(&self.guard, &error)),
            }
        }
    }

    /// Runs file operations on a thread that may block.
    fn work<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Self) -> Result<T, ObjectError> + Send + 'static,
    ) -> BoxFuture<'static, Result<T, ObjectError>> {
        let dir = self.clone();
        let path = self.root.display().to_string();
        async move {
            tokio::task::spawn_blocking(move || work(&dir))
                .await
                .unwrap_or_else(|error| Err(ObjectError::File { path, message: error.to_string(), denied: false }))
        }
        .boxed()
    }
}

impl Objects for Dir {
    fn get<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<Option<Object>, ObjectError>> {
        let key = key.to_owned();
        self.work(move |dir| dir.read(&key))
    }

    fn put<'a>(
        &'a self,
        key: &'a str,
        bytes: Vec<u8>,
        condition: &'a Condition,
    ) -> BoxFuture<'a, Result<Version, ObjectError>> {
        let (key, condition) = (key.to_owned(), condition.clone());
        self.work(move |dir| dir.write(&key, &bytes, &condition))
    }

    fn delete<'a>(&'a self, key: &'a str, if_match: Option<&'a Version>) -> BoxFuture<'a, Result<(), ObjectError>> {
        let (key, if_match) = (key.to_owned(), if_match.cloned());
        self.work(move |dir| dir.remove(&key, if_match.as_ref()))
    }

    fn list<'a>(&'a self, prefix: &'a str) -> BoxFuture<'a, Result<Vec<String>, ObjectError>> {
        let prefix = prefix.to_owned();
        self.work(move |dir| dir.keys(&prefix))
    }

    fn create_place<'a>(&'a self, _: &'a Place) -> BoxFuture<'a, Result<(), ObjectError>> {
        async { Ok(()) }.boxed()
    }

    fn describe(&self, key: &str) -> String {
        self.root.join(key).display().to_string()
    }
}

/// Names the content: equal contents have the same version, as with S3's ETag.
fn version_of(bytes: &[u8]) -> Version {
    Version(STANDARD_NO_PAD.encode(Sha256::digest(bytes)))
}

fn replace(fresh: &Path, path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    let mut file = files::create_as(fresh, mode)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(fresh, path)
}

/// Makes a rename or removal durable. Some file systems cannot sync a directory and need no sync.
fn sync_directory(path: &Path) {
    if let Ok(directory) = File::open(path) {
        let _ = directory.sync_all();
    }
}

fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

fn file_error(path: &Path, error: &io::Error) -> ObjectError {
    let denied = matches!(error.kind(), io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem);
    ObjectError::File { path: path.display().to_string(), message: error.to_string(), denied }
}
