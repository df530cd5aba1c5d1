//! Permissions of roles and functions in the short form, `{ allow: s3:PutObject, on: ARN }`.

mod access;
mod actions;
mod condition;
mod document;

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::about::OneOf;
use super::{Resource, Resources, Scope, find, keys, models};
use crate::aws::policy;
use crate::spec::document::Document;
use crate::spec::finding::{DocPath, Findings};
use crate::spec::uncovered::{UncoveredAnswer, UncoveredWords};

pub use self::document::{Of, check_document};

/// Other tools' names for a permission's properties, as in [`About::synonyms`](super::About::synonyms).
pub(super) const SYNONYMS: &[(&str, &str)] =
    &[("action", "allow"), ("actions", "allow"), ("resource", "on"), ("resources", "on")];
/// Words of IAM statements inside `permissions`.
pub(super) const WORDS: UncoveredWords = UncoveredWords::inside(
    "permissions",
    &["effect", "not_action", "not_resource", "principal", "sid"],
    UncoveredAnswer::Otherwise("write `{ allow: s3:GetObject, on: ARN }`, or `deny` in place of `allow`"),
);

/// A permission allows or denies.
pub(super) const ONE_OF: OneOf = OneOf { map: Some("Permission"), names: &["allow", "deny"] };

/// One or several texts: `s3:GetObject` or `[s3:GetObject, s3:PutObject]`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(untagged, expecting = "expected a text or a list of texts")]
#[schemars(inline)]
pub enum Texts {
    One(String),
    Many(#[schemars(length(min = 1))] Vec<String>),
}

impl Texts {
    /// Returns the texts as a list.
    pub fn list(&self) -> &[String] {
        match self {
            Self::One(text) => std::slice::from_ref(text),
            Self::Many(texts) => texts,
        }
    }

    fn json(&self) -> Value {
        one_or_many(self.list())
    }
}

/// Actions that a role may, or must not, perform.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Permission {
    /// Allowed actions: `s3:PutObject`. Or access to elements of this stack: `read`, `write` or `read_write` for tables and
    /// buckets, `send` or `receive` for queues, `send` for buses, `publish` for topics, `invoke` for functions. Either this
    /// or `deny`.
    pub allow: Option<Texts>,
    /// Denied actions, whatever else allows them. Either this or `allow`.
    pub deny: Option<Texts>,
    /// ARNs of the resources. `*` stands for any characters. For access, the elements: `tables.orders`.
    pub on: Texts,
    /// An IAM condition block: `{ StringEquals: { "aws:RequestedRegion": eu-west-1 } }`.
    pub condition: Option<Map<String, Value>>,
}

impl Permission {
    fn actions(&self) -> &[String] {
        self.allow.as_ref().or(self.deny.as_ref()).map_or(&[], Texts::list)
    }
}

/// Turns permissions into IAM statements, in their order.
pub fn statements(permissions: &[Permission]) -> Vec<Value> {
    permissions.iter().flat_map(own_statements).collect()
}

fn own_statements(permission: &Permission) -> Vec<Value> {
    let one = |effect: &str, actions: Value, resources: Value| {
        let mut statement = json!({ "Effect": effect, "Action": actions, "Resource": resources });
        if let Some(condition) = permission.condition.as_ref().filter(|block| !block.is_empty()) {
            statement["Condition"] = Value::Object(condition.clone());
        }
        statement
    };
    if access::is_in_words(permission) {
        let all = access::expand(permission).into_iter();
        return all.map(|(actions, on)| one("Allow", one_or_many(&actions), one_or_many(&on))).collect();
    }
    let (effect, actions) = match (&permission.allow, &permission.deny) {
        (Some(actions), _) => ("Allow", Some(actions)),
        (None, actions) => ("Deny", actions.as_ref()),
    };
    vec![one(effect, actions.map_or_else(|| json!([]), Texts::json), permission.on.json())]
}

fn one_or_many<T: serde::Serialize>(texts: &[T]) -> Value {
    if let [one] = texts { json!(one) } else { json!(texts) }
}

/// Builds a policy document.
pub fn document(statements: Vec<Value>) -> Value {
    json!({ "Version": "2012-10-17", "Statement": statements })
}

