//! KMS keys: the permissions that users of an encrypted queue or topic need, and the combinations that cannot work.

use serde_json::{Value, json};

use super::document::Document;
use super::finding::Findings;
use super::lint::Resources;
use super::sections::{Lowered, Resource};
use crate::kinds::iam_role::PERMISSIONS;

/// Adds to functions' derived roles the permissions on the KMS keys of their queues and topics.
pub fn derive(lowered: &mut Lowered) {
    let all = Resources(&lowered.resources);
    let mut needed = Vec::new();
    for resource in all.0 {
        let (property, actions): (_, &[&str]) = match resource.kind {
            "lambda.event_source_mapping" => ("event_source_arn", &["kms:Decrypt"]),
            "lambda.function" => ("dead_letter_target_arn", &["kms:GenerateDataKey", "kms:Decrypt"]),
            _ => continue,
        };
        let Some(key) = resource.spec.get(property).and_then(|arn| all.referred(arn)).and_then(Key::of) else {
            continue;
        };
        needed.push((format!("{}.role", resource.element), key.statement(actions)));
    }
    for (address, statement) in needed {
        let role = lowered.resources.iter_mut().find(|role| role.kind == "iam.role" && role.address == address);
        let statements = role.and_then(|role| role.spec["inline_policies"][PERMISSIONS]["Statement"].as_array_mut());
        if let Some(statements) = statements.filter(|statements| !statements.contains(&statement)) {
            statements.push(statement);
        }
    }
}

/// Warns of senders that a key shuts out, and of permissions on an encrypted resource without permission to use its
/// key.
pub(super) fn lint(document: &Document, all: &Resources<'_>, resource: &Resource, findings: &mut Findings) {
    match resource.kind {
        "sns.subscription" => subscription(document, all, resource, findings),
        "cloudwatch.metric_alarm" => alarm(document, all, resource, findings),
        "iam.role" => role(document, all, resource, findings),
        "lambda.event_source_mapping" | "lambda.function" => own_role(document, all, resource, findings),
        _ => {}
    }
}

/// An AWS managed key. Principals of the account may use it through the key's own service; other services never may.
const OWN: &str = "alias/aws/";

/// A customer managed key, and the service that uses it.
struct Key<'a> {
    id: &'a str,
    service: &'static str,
}

impl<'a> Key<'a> {
    fn of(resource: &'a Resource) -> Option<Self> {
        let (service, id) = match resource.kind {
            "sqs.queue" => ("sqs", resource.spec.get("kms_master_key_id")),
            "sns.topic" => ("sns", resource.spec.get("kms_master_key_id")),
            "s3.bucket" => ("s3", resource.spec.get("encryption").and_then(|e| e.get("kms_master_key_id"))),
            _ => return None,
        };
        let id = id.and_then(Value::as_str).filter(|id| !id.is_empty() && !id.contains(OWN))?;
        Some(Self { id, service })
    }

    /// Returns the ARN of the key, if it is known. IAM does not accept an alias in its place.
    fn arn(&self) -> Option<String> {
        if self.id.contains("alias/") {
            return None;
        }
        let is_arn = self.id.starts_with("arn:") || self.id.starts_with("${");
        Some(if is_arn { self.id.to_owned() } else { format!("{KEYS}{}", self.id) })
    }

