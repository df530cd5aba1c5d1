//! Permissions of roles and functions in the short form, `{ allow: s3:PutObject, on: ARN }`.

mod actions;
mod condition;
mod document;

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::about::OneOf;
use super::{Resource, Resources, Scope, keys, models};
use crate::aws::policy;
use crate::spec::document::Document;
use crate::spec::finding::{DocPath, Findings};

pub use self::document::{Of, check_document};

/// Other tools' names for a permission's properties, as in [`About::synonyms`](super::About::synonyms).
pub(super) const SYNONYMS: &[(&str, &str)] =
    &[("action", "allow"), ("actions", "allow"), ("resource", "on"), ("resources", "on")];
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
        match self.list() {
            [one] => json!(one),
            many => json!(many),
        }
    }
}

/// Actions that a role may, or must not, perform.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Permission {
    /// Allowed actions: `s3:PutObject`. Either this or `deny`.
    pub allow: Option<Texts>,
    /// Denied actions, whatever else allows them. Either this or `allow`.
    pub deny: Option<Texts>,
    /// ARNs of the resources. `*` stands for any characters.
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
    let one = |permission: &Permission| {
        let (effect, actions) = match (&permission.allow, &permission.deny) {
            (Some(actions), _) => ("Allow", Some(actions)),
            (None, actions) => ("Deny", actions.as_ref()),
        };
        let mut statement = json!({ "Effect": effect });
        statement["Action"] = actions.map_or_else(|| json!([]), Texts::json);
        statement["Resource"] = permission.on.json();
        if let Some(condition) = permission.condition.as_ref().filter(|block| !block.is_empty()) {
            statement["Condition"] = Value::Object(condition.clone());
        }
        statement
    };
    permissions.iter().map(one).collect()
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
            findings
                .error("permission::resource", place, format!("`{arn}` is not an ARN"))
                .help("write an ARN, a reference such as `${queues.NAME.arn}`, or `*`");
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
        "cloudwatch:putmetricdata",
        "ecr:getauthorizationtoken",
        "logs:describeloggroups",
        "s3:listallmybuckets",
        "sts:getcalleridentity",
    ];
    let action = action.to_lowercase();
    ONLY.contains(&action.as_str())
        || ["xray:put", "xray:get", "ec2:describe", "bedrock:list", "cloudwatch:list", "cloudwatch:get", "lambda:list", "tag:get"]
            .iter()
            .any(|prefix| action.starts_with(prefix))
        // A function in a VPC needs these for its network interfaces.
        || (action.starts_with("ec2:") && action.contains("networkinterface"))
}

fn is_action(text: &str) -> bool {
    let word = |part: &str| !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric() || "*?-_".contains(c));
    text == "*"
        || text.contains("${")
        || text.split_once(':').is_some_and(|(service, verb)| word(service) && word(verb))
}

fn is_resource(text: &str) -> bool {
    text == "*" || text.starts_with("${") || text.starts_with("arn:")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::tags::Tags;
    use crate::spec::secrets::Secrets;
    use crate::spec::sections::Common;

    fn permissions(value: Value) -> Vec<Permission> {
        serde_json::from_value(value).unwrap()
    }

    fn codes(value: Value) -> Vec<(&'static str, String)> {
        let (common, stack_tags) = (Common::default(), Tags::new());
        let at = Scope {
            is_preview: false,
            stack: "couch",
            section: "roles",
            name: "r",
            common: &common,
            stack_tags: &stack_tags,
            secrets: &Secrets::default(),
        };
        let mut findings = Findings::default();
        check(&permissions(value), "permissions", &at, &mut findings);
        findings.0.iter().map(|f| (f.code, f.path.to_string())).collect()
    }

    #[test]
    fn the_short_form_becomes_iam_statements() {
        let short = permissions(json!([
            { "allow": "s3:PutObject", "on": ["arn:aws:s3:::b/*", "arn:aws:s3:::c/*"] },
            { "deny": ["iam:*"], "on": "*", "condition": { "Bool": { "aws:SecureTransport": false } } },
        ]));
        assert_eq!(
            json!(statements(&short)),
            json!([
                { "Effect": "Allow", "Action": "s3:PutObject", "Resource": ["arn:aws:s3:::b/*", "arn:aws:s3:::c/*"] },
                { "Effect": "Deny", "Action": "iam:*", "Resource": "*", "Condition": { "Bool": { "aws:SecureTransport": false } } },
            ])
        );
    }

    #[test]
    fn wildcards_are_doubted_where_something_narrower_can_be_said() {
        assert_eq!(
            codes(json!([{ "allow": "s3:*", "on": "arn:aws:s3:::b/*" }])),
            [("permission::wildcard", "roles.r.permissions.0.allow".into())]
        );
        assert_eq!(
            codes(json!([{ "allow": "s3:GetObject", "on": "*" }])),
            [("permission::wildcard", "roles.r.permissions.0.on".into())]
        );
        assert!(codes(json!([{ "allow": "xray:PutTraceSegments", "on": "*" }])).is_empty());
        assert!(codes(json!([{ "deny": "*", "on": "*" }])).is_empty());
        let conditioned = json!({ "allow": "s3:GetObject", "on": "*", "condition": { "StringEquals": { "aws:ResourceAccount": "1" } } });
        assert!(codes(json!([conditioned])).is_empty());
    }

    #[test]
    fn what_iam_would_refuse_is_an_error() {
        let on = "arn:aws:s3:::b";
        for (bad, code) in [
            (json!({ "on": on }), "permission::effect"),
            (json!({ "allow": "s3:GetObject", "deny": "s3:PutObject", "on": on }), "permission::effect"),
            (json!({ "allow": "GetObject", "on": on }), "permission::action"),
            (json!({ "allow": "s3:GetObject", "on": "b" }), "permission::resource"),
            (
                json!({ "allow": "s3:GetObject", "on": on, "condition": { "StringLike": { "a": "🛋" } } }),
                "policy::character",
            ),
        ] {
            assert!(codes(json!([bad])).iter().any(|(found, _)| *found == code), "{code}");
        }
        assert!(codes(json!([{ "allow": "s3:GetObject", "on": "${buckets.b.arn}/*" }])).is_empty());
    }
}
