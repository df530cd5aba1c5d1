//! `lambda.event_source_mapping`: a queue or stream whose messages a function receives.
//!
//! **Guarantees**: update and delete are repeated while an earlier change is in progress. Delete removes every mapping
//! of the pair, and the run continues until AWS lists none. Create waits for the end of a mapping that is being
//! deleted.
//! **Assumptions**: the pair (function, source) is the identity, and AWS keeps one mapping for it; the generated UUID
//! is looked up. The mapping's tags hold its owner; ListTags reads them by the mapping's own ARN. AWS completes an
//! accepted deletion even if function, source and role are deleted meanwhile; watch reports a mapping that stays.
//! **Caveats**: AWS takes 5–30 s to enable a mapping. Nothing depends on it and no message is lost meanwhile, so create
//! and update return once AWS has accepted them. They wait only for a mapping that is to be disabled, because until
//! then it reads as enabled.

mod listing;
mod passage;
mod search;
mod spec;
mod wire;

use std::time::Duration;

use aws_sdk_lambda::types::EventSourceMappingConfiguration as Mapping;
use aws_smithy_types::retry::RetryConfig;
use futures::future::try_join_all;

use listing::{is_deleting, list, list_along, wait_until_changeable, wait_until_deleted};
pub use spec::{EventSource, PollerConfig, StreamSettings};
pub use wire::pattern;
use wire::{filter, notes, number, pollers, response_types, scaling, stream_creation, stream_update, to_spec};

use super::{
    About, Calls, Changes, CreatedResource, Excess, FoundResource, Grant, Kind, Need, ObservedResource, Op, Outputs,
    Parent, Person, References, Rule, Verification, WatchedOperation,
};
use crate::aws::service::{LAMBDA, QUEUE, UNSEEN, cure};
use crate::aws::tags::{self, Delta, Tags};
use crate::aws::wait::Poll;
use crate::aws::{Aws, AwsError, Place, Trust, once, tagged};

/// The mapping kind.
pub struct EventSourceMapping;

const ABSENT: &[&str] = &["ResourceNotFoundException"];
const SETTLED_WITHIN: Duration = Duration::from_secs(300);

/// The most characters of one pattern, from the model of Lambda's `Pattern`.
const PATTERN_SIZE: usize = 4_096;

const CREATE: &str = "lambda:CreateEventSourceMapping";
const UPDATE: &str = "lambda:UpdateEventSourceMapping";
const INVALID: &str = "InvalidParameterValueException";
const STREAM: &str = "the new stream is not visible yet";
const VISIBILITY: &str = "SQS has not spread the queue's visibility timeout yet";

impl Kind for EventSourceMapping {
    const ABOUT: About = About {
        outputs: &["uuid"],
        identity: &["function_name", "event_source_arn"],
        rules: &[
            ("function_name", Rule::Replace("a mapping is known by its function's name")),
            ("event_source_arn", Rule::Replace("Lambda cannot give a mapping another source")),
            (
                "stream.starting_position",
                Rule::Replace("a mapping reads on from its place in the stream; only a new one starts elsewhere"),
            ),
            ("function_response_types", Rule::Unordered),
            ("filter_patterns", Rule::Unordered),
        ],
        tags: Some(tags::TagRules::strict("Lambda")),
        parent: Some(Parent { kind: "lambda.function", owns: false, deletes: false }),
        references: References {
            needs: &[
                Need::of("/function_name", "lambda.function"),
                Need::of("/event_source_arn", "sqs.queue"),
                Need::of("/event_source_arn", "dynamodb.stream"),
            ],
            ..References::DEFAULT
        },
        calls: Calls {
            exists: &["ResourceConflictException"],
            cures: &[
                cure(CREATE, INVALID, "Queue visibility timeout", 60, VISIBILITY),
                cure(UPDATE, INVALID, "Queue visibility timeout", 60, VISIBILITY),
                cure(CREATE, INVALID, "NonExistentQueue", 60, QUEUE),
                cure(CREATE, INVALID, "Stream not found", 120, STREAM),
                cure(CREATE, "ResourceNotFoundException", "", 120, UNSEEN),
            ],
            limited: &[(Op::Create, CREATE), (Op::Update, UPDATE), (Op::Delete, "lambda:DeleteEventSourceMapping")],
            watched: true,
            ..Calls::DEFAULT
        },
        person: Person {
            gap: Some("messages wait for up to some minutes, until the mapping is deleted and recreated"),
            seconds: (4.0, 3.0),
            ..Person::DEFAULT
        },
        ..About::of("lambda.event_source_mapping", &LAMBDA)
    };
    type Spec = EventSource;

