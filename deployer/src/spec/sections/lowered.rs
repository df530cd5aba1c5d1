//! The primitive resources that elements are lowered to, before references are resolved.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use serde::Serialize;
use serde_json::Value;

use super::Scope;
use crate::kinds::Kind;

/// One primitive resource.
#[derive(Debug, Clone, PartialEq)]
pub struct Resource {
    pub address: String,
    /// The element that the user wrote.
    pub element: String,
    pub kind: &'static str,
    /// With `${…}` references inside its strings.
    pub spec: Value,
    /// Resources to wait for, besides those that the spec refers to.
    pub depends_on: BTreeSet<String>,
    pub protect: bool,
    pub retain: bool,
    pub external: bool,
    /// The code of a function, packaged before planning; fills the spec's `code` property.
    pub code: Option<LoweredCode>,
}

impl Resource {
    /// Returns a property's number, if it has one.
    pub fn number(&self, property: &str) -> Option<u64> {
        self.spec.get(property)?.as_u64()
    }

    /// Tells whether a property is `true`.
    pub fn is_true(&self, property: &str) -> bool {
        self.spec.get(property).and_then(Value::as_bool) == Some(true)
    }
}

/// The source that a function's zip is made from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CodeSource {
    Cargo {
        package: String,
        bin: String,
        /// Whether `bin` is the element's name. If so, and no binary has it, the package's only binary is built.
        or_only: bool,
        profile: Option<String>,
        features: Vec<String>,
    },
    Zip(PathBuf),
    Binary(PathBuf),
    Directory(PathBuf),
}

/// A function's code: its source, and the platform that it has to run on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoweredCode {
    pub source: CodeSource,
    /// `x86_64` or `arm64`.
    pub architecture: String,
    /// `provided.al2023`, …
    pub runtime: String,
    /// Whether layers add files.
    pub layers: bool,
    /// Files besides those of the source.
    pub files: Vec<LoweredFile>,
    /// The place of an executable in the zip. Default: `bootstrap`.
    pub executable: Option<String>,
}

/// Files that go into a zip.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoweredFile {
    /// A file, a directory or a pattern, relative to the directory of `stack.yaml`.
    pub from: String,
    /// The place in the zip. Default: the files' own paths.
    pub to: Option<String>,
}

/// The primitive resources of a stack.
#[derive(Debug, Default)]
pub struct LoweredStack {
    pub resources: Vec<Resource>,
    /// Outputs of elements that are outputs of their parts: (`apis.couch`, `url`) → (`apis.couch.stage`, `url`).
    pub aliases: BTreeMap<(String, String), (String, String)>,
}

impl LoweredStack {
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
            // Entries of a list (a route, a permission) hold no data, so they may be replaced and deleted.
            protect: at.common.protect && !address.contains('['),
            retain: at.common.retain,
            external: at.common.external,
            code: None,
            address,
        });
        &mut self.resources[index]
    }

    /// Adds all that another element was lowered to.
    pub fn append(&mut self, mut other: Self) {
        self.resources.append(&mut other.resources);
        self.aliases.append(&mut other.aliases);
    }

    /// Makes `${ELEMENT.output}` mean the output `of` of the part at `address`.
    pub fn alias(&mut self, at: &Scope<'_>, output: &str, address: &str, of: &str) {
        self.aliases.insert((at.element(), output.to_owned()), (address.to_owned(), of.to_owned()));
    }
}

/// All resources of a stack, for checks across elements.
pub struct Resources<'a>(pub &'a [Resource]);

impl<'a> Resources<'a> {
    /// Returns the resource that a `${ADDRESS.output}` text refers to.
    pub fn resolve(&self, text: &Value) -> Option<&'a Resource> {
        let text = text.as_str()?;
        self.0.iter().find(|r| {
            text.strip_prefix("${").and_then(|t| t.strip_prefix(r.address.as_str())).is_some_and(|t| t.starts_with('.'))
        })
    }
}
