//! KMS keys of queues, topics and buckets, and the permissions that their users need.

use serde_json::{Value, json};

use super::{Resource, Resources, SECTIONS};
use crate::kinds;
use crate::spec::document::Document;
use crate::spec::finding::Findings;

/// An AWS managed key. Principals of the account may use it through the key's own service; other services never may.
const OWN: &str = "alias/aws/";

/// A customer managed key, and the service that uses it.
pub(super) struct Key<'a> {
    id: &'a str,
    service: &'static str,
}

impl<'a> Key<'a> {
    pub(super) fn of(resource: &'a Resource) -> Option<Self> {
        let known = SECTIONS.iter().filter_map(|section| section.about().key.as_ref());
        let property = known.into_iter().find(|property| property.kind == resource.kind)?;
        let id = resource.spec.pointer(property.pointer);
        let id = id.and_then(Value::as_str).filter(|id| !id.is_empty() && !id.contains(OWN))?;
        Some(Self { id, service: property.service })
    }

    /// Returns the key of a resource, or else that of the one that it is part of: a stream has the key of its table.
    pub(super) fn within(all: &Resources<'a>, resource: &'a Resource) -> Option<Self> {
        let parent = || {
            let property = kinds::find(resource.kind)?.about().parent_property()?;
            all.resolve(resource.spec.get(property)?)
        };
        Self::of(resource).or_else(|| Self::of(parent()?))
    }

    /// Returns the ARN of the key, if it is known. IAM does not accept an alias in its place.
    pub(super) fn arn(&self) -> Option<String> {
        if self.id.contains("alias/") {
            return None;
        }
        let is_arn = self.id.starts_with("arn:") || self.id.starts_with("${");
        Some(if is_arn { self.id.to_owned() } else { format!("{KEYS}{}", self.id) })
    }

    /// Builds a statement that allows `actions`. A key known only by alias is matched by condition: every key with that
    /// alias, through this service only.
    pub(super) fn statement(&self, actions: &[&str]) -> Value {
        let mut statement = json!({ "Effect": "Allow", "Action": actions, "Resource": self.arn() });
        if statement["Resource"].is_null() {
            let alias = self.id.find("alias/").map_or(self.id, |at| &self.id[at..]);
            statement["Resource"] = json!(format!("{KEYS}*"));
            statement["Condition"] = json!({
                "StringLike": { "kms:ViaService": format!("{}.${{aws.region}}.*", self.service) },
                "ForAnyValue:StringEquals": { "kms:ResourceAliases": alias },
            });
        }
        statement
    }
}

const KEYS: &str = "arn:${aws.partition}:kms:${aws.region}:${aws.account_id}:key/";

/// Tells whether a resource is encrypted with the AWS managed key of its service.
pub(super) fn has_own_key(resource: &Resource) -> bool {
    resource.spec.get("kms_master_key_id").and_then(Value::as_str).is_some_and(|id| id.contains(OWN))
}

/// Actions on encrypted data, and the KMS action that each needs.
const DATA: &[(&str, &str)] = &[
    ("dynamodb:GetItem", "kms:Decrypt"),
    ("dynamodb:PutItem", "kms:Decrypt"),
    ("dynamodb:Query", "kms:Decrypt"),
    ("dynamodb:UpdateItem", "kms:Decrypt"),
    ("s3:GetObject", "kms:Decrypt"),
    ("s3:PutObject", "kms:GenerateDataKey"),
    ("sns:Publish", "kms:GenerateDataKey"),
    ("sqs:ReceiveMessage", "kms:Decrypt"),
    ("sqs:SendMessage", "kms:GenerateDataKey"),
];