    /// A new mapping of a queue finds the messages that waited. One of a stream begins at its starting position.
    fn person(spec: &EventSource) -> Person {
        let person = Self::ABOUT.person;
        let Some(stream) = &spec.stream else { return person };
        match stream.starting_position.as_str() {
            LATEST => Person { gap: Some(SKIPPED), moved: Some(EITHER), ..person },
            _ => Person { gap: Some(AGAIN_LATER), moved: Some(AGAIN), ..person },
        }
    }

    fn condition(seen: &ObservedResource<EventSource>) -> Option<String> {
        Some(if seen.spec.enabled { "enabled" } else { "disabled" }.to_owned())
    }

    fn limits(spec: &EventSource) -> Vec<Excess> {
        let long = spec.filter_patterns.iter().map(String::len).filter(|size| *size > PATTERN_SIZE);
        let excess = |size| Excess::size("function::filter", &["filter"], "a filter pattern", [size, PATTERN_SIZE]);
        long.map(|size| Excess { help: "split it into several patterns: one that matches is enough", ..excess(size) })
            .collect()
    }

    /// Returns nothing: AWS generates the UUID.
    fn predict(_: &EventSource, _: &Place) -> Outputs {
        Outputs::new()
    }

    /// Grants listing and creation on `*`, because no ARN is known before the call, and the rest on the mapping's own
    /// ARN. That ARN holds an id that only AWS assigns, so the function's ARN is the condition.
    fn iam(op: Op, spec: &EventSource, place: &Place) -> Vec<Grant> {
        let mapping = place.arn("lambda", "event-source-mapping:*");
        let function = function_arn(place, &spec.function_name);
        let of_function = |grant: Grant| grant.only("ArnLike", "lambda:FunctionArn", vec![function]);
        let list = Grant::new(&["lambda:ListEventSourceMappings"], "*");
        match op {
            // A listing of the stack's tags may still have a mapping that is deleted already, and names no function.
            Op::Read | Op::Present => {
                vec![list, Grant::new(&["lambda:GetEventSourceMapping", "lambda:ListTags"], mapping)]
            }
            Op::Create => vec![
                list,
                of_function(Grant::new(&["lambda:CreateEventSourceMapping"], "*")),
                Grant::new(&["lambda:TagResource"], mapping),
            ],
            Op::Update => vec![
                list,
                of_function(Grant::new(&["lambda:UpdateEventSourceMapping"], &mapping)),
                Grant::new(&["lambda:TagResource", "lambda:UntagResource"], mapping),
            ],
            Op::Delete => vec![list, of_function(Grant::new(&["lambda:DeleteEventSourceMapping"], mapping))],
        }
    }

    fn verification(spec: &EventSource, place: &Place) -> Verification {
        passage::of(spec, place)
    }

    fn any_named(names: &str, _: &Place) -> Vec<EventSource> {
        vec![search::blank(String::new(), names.to_owned())]
    }

