//! The answers of S3 about a setting of a bucket.

use crate::aws::{Aws, AwsError};

/// A setting of a bucket, or a missing bucket.
pub(super) enum SettingRead<T> {
    Bucket(Option<T>),
    Nothing,
}

pub(super) async fn setting<T, E>(
    aws: &Aws,
    operation: &'static str,
    unset: &[&str],
    call: impl Future<Output = Result<T, SdkError<E>>> + Send,
) -> Result<SettingRead<T>, AwsError>
where
    T: Send,
    E: aws_smithy_types::error::metadata::ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    match aws.call(operation, call).await {
        Ok(value) => Ok(SettingRead::Bucket(Some(value))),
        Err(e) if e.is(unset) => Ok(SettingRead::Bucket(None)),
        Err(e) if e.is(super::ABSENT) => Ok(SettingRead::Nothing),
        Err(e) => Err(e),
    }
}

type SdkError<E> = aws_smithy_runtime_api::client::result::SdkError<E, aws_smithy_runtime_api::http::Response>;

/// Returns the error for a value that the SDK refuses to send.
pub(super) fn shape(what: &str, error: &dyn std::error::Error) -> AwsError {
    AwsError::Shape { what: what.to_owned(), message: error.to_string() }
}
