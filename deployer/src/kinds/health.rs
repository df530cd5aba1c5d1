//! The health of a live resource, beyond its configuration.

use crate::aws::AwsError;

/// One statement about a resource's health.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sign {
    /// The user should look at the resource.
    pub alarming: bool,
    pub text: String,
    /// A command of the deployer that shows more, for the stack's own resources.
    pub command: Option<String>,
}

impl Sign {
    pub fn fine(text: impl Into<String>) -> Self {
        Self { alarming: false, text: text.into(), command: None }
    }

    pub fn alarming(text: impl Into<String>) -> Self {
        Self { alarming: true, text: text.into(), command: None }
    }

    /// Reports that AWS did not answer the question for `quality`.
    pub fn unknown(quality: &str, error: &AwsError) -> Self {
        let why = if error.is_access_denied() { "no permission".to_owned() } else { error.to_string() };
        Self::fine(format!("{quality} unknown: {why}"))
    }
}
