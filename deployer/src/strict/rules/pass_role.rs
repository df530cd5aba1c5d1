//! The permission to give a role to a function.

use futures::future::{BoxFuture, FutureExt, ready};

use super::super::documents::may_pass;
use super::super::{About, Answer, Call, Place, Refusal, Rule};
use super::caller::Callers;
use super::execution_role::takes_role;

/// Refuses a function whose caller may not pass its role to Lambda.
#[derive(Default)]
pub struct PassRole {
    callers: Callers,
}

impl Rule for PassRole {
    fn about(&self) -> About {
        About {
            name: "pass-role",
            summary: "a caller may give a function only a role that it may pass to Lambda; a caller that cannot be \
                      identified may pass any",
            source: "IAM User Guide, \"Grant a user permissions to pass a role to an AWS service\"; AccessDeniedException \
                     in LBHackney-IT/Data-Platform#1990",
        }
    }

    fn before<'a>(&'a self, call: &'a Call, place: Place<'a>) -> BoxFuture<'a, Option<Refusal>> {
        async move {
            let role = call.text("Role");
            if !takes_role(call) || role.is_empty() {
                return None;
            }
            let caller = self.callers.identify(call, place).await?;
            (!may_pass(&caller.policies, role, "lambda.amazonaws.com")).then(|| {
                let message = format!(
                    "User: {} is not authorized to perform: iam:PassRole on resource: {role} because no identity-based \
                     policy allows the iam:PassRole action",
                    caller.arn
                );
                Refusal::with_status(403, "AccessDeniedException", message)
            })
        }
        .boxed()
    }

    fn after<'a>(&'a self, call: &'a Call, answer: &'a mut Answer, place: Place<'a>) -> BoxFuture<'a, ()> {
        self.callers.learn(call, answer, place);
        ready(()).boxed()
    }
}