    /// Calls ListEventSourceMappings, shared with the other mappings, and ListTags. A mapping that is being deleted
    /// counts as absent.
    async fn read(
        aws: &Aws,
        spec: &EventSource,
        trust: Trust,
    ) -> Result<Option<ObservedResource<EventSource>>, AwsError> {
        let expected = aws.run.recorded_id(Self::NAME, &[&spec.function_name, &spec.event_source_arn]);
        let listed = present(aws, spec);
        // Speculative: an error here is ignored, because the listing reports it as well.
        let ahead = async {
            match &expected {
                Some(uuid) => {
                    let arn = uuid_arn(aws, uuid);
                    let recorded = aws.run.recorded_tags(Self::NAME, &[&spec.function_name, &spec.event_source_arn]);
                    let expected = tagged::ExpectedTags { wanted: &spec.tags, recorded };
                    tagged::tags_of(aws, &arn, expected, trust, tags_of(aws, &arn)).await.unwrap_or(None)
                }
                None => None,
            }
        };
        let (listed, ahead) = tokio::join!(listed, ahead);
        let Some((mapping, twins)) = listed? else { return Ok(None) };
        let ahead = ahead.filter(|_| mapping.uuid() == expected.as_deref());
        add_tags(aws, spec, (mapping, twins), ahead).await
    }

    /// Calls ListEventSourceMappings, and ListTags if the mapping is not the one of the last apply. The mapping of the
    /// last apply is assumed to have its former tags; the caller re-reads it if its function is not known to be ours.
    async fn present(aws: &Aws, spec: &EventSource) -> Result<Option<ObservedResource<EventSource>>, AwsError> {
        let identity = [spec.function_name.as_str(), &spec.event_source_arn];
        let Some((mapping, twins)) = present(aws, spec).await? else { return Ok(None) };
        let known = aws.run.recorded_id(Self::NAME, &identity).is_some_and(|uuid| mapping.uuid() == Some(&uuid));
        let recorded = if known { aws.run.recorded_tags(Self::NAME, &identity) } else { None };
        add_tags(aws, spec, (mapping, twins), recorded).await
    }

    fn by_arn(resource: &str, _: &Tags) -> Option<FoundResource<EventSource>> {
        resource.strip_prefix("event-source-mapping:").map(search::found_resource)
    }

    async fn look_up(aws: &Aws, uuid: &str) -> Result<Option<EventSource>, AwsError> {
        search::look_up(aws, uuid).await
    }

    async fn named_like(aws: &Aws, _: &str) -> Result<Vec<FoundResource<EventSource>>, AwsError> {
        if aws.place.endpoint_url.is_some() { search::all(aws, None).await } else { Ok(Vec::new()) }
    }

    async fn parts_of(aws: &Aws, function: &str) -> Result<Vec<FoundResource<EventSource>>, AwsError> {
        search::all(aws, Some(function)).await
    }

    async fn create(aws: &Aws, want: &EventSource) -> Result<CreatedResource, AwsError> {
        match make(aws, want).await {
            // AWS keeps the pair occupied until its last mapping is deleted.
            Err(e) if e.is(BUSY) && list(aws, want).await?.iter().all(|m| m.state() == Some("Deleting")) => {
                wait_until_deleted(aws, want).await?;
                make(aws, want).await
            }
            made => made,
        }
    }

    async fn update(
        aws: &Aws,
        live: &ObservedResource<EventSource>,
        want: &EventSource,
        changes: &Changes,
    ) -> Result<(), AwsError> {
        let (lambda, uuid) = (&aws.clients.lambda, &live.physical_id);
        if changes.touch_other_than(&["tags"]) {
            let changed = |property: &str| changes.touch(property);
            let call = lambda
                .update_event_source_mapping()
                .uuid(uuid)
                .set_batch_size(changed("batch_size").then(|| number(want.batch_size)))
                .set_maximum_batching_window_in_seconds(
                    changed("maximum_batching_window_in_seconds")
                        .then(|| number(want.maximum_batching_window_in_seconds)),
                )
                .set_enabled(changed("enabled").then_some(want.enabled))
                .set_function_response_types(changed("function_response_types").then(|| response_types(want)))
                .set_filter_criteria(changed("filter_patterns").then(|| filter(want)))
                .set_scaling_config(changed("maximum_concurrency").then(|| scaling(want)))
                .set_provisioned_poller_config(changed("provisioned_poller_config").then(|| pollers(want)));
            let call = if changed("stream") { stream_update(call, want) } else { call };
            aws.call("lambda:UpdateEventSourceMapping", call.send()).await?;
            if !want.enabled {
                wait_until_changeable(aws, want).await?;
            }
        }
        let delta = Delta::between(&live.spec.tags, &want.tags);
        let arn = aws.place.arn("lambda", &format!("event-source-mapping:{uuid}"));
        if !delta.set.is_empty() {
            let call = lambda.tag_resource().resource(&arn).set_tags(Some(delta.set.into_iter().collect()));
            aws.call("lambda:TagResource", call.send()).await?;
        }
        if !delta.remove.is_empty() {
            let call = lambda.untag_resource().resource(&arn).set_tag_keys(Some(delta.remove));
            aws.call("lambda:UntagResource", call.send()).await?;
        }
        Ok(())
    }

