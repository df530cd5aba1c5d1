//! `lambda.event_source_mapping`: a queue whose messages a function receives.
//!
//! **Guarantees**: update and delete are tried again while something is in progress; delete returns when AWS no longer lists the mapping,
//! and removes every mapping of the pair. Create waits out a mapping of the pair that is being deleted.
//! **Assumptions**: the pair (function, source) is the identity, and AWS keeps one mapping for it; the generated UUID is
//! looked up. Ownership stands in the mapping's tags, which ListTags reads by the mapping's own ARN.
//! **Caveats**: AWS takes 5–30 s to enable a mapping. Nothing depends on it and no message is lost meanwhile, so
//! create and update return once AWS has accepted them; they only wait for a mapping that is to be disabled, since a
//! mapping on its way reads as enabled.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use aws_sdk_lambda::types::{
    EventSourceMappingConfiguration as Mapping, Filter, FilterCriteria, FunctionResponseType,
    ProvisionedPollerConfig as SdkPollers, ScalingConfig,
};
use aws_smithy_types::retry::RetryConfig;
use futures::future::try_join_all;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Changes, Created, Grant, Kind, Observed, Op, Outputs, Ownership, Rule};
use crate::aws::tags::{self, Delta, Tags};
use crate::aws::wait::{self, Poll};
use crate::aws::{Aws, AwsError, Place, once};

/// The mapping kind.
pub struct EventSourceMapping;

/// A mapping; the batching window in seconds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EventSource {
    pub event_source_arn: String,
    /// `NAME`, or `NAME:ALIAS`.
    pub function_name: String,
    pub batch_size: u32,
    pub maximum_batching_window_in_seconds: u32,
    pub enabled: bool,
    #[serde(default)]
    pub function_response_types: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub maximum_concurrency: Option<u32>,
    /// JSON texts as [`pattern`] writes them; a message passes if one of them matches.
    #[serde(default)]
    pub filter_patterns: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provisioned_poller_config: Option<PollerConfig>,
    #[serde(default)]
    pub tags: Tags,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PollerConfig {
    pub minimum_pollers: u32,
    pub maximum_pollers: u32,
}

/// Writes a filter pattern in its one normal form: compact, keys sorted.
pub fn pattern(value: &Value) -> String {
    fn sorted(value: &Value) -> Value {
        match value {
            Value::Object(map) => {
                let mut entries: Vec<_> = map.iter().map(|(key, v)| (key.clone(), sorted(v))).collect();
                entries.sort_by(|a, b| a.0.cmp(&b.0));
                Value::Object(entries.into_iter().collect())
            }
            Value::Array(items) => Value::Array(items.iter().map(sorted).collect()),
            other => other.clone(),
        }
    }
    sorted(value).to_string()
}

const ABSENT: &[&str] = &["ResourceNotFoundException"];
const SETTLED_WITHIN: Duration = Duration::from_secs(300);