/// Reports a role that may use an encrypted resource but may not use any key. A warning only: the key's policy may
/// allow it.
pub(super) fn role(document: &Document, all: &Resources<'_>, role: &Resource, findings: &mut Findings) {
    let statements: Vec<&Value> = list_statements(role).collect();
    let managed = role.spec["managed_policy_arns"].as_array().is_some_and(|arns| !arns.is_empty());
    for (action, needed) in DATA {
        for statement in statements.iter().filter(|statement| allows(statement, action)) {
            let keyed = list(&statement["Resource"]).into_iter().filter_map(|on| all.resolve(on));
            let Some((resource, key)) = keyed.filter_map(|resource| Some((resource, Key::of(resource)?))).next() else {
                continue;
            };
            if managed || statements.iter().any(|statement| allows(statement, needed)) {
                continue;
            }
            let on = key.arn().unwrap_or_else(|| "ARN-OF-THE-KEY".to_owned());
            findings
                .warning(
                    "permission::key",
                    document.find_text(&role.element, &format!("{}.arn", resource.element)),
                    format!("`{action}` on `{}` needs `{needed}` on its KMS key, which this role does not have", resource.address),
                )
                .help(format!("add `{{ allow: [kms:Decrypt, kms:GenerateDataKey], on: \"{on}\" }}`, unless the key's own policy lets the role use it"));
            return;
        }
    }
}

/// Iterates over the statements of a role's inline policies.
pub(super) fn list_statements(role: &Resource) -> impl Iterator<Item = &Value> {
    let documents = role.spec["inline_policies"].as_object().into_iter().flatten();
    documents.flat_map(|(_, document)| list(&document["Statement"]))
}

pub(super) fn allows(statement: &Value, action: &str) -> bool {
    let is_it = |allowed: &Value| {
        let allowed = allowed.as_str().unwrap_or_default();
        allowed == action || allowed.strip_suffix('*').is_some_and(|start| action.starts_with(start))
    };
    statement["Effect"] == "Allow" && list(&statement["Action"]).iter().any(|allowed| is_it(allowed))
}

