//! Holds every request against AWS's own constraints before it is sent.

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::Intercept;
use aws_smithy_runtime_api::client::interceptors::context::BeforeTransmitInterceptorContextRef;
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, Metadata};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::ConfigBag;

use super::dialect::{CBOR, PROTOCOL, cbor};
use crate::constraints::{self, Body, Request, Violation};

/// Refuses requests that AWS would refuse.
///
/// To AWS itself, only the certain rules count: those that botocore checks as well. A service may accept more than its
/// model lists. A local AWS accepts nearly everything, so all rules count there.
#[derive(Debug, Clone, Copy)]
pub(super) struct Checked {
    pub(super) is_local: bool,
}

/// The constraints that a request breaks.
#[derive(Debug, thiserror::Error)]
#[error("{}", list(.0))]
pub(super) struct Invalid(Vec<Violation>);

impl Invalid {
    /// Returns the constraints, if they are a cause of `error`.
    pub(super) fn cause<'e>(error: &'e (dyn std::error::Error + 'static)) -> Option<&'e Self> {
        std::iter::successors(Some(error), |error| error.source()).find_map(|error| error.downcast_ref())
    }
}

fn list(violations: &[Violation]) -> String {
    violations.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

impl Intercept for Checked {
    fn name(&self) -> &'static str {
        "Checked"
    }

    fn read_before_transmit(
        &self,
        context: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let Some(metadata) = config.load::<Metadata>() else { return Ok(()) };
        let mut broken = constraints::broken(metadata.service(), metadata.name(), &request(context.request()));
        broken.retain(|violation| self.is_local || violation.rule.is_certain());
        if broken.is_empty() { Ok(()) } else { Err(Invalid(broken).into()) }
    }
}

fn request(http: &HttpRequest) -> Request<'_> {
    let body = match http.body().bytes() {
        Some(bytes) if http.headers().get(PROTOCOL) == Some(CBOR) => {
            cbor::to_json(bytes).map_or(Body::Streamed, |value| Body::Tree(value.into()))
        }
        Some(bytes) => Body::Bytes(bytes),
        None => Body::Streamed,
    };
    Request { uri: http.uri(), headers: http.headers().iter().collect(), body }
}

#[cfg(test)]
mod tests;
