//! A section without its type: its elements are JSON, so that general code handles all sections alike.

use std::marker::PhantomData;

use schemars::{JsonSchema, SchemaGenerator};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::about::{About, Outsider};
use super::{Common, Hints, LoweredStack, Resource, Resources, Scope, Section};
use crate::aws::tags::KEY_LENGTH;
use crate::spec::document::Document;
use crate::spec::finding::{DocPath, Findings};

/// [`Section`] with its elements as JSON.
pub trait AnySection: Send + Sync {
    /// The facts about the section.
    fn about(&self) -> &'static About;

    /// The key in `stack.yaml`.
    fn name(&self) -> &'static str {
        self.about().name
    }

    /// The sections of a stack that shows every property of this one.
    fn example(&self) -> &'static str {
        self.about().example
    }

    /// Builds the schema of one element, with its own properties and the common ones. `$ref`s point to the generator's
    /// definitions.
    fn element_schema(&self, generator: &mut SchemaGenerator) -> Value;

    /// Decodes an element without its common properties, checks and lowers it.
    fn check_and_lower(
        &self,
        element: &Map<String, Value>,
        at: &Scope<'_>,
        findings: &mut Findings,
        out: &mut LoweredStack,
    );

    /// Calls [`Section::complete`].
    fn complete(&self, lowered: &mut LoweredStack);

    /// Calls [`Section::lint`].
    fn lint(&self, document: &Document, all: &Resources<'_>, resource: &Resource, findings: &mut Findings);

    /// Calls [`Section::lint_all`].
    fn lint_all(&self, document: &Document, all: &Resources<'_>, findings: &mut Findings);

    /// Calls [`Section::outsider`].
    fn outsider(&self, kind: &str, spec: &Value) -> Option<Outsider>;

    /// Calls [`Section::hints`].
    fn hints(&self, hints: &mut Hints<'_>);
}

/// Carries a [`Section`] across to [`AnySection`].
pub struct ErasedSection<S>(PhantomData<fn() -> S>);

impl<S: Section> ErasedSection<S> {
    pub const NEW: Self = Self(PhantomData);
}

impl<S: Section> AnySection for ErasedSection<S> {
    fn about(&self) -> &'static About {
        S::ABOUT
    }

    fn element_schema(&self, generator: &mut SchemaGenerator) -> Value {
        let mut element = S::Element::json_schema(generator).to_value();
        let mut common = Common::json_schema(generator).to_value();
        if let (Some(own), Some(Value::Object(common))) =
            (element.as_object_mut(), common["properties"].as_object_mut().map(|c| Value::Object(std::mem::take(c))))
            && let Value::Object(own) = own.entry("properties").or_insert_with(|| Value::Object(Map::new()))
        {
            own.extend(common);
        }
        element
    }

    fn check_and_lower(
        &self,
        element: &Map<String, Value>,
        at: &Scope<'_>,
        findings: &mut Findings,
        out: &mut LoweredStack,
    ) {
        match serde_path_to_error::deserialize::<_, S::Element>(element) {
            Ok(element) => {
                S::check(&element, at, findings);
                S::lower(element, at, out);
            }
            Err(error) => {
                let parts = error.path().iter().filter_map(|segment| match segment {
                    serde_path_to_error::Segment::Seq { index } => Some(index.to_string()),
                    serde_path_to_error::Segment::Map { key } => Some(key.clone()),
                    _ => None,
                });
                findings
                    .error("stack::bad-value", at.path(parts), error.inner().to_string())
                    .help(format!("`deployer schema` shows what `{}` takes", S::ABOUT.name));
            }
        }
    }

    fn complete(&self, lowered: &mut LoweredStack) {
        S::complete(lowered);
    }

    fn lint(&self, document: &Document, all: &Resources<'_>, resource: &Resource, findings: &mut Findings) {
        S::lint(document, all, resource, findings);
    }

    fn lint_all(&self, document: &Document, all: &Resources<'_>, findings: &mut Findings) {
        S::lint_all(document, all, findings);
    }

    fn outsider(&self, kind: &str, spec: &Value) -> Option<Outsider> {
        S::outsider(kind, spec)
    }

    fn hints(&self, hints: &mut Hints<'_>) {
        S::hints(hints);
    }
}

impl Common {
    /// Names of the common properties.
    pub const NAMES: [&str; 8] = ["protect", "retain", "external", "tags", "depends_on", "only_in", "not_in", "when"];

    /// Splits the common properties off an element. Both halves conform to the checked schema.
    pub fn split(element: &Value) -> (Self, Map<String, Value>) {
        let (common, own): (Map<_, _>, Map<_, _>) = element
            .as_object()
            .into_iter()
            .flatten()
            .map(|(key, value)| (key.clone(), value.clone()))
            .partition(|(key, _)| Self::NAMES.contains(&key.as_str()));
        (Self::deserialize(Value::Object(common)).unwrap_or_default(), own)
    }
}

/// Checks the keys of tags: their length, and that they are not reserved for AWS or the deployer. The graph checks
/// characters, values and their number, which depend on the service.
pub fn check_tags<'a>(
    tags: impl IntoIterator<Item = (&'a String, &'a String)>,
    path: &DocPath,
    findings: &mut Findings,
) {
    for (key, _) in tags {
        let lower = key.to_ascii_lowercase();
        if lower.starts_with("aws:") || lower.starts_with("deployer:") {
            let owner = if lower.starts_with("aws:") { "AWS" } else { "the deployer" };
            findings
                .error("stack::reserved-tag", path.then(key), format!("{owner} keeps tags such as `{key}` for itself"))
                .help(format!(
                    "choose a key that does not begin with `{}:`",
                    lower.split(':').next().unwrap_or_default()
                ))
                .at_key();
        }
        if key.is_empty() || key.chars().count() > KEY_LENGTH {
            findings
                .error("stack::bad-name", path.then(key), format!("a tag's key has 1 to {KEY_LENGTH} characters"))
                .help("choose a key of that length")
                .at_key();
        }
    }
}
