//! The elements whose texts need variables that have no value.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{Document, has_reported_text};
use crate::aws::stored::Stored;
use crate::spec::sections;
use crate::spec::variables::MissingVariables;

/// The common properties that decide over an element's resources, and are no properties of the resources.
const GOVERNING: [&str; 7] = ["protect", "retain", "external", "depends_on", "only_in", "not_in", "when"];

/// Whether a deletion leaves an element's resources in AWS, and why.
#[derive(Debug, Clone, Copy, Default)]
pub struct Keeps {
    pub protect: bool,
    pub retain: bool,
    pub external: bool,
}

impl Document {
    /// Returns the variables without a value. They are none unless the command can do without.
    pub fn lacking(&self) -> &MissingVariables {
        &self.lacking
    }

    /// Returns the places of the values that AWS stores and that were not read yet, by variable. They are a part of
    /// [`Document::lacking`].
    pub fn stored(&self) -> &BTreeMap<String, Stored> {
        &self.stored
    }

    /// Lists the elements that need variables without a value, with the variables that have to be given. The stack's
    /// tags belong to every element.
    pub fn incomplete(&self) -> BTreeMap<String, BTreeSet<String>> {
        if self.lacking.is_empty() {
            return BTreeMap::new();
        }
        let tags: BTreeSet<String> =
            self.head.tags.values().flat_map(|tag| self.lacking.needed_by(&Value::from(tag.as_str()))).collect();
        let mut found = BTreeMap::new();
        for (section, elements) in &self.sections {
            for (name, element) in elements.as_object().into_iter().flatten() {
                let mut needed = self.lacking.needed_by(element);
                needed.extend(tags.iter().cloned());
                if !needed.is_empty() {
                    found.insert(format!("{section}.{name}"), needed);
                }
            }
        }
        found
    }

    /// Returns an element's `protect`, `retain` and `external`. An element is protected also where a variable without a
    /// value decides whether it is, or whose it is.
    pub fn keeps(&self, element: &str) -> Keeps {
        let path = self.locate(element);
        let [section, name] = path.0.as_slice() else { return Keeps::default() };
        let element = self.sections.get(section).and_then(|elements| elements.get(name));
        let by_default = sections::find(section)
            .zip(element)
            .is_some_and(|(section, element)| self.is_protected_unstated(section, element));
        let stated = |property: &str| element.and_then(|element| element.get(property));
        let is_open = |property: &str| stated(property).is_some_and(has_reported_text);
        let is = |property: &str| stated(property).and_then(Value::as_bool).unwrap_or_default();
        Keeps {
            protect: is("protect") || by_default || is_open("protect") || is_open("external"),
            retain: is("retain"),
            external: is("external"),
        }
    }

    /// Tells whether an element with unknown values can be lowered: the variables decide over texts of its resources
    /// alone.
    pub(super) fn can_be_lowered_without_values(&self, element: &Value) -> bool {
        !self.lacking.is_empty()
            && !GOVERNING.iter().any(|property| element.get(property).is_some_and(has_reported_text))
    }
}
