//! `roles:` — IAM roles. A function without `role:` needs none here: it gets a role of its own.

mod uncovered;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::about::{About, Arrow, Draw, OneOf, PictureStyle, Refusals, Shape, Suffix, longest_name};
use super::permission::{self, Of, Permission};
use super::{LoweredStack, Resource, Resources, Scope, Section};
use crate::aws::partition::{PARTITIONS, Partition};
use crate::kinds::Kind;
use crate::kinds::iam_role::{IamRole, MANAGED_POLICIES, PERMISSIONS, Role};
use crate::spec::document::Document;
use crate::spec::finding::Findings;
use crate::spec::values::Seconds;

/// Longest name of a role, in characters.
pub const NAME_LENGTH: usize = longest_name::<IamRole>();

/// The roles section.
pub struct Roles;

/// An IAM role.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RoleElement {
    /// The role's name in AWS. Default: the stack's name and the element's.
    #[schemars(length(min = 1, max = NAME_LENGTH), regex(pattern = r"^[A-Za-z0-9_+=,.@-]+$"))]
    pub name: Option<String>,
    /// The path in the role's ARN, which groups roles. It begins and ends with a slash.
    #[schemars(length(max = 512), regex(pattern = r"^/([!-~]*/)?$"))]
    pub path: Option<String>,
    /// The purpose of the role.
    #[schemars(length(max = 1000))]
    pub description: Option<String>,
    /// The longest duration of a session.
    #[serde(default = "one_hour")]
    #[schemars(range(min = 3_600, max = 43_200))]
    pub max_session_duration: Seconds,
    /// AWS services that may assume the role: `[lambda.amazonaws.com]`. Either this or `assume_role_policy`.
    pub trust: Option<Vec<String>>,
    /// The trust policy, a whole policy document. Either this or `trust`.
    #[schemars(with = "Option<Map<String, Value>>")]
    pub assume_role_policy: Option<Value>,
    /// Permissions of the role, in the short form.
    #[serde(default)]
    pub permissions: Vec<Permission>,
    /// Further inline policies, whole policy documents by name.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, Map<String, Value>>")]
    pub inline_policies: BTreeMap<String, Value>,
    /// ARNs of managed policies. All others are detached.
    #[serde(default)]
    pub managed_policy_arns: Vec<String>,
    /// ARN of a managed policy that limits the role.
    pub permissions_boundary: Option<String>,
}

const MANAGED_POLICIES_RAISED: usize = 20;

fn one_hour() -> Seconds {
    Seconds(3_600)
}

impl Section for Roles {
    const ABOUT: &'static About = &About {
        name: "roles",
        singular: "role",
        example: include_str!("examples/roles.yaml"),
        synonyms: permission::SYNONYMS,
        uncovered: uncovered::TABLE,
        protected: false,
        suffix: Suffix::Property { property: "name", longest: NAME_LENGTH, fifo: None },
        picture: PictureStyle {
            icon: "M12 3 L20 6 V12 C20 17 16 20 12 21 C8 20 4 17 4 12 V6 Z M9 12 L11.3 14.3 L15.5 9.8",
            shape: Shape::Rectangle,
            arrows: &[Arrow { from: IamRole::NAME, to: None, draw: Draw::Each(permission::arrow_labels) }],
        },
        one_of: &[OneOf { map: None, names: &["trust", "assume_role_policy"] }, permission::ONE_OF],
        key: None,
        usage: None,
        refusals: Refusals {
            operations: &[
                ("iam:AttachRolePolicy", &["managed_policy_arns"]),
                ("iam:DeleteRolePermissionsBoundary", &["permissions_boundary"]),
                ("iam:PutRolePermissionsBoundary", &["permissions_boundary"]),
                ("iam:PutRolePolicy", &["permissions", "inline_policies"]),
                ("iam:UpdateAssumeRolePolicy", &["trust"]),
            ],
            codes: &[("EntityAlreadyExists", &["name"]), ("MalformedPolicyDocument", &["permissions", "trust"])],
            words: &[
                ("assume_role_policy_document", &["trust"]),
                ("policy_document", &["permissions"]),
                ("role_name", &["name"]),
            ],
            parts: &[],
        },
    };
    type Element = RoleElement;

    fn check(role: &RoleElement, at: &Scope<'_>, findings: &mut Findings) {
        // Of an external role only the name counts.
        if !at.common.external || role.trust.is_some() || role.assume_role_policy.is_some() {
            check_trust(role, at, findings);
        }
        permission::check(&role.permissions, "permissions", at, findings);
        check_inline(role, at, findings);
        check_managed(role, at, findings);
        let refused = |c: char| !matches!(c, '\t' | '\n' | '\r' | ' '..='~' | '\u{a1}'..='\u{ff}');
        if let Some(refused) = role.description.iter().flat_map(|text| text.chars()).find(|c| refused(*c)) {
            findings
                .error(
                    "role::description",
                    at.path(["description"]),
                    format!("IAM takes no `{refused}` in a description"),
                )
                .help("use printable characters up to U+00FF only");
        }
    }

    fn lower(element: RoleElement, at: &Scope<'_>, out: &mut LoweredStack) {
        let mut managed_policy_arns = element.managed_policy_arns.clone();
        managed_policy_arns.sort();
        managed_policy_arns.dedup();
        let role = Role {
            assume_role_policy: trust_of(&element),
            inline_policies: inline_of(&element),
            name: element.name.unwrap_or_else(|| at.name_within(NAME_LENGTH)),
            path: element.path.unwrap_or_else(|| "/".into()),
            description: element.description.filter(|text| !text.is_empty()),
            max_session_duration: element.max_session_duration.0,
            managed_policy_arns,
            permissions_boundary: element.permissions_boundary,
            tags: at.tags(&at.element()),
        };
        out.add::<IamRole>(at, at.element(), &role);
    }

    fn lint(document: &Document, all: &Resources<'_>, resource: &Resource, findings: &mut Findings) {
        if resource.kind == IamRole::NAME {
            permission::lint(document, all, resource, findings);
        }
    }
}

