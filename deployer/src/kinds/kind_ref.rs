//! A kind in a plan: a reference to the kind itself, which compares and is written as the kind's name.

use std::cmp::Ordering;
use std::fmt;
use std::ops::Deref;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{AnyKind, find};

/// A reference to a kind. In texts, JSON and comparisons it is the kind's name.
#[derive(Clone, Copy)]
pub struct KindRef(&'static dyn AnyKind);

impl KindRef {
    /// Finds a kind by its name, such as `sqs.queue`.
    pub fn find(name: &str) -> Option<Self> {
        find(name).map(Self)
    }

    /// Returns the kind, for as long as the program runs.
    pub fn get(self) -> &'static dyn AnyKind {
        self.0
    }
}

impl From<&'static dyn AnyKind> for KindRef {
    fn from(kind: &'static dyn AnyKind) -> Self {
        Self(kind)
    }
}

impl Deref for KindRef {
    type Target = dyn AnyKind;

    fn deref(&self) -> &Self::Target {
        self.0
    }
}

impl fmt::Debug for KindRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Display for KindRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl PartialEq for KindRef {
    fn eq(&self, other: &Self) -> bool {
        self.name() == other.name()
    }
}

impl Eq for KindRef {}

impl PartialOrd for KindRef {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for KindRef {
    fn cmp(&self, other: &Self) -> Ordering {
        self.name().cmp(other.name())
    }
}

impl Serialize for KindRef {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for KindRef {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        Self::find(&name).ok_or_else(|| serde::de::Error::custom(format_args!("the kind {name:?} is not known")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_is_written_as_its_name_and_read_back() {
        let [queue, topic] = ["sqs.queue", "sns.topic"].map(|name| KindRef::find(name).expect("a kind"));
        assert!(queue == queue && queue != topic && topic < queue);
        let text = serde_json::to_string(&queue).expect("JSON");
        assert_eq!((text.as_str(), format!("{queue} {queue:?}").as_str()), ("\"sqs.queue\"", "sqs.queue sqs.queue"));
        assert_eq!(serde_json::from_str::<KindRef>(&text).expect("a kind"), queue);
        let unknown = serde_json::from_str::<KindRef>("\"sqs.pond\"").expect_err("no such kind").to_string();
        assert!(unknown.contains("the kind \"sqs.pond\" is not known"), "{unknown}");
    }
}
