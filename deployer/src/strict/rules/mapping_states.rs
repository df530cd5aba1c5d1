//! The states of a mapping while Lambda works on it.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::Duration;

use futures::future::{BoxFuture, FutureExt, ready};
use serde_json::{Value, json};

use super::super::call::FunctionName;
use super::super::facts::Mapping;
use super::super::place::Key;
use super::super::{About, Answer, Call, Place, Refusal, Rule};
use super::mappings::twin_refusal;
use crate::mutex::lock;

/// `Creating`, and then `Enabling` as long again.
const CREATING: Duration = Duration::from_secs(5);
const UPDATING: Duration = Duration::from_secs(5);
const DELETING: Duration = Duration::from_secs(15);

/// A mapping is in progress after each change of it, refuses others meanwhile, and exists until it is deleted.
#[derive(Default)]
pub struct MappingStates {
    /// By UUID.
    busy: Mutex<HashMap<Key, Busy>>,
}

#[derive(Debug, Clone)]
struct Busy {
    since: Duration,
    change: Change,
    /// The mapping as it was described last.
    description: Value,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Change {
    Creating,
    Updating,
    Deleting,
}

impl Busy {
    fn is_over(&self, place: Place<'_>) -> bool {
        let lasts = match self.change {
            Change::Creating => CREATING * 2,
            Change::Updating => UPDATING,
            Change::Deleting => DELETING,
        };
        place.is_over(self.since, lasts)
    }

    fn state(&self, place: Place<'_>) -> &'static str {
        match self.change {
            Change::Creating if place.is_over(self.since, CREATING) => "Enabling",
            Change::Creating => "Creating",
            Change::Updating => "Updating",
            Change::Deleting => "Deleting",
        }
    }

    fn is_of(&self, source: &str, function: &str) -> bool {
        let own = self.description["FunctionArn"].as_str().unwrap_or_default();
        (source.is_empty() || self.description["EventSourceArn"] == source)
            && (function.is_empty() || FunctionName::of(own) == FunctionName::of(function))
    }
}

impl Rule for MappingStates {
    fn about(&self) -> About {
        About {
            name: "mapping-states",
            summary: "a mapping is Creating, Enabling, Updating or Deleting for some seconds, and refuses changes \
                      meanwhile",
            source: "Lambda API Reference, EventSourceMappingConfiguration (State) and ResourceInUseException; the \
                     durations are not documented",
        }
    }

    fn before<'a>(&'a self, call: &'a Call, place: Place<'a>) -> BoxFuture<'a, Option<Refusal>> {
        ready(self.refusal(call, place)).boxed()
    }

    fn after<'a>(&'a self, call: &'a Call, answer: &'a mut Answer, place: Place<'a>) -> BoxFuture<'a, ()> {
        if call.service == "Lambda" {
            self.learn(call, answer, place);
            self.show(call, answer, place);
        }
        ready(()).boxed()
    }
}

impl MappingStates {
    fn busy(&self, uuid: &str, place: Place<'_>) -> Option<Busy> {
        lock(&self.busy).get(&place.key(uuid)).filter(|busy| !busy.is_over(place)).cloned()
    }

    /// Returns the mappings of this account and region that Lambda is deleting.
    fn deleting(&self, place: Place<'_>) -> Vec<Busy> {
        let own = place.key("");
        let is_here = |key: &Key| (&key.0, &key.1) == (&own.0, &own.1);
        let busy = lock(&self.busy);
        let deleting = busy.iter().filter(|(key, busy)| is_here(key) && busy.change == Change::Deleting);
        deleting.map(|(_, busy)| busy).filter(|busy| !busy.is_over(place)).cloned().collect()
    }

    fn refusal(&self, call: &Call, place: Place<'_>) -> Option<Refusal> {
        let verb = match (call.service, call.operation) {
            ("Lambda", "UpdateEventSourceMapping") => "update",
            ("Lambda", "DeleteEventSourceMapping") => "delete",
            ("Lambda", "CreateEventSourceMapping") => return self.twin(call, place),
            _ => return None,
        };
        self.busy(call.text("UUID"), place)?;
        let message = format!("Cannot {verb} the event source mapping because it is in use.");
        Some(Refusal::invalid("ResourceInUseException", message))
    }

    /// Refuses a mapping whose twin is not deleted yet.
    fn twin(&self, call: &Call, place: Place<'_>) -> Option<Refusal> {
        let (function, source) = (call.text("FunctionName"), call.text("EventSourceArn"));
        let is_twin = |busy: &Busy| !source.is_empty() && busy.is_of(source, function);
        let twin = self.deleting(place).into_iter().find(is_twin)?;
        let mapping = Mapping { function: function.into(), source: source.into(), ..Mapping::default() };
        Some(twin_refusal(&mapping, twin.description["UUID"].as_str().unwrap_or_default()))
    }

    fn learn(&self, call: &Call, answer: &Answer, place: Place<'_>) {
        let change = match call.operation {
            "CreateEventSourceMapping" => Change::Creating,
            "UpdateEventSourceMapping" => Change::Updating,
            "DeleteEventSourceMapping" => Change::Deleting,
            _ => return,
        };
        let description = answer.json();
        let Some(uuid) = description["UUID"].as_str().filter(|_| answer.is_success()) else { return };
        let key = place.key(uuid);
        let mut busy = lock(&self.busy);
        busy.retain(|_, busy| !busy.is_over(place));
        busy.insert(key, Busy { since: place.now, change, description });
    }

    fn show(&self, call: &Call, answer: &mut Answer, place: Place<'_>) {
        let shown = |mapping: &mut Value| {
            let busy = mapping["UUID"].as_str().and_then(|uuid| self.busy(uuid, place));
            // A mapping that is created disabled is never enabled.
            let busy = busy.filter(|busy| busy.state(place) != "Enabling" || mapping["State"] != "Disabled");
            if let Some(busy) = busy {
                mapping["State"] = json!(busy.state(place));
            }
        };
        match call.operation {
            "GetEventSourceMapping" if !answer.is_success() => {
                let deleted = self.busy(call.text("UUID"), place).filter(|busy| busy.change == Change::Deleting);
                if let Some(busy) = deleted {
                    answer.replace_with_json(&busy.described(place));
                }
            }
            "CreateEventSourceMapping"
            | "UpdateEventSourceMapping"
            | "DeleteEventSourceMapping"
            | "GetEventSourceMapping" => answer.change_json(shown),
            "ListEventSourceMappings" if answer.is_success() => answer.change_json(|body| {
                let is_last = !body["NextMarker"].is_string();
                let Some(mappings) = body["EventSourceMappings"].as_array_mut() else { return };
                mappings.iter_mut().for_each(shown);
                let deleted = self.deleting(place).into_iter().filter(|busy| {
                    is_last
                        && busy.is_of(call.text("EventSourceArn"), call.text("FunctionName"))
                        && mappings.iter().all(|mapping| mapping["UUID"] != busy.description["UUID"])
                });
                let deleted: Vec<_> = deleted.map(|busy| busy.described(place)).collect();
                mappings.extend(deleted);
            }),
            _ => {}
        }
    }
}

impl Busy {
    fn described(&self, place: Place<'_>) -> Value {
        let mut description = self.description.clone();
        description["State"] = json!(self.state(place));
        description
    }
}