fn trust_of(role: &RoleElement) -> Value {
    match &role.assume_role_policy {
        Some(document) => document.clone(),
        None => permission::trust(role.trust.as_deref().unwrap_or_default()),
    }
}

fn inline_of(role: &RoleElement) -> BTreeMap<String, Value> {
    let mut all = role.inline_policies.clone();
    if !role.permissions.is_empty() {
        let statements = permission::statements(&role.permissions);
        all.insert(PERMISSIONS.into(), permission::document(statements));
    }
    all
}

fn check_trust(role: &RoleElement, at: &Scope<'_>, findings: &mut Findings) {
    if role.trust.as_ref().is_some_and(|services| !services.is_empty()) == role.assume_role_policy.is_some() {
        let (path, help) = if role.assume_role_policy.is_some() {
            (at.path(["assume_role_policy"]), "remove one of the two")
        } else {
            (at.path::<&str>([]), "write `trust: [lambda.amazonaws.com]`")
        };
        findings.error("role::trust", path, "a role has either `trust` or `assume_role_policy`").help(help).at_key();
        return;
    }
    for (index, service) in role.trust.iter().flatten().enumerate() {
        let of_aws = |partition: &Partition| service.ends_with(&format!(".{}", partition.suffix));
        if !PARTITIONS.iter().any(of_aws) && !service.contains("${") {
            findings
                .error(
                    "role::trust-service",
                    at.path(["trust".to_owned(), index.to_string()]),
                    format!("`{service}` is not an AWS service's principal"),
                )
                .help(format!("write `{service}.amazonaws.com`, or give `assume_role_policy` for other principals"));
        }
    }
    let property = if role.trust.is_some() { "trust" } else { "assume_role_policy" };
    let path = at.path([property]);
    let document = trust_of(role);
    if role.assume_role_policy.is_some() {
        permission::check_document(&document, Of::Trust, &path, findings);
    }
}

fn check_inline(role: &RoleElement, at: &Scope<'_>, findings: &mut Findings) {
    for (name, document) in &role.inline_policies {
        let path = at.path(["inline_policies", name]);
        let known = |c: char| c.is_ascii_alphanumeric() || "_+=,.@-".contains(c);
        if name.is_empty() || name.len() > 128 || !name.chars().all(known) {
            findings
                .error("role::policy-name", path.clone(), format!("`{name}` cannot name an inline policy"))
                .help("use 1 to 128 letters, digits and `_+=,.@-`")
                .at_key();
        }
        if name == PERMISSIONS && !role.permissions.is_empty() {
            findings
                .error(
                    "role::policy-name",
                    path.clone(),
                    format!("`{PERMISSIONS}` is the policy that `permissions` makes"),
                )
                .help("give this policy another name")
                .at_key();
        }
        permission::check_document(document, Of::Role, &path, findings);
    }
}

