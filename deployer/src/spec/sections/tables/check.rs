//! Checks of a table beyond the schema.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    AttributeType, BillingElement, GlobalIndexElement, IndexKeyElement, KeyElement, ProjectionElement, TableElement,
};
use crate::kinds::dynamodb_table::{MOST_GLOBAL as MOST_GLOBAL_OF_KIND, WARM_ON_DEMAND};
use crate::spec::finding::{DocPath, Findings};
use crate::spec::sections::Scope;
use crate::spec::sections::permission::{Of, check_document};

/// The most indexes of a table: DynamoDB developer guide, "Quotas in Amazon DynamoDB", secondary indexes.
pub(super) const MOST_GLOBAL: usize = MOST_GLOBAL_OF_KIND;
pub(super) const MOST_LOCAL: usize = 5;
/// The most attributes that all indexes of a table list in their projections, from the same page.
const MOST_PROJECTED: usize = 100;
/// The most attributes of each half of an index's key.
const MOST_KEYS: usize = 4;
const SHORTEST_INDEX_NAME: usize = 3;
const LONGEST_INDEX_NAME: usize = 255;

pub(super) fn all(table: &TableElement, at: &Scope<'_>, findings: &mut Findings) {
    single(table, at, findings);
    keys(table, at, findings);
    types(table, at, findings);
    indexes(table, at, findings);
    projections(table, at, findings);
    throughput(table, at, findings);
    expiry(table, at, findings);
    if table.recovery_period_in_days.is_some() && !table.point_in_time_recovery {
        findings
            .error("table::recovery", at.path(["recovery_period_in_days"]), "point-in-time recovery is off")
            .at_key()
            .help("remove this property, or `point_in_time_recovery: false`");
    }
    if let Some(policy) = &table.policy {
        check_document(policy, Of::Resource("dynamodb"), &at.path(["policy"]), findings);
    }
}

/// Reports keys that are a map of no attribute or of several.
fn single(table: &TableElement, at: &Scope<'_>, findings: &mut Findings) {
    let mut check = |key: &KeyElement, path: &[&str]| {
        if let KeyElement::Typed(typed) = key
            && typed.len() != 1
        {
            findings
                .error("table::key", at.path(path.iter().copied()), format!("{} attributes where one belongs", typed.len()))
                .help("write `{ NAME: TYPE }`; the attribute that sorts items is the `sort_key`, and an index takes a list");
        }
    };
    for (property, key) in [("partition_key", &table.partition_key), ("sort_key", &table.sort_key)] {
        key.iter().for_each(|key| check(key, &[property]));
    }
    for (name, index) in &table.local_secondary_indexes {
        check(&index.sort_key, &["local_secondary_indexes", name, "sort_key"]);
    }
    for (name, index) in &table.global_secondary_indexes {
        for (property, key) in [("partition_key", Some(&index.partition_key)), ("sort_key", index.sort_key.as_ref())] {
            let path = ["global_secondary_indexes", name, property];
            match key {
                Some(IndexKeyElement::Typed(typed)) => check(&KeyElement::Typed(typed.clone()), &path),
                Some(IndexKeyElement::Several(several)) => several.iter().for_each(|key| check(key, &path)),
                Some(IndexKeyElement::Name(_)) | None => {}
            }
        }
    }
}

/// Reports a missing key, and attributes that a key names twice.
fn keys(table: &TableElement, at: &Scope<'_>, findings: &mut Findings) {
    let Some(partition) = &table.partition_key else {
        findings
            .error("table::key", at.path::<&str>([]), "the table has no key")
            .at_key()
            .help("add `partition_key: id` for a text, or `partition_key: { id: N }` for a number");
        return;
    };
    let name = |key: &KeyElement| key.attribute().map(|(name, _)| name.to_owned());
    if let Some(sort) = &table.sort_key
        && name(partition) == name(sort)
    {
        twice(&name(sort).unwrap_or_default(), at.path(["sort_key"]), findings);
    }
    for (index, of) in &table.local_secondary_indexes {
        let taken = [name(partition), table.sort_key.as_ref().and_then(name)];
        let own = name(&of.sort_key);
        let path = at.path(["local_secondary_indexes", index, "sort_key"]);
        if own == taken[0] {
            twice(&own.unwrap_or_default(), path, findings);
        }
    }
    for (index, of) in &table.global_secondary_indexes {
        let mut seen = BTreeSet::new();
        for (property, key) in [("partition_key", Some(&of.partition_key)), ("sort_key", of.sort_key.as_ref())] {
            let attributes = key.map(IndexKeyElement::attributes).unwrap_or_default();
            for (name, _) in attributes {
                if !seen.insert(name) {
                    twice(name, at.path(["global_secondary_indexes", index, property]), findings);
                }
            }
        }
    }
}

