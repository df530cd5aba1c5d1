//! Refuses every writing call after the state's lock was lost, the SDK's retries included.

use std::fmt;
use std::sync::{Arc, OnceLock};

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::Intercept;
use aws_smithy_runtime_api::client::interceptors::context::BeforeTransmitInterceptorContextRef;
use aws_smithy_runtime_api::client::orchestrator::Metadata;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::ConfigBag;

use super::is_write;

/// Tells whether this run may write to AWS at this moment.
type Permit = Box<dyn Fn() -> bool + Send + Sync>;

/// Checks every attempt of every call, the SDK's retries included.
#[derive(Clone, Default)]
pub struct Fence(Arc<OnceLock<Permit>>);

impl Fence {
    /// Lets writes through only while `permit` returns true. The first permit counts.
    pub(super) fn ask(&self, permit: impl Fn() -> bool + Send + Sync + 'static) {
        let _ = self.0.set(Box::new(permit));
    }

    /// Tells whether writes may be sent; always if no permit is set.
    pub(super) fn is_open(&self) -> bool {
        self.0.get().is_none_or(|permit| permit())
    }
}

impl fmt::Debug for Fence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fence").field("open", &self.is_open()).finish()
    }
}

/// The reason why an attempt was not sent.
#[derive(Debug, thiserror::Error)]
#[error("this run no longer holds the state lock")]
pub(super) struct FenceClosed;

impl FenceClosed {
    /// Tells whether it is a cause of `error`.
    pub(super) fn is_cause_of(error: &(dyn std::error::Error + 'static)) -> bool {
        std::iter::successors(Some(error), |error| error.source()).any(|error| error.is::<Self>())
    }
}

impl Intercept for Fence {
    fn name(&self) -> &'static str {
        "Fence"
    }

    fn read_before_transmit(
        &self,
        _: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let writes = config.load::<Metadata>().is_none_or(|metadata| is_write(metadata.name()));
        if writes && !self.is_open() { Err(FenceClosed.into()) } else { Ok(()) }
    }
}
