//! The roles that services assume: Lambda and Scheduler try that when a function or a schedule gets its role, EventBridge
//! when a rule gets a target.

use futures::future::{BoxFuture, FutureExt};

use super::super::documents::{Identity, lets_assume};
use super::super::facts::{self, Fact};
use super::super::{About, Call, Place, Refusal, Rule};

/// Refuses a role that does not exist, or does not trust the service that gets it.
#[derive(Default)]
pub struct ExecutionRole;

impl Rule for ExecutionRole {
    fn about(&self) -> About {
        About {
            name: "execution-role",
            summary: "the role of a function, a schedule or a rule's target exists, and its trust policy names the service",
            source: "Lambda Developer Guide, \"Defining Lambda function permissions with an execution role\"; \
                     InvalidParameterValueException \"The role defined for the function cannot be assumed by Lambda.\"; Scheduler's \
                     ValidationException in aws/aws-sdk-js-v3#6494",
        }
    }

    fn before<'a>(&'a self, call: &'a Call, place: Place<'a>) -> BoxFuture<'a, Option<Refusal>> {
        async move {
            for passed in passed_roles(call) {
                let Some(role) = Identity::of(passed.arn).filter(|role| role.account == place.account) else {
                    continue;
                };
                let is_wrong = match facts::trust(place, role.name).await {
                    Fact::Found(trust) => !lets_assume(&trust, passed.service),
                    Fact::Absent => !Identity::is_of_service(passed.arn),
                    Fact::Unknown => false,
                };
                if is_wrong {
                    return Some(refusal(&passed));
                }
            }
            None
        }
        .boxed()
    }
}

/// A role that a call gives to a service.
pub struct PassedRole<'c> {
    pub arn: &'c str,
    /// The first part of the service's principal: `lambda`.
    pub service: &'static str,
}

/// Lists the roles that a call gives to the service, which tries to assume them.
pub fn passed_roles(call: &Call) -> Vec<PassedRole<'_>> {
    let text = |value: &'_ serde_json::Value| value.as_str().is_some_and(|arn| !arn.is_empty());
    let (values, service): (Vec<&serde_json::Value>, _) = match (call.service, call.operation) {
        ("Lambda", "CreateFunction" | "UpdateFunctionConfiguration") => (vec![&call.input["Role"]], "lambda"),
        ("Scheduler", "CreateSchedule" | "UpdateSchedule") => (vec![&call.input["Target"]["RoleArn"]], "scheduler"),
        ("EventBridge", "PutTargets") => {
            let targets = call.input["Targets"].as_array().into_iter().flatten();
            (targets.map(|target| &target["RoleArn"]).collect(), "events")
        }
        _ => (Vec::new(), ""),
    };
    let stated = values.into_iter().filter(|value| text(value));
    stated.filter_map(|value| Some(PassedRole { arn: value.as_str()?, service })).collect()
}

/// Refuses a role that the service cannot assume.
pub fn refusal(role: &PassedRole<'_>) -> Refusal {
    match role.service {
        "scheduler" => Refusal::invalid(
            "ValidationException",
            "The execution role you provide must allow AWS EventBridge Scheduler to assume the role.",
        ),
        "events" => Refusal::invalid(
            "ValidationException",
            format!("Provided role '{}' cannot be assumed by principal 'events.amazonaws.com'.", role.arn),
        ),
        _ => Refusal::invalid(
            "InvalidParameterValueException",
            "The role defined for the function cannot be assumed by Lambda.",
        ),
    }
}