/// Builds the trust policy that lets AWS services assume a role.
pub fn trust(services: &[String]) -> Value {
    let services = if let [one] = services { json!(one) } else { json!(services) };
    document(vec![json!({ "Effect": "Allow", "Principal": { "Service": services }, "Action": "sts:AssumeRole" })])
}

/// Checks the permissions in the element's property `property`, and warns of wildcards.
pub fn check(permissions: &[Permission], property: &str, at: &Scope<'_>, findings: &mut Findings) {
    for (index, permission) in permissions.iter().enumerate() {
        let path = at.path([property.to_owned(), index.to_string()]);
        if permission.allow.is_some() == permission.deny.is_some() {
            findings
                .error("permission::effect", path.clone(), "a permission has either `allow` or `deny`")
                .help("write `{ allow: ACTION, on: ARN }`");
            continue;
        }
        if access::is_in_words(permission) {
            access::check(permission, &path, findings);
            let condition = json!(permission.condition);
            condition::check(&condition, &path.then("condition"), findings);
            continue;
        }
        let effect = if permission.allow.is_some() { "allow" } else { "deny" };
        let (written, malformed): (Vec<_>, Vec<_>) = with_places(permission.actions(), &path.then(effect))
            .into_iter()
            .partition(|(_, action)| is_action(action));
        for (place, action) in malformed {
            findings
                .error("permission::action", place, format!("`{action}` is not an IAM action"))
                .help("write `SERVICE:ACTION`, such as `s3:PutObject`");
        }
        actions::check(&written, findings);
        for (place, arn) in with_places(permission.on.list(), &path.then("on")) {
            if is_resource(arn) {
                continue;
            }
            refuse_resource(arn, place, findings);
        }
        lint_wildcards(permission, &path, findings);
        let condition = json!(permission.condition);
        condition::check(&condition, &path.then("condition"), findings);
        check_characters(&condition, &path.then("condition"), findings);
    }
}

/// Checks a role's statements against the rest of the stack.
pub(super) fn lint(document: &Document, all: &Resources<'_>, role: &Resource, findings: &mut Findings) {
    keys::role(document, all, role, findings);
    models::permissions(document, role, findings);
}

/// Lists the actions that a role's statements allow on the resource at `address`, without the service's name: the labels
/// of the role's arrows in pictures.
pub(super) fn arrow_labels(role: &Value, address: &str) -> Vec<String> {
    let actions = granted_actions(role, address);
    // The arrow of the queue's messages already shows the permission to receive them.
    if actions.contains("sqs:ReceiveMessage") {
        return Vec::new();
    }
    actions.iter().map(|action| action.split_once(':').map_or(action.as_str(), |(_, verb)| verb).to_owned()).collect()
}

/// Lists the actions that a role's statements allow on a resource that refers to `address`.
fn granted_actions(role: &Value, address: &str) -> BTreeSet<String> {
    let listed = |value: &Value| -> Vec<String> {
        match value {
            Value::Array(items) => items.iter().filter_map(|item| item.as_str().map(str::to_owned)).collect(),
            Value::String(text) => vec![text.clone()],
            _ => Vec::new(),
        }
    };
    let mut found = BTreeSet::new();
    for document in role["inline_policies"].as_object().into_iter().flat_map(|map| map.values()) {
        let parsed = document.as_str().and_then(|text| serde_json::from_str(text).ok());
        let document: &Value = parsed.as_ref().unwrap_or(document);
        for statement in document["Statement"].as_array().into_iter().flatten() {
            let about = format!("${{{address}.");
            if listed(&statement["Resource"]).iter().any(|resource| resource.contains(&about)) {
                found.extend(listed(&statement["Action"]));
            }
        }
    }
    found
}

/// Reports a character that IAM accepts in no policy document.
pub fn check_characters(document: &Value, path: &DocPath, findings: &mut Findings) {
    if let Some(refused) = policy::refused_character(document) {
        findings
            .error("policy::character", path.clone(), format!("IAM takes no `{refused}` in a policy document"))
            .help("use characters up to U+00FF only");
    }
}

/// Warns of permissions that are wider than any use.
pub fn lint_wildcards(permission: &Permission, path: &DocPath, findings: &mut Findings) {
    let Some(actions) = permission.allow.as_ref().map(Texts::list) else { return };
    let allowed = with_places(actions, &path.then("allow"));
    let on = with_places(permission.on.list(), &path.then("on"));
    wildcards(&allowed, &on, permission.condition.is_some(), findings);
}

