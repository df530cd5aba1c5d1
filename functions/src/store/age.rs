//! The age of an object by the clock of S3.

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::Intercept;
use aws_smithy_runtime_api::client::interceptors::context::BeforeDeserializationInterceptorContextRef;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::ConfigBag;
use aws_smithy_types::date_time::{DateTime, Format};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

/// Keeps the `Date` header of an answer, which the SDK drops.
#[derive(Clone, Debug, Default)]
pub(super) struct ServerDate(Arc<Mutex<Option<SystemTime>>>);

impl ServerDate {
    /// Returns the time that had passed since `modified` when the server answered; `None` if the answer had no date.
    pub(super) fn age(&self, modified: Option<DateTime>) -> Option<Duration> {
        let modified = SystemTime::try_from(modified?).ok()?;
        let date = (*self.0.lock().unwrap_or_else(PoisonError::into_inner))?;
        Some(date.duration_since(modified).unwrap_or_default())
    }
}

impl Intercept for ServerDate {
    fn name(&self) -> &'static str {
        "ServerDate"
    }

    fn read_before_deserialization(
        &self,
        context: &BeforeDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let date = context.response().headers().get("date");
        let date = date.and_then(|text| DateTime::from_str(text, Format::HttpDate).ok());
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = date.and_then(|date| SystemTime::try_from(date).ok());
        Ok(())
    }
}
