//! The reasons why a call got no answer. Errors pass through the SDK, which hands them on unchanged.

use std::time::Duration;

/// The reason why a call got no answer, as far as it decides the advice to the user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// The network: no route, no name, a connection that broke.
    Network,
    /// A connection on which nothing moved.
    Silence,
    /// A certificate that no trusted authority has signed.
    Certificate,
    /// A CA bundle that cannot be used.
    CaBundle,
    /// No code of an MFA device.
    MfaCode,
    /// No usable credentials.
    Credentials,
}

impl Cause {
    /// Finds the cause of an error of the SDK. `text` is the error with its causes.
    pub(super) fn of(error: &(dyn std::error::Error + 'static), text: &str) -> Self {
        let causes = || std::iter::successors(Some(error), |error| error.source());
        if let Some(refusal) = causes().find_map(|cause| cause.downcast_ref::<NoCredentials>()) {
            return match refusal {
                NoCredentials::CaBundle(_) => Self::CaBundle,
                NoCredentials::MfaCode(_) => Self::MfaCode,
                NoCredentials::Refused(_) => Self::Credentials,
            };
        }
        if causes().any(|cause| cause.is::<Silence>()) {
            return Self::Silence;
        }
        match () {
            () if UNTRUSTED.iter().any(|phrase| text.contains(phrase)) => Self::Certificate,
            // The SDK has no type for a chain of providers of which none is set up.
            () if text.contains("credential") => Self::Credentials,
            () => Self::Network,
        }
    }
}

/// Phrases of rustls about a certificate that no trusted authority has signed.
const UNTRUSTED: &[&str] = &["UnknownIssuer", "invalid peer certificate"];

/// Reports that the credentials, or the connection to get them over, cannot be used.
#[derive(Debug, Clone, thiserror::Error)]
pub enum NoCredentials {
    /// The CA bundle of the profile or the environment.
    #[error("the CA bundle {0}")]
    CaBundle(String),
    /// The profile and its MFA device: nobody entered a code.
    #[error("the profile {0}")]
    MfaCode(String),
    /// Refused by STS, or no credentials in its answer.
    #[error("{0}")]
    Refused(String),
}

/// Reports that nothing moved on a connection for this long.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("nothing was sent and nothing came back for {} s", .0.as_secs())]
pub(super) struct Silence(pub(super) Duration);
