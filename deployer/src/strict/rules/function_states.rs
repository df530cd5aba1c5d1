//! The states of a function and its versions while Lambda prepares them.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::Duration;

use futures::future::{BoxFuture, FutureExt, ready};
use serde_json::{Value, json};

use super::super::call::FunctionName;
use super::super::place::Key;
use super::super::{About, Answer, Call, Place, Refusal, Rule};
use crate::mutex::lock;

const CREATED: Duration = Duration::from_secs(3);
/// With network interfaces.
const CREATED_IN_VPC: Duration = Duration::from_secs(60);
const UPDATED: Duration = Duration::from_secs(2);

/// A function is `Pending` after its creation and `InProgress` after an update, and refuses changes meanwhile. A
/// published version is `Pending`, too.
#[derive(Default)]
pub struct FunctionStates {
    /// By `draw`, or `draw:7` for a version.
    busy: Mutex<HashMap<Key, Busy>>,
}

#[derive(Debug, Clone, Copy)]
struct Busy {
    since: Duration,
    lasts: Duration,
    is_new: bool,
}

const UPDATES: &[&str] = &["UpdateFunctionCode", "UpdateFunctionConfiguration", "PublishVersion"];

impl Rule for FunctionStates {
    fn about(&self) -> About {
        About {
            name: "function-states",
            summary: "a function is Pending after its creation and InProgress after an update, and refuses calls and \
                      changes meanwhile",
            source: "Lambda Developer Guide, \"Lambda function states\"; ResourceConflictException \"An update is in \
                     progress for resource\"; remotion-dev/remotion#1186; aws/serverless-application-model#2356",
        }
    }

    fn before<'a>(&'a self, call: &'a Call, place: Place<'a>) -> BoxFuture<'a, Option<Refusal>> {
        ready(self.refusal(call, place)).boxed()
    }

    fn after<'a>(&'a self, call: &'a Call, answer: &'a mut Answer, place: Place<'a>) -> BoxFuture<'a, ()> {
        if answer.is_success() && call.service == "Lambda" {
            self.learn(call, answer, place);
            self.show(call, answer, place);
        }
        ready(()).boxed()
    }
}

impl FunctionStates {
    fn busy(&self, function: FunctionName<'_>, place: Place<'_>) -> Option<Busy> {
        let version = function.qualifier.filter(|qualifier| is_version(qualifier));
        let name = version.map_or_else(|| function.name.to_owned(), |version| format!("{}:{version}", function.name));
        let busy = *lock(&self.busy).get(&place.key(&name))?;
        (!place.is_over(busy.since, busy.lasts)).then_some(busy)
    }

    fn refusal(&self, call: &Call, place: Place<'_>) -> Option<Refusal> {
        let is_function = call.service == "Lambda" && !call.text("Resource").contains(":event-source-mapping:");
        let busy = self.busy(call.function(), place).filter(|_| is_function)?;
        let arn = format!("arn:aws:lambda:{}:{}:function:{}", place.region, place.account, call.function().name);
        let message = match call.operation {
            "Invoke" if busy.is_new => "The function is currently in the following state: Pending".to_owned(),
            operation if UPDATES.contains(&operation) && busy.is_new => {
                format!(
                    "The resource {arn} is currently in the following state: 'Pending'. StateReasonCode: 'Creating'"
                )
            }
            operation if UPDATES.contains(&operation) || operation == "TagResource" && !busy.is_new => {
                format!("An update is in progress for resource: {arn}")
            }
            _ => return None,
        };
        let message = format!("The operation cannot be performed at this time. {message}");
        Some(Refusal::with_status(409, "ResourceConflictException", message))
    }

    fn learn(&self, call: &Call, answer: &Answer, place: Place<'_>) {
        let in_vpc = call.input["VpcConfig"]["SubnetIds"].as_array().is_some_and(|subnets| !subnets.is_empty());
        let function = call.function();
        let lasts = match call.operation {
            "CreateFunction" | "UpdateFunctionConfiguration" if in_vpc => CREATED_IN_VPC,
            "CreateFunction" => CREATED,
            "UpdateFunctionCode" | "UpdateFunctionConfiguration" => UPDATED,
            "DeleteFunction" => return self.forget(function, place),
            _ => return,
        };
        let is_new = call.operation == "CreateFunction";
        let mut busy = lock(&self.busy);
        busy.retain(|_, busy| !place.is_over(busy.since, busy.lasts));
        busy.insert(place.key(function.name), Busy { since: place.now, lasts, is_new });
        if call.input["Publish"] == true
            && let Some(version) = answer.json()["Version"].as_str().filter(|version| is_version(version))
        {
            let name = format!("{}:{version}", function.name);
            busy.insert(place.key(&name), Busy { since: place.now, lasts, is_new: true });
        }
    }

    /// Forgets a deleted function with all its versions, or one version.
    fn forget(&self, function: FunctionName<'_>, place: Place<'_>) {
        let (own, versions) = (place.key(function.name), place.key(&format!("{}:", function.name)));
        lock(&self.busy).retain(|key, _| {
            let is_here = (&key.0, &key.1) == (&own.0, &own.1);
            let is_deleted = match function.qualifier {
                Some(version) => key.2 == format!("{}{version}", versions.2),
                None => key.2 == own.2 || key.2.starts_with(&versions.2),
            };
            !(is_here && is_deleted)
        });
    }

    /// Writes the states into an answer that describes a function.
    fn show(&self, call: &Call, answer: &mut Answer, place: Place<'_>) {
        let busy = self.busy(call.function(), place);
        let shown = |function: &mut Value| {
            if !function["FunctionName"].is_string() {
                return;
            }
            let Some(busy) = busy else { return settle(function) };
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
            "CreateFunction" | "UpdateFunctionCode" | "UpdateFunctionConfiguration" => answer.change_json(shown),
            _ => {}
        }
    }
}

fn is_version(qualifier: &str) -> bool {
    !qualifier.is_empty() && qualifier.bytes().all(|byte| byte.is_ascii_digit())
}

/// Writes the states of a function that is ready: the emulator's own delays pass on another clock.
fn settle(function: &mut Value) {
    if function["State"] == "Pending" {
        function["State"] = json!("Active");
    }
    if function["LastUpdateStatus"] == "InProgress" {
        function["LastUpdateStatus"] = json!("Successful");
    }
}