    /// Calls DeleteEventSourceMapping for each mapping of the pair, repeated while one is in use.
    async fn delete(aws: &Aws, live: &ObservedResource<EventSource>) -> Result<(), AwsError> {
        let all = std::iter::once(&live.physical_id).chain(&live.twins);
        try_join_all(all.map(|uuid| remove(aws, &live.spec, uuid))).await.map(drop)
    }

    /// Calls ListEventSourceMappings, shared with the other mappings, until the deleted mapping is no longer listed.
    async fn watch(aws: &Aws, spec: &EventSource, event: &WatchedOperation) -> Result<(), AwsError> {
        if matches!(event, WatchedOperation::Deleted) { wait_until_deleted(aws, spec).await } else { Ok(()) }
    }
}

/// The position after the newest record of a stream.
const LATEST: &str = "LATEST";
const SKIPPED: &str =
    "records that are written until the new mapping reads the stream are never handled, as it begins at LATEST";
const AGAIN_LATER: &str = "no record is handled. Then all that the stream still has are handled again, as the new mapping begins at TRIM_HORIZON; a table's stream has those of 24 hours";
const EITHER: &str = "the new mapping begins at LATEST: records of the minutes in which it replaces the old one may be handled twice or never";
const AGAIN: &str = "the new mapping begins at TRIM_HORIZON: all records that the stream still has are handled again; a table's stream has those of 24 hours";

/// Returns the first mapping of the pair that is not being deleted, and the UUIDs of the others.
async fn present(aws: &Aws, spec: &EventSource) -> Result<Option<(Mapping, Vec<String>)>, AwsError> {
    let mut present = list_along(aws, spec).await?.into_iter().filter(|m| m.state() != Some("Deleting"));
    let first = present.next();
    Ok(first.map(|mapping| (mapping, present.filter_map(|mapping| mapping.uuid).collect())))
}

/// Adds the tags to a listed mapping: the `known` tags, or else the answer of ListTags.
async fn add_tags(
    aws: &Aws,
    spec: &EventSource,
    (mapping, twins): (Mapping, Vec<String>),
    known: Option<Tags>,
) -> Result<Option<ObservedResource<EventSource>>, AwsError> {
    let tagged = match known {
        Some(tags) => Some(tags),
        None => tags_of(aws, &mapping_arn(aws, &mapping)?).await?,
    };
    let Some(tags) = tagged else { return Ok(None) };
    let uuid = uuid(&mapping)?;
    let mut seen = ObservedResource::new(uuid, to_spec(spec, &mapping, tags), outputs(uuid));
    seen.notes = notes(&mapping);
    seen.twins = twins;
    if let more @ 1.. = seen.twins.len() {
        seen.notes.push(format!("{more} more mapping(s) of this function and source: a destroy removes all"));
    }
    Ok(Some(seen))
}

