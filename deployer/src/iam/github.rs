//! GitHub Actions as a caller: the OIDC provider, and which runs may assume which role.

use serde_json::{Value, json};

use super::Document;
use crate::aws::Place;

/// The issuer that signs the tokens of GitHub's runs.
pub const ISSUER: &str = "token.actions.githubusercontent.com";
/// The audience for which `aws-actions/configure-aws-credentials` requests a token.
pub const AUDIENCE: &str = "sts.amazonaws.com";
/// Maximum length of a role's name.
const ROLE_NAME: usize = 64;

/// What a role of GitHub's runs is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Duty {
    Plan,
    Apply,
    /// Plans the stack, and creates and destroys the environments of pull requests.
    Preview,
}

impl Duty {
    pub const ALL: [Self; 3] = [Self::Plan, Self::Apply, Self::Preview];

    pub fn name(self) -> &'static str {
        match self {
            Self::Plan => "plan",
            Self::Apply => "apply",
            Self::Preview => "preview",
        }
    }
}

/// The repository whose runs may assume the roles.
#[derive(Debug, Clone)]
pub struct Repository {
    pub owner: String,
    pub name: String,
    /// GitHub's numeric ids of the owner and the repository; `None` accepts any ids.
    pub ids: Option<(u64, u64)>,
}

/// The runs that may assume a role.
#[derive(Debug, Clone)]
pub enum Source {
    /// Pull requests and every branch.
    Everything,
    PullRequests,
    Branches(Vec<String>),
    /// Jobs of this GitHub environment: their token names it in place of the branch.
    Environment(String),
}

/// The runs that a role trusts.
#[derive(Clone, Copy, Debug)]
pub struct Trust<'a> {
    pub repository: &'a Repository,
    /// Which of the repository's runs.
    pub source: &'a Source,
}

/// A role with its trust policy and permissions.
#[derive(Debug, Clone)]
pub struct Role {
    pub duty: Duty,
    pub source: Source,
    pub name: String,
    pub trust: Value,
    pub policies: Vec<(String, Document)>,
}

impl Repository {
    /// Returns the subjects that a run of this repository may have for `context`. Repositories created, renamed or
    /// transferred since 15 July 2026 have the second form, which also names owner and repository by their unchanging
    /// ids.
    fn subjects(&self, context: &str) -> [String; 2] {
        let Self { owner, name, ids } = self;
        let (owner_id, id) = match ids {
            Some((owner, repository)) => (owner.to_string(), repository.to_string()),
            None => ("*".to_owned(), "*".to_owned()),
        };
        [format!("repo:{owner}/{name}:{context}"), format!("repo:{owner}@{owner_id}/{name}@{id}:{context}")]
    }
}

impl Trust<'_> {
    /// Returns the subjects that a trusted run may have.
    fn subjects(&self) -> Vec<String> {
        let contexts = match self.source {
            Source::Everything => vec!["pull_request".to_owned(), "ref:refs/heads/*".to_owned()],
            Source::PullRequests => vec!["pull_request".to_owned()],
            Source::Branches(branches) => branches.iter().map(|branch| format!("ref:refs/heads/{branch}")).collect(),
            Source::Environment(name) => vec![format!("environment:{name}")],
        };
        contexts.iter().flat_map(|context| self.repository.subjects(context)).collect()
    }
}

/// Builds the role `duty` of a stack for the trusted runs.
pub fn role(duty: Duty, stack: &str, place: &Place, trust: Trust<'_>, policies: Vec<Document>) -> Role {
    let name = role_name(stack, duty);
    let numbered = |(i, document)| (policy_name(&name, i + 1), document);
    let policies = policies.into_iter().enumerate().map(numbered).collect();
    Role { trust: trust_policy(place, trust.subjects()), policies, name, duty, source: trust.source.clone() }
}

