//! Finds mappings that `stack.yaml` does not have.

use super::{ABSENT, EventSource, FoundResource};
use crate::aws::tags::Tags;
use crate::aws::{Aws, AwsError};

/// Returns a mapping without a spec: its UUID does not contain its source or function.
pub(super) fn found_resource(uuid: &str) -> FoundResource<EventSource> {
    FoundResource { id: uuid.to_owned(), spec: None, address: None }
}

/// Asks for the source and the function of a mapping: GetEventSourceMapping. `None` if it does not exist.
pub(super) async fn look_up(aws: &Aws, uuid: &str) -> Result<Option<EventSource>, AwsError> {
    let call = aws.clients.lambda.get_event_source_mapping().uuid(uuid).send();
    let found = aws.find("lambda:GetEventSourceMapping", ABSENT, call).await?;
    Ok(found.and_then(|found| {
        let function_name = found.function_arn?.split_once(":function:")?.1.to_owned();
        Some(blank(found.event_source_arn?, function_name))
    }))
}

/// Returns a mapping of which only the identity is known.
pub(super) fn blank(event_source_arn: String, function_name: String) -> EventSource {
    EventSource {
        event_source_arn,
        function_name,
        batch_size: 0,
        maximum_batching_window_in_seconds: 0,
        enabled: true,
        function_response_types: Vec::new(),
        maximum_concurrency: None,
        filter_patterns: Vec::new(),
        provisioned_poller_config: None,
        stream: None,
        tags: Tags::new(),
    }
}

/// Lists every mapping, or those of one function: ListEventSourceMappings.
pub(super) async fn all(aws: &Aws, function: Option<&str>) -> Result<Vec<FoundResource<EventSource>>, AwsError> {
    let call = aws.clients.lambda.list_event_source_mappings().set_function_name(function.map(str::to_owned));
    let page = aws.call("lambda:ListEventSourceMappings", call.send()).await?;
    Ok(page.event_source_mappings().iter().filter_map(|mapping| mapping.uuid()).map(found_resource).collect())
}
