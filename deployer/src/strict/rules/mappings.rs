//! Mappings of a queue or stream to a function.

use futures::future::{BoxFuture, FutureExt};

use super::super::call::FunctionName;
use super::super::documents::Identity;
use super::super::facts::{self, Fact, Mapping};
use super::super::{About, Call, Place, Refusal, Rule};
use super::source_permissions::missing_permission;

const INVALID: &str = "InvalidParameterValueException";

/// Refuses a mapping that Lambda does not take.
#[derive(Default)]
pub struct Mappings;

impl Rule for Mappings {
    fn about(&self) -> About {
        About {
            name: "mappings",
            summary: "a mapping has a function and a source that exist, permissions for the source, no twin, a fitting \
                      batch, and a visibility timeout not below the function's timeout",
            source: "Lambda Developer Guide, \"Creating and configuring an Amazon SQS event source mapping\"; \
                     winglang/wing#1507, getlift/lift#295, aws/aws-lambda-dotnet#1758",
        }
    }

    fn before<'a>(&'a self, call: &'a Call, place: Place<'a>) -> BoxFuture<'a, Option<Refusal>> {
        async move {
            if call.is("Lambda", &["CreateEventSourceMapping"]) {
                return created(call, place).await;
            }
            if call.is("Lambda", &["UpdateEventSourceMapping"]) {
                return updated(call, place).await;
            }
            None
        }
        .boxed()
    }
}

async fn created(call: &Call, place: Place<'_>) -> Option<Refusal> {
    let mapping = Mapping {
        function: call.text("FunctionName").into(),
        source: call.text("EventSourceArn").into(),
        ..changed(call, Mapping::default())
    };
    if let Some(refusal) = wrong_batch(&mapping) {
        return Some(refusal);
    }
    if let Some(refusal) = wrong_source(&mapping, place).await {
        return Some(refusal);
    }
    let known = facts::mappings(place, &mapping.source).await.unwrap_or_default();
    let wanted = FunctionName::of(&mapping.function);
    let twin = known.iter().find(|known| {
        known.event_source_arn() == Some(&mapping.source)
            && known.function_arn().is_some_and(|arn| FunctionName::of(arn) == wanted)
    })?;
    Some(twin_refusal(&mapping, twin.uuid().unwrap_or_default()))
}

async fn updated(call: &Call, place: Place<'_>) -> Option<Refusal> {
    let mapping = changed(call, facts::mapping(place, call.text("UUID")).await.found()?);
    match wrong_batch(&mapping) {
        Some(refusal) => Some(refusal),
        None => wrong_source(&mapping, place).await,
    }
}

/// Returns a mapping with the settings that a call states.
fn changed(call: &Call, mapping: Mapping) -> Mapping {
    let number = |member: &str, otherwise| call.input[member].as_i64().unwrap_or(otherwise);
    Mapping {
        batch_size: number("BatchSize", mapping.batch_size),
        window_s: number("MaximumBatchingWindowInSeconds", mapping.window_s),
        function: call.input["FunctionName"].as_str().map_or(mapping.function, str::to_owned),
        ..mapping
    }
}

fn wrong_batch(mapping: &Mapping) -> Option<Refusal> {
    if !mapping.source.contains(":sqs:") {
        return None;
    }
    if mapping.source.ends_with(".fifo") && mapping.window_s > 0 {
        return Some(Refusal::invalid(INVALID, "Batching window is not supported for FIFO queues"));
    }
    (mapping.batch_size > 10 && mapping.window_s == 0).then(|| {
        let message = "Maximum batch window in seconds must be greater than 0 if maximum batch size is greater than 10";
        Refusal::invalid(INVALID, message)
    })
}

/// Judges the function and the source of a mapping.
async fn wrong_source(mapping: &Mapping, place: Place<'_>) -> Option<Refusal> {
    let function = match facts::function(place, &mapping.function).await {
        Fact::Found(function) => function,
        Fact::Absent => {
            let name = FunctionName::of(&mapping.function).name;
            let message =
                format!("Function not found: arn:aws:lambda:{}:{}:function:{name}", place.region, place.account);
            return Some(Refusal::with_status(404, "ResourceNotFoundException", message));
        }
        Fact::Unknown => return None,
    };
    if let Some(role) = function.role().and_then(Identity::of)
        && let Some(policies) = facts::policies_of_role(place, role.name).await
        && let Some(refusal) = missing_permission(&policies, &mapping.source)
    {
        return Some(refusal);
    }
    if !mapping.source.contains(":sqs:") || mapping.source.split(':').nth(4) != Some(place.account) {
        return None;
    }
    match facts::queue(place, &mapping.source).await {
        Fact::Absent => {
            let message = "Error occurred while ReceiveMessage. SQS Error Code: \
                           AWS.SimpleQueueService.NonExistentQueue. SQS Error Message: The specified queue does not \
                           exist.";
            Some(Refusal::invalid(INVALID, message))
        }
        Fact::Found(queue) => {
            let visible: i32 = queue.get("VisibilityTimeout")?.parse().ok()?;
            let timeout = function.timeout()?;
            (visible < timeout).then(|| {
                let message = format!(
                    "Queue visibility timeout: {visible} seconds is less than Function timeout: {timeout} seconds"
                );
                Refusal::invalid(INVALID, message)
            })
        }
        Fact::Unknown => None,
    }
}

/// Refuses a mapping beside another one of the same function and source.
fn twin_refusal(mapping: &Mapping, uuid: &str) -> Refusal {
    let (source, function) = (&mapping.source, FunctionName::of(&mapping.function).name);
    let known = match source.contains(":sqs:") {
        true => format!("An event source mapping with SQS arn (\" {source} \") and function (\" {function} \")"),
        false => format!("The event source arn (\" {source} \") and function (\" {function} \") provided mapping"),
    };
    let message = format!("{known} already exists. Please update or delete the existing mapping with UUID {uuid}");
    Refusal::with_status(409, "ResourceConflictException", message)
}