/// Returns the name of a role: `STACK-ci-apply`.
pub fn role_name(stack: &str, duty: Duty) -> String {
    let end = format!("-ci-{}", duty.name());
    let kept: String = stack.chars().take(ROLE_NAME - end.len()).collect();
    kept + &end
}

/// Returns the name of a role's policy, by its number.
pub fn policy_name(role: &str, number: usize) -> String {
    format!("{role}-{number}")
}

/// Returns the ARNs of all roles of a stack.
pub fn role_arns(stack: &str, place: &Place) -> Vec<String> {
    Duty::ALL.iter().map(|duty| role_arn(&role_name(stack, *duty), place)).collect()
}

/// Returns the ARN of a role.
pub fn role_arn(name: &str, place: &Place) -> String {
    format!("arn:{}:iam::{}:role/{name}", place.partition, place.account)
}

/// Returns the ARN of GitHub's provider in the account.
pub fn provider_arn(place: &Place) -> String {
    format!("arn:{}:iam::{}:oidc-provider/{ISSUER}", place.partition, place.account)
}

fn trust_policy(place: &Place, subjects: Vec<String>) -> Value {
    let (audience, subject) = (format!("{ISSUER}:aud"), format!("{ISSUER}:sub"));
    let condition = if subjects.iter().any(|one| one.contains('*')) {
        json!({ "StringEquals": { audience: AUDIENCE }, "StringLike": { subject: subjects } })
    } else {
        json!({ "StringEquals": { audience: AUDIENCE, subject: subjects } })
    };
    json!({
        "Version": "2012-10-17",
        "Statement": [{
            "Effect": "Allow",
            "Principal": { "Federated": provider_arn(place) },
            "Action": "sts:AssumeRoleWithWebIdentity",
            "Condition": condition,
        }]
    })
}

/// Renders everything to create as one JSON object.
pub fn to_json(place: &Place, roles: &[Role]) -> Value {
    let role = |role: &Role| {
        let policy = |(name, document): &(String, Document)| json!({ "name": name, "document": document.to_json() });
        json!({
            "name": role.name,
            "arn": role_arn(&role.name, place),
            "trust": role.trust,
            "policies": role.policies.iter().map(policy).collect::<Vec<_>>(),
        })
    };
    json!({
        "provider": { "arn": provider_arn(place), "url": format!("https://{ISSUER}"), "client_ids": [AUDIENCE] },
        "roles": roles.iter().map(role).collect::<Vec<_>>(),
    })
}

/// Returns the AWS CLI commands that create the resources in [`to_json`]'s output, once it is saved as `github.json`.
pub fn commands(place: &Place, roles: &[Role]) -> String {
    let account = format!("arn:{}:iam::{}", place.partition, place.account);
    let mut lines = vec![
        "Save the JSON as github.json. Then, with an administrator's credentials (jq reads the file):".to_owned(),
        String::new(),
        "  # once an account".to_owned(),
        format!("  aws iam create-open-id-connect-provider --url https://{ISSUER} --client-id-list {AUDIENCE}"),
    ];
    for (r, role) in roles.iter().enumerate() {
        let name = &role.name;
        lines.push(String::new());
        lines.push(format!(
            "  aws iam create-role --role-name {name} --assume-role-policy-document \"$(jq -c '.roles[{r}].trust' github.json)\""
        ));
        for (p, (policy, _)) in role.policies.iter().enumerate() {
            lines.push(format!(
                "  aws iam create-policy --policy-name {policy} --policy-document \"$(jq -c '.roles[{r}].policies[{p}].document' github.json)\""
            ));
            lines.push(format!(
                "  aws iam attach-role-policy --role-name {name} --policy-arn {account}:policy/{policy}"
            ));
        }
    }
    lines.extend([
        String::new(),
        "To bring a policy up to date later: aws iam create-policy-version --set-as-default --policy-arn ARN --policy-document …".to_owned(),
    ]);
    lines.join("\n")
}
