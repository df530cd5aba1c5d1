//! The user of a rehearsal: it may do what `deployer iam apply --with-state` prints, without the conditions, and nothing
//! else.

use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use serde_json::{Value, json};

use super::super::permissions::{Extent, Whereabouts, permissions};
use super::super::{LoadedStack, Settings};
use crate::aws::Aws;
use crate::failure::Failure;
use crate::iam::{Document, Task};
use crate::state::State;

const USER: &str = "deployer-rehearsal";

/// Actions that the private cloud denies where AWS allows them: it compares other resources than AWS, or does not know
/// the path of a role that does not exist. The user may call them on every resource, if the policy has them at all.
const COMPARED_OTHERWISE: &[&str] = &[
    "apigateway:DELETE",
    "apigateway:PATCH",
    "apigateway:POST",
    "apigateway:PUT",
    "cloudwatch:DeleteAlarms",
    "cloudwatch:ListTagsForResource",
    "cloudwatch:PutMetricAlarm",
    "iam:GetRole",
    "iam:GetRolePolicy",
    "iam:ListAttachedRolePolicies",
    "iam:ListRolePolicies",
    "lambda:CreateEventSourceMapping",
    "lambda:DeleteEventSourceMapping",
    "lambda:UpdateEventSourceMapping",
];

/// Creates the user. Returns its access key with the secret.
pub(super) async fn create(
    root: &Aws,
    loaded: &LoadedStack,
    settings: &Settings,
    state: Option<&State>,
) -> Result<(String, String), Failure> {
    let at = Whereabouts::at(root.place.clone(), state.cloned());
    let mut allowed = permissions(loaded, settings, &at, &Extent::from(Task::Apply))?;
    // The private cloud knows few of the keys that conditions compare, and would refuse what AWS allows.
    allowed.allow.iter_mut().for_each(|grant| grant.conditions.clear());
    let document = Document::of(&allowed);
    let iam = &root.clients.iam;
    iam.create_user().user_name(USER).send().await.map_err(|error| not_created(&error))?;
    let parts = document.split().iter().map(Document::to_json).chain(compared_otherwise(&document)).collect::<Vec<_>>();
    for (number, part) in parts.into_iter().enumerate() {
        let call = iam.put_user_policy().user_name(USER).policy_name(format!("deployer-{number}"));
        call.policy_document(part.to_string()).send().await.map_err(|error| not_created(&error))?;
    }
    let key = iam.create_access_key().user_name(USER).send().await.map_err(|error| not_created(&error))?.access_key;
    let key = key.ok_or_else(|| Failure::internal("the private local cloud gave a user no key"))?;
    Ok((key.access_key_id, key.secret_access_key))
}

/// Allows those of the document's actions that the private cloud would deny.
fn compared_otherwise(document: &Document) -> Option<Value> {
    let named = document.actions();
    let actions: Vec<_> = COMPARED_OTHERWISE.iter().filter(|action| named.contains(*action)).collect();
    let statement = json!({ "Effect": "Allow", "Action": actions, "Resource": "*" });
    (!actions.is_empty()).then(|| json!({ "Version": "2012-10-17", "Statement": [statement] }))
}

fn not_created(error: &impl ProvideErrorMetadata) -> Failure {
    let why = error.message().or(error.code()).unwrap_or("it does not answer");
    let message = format!("the private local cloud has no user with the permissions of the printed policy: {why}");
    Failure::plain("rehearse::not-set-up", message, "nothing was changed; run the same command again")
}
