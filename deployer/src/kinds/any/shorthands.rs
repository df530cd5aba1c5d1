//! Shorthands for the facts that are used most.

use serde_json::Value;

use super::AnyKind;
use crate::kinds::{ArtifactProperty, Ownership, Rule, fields};

impl dyn AnyKind + '_ {
    pub fn name(&self) -> &'static str {
        self.about().name
    }

    pub fn outputs(&self) -> &'static [&'static str] {
        self.about().outputs
    }

    pub fn identity(&self) -> &'static [&'static str] {
        self.about().identity
    }

    /// Returns a spec's identity as one text: `image-requests-32`, or its parts joined by ` · `.
    pub fn identify(&self, spec: &Value) -> String {
        fields::join(spec, self.identity().iter().copied())
    }

    /// Returns a spec's identity without the properties that may hold a secret.
    pub fn identify_in_clear(&self, spec: &Value) -> String {
        fields::join(spec, self.identity().iter().copied().filter(|property| !self.may_be_secret().contains(property)))
    }

    pub fn may_be_secret(&self) -> &'static [&'static str] {
        self.about().may_be_secret
    }

    pub fn artifact(&self) -> Option<&'static ArtifactProperty> {
        self.about().artifact.as_ref()
    }

    pub fn rules(&self) -> &'static [(&'static str, Rule)] {
        self.about().rules
    }

    pub fn ownership(&self) -> Ownership {
        self.about().ownership()
    }
}
