//! Schedules with expressions that AWS refuses, and groups that are being deleted.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::Duration;

use futures::future::{BoxFuture, FutureExt, ready};
use serde_json::json;

use super::super::place::Key;
use super::super::{About, Answer, Call, Place, Refusal, Rule};
use crate::mutex::lock;
use crate::timetable::{self, Expression};

/// Refuses expressions, time zones and windows that Scheduler does not take.
pub struct Schedules;

impl Rule for Schedules {
    fn about(&self) -> About {
        About {
            name: "schedule-expressions",
            summary: "a schedule has a valid expression, a time zone of IANA's database, and the minutes of a flexible \
                      window",
            source: "EventBridge Scheduler User Guide, \"Schedule types\"; its ValidationException \"Invalid \
                     Schedule Expression\"",
        }
    }

    fn before<'a>(&'a self, call: &'a Call, _: Place<'a>) -> BoxFuture<'a, Option<Refusal>> {
        ready(refusal(call)).boxed()
    }
}

fn refusal(call: &Call) -> Option<Refusal> {
    if !call.is("Scheduler", &["CreateSchedule", "UpdateSchedule"]) {
        return None;
    }
    let invalid = |message: String| Some(Refusal::invalid("ValidationException", message));
    let expression = call.text("ScheduleExpression");
    if !expression.is_empty() && Expression::parse(expression).is_err() {
        return invalid(format!("Invalid Schedule Expression {expression}."));
    }
    let zone = call.text("ScheduleExpressionTimezone");
    if !zone.is_empty() && !timetable::is_zone(zone) {
        return invalid(format!("Provided ScheduleExpressionTimezone {zone} is invalid."));
    }
    let window = &call.input["FlexibleTimeWindow"];
    let has_minutes = !window["MaximumWindowInMinutes"].is_null();
    if (window["Mode"] == "FLEXIBLE") != has_minutes {
        return invalid("FlexibleTimeWindow: a maximum window goes with the mode FLEXIBLE alone.".to_owned());
    }
    None
}

/// How long a deleted group is reported as DELETING. AWS takes longer for many schedules.
const DELETING: Duration = Duration::from_secs(5);

/// Reports a deleted group as DELETING for a while, and refuses its name meanwhile.
#[derive(Default)]
pub struct ScheduleGroups {
    deleted: Mutex<HashMap<Key, Duration>>,
}

impl Rule for ScheduleGroups {
    fn about(&self) -> About {
        About {
            name: "schedule-groups",
            summary: "a deleted schedule group is DELETING for 5 s, and its name is not free before",
            source: "EventBridge Scheduler API Reference, DeleteScheduleGroup: the group remains in a DELETING state until its \
                     schedules are deleted",
        }
    }

    fn before<'a>(&'a self, call: &'a Call, place: Place<'a>) -> BoxFuture<'a, Option<Refusal>> {
        let is_taken = call.is("Scheduler", &["CreateScheduleGroup"]) && self.is_deleting(call.text("Name"), place);
        let into = call.is("Scheduler", &["CreateSchedule"]) && self.is_deleting(call.text("GroupName"), place);
        let message = || match is_taken {
            true => format!("Schedule group {} already exists.", call.text("Name")),
            false => format!("Schedule group {} is being deleted.", call.text("GroupName")),
        };
        ready((is_taken || into).then(|| Refusal::with_status(409, "ConflictException", message()))).boxed()
    }

    fn after<'a>(&'a self, call: &'a Call, answer: &'a mut Answer, place: Place<'a>) -> BoxFuture<'a, ()> {
        let name = call.text("Name");
        if call.is("Scheduler", &["DeleteScheduleGroup"]) && answer.is_success() {
            let mut deleted = lock(&self.deleted);
            deleted.retain(|_, since| !place.is_over(*since, DELETING));
            deleted.insert(place.key(name), place.now);
        } else if call.is("Scheduler", &["GetScheduleGroup"]) && !answer.is_success() && self.is_deleting(name, place) {
            answer.status = 200;
            answer.headers.remove("x-amzn-errortype");
            answer.set_body(json!({ "Name": name, "State": "DELETING" }).to_string());
        }
        ready(()).boxed()
    }
}

impl ScheduleGroups {
    fn is_deleting(&self, name: &str, place: Place<'_>) -> bool {
        lock(&self.deleted).get(&place.key(name)).is_some_and(|since| !place.is_over(*since, DELETING))
    }
}
