//! Calls a function once and waits for its answer.

use std::time::Duration;

use aws_sdk_lambda::primitives::Blob;
use aws_sdk_lambda::types::LogType;
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::aws::{Aws, AwsError};

/// The answer of a function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FunctionAnswer {
    /// The payload as received, usually JSON.
    pub payload: String,
    /// `Handled` or `Unhandled` if the function itself failed.
    pub error: Option<String>,
    /// The last 4 KB of its log.
    pub log: String,
}

/// The longest time that Lambda lets a function run, plus a margin for the network.
const PATIENCE: Duration = Duration::from_secs(1_810);

/// Calls a function once with `payload` and waits for its answer: Invoke. The call is never repeated, because the
/// function may have done its work although the answer was lost.
///
/// # Errors
/// A refusal by Lambda. A failure of the function itself is in the answer.
pub async fn invoke(aws: &Aws, function_name: &str, payload: Vec<u8>) -> Result<FunctionAnswer, AwsError> {
    let once = aws_sdk_lambda::config::Config::builder()
        .retry_config(RetryConfig::disabled())
        .timeout_config(TimeoutConfig::builder().read_timeout(PATIENCE).operation_attempt_timeout(PATIENCE).build());
    let call = aws
        .clients
        .lambda
        .invoke()
        .function_name(function_name)
        .log_type(LogType::Tail)
        .payload(Blob::new(payload))
        .customize()
        .config_override(once);
    let answer = aws.call("lambda:Invoke", call.send()).await?;
    let log = answer.log_result.and_then(|log| STANDARD.decode(log).ok()).unwrap_or_default();
    Ok(FunctionAnswer {
        payload: answer
            .payload
            .map(Blob::into_inner)
            .map(|b| String::from_utf8_lossy(&b).into_owned())
            .unwrap_or_default(),
        error: answer.function_error,
        log: String::from_utf8_lossy(&log).into_owned(),
    })
}
