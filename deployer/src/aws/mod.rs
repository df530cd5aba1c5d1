//! AWS as the kinds see it: one client per service, one way to make a call, one way to wait.
//!
//! [`Aws`] has two halves. The calls: every call goes through [`Aws::call`] or [`Aws::find`] (`traffic`), which count
//! it, slow it to AWS's documented rates, refuse a write once the state lock is lost, and turn an SDK error into an
//! [`AwsError`]. The run: [`Memory`] has what the user and the state told this run, and what it has read and done.
//!
//! Nothing here names a kind. A kind that reads many resources with one call declares that as a [`gather::Bulk`].

pub(crate) mod apigateway;
pub mod bedrock;
pub mod cause;
mod checked;
pub mod clients;
mod dialect;
pub mod digest;
mod download;
pub(crate) mod dynamodb;
pub mod error;
mod fence;
mod flow;
pub(crate) mod gather;
mod interfaces;
mod kms;
mod memo;
mod memory;
pub mod network;
mod once;
pub mod owner;
mod pace;
pub mod partition;
mod patience;
pub mod permission;
mod place;
#[cfg(test)]
pub(crate) mod played;
pub mod policy;
pub mod profile;
pub mod rate;
pub mod service;
mod signed;
pub mod stored;
pub(crate) mod tagged;
pub mod tags;
mod traffic;
mod upload;
pub mod wait;

use std::sync::Arc;

pub use cause::Cause;
pub use clients::Clients;
pub(crate) use dialect::cbor;
pub use error::{AwsError, ServiceError};
pub use fence::Fence;
pub use memory::Memory;
pub(crate) use once::once;
pub use place::Place;
pub use tagged::Trust;
pub use traffic::is_write;

use traffic::Traffic;

/// The AWS that a run talks to. Clones share the calls and the memory of the run.
#[derive(Clone)]
pub struct Aws {
    pub clients: Arc<Clients>,
    pub place: Place,
    /// Tags of others that are neither read nor changed.
    pub(crate) ignored: Arc<tags::Ignored>,
    traffic: Arc<Traffic>,
    /// The memory of this run.
    pub run: Memory,
}

impl Aws {
    pub fn new(clients: Arc<Clients>, place: Place) -> Self {
        Self::with_calls(clients, place, flow::AT_FIRST)
    }

    /// Works like [`Aws::new`], with at most `calls` in progress at once.
    pub fn with_calls(clients: Arc<Clients>, place: Place, calls: usize) -> Self {
        let traffic = Arc::new(Traffic::new(calls, (0, 0)));
        Self { clients, place, ignored: Arc::default(), traffic, run: Memory::default() }
    }

    /// Ignores these tags of others.
    #[must_use]
    pub fn ignoring(self, ignored: tags::Ignored) -> Self {
        Self { ignored: Arc::new(ignored), ..self }
    }

    /// Returns the same AWS for a run that begins again and knows the user's claims alone. Counting goes on.
    pub fn begin_again(&self, calls: usize) -> Self {
        let traffic = Arc::new(Traffic::new(calls, self.calls()));
        Self { traffic, run: self.run.with_claims_alone(), ..self.clone() }
    }

    /// Returns the same AWS without the remembered answers, for questions that an earlier answer cannot settle.
    pub(crate) fn afresh(&self) -> Self {
        Self { run: self.run.without_answers(), ..self.clone() }
    }
}
