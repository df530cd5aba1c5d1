//! Lifecycle rules, in the SDK's form and in the spec's.

use aws_sdk_s3::types::{
    AbortIncompleteMultipartUpload, BucketLifecycleConfiguration, ExpirationStatus, LifecycleExpiration,
    LifecycleRule as SdkRule, LifecycleRuleFilter, NoncurrentVersionExpiration,
};

use super::setting::shape;
use super::{Bucket, LifecycleRule};
use crate::aws::{Aws, AwsError};

/// Writes the lifecycle rules. S3 refuses a configuration without rules, so that is DeleteBucketLifecycle.
pub(super) async fn write(aws: &Aws, want: &Bucket) -> Result<(), AwsError> {
    let s3 = &aws.clients.s3;
    if want.lifecycle_rules.is_empty() {
        let call = s3.delete_bucket_lifecycle().bucket(&want.bucket);
        return aws.call("s3:DeleteBucketLifecycle", call.send()).await.map(drop);
    }
    let rules = want.lifecycle_rules.iter().map(sdk_rule).collect::<Result<Vec<_>, _>>()?;
    let lifecycle = BucketLifecycleConfiguration::builder().set_rules(Some(rules)).build();
    let call = s3.put_bucket_lifecycle_configuration().bucket(&want.bucket);
    let call = call.lifecycle_configuration(lifecycle.map_err(|e| shape("lifecycle rules", &e))?);
    aws.call("s3:PutBucketLifecycleConfiguration", call.send()).await.map(drop)
}

fn sdk_rule(rule: &LifecycleRule) -> Result<SdkRule, AwsError> {
    let days = |days: u32| i32::try_from(days).unwrap_or(i32::MAX);
    let status = if rule.enabled { ExpirationStatus::Enabled } else { ExpirationStatus::Disabled };
    SdkRule::builder()
        .id(&rule.id)
        .status(status)
        .filter(LifecycleRuleFilter::builder().prefix(&rule.prefix).build())
        .set_expiration(rule.expiration_days.map(|n| LifecycleExpiration::builder().days(days(n)).build()))
        .set_noncurrent_version_expiration(
            rule.noncurrent_version_expiration_days
                .map(|n| NoncurrentVersionExpiration::builder().noncurrent_days(days(n)).build()),
        )
        .set_abort_incomplete_multipart_upload(
            rule.abort_incomplete_multipart_upload_days
                .map(|n| AbortIncompleteMultipartUpload::builder().days_after_initiation(days(n)).build()),
        )
        .build()
        .map_err(|e| shape(&rule.id, &e))
}

pub(super) fn observed_rules(live: Vec<SdkRule>) -> Vec<LifecycleRule> {
    let mut rules: Vec<LifecycleRule> = live.into_iter().map(observed_rule).collect();
    rules.sort_by(|a, b| a.id.cmp(&b.id));
    rules
}

fn observed_rule(live: SdkRule) -> LifecycleRule {
    let days = |days: Option<i32>| days.and_then(|n| u32::try_from(n).ok());
    let beyond = beyond(&live);
    #[expect(deprecated, reason = "rules of old buckets still have their prefix there")]
    let prefix = live.filter.and_then(|filter| filter.prefix.or(filter.and.and_then(|and| and.prefix))).or(live.prefix);
    LifecycleRule {
        beyond,
        id: live.id.unwrap_or_default(),
        enabled: live.status == ExpirationStatus::Enabled,
        prefix: prefix.unwrap_or_default(),
        expiration_days: days(live.expiration.and_then(|e| e.days)),
        noncurrent_version_expiration_days: days(live.noncurrent_version_expiration.and_then(|e| e.noncurrent_days)),
        abort_incomplete_multipart_upload_days: days(
            live.abort_incomplete_multipart_upload.and_then(|a| a.days_after_initiation),
        ),
    }
}

/// Names the actions of a live rule that the spec cannot state.
fn beyond(live: &SdkRule) -> Vec<String> {
    let filter = live.filter.as_ref();
    let and = filter.and_then(|f| f.and.as_ref());
    let expiration = live.expiration.as_ref();
    let kept = live.noncurrent_version_expiration.as_ref().and_then(|e| e.newer_noncurrent_versions);
    [
        ("transitions", live.transitions.as_ref().is_some_and(|t| !t.is_empty())),
        ("noncurrent_version_transitions", live.noncurrent_version_transitions.as_ref().is_some_and(|t| !t.is_empty())),
        ("filter.tag", filter.is_some_and(|f| f.tag.is_some()) || and.is_some_and(|a| a.tags.is_some())),
        (
            "filter.object_size",
            filter.is_some_and(|f| f.object_size_greater_than.is_some() || f.object_size_less_than.is_some())
                || and.is_some_and(|a| a.object_size_greater_than.is_some() || a.object_size_less_than.is_some()),
        ),
        ("expiration.date", expiration.is_some_and(|e| e.date.is_some())),
        (
            "expiration.expired_object_delete_marker",
            expiration.is_some_and(|e| e.expired_object_delete_marker == Some(true)),
        ),
        ("noncurrent_version_expiration.newer_noncurrent_versions", kept.is_some()),
    ]
    .into_iter()
    .filter(|(_, is_there)| *is_there)
    .map(|(what, _)| what.to_owned())
    .collect()
}

#[cfg(test)]
mod tests {
    use aws_sdk_s3::types::Transition;

    use super::*;

    fn rule() -> LifecycleRule {
        LifecycleRule { id: "old".into(), enabled: true, expiration_days: Some(30), ..LifecycleRule::default() }
    }

    #[test]
    fn a_rule_reads_back_as_it_was_stated() {
        for want in [
            rule(),
            LifecycleRule { enabled: false, prefix: "32/".into(), ..rule() },
            LifecycleRule {
                expiration_days: None,
                noncurrent_version_expiration_days: Some(90),
                abort_incomplete_multipart_upload_days: Some(7),
                ..rule()
            },
        ] {
            assert_eq!(observed_rule(sdk_rule(&want).unwrap()), want);
        }
    }

    #[test]
    fn what_a_live_rule_does_beyond_the_spec_is_a_difference() {
        let mut live = sdk_rule(&rule()).unwrap();
        live.transitions = Some(vec![Transition::builder().days(10).build()]);
        assert_eq!(observed_rule(live).beyond, ["transitions"]);
    }

    #[test]
    fn rules_are_sorted_by_their_ids() {
        let named = |id: &str| sdk_rule(&LifecycleRule { id: id.into(), ..rule() }).unwrap();
        let ids: Vec<_> = observed_rules(vec![named("b"), named("a")]).into_iter().map(|r| r.id).collect();
        assert_eq!(ids, ["a", "b"]);
    }
}
