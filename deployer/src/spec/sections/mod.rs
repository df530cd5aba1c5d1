//! The sections of `stack.yaml`, one file each.
//!
//! A section describes itself: its file has the elements' properties, the facts about the section ([`About`]), the checks
//! and the lowering to primitive resources. The rest of the program asks for a fact or calls a hook, and never compares a
//! section's name. A new section is therefore one file and one line in [`SECTIONS`]. Lowering is pure.
//!
//! - `about`: the facts about a section
//! - `any`: a section without its type
//! - `hints`: rules for editors that the checker's schema does not have
//! - `lowered`: primitive resources
//! - `access_logs`, `cors`, `eventing`, `fifo`, `filter`, `keys`, `log_subscriptions`, `models`, `notifying`, `path`,
//!   `permission`, `scheduling`: parts that several sections share

pub mod about;
mod access_logs;
pub mod alarms;
pub mod any;
pub mod apis;
pub mod buckets;
pub mod buses;
mod cors;
mod eventing;
mod fifo;
pub mod files;
pub mod filter;
pub mod functions;
mod hints;
pub mod http_apis;
mod keys;
pub mod layers;
pub mod log_groups;
mod log_subscriptions;
mod lowered;
mod models;
mod notifying;
mod path;
pub mod permission;
pub mod queues;
pub mod roles;
pub mod rules;
pub mod schedules;
mod scheduling;
mod service;
pub mod tables;
#[cfg(test)]
mod tests;
pub mod topics;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_json::Value;
use sha2::{Digest, Sha256};

pub use self::about::About;
use self::about::Outsider;
use self::any::{AnySection, ErasedSection};
pub use self::hints::Hints;
pub(in crate::spec) use self::hints::put;
pub use self::lowered::{CodeSource, LoweredCode, LoweredFile, LoweredStack, Resource, Resources};
use super::document::Document;
use super::env;
use super::finding::{DocPath, Findings};
use super::secrets::Secrets;
use crate::aws::tags;
use crate::registry::Registry;

/// All sections: those below by name, then those that the program added.
pub static SECTIONS: &Registry<&dyn AnySection> = &OWN;

#[rustfmt::skip]
static OWN: Registry<&dyn AnySection> = Registry::new(&[
    &ErasedSection::<alarms::Alarms>::NEW,
    &ErasedSection::<apis::Apis>::NEW,
    &ErasedSection::<buckets::Buckets>::NEW,
    &ErasedSection::<buses::Buses>::NEW,
    &ErasedSection::<functions::Functions>::NEW,
    &ErasedSection::<http_apis::HttpApis>::NEW,
    &ErasedSection::<layers::Layers>::NEW,
    &ErasedSection::<log_groups::LogGroups>::NEW,
    &ErasedSection::<queues::Queues>::NEW,
    &ErasedSection::<roles::Roles>::NEW,
    &ErasedSection::<rules::Rules>::NEW,
    &ErasedSection::<schedules::Schedules>::NEW,
    &ErasedSection::<tables::Tables>::NEW,
    &ErasedSection::<topics::Topics>::NEW,
]);

/// Finds the section of a name or of an address: `queues`, `queues.jobs`, `queues.jobs.dead_letter`.
pub fn find(address: &str) -> Option<&'static dyn AnySection> {
    let name = address.split('.').next()?;
    SECTIONS.iter().copied().find(|section| section.name() == name)
}

