//! Lowers a table to the table itself and its stream.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use super::{
    AttributeType, GlobalIndexElement, IndexKeyElement, KeyElement, NAME_LENGTH, OnDemandElement, ProjectionElement,
    ProvisionedElement, TableElement,
};
use crate::kinds::dynamodb_stream::{DynamodbStream, Stream};
use crate::kinds::dynamodb_table::{
    DynamodbTable, GlobalIndex, HASH, INCLUDE, KeyAttribute, LocalIndex, OnDemandThroughput, PointInTimeRecovery,
    Projection, ProvisionedThroughput, RANGE, Table, WarmThroughput,
};
use crate::spec::sections::{LoweredStack, Scope, reference};

pub(super) fn lower(element: TableElement, at: &Scope<'_>, out: &mut LoweredStack) {
    let address = at.element();
    out.add::<DynamodbTable>(at, address.clone(), &table(&element, at));
    if let Some(view) = element.stream {
        let part = at.part("stream");
        let stream = Stream { table_name: reference(&address, "name"), stream_view_type: text(view) };
        // A stream holds changes of a day, and changes its view only by a new one: the table's protection is not its.
        out.add::<DynamodbStream>(at, part.clone(), &stream).protect = false;
        out.alias(at, "stream_arn", &part, "arn");
    }
}

/// Returns an enum's name in `stack.yaml`, which is also AWS's.
fn text(value: impl Serialize) -> String {
    serde_json::to_value(value).ok().as_ref().and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn table(element: &TableElement, at: &Scope<'_>) -> Table {
    let types = Types::of(element);
    let partition: Vec<_> = element.partition_key.iter().filter_map(KeyElement::attribute).collect();
    let sort: Vec<_> = element.sort_key.iter().filter_map(KeyElement::attribute).collect();
    let local = |sort_key: &KeyElement| types.keys(&partition, &Vec::from_iter(sort_key.attribute()));
    Table {
        table_name: element.name.clone().unwrap_or_else(|| at.name_within(NAME_LENGTH)),
        key_schema: types.keys(&partition, &sort),
        local_secondary_indexes: element
            .local_secondary_indexes
            .iter()
            .map(|(name, index)| {
                let index =
                    LocalIndex { key_schema: local(&index.sort_key), projection: projection(&index.projection) };
                (name.clone(), index)
            })
            .collect(),
        global_secondary_indexes: element
            .global_secondary_indexes
            .iter()
            .map(|(name, index)| (name.clone(), global_index(index, element, &types)))
            .collect(),
        billing_mode: text(element.billing_mode),
        provisioned_throughput: element.provisioned_throughput.map(provisioned),
        on_demand_throughput: element.on_demand_throughput.and_then(on_demand),
        warm_throughput: element.warm_throughput.map(|warm| WarmThroughput {
            read_units_per_second: Some(warm.read_units_per_second),
            write_units_per_second: Some(warm.write_units_per_second),
        }),
        table_class: text(element.table_class),
        kms_master_key_id: element.kms_master_key_id.clone(),
        deletion_protection_enabled: element.deletion_protection_enabled,
        time_to_live: element.time_to_live.clone(),
        point_in_time_recovery: element
            .recovery_days()
            .map(|recovery_period_in_days| PointInTimeRecovery { recovery_period_in_days }),
        policy: element.policy.as_ref().map(Value::to_string),
        contributor_insights: element.contributor_insights.map(text),
        tags: at.tags(&at.element()),
    }
}

fn global_index(index: &GlobalIndexElement, table: &TableElement, types: &Types) -> GlobalIndex {
    let sort = index.sort_key.as_ref().map(IndexKeyElement::attributes).unwrap_or_default();
    GlobalIndex {
        key_schema: types.keys(&index.partition_key.attributes(), &sort),
        projection: projection(&index.projection),
        provisioned_throughput: index.provisioned_throughput.or(table.provisioned_throughput).map(provisioned),
        on_demand_throughput: index.on_demand_throughput.and_then(on_demand),
    }
}

fn projection(of: &ProjectionElement) -> Projection {
    match of {
        ProjectionElement::Whole(whole) => Projection { projection_type: text(whole), non_key_attributes: Vec::new() },
        ProjectionElement::Attributes(names) => {
            let mut non_key_attributes = names.clone();
            non_key_attributes.sort();
            non_key_attributes.dedup();
            Projection { projection_type: INCLUDE.to_owned(), non_key_attributes }
        }
    }
}

fn provisioned(of: ProvisionedElement) -> ProvisionedThroughput {
    ProvisionedThroughput { read_capacity_units: of.read_capacity_units, write_capacity_units: of.write_capacity_units }
}

/// Returns the limits; `None` if no number is stated.
fn on_demand(of: OnDemandElement) -> Option<OnDemandThroughput> {
    let limits = OnDemandThroughput {
        max_read_request_units: of.max_read_request_units,
        max_write_request_units: of.max_write_request_units,
    };
    (limits != OnDemandThroughput::default()).then_some(limits)
}

/// The stated types of attributes. One statement holds for all keys of the table; an attribute without one is a text.
struct Types(BTreeMap<String, AttributeType>);

impl Types {
    fn of(element: &TableElement) -> Self {
        let stated = element.list_keys().into_iter().filter_map(|key| Some((key.name.to_owned(), key.stated?)));
        Self(stated.collect())
    }

    fn keys(
        &self,
        partition: &[(&str, Option<AttributeType>)],
        sort: &[(&str, Option<AttributeType>)],
    ) -> Vec<KeyAttribute> {
        let key = |(name, _): &(&str, Option<AttributeType>), key_type: &str| KeyAttribute {
            attribute_name: (*name).to_owned(),
            attribute_type: text(self.0.get(*name).copied().unwrap_or_default()),
            key_type: key_type.to_owned(),
        };
        let partition = partition.iter().map(|attribute| key(attribute, HASH));
        partition.chain(sort.iter().map(|attribute| key(attribute, RANGE))).collect()
    }
}

/// An attribute where a key of an element names it.
pub(super) struct NamedKey<'a> {
    pub(super) name: &'a str,
    pub(super) stated: Option<AttributeType>,
    /// The place below the element.
    pub(super) path: Vec<String>,
}