impl Kind for EventSourceMapping {
    const NAME: &'static str = "lambda.event_source_mapping";
    const OUTPUTS: &'static [&'static str] = &["uuid"];
    const IDENTITY: &'static [&'static str] = &["function_name", "event_source_arn"];
    const RULES: &'static [(&'static str, Rule)] = &[
        ("function_name", Rule::Replace("a mapping is known by its function's name")),
        ("event_source_arn", Rule::Replace("Lambda cannot give a mapping another source")),
        ("function_response_types", Rule::Unordered),
        ("filter_patterns", Rule::Unordered),
    ];
    const OWNERSHIP: Ownership = Ownership::Tags;
    const LIMITED: &'static [(Op, &'static str)] = &[
        (Op::Create, "lambda:CreateEventSourceMapping"),
        (Op::Update, "lambda:UpdateEventSourceMapping"),
        (Op::Delete, "lambda:DeleteEventSourceMapping"),
    ];
    const GAP: Option<&'static str> =
        Some("messages wait in the queue for up to some minutes, until the mapping is deleted and made anew");
    type Spec = EventSource;

    /// Nothing: AWS generates the UUID.
    fn predict(_: &EventSource, _: &Place) -> Outputs {
        Outputs::new()
    }

    /// Listing and creating know no resource ARN beforehand; the rest is on the mapping's own, generated ARN.
    /// A mapping's ARN holds an id that only AWS can give: the function's ARN is the condition.
    fn iam(op: Op, spec: &EventSource, place: &Place) -> Vec<Grant> {
        let mapping = place.arn("lambda", "event-source-mapping:*");
        let function = function_arn(place, &spec.function_name);
        let of_function = |grant: Grant| grant.only("ArnLikeIfExists", "lambda:FunctionArn", vec![function]);
        let list = Grant::new(&["lambda:ListEventSourceMappings"], "*");
        match op {
            Op::Read => vec![list, Grant::new(&["lambda:ListTags"], mapping)],
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

    /// ListEventSourceMappings, shared with the others, and ListTags. A mapping that is being deleted counts as absent.
    async fn read(aws: &Aws, spec: &EventSource) -> Result<Option<Observed<EventSource>>, AwsError> {
        let expected = aws.expected(Self::NAME, &[&spec.function_name, &spec.event_source_arn]);
        let shared = aws.clone();
        let listed = aws.gathered.mappings.get(&spec.event_source_arn, move |sources| list_all(shared, sources));
        // Only a guess: what is wrong with it the listing tells, too.
        let ahead = async {
            match &expected {
                Some(uuid) => tags_of(aws, &uuid_arn(aws, uuid)).await.unwrap_or(None),
                None => None,
            }
        };
        let (listed, ahead) = tokio::join!(listed, ahead);
        let all = of_pair(aws, spec, listed?.unwrap_or_default());
        let mut present = all.into_iter().filter(|m| m.state() != Some("Deleting"));
        let Some(mapping) = present.next() else { return Ok(None) };
        let ahead = ahead.filter(|_| mapping.uuid() == expected.as_deref());
        let tagged = match ahead {
            Some(tags) => Some(tags),
            None => tags_of(aws, &mapping_arn(aws, &mapping)?).await?,
        };
        let Some(tags) = tagged else { return Ok(None) };
        let uuid = uuid(&mapping)?;
        let mut seen = Observed::new(uuid, observed(spec, &mapping, tags), outputs(uuid));
        seen.notes = notes(&mapping);
        if let more @ 1.. = present.count() {
            seen.notes.push(format!("{more} more mapping(s) of this function and source: a destroy removes all"));
        }
        Ok(Some(seen))
    }

    async fn create(aws: &Aws, want: &EventSource) -> Result<Created, AwsError> {
        match make(aws, want).await {
            // AWS holds on to the pair for as long as its last mapping is being deleted.
            Err(e) if e.is(BUSY) && list(aws, want).await?.iter().all(|m| m.state() == Some("Deleting")) => {
                gone(aws, want, |_| true).await?;
                make(aws, want).await
            }
            made => made,
        }
    }

    async fn update(
        aws: &Aws,
        live: &Observed<EventSource>,
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
            aws.call("lambda:UpdateEventSourceMapping", call.send()).await?;
            if !want.enabled {
                settled(aws, want).await?;
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

    /// DeleteEventSourceMapping for each mapping of the pair, asked again while one is in use.
    async fn delete(aws: &Aws, live: &Observed<EventSource>) -> Result<(), AwsError> {
        remove(aws, &live.spec, &live.physical_id).await?;
        wait::until("the event source mapping to be gone", SETTLED_WITHIN, || async {
            let left = list(aws, &live.spec).await?;
            let Some(state) = left.first().map(|mapping| mapping.state().unwrap_or_default()) else {
                return Ok(Poll::Ready(()));
            };
            let seen = format!("state {state}");
            for mapping in left.iter().filter(|mapping| mapping.state() != Some("Deleting")) {
                remove(aws, &live.spec, uuid(mapping)?).await?;
            }
            Ok(Poll::Pending(seen))
        })
        .await
    }
}

/// DeleteEventSourceMapping, asked again while the mapping is in use.
async fn remove(aws: &Aws, spec: &EventSource, uuid: &str) -> Result<(), AwsError> {
    wait::until(&format!("event source mapping {uuid} to take a delete"), SETTLED_WITHIN, || async move {
        let call = aws.clients.lambda.delete_event_source_mapping().uuid(uuid).send();
        match aws.find("lambda:DeleteEventSourceMapping", ABSENT, call).await {
            Err(e) if e.is(BUSY) && !is_deleting(aws, spec, uuid).await? => Ok(Poll::Pending(e.to_string())),
            Err(e) if !e.is(BUSY) => Err(e),
            _ => Ok(Poll::Ready(())),
        }
    })
    .await
}

async fn make(aws: &Aws, want: &EventSource) -> Result<Created, AwsError> {
    let look = || async { Ok(list(aws, want).await?.into_iter().find_map(|mapping| mapping.uuid)) };
    let uuid = once(|| send_create(aws, want), look).await?;
    if !want.enabled {
        settled(aws, want).await?;
    }
    Ok(Created { outputs: outputs(&uuid), physical_id: uuid })
}

/// Sends CreateEventSourceMapping once: an emulator makes as many as it is asked for.
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
        .set_provisioned_poller_config(want.provisioned_poller_config.as_ref().map(|_| pollers(want)))
        .set_tags(Some(want.tags.clone().into_iter().collect()))
        .customize()
        .config_override(aws_sdk_lambda::config::Config::builder().retry_config(RetryConfig::disabled()));
    let made = aws.call("lambda:CreateEventSourceMapping", call.send()).await?;
    made.uuid.ok_or_else(|| AwsError::missing("lambda:CreateEventSourceMapping", "UUID"))
}

/// What AWS answers to a change while another one is in progress.
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

/// ListTags; `None` when there is no such mapping.
async fn tags_of(aws: &Aws, arn: &str) -> Result<Option<Tags>, AwsError> {
    let call = aws.clients.lambda.list_tags().resource(arn).send();
    let found = aws.find("lambda:ListTags", ABSENT, call).await?;
    Ok(found.map(|found| tags::without_aws(found.tags.unwrap_or_default())))
}

/// All mappings of the pair, by UUID. Listed by source alone: by function AWS finds none once the function is gone,
/// while its mappings linger.
async fn list(aws: &Aws, spec: &EventSource) -> Result<Vec<Mapping>, AwsError> {
    let listed = list_one(aws, &spec.event_source_arn).await?;
    Ok(of_pair(aws, spec, listed))
}

fn of_pair(aws: &Aws, spec: &EventSource, mut found: Vec<Mapping>) -> Vec<Mapping> {
    let function = function_arn(&aws.place, &spec.function_name);
    found.retain(|mapping| mapping.function_arn() == Some(function.as_str()));
    found.sort_by(|a, b| a.uuid().cmp(&b.uuid()));
    found
}

/// Fewer sources than this are asked for one by one.
const FEW: usize = 4;
/// Mappings in one answer.
const PAGE: usize = 100;
/// Pages of the account's listing beyond those that hold what is wanted, before the rest is asked for one by one.
const MORE_PAGES: usize = 4;

/// The mappings of many sources: from one listing of the account's, as long as that is not mostly of others.
async fn list_all(aws: Aws, sources: BTreeSet<String>) -> Result<BTreeMap<String, Vec<Mapping>>, AwsError> {
    if sources.len() >= FEW {
        let mut by_source: BTreeMap<String, Vec<Mapping>> = sources.iter().map(|s| (s.clone(), Vec::new())).collect();
        let mut marker = None;
        for _ in 0..sources.len().div_ceil(PAGE) + MORE_PAGES {
            let call = aws.clients.lambda.list_event_source_mappings().max_items(PAGE as i32).set_marker(marker);
            let page = aws.call("lambda:ListEventSourceMappings", call.send()).await?;
            for mapping in page.event_source_mappings.unwrap_or_default() {
                if let Some(of) = mapping.event_source_arn().and_then(|source| by_source.get_mut(source)) {
                    of.push(mapping);
                }
            }
            marker = page.next_marker.filter(|m| !m.is_empty());
            if marker.is_none() {
                return Ok(by_source);
            }
        }
    }
    let each = try_join_all(sources.iter().map(|source| list_one(&aws, source))).await?;
    Ok(sources.into_iter().zip(each).collect())
}

async fn list_one(aws: &Aws, source: &str) -> Result<Vec<Mapping>, AwsError> {
    let (mut found, mut marker) = (Vec::new(), None);
    loop {
        let call = aws.clients.lambda.list_event_source_mappings().event_source_arn(source).set_marker(marker).send();
        let Some(page) = aws.find("lambda:ListEventSourceMappings", ABSENT, call).await? else { return Ok(found) };
        found.extend(page.event_source_mappings.unwrap_or_default());
        marker = page.next_marker.filter(|m| !m.is_empty());
        if marker.is_none() {
            return Ok(found);
        }
    }
}

/// AWS always answers with the full ARN.
fn function_arn(place: &Place, name: &str) -> String {
    if name.starts_with("arn:") { name.to_owned() } else { place.arn("lambda", &format!("function:{name}")) }
}

async fn is_deleting(aws: &Aws, spec: &EventSource, uuid: &str) -> Result<bool, AwsError> {
    let all = list(aws, spec).await?;
    Ok(all.iter().find(|m| m.uuid() == Some(uuid)).is_none_or(|m| m.state() == Some("Deleting")))
}

/// Waits until none of the pair's mappings is left that `which` picks.
async fn gone(aws: &Aws, spec: &EventSource, which: impl Fn(&Mapping) -> bool) -> Result<(), AwsError> {
    let which = &which;
    wait::until("the event source mapping to be gone", SETTLED_WITHIN, || async move {
        let left = list(aws, spec).await?;
        Ok(match left.iter().find(|mapping| which(mapping)) {
            None => Poll::Ready(()),
            Some(mapping) => Poll::Pending(format!("state {}", mapping.state().unwrap_or_default())),
        })
    })
    .await
}

/// Waits until the mapping can be changed. A mapping that is not listed is left to the next call to report.
async fn settled(aws: &Aws, spec: &EventSource) -> Result<(), AwsError> {
    wait::until("the event source mapping to be Enabled or Disabled", SETTLED_WITHIN, || async {
        let all = list(aws, spec).await?;
        Ok(match all.iter().find(|m| !matches!(m.state(), None | Some("Enabled" | "Disabled"))) {
            None => Poll::Ready(()),
            Some(mapping) => Poll::Pending(format!("state {}", mapping.state().unwrap_or_default())),
        })
    })
    .await
}

/// AWS's numbers are signed; ranges are checked long before and end far below.
fn number(value: u32) -> i32 {
    i32::try_from(value).unwrap_or(i32::MAX)
}

fn unsigned(value: Option<i32>) -> Option<u32> {
    value.and_then(|v| u32::try_from(v).ok())
}

fn response_types(want: &EventSource) -> Vec<FunctionResponseType> {
    want.function_response_types.iter().map(|t| FunctionResponseType::from(t.as_str())).collect()
}

/// Without patterns the empty form, which clears the filter.
fn filter(want: &EventSource) -> FilterCriteria {
    let filters = want.filter_patterns.iter().map(|text| Filter::builder().pattern(text).build()).collect();
    FilterCriteria::builder().set_filters(Some(filters)).build()
}

/// Without a maximum the empty form, which clears it.
fn scaling(want: &EventSource) -> ScalingConfig {
    ScalingConfig::builder().set_maximum_concurrency(want.maximum_concurrency.map(number)).build()
}

/// Without pollers the empty form, which ends the provisioned mode.
fn pollers(want: &EventSource) -> SdkPollers {
    let pollers = want.provisioned_poller_config.as_ref();
    SdkPollers::builder()
        .set_minimum_pollers(pollers.map(|p| number(p.minimum_pollers)))
        .set_maximum_pollers(pollers.map(|p| number(p.maximum_pollers)))
        .build()
}

fn observed(spec: &EventSource, mapping: &Mapping, tags: Tags) -> EventSource {
    let patterns = mapping.filter_criteria().map(FilterCriteria::filters).unwrap_or_default();
    let normal = |text: &str| serde_json::from_str(text).map_or_else(|_| text.to_owned(), |value| pattern(&value));
    let mut filter_patterns: Vec<_> = patterns.iter().filter_map(Filter::pattern).map(normal).collect();
    filter_patterns.sort();
    EventSource {
        event_source_arn: spec.event_source_arn.clone(),
        function_name: spec.function_name.clone(),
        batch_size: unsigned(mapping.batch_size).unwrap_or(10),
        maximum_batching_window_in_seconds: unsigned(mapping.maximum_batching_window_in_seconds).unwrap_or(0),
        enabled: !matches!(mapping.state(), Some("Disabled" | "Disabling")),
        function_response_types: mapping.function_response_types().iter().map(|t| t.as_str().to_owned()).collect(),
        maximum_concurrency: unsigned(mapping.scaling_config().and_then(ScalingConfig::maximum_concurrency)),
        filter_patterns,
        provisioned_poller_config: mapping.provisioned_poller_config().and_then(|p| {
            // The documented defaults, if AWS names only one of the two.
            let (minimum, maximum) = (unsigned(p.minimum_pollers), unsigned(p.maximum_pollers));
            (minimum.is_some() || maximum.is_some()).then(|| PollerConfig {
                minimum_pollers: minimum.unwrap_or(2),
                maximum_pollers: maximum.unwrap_or(200),
            })
        }),
        tags,
    }
}

/// Says if AWS itself disabled the mapping, or cannot work with it.
fn notes(mapping: &Mapping) -> Vec<String> {
    let mut notes = Vec::new();
    let (state, reason) = (mapping.state().unwrap_or_default(), mapping.state_transition_reason().unwrap_or_default());
    let by_user = ["", "USER_INITIATED", "User action"].contains(&reason);
    match state {
        "Enabled" | "" => {}
        "Disabled" if by_user => {}
        "Disabled" => notes.push(format!("AWS disabled it: {reason}")),
        state => notes.push(format!("state {state}")),
    }
    notes.extend(mapping.last_processing_result().filter(|r| r.starts_with("PROBLEM")).map(str::to_owned));
    if let Some(error) = mapping.filter_criteria_error() {
        notes.push(format!("its filter cannot be read: {}", error.message().unwrap_or_default()));
    }
    notes
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn spec() -> EventSource {
        EventSource {
            event_source_arn: "arn:aws:sqs:eu-west-1:1:q".into(),
            function_name: "f".into(),
            batch_size: 10,
            maximum_batching_window_in_seconds: 0,
            enabled: true,
            function_response_types: vec![],
            maximum_concurrency: None,
            filter_patterns: vec![],
            provisioned_poller_config: None,
            tags: Tags::new(),
        }
    }

    #[test]
    fn what_lambda_leaves_out_reads_as_its_documented_default() {
        let bare = Mapping::builder().state("Enabled").build();
        assert_eq!(observed(&spec(), &bare, Tags::new()), spec());
        let empty = Mapping::builder()
            .state("Creating")
            .filter_criteria(FilterCriteria::builder().build())
            .scaling_config(ScalingConfig::builder().build())
            .provisioned_poller_config(SdkPollers::builder().build())
            .build();
        assert_eq!(observed(&spec(), &empty, Tags::new()), spec());
    }

    #[test]
    fn a_filter_pattern_reads_the_same_however_it_was_written() {
        let stored = Filter::builder().pattern(r#"{ "b": [1], "a": {"d":["x"], "c":[true]} }"#).build();
        let mapping = Mapping::builder().filter_criteria(FilterCriteria::builder().filters(stored).build()).build();
        let normal = pattern(&json!({ "a": { "c": [true], "d": ["x"] }, "b": [1] }));
        assert_eq!(observed(&spec(), &mapping, Tags::new()).filter_patterns, [normal]);
    }

    #[test]
    fn only_a_mapping_that_aws_disabled_has_a_note() {
        let disabled = |reason: &str| Mapping::builder().state("Disabled").state_transition_reason(reason).build();
        assert!(notes(&disabled("USER_INITIATED")).is_empty());
        assert_eq!(notes(&disabled("the queue is gone")), ["AWS disabled it: the queue is gone"]);
        assert!(!observed(&spec(), &disabled("the queue is gone"), Tags::new()).enabled);
    }
}
