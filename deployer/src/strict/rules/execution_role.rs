//! The roles of functions: Lambda assumes them when a function is created or its role is changed.

use futures::future::{BoxFuture, FutureExt};

use super::super::documents::{Identity, lets_assume};
use super::super::facts::{self, Fact};
use super::super::{About, Call, Place, Refusal, Rule};

/// Refuses a function whose role does not exist, or does not trust Lambda.
#[derive(Default)]
pub struct ExecutionRole;

impl Rule for ExecutionRole {
    fn about(&self) -> About {
        About {
            name: "execution-role",
            summary: "the role of a function exists, and its trust policy names lambda.amazonaws.com",
            source: "Lambda Developer Guide, \"Defining Lambda function permissions with an execution role\"; \
                     InvalidParameterValueException \"The role defined for the function cannot be assumed by Lambda.\"",
        }
    }

    fn before<'a>(&'a self, call: &'a Call, place: Place<'a>) -> BoxFuture<'a, Option<Refusal>> {
        async move {
            let role =
                Identity::of(call.text("Role")).filter(|role| takes_role(call) && role.account == place.account)?;
            let is_wrong = match facts::trust(place, role.name).await {
                Fact::Found(trust) => !lets_assume(&trust, "lambda"),
                Fact::Absent => !Identity::is_of_service(call.text("Role")),
                Fact::Unknown => false,
            };
            is_wrong.then(refusal)
        }
        .boxed()
    }
}

/// Tells whether Lambda assumes the role of a call.
pub fn takes_role(call: &Call) -> bool {
    call.is("Lambda", &["CreateFunction", "UpdateFunctionConfiguration"])
}

/// Refuses a role that Lambda cannot assume.
pub fn refusal() -> Refusal {
    let message = "The role defined for the function cannot be assumed by Lambda.";
    Refusal::invalid("InvalidParameterValueException", message)
}
