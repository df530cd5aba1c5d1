//! Finds candidates by name, for resources that the tagging API does not list.

use futures::future::join_all;
use serde_json::Value;

use super::by_arn::Candidate;
use crate::aws::Aws;
use crate::kinds::{AnyKind, FoundResource, REGISTRY};

/// Lists resources with this stack's default names: roles, and on a local AWS also the kinds that its tagging API does
/// not list. A failed listing counts as empty.
pub(super) async fn alike(aws: &Aws, stack: &str, env: Option<&str>) -> Vec<Candidate> {
    let begins = format!("{stack}-");
    let begins = begins.as_str();
    let found = join_all(REGISTRY.iter().map(|kind| async move {
        let found = kind.named_like(aws, begins).await.unwrap_or_default();
        candidates(*kind, found)
    }));
    // In an environment every name ends in the environment's, or has it before a part's suffix.
    let told_by_tags = |found: &FoundResource<Value>| found.spec.is_none() || found.address.is_some();
    let is_of_env = |found: &FoundResource<Value>| env.is_none_or(|env| told_by_tags(found) || found.id.contains(env));
    found.await.into_iter().flatten().filter(|candidate| is_of_env(&candidate.found)).collect()
}

/// Lists the resources that are part of an orphan of `kind` with this id. A failed listing counts as empty.
pub(super) async fn parts(aws: &Aws, kind: &str, id: &str) -> Vec<Candidate> {
    let parts = REGISTRY.iter().filter(|part| part.about().part_of() == Some(kind));
    let found = join_all(parts.map(|part| async move {
        let found = part.parts_of(aws, id).await.unwrap_or_default();
        candidates(*part, found)
    }));
    found.await.into_iter().flatten().collect()
}

fn candidates(kind: &'static dyn AnyKind, found: Vec<FoundResource<Value>>) -> Vec<Candidate> {
    found.into_iter().map(|found| Candidate { kind, found }).collect()
}

/// Tells whether a resource in no region, such as a role, certainly belongs to a stack in `region`: a stack of the same
/// name in another region may own it. Its policies must name this region and no other. Something must also tie it to the
/// region: an orphan there that uses it (`is_used`), or its log group.
pub(super) fn is_of(policies: Vec<&Value>, region: &str, is_used: bool) -> bool {
    let (mut here, mut elsewhere, mut log_group) = (false, false, false);
    for text in texts(policies) {
        // An ARN with an empty region field names no region; one with a wildcard there may name others.
        for arn in text.split("arn:").skip(1).filter_map(|arn| arn.split(':').nth(2)) {
            elsewhere |= !arn.is_empty() && arn != region;
        }
        let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '-');
        elsewhere |= words.clone().any(|word| word != region && is_like_a_region(word));
        here |= words.clone().any(|word| word == region);
        log_group |= text.contains(&format!(":logs:{region}:"));
    }
    here && !elsewhere && (is_used || log_group)
}

/// Lists every text value in policies. Leaves out keys.
fn texts(policies: Vec<&Value>) -> Vec<&str> {
    let mut waiting = policies;
    let mut found = Vec::new();
    while let Some(value) = waiting.pop() {
        match value {
            Value::String(text) => found.push(text.as_str()),
            Value::Array(items) => waiting.extend(items),
            Value::Object(map) => waiting.extend(map.values()),
            _ => {}
        }
    }
    found
}

/// Tells whether a word looks like `eu-west-1` or `us-gov-east-1`: two letters, words, a digit.
fn is_like_a_region(word: &str) -> bool {
    let parts: Vec<&str> = word.split('-').collect();
    let [first, middle @ .., last] = parts.as_slice() else { return false };
    let letters = |part: &&str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase());
    first.len() == 2
        && !middle.is_empty()
        && letters(first)
        && middle.iter().all(letters)
        && last.len() == 1
        && last.bytes().all(|b| b.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::kinds::Kind;
    use crate::kinds::iam_role::IamRole;

    const LOGS: &str = "arn:aws:logs:eu-west-1:1:log-group:/aws/lambda/shop-worker:*";
    const QUEUE: &str = "arn:aws:sqs:eu-west-1:1:orders";

    fn role(on: &[&str]) -> Value {
        let statement = json!([{ "Effect": "Allow", "Action": "*", "Resource": on }]);
        json!({ "inline_policies": { "permissions": { "Statement": statement } }, "assume_role_policy": {}, "tags": {} })
    }

    fn is_of(role: &Value, region: &str, is_used: bool) -> bool {
        super::is_of(IamRole::ABOUT.policies(role), region, is_used)
    }

    #[test]
    fn a_role_of_this_region_alone_is_told_by_its_log_group_or_its_function() {
        let is = |on: &[&str], has_function: bool| is_of(&role(on), "eu-west-1", has_function);
        assert!(is(&[LOGS, QUEUE, "arn:aws:s3:::files/*", "arn:aws:iam::1:role/r"], false));
        assert!(is(&[QUEUE], true));
        assert!(!is(&[QUEUE], false), "a role elsewhere may use this queue");
        assert!(!is(&["arn:aws:s3:::files/*", "*"], true), "no region is named");
    }

    #[test]
    fn a_role_that_names_another_region_in_any_way_stays() {
        for other in [
            "arn:aws:logs:us-east-1:1:log-group:/aws/lambda/shop-worker:*",
            "arn:aws:sqs:*:1:orders",
            "arn:aws:sqs:us-*:1:orders",
            "sqs.us-east-1.amazonaws.com",
            "us-gov-east-1",
        ] {
            assert!(!is_of(&role(&[LOGS, other]), "eu-west-1", true), "{other}");
        }
        let mut trusting = role(&[LOGS]);
        trusting["assume_role_policy"] =
            json!({ "Condition": { "ArnLike": { "aws:SourceArn": "arn:aws:lambda:us-east-1:1:function:f" } } });
        assert!(!is_of(&trusting, "eu-west-1", true));
    }
}