fn check_managed(role: &RoleElement, at: &Scope<'_>, findings: &mut Findings) {
    let count = role.managed_policy_arns.len();
    let path = at.path(["managed_policy_arns"]);
    let message =
        format!("{count} managed policies; AWS takes {MANAGED_POLICIES} on a role, {MANAGED_POLICIES_RAISED} at most");
    if count > MANAGED_POLICIES_RAISED {
        findings.error("role::managed-policies", path.clone(), message).help("join some of them");
    } else if count > MANAGED_POLICIES {
        findings
            .warning("role::managed-policies", path.clone(), message)
            .help("join some of them, or have the account's quota \"Managed policies per role\" raised");
    }
    let listed = role.managed_policy_arns.iter().enumerate().map(|(index, arn)| (path.then(index.to_string()), arn));
    let boundary = role.permissions_boundary.iter().map(|arn| (at.path(["permissions_boundary"]), arn));
    for (path, arn) in listed.chain(boundary) {
        let is_policy = arn.starts_with("arn:") && arn.contains(":policy/");
        if !is_policy && !arn.contains("${") {
            findings
                .error("role::policy-arn", path, format!("`{arn}` is not a managed policy's ARN"))
                .help("write `arn:aws:iam::aws:policy/NAME` or `arn:aws:iam::ACCOUNT:policy/NAME`");
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::aws::tags::Tags;
    use crate::spec::secrets::Secrets;
    use crate::spec::sections::Common;

    fn with<T>(name: &str, use_scope: impl FnOnce(&Scope<'_>) -> T) -> T {
        let (common, stack_tags) = (Common::default(), Tags::new());
        use_scope(&Scope {
            is_preview: false,
            stack: "couch",
            section: "roles",
            name,
            common: &common,
            stack_tags: &stack_tags,
            secrets: &Secrets::default(),
        })
    }

    fn role(properties: Value) -> RoleElement {
        let mut all = json!({ "trust": ["lambda.amazonaws.com"] });
        all.as_object_mut().unwrap().extend(properties.as_object().unwrap().clone());
        serde_json::from_value(all).unwrap()
    }

    fn codes(properties: Value) -> Vec<(&'static str, String)> {
        let mut findings = Findings::default();
        with("worker", |at| Roles::check(&role(properties), at, &mut findings));
        findings.0.iter().map(|f| (f.code, f.path.to_string())).collect()
    }

    fn lower(name: &str, properties: Value) -> Value {
        let mut out = LoweredStack::default();
        with(name, |at| Roles::lower(role(properties), at, &mut out));
        out.resources.remove(0).spec
    }

    #[test]
    fn a_role_that_says_little_states_the_defaults_of_aws() {
        let spec = lower("worker", json!({}));
        assert_eq!(
            spec,
            json!({
                "name": "couch-worker",
                "path": "/",
                "max_session_duration": 3600,
                "assume_role_policy": { "Version": "2012-10-17", "Statement": [
                    { "Effect": "Allow", "Principal": { "Service": "lambda.amazonaws.com" }, "Action": "sts:AssumeRole" },
                ] },
                "inline_policies": {},
                "managed_policy_arns": [],
                "tags": { "deployer:stack": "couch", "deployer:address": "roles.worker" },
            })
        );
    }

    #[test]
    fn permissions_become_one_inline_policy_beside_the_others_and_keep_their_references() {
        let spec = lower(
            "worker",
            json!({
                "permissions": [{ "allow": "sqs:SendMessage", "on": "${queues.q.arn}" }],
                "inline_policies": { "more": { "Version": "2012-10-17", "Statement": [] } },
                "managed_policy_arns": ["arn:b", "arn:a", "arn:b"],
            }),
        );
        assert_eq!(spec["inline_policies"]["permissions"]["Statement"][0]["Resource"], "${queues.q.arn}");
        assert_eq!(spec["inline_policies"]["more"]["Statement"], json!([]));
        assert_eq!(spec["managed_policy_arns"], json!(["arn:a", "arn:b"]));
    }

    #[test]
    fn a_long_default_name_fits_into_iam() {
        let name = lower(&"image-worker-".repeat(8), json!({}))["name"].as_str().unwrap().to_owned();
        assert!(name.len() <= 64 && name.starts_with("couch-image-worker-"), "{name}");
    }

    #[test]
    fn a_sound_role_has_no_findings() {
        assert_eq!(codes(json!({ "permissions": [{ "allow": "sqs:SendMessage", "on": "${queues.q.arn}" }] })), []);
    }

    #[test]
    fn what_iam_would_refuse_is_an_error_at_its_place() {
        let document = json!({ "Version": "2012-10-17", "Statement": [] });
        let boundary = "arn:aws:iam::aws:policy/P";
        for (bad, code, path) in [
            (json!({ "trust": [] }), "role::trust", ""),
            (json!({ "assume_role_policy": document }), "role::trust", ".assume_role_policy"),
            (json!({ "trust": ["lambda"] }), "role::trust-service", ".trust.0"),
            (json!({ "trust": null, "assume_role_policy": {} }), "policy::shape", ".assume_role_policy"),
            (json!({ "inline_policies": { "a b": document } }), "role::policy-name", ".inline_policies.a b"),
            (json!({ "managed_policy_arns": vec![boundary; 11] }), "role::managed-policies", ".managed_policy_arns"),
            (json!({ "managed_policy_arns": ["ReadOnly"] }), "role::policy-arn", ".managed_policy_arns.0"),
            (json!({ "permissions_boundary": "ReadOnly" }), "role::policy-arn", ".permissions_boundary"),
            (json!({ "description": "a sofa 🛋" }), "role::description", ".description"),
        ] {
            assert!(codes(bad).contains(&(code, format!("roles.worker{path}"))), "{code}");
        }
    }
}
