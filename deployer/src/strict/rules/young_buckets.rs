//! Buckets that are new, and buckets whose versioning is new.

use std::collections::{BTreeSet, HashMap};
use std::sync::Mutex;
use std::time::Duration;

use futures::future::{BoxFuture, FutureExt, ready};

use super::super::place::Key;
use super::super::{About, Answer, Call, Off, Place, Refusal, Rule};
use super::bucket_names::aborted;
use crate::mutex::lock;

/// How long some of S3's servers do not know a new bucket.
const NEW: Duration = Duration::from_secs(5);
/// One request in so many meets such a server, the first one among them.
const UNKNOWN_TO: u32 = 3;
/// How long S3 advises to wait after versioning was switched on.
const SPREADS: Duration = Duration::from_secs(15 * 60);
/// One request in so many for an object that was written since then.
const MISSED_BY: u32 = 20;

/// Reports some new buckets, and some objects in buckets that keep versions since a short time, as missing.
#[derive(Default)]
pub struct YoungBuckets {
    buckets: Mutex<HashMap<Key, Youth>>,
}

/// What is new about a bucket.
#[derive(Default)]
struct Youth {
    created: Duration,
    /// The requests about the bucket since.
    asked: u32,
    /// The refusals of writes since.
    refused: u32,
    /// When versioning was switched on for the first time.
    versioned: Option<Duration>,
    /// The keys that were written since then.
    written: BTreeSet<String>,
    /// The requests about these objects.
    asked_for: u32,
}

impl Youth {
    fn is_over(&self, place: Place<'_>) -> bool {
        place.is_over(self.created, SPREADS) && self.versioned.is_none_or(|since| place.is_over(since, SPREADS))
    }
}

impl Rule for YoungBuckets {
    fn about(&self) -> About {
        About {
            name: "young-buckets",
            summary: "some requests do not find a bucket that is 5 s old, or an object that was written within 15 \
                      min after versioning was switched on",
            source: "S3 User Guide, \"Enabling versioning on buckets\" and \"Amazon S3 data consistency model\"; its \
                     model, PutBucketVersioning",
        }
    }

    fn off(&self) -> Option<Off> {
        Some(Off::because("a run that follows within seconds may take a bucket for deleted"))
    }

    fn before<'a>(&'a self, call: &'a Call, place: Place<'a>) -> BoxFuture<'a, Option<Refusal>> {
        ready(self.refusal(call, place)).boxed()
    }

    fn after<'a>(&'a self, call: &'a Call, answer: &'a mut Answer, place: Place<'a>) -> BoxFuture<'a, ()> {
        if answer.is_success() && call.service == "S3" {
            self.learn(call, place);
        }
        ready(()).boxed()
    }
}

impl YoungBuckets {
    fn refusal(&self, call: &Call, place: Place<'_>) -> Option<Refusal> {
        if call.service != "S3" || ["CreateBucket", "HeadBucket"].contains(&call.operation) {
            return None;
        }
        let mut buckets = lock(&self.buckets);
        let youth = buckets.get_mut(&place.global(call.text("Bucket")))?;
        if !place.is_over(youth.created, NEW) {
            youth.asked += 1;
            if youth.asked % UNKNOWN_TO == 1 {
                return Some(unknown(call, youth));
            }
        }
        let since = youth.versioned?;
        let asks = call.operation == "GetObject" || !call.text("IfMatch").is_empty();
        if asks && !place.is_over(since, SPREADS) && youth.written.contains(call.text("Key")) {
            youth.asked_for += 1;
            if youth.asked_for % MISSED_BY == 1 {
                return Some(Refusal::with_status(404, "NoSuchKey", "The specified key does not exist."));
            }
        }
        None
    }

    fn learn(&self, call: &Call, place: Place<'_>) {
        let (name, key) = (place.global(call.text("Bucket")), call.text("Key").to_owned());
        let mut buckets = lock(&self.buckets);
        match call.operation {
            "CreateBucket" => {
                buckets.retain(|_, youth| !youth.is_over(place));
                // S3 answers 200 in us-east-1 if the bucket exists.
                buckets.entry(name).or_insert_with(|| Youth { created: place.now, ..Youth::default() });
            }
            "DeleteBucket" => {
                buckets.remove(&name);
            }
            "PutBucketVersioning" if call.input["VersioningConfiguration"]["Status"] == "Enabled" => {
                if let Some(youth) = buckets.get_mut(&name) {
                    youth.versioned.get_or_insert(place.now);
                }
            }
            "PutObject" => {
                if let Some(youth) = buckets.get_mut(&name).filter(|youth| youth.versioned.is_some()) {
                    youth.written.insert(key);
                }
            }
            "DeleteObject" => {
                if let Some(youth) = buckets.get_mut(&name) {
                    youth.written.remove(&key);
                }
            }
            _ => {}
        }
    }
}

/// Returns the answer of a server that does not know the bucket, or, for every second write of a setting, that still
/// creates it.
fn unknown(call: &Call, youth: &mut Youth) -> Refusal {
    if call.operation.starts_with("Put") && call.operation != "PutObject" {
        youth.refused += 1;
        if youth.refused.is_multiple_of(2) {
            return aborted();
        }
    }
    Refusal::with_status(404, "NoSuchBucket", "The specified bucket does not exist")
}
