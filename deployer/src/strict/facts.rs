//! Questions of rules to the emulator. A question without an answer is no ground for a refusal.

use std::collections::BTreeMap;

use aws_sdk_lambda::operation::get_function_configuration::GetFunctionConfigurationOutput;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use serde_json::Value;

use super::place::Place;
use crate::aws::{Clients, policy};

/// An answer about a resource.
#[derive(Debug, Clone, PartialEq)]
pub enum Fact<T> {
    Found(T),
    Absent,
    /// The emulator did not answer, or does not have the operation.
    Unknown,
}

impl<T> Fact<T> {
    pub fn found(self) -> Option<T> {
        match self {
            Self::Found(value) => Some(value),
            Self::Absent | Self::Unknown => None,
        }
    }

    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Fact<U> {
        match self {
            Self::Found(value) => Fact::Found(change(value)),
            Self::Absent => Fact::Absent,
            Self::Unknown => Fact::Unknown,
        }
    }

    pub fn is_absent(&self) -> bool {
        matches!(self, Self::Absent)
    }
}

const ABSENT: &[&str] = &[
    "NoSuchEntity",
    "NoSuchEntityException",
    "ResourceNotFoundException",
    "QueueDoesNotExist",
    "AWS.SimpleQueueService.NonExistentQueue",
];

/// Reads the answer to a question.
pub fn fact<T, E: ProvideErrorMetadata, R>(answer: Result<T, SdkError<E, R>>) -> Fact<T> {
    match answer {
        Ok(value) => Fact::Found(value),
        Err(SdkError::ServiceError(refused)) if refused.err().code().is_some_and(|code| ABSENT.contains(&code)) => {
            Fact::Absent
        }
        Err(_) => Fact::Unknown,
    }
}

/// Returns the trust policy of a role.
pub async fn trust(place: Place<'_>, role: &str) -> Fact<Value> {
    let answer = place.clients().await.iam.get_role().role_name(role).send().await;
    let document = |text: Option<String>| text.and_then(|text| policy::parse(&text).ok()).unwrap_or(Value::Null);
    fact(answer).map(|found| document(found.role.and_then(|role| role.assume_role_policy_document)))
}

/// Policies by their names, or by their ARNs. Null stands for a document that is not known.
pub type Policies = BTreeMap<String, Value>;

/// Returns the permissions of a role, without its boundary. None if the emulator does not list them.
pub async fn policies_of_role(place: Place<'_>, role: &str) -> Option<Policies> {
    let clients = place.clients().await;
    let iam = &clients.iam;
    let mut policies = Policies::new();
    let inline = iam.list_role_policies().role_name(role).send().await.ok()?;
    for name in inline.policy_names {
        let document = policy_of_role(place, role, &name).await;
        policies.insert(name, document.found().unwrap_or(Value::Null));
    }
    let attached = iam.list_attached_role_policies().role_name(role).send().await.ok()?;
    for arn in attached.attached_policies.unwrap_or_default().into_iter().filter_map(|policy| policy.policy_arn) {
        let document = managed_policy(&clients, &arn).await;
        policies.insert(arn, document.unwrap_or(Value::Null));
    }
    Some(policies)
}

/// Tells whether a managed policy is attached to a role.
pub async fn is_attached(place: Place<'_>, role: &str, arn: &str) -> Option<bool> {
    let answer = place.clients().await.iam.list_attached_role_policies().role_name(role).send().await.ok()?;
    Some(answer.attached_policies().iter().any(|policy| policy.policy_arn() == Some(arn)))
}

/// Returns an inline policy of a role.
pub async fn policy_of_role(place: Place<'_>, role: &str, name: &str) -> Fact<Value> {
    let iam = &place.clients().await.iam;
    let answer = iam.get_role_policy().role_name(role).policy_name(name).send().await;
    fact(answer).map(|found| policy::parse(&found.policy_document).unwrap_or(Value::Null))
}

/// Returns the document of a managed policy.
pub async fn managed_policy(clients: &Clients, arn: &str) -> Option<Value> {
    let found = clients.iam.get_policy().policy_arn(arn).send().await.ok()?;
    let version = found.policy?.default_version_id?;
    let found = clients.iam.get_policy_version().policy_arn(arn).version_id(version).send().await.ok()?;
    policy::parse(&found.policy_version?.document?).ok()
}

/// Tells whether a user exists.
pub async fn user(place: Place<'_>, name: &str) -> Fact<()> {
    fact(place.clients().await.iam.get_user().user_name(name).send().await).map(drop)
}

/// Returns the configuration of a function.
pub async fn function(place: Place<'_>, name: &str) -> Fact<GetFunctionConfigurationOutput> {
    fact(place.clients().await.lambda.get_function_configuration().function_name(name).send().await)
}
