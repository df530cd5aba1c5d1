//! Rules that only code checks, written as JSON Schema so that editors mark a violation while the user types.

use serde_json::Value;

/// The schema for editors, as one section sees it. Its properties are still strict: a later step allows variables and
/// references.
pub struct Hints<'a> {
    schema: &'a mut Value,
    section: &'static str,
}

impl<'a> Hints<'a> {
    pub(in crate::spec) fn of(schema: &'a mut Value, section: &'static str) -> Self {
        Self { schema, section }
    }

    /// Adds a word to the schema of the element's property `name`.
    pub fn property(&mut self, name: &str, word: &str, value: Value) {
        let at = format!("/properties/{}/additionalProperties/properties/{name}", self.section);
        put(self.schema, &at, word, value);
    }

    /// Adds a word to the schema of a property of `map`, the Rust type of a map inside the element.
    pub fn inner(&mut self, map: &str, name: &str, word: &str, value: Value) {
        put(self.schema, &format!("/$defs/{map}/properties/{name}"), word, value);
    }
}

/// Adds a word to the schema at a JSON pointer, if there is such a schema and it does not have the word.
pub(in crate::spec) fn put(schema: &mut Value, at: &str, word: &str, value: Value) {
    if let Some(Value::Object(words)) = schema.pointer_mut(at) {
        words.entry(word).or_insert(value);
    }
}