fn twice(attribute: &str, path: DocPath, findings: &mut Findings) {
    findings
        .error("table::key", path, format!("`{attribute}` is in this key already"))
        .help("name another attribute, or leave this one out");
}

/// Reports an attribute for which two keys state different types.
fn types(table: &TableElement, at: &Scope<'_>, findings: &mut Findings) {
    let mut stated: BTreeMap<&str, AttributeType> = BTreeMap::new();
    let keys = table.list_keys();
    for key in &keys {
        let Some(kind) = key.stated else { continue };
        let first = *stated.entry(key.name).or_insert(kind);
        if first != kind {
            findings
                .error(
                    "table::attribute-type",
                    at.path(key.path.iter().cloned()),
                    format!("`{}` is of type {kind:?} here and {first:?} in another key of the table", key.name),
                )
                .help(format!("write `{}` without a type here, or the same type in both", key.name));
        }
    }
}

/// Reports names of indexes that DynamoDB does not take, too many of them, and local ones without a sort key.
fn indexes(table: &TableElement, at: &Scope<'_>, findings: &mut Findings) {
    let (local, global) = (&table.local_secondary_indexes, &table.global_secondary_indexes);
    let counts = [
        ("global_secondary_indexes", global.len(), MOST_GLOBAL, "leave some out"),
        ("local_secondary_indexes", local.len(), MOST_LOCAL, "make some of them global ones"),
    ];
    for (property, count, most, help) in counts {
        if count > most {
            findings
                .error("table::index-count", at.path([property]), format!("{count} indexes; DynamoDB takes {most}"))
                .at_key()
                .help(help);
        }
    }
    let names = local.keys().map(|name| ("local_secondary_indexes", name));
    for (property, name) in names.chain(global.keys().map(|name| ("global_secondary_indexes", name))) {
        let allowed = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
        if !(SHORTEST_INDEX_NAME..=LONGEST_INDEX_NAME).contains(&name.len()) || !name.chars().all(allowed) {
            findings
                .error("table::index-name", at.path([property, name]), format!("`{name}` cannot be an index's name"))
                .at_key()
                .help("write 3 to 255 of A–Z, a–z, 0–9, `_`, `.` and `-`");
        }
    }
    for name in global.keys().filter(|name| local.contains_key(*name)) {
        findings
            .error(
                "table::index-name",
                at.path(["global_secondary_indexes", name]),
                format!("the table has a local index `{name}`, too"),
            )
            .at_key()
            .help("give one of them another name");
    }
    if !local.is_empty() && table.sort_key.is_none() {
        findings
            .error(
                "table::local-index",
                at.path(["local_secondary_indexes"]),
                "a local index sorts the items of a partition key, and without a sort key there is one alone",
            )
            .at_key()
            .help("add a `sort_key` to the table, or make it a global index");
    }
    for (name, index) in global {
        several(index, &at.path(["global_secondary_indexes", name]), findings);
    }
}

/// Reports a key with more attributes than an index has.
fn several(index: &GlobalIndexElement, at: &DocPath, findings: &mut Findings) {
    for (property, key) in [("partition_key", Some(&index.partition_key)), ("sort_key", index.sort_key.as_ref())] {
        let count = key.map_or(0, |key| key.attributes().len());
        if count > MOST_KEYS {
            findings
                .error("table::key", at.then(property), format!("{count} attributes; a key has at most {MOST_KEYS}"))
                .help("name fewer of them");
        }
    }
}

