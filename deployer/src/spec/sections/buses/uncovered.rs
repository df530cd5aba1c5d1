//! Words of event buses that are no property.

use crate::spec::uncovered::UncoveredAnswer::Otherwise;
use crate::spec::uncovered::{UncoveredWords, unmanaged};

/// The words of a bus.
#[rustfmt::skip]
pub(super) const TABLE: &[UncoveredWords] = &[
    UncoveredWords::of(
        &["archive", "archives", "retention_days", "replay"],
        unmanaged("archives of events", "create the archive elsewhere, with `${buses.NAME.arn}` as its source: `aws events create-archive`"),
    ),
    UncoveredWords::of(
        &["event_source_name", "partner_source"],
        unmanaged("buses of partners", "create the bus elsewhere, and refer to it: `buses: { partner: { name: aws.partner/…, external: true } }`"),
    ),
    UncoveredWords::of(
        &["schemas", "schema_discovery", "discoverer"],
        unmanaged("schema discovery", "create the discoverer elsewhere, with `${buses.NAME.arn}` as its source"),
    ),
    UncoveredWords::of(&["log_config", "logging"], Otherwise("write `log_level: ERROR`, and `log_detail: true` for whole events")),
    UncoveredWords::of(
        &["rules", "targets", "event_pattern", "pattern", "subscriptions"],
        Otherwise("write a rule: `rules: { NAME: { bus: BUS, pattern: { source: [shop] }, targets: [ { function: NAME } ] } }`"),
    ),
];
