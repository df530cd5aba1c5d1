//! The objects of buckets that call a function: `events: [ { bucket: uploads, prefix: in/ } ]`.

use std::collections::BTreeMap;

use super::{EventElement, FunctionElement};
use crate::spec::finding::Findings;
use crate::spec::sections::notifying::{self, Notice};
use crate::spec::sections::{LoweredStack, Scope, reference};

fn notice<'e>(event: &'e EventElement, function_arn: &'e str) -> Notice<'e> {
    let (prefix, suffix) = (event.prefix.as_deref(), event.suffix.as_deref());
    Notice { receiver: ("function", function_arn), events: &event.events, prefix, suffix }
}

/// Checks the events of buckets.
pub(super) fn check(element: &FunctionElement, at: &Scope<'_>, findings: &mut Findings) {
    for (index, event) in element.events.iter().enumerate().filter(|(_, event)| event.bucket.is_some()) {
        notice(event, "").check(&at.path(["events".to_owned(), index.to_string()]), findings);
    }
}

/// Adds the notices of buckets. S3 cannot pause a notification, so one that is not enabled is left out.
pub(super) fn lower(element: &FunctionElement, at: &Scope<'_>, out: &mut LoweredStack) {
    let arn = reference(&at.element(), "arn");
    let mut by_bucket: BTreeMap<&str, Vec<Notice<'_>>> = BTreeMap::new();
    for event in element.events.iter().filter(|event| event.enabled) {
        if let Some(bucket) = event.bucket.as_deref() {
            by_bucket.entry(bucket).or_default().push(notice(event, &arn));
        }
    }
    for (bucket, notices) in by_bucket {
        notifying::add(at, bucket, &notices, false, out);
    }
}
