//! Rules of EventBridge with too many targets, and rules and buses that are deleted too early.

use futures::future::{BoxFuture, FutureExt};

use super::super::facts::{Fact, fact};
use super::super::{About, Call, Place, Refusal, Rule};

/// The most targets of a rule.
const TARGETS: usize = 5;

/// Refuses a sixth target, the deletion of a rule that has targets, and of a bus that has rules.
pub struct EventRules;

impl Rule for EventRules {
    fn about(&self) -> About {
        About {
            name: "event-rules",
            summary: "a rule has five targets at most, and is deleted after its targets, as a bus is after its rules",
            source: "EventBridge API Reference, PutTargets, DeleteRule and DeleteEventBus; ValidationException \"Rule can't \
                     be deleted since it has targets.\"",
        }
    }

    fn before<'a>(&'a self, call: &'a Call, place: Place<'a>) -> BoxFuture<'a, Option<Refusal>> {
        async move {
            match (call.service, call.operation) {
                ("EventBridge", "PutTargets") => too_many(call, place).await,
                ("EventBridge", "DeleteRule") => {
                    let ids = target_ids(call, "Name", place).await?;
                    let message = "Rule can't be deleted since it has targets.";
                    (!ids.is_empty()).then(|| Refusal::invalid("ValidationException", message))
                }
                ("EventBridge", "DeleteEventBus") => {
                    let events = &place.clients().await.events;
                    let rules = fact(events.list_rules().event_bus_name(call.text("Name")).send().await).found()?;
                    let message = "Cannot delete a bus that has rules.";
                    (!rules.rules().is_empty()).then(|| Refusal::invalid("ValidationException", message))
                }
                _ => None,
            }
        }
        .boxed()
    }
}

async fn too_many(call: &Call, place: Place<'_>) -> Option<Refusal> {
    let mut ids = target_ids(call, "Rule", place).await?;
    let new = call.input["Targets"].as_array().into_iter().flatten().filter_map(|target| target["Id"].as_str());
    ids.extend(new.map(str::to_owned));
    ids.sort();
    ids.dedup();
    let message = "The requested resource exceeds the maximum number allowed.";
    (ids.len() > TARGETS).then(|| Refusal::invalid("LimitExceededException", message))
}

/// Returns the ids of a rule's targets. None if the emulator does not tell.
async fn target_ids(call: &Call, member: &str, place: Place<'_>) -> Option<Vec<String>> {
    let bus = call.input["EventBusName"].as_str().map(str::to_owned);
    let events = &place.clients().await.events;
    let asked = events.list_targets_by_rule().rule(call.text(member)).set_event_bus_name(bus).send().await;
    match fact(asked) {
        Fact::Found(page) => Some(page.targets().iter().map(|target| target.id().to_owned()).collect()),
        Fact::Absent => Some(Vec::new()),
        Fact::Unknown => None,
    }
}
