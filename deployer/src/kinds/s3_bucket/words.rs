//! Effects of an update that the properties themselves do not show.

use super::{Bucket, LifecycleRule};

/// A note on a deletion without `force_destroy`.
pub(super) const EMPTY_ALONE: &str =
    "S3 deletes only an empty bucket. `force_destroy: true` would delete its objects first";

/// Tells the objects that an update deletes, those that it no longer protects, and those that stay from now on.
pub(super) fn remarks(live: &Bucket, want: &Bucket) -> Vec<String> {
    let mut remarks = Vec::new();
    if live.versioning && !want.versioning {
        remarks.push("S3 keeps the old versions and makes no new ones: objects that are overwritten or deleted from now on are lost".to_owned());
    }
    for rule in &want.lifecycle_rules {
        remarks.extend(deletions(rule, live).into_iter().map(|lost| format!("lost for good within days: {lost}")));
    }
    let ends = |rule: &&LifecycleRule| !want.lifecycle_rules.iter().any(|wanted| wanted.id == rule.id);
    for rule in live.lifecycle_rules.iter().filter(ends) {
        remarks.push(format!("the lifecycle rule `{}` ends: {}", rule.id, effects(rule).join(", ")));
    }
    remarks
}

/// Describes the objects of `live` that a rule deletes earlier than any rule before.
fn deletions(rule: &LifecycleRule, live: &Bucket) -> Vec<String> {
    let is_new = |days: fn(&LifecycleRule) -> Option<u32>| {
        let wanted = days(rule).filter(|_| rule.enabled)?;
        let covers = |known: &&LifecycleRule| known.enabled && rule.prefix.starts_with(&known.prefix);
        let before = live.lifecycle_rules.iter().filter(covers).filter(|known| known.beyond.is_empty());
        before.filter_map(days).all(|before| before > wanted).then_some(wanted)
    };
    let of = prefix(rule);
    // With versioning, S3 keeps an expired object as an old version.
    let current = is_new(|rule| rule.expiration_days).filter(|_| !live.versioning);
    let current = current.map(|days| format!("objects{of} older than {days} days"));
    let old = is_new(|rule| rule.noncurrent_version_expiration_days);
    let old = old.map(|days| format!("versions of objects{of} that were replaced more than {days} days ago"));
    current.into_iter().chain(old).collect()
}

/// Describes a rule that ends.
fn effects(rule: &LifecycleRule) -> Vec<String> {
    let of = prefix(rule);
    let mut effects = Vec::new();
    effects.extend(rule.expiration_days.map(|days| format!("objects{of} stay longer than {days} days")));
    let old = rule.noncurrent_version_expiration_days;
    effects.extend(old.map(|days| format!("old versions of objects{of} stay longer than {days} days")));
    let parts = rule.abort_incomplete_multipart_upload_days;
    effects.extend(
        parts.map(|days| format!("parts of uploads{of} that were never completed stay longer than {days} days")),
    );
    if !rule.beyond.is_empty() {
        effects.push(format!("it has {}, which stack.yaml cannot state", rule.beyond.join(", ")));
    }
    effects
}

fn prefix(rule: &LifecycleRule) -> String {
    if rule.prefix.is_empty() { String::new() } else { format!(" under `{}`", rule.prefix) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(id: &str, days: u32) -> LifecycleRule {
        LifecycleRule {
            id: id.into(),
            enabled: true,
            prefix: "tmp/".into(),
            expiration_days: Some(days),
            ..LifecycleRule::default()
        }
    }

    fn bucket(versioning: bool, rules: &[LifecycleRule]) -> Bucket {
        Bucket { versioning, lifecycle_rules: rules.to_vec(), ..Bucket::blank("files") }
    }

    #[test]
    fn a_rule_that_deletes_objects_earlier_says_so_and_one_that_deletes_later_does_not() {
        let (none, old) = (bucket(false, &[]), bucket(false, &[rule("a", 30)]));
        let lost = ["lost for good within days: objects under `tmp/` older than 30 days"];
        assert_eq!(remarks(&none, &old), lost);
        assert_eq!(remarks(&bucket(false, &[rule("a", 60)]), &old), lost);
        assert_eq!(remarks(&bucket(false, &[rule("a", 10)]), &old), [""; 0]);
        let all = LifecycleRule { prefix: String::new(), ..rule("b", 30) };
        let both = bucket(false, &[rule("a", 30), all.clone()]);
        assert_eq!(remarks(&bucket(false, &[all]), &both), [""; 0], "a rule for all objects deletes these already");
    }

    #[test]
    fn rules_and_versions_of_a_bucket_that_stack_yaml_does_not_state_are_not_lost_in_silence() {
        let moved = LifecycleRule { beyond: vec!["transitions".into()], expiration_days: None, ..rule("b", 1) };
        let live = bucket(true, &[rule("a", 30), moved]);
        assert_eq!(
            remarks(&live, &bucket(false, &[])),
            [
                "S3 keeps the old versions and makes no new ones: objects that are overwritten or deleted from now on are lost",
                "the lifecycle rule `a` ends: objects under `tmp/` stay longer than 30 days",
                "the lifecycle rule `b` ends: it has transitions, which stack.yaml cannot state",
            ]
        );
    }
}