/// Reports more projected attributes than all indexes may have together.
fn projections(table: &TableElement, at: &Scope<'_>, findings: &mut Findings) {
    let local = table.local_secondary_indexes.values().map(|index| &index.projection);
    let global = table.global_secondary_indexes.values().map(|index| &index.projection);
    let count: usize = local
        .chain(global)
        .map(|projection| match projection {
            ProjectionElement::Whole(_) => 0,
            ProjectionElement::Attributes(names) => names.len(),
        })
        .sum();
    if count > MOST_PROJECTED {
        findings
            .error(
                "table::projection",
                at.path::<&str>([]),
                format!("the indexes list {count} attributes together; DynamoDB takes {MOST_PROJECTED}"),
            )
            .at_key()
            .help("write `projection: ALL` for the largest");
    }
}

/// Reports throughput of the other capacity mode, and a provisioned table without any.
fn throughput(table: &TableElement, at: &Scope<'_>, findings: &mut Findings) {
    let is_provisioned = table.billing_mode == BillingElement::Provisioned;
    let indexes = table.global_secondary_indexes.iter().flat_map(|(name, index)| {
        let path = |property: &str| at.path(["global_secondary_indexes", name, property]);
        [
            (path("provisioned_throughput"), index.provisioned_throughput.is_some(), true),
            (path("on_demand_throughput"), index.on_demand_throughput.is_some(), false),
        ]
    });
    let of_table = [
        (at.path(["provisioned_throughput"]), table.provisioned_throughput.is_some(), true),
        (at.path(["on_demand_throughput"]), table.on_demand_throughput.is_some(), false),
    ];
    for (path, is_stated, for_provisioned) in of_table.into_iter().chain(indexes) {
        if !is_stated || for_provisioned == is_provisioned {
            continue;
        }
        let (message, help) = match for_provisioned {
            true => (
                "the table is paid by request, and has no capacity",
                "add `billing_mode: PROVISIONED` to the table, or write `on_demand_throughput: { max_read_request_units: N, max_write_request_units: N }`",
            ),
            false => (
                "the table is provisioned, and its capacity is its limit",
                "remove `billing_mode: PROVISIONED`, or write `provisioned_throughput`",
            ),
        };
        findings.error("table::throughput", path, message).at_key().help(help);
    }
    if is_provisioned && table.provisioned_throughput.is_none() {
        findings
            .error("table::throughput", at.path(["billing_mode"]), "a provisioned table states its capacity")
            .help("add `provisioned_throughput: { read_capacity_units: 5, write_capacity_units: 5 }`");
    }
    let Some(warm) = table.warm_throughput.filter(|_| !is_provisioned) else { return };
    let least = [
        ("read_units_per_second", warm.read_units_per_second, WARM_ON_DEMAND.0),
        ("write_units_per_second", warm.write_units_per_second, WARM_ON_DEMAND.1),
    ];
    for (property, stated, own) in least {
        if stated < own {
            findings
                .error(
                    "table::warm-throughput",
                    at.path(["warm_throughput", property]),
                    format!("a new table is ready for {own} a second, and DynamoDB never lowers it"),
                )
                .help(format!("write at least {own}, or leave it out"));
        }
    }
}

/// Reports an expiry by a key that is no number.
fn expiry(table: &TableElement, at: &Scope<'_>, findings: &mut Findings) {
    let Some(attribute) = &table.time_to_live else { return };
    let keys = table.list_keys();
    let named: Vec<_> = keys.iter().filter(|key| key.name == attribute).collect();
    let is_number = named.iter().any(|key| key.stated == Some(AttributeType::N));
    if !named.is_empty() && !is_number {
        findings
            .error(
                "table::time-to-live",
                at.path(["time_to_live"]),
                format!("`{attribute}` is a key that is no number, and an item expires by a number of seconds: none ever would"),
            )
            .help(format!("write `{{ {attribute}: N }}` in the key, or name another attribute"));
    }
}
