//! The spec as AWS's calls take it, and what AWS lists as the spec.

use aws_sdk_lambda::operation::create_event_source_mapping::builders::CreateEventSourceMappingFluentBuilder;
use aws_sdk_lambda::operation::update_event_source_mapping::builders::UpdateEventSourceMappingFluentBuilder;
use aws_sdk_lambda::types::{
    DestinationConfig, EventSourceMappingConfiguration as Mapping, EventSourcePosition, Filter, FilterCriteria,
    FunctionResponseType, OnFailure, ProvisionedPollerConfig as SdkPollers, ScalingConfig,
};

use serde_json::Value;

use super::{EventSource, PollerConfig, StreamSettings};
use crate::aws::tags::Tags;

/// Writes a filter pattern in its only normal form: compact, keys sorted.
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

/// Converts to AWS's signed number. The range was checked before and fits.
pub(super) fn number(value: u32) -> i32 {
    i32::try_from(value).unwrap_or(i32::MAX)
}

pub(super) fn to_unsigned(value: Option<i32>) -> Option<u32> {
    value.and_then(|v| u32::try_from(v).ok())
}

pub(super) fn response_types(want: &EventSource) -> Vec<FunctionResponseType> {
    want.function_response_types.iter().map(|t| FunctionResponseType::from(t.as_str())).collect()
}

/// Returns the filter; without patterns the empty form, which clears it.
pub(super) fn filter(want: &EventSource) -> FilterCriteria {
    let filters = want.filter_patterns.iter().map(|text| Filter::builder().pattern(text).build()).collect();
    FilterCriteria::builder().set_filters(Some(filters)).build()
}

/// Returns the scaling; without a maximum the empty form, which clears it.
pub(super) fn scaling(want: &EventSource) -> ScalingConfig {
    ScalingConfig::builder().set_maximum_concurrency(want.maximum_concurrency.map(number)).build()
}

/// Returns the pollers; without any the empty form, which ends the provisioned mode.
pub(super) fn pollers(want: &EventSource) -> SdkPollers {
    let pollers = want.provisioned_poller_config.as_ref();
    SdkPollers::builder()
        .set_minimum_pollers(pollers.map(|p| number(p.minimum_pollers)))
        .set_maximum_pollers(pollers.map(|p| number(p.maximum_pollers)))
        .build()
}

pub(super) fn to_spec(spec: &EventSource, mapping: &Mapping, tags: Tags) -> EventSource {
    let patterns = mapping.filter_criteria().map(FilterCriteria::filters).unwrap_or_default();
    let normal = |text: &str| serde_json::from_str(text).map_or_else(|_| text.to_owned(), |value| pattern(&value));
    let mut filter_patterns: Vec<_> = patterns.iter().filter_map(Filter::pattern).map(normal).collect();
    filter_patterns.sort();
    EventSource {
        event_source_arn: spec.event_source_arn.clone(),
        function_name: spec.function_name.clone(),
        batch_size: to_unsigned(mapping.batch_size).unwrap_or(10),
        maximum_batching_window_in_seconds: to_unsigned(mapping.maximum_batching_window_in_seconds).unwrap_or(0),
        enabled: !matches!(mapping.state(), Some("Disabled" | "Disabling")),
        function_response_types: mapping.function_response_types().iter().map(|t| t.as_str().to_owned()).collect(),
        maximum_concurrency: to_unsigned(mapping.scaling_config().and_then(ScalingConfig::maximum_concurrency)),
        filter_patterns,
        provisioned_poller_config: mapping.provisioned_poller_config().and_then(|p| {
            // The documented defaults, if AWS names only one of the two.
            let (minimum, maximum) = (to_unsigned(p.minimum_pollers), to_unsigned(p.maximum_pollers));
            (minimum.is_some() || maximum.is_some()).then(|| PollerConfig {
                minimum_pollers: minimum.unwrap_or(2),
                maximum_pollers: maximum.unwrap_or(200),
            })
        }),
        stream: (!spec.event_source_arn.contains(":sqs:")).then(|| stream_settings(mapping)),
        tags,
    }
}

/// Returns how a mapping receives a stream. -1 stands for no limit.
fn stream_settings(mapping: &Mapping) -> StreamSettings {
    let failed = mapping.destination_config().and_then(|destinations| destinations.on_failure());
    let position = mapping.starting_position().map_or(TRIM_HORIZON, |position| position.as_str());
    StreamSettings {
        starting_position: position.to_owned(),
        parallelization_factor: to_unsigned(mapping.parallelization_factor()).unwrap_or(1),
        bisect_batch_on_function_error: mapping.bisect_batch_on_function_error().unwrap_or(false),
        maximum_retry_attempts: to_unsigned(mapping.maximum_retry_attempts()),
        maximum_record_age_in_seconds: to_unsigned(mapping.maximum_record_age_in_seconds()),
        tumbling_window_in_seconds: to_unsigned(mapping.tumbling_window_in_seconds()).unwrap_or(0),
        on_failure: failed.and_then(|failed| failed.destination()).filter(|arn| !arn.is_empty()).map(str::to_owned),
    }
}

