//! Reads of a role right after its creation.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::Duration;

use futures::future::{BoxFuture, FutureExt, ready};

use super::super::place::Key;
use super::super::{About, Answer, Call, Off, Place, Refusal, Rule};
use crate::mutex::lock;

const NEW: Duration = Duration::from_secs(2);
const READS: &[&str] = &["GetRole", "ListRolePolicies", "GetRolePolicy", "ListAttachedRolePolicies"];

/// Answers every second read of a new role as if there were none.
#[derive(Default)]
pub struct RoleReads {
    created: Mutex<HashMap<Key, NewRole>>,
}

struct NewRole {
    since: Duration,
    reads: u32,
}

impl Rule for RoleReads {
    fn about(&self) -> About {
        About {
            name: "role-reads",
            summary: "some reads do not find a role that is 2 s old",
            source: "IAM User Guide, \"Changes that I make are not always immediately visible\"; the waiter RoleExists",
        }
    }

    fn off(&self) -> Option<Off> {
        Some(Off::because("a run that follows within seconds may take a role for deleted"))
    }

    fn before<'a>(&'a self, call: &'a Call, place: Place<'a>) -> BoxFuture<'a, Option<Refusal>> {
        ready(self.refusal(call, place)).boxed()
    }

    fn after<'a>(&'a self, call: &'a Call, answer: &'a mut Answer, place: Place<'a>) -> BoxFuture<'a, ()> {
        if answer.is_success() {
            let role = place.global(call.text("RoleName"));
            let mut created = lock(&self.created);
            if call.is("IAM", &["CreateRole"]) {
                created.retain(|_, role| !place.is_over(role.since, NEW));
                created.insert(role, NewRole { since: place.now, reads: 0 });
            } else if call.is("IAM", &["DeleteRole"]) {
                created.remove(&role);
            }
        }
        ready(()).boxed()
    }
}

impl RoleReads {
    fn refusal(&self, call: &Call, place: Place<'_>) -> Option<Refusal> {
        if !call.is("IAM", READS) {
            return None;
        }
        let name = call.text("RoleName");
        let mut created = lock(&self.created);
        let role = created.get_mut(&place.global(name)).filter(|role| !place.is_over(role.since, NEW))?;
        role.reads += 1;
        let message = format!("The role with name {name} cannot be found.");
        (role.reads % 2 == 1).then(|| Refusal::with_status(404, "NoSuchEntity", message))
    }
}
