//! Entries that S3 refuses together: they share an event and a key.

use super::Entry;

/// The name of an event, or of a family of events: `s3:ObjectCreated:*`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventPattern<'a>(pub &'a str);

impl EventPattern<'_> {
    /// Tells whether one event can have both names.
    pub fn shares_with(&self, other: &EventPattern<'_>) -> bool {
        let is_within = |event: &str, family: &str| {
            event == family || family.strip_suffix('*').is_some_and(|start| event.starts_with(start))
        };
        is_within(self.0, other.0) || is_within(other.0, self.0)
    }
}

/// Returns an event that both entries name, if a key can begin and end as both demand.
pub fn overlap<'a>(one: &'a Entry, other: &Entry) -> Option<&'a str> {
    let begins = one.prefix.starts_with(&other.prefix) || other.prefix.starts_with(&one.prefix);
    let ends = one.suffix.ends_with(&other.suffix) || other.suffix.ends_with(&one.suffix);
    let is_shared = |event: &&String| other.events.iter().any(|o| EventPattern(event).shares_with(&EventPattern(o)));
    let shared = one.events.iter().find(is_shared)?;
    (begins && ends).then_some(shared.as_str())
}
