//! Changes of one function at the same time.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};

use futures::future::{BoxFuture, FutureExt, ready};

use super::super::place::Key;
use super::super::{About, Call, Place, Refusal, Rule};
use crate::mutex::lock;

/// Refuses a change of a function while another call changes it.
#[derive(Default)]
pub struct FunctionChanges {
    changing: Arc<Mutex<HashSet<Key>>>,
}

const CHANGES: &[&str] = &[
    "AddPermission",
    "RemovePermission",
    "UpdateFunctionCode",
    "UpdateFunctionConfiguration",
    "PutFunctionConcurrency",
    "DeleteFunctionConcurrency",
];

/// A function during a call that changes it.
struct Changing {
    function: Key,
    all: Arc<Mutex<HashSet<Key>>>,
}

impl Drop for Changing {
    fn drop(&mut self) {
        lock(&self.all).remove(&self.function);
    }
}

impl Rule for FunctionChanges {
    fn about(&self) -> About {
        About {
            name: "function-changes",
            summary: "of two calls that change a function or its permissions at the same time, one is refused",
            source: "ResourceConflictException \"The function could not be updated due to a concurrent update \
                     operation.\" in anomalyco/sst#6923 and serverless/serverless#4964",
        }
    }

    fn before<'a>(&'a self, call: &'a Call, place: Place<'a>) -> BoxFuture<'a, Option<Refusal>> {
        ready(self.refusal(call, place)).boxed()
    }
}

impl FunctionChanges {
    fn refusal(&self, call: &Call, place: Place<'_>) -> Option<Refusal> {
        if !call.is("Lambda", CHANGES) {
            return None;
        }
        let function = place.key(call.function().name);
        if !lock(&self.changing).insert(function.clone()) {
            let message = "The function could not be updated due to a concurrent update operation.";
            return Some(Refusal::with_status(409, "ResourceConflictException", message));
        }
        place.kept.until_the_end(Changing { function, all: self.changing.clone() });
        None
    }
}
