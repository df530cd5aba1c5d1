//! The permission to give a role to a function, a schedule or a target.

use futures::future::{BoxFuture, FutureExt, ready};

use super::super::documents::may_pass;
use super::super::{About, Answer, Call, Place, Refusal, Rule};
use super::caller::Callers;
use super::execution_role::{PassedRole, passed_roles};

/// Refuses a role that the caller may not pass to the service that gets it.
#[derive(Default)]
pub struct PassRole {
    callers: Callers,
}

impl Rule for PassRole {
    fn about(&self) -> About {
        About {
            name: "pass-role",
            summary: "a caller may give a function, a schedule or a rule's target only a role that it may pass to the service; a \
                      caller that cannot be identified may pass any",
            source: "IAM User Guide, \"Grant a user permissions to pass a role to an AWS service\"; AccessDeniedException \
                     in LBHackney-IT/Data-Platform#1990",
        }
    }

    fn before<'a>(&'a self, call: &'a Call, place: Place<'a>) -> BoxFuture<'a, Option<Refusal>> {
        async move {
            let roles = passed_roles(call);
            if roles.is_empty() {
                return None;
            }
            let caller = self.callers.identify(call, place).await?;
            let may = |passed: &&PassedRole<'_>| {
                may_pass(&caller.policies, passed.arn, &format!("{}.amazonaws.com", passed.service))
            };
            roles.iter().find(|passed| !may(passed)).map(|PassedRole { arn: role, .. }| {
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
