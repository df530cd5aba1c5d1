//! The names of buckets.

use std::collections::HashMap;
use std::net::Ipv4Addr;
use std::sync::Mutex;
use std::time::Duration;

use futures::future::{BoxFuture, FutureExt, ready};

use super::super::place::Key;
use super::super::{About, Answer, Call, Place, Refusal, Rule};
use crate::mutex::lock;

/// AWS promises no time. A deployer that replaces a bucket has seen minutes.
const TAKEN: Duration = Duration::from_secs(30);
/// From this many deleted names on, those that are free again are dropped.
const MANY: usize = 1000;

/// Refuses names that S3 does not take, and the names of deleted buckets for a while.
#[derive(Default)]
pub struct BucketNames {
    deleted: Mutex<HashMap<Key, Duration>>,
}

impl Rule for BucketNames {
    fn about(&self) -> About {
        About {
            name: "bucket-names",
            summary: "a bucket's name has 3 to 63 lower-case letters, digits, dots and hyphens, and stays taken for \
                      some 30 s after its bucket was deleted",
            source: "S3 User Guide, \"General purpose bucket naming rules\" and \"Deleting a general purpose bucket\"; \
                     OperationAborted",
        }
    }

    fn before<'a>(&'a self, call: &'a Call, place: Place<'a>) -> BoxFuture<'a, Option<Refusal>> {
        ready(self.refusal(call, place)).boxed()
    }

    fn after<'a>(&'a self, call: &'a Call, answer: &'a mut Answer, place: Place<'a>) -> BoxFuture<'a, ()> {
        if answer.is_success() && call.is("S3", &["DeleteBucket"]) {
            let mut deleted = lock(&self.deleted);
            if deleted.len() > MANY {
                deleted.retain(|_, since| !place.is_over(*since, TAKEN));
            }
            deleted.insert(place.global(call.text("Bucket")), place.now);
        }
        ready(()).boxed()
    }
}

impl BucketNames {
    fn refusal(&self, call: &Call, place: Place<'_>) -> Option<Refusal> {
        if !call.is("S3", &["CreateBucket"]) {
            return None;
        }
        let name = call.text("Bucket");
        if !is_bucket_name(name) {
            return Some(Refusal::invalid("InvalidBucketName", "The specified bucket is not valid."));
        }
        let constraint = call.input["CreateBucketConfiguration"]["LocationConstraint"].as_str();
        if let Some(refusal) = misplaced(constraint, place.region) {
            return Some(refusal);
        }
        let since = lock(&self.deleted).get(&place.global(name)).copied()?;
        (!place.is_over(since, TAKEN)).then(aborted)
    }
}

/// Returns S3's answer to a request that meets another one about the same bucket.
pub fn aborted() -> Refusal {
    let message =
        "A conflicting conditional operation is currently in progress against this resource. Please try again.";
    Refusal::with_status(409, "OperationAborted", message)
}

fn is_bucket_name(name: &str) -> bool {
    let is_inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let ends = |name: &str| name.bytes().next().is_some_and(is_inner) && name.bytes().last().is_some_and(is_inner);
    let reserved = ["xn--", "sthree-", "amzn-s3-demo-"].iter().any(|prefix| name.starts_with(prefix))
        || ["-s3alias", "--ol-s3", "--x-s3", "--table-s3", ".mrap"].iter().any(|suffix| name.ends_with(suffix));
    (3..=63).contains(&name.len())
        && name.bytes().all(|byte| is_inner(byte) || byte == b'.' || byte == b'-')
        && ends(name)
        && !name.contains("..")
        && name.parse::<Ipv4Addr>().is_err()
        && !reserved
}

/// Judges the region of a new bucket: us-east-1 takes no constraint, and every other region its own.
fn misplaced(constraint: Option<&str>, region: &str) -> Option<Refusal> {
    match (constraint, region) {
        (Some("us-east-1"), _) => {
            let message = "The specified location-constraint is not valid";
            Some(Refusal::invalid("InvalidLocationConstraint", message))
        }
        // The endpoint of us-east-1 takes every region.
        (_, "us-east-1") => None,
        (Some(constraint), region) if constraint == region || (constraint, region) == ("EU", "eu-west-1") => None,
        (constraint, _) => {
            let constraint = constraint.unwrap_or("unspecified");
            let message = format!(
                "The {constraint} location constraint is incompatible for the region specific endpoint this request \
                 was sent to."
            );
            Some(Refusal::invalid("IllegalLocationConstraintException", message))
        }
    }
}
