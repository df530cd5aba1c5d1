//! The sections of `stack.yaml`, one file each: what people write, and how an element is
//! lowered to primitive resources. Lowering is pure.

pub mod alarms;
pub mod any;
pub mod apis;
pub mod buckets;
pub mod filter;
pub mod functions;
pub mod log_groups;
pub mod permission;
pub mod queues;
pub mod roles;
pub mod topics;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use sha2::{Digest, Sha256};

use self::any::{AnySection, Erased};
use super::env;
use super::finding::{DocPath, Findings};
use crate::aws::tags;
use crate::kinds::Kind;

/// All sections, by name.
#[rustfmt::skip]
pub static SECTIONS: &[&dyn AnySection] = &[
    &Erased::<alarms::Alarms>::NEW,
    &Erased::<apis::Apis>::NEW,
    &Erased::<buckets::Buckets>::NEW,
    &Erased::<functions::Functions>::NEW,
    &Erased::<log_groups::LogGroups>::NEW,
    &Erased::<queues::Queues>::NEW,
    &Erased::<roles::Roles>::NEW,
    &Erased::<topics::Topics>::NEW,
];

/// One section: `queues:`, `functions:`, …
pub trait Section: Send + Sync + 'static {
    /// The key in `stack.yaml`.
    const NAME: &'static str;
    /// A stack, but for its name, that shows every property of the section: for the reference pages and for editors.
    const EXAMPLE: &'static str;
    /// What one element of it may say. Doc comments, ranges and examples become the schema.
    type Element: DeserializeOwned + JsonSchema;

    /// Checks what the schema cannot say, within one element.
    fn check(element: &Self::Element, at: &Scope<'_>, findings: &mut Findings);

    /// Turns one element into primitive resources.
    fn lower(element: Self::Element, at: &Scope<'_>, out: &mut Lowered);
}

/// Properties that every element has besides its own.
#[derive(Debug, Clone, Default, PartialEq, serde::Deserialize, JsonSchema)]
#[serde(default)]
pub struct Common {
    /// Never deleted or replaced: a plan that would do so is an error.
    pub protect: bool,
    /// Left in AWS when it is removed from stack.yaml or the stack is destroyed.
    pub retain: bool,
    /// Referenced only; never created, changed or destroyed.
    pub external: bool,
    /// Tags for everything made for this element, besides the stack's own.
    pub tags: BTreeMap<String, String>,
    /// Elements to wait for, with all that they are made of, where no reference says so: `queues.image-requests`.
    pub depends_on: Vec<String>,
}

/// Where an element stands.
pub struct Scope<'a> {
    /// Who owns the element: the stack, in an environment `STACK@ENV`.
    pub stack: &'a str,
    pub section: &'static str,
    pub name: &'a str,
    pub common: &'a Common,
    /// The stack's own tags.
    pub stack_tags: &'a tags::Tags,
}

impl Scope<'_> {
    /// The element's address: `queues.image-requests`.
    pub fn element(&self) -> String {
        format!("{}.{}", self.section, self.name)
    }

    /// The address of a part of the element: `queues.image-requests.dead_letter`.
    pub fn part(&self, part: &str) -> String {
        format!("{}.{}.{part}", self.section, self.name)
    }

    /// A place within the element, for findings.
    pub fn path<S: Into<String>>(&self, parts: impl IntoIterator<Item = S>) -> DocPath {
        let mut path = DocPath::of([self.section, self.name]);
        path.0.extend(parts.into_iter().map(Into::into));
        path
    }

    /// The tags of the resource at `address`: the stack's, the element's, and the marks of ownership.
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

    /// The physical name when the user gives none: `STACK-NAME`.
    pub fn default_name(&self) -> String {
        format!("{}-{}", env::stack_of(self.stack), self.name)
    }

    /// The default name in at most `max` characters, at least 9.
    pub fn name_within(&self, max: usize) -> String {
        shortened(&self.default_name(), max)
    }
}

