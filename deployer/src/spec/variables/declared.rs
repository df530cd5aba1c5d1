//! Entries of `vars:`, as `stack.yaml` declares them.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Number, Value};

/// One entry of `vars:`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Variable {
    /// The default.
    Value(Scalar),
    /// The default, and limits of the value.
    Declared(Declaration),
    /// Must be given.
    Nothing(()),
}

/// A text, number or truth value.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Scalar {
    Text(String),
    Number(Number),
    Bool(bool),
}

/// A variable in full.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Declaration {
    /// Whether a value must be given from outside. Every variable without a default needs one, too.
    pub required: bool,
    /// Whether the value is secret: never printed, and stored only as a keyed fingerprint. What `from_secret` and a
    /// SecureString of `from_ssm` give is secret in any case.
    pub secret: Option<bool>,
    /// The parameter of the Parameter Store (SSM) that has the value: its name or ARN, with `:VERSION` or `:LABEL` if
    /// wanted. Commands that need the value read it.
    #[schemars(length(min = 1, max = 2048))]
    pub from_ssm: Option<String>,
    /// The secret of Secrets Manager that has the value: its name or ARN. Commands that need the value read it.
    #[schemars(length(min = 1, max = 2048))]
    pub from_secret: Option<String>,
    /// The key of the secret's JSON object that has the value. Without it the value is the whole text.
    #[schemars(length(min = 1))]
    pub key: Option<String>,
    /// The staging label of the secret's version. Default: AWSCURRENT.
    #[schemars(length(min = 1, max = 256))]
    pub version_stage: Option<String>,
    /// The id of the secret's version.
    #[schemars(length(min = 32, max = 64))]
    pub version_id: Option<String>,
    /// The value if none is given.
    pub default: Option<Scalar>,
    /// The purpose, shown if the value is missing.
    pub description: Option<String>,
    /// A regular expression that the whole value has to match.
    pub pattern: Option<String>,
    /// The accepted values.
    pub allowed: Option<Vec<Scalar>>,
}

impl Scalar {
    pub(super) fn text(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Number(number) => number.to_string(),
            Self::Bool(value) => value.to_string(),
        }
    }

    pub(super) fn value(&self) -> Value {
        match self {
            Self::Text(text) => Value::from(text.as_str()),
            Self::Number(number) => Value::Number(number.clone()),
            Self::Bool(value) => Value::Bool(*value),
        }
    }
}

impl Variable {
    pub(super) fn declaration(self) -> Declaration {
        match self {
            Self::Value(default) => Declaration { default: Some(default), ..Declaration::default() },
            Self::Declared(declaration) => declaration,
            Self::Nothing(()) => Declaration::default(),
        }
    }
}

impl Declaration {
    /// Tells whether AWS stores the value.
    pub(super) fn is_stored(&self) -> bool {
        self.from_ssm.is_some() || self.from_secret.is_some()
    }

    /// Says how the value is no longer a secret, if it need not be one.
    pub(super) fn unless_secret(&self) -> &'static str {
        match (&self.from_secret, &self.from_ssm) {
            (Some(_), _) => "",
            (None, Some(_)) => ", or write `secret: false` if it is none",
            (None, None) => ", or drop `secret: true`",
        }
    }

    /// Tells whether the value is secret, as far as the declaration shows: the type of a parameter is known only once
    /// it is read.
    pub(super) fn is_secret(&self) -> bool {
        self.secret.unwrap_or(self.from_ssm.is_some()) || self.from_secret.is_some()
    }
}
