//! The edge from a queue to the function that its mapping calls.

use super::{EventSource, function_arn};
use crate::aws::Place;
use crate::kinds::{Destination, Passage, Probe, Verification};

/// Describes the edge: a message to the queue reaches the function. No probe enters a stream.
pub(super) fn of(spec: &EventSource, place: &Place) -> Verification {
    // Only an item of the table, which has the form of the stack's own data, would enter its stream.
    if spec.stream.is_some() {
        return Verification::default();
    }
    let queue_arn = spec.event_source_arn.clone();
    let to = Destination::Resource(function_arn(place, &spec.function_name));
    let passage = Passage {
        from: Some(queue_arn.clone()),
        holds_s: spec.maximum_batching_window_in_seconds,
        closed: closed(spec).map(str::to_owned),
        ..Passage::new(Probe::Enqueue { queue_arn }, to)
    };
    Verification { passages: vec![passage], grants: Vec::new() }
}

fn closed(spec: &EventSource) -> Option<&'static str> {
    if !spec.enabled {
        return Some("`enabled: false` keeps the function from the queue");
    }
    (!spec.filter_patterns.is_empty()).then_some("`filter` drops messages that do not match, and so it would the probe")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::event_source_mapping::search;

    #[test]
    fn a_mapping_that_is_off_or_filters_lets_no_probe_pass() {
        let place = Place { account: "1".into(), region: "r".into(), partition: "aws".into(), endpoint_url: None };
        let mapping = search::blank("arn:aws:sqs:r:1:q".into(), "work:live".into());
        let closed = |mapping: &EventSource| of(mapping, &place).passages.remove(0).closed;
        assert_eq!(closed(&mapping), None);
        let to = of(&mapping, &place).passages.remove(0).to;
        assert_eq!(to, Destination::Resource("arn:aws:lambda:r:1:function:work:live".into()));
        assert!(closed(&EventSource { enabled: false, ..mapping.clone() }).unwrap().contains("enabled: false"));
        let filtered = EventSource { filter_patterns: vec!["{}".into()], ..mapping };
        assert!(closed(&filtered).unwrap().contains("`filter`"));
    }
}
