//! Names the stack and the place that a run is about.

use serde_json::{Map, Value, json};

use crate::aws::Place;
use crate::spec::document::Document;
use crate::spec::env;

/// A stack, and the place of its resources.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heading {
    /// The stack, with its preview environment if it has one: `shop`, `shop@pr-7`.
    pub owner: String,
    pub region: String,
    pub account: String,
    /// Whether the resources are in the local cloud.
    pub local: bool,
}

impl Heading {
    pub fn of(document: &Document, place: &Place, local: bool) -> Self {
        let Place { region, account, .. } = place.clone();
        Self { owner: document.stack().to_owned(), region, account, local }
    }

    /// Returns the preview environment; `None` for the stack itself.
    pub fn env(&self) -> Option<&str> {
        env::of_owner(&self.owner)
    }

    /// Renders the first line of a plan: `shop · eu-north-1 · 123456789012 · env pr-7`
    pub fn line(&self) -> String {
        [vec![self.stack()], self.details().iter().map(String::as_str).collect()].concat().join(" · ")
    }

    /// Renders the stack for a sentence: `shop (eu-north-1, 123456789012, env pr-7)`
    pub fn named(&self) -> String {
        format!("{} ({})", self.stack(), self.details().join(", "))
    }

    /// Returns the properties of JSON objects about this stack.
    pub fn properties(&self) -> Map<String, Value> {
        let Self { owner, region, account, local } = self;
        let properties =
            json!({ "stack": owner, "region": region, "account": account, "env": self.env(), "local": local });
        properties.as_object().cloned().unwrap_or_default()
    }

    fn stack(&self) -> &str {
        env::stack_of(&self.owner)
    }

    /// The local cloud has one account, which means nothing.
    fn details(&self) -> Vec<String> {
        let account = if self.local { "local" } else { &self.account };
        let env = self.env().map(|env| format!("env {env}"));
        [self.region.clone(), account.to_owned()].into_iter().chain(env).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heading(owner: &str, local: bool) -> Heading {
        Heading { owner: owner.into(), region: "eu-north-1".into(), account: "123456789012".into(), local }
    }

    #[test]
    fn a_stack_is_named_with_its_place_and_its_environment() {
        assert_eq!(heading("shop", false).line(), "shop · eu-north-1 · 123456789012");
        assert_eq!(heading("shop@pr-7", false).line(), "shop · eu-north-1 · 123456789012 · env pr-7");
        assert_eq!(heading("shop", false).named(), "shop (eu-north-1, 123456789012)");
        assert_eq!(heading("shop@pr-7", true).named(), "shop (eu-north-1, local, env pr-7)");
    }
}