pub(super) fn list(value: &Value) -> Vec<&Value> {
    match value {
        Value::Array(items) => items.iter().collect(),
        Value::Null => Vec::new(),
        one => vec![one],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::iam_role::PERMISSIONS;
    use crate::pipeline;
    use crate::spec::sections::LoweredStack;
    use crate::spec::source::SourceText;
    use crate::spec::variables::Inputs;

    fn lower(text: &str) -> (LoweredStack, Vec<&'static str>) {
        let text = format!("stack: s\nregion: eu-west-1\n{text}");
        let loaded = pipeline::check(SourceText::new("stack.yaml", text.as_bytes()), &Inputs::default());
        let loaded = loaded.map_err(|failure| failure.findings.0).expect("no error");
        let codes = loaded.warnings.0.iter().map(|finding| finding.code).collect();
        (loaded.document.lower().0, codes)
    }

    fn statements(text: &str) -> Vec<Value> {
        let (lowered, _) = lower(text);
        let role = lowered.resources.into_iter().find(|r| r.address == "functions.f.role").expect("a role");
        let all = role.spec["inline_policies"][PERMISSIONS]["Statement"].as_array().expect("statements").clone();
        all.into_iter().filter(|statement| statement.to_string().contains("kms:")).collect()
    }

    const KEY: &str = "arn:aws:kms:eu-west-1:123456789012:key/1";

    #[test]
    fn a_consumer_may_decrypt_and_a_sender_of_what_failed_may_encrypt() {
        let text = format!(
            "queues:\n  jobs: {{ kms_master_key_id: {KEY}, visibility_timeout: 180s, redrive: {{ max_receive_count: 3 }} }}\n  \
             failed: {{ kms_master_key_id: {KEY}2 }}\nfunctions:\n  \
             f: {{ zip: f.zip, timeout: 30s, dead_letter: \"${{queues.failed.arn}}\", events: [ {{ queue: jobs }} ] }}\n"
        );
        assert_eq!(
            json!(statements(&text)),
            json!([
                { "Effect": "Allow", "Action": ["kms:GenerateDataKey", "kms:Decrypt"], "Resource": format!("{KEY}2") },
                { "Effect": "Allow", "Action": ["kms:Decrypt"], "Resource": KEY },
            ])
        );
    }

    #[test]
    fn of_a_key_that_only_its_alias_names_no_other_is_allowed_and_awss_own_key_needs_nothing() {
        let stack = |key: &str| {
            format!(
                "queues: {{ jobs: {{ kms_master_key_id: {key}, redrive: {{ max_receive_count: 3 }} }} }}\n\
                 functions: {{ f: {{ zip: f.zip, events: [ {{ queue: jobs }} ] }} }}\n"
            )
        };
        let by_alias = &statements(&stack("alias/jobs"))[0];
        assert_eq!(by_alias["Resource"], format!("{KEYS}*"));
        assert_eq!(by_alias["Condition"]["ForAnyValue:StringEquals"]["kms:ResourceAliases"], "alias/jobs");
        assert_eq!(by_alias["Condition"]["StringLike"]["kms:ViaService"], "sqs.${aws.region}.*");
        assert_eq!(statements(&stack("mrk-1234"))[0]["Resource"], format!("{KEYS}mrk-1234"));
        assert!(statements(&stack("alias/aws/sqs")).is_empty());
    }

    #[test]
    fn keys_of_aws_shut_other_services_out() {
        let policy = "policy: { Statement: [ { Effect: Allow, Principal: { Service: sns.amazonaws.com }, Action: sqs:SendMessage, Resource: \"*\" } ] }";
        let topic = |key: &str| {
            lower(&format!("queues: {{ q: {{ kms_master_key_id: {key}, {policy} }} }}\ntopics: {{ t: {{ subscriptions: [ {{ sqs: q }} ] }} }}\n")).1
        };
        assert_eq!(topic("alias/aws/sqs"), ["topic::queue-key"]);
        assert!(topic("alias/mine").is_empty());
        let alarm = |key: &str| {
            let alarm = "{ namespace: AWS/SQS, metric_name: Age, statistic: Maximum, comparison_operator: GreaterThanThreshold, threshold: 1, period: 60s, evaluation_periods: 1, alarm_actions: [\"${topics.t.arn}\"] }";
            lower(&format!("topics: {{ t: {{ kms_master_key_id: {key} }} }}\nalarms: {{ a: {alarm} }}\n")).1
        };
        assert_eq!(alarm("alias/aws/sns"), ["alarm::topic-key"]);
        assert!(alarm("alias/mine").is_empty());
    }

    #[test]
    fn a_permission_on_what_has_a_key_needs_one_on_the_key() {
        let function = |permissions: &str| {
            let bucket = format!("{{ encryption: {{ sse_algorithm: \"aws:kms\", kms_master_key_id: \"{KEY}\" }} }}");
            let put = "{ allow: s3:PutObject, on: \"${buckets.b.arn}/*\" }";
            lower(&format!("buckets: {{ b: {bucket} }}\nfunctions: {{ f: {{ zip: f.zip, permissions: [ {put}{permissions} ] }} }}\n")).1
        };
        assert_eq!(function(""), ["permission::key"]);
        assert!(function(&format!(", {{ allow: kms:GenerateDataKey, on: \"{KEY}\" }}")).is_empty());
    }

    #[test]
    fn a_consumer_with_a_role_of_its_own_needs_the_key_there() {
        let stack = |function: &str, permissions: &str| {
            let receive = "{ allow: [\"sqs:ReceiveMessage\", \"sqs:DeleteMessage\", \"sqs:GetQueueAttributes\", \"sqs:SendMessage\"], on: \"*\" }";
            lower(&format!(
                "queues: {{ q: {{ kms_master_key_id: \"{KEY}\", visibility_timeout: 180s, redrive: {{ max_receive_count: 3 }} }}, d: {{ kms_master_key_id: \"{KEY}\" }} }}\n\
                 roles: {{ r: {{ trust: [lambda.amazonaws.com], permissions: [ {receive}{permissions} ] }} }}\n\
                 functions: {{ f: {{ zip: f.zip, timeout: 30s, role: \"${{roles.r.arn}}\", {function} }} }}\n"
            ))
            .1
        };
        let codes = |all: Vec<&'static str>| all.into_iter().filter(|code| *code == "permission::key").count();
        for function in ["events: [ { queue: q } ]", "dead_letter: \"${queues.d.arn}\""] {
            assert_eq!(codes(stack(function, "")), 1, "{function}");
            let all = format!(", {{ allow: \"kms:*\", on: \"{KEY}\" }}");
            assert_eq!(codes(stack(function, &all)), 0, "{function}");
        }
    }
}
