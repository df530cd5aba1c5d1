//! Roles and users in policies of resources. IAM stores their ids in place of their names, so each has to exist.

use futures::future::{BoxFuture, FutureExt};
use serde_json::Value;

use super::super::documents::{Identity, principal_arns};
use super::super::{About, Call, Place, Refusal, Rule, facts};
use crate::aws::policy;

/// Refuses a policy that names a role or user that does not exist.
#[derive(Default)]
pub struct Principals;

impl Rule for Principals {
    fn about(&self) -> About {
        About {
            name: "principals",
            summary: "a policy that names a role or user which does not exist, or names it with a wildcard, is refused",
            source: "IAM User Guide, \"AWS JSON policy elements: Principal\"; MalformedPolicyDocument \"Invalid \
                     principal in policy\" in terraform-provider-aws#8905",
        }
    }

    fn before<'a>(&'a self, call: &'a Call, place: Place<'a>) -> BoxFuture<'a, Option<Refusal>> {
        async move {
            for principal in named(call) {
                let Some(identity) = Identity::of(&principal).filter(|one| one.account == place.account) else {
                    continue;
                };
                let is_absent = match identity.kind {
                    _ if identity.name.contains('*') => true,
                    _ if Identity::is_of_service(&principal) => false,
                    "role" => facts::trust(place, identity.name).await.is_absent(),
                    _ => facts::user(place, identity.name).await.is_absent(),
                };
                if is_absent {
                    return Some(refusal(call, &principal));
                }
            }
            None
        }
        .boxed()
    }
}

/// Lists the ARNs in the policy that a call gives to a resource.
pub fn named(call: &Call) -> Vec<String> {
    let input = &call.input;
    let text = match (call.service, call.operation) {
        ("SQS", "CreateQueue" | "SetQueueAttributes") | ("SNS", "CreateTopic") => &input["Attributes"]["Policy"],
        ("SNS", "SetTopicAttributes") if call.text("AttributeName") == "Policy" => &input["AttributeValue"],
        ("S3", "PutBucketPolicy") => &input["Policy"],
        ("IAM", "CreateRole") => &input["AssumeRolePolicyDocument"],
        ("IAM", "UpdateAssumeRolePolicy") => &input["PolicyDocument"],
        ("Lambda", "AddPermission") => {
            return [call.text("Principal")]
                .iter()
                .filter(|name| name.starts_with("arn:"))
                .map(ToString::to_string)
                .collect();
        }
        _ => &Value::Null,
    };
    let document = text.as_str().and_then(|text| policy::parse(text).ok()).unwrap_or(Value::Null);
    principal_arns(&document).into_iter().map(str::to_owned).collect()
}

/// Refuses a call that gives a resource a policy with an unknown principal.
pub fn refusal(call: &Call, principal: &str) -> Refusal {
    match call.service {
        "IAM" => {
            let message = format!("Invalid principal in policy: \"AWS\":\"{principal}\"");
            Refusal::invalid("MalformedPolicyDocument", message)
        }
        "S3" => Refusal::invalid("MalformedPolicy", "Invalid principal in policy"),
        "SNS" => Refusal::invalid("InvalidParameter", "Invalid parameter: Policy Error: PrincipalNotFound"),
        "SQS" => Refusal::invalid("InvalidAttributeValue", "Invalid value for the parameter Policy."),
        _ => {
            let message = "The provided principal was invalid. Please check the principal and try again.";
            Refusal::invalid("InvalidParameterValueException", message)
        }
    }
}