/// Lists texts with their places. A single text stands at the property itself.
fn with_places<'t>(texts: &'t [String], at: &DocPath) -> Vec<(DocPath, &'t str)> {
    match texts {
        [one] => vec![(at.clone(), one)],
        many => many.iter().enumerate().map(|(index, text)| (at.then(index.to_string()), text.as_str())).collect(),
    }
}

fn wildcards(actions: &[(DocPath, &str)], on: &[(DocPath, &str)], conditioned: bool, findings: &mut Findings) {
    if let Some((place, action)) = actions.iter().find(|(_, action)| *action == "*" || action.ends_with(":*")) {
        findings
            .warning("permission::wildcard", place.clone(), format!("`{action}` allows everything there is to do"))
            .help("name the actions that are needed");
    }
    let everywhere = on.iter().find(|(_, arn)| *arn == "*");
    let narrowable = actions.iter().find(|(_, action)| !is_for_all_only(action));
    if let (Some((place, _)), false, Some((_, action))) = (everywhere, conditioned, narrowable) {
        findings
            .warning("permission::wildcard", place.clone(), format!("`{action}` is allowed on every resource"))
            .help("name the ARNs that are meant, or add a `condition`");
    }
}

/// Tells whether AWS accepts an action on `*` only.
fn is_for_all_only(action: &str) -> bool {
    const ONLY: &[&str] = &[
        "bedrock:list",
        "ce:get",
        "cloudwatch:get",
        "cloudwatch:list",
        "cloudwatch:putmetricdata",
        "comprehend:batchdetect",
        "comprehend:detect",
        "dynamodb:listtables",
        "ec2:describe",
        "ecr:getauthorizationtoken",
        "iam:listroles",
        "iam:listusers",
        "kms:listaliases",
        "kms:listkeys",
        "lambda:list",
        "logs:describeloggroups",
        "organizations:listaccounts",
        "polly:describevoices",
        "rekognition:detectfaces",
        "rekognition:detectlabels",
        "rekognition:detectmoderationlabels",
        "rekognition:detecttext",
        "rekognition:recognizecelebrities",
        "route53:listhostedzones",
        "s3:listallmybuckets",
        "secretsmanager:batchgetsecretvalue",
        "secretsmanager:listsecrets",
        "sns:listtopics",
        "sqs:listqueues",
        "sts:getcalleridentity",
        "tag:get",
        "textract:analyzedocument",
        "textract:detectdocumenttext",
        "textract:getdocument",
        "textract:startdocument",
        "translate:translatetext",
        "xray:get",
        "xray:put",
    ];
    let action = action.to_lowercase();
    ONLY.iter().any(|start| action.starts_with(start))
        // A function in a VPC needs these for its network interfaces.
        || (action.starts_with("ec2:") && action.contains("networkinterface"))
}

fn is_action(text: &str) -> bool {
    let word = |part: &str| !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric() || "*?-_".contains(c));
    text == "*"
        || text.contains("${")
        || text.split_once(':').is_some_and(|(service, verb)| word(service) && word(verb))
}

/// Tells whether a text is an ARN: written out, or by an output that is one. A role with another text is refused.
fn is_resource(text: &str) -> bool {
    let by_output = |reference: &str| {
        let (inner, _) = reference.split_once('}').unwrap_or((reference, ""));
        inner.starts_with("vars.") || inner.rsplit_once('.').is_some_and(|(_, output)| output.ends_with("arn"))
    };
    text == "*" || text.starts_with("arn:") || text.strip_prefix("${").is_some_and(by_output)
}

fn refuse_resource(text: &str, place: DocPath, findings: &mut Findings) {
    findings.error("permission::resource", place, format!("`{text}` is not an ARN")).help(arn_help(text));
}

/// Says how to write the ARN that a text stands for.
fn arn_help(text: &str) -> String {
    let inner = text.strip_prefix("${").and_then(|text| text.split_once('}')).map_or(text, |(inner, _)| inner);
    let mut words = inner.split('.');
    match (words.next().filter(|_| find(inner).is_some()), words.next()) {
        (Some(section), Some(name)) => format!("write `${{{section}.{name}.arn}}`"),
        _ => "write an ARN, a reference such as `${queues.NAME.arn}`, or `*`".to_owned(),
    }
}

#[cfg(test)]
mod tests;
