//! Variables without a value, for commands that compute no desired value.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::spec::template::{self, TextPart};

/// The variables without a value, and the variables that have to be given for each of them. A variable lacks its value
/// also if its default uses another one without a value.
#[derive(Debug, Clone, Default)]
pub struct MissingVariables(BTreeMap<String, Needs>);

#[derive(Debug, Clone)]
struct Needs {
    given: BTreeSet<String>,
    secret: bool,
}

impl MissingVariables {
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Lists the variables that have to be given.
    pub fn names(&self) -> BTreeSet<&str> {
        self.0.values().flat_map(|needs| &needs.given).map(String::as_str).collect()
    }

    /// Tells whether a variable that has to be given is a secret.
    pub fn is_secret(&self, name: &str) -> bool {
        self.0.get(name).is_some_and(|needs| needs.secret)
    }

    /// Adds a variable that has to be given.
    pub(super) fn add(&mut self, name: &str, secret: bool) {
        self.0.insert(name.to_owned(), Needs { given: BTreeSet::from([name.to_owned()]), secret });
    }

    /// Adds a variable whose default uses `other`, if `other` lacks its value.
    pub(super) fn follow(&mut self, name: &str, secret: bool, other: &str) {
        let Some(of) = self.0.get(other).cloned() else { return };
        let needs = self.0.entry(name.to_owned()).or_insert(Needs { given: BTreeSet::new(), secret });
        needs.given.extend(of.given);
        needs.secret |= of.secret;
    }

    /// Lists the variables that have to be given for the texts of a value.
    pub fn needed_by(&self, value: &Value) -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        self.each(value, &mut |needs| found.extend(needs.given.iter().cloned()));
        found
    }

    /// Tells whether a text uses a secret without a value.
    pub fn hides(&self, text: &str) -> bool {
        let mut hidden = false;
        self.each(&Value::from(text), &mut |needs| hidden |= needs.secret);
        hidden
    }

    fn each(&self, value: &Value, visit: &mut dyn FnMut(&Needs)) {
        match value {
            Value::String(text) if text.contains("${") => {
                for part in template::parse(text).unwrap_or_default() {
                    if let TextPart::Var(name) = part
                        && let Some(needs) = self.0.get(&name)
                    {
                        visit(needs);
                    }
                }
            }
            Value::Array(items) => items.iter().for_each(|item| self.each(item, visit)),
            Value::Object(entries) => entries.values().for_each(|entry| self.each(entry, visit)),
            _ => {}
        }
    }
}
