//! The states of a function while Lambda prepares it.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::Duration;

use futures::future::{BoxFuture, FutureExt, ready};
use serde_json::{Value, json};

use super::super::place::Key;
use super::super::{About, Answer, Call, Place, Refusal, Rule};
use crate::mutex::lock;

const CREATED: Duration = Duration::from_secs(3);
/// With network interfaces.
const CREATED_IN_VPC: Duration = Duration::from_secs(60);
const UPDATED: Duration = Duration::from_secs(2);

/// A function is `Pending` after its creation and `InProgress` after an update, and refuses changes meanwhile.
#[derive(Default)]
pub struct FunctionStates {
    busy: Mutex<HashMap<Key, Busy>>,
}

#[derive(Debug, Clone, Copy)]
struct Busy {
    since: Duration,
    lasts: Duration,
    is_new: bool,
}

const CHANGES: &[&str] = &["UpdateFunctionCode", "UpdateFunctionConfiguration", "PublishVersion"];

impl Rule for FunctionStates {
    fn about(&self) -> About {
        About {
            name: "function-states",
            summary: "a function is Pending after its creation and InProgress after an update, and refuses changes \
                      meanwhile",
            source: "Lambda Developer Guide, \"Lambda function states\"; ResourceConflictException \"An update is in \
                     progress for resource\"",
        }
    }

    fn before<'a>(&'a self, call: &'a Call, place: Place<'a>) -> BoxFuture<'a, Option<Refusal>> {
        ready(self.refusal(call, place)).boxed()
    }

    fn after<'a>(&'a self, call: &'a Call, answer: &'a mut Answer, place: Place<'a>) -> BoxFuture<'a, ()> {
        if answer.is_success() && call.service == "Lambda" {
            self.learn(call, place);
            self.show(call, answer, place);
        }
        ready(()).boxed()
    }
}

impl FunctionStates {
    fn busy(&self, name: &str, place: Place<'_>) -> Option<Busy> {
        let busy = lock(&self.busy).get(&place.key(name)).copied()?;
        (!place.is_over(busy.since, busy.lasts)).then_some(busy)
    }

    fn refusal(&self, call: &Call, place: Place<'_>) -> Option<Refusal> {
        if !call.is("Lambda", CHANGES) {
            return None;
        }
        let name = call.name("FunctionName");
        let busy = self.busy(name, place)?;
        let arn = format!("arn:aws:lambda:{}:{}:function:{name}", place.region, place.account);
        let message = match busy.is_new {
            true => {
                "The operation cannot be performed at this time. The function is currently in the following state: \
                     Pending"
                    .to_owned()
            }
            false => {
                format!("The operation cannot be performed at this time. An update is in progress for resource: {arn}")
            }
        };
        Some(Refusal::with_status(409, "ResourceConflictException", message))
    }

    fn learn(&self, call: &Call, place: Place<'_>) {
        let in_vpc = call.input["VpcConfig"]["SubnetIds"].as_array().is_some_and(|subnets| !subnets.is_empty());
        let lasts = match call.operation {
            "CreateFunction" if in_vpc => CREATED_IN_VPC,
            "CreateFunction" => CREATED,
            "UpdateFunctionCode" | "UpdateFunctionConfiguration" => UPDATED,
            _ => return,
        };
        let busy = Busy { since: place.now, lasts, is_new: call.operation == "CreateFunction" };
        lock(&self.busy).insert(place.key(call.name("FunctionName")), busy);
    }

    /// Writes the states into an answer that describes a function.
    fn show(&self, call: &Call, answer: &mut Answer, place: Place<'_>) {
        let Some(busy) = self.busy(call.name("FunctionName"), place) else { return };
        let shown = |function: &mut Value| {
            if !function["FunctionName"].is_string() {
                return;
            }
            if busy.is_new {
                function["State"] = json!("Pending");
                function["StateReason"] = json!("The function is being created.");
                function["StateReasonCode"] = json!("Creating");
            } else {
                function["LastUpdateStatus"] = json!("InProgress");
                function["LastUpdateStatusReason"] = json!("The function is being updated.");
            }
        };
        match call.operation {
            "GetFunction" => answer.change_json(|body| shown(&mut body["Configuration"])),
            "GetFunctionConfiguration" | "CreateFunction" | "UpdateFunctionCode" | "UpdateFunctionConfiguration" => {
                answer.change_json(shown);
            }
            _ => {}
        }
    }
}
