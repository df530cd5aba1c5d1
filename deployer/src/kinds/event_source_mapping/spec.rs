//! The spec of a mapping.

use serde::{Deserialize, Serialize};

use crate::aws::tags::Tags;

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
    /// JSON texts as [`pattern`](super::pattern) writes them; a message passes if it matches one of them.
    #[serde(default)]
    pub filter_patterns: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provisioned_poller_config: Option<PollerConfig>,
    /// Only of a stream.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stream: Option<StreamSettings>,
    #[serde(default)]
    pub tags: Tags,
}

/// How a function receives the records of a stream; times in seconds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StreamSettings {
    /// `TRIM_HORIZON` or `LATEST`.
    pub starting_position: String,
    pub parallelization_factor: u32,
    pub bisect_batch_on_function_error: bool,
    /// Without it, a record is tried again until it expires.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub maximum_retry_attempts: Option<u32>,
    /// Without it, records of any age are sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub maximum_record_age_in_seconds: Option<u32>,
    /// 0: no window.
    pub tumbling_window_in_seconds: u32,
    /// ARN of the queue or topic that is told of records that were given up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_failure: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PollerConfig {
    pub minimum_pollers: u32,
    pub maximum_pollers: u32,
}