/// One section: `queues:`, `functions:`, …
pub trait Section: Send + Sync + 'static {
    /// The facts about the section.
    const ABOUT: &'static About;
    /// The properties of one element. Doc comments, ranges and examples become the schema.
    type Element: DeserializeOwned + JsonSchema;

    /// Checks rules within one element that the schema cannot express.
    fn check(element: &Self::Element, at: &Scope<'_>, findings: &mut Findings);

    /// Turns one element into primitive resources.
    fn lower(element: Self::Element, at: &Scope<'_>, out: &mut LoweredStack);

    /// Adds the parts of the section's resources that follow from other elements. Called once all elements are lowered.
    fn complete(_lowered: &mut LoweredStack) {}

    /// Checks a resource of the section against the rest of the stack.
    fn lint(_document: &Document, _all: &Resources<'_>, _resource: &Resource, _findings: &mut Findings) {}

    /// Checks limits that several resources share.
    fn lint_all(_document: &Document, _all: &Resources<'_>, _findings: &mut Findings) {}

    /// Returns the person whom a resource of the section sends messages to or who calls it, for pictures.
    fn outsider(_kind: &str, _spec: &Value) -> Option<Outsider> {
        None
    }

    /// Adds rules that only code checks to the schema for editors.
    fn hints(_hints: &mut Hints<'_>) {}
}

/// Properties that every element has besides its own.
#[derive(Debug, Clone, Default, PartialEq, serde::Deserialize, JsonSchema)]
#[serde(default)]
pub struct Common {
    /// Never deleted or replaced. A plan that would do so is an error. Default: `true` for tables
    /// outside of preview environments, else `false`.
    pub protect: bool,
    /// Kept in AWS when the element is removed from stack.yaml or the stack is destroyed.
    pub retain: bool,
    /// Belongs to others: referenced only, never created, changed or deleted.
    pub external: bool,
    /// Tags for every resource of this element, besides the stack's own.
    pub tags: BTreeMap<String, String>,
    /// Elements to wait for, with all their resources, if no reference names them: `queues.image-requests`.
    pub depends_on: Vec<String>,
    /// The only environments with this element: names of `--env`, `main` for the stack without one, `preview` for all
    /// that `environments` does not list. Default: all.
    #[schemars(length(min = 1))]
    pub only_in: Option<Vec<String>>,
    /// The environments without this element.
    pub not_in: Option<Vec<String>>,
    /// A condition without which the element is left out: `${vars.stage} == production`, `${env} in [main, staging]`, or a
    /// variable that is `true` or `false`; joined by `and`, `or`, `not`. Entries of lists and maps take one, too.
    #[schemars(extend("type" = ["boolean", "string"]))]
    pub when: Option<Value>,
}

/// An element's place in its stack.
pub struct Scope<'a> {
    /// The owner of the element: the stack, or `STACK@ENV` in an environment.
    pub stack: &'a str,
    /// The environment is a preview.
    pub is_preview: bool,
    pub section: &'static str,
    pub name: &'a str,
    pub common: &'a Common,
    /// The stack's own tags.
    pub stack_tags: &'a tags::Tags,
    /// Values that no address may contain.
    pub secrets: &'a Secrets,
}

impl Scope<'_> {
    /// Returns the element's address: `queues.image-requests`.
    pub fn element(&self) -> String {
        format!("{}.{}", self.section, self.name)
    }

    /// Returns the address of a part of the element: `queues.image-requests.dead_letter`.
    pub fn part(&self, part: &str) -> String {
        format!("{}.{}.{part}", self.section, self.name)
    }

    /// Returns a place within the element, for findings.
    pub fn path<S: Into<String>>(&self, parts: impl IntoIterator<Item = S>) -> DocPath {
        let mut path = DocPath::of([self.section, self.name]);
        path.0.extend(parts.into_iter().map(Into::into));
        path
    }

    /// Returns the tags of the resource at `address`: the stack's, the element's, and the ownership tags.
    pub fn tags(&self, address: &str) -> tags::Tags {
        let mut all = self.stack_tags.clone();
        all.extend(self.common.tags.clone());
        all.insert(tags::STACK.into(), self.stack.into());
        all.insert(tags::ADDRESS.into(), tag_value(address));
        if let Some(env) = env::of_owner(self.stack) {
            all.insert(tags::ENV.into(), env.into());
        }
        all
    }

    /// Returns the physical name of an element without a name of its own: `STACK-NAME`.
    pub fn default_name(&self) -> String {
        format!("{}-{}", env::stack_of(self.stack), self.name)
    }

    /// Returns the default name, shortened to `max` characters if it is longer. `max` is at least 9.
    pub fn name_within(&self, max: usize) -> String {
        shorten_name(&self.default_name(), max)
    }
}

/// Keeps a name of at most `max` characters. Cuts a longer one and appends a hash of the whole name, so that two long
/// names that begin alike stay different.
pub fn shorten_name(name: &str, max: usize) -> String {
    if name.chars().count() <= max {
        return name.to_owned();
    }
    let hash: String = Sha256::digest(name).iter().take(4).map(|byte| format!("{byte:02x}")).collect();
    let kept: String = name.chars().take(max.saturating_sub(hash.len() + 1)).collect();
    format!("{}-{hash}", kept.trim_end_matches('-'))
}

/// Replaces characters that some AWS service refuses in a tag value.
pub fn tag_value(address: &str) -> String {
    address
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || " _.:/=+-@".contains(c) { c } else { '_' })
        .take(256)
        .collect()
}

/// Writes a reference to another resource's output, as `stack.yaml` has it.
pub fn reference(address: &str, output: &str) -> String {
    format!("${{{address}.{output}}}")
}
