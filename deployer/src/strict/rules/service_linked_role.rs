//! The role that API Gateway makes for itself with the first API of an account.

use std::collections::HashSet;
use std::sync::Mutex;

use futures::future::{BoxFuture, FutureExt, ready};

use super::super::documents::allow;
use super::super::{About, Answer, Call, Place, Refusal, Rule, facts};
use super::caller::Callers;
use crate::mutex::lock;

const NAME: &str = "AWSServiceRoleForAPIGateway";

/// Refuses an account's first API if its caller may not create API Gateway's own role.
#[derive(Default)]
pub struct ServiceLinkedRole {
    callers: Callers,
    /// Accounts in which API Gateway has its role.
    made: Mutex<HashSet<String>>,
}

impl Rule for ServiceLinkedRole {
    fn about(&self) -> About {
        About {
            name: "service-linked-role",
            summary: "the first API of an account needs a caller that may create API Gateway's own role; a caller that \
                      cannot be identified may",
            source: "API Gateway Developer Guide, \"Using service-linked roles for API Gateway\"; AccessDeniedException \
                     in amplify-education/serverless-domain-manager#112, seen there for a domain name",
        }
    }

    fn before<'a>(&'a self, call: &'a Call, place: Place<'a>) -> BoxFuture<'a, Option<Refusal>> {
        async move {
            if !makes_api(call) || lock(&self.made).contains(place.account) {
                return None;
            }
            let caller = self.callers.identify(call, place).await?;
            let role =
                format!("arn:aws:iam::{}:role/aws-service-role/ops.apigateway.amazonaws.com/{NAME}", place.account);
            if allow(&caller.policies, "iam:CreateServiceLinkedRole", &role)
                || !facts::trust(place, NAME).await.is_absent()
            {
                return None;
            }
            let message = "Caller does not have permissions to create a Service Linked Role.";
            Some(Refusal::with_status(403, "AccessDeniedException", message))
        }
        .boxed()
    }

    fn after<'a>(&'a self, call: &'a Call, answer: &'a mut Answer, place: Place<'a>) -> BoxFuture<'a, ()> {
        self.callers.learn(call, answer, place);
        if answer.is_success() && makes_api(call) {
            lock(&self.made).insert(place.account.to_owned());
        }
        ready(()).boxed()
    }
}

fn makes_api(call: &Call) -> bool {
    call.is("API Gateway", &["CreateRestApi"]) || call.is("ApiGatewayV2", &["CreateApi"])
}