/// Calls DeleteEventSourceMapping, repeated while the mapping is in use.
async fn remove(aws: &Aws, spec: &EventSource, uuid: &str) -> Result<(), AwsError> {
    aws.until(&format!("event source mapping {uuid} to take a delete"), SETTLED_WITHIN, || async move {
        let call = aws.clients.lambda.delete_event_source_mapping().uuid(uuid).send();
        match aws.find("lambda:DeleteEventSourceMapping", ABSENT, call).await {
            Err(e) if e.is(BUSY) && !is_deleting(aws, spec, uuid).await? => Ok(Poll::Pending(e.to_string())),
            Err(e) if !e.is(BUSY) => Err(e),
            _ => Ok(Poll::Ready(())),
        }
    })
    .await
}

async fn make(aws: &Aws, want: &EventSource) -> Result<CreatedResource, AwsError> {
    let look = || async { Ok(list(aws, want).await?.into_iter().find_map(|mapping| mapping.uuid)) };
    let uuid = once(|| send_create(aws, want), look).await?;
    if !want.enabled {
        wait_until_changeable(aws, want).await?;
    }
    Ok(CreatedResource { outputs: outputs(&uuid), physical_id: uuid })
}

/// Sends CreateEventSourceMapping once: an emulator creates another mapping for each repetition.
async fn send_create(aws: &Aws, want: &EventSource) -> Result<String, AwsError> {
    let call = aws
        .clients
        .lambda
        .create_event_source_mapping()
        .event_source_arn(&want.event_source_arn)
        .function_name(&want.function_name)
        .batch_size(number(want.batch_size))
        .maximum_batching_window_in_seconds(number(want.maximum_batching_window_in_seconds))
        .enabled(want.enabled)
        .set_function_response_types(Some(response_types(want)))
        .set_filter_criteria((!want.filter_patterns.is_empty()).then(|| filter(want)))
        .set_scaling_config(want.maximum_concurrency.map(|_| scaling(want)))
        .set_provisioned_poller_config(want.provisioned_poller_config.as_ref().map(|_| pollers(want)));
    let call = stream_creation(call, want)
        .set_tags(Some(want.tags.clone().into_iter().collect()))
        .customize()
        .config_override(aws_sdk_lambda::config::Config::builder().retry_config(RetryConfig::disabled()));
    let made = aws.call("lambda:CreateEventSourceMapping", call.send()).await?;
    made.uuid.ok_or_else(|| AwsError::missing("lambda:CreateEventSourceMapping", "UUID"))
}

/// Codes of a change while another one is in progress.
const BUSY: &[&str] = &["ResourceInUseException", "ResourceConflictException"];

fn outputs(uuid: &str) -> Outputs {
    Outputs::from([("uuid".into(), uuid.to_owned())])
}

fn uuid(mapping: &Mapping) -> Result<&str, AwsError> {
    mapping.uuid().ok_or_else(|| AwsError::missing("lambda:ListEventSourceMappings", "UUID"))
}

fn mapping_arn(aws: &Aws, mapping: &Mapping) -> Result<String, AwsError> {
    Ok(match mapping.event_source_mapping_arn() {
        Some(arn) => arn.to_owned(),
        None => aws.place.arn("lambda", &format!("event-source-mapping:{}", uuid(mapping)?)),
    })
}

fn uuid_arn(aws: &Aws, uuid: &str) -> String {
    aws.place.arn("lambda", &format!("event-source-mapping:{uuid}"))
}

/// Calls ListTags. `None` if the mapping does not exist.
async fn tags_of(aws: &Aws, arn: &str) -> Result<Option<Tags>, AwsError> {
    let call = aws.clients.lambda.list_tags().resource(arn).send();
    let found = aws.find("lambda:ListTags", ABSENT, call).await?;
    Ok(found.map(|found| tags::without_aws(found.tags.unwrap_or_default())))
}

/// Returns the function's full ARN, which AWS always reports.
fn function_arn(place: &Place, name: &str) -> String {
    if name.starts_with("arn:") { name.to_owned() } else { place.arn("lambda", &format!("function:{name}")) }
}
