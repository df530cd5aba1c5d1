//! Questions of rules to the emulator. A question without an answer is no ground for a refusal.

use std::collections::{BTreeMap, HashMap};

use aws_sdk_lambda::operation::get_function_configuration::GetFunctionConfigurationOutput;
use aws_sdk_lambda::types::EventSourceMappingConfiguration;
use aws_sdk_sqs::types::QueueAttributeName;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use serde_json::Value;

use super::call::{FunctionName, last};
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

/// Returns the name of the user with an access key. None for any other key.
pub async fn user_of_key(place: Place<'_>, key: &str) -> Option<String> {
    place.clients().await.iam.get_access_key_last_used().access_key_id(key).send().await.ok()?.user_name
}

/// Returns the permissions of a user, without its boundary. Those of its groups are not known. None if the emulator does
/// not list them.
pub async fn policies_of_user(place: Place<'_>, user: &str) -> Option<Policies> {
    let clients = place.clients().await;
    let iam = &clients.iam;
    let mut policies = Policies::new();
    for name in iam.list_user_policies().user_name(user).send().await.ok()?.policy_names {
        let answer = iam.get_user_policy().user_name(user).policy_name(&name).send().await;
        let document = answer.ok().and_then(|found| policy::parse(&found.policy_document).ok());
        policies.insert(name, document.unwrap_or(Value::Null));
    }
    let attached = iam.list_attached_user_policies().user_name(user).send().await.ok()?;
    for arn in attached.attached_policies.unwrap_or_default().into_iter().filter_map(|policy| policy.policy_arn) {
        let document = managed_policy(&clients, &arn).await;
        policies.insert(arn, document.unwrap_or(Value::Null));
    }
    let groups = iam.list_groups_for_user().user_name(user).send().await.ok()?.groups;
    policies.extend(groups.into_iter().map(|group| (group.arn, Value::Null)));
    Some(policies)
}

/// Returns the configuration of a function, by its name or ARN.
pub async fn function(place: Place<'_>, function: &str) -> Fact<GetFunctionConfigurationOutput> {
    let function = FunctionName::of(function);
    let call = place.clients().await.lambda.get_function_configuration().function_name(function.name);
    fact(call.set_qualifier(function.qualifier.map(str::to_owned)).send().await)
}

/// Lists the statements of a function's resource policy.
pub async fn statements(place: Place<'_>, function: FunctionName<'_>) -> Fact<Vec<Value>> {
    let lambda = &place.clients().await.lambda;
    let call = lambda.get_policy().function_name(function.name);
    let answer = call.set_qualifier(function.qualifier.map(str::to_owned)).send().await;
    fact(answer).map(|found| {
        let document = policy::parse(found.policy().unwrap_or_default()).unwrap_or(Value::Null);
        document["Statement"].as_array().cloned().unwrap_or_default()
    })
}

/// Lists the mappings of a source.
pub async fn mappings(place: Place<'_>, source: &str) -> Option<Vec<EventSourceMappingConfiguration>> {
    let lambda = &place.clients().await.lambda;
    let found = lambda.list_event_source_mappings().event_source_arn(source).send().await.ok()?;
    found.event_source_mappings
}

/// A mapping, and the settings that a change of it may leave as they are.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Mapping {
    pub function: String,
    pub source: String,
    pub batch_size: i64,
    pub window_s: i64,
}

/// Returns a mapping.
pub async fn mapping(place: Place<'_>, uuid: &str) -> Fact<Mapping> {
    let answer = place.clients().await.lambda.get_event_source_mapping().uuid(uuid).send().await;
    fact(answer).map(|found| Mapping {
        function: found.function_arn.unwrap_or_default(),
        source: found.event_source_arn.unwrap_or_default(),
        batch_size: found.batch_size.unwrap_or_default().into(),
        window_s: found.maximum_batching_window_in_seconds.unwrap_or_default().into(),
    })
}

/// The attributes of a queue.
pub type Attributes = HashMap<String, String>;

/// Returns the attributes of a queue of the caller's account, by its ARN, URL or name.
pub async fn queue(place: Place<'_>, queue: &str) -> Fact<Attributes> {
    let sqs = &place.clients().await.sqs;
    let found = match fact(sqs.get_queue_url().queue_name(last(queue)).send().await) {
        Fact::Found(found) => found,
        Fact::Absent => return Fact::Absent,
        Fact::Unknown => return Fact::Unknown,
    };
    let call = sqs.get_queue_attributes().set_queue_url(found.queue_url).attribute_names(QueueAttributeName::All);
    let texts = |attributes: HashMap<QueueAttributeName, String>| {
        attributes.into_iter().map(|(name, value)| (name.as_str().to_owned(), value)).collect()
    };
    fact(call.send().await).map(|found| texts(found.attributes.unwrap_or_default()))
}
