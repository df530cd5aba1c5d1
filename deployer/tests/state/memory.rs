//! Objects in memory, reached over links that can be made to fail.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use deployer::aws::{AwsError, Cause, Place};
use deployer::state::objects::{Condition, Object, ObjectError, Objects, Version};
use futures::future::{BoxFuture, FutureExt};
use tokio::time::{Instant, sleep};

/// Duration of a write.
const WRITE: Duration = Duration::from_millis(50);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The write happens, its answer is lost, and the SDK's retry conflicts with it.
    Echo,
    /// The write happens, and its answer never arrives.
    Unanswered,
    /// The write does not happen.
    Unreachable,
}

/// A server for several links.
pub struct Server {
    objects: Mutex<BTreeMap<String, StoredObject>>,
    writes: Mutex<Vec<(String, Vec<u8>)>>,
    began: Instant,
}

/// An object's bytes, version and time.
type StoredObject = (Vec<u8>, u64, SystemTime);

/// The connection of one run to the server.
pub struct Link {
    server: Arc<Server>,
    faults: Mutex<Vec<(&'static str, Fault)>>,
    cut: Mutex<bool>,
}

impl Server {
    pub fn new() -> Arc<Self> {
        Arc::new(Self { objects: Mutex::default(), writes: Mutex::default(), began: Instant::now() })
    }

    pub fn link(self: &Arc<Self>) -> Arc<Link> {
        Arc::new(Link { server: self.clone(), faults: Mutex::default(), cut: Mutex::default() })
    }

    pub fn bytes(&self, key: &str) -> Option<Vec<u8>> {
        self.objects.lock().unwrap().get(key).map(|(bytes, ..)| bytes.clone())
    }

    pub fn set(&self, key: &str, bytes: &[u8]) {
        let version = self.next_version();
        self.objects.lock().unwrap().insert(key.into(), (bytes.to_vec(), version, self.now()));
    }

    /// Returns how often `key` was written.
    pub fn writes(&self, key: &str) -> usize {
        self.writes.lock().unwrap().iter().filter(|(written, _)| written == key).count()
    }

    /// Returns the time in whole seconds, as S3 does.
    fn now(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000 + self.began.elapsed().as_secs())
    }

    fn next_version(&self) -> u64 {
        self.writes.lock().unwrap().len() as u64 + 1_000 * self.began.elapsed().as_millis() as u64
    }

    fn holds(&self, key: &str, condition: &Condition) -> bool {
        let found = self.objects.lock().unwrap().get(key).map(|(_, version, _)| Version(version.to_string()));
        match condition {
            Condition::Absent => found.is_none(),
            Condition::Matches(version) => found.as_ref() == Some(version),
        }
    }

    fn put(&self, key: &str, bytes: Vec<u8>) -> Version {
        self.writes.lock().unwrap().push((key.into(), bytes.clone()));
        let version = self.next_version();
        self.objects.lock().unwrap().insert(key.into(), (bytes, version, self.now()));
        Version(version.to_string())
    }
}

impl Link {
    /// Makes the next write of a key that ends with `key` fail.
    pub fn fail(&self, key: &'static str, fault: Fault) {
        self.faults.lock().unwrap().push((key, fault));
    }

    /// Cuts the link, or restores it.
    pub fn cut(&self, cut: bool) {
        *self.cut.lock().unwrap() = cut;
    }

    fn take_fault(&self, key: &str) -> Option<Fault> {
        let mut faults = self.faults.lock().unwrap();
        let index = faults.iter().position(|(end, _)| key.ends_with(end))?;
        Some(faults.remove(index).1)
    }

    fn reach(&self) -> Result<(), ObjectError> {
        if *self.cut.lock().unwrap() { Err(silence()) } else { Ok(()) }
    }
}

fn silence() -> ObjectError {
    ObjectError::Aws(AwsError::Transport {
        operation: "s3:PutObject",
        message: "no answer".into(),
        cause: Cause::Network,
    })
}

impl Objects for Link {
    fn get<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<Option<Object>, ObjectError>> {
        async move {
            self.reach()?;
            let found = self.server.objects.lock().unwrap().get(key).cloned();
            Ok(found.map(|(bytes, version, modified)| Object {
                bytes,
                version: Version(version.to_string()),
                modified,
                server_now: self.server.now(),
            }))
        }
        .boxed()
    }

    fn put<'a>(
        &'a self,
        key: &'a str,
        bytes: Vec<u8>,
        condition: &'a Condition,
    ) -> BoxFuture<'a, Result<Version, ObjectError>> {
        async move {
            sleep(WRITE).await;
            self.reach()?;
            let fault = self.take_fault(key);
            if fault == Some(Fault::Unreachable) {
                return Err(silence());
            }
            if !self.server.holds(key, condition) {
                return Err(ObjectError::Conflict);
            }
            let version = self.server.put(key, bytes);
            match fault {
                Some(Fault::Echo) => Err(ObjectError::Conflict),
                Some(Fault::Unanswered) => Err(silence()),
                _ => Ok(version),
            }
        }
        .boxed()
    }

    fn delete<'a>(&'a self, key: &'a str, if_match: Option<&'a Version>) -> BoxFuture<'a, Result<(), ObjectError>> {
        async move {
            self.reach()?;
            if if_match.is_some_and(|version| !self.server.holds(key, &Condition::Matches(version.clone()))) {
                return Err(ObjectError::Conflict);
            }
            self.server.objects.lock().unwrap().remove(key);
            if self.take_fault(&format!("delete {key}")) == Some(Fault::Echo) {
                return Err(ObjectError::Conflict);
            }
            Ok(())
        }
        .boxed()
    }

    fn list<'a>(&'a self, prefix: &'a str) -> BoxFuture<'a, Result<Vec<String>, ObjectError>> {
        async move {
            self.reach()?;
            let objects = self.server.objects.lock().unwrap();
            Ok(objects.keys().filter(|key| key.starts_with(prefix)).cloned().collect())
        }
        .boxed()
    }

    fn create_place<'a>(&'a self, _: &'a Place) -> BoxFuture<'a, Result<(), ObjectError>> {
        async { Ok(()) }.boxed()
    }

    fn describe(&self, key: &str) -> String {
        format!("memory://{key}")
    }
}