/// Keeps `name` when it has at most `max` characters; else cuts it and ends it with a hash of the
/// whole, so that two long names that begin alike stay two.
pub fn shortened(name: &str, max: usize) -> String {
    if name.chars().count() <= max {
        return name.to_owned();
    }
    let hash: String = Sha256::digest(name).iter().take(4).map(|byte| format!("{byte:02x}")).collect();
    let kept: String = name.chars().take(max.saturating_sub(hash.len() + 1)).collect();
    format!("{}-{hash}", kept.trim_end_matches('-'))
}

/// Keeps to the characters that every AWS service takes in a tag value.
pub fn tag_value(address: &str) -> String {
    address
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || " _.:/=+-@".contains(c) { c } else { '_' })
        .take(256)
        .collect()
}

/// A reference to another resource's output, as `stack.yaml` writes it.
pub fn reference(address: &str, output: &str) -> String {
    format!("${{{address}.{output}}}")
}

/// One primitive resource, before references are resolved.
#[derive(Debug, Clone, PartialEq)]
pub struct Resource {
    pub address: String,
    /// The element that the user wrote.
    pub element: String,
    pub kind: &'static str,
    /// With `${…}` references inside its strings.
    pub spec: Value,
    /// Waits for these, besides what the spec refers to.
    pub depends_on: BTreeSet<String>,
    pub protect: bool,
    pub retain: bool,
    pub external: bool,
    /// The code of a function, packaged before planning; fills the spec's `code` property.
    pub code: Option<Code>,
}

/// What a function's zip is made from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CodeSource {
    Cargo { package: String, bin: String, profile: Option<String>, features: Vec<String> },
    Zip(PathBuf),
    Binary(PathBuf),
}

/// A function's code: where it comes from and what it has to run on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Code {
    pub source: CodeSource,
    /// `x86_64` or `arm64`.
    pub architecture: String,
    /// `provided.al2023`, …
    pub runtime: String,
    /// Whether layers bring files beside it.
    pub layers: bool,
}

/// The primitive resources of a stack.
#[derive(Debug, Default)]
pub struct Lowered {
    pub resources: Vec<Resource>,
    /// What an element's outputs stand for: (`apis.couch`, `url`) → (`apis.couch.stage`, `url`).
    pub aliases: BTreeMap<(String, String), (String, String)>,
}

impl Lowered {
    /// Adds one resource of `K` at `address`.
    pub fn add<K: Kind>(&mut self, at: &Scope<'_>, address: String, spec: &K::Spec) -> &mut Resource
    where
        K::Spec: Serialize,
    {
        let index = self.resources.len();
        self.resources.push(Resource {
            element: at.element(),
            kind: K::NAME,
            spec: serde_json::to_value(spec).expect("specs are plain structs with string keys"),
            depends_on: at.common.depends_on.iter().cloned().collect(),
            // An entry of a list (a route, a permission) may come and go; what holds data may not.
            protect: at.common.protect && !address.contains('['),
            retain: at.common.retain,
            external: at.common.external,
            code: None,
            address,
        });
        &mut self.resources[index]
    }

    /// Makes `${ELEMENT.output}` mean an output of one of its parts.
    pub fn alias(&mut self, at: &Scope<'_>, output: &str, address: &str, of: &str) {
        self.aliases.insert((at.element(), output.to_owned()), (address.to_owned(), of.to_owned()));
    }
}

#[cfg(test)]
mod tests {
    use super::shortened;

    #[test]
    fn a_name_that_is_too_long_ends_in_a_hash_of_the_whole() {
        let long = "couch-explorers-candidate-32-with-a-very-long-name-image-worker-role";
        let (one, other) = (shortened(long, 64), shortened(&format!("{long}-b"), 64));
        assert_eq!(one.len(), 64);
        assert_eq!(one[..55], other[..55]);
        assert_ne!(one, other);
        assert_eq!(one, shortened(long, 64));
        assert_eq!(shortened("couch-worker", 64), "couch-worker");
    }
}
