//! Changes of a role that other services do not see at once.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::Duration;

use futures::future::{BoxFuture, FutureExt, ready};
use serde_json::Value;

use super::super::documents::{Identity, lets_assume};
use super::super::facts::{self, Fact, Policies};
use super::super::place::Key;
use super::super::{About, Answer, Call, Place, Refusal, Rule};
use super::execution_role::PassedRole;
use super::source_permissions::missing_permission;
use super::{execution_role, principals};
use crate::mutex::lock;

/// Seen on AWS: 7 to 12 s.
const SPREADS: Duration = Duration::from_secs(10);

/// Refuses functions, schedules, targets, mappings and policies that need a role, a trust policy or a permission of the last seconds.
#[derive(Default)]
pub struct RolePropagation {
    created: Mutex<HashMap<Key, Duration>>,
    /// The changes of roles' policies that have not spread yet, in their order.
    changes: Mutex<Vec<Change>>,
}

/// A change of a role.
struct Change {
    role: Key,
    since: Duration,
    /// The changed policy before, or the trust policy.
    was: Was,
}

#[derive(Clone)]
enum Was {
    Trust(Value),
    /// The policy's name or ARN, and its document if it was there.
    Policy(String, Option<Value>),
}

impl Rule for RolePropagation {
    fn about(&self) -> About {
        About {
            name: "role-propagation",
            summary: "a new role cannot be assumed or named in a policy, and its changed policies do not count, for \
                      some 10 s",
            source: "IAM User Guide, \"Changes that I make are not always immediately visible\"; Lambda's \
                     InvalidParameterValueException \"The role defined for the function cannot be assumed by Lambda.\"",
        }
    }

    fn before<'a>(&'a self, call: &'a Call, place: Place<'a>) -> BoxFuture<'a, Option<Refusal>> {
        async move {
            self.forget_old(place);
            if let Some(principal) = principals::named(call).into_iter().find(|arn| self.is_new(arn, place)) {
                return Some(principals::refusal(call, &principal));
            }
            let passed = execution_role::passed_roles(call);
            if !passed.is_empty() {
                let new = passed.iter().find(|role| self.is_unassumable(role, place));
                return new.map(execution_role::refusal);
            }
            if call.is("Lambda", &["CreateEventSourceMapping"]) {
                return self.judge_mapping(call, place).await;
            }
            self.note(call, place).await;
            None
        }
        .boxed()
    }

    fn after<'a>(&'a self, call: &'a Call, answer: &'a mut Answer, place: Place<'a>) -> BoxFuture<'a, ()> {
        let role = place.global(call.text("RoleName"));
        if answer.is_success() && call.is("IAM", &["CreateRole"]) {
            lock(&self.created).insert(role, place.now);
        } else if answer.is_success() && call.is("IAM", &["DeleteRole"]) {
            lock(&self.created).remove(&role);
            lock(&self.changes).retain(|change| change.role != role);
        }
        ready(()).boxed()
    }
}

impl RolePropagation {
    fn forget_old(&self, place: Place<'_>) {
        lock(&self.created).retain(|_, since| !place.is_over(*since, SPREADS));
        lock(&self.changes).retain(|change| !place.is_over(change.since, SPREADS));
    }

    /// Tells whether an ARN names a role that was created in the last seconds.
    fn is_new(&self, arn: &str, place: Place<'_>) -> bool {
        let role = Identity::of(arn).filter(|one| one.kind == "role" && one.account == place.account);
        role.is_some_and(|role| lock(&self.created).contains_key(&place.global(role.name)))
    }

    fn is_unassumable(&self, passed: &PassedRole<'_>, place: Place<'_>) -> bool {
        let Some(role) = Identity::of(passed.arn) else { return false };
        let earlier = self.changes_of(role.name, place).into_iter().find_map(|was| match was {
            Was::Trust(trust) => Some(trust),
            Was::Policy(..) => None,
        });
        self.is_new(passed.arn, place) || earlier.is_some_and(|trust| !lets_assume(&trust, passed.service))
    }

    /// Returns the changes of a role that have not spread yet, from the oldest to the newest.
    fn changes_of(&self, role: &str, place: Place<'_>) -> Vec<Was> {
        let key = place.global(role);
        lock(&self.changes).iter().filter(|change| change.role == key).map(|change| change.was.clone()).collect()
    }

    async fn judge_mapping(&self, call: &Call, place: Place<'_>) -> Option<Refusal> {
        if lock(&self.created).is_empty() && lock(&self.changes).is_empty() {
            return None;
        }
        let function = facts::function(place, call.text("FunctionName")).await.found()?;
        let role = Identity::of(function.role()?)?;
        let is_new = self.is_new(function.role()?, place);
        let changes = self.changes_of(role.name, place);
        if !is_new && changes.is_empty() {
            return None;
        }
        let now = facts::policies_of_role(place, role.name).await?;
        let then = if is_new { Policies::new() } else { before_changes(now.clone(), changes) };
        let source = call.text("EventSourceArn");
        // A permission that is missing now as well is no matter of time.
        missing_permission(&now, source).is_none().then(|| missing_permission(&then, source))?
    }

    /// Notes a role's policy before it changes.
    async fn note(&self, call: &Call, place: Place<'_>) {
        let role = call.text("RoleName");
        let was = match (call.service, call.operation) {
            ("IAM", "UpdateAssumeRolePolicy") => facts::trust(place, role).await.found().map(Was::Trust),
            ("IAM", "PutRolePolicy" | "DeleteRolePolicy") => {
                let name = call.text("PolicyName");
                match facts::policy_of_role(place, role, name).await {
                    Fact::Found(document) => Some(Was::Policy(name.to_owned(), Some(document))),
                    Fact::Absent => Some(Was::Policy(name.to_owned(), None)),
                    Fact::Unknown => None,
                }
            }
            // A detached policy counts for some seconds more, which refuses nothing.
            ("IAM", "AttachRolePolicy") => {
                let arn = call.text("PolicyArn");
                let is_new = facts::is_attached(place, role, arn).await == Some(false);
                is_new.then(|| Was::Policy(arn.to_owned(), None))
            }
            _ => None,
        };
        if let Some(was) = was {
            lock(&self.changes).push(Change { role: place.global(role), since: place.now, was });
        }
    }
}

/// Returns the policies of a role before changes, of which the oldest comes first.
fn before_changes(now: Policies, changes: Vec<Was>) -> Policies {
    changes.into_iter().rev().fold(now, |mut policies, was| {
        match was {
            Was::Policy(name, Some(document)) => _ = policies.insert(name, document),
            Was::Policy(name, None) => _ = policies.remove(&name),
            Was::Trust(_) => {}
        }
        policies
    })
}