    /// Builds a statement that allows `actions`. A key known only by alias is matched by condition: every key with that
    /// alias, through this service only.
    fn statement(&self, actions: &[&str]) -> Value {
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
fn has_own_key(resource: &Resource) -> bool {
    resource.spec.get("kms_master_key_id").and_then(Value::as_str).is_some_and(|id| id.contains(OWN))
}

/// Reports a topic that cannot send to an encrypted queue: SNS needs the key policy's permission, and nobody can change
/// the policy of `alias/aws/sqs`.
fn subscription(document: &Document, all: &Resources<'_>, subscription: &Resource, findings: &mut Findings) {
    let endpoint = subscription.spec.get("endpoint");
    let dead_letter = subscription.spec.get("redrive_policy").and_then(|redrive| redrive.get("dead_letter_target_arn"));
    for queue in endpoint.into_iter().chain(dead_letter).filter_map(|arn| all.referred(arn)) {
        if queue.kind != "sqs.queue" || !has_own_key(queue) {
            continue;
        }
        let element = queue.element.clone();
        findings
            .warning(
                "topic::queue-key",
                document.find_text(&subscription.element, &format!("{element}.arn")),
                format!("SNS cannot send to `{}`: its key `alias/aws/sqs` lets no other service use it", queue.address),
            )
            .help("take a key of your own, whose policy lets `sns.amazonaws.com` use it, or SQS's own encryption: remove `kms_master_key_id`");
    }
}

/// Reports an alarm that cannot publish to an encrypted topic: CloudWatch needs the key policy's permission.
fn alarm(document: &Document, all: &Resources<'_>, alarm: &Resource, findings: &mut Findings) {
    let mut seen = Vec::new();
    for property in ["alarm_actions", "ok_actions", "insufficient_data_actions"] {
        for topic in alarm.spec[property].as_array().into_iter().flatten().filter_map(|arn| all.referred(arn)) {
            if topic.kind != "sns.topic" || !has_own_key(topic) || seen.contains(&&topic.address) {
                continue;
            }
            seen.push(&topic.address);
            findings
                .warning(
                    "alarm::topic-key",
                    document.find_text(&alarm.element, &format!("{}.arn", topic.element)),
                    format!("the alarm cannot publish to `{}`: its key `alias/aws/sns` lets no other service use it", topic.address),
                )
                .help("take a key of your own for the topic, whose policy lets `cloudwatch.amazonaws.com` use it, or none");
        }
    }
}

/// Actions on encrypted data, and the KMS action that each needs.
const DATA: &[(&str, &str)] = &[
    ("s3:GetObject", "kms:Decrypt"),
    ("s3:PutObject", "kms:GenerateDataKey"),
    ("sns:Publish", "kms:GenerateDataKey"),
    ("sqs:ReceiveMessage", "kms:Decrypt"),
    ("sqs:SendMessage", "kms:GenerateDataKey"),
];

/// Reports a role that may use an encrypted resource but may not use any key. A warning only: the key's policy may
/// allow it.
fn role(document: &Document, all: &Resources<'_>, role: &Resource, findings: &mut Findings) {
    let statements: Vec<&Value> = allowed(role).collect();
    let managed = role.spec["managed_policy_arns"].as_array().is_some_and(|arns| !arns.is_empty());
    for (action, needed) in DATA {
        for statement in statements.iter().filter(|statement| allows(statement, action)) {
            let keyed = list(&statement["Resource"]).into_iter().filter_map(|on| all.referred(on));
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

/// How Lambda uses queues and topics on a function's behalf, and the KMS action that each use needs.
const LAMBDA: &[(&str, &str, &str)] = &[
    ("lambda.event_source_mapping", "event_source_arn", "kms:Decrypt"),
    ("lambda.function", "dead_letter_target_arn", "kms:GenerateDataKey"),
];

/// Reports a function whose role is declared in the stack, because nothing is derived for such a role. The permissions
/// of roles outside the stack are unknown.
fn own_role(document: &Document, all: &Resources<'_>, resource: &Resource, findings: &mut Findings) {
    let Some((_, property, needed)) = LAMBDA.iter().find(|(kind, ..)| *kind == resource.kind) else { return };
    let keyed = resource.spec.get(property).and_then(|arn| all.referred(arn));
    let Some((on, key)) = keyed.and_then(|on| Some((on, Key::of(on)?))) else { return };
    let function = all.referred(&resource.spec["function_name"]).unwrap_or(resource);
    let Some(role) = all.referred(&function.spec["role"]).filter(|role| !role.external) else { return };
    let managed = role.spec["managed_policy_arns"].as_array().is_some_and(|arns| !arns.is_empty());
    // `role` already checks statements on the queue or topic itself.
    let said = allowed(role).any(|one| list(&one["Resource"]).into_iter().any(|text| names(all, text, on)));
    let derived = role.address == format!("{}.role", function.address);
    if managed || derived || said || allowed(role).any(|one| allows(one, needed)) {
        return;
    }
    let arn = key.arn().unwrap_or_else(|| "ARN-OF-THE-KEY".to_owned());
    findings
        .warning(
            "permission::key",
            document.find_text(&function.element, &format!("{}.arn", role.element)),
            format!("`{}` uses `{}`, which needs `{needed}` on its KMS key; `{}` does not have it", function.address, on.address, role.address),
        )
        .help(format!("add `{{ allow: [kms:Decrypt, kms:GenerateDataKey], on: \"{arn}\" }}` to that role, unless the key's own policy lets it use the key"));
}

fn names(all: &Resources<'_>, text: &Value, resource: &Resource) -> bool {
    all.referred(text).is_some_and(|named| named.address == resource.address)
}

/// Iterates over the statements of a role's inline policies.
fn allowed(role: &Resource) -> impl Iterator<Item = &Value> {
    let documents = role.spec["inline_policies"].as_object().into_iter().flatten();
    documents.flat_map(|(_, document)| list(&document["Statement"]))
}

fn allows(statement: &Value, action: &str) -> bool {
    let is_it = |allowed: &Value| {
        let allowed = allowed.as_str().unwrap_or_default();
        allowed == action || allowed.strip_suffix('*').is_some_and(|start| action.starts_with(start))
    };
    statement["Effect"] == "Allow" && list(&statement["Action"]).iter().any(|allowed| is_it(allowed))
}

fn list(value: &Value) -> Vec<&Value> {
    match value {
        Value::Array(items) => items.iter().collect(),
        Value::Null => Vec::new(),
        one => vec![one],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline;
    use crate::spec::source::SourceText;
    use crate::spec::variables::Inputs;

    fn lowered(text: &str) -> (Lowered, Vec<&'static str>) {
        let text = format!("stack: s\nregion: eu-west-1\n{text}");
        let loaded = pipeline::check(SourceText::new("stack.yaml", text.as_bytes()), &Inputs::default());
        let loaded = loaded.map_err(|failure| failure.findings.0).expect("no error");
        let codes = loaded.warnings.0.iter().map(|finding| finding.code).collect();
        (loaded.document.lower().0, codes)
    }

    fn statements(text: &str) -> Vec<Value> {
        let (lowered, _) = lowered(text);
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
            lowered(&format!("queues: {{ q: {{ kms_master_key_id: {key}, {policy} }} }}\ntopics: {{ t: {{ subscriptions: [ {{ sqs: q }} ] }} }}\n")).1
        };
        assert_eq!(topic("alias/aws/sqs"), ["topic::queue-key"]);
        assert!(topic("alias/mine").is_empty());
        let alarm = |key: &str| {
            let alarm = "{ namespace: AWS/SQS, metric_name: Age, statistic: Maximum, comparison_operator: GreaterThanThreshold, threshold: 1, period: 60s, evaluation_periods: 1, alarm_actions: [\"${topics.t.arn}\"] }";
            lowered(&format!("topics: {{ t: {{ kms_master_key_id: {key} }} }}\nalarms: {{ a: {alarm} }}\n")).1
        };
        assert_eq!(alarm("alias/aws/sns"), ["alarm::topic-key"]);
        assert!(alarm("alias/mine").is_empty());
    }

    #[test]
    fn a_permission_on_what_has_a_key_needs_one_on_the_key() {
        let function = |permissions: &str| {
            let bucket = format!("{{ encryption: {{ sse_algorithm: \"aws:kms\", kms_master_key_id: \"{KEY}\" }} }}");
            let put = "{ allow: s3:PutObject, on: \"${buckets.b.arn}/*\" }";
            lowered(&format!("buckets: {{ b: {bucket} }}\nfunctions: {{ f: {{ zip: f.zip, permissions: [ {put}{permissions} ] }} }}\n")).1
        };
        assert_eq!(function(""), ["permission::key"]);
        assert!(function(&format!(", {{ allow: kms:GenerateDataKey, on: \"{KEY}\" }}")).is_empty());
    }

    #[test]
    fn a_consumer_with_a_role_of_its_own_needs_the_key_there() {
        let stack = |function: &str, permissions: &str| {
            let receive = "{ allow: [\"sqs:ReceiveMessage\", \"sqs:DeleteMessage\", \"sqs:GetQueueAttributes\", \"sqs:SendMessage\"], on: \"*\" }";
            lowered(&format!(
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