impl TableElement {
    /// Lists the attributes of all keys, the table's first.
    pub(super) fn list_keys(&self) -> Vec<NamedKey<'_>> {
        fn named<'a>(attributes: Vec<(&'a str, Option<AttributeType>)>, path: &[&str]) -> Vec<NamedKey<'a>> {
            let path: Vec<String> = path.iter().map(|part| (*part).to_owned()).collect();
            let key = |(name, stated)| NamedKey { name, stated, path: path.clone() };
            attributes.into_iter().map(key).collect()
        }
        fn one<'a>(key: &'a KeyElement, path: &[&str]) -> Vec<NamedKey<'a>> {
            named(Vec::from_iter(key.attribute()), path)
        }
        let mut all = Vec::new();
        all.extend(self.partition_key.iter().flat_map(|key| one(key, &["partition_key"])));
        all.extend(self.sort_key.iter().flat_map(|key| one(key, &["sort_key"])));
        for (name, index) in &self.local_secondary_indexes {
            all.extend(one(&index.sort_key, &["local_secondary_indexes", name, "sort_key"]));
        }
        for (name, index) in &self.global_secondary_indexes {
            let keys = [("partition_key", Some(&index.partition_key)), ("sort_key", index.sort_key.as_ref())];
            for (property, key) in keys {
                let attributes = key.map(IndexKeyElement::attributes).unwrap_or_default();
                all.extend(named(attributes, &["global_secondary_indexes", name, property]));
            }
        }
        all
    }
}
