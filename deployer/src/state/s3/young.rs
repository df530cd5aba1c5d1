//! Wrong answers about a bucket whose settings are new.
//!
//! After versioning is switched on for the first time, S3 may report for some minutes that an object written since does
//! not exist. A new bucket may be unknown to some of S3's servers (S3 user guide, "Enabling versioning on buckets"). A
//! lock that seems to be missing would stop the run, so a read of an object that this run wrote is repeated before its
//! absence is believed. A lock that another run took over is still recognised: it appears as another version, not as
//! missing.

use std::collections::BTreeSet;
use std::future::Future;
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::aws::AwsError;
use crate::mutex::lock;

/// How long S3 advises to wait after versioning was switched on.
const YOUTH: Duration = Duration::from_secs(15 * 60);
/// How long a reported absence is doubted.
const DOUBT: Duration = Duration::from_secs(30);
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(3);

/// The age of the bucket, if this run created it, and the keys that this run wrote.
#[derive(Default)]
pub(super) struct Young(Mutex<BucketWrites>);

#[derive(Default)]
struct BucketWrites {
    /// When this run created the bucket or switched its versioning on; `None` if it did neither.
    since: Option<Instant>,
    written: BTreeSet<String>,
}

impl Young {
    fn writes(&self) -> MutexGuard<'_, BucketWrites> {
        lock(&self.0)
    }

    /// Marks the bucket as new from now on.
    pub(super) fn begin(&self) {
        self.writes().since = Some(Instant::now());
    }

    pub(super) fn wrote(&self, key: &str) {
        self.writes().written.insert(key.to_owned());
    }

    pub(super) fn note_deleted(&self, key: &str) {
        self.writes().written.remove(key);
    }

    fn is_young(&self) -> bool {
        self.writes().since.is_some_and(|since| since.elapsed() < YOUTH)
    }

    fn is_own(&self, key: &str) -> bool {
        self.writes().written.contains(key)
    }

    /// Repeats a call for `key` while its answer may be wrong: that a new bucket does not exist, or that an object
    /// which this run wrote is `gone`.
    pub(super) async fn repeat_until_settled<T, F>(
        &self,
        key: &str,
        mut call: impl FnMut() -> F,
        gone: impl Fn(&Result<T, AwsError>) -> bool,
    ) -> Result<T, AwsError>
    where
        F: Future<Output = Result<T, AwsError>>,
    {
        let began = Instant::now();
        let mut pause = FIRST_PAUSE;
        loop {
            let answer = call().await;
            let unknown = matches!(&answer, Err(error) if error.is(&["NoSuchBucket"]));
            let doubtful = unknown || (gone(&answer) && self.is_own(key));
            if !doubtful || !self.is_young() || began.elapsed() + pause > DOUBT {
                return answer;
            }
            sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }
}
