//! The names of a spec's properties.

use std::cell::Cell;

use serde::de::value::Error;
use serde::de::{DeserializeOwned, Deserializer, Error as _, Visitor};
use serde::forward_to_deserialize_any;
use serde_json::Value;

/// Lists the properties of a spec, without those inside them. Empty if the spec is not a struct.
pub(super) fn of<S: DeserializeOwned>() -> &'static [&'static str] {
    let found: Cell<&'static [&'static str]> = Cell::new(&[]);
    // Always fails: only the names are needed.
    let _: Result<S, Error> = S::deserialize(FieldRecorder(&found));
    found.get()
}

/// Records the fields that a struct asks for.
struct FieldRecorder<'a>(&'a Cell<&'static [&'static str]>);

impl<'de> Deserializer<'de> for FieldRecorder<'_> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Error> {
        Err(Error::custom("no struct"))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, Error> {
        self.0.set(fields);
        Err(Error::custom("only its fields"))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}

/// Joins the texts of some properties of a spec.
pub(super) fn join<'a>(spec: &Value, properties: impl Iterator<Item = &'a str>) -> String {
    let parts: Vec<&str> = properties.filter_map(|property| spec.get(property)?.as_str()).collect();
    parts.join(" · ")
}
