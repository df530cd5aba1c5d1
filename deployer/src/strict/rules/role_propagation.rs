//! Changes of a role that other services do not see at once.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::Duration;

use futures::future::{BoxFuture, FutureExt, ready};

use super::super::call::last;
use super::super::place::Key;
use super::super::{About, Answer, Call, Place, Refusal, Rule};
use crate::mutex::lock;

/// Seen on AWS: 7 to 12 s.
const SPREADS: Duration = Duration::from_secs(10);

/// Refuses a function whose role Lambda cannot assume yet, and a mapping whose role has no permissions yet.
#[derive(Default)]
pub struct RolePropagation {
    created: Mutex<HashMap<Key, Duration>>,
    /// Roles whose policies changed.
    changed: Mutex<HashMap<Key, Duration>>,
    /// The functions' roles.
    functions: Mutex<HashMap<Key, String>>,
}

impl Rule for RolePropagation {
    fn about(&self) -> About {
        About {
            name: "role-propagation",
            summary: "a new role cannot be assumed, and a new policy does not count, for some 10 s",
            source: "IAM User Guide, \"Changes that I make are not always immediately visible\"; Lambda's \
                     InvalidParameterValueException \"The role defined for the function cannot be assumed by Lambda.\"",
        }
    }

    fn before<'a>(&'a self, call: &'a Call, place: Place<'a>) -> BoxFuture<'a, Option<Refusal>> {
        ready(self.refusal(call, place)).boxed()
    }

    fn after<'a>(&'a self, call: &'a Call, answer: &'a mut Answer, place: Place<'a>) -> BoxFuture<'a, ()> {
        if answer.is_success() {
            self.learn(call, place);
        }
        ready(()).boxed()
    }
}

impl RolePropagation {
    fn refusal(&self, call: &Call, place: Place<'_>) -> Option<Refusal> {
        let is_young = |when: &Mutex<HashMap<Key, Duration>>, role: &str| {
            lock(when).get(&place.global(role)).is_some_and(|since| !place.is_over(*since, SPREADS))
        };
        if call.is("Lambda", &["CreateFunction", "UpdateFunctionConfiguration"])
            && is_young(&self.created, call.name("Role"))
        {
            let message = "The role defined for the function cannot be assumed by Lambda.";
            return Some(Refusal::invalid("InvalidParameterValueException", message));
        }
        if call.is("Lambda", &["CreateEventSourceMapping"]) {
            let role = lock(&self.functions).get(&place.key(call.name("FunctionName"))).cloned()?;
            return is_young(&self.changed, &role).then(|| {
                let message = "The provided execution role does not have permissions to call ReceiveMessage on SQS";
                Refusal::invalid("InvalidParameterValueException", message)
            });
        }
        None
    }

    fn learn(&self, call: &Call, place: Place<'_>) {
        match (call.service, call.operation) {
            ("IAM", "CreateRole") => {
                lock(&self.created).insert(place.global(call.text("RoleName")), place.now);
            }
            ("IAM", "PutRolePolicy" | "AttachRolePolicy") => {
                lock(&self.changed).insert(place.global(call.text("RoleName")), place.now);
            }
            ("Lambda", "CreateFunction" | "UpdateFunctionConfiguration") => {
                let role = last(call.text("Role"));
                if !role.is_empty() {
                    lock(&self.functions).insert(place.key(call.name("FunctionName")), role.to_owned());
                }
            }
            _ => {}
        }
    }
}
