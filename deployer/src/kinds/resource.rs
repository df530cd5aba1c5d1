//! A resource as it passes through a kind's operations: observed, found, created, changed.

use std::collections::BTreeMap;

#[cfg(doc)]
use super::About;

/// Outputs by name: `arn`, `url` and so on. Other resources can refer to them.
pub type Outputs = BTreeMap<String, String>;

/// A live resource as AWS reports it, in the shape of the desired spec.
#[derive(Debug, Clone, PartialEq)]
pub struct ObservedResource<S> {
    /// The name, ARN, URL or generated id that AWS's calls take.
    pub physical_id: String,
    pub spec: S,
    /// A value for each of [`About::outputs`].
    pub outputs: Outputs,
    /// States that a user should know: not confirmed, disabled by AWS, failed.
    pub notes: Vec<String>,
    /// Physical ids of further resources with the same identity. They are deleted with this one.
    pub twins: Vec<String>,
}

impl<S> ObservedResource<S> {
    pub fn new(physical_id: impl Into<String>, spec: S, outputs: Outputs) -> Self {
        Self { physical_id: physical_id.into(), spec, outputs, notes: Vec::new(), twins: Vec::new() }
    }
}

/// A resource that may be this stack's, with enough of a spec to read it.
#[derive(Debug, Clone, PartialEq)]
pub struct FoundResource<S> {
    /// An id that is unique within the kind.
    pub id: String,
    /// `None` if only AWS can tell: [`Kind::look_up`].
    pub spec: Option<S>,
    /// The address in its tag, if a listing returned it.
    pub address: Option<String>,
}

impl<S> FoundResource<S> {
    pub fn of(id: impl Into<String>, spec: S) -> Self {
        Self { id: id.into(), spec: Some(spec), address: None }
    }
}

/// The result of a create call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreatedResource {
    pub physical_id: String,
    pub outputs: Outputs,
}

/// The property paths that differ between observed and desired, such as `environment.BUCKET`.
#[derive(Debug, Clone, Default)]
pub struct Changes(pub Vec<String>);

impl Changes {
    /// Tells whether `property` or anything inside it changed.
    pub fn touch(&self, property: &str) -> bool {
        self.0.iter().any(|path| {
            path == property || (path.starts_with(property) && path[property.len()..].starts_with(['.', '[']))
        })
    }

    pub fn touch_any(&self, properties: &[&str]) -> bool {
        properties.iter().any(|p| self.touch(p))
    }

    /// Tells whether any property besides `properties` changed.
    pub fn touch_other_than(&self, properties: &[&str]) -> bool {
        self.0.iter().any(|path| {
            let top = path.split(['.', '[']).next().unwrap_or(path);
            !properties.contains(&top)
        })
    }
}