/// The beginning of a stream.
pub const TRIM_HORIZON: &str = "TRIM_HORIZON";

/// Returns the number, or -1 for no limit.
fn or_unlimited(limit: Option<u32>) -> i32 {
    limit.map_or(-1, number)
}

/// Returns the destination of records that were given up; without one the empty form, which clears it.
fn destination(stream: &StreamSettings) -> DestinationConfig {
    let failed = OnFailure::builder().set_destination(stream.on_failure.clone()).build();
    DestinationConfig::builder().on_failure(failed).build()
}

/// Adds the settings of a stream, if the source is one, to a creation.
pub(super) fn stream_creation(
    call: CreateEventSourceMappingFluentBuilder,
    want: &EventSource,
) -> CreateEventSourceMappingFluentBuilder {
    let Some(stream) = &want.stream else { return call };
    call.starting_position(EventSourcePosition::from(stream.starting_position.as_str()))
        .parallelization_factor(number(stream.parallelization_factor))
        .bisect_batch_on_function_error(stream.bisect_batch_on_function_error)
        .maximum_retry_attempts(or_unlimited(stream.maximum_retry_attempts))
        .maximum_record_age_in_seconds(or_unlimited(stream.maximum_record_age_in_seconds))
        .tumbling_window_in_seconds(number(stream.tumbling_window_in_seconds))
        .set_destination_config(stream.on_failure.as_ref().map(|_| destination(stream)))
}

/// Adds the settings of a stream, if the source is one, to a change.
pub(super) fn stream_update(
    call: UpdateEventSourceMappingFluentBuilder,
    want: &EventSource,
) -> UpdateEventSourceMappingFluentBuilder {
    let Some(stream) = &want.stream else { return call };
    call.parallelization_factor(number(stream.parallelization_factor))
        .bisect_batch_on_function_error(stream.bisect_batch_on_function_error)
        .maximum_retry_attempts(or_unlimited(stream.maximum_retry_attempts))
        .maximum_record_age_in_seconds(or_unlimited(stream.maximum_record_age_in_seconds))
        .tumbling_window_in_seconds(number(stream.tumbling_window_in_seconds))
        .destination_config(destination(stream))
}

/// Reports that AWS itself disabled the mapping, or cannot work with it.
pub(super) fn notes(mapping: &Mapping) -> Vec<String> {
    let mut notes = Vec::new();
    let (state, reason) = (mapping.state().unwrap_or_default(), mapping.state_transition_reason().unwrap_or_default());
    let by_user = ["", "user initiated", "user action"].contains(&reason.to_lowercase().replace('_', " ").as_str());
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
            stream: None,
            tags: Tags::new(),
        }
    }

    #[test]
    fn what_lambda_leaves_out_reads_as_its_documented_default() {
        let bare = Mapping::builder().state("Enabled").build();
        assert_eq!(to_spec(&spec(), &bare, Tags::new()), spec());
        let empty = Mapping::builder()
            .state("Creating")
            .filter_criteria(FilterCriteria::builder().build())
            .scaling_config(ScalingConfig::builder().build())
            .provisioned_poller_config(SdkPollers::builder().build())
            .build();
        assert_eq!(to_spec(&spec(), &empty, Tags::new()), spec());
    }

    #[test]
    fn a_filter_pattern_reads_the_same_however_it_was_written() {
        let stored = Filter::builder().pattern(r#"{ "b": [1], "a": {"d":["x"], "c":[true]} }"#).build();
        let mapping = Mapping::builder().filter_criteria(FilterCriteria::builder().filters(stored).build()).build();
        let normal = pattern(&json!({ "a": { "c": [true], "d": ["x"] }, "b": [1] }));
        assert_eq!(to_spec(&spec(), &mapping, Tags::new()).filter_patterns, [normal]);
    }

    #[test]
    fn only_a_mapping_that_aws_disabled_has_a_note() {
        let disabled = |reason: &str| Mapping::builder().state("Disabled").state_transition_reason(reason).build();
        assert!(notes(&disabled("USER_INITIATED")).is_empty());
        assert_eq!(notes(&disabled("the queue is gone")), ["AWS disabled it: the queue is gone"]);
        assert!(!to_spec(&spec(), &disabled("the queue is gone"), Tags::new()).enabled);
    }
}
