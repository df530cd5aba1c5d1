//! The spec as DynamoDB's calls take it, and what DynamoDB describes as the spec.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::error::BuildError;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, CreateGlobalSecondaryIndexAction, GlobalSecondaryIndex, IndexStatus,
    KeySchemaElement, KeyType, LocalSecondaryIndex, OnDemandThroughput as SdkOnDemand, Projection as SdkProjection,
    ProjectionType, ProvisionedThroughput as SdkProvisioned, ScalarAttributeType, SseSpecification, SseStatus, SseType,
    TableDescription, Tag, WarmThroughput as SdkWarm,
};

use super::spec::{
    AWS_KEY, GlobalIndex, KeyAttribute, LocalIndex, ON_DEMAND, OnDemandThroughput, PROVISIONED, Projection,
    ProvisionedThroughput, STANDARD, Table, WarmThroughput,
};
use crate::aws::AwsError;
use crate::aws::tags::Tags;

/// Reports a request that the SDK's own types refuse.
pub(super) fn shape(error: &BuildError) -> AwsError {
    AwsError::Shape { what: "a table".to_owned(), message: error.to_string() }
}

type Built<T> = Result<T, BuildError>;

pub(super) fn definitions<'a>(
    attributes: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> Built<Vec<AttributeDefinition>> {
    let one = |(name, kind): (&str, &str)| {
        AttributeDefinition::builder().attribute_name(name).attribute_type(ScalarAttributeType::from(kind)).build()
    };
    attributes.into_iter().map(one).collect()
}

pub(super) fn key_schema(keys: &[KeyAttribute]) -> Built<Vec<KeySchemaElement>> {
    let one = |key: &KeyAttribute| {
        let key_type = KeyType::from(key.key_type.as_str());
        KeySchemaElement::builder().attribute_name(&key.attribute_name).key_type(key_type).build()
    };
    keys.iter().map(one).collect()
}

fn projection(of: &Projection) -> SdkProjection {
    let others = (!of.non_key_attributes.is_empty()).then(|| of.non_key_attributes.clone());
    let kind = ProjectionType::from(of.projection_type.as_str());
    SdkProjection::builder().projection_type(kind).set_non_key_attributes(others).build()
}

pub(super) fn provisioned(of: ProvisionedThroughput) -> Built<SdkProvisioned> {
    SdkProvisioned::builder()
        .read_capacity_units(signed(of.read_capacity_units))
        .write_capacity_units(signed(of.write_capacity_units))
        .build()
}

/// Returns the limits; without one -1, which removes it.
pub(super) fn on_demand(of: Option<OnDemandThroughput>) -> SdkOnDemand {
    let of = of.unwrap_or_default();
    let unlimited = |limit: Option<u64>| limit.map_or(-1, signed);
    SdkOnDemand::builder()
        .max_read_request_units(unlimited(of.max_read_request_units))
        .max_write_request_units(unlimited(of.max_write_request_units))
        .build()
}

pub(super) fn warm(of: WarmThroughput) -> SdkWarm {
    SdkWarm::builder()
        .set_read_units_per_second(of.read_units_per_second.map(signed))
        .set_write_units_per_second(of.write_units_per_second.map(signed))
        .build()
}

/// Returns the encryption; without a key that of DynamoDB's own.
pub(super) fn encryption(key: Option<&str>) -> SseSpecification {
    let Some(key) = key else { return SseSpecification::builder().enabled(false).build() };
    let customers = Some(key).filter(|key| *key != AWS_KEY);
    let call = SseSpecification::builder().enabled(true).sse_type(SseType::Kms);
    call.set_kms_master_key_id(customers.map(str::to_owned)).build()
}

pub(super) fn local_index(name: &str, index: &LocalIndex) -> Built<LocalSecondaryIndex> {
    let call = LocalSecondaryIndex::builder().index_name(name).projection(projection(&index.projection));
    call.set_key_schema(Some(key_schema(&index.key_schema)?)).build()
}

pub(super) fn global_index(name: &str, index: &GlobalIndex) -> Built<GlobalSecondaryIndex> {
    GlobalSecondaryIndex::builder()
        .index_name(name)
        .set_key_schema(Some(key_schema(&index.key_schema)?))
        .projection(projection(&index.projection))
        .set_provisioned_throughput(index.provisioned_throughput.map(provisioned).transpose()?)
        .set_on_demand_throughput(index.on_demand_throughput.map(|limits| on_demand(Some(limits))))
        .build()
}

pub(super) fn new_global_index(name: &str, index: &GlobalIndex) -> Built<CreateGlobalSecondaryIndexAction> {
    CreateGlobalSecondaryIndexAction::builder()
        .index_name(name)
        .set_key_schema(Some(key_schema(&index.key_schema)?))
        .projection(projection(&index.projection))
        .set_provisioned_throughput(index.provisioned_throughput.map(provisioned).transpose()?)
        .set_on_demand_throughput(index.on_demand_throughput.map(|limits| on_demand(Some(limits))))
        .build()
}

pub(super) fn tags(tags: &Tags) -> Built<Vec<Tag>> {
    tags.iter().map(|(key, value)| Tag::builder().key(key).value(value).build()).collect()
}

pub(super) fn billing_mode(table: &Table) -> BillingMode {
    BillingMode::from(table.billing_mode.as_str())
}

/// Converts to AWS's signed number. No limit comes near its largest.
fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

fn unsigned(value: Option<i64>) -> Option<u64> {
    value.and_then(|value| u64::try_from(value).ok())
}

/// Returns the part of the spec that DescribeTable shows. A table that is ready for more than the `stated` warm throughput
/// is as it should be.
pub(super) fn to_spec(name: &str, stated: Option<WarmThroughput>, live: &TableDescription) -> Table {
    let types: BTreeMap<&str, &str> = live
        .attribute_definitions()
        .iter()
        .map(|definition| (definition.attribute_name(), definition.attribute_type().as_str()))
        .collect();
    let summary = live.billing_mode_summary().and_then(|summary| summary.billing_mode());
    let billing_mode = summary.map_or(PROVISIONED, BillingMode::as_str);
    let is_on_demand = billing_mode == ON_DEMAND;
    let warm = live.warm_throughput().map(|warm| warm_of(warm.read_units_per_second(), warm.write_units_per_second()));
    let provisioned_throughput = live
        .provisioned_throughput()
        .filter(|_| !is_on_demand)
        .map(|throughput| provisioned_of(throughput.read_capacity_units(), throughput.write_capacity_units()));
    Table {
        table_name: name.to_owned(),
        key_schema: keys_of(live.key_schema(), &types),
        local_secondary_indexes: live
            .local_secondary_indexes()
            .iter()
            .filter_map(|index| {
                let local = LocalIndex {
                    key_schema: keys_of(index.key_schema(), &types),
                    projection: projection_of(index.projection()),
                };
                Some((index.index_name()?.to_owned(), local))
            })
            .collect(),
        global_secondary_indexes: global_indexes(live, &types, is_on_demand),
        billing_mode: billing_mode.to_owned(),
        provisioned_throughput,
        on_demand_throughput: on_demand_of(live.on_demand_throughput().filter(|_| is_on_demand)),
        warm_throughput: stated.map_or(warm, |stated| Some(stated.at_least(warm.unwrap_or_default()))),
        table_class: live
            .table_class_summary()
            .and_then(|summary| summary.table_class())
            .map_or(STANDARD, |class| class.as_str())
            .to_owned(),
        kms_master_key_id: key_of(live),
        deletion_protection_enabled: live.deletion_protection_enabled().unwrap_or(false),
        ..Table::default()
    }
}

/// Returns the ARN of the key that encrypts a table; `None` for DynamoDB's own.
fn key_of(live: &TableDescription) -> Option<String> {
    let encryption = live.sse_description()?;
    let is_on = matches!(encryption.status(), Some(SseStatus::Enabled | SseStatus::Enabling | SseStatus::Updating));
    encryption.kms_master_key_arn().filter(|_| is_on).map(str::to_owned)
}

/// Returns the indexes without those that are being deleted.
fn global_indexes(
    live: &TableDescription,
    types: &BTreeMap<&str, &str>,
    is_on_demand: bool,
) -> BTreeMap<String, GlobalIndex> {
    let stays = |status: Option<&IndexStatus>| status != Some(&IndexStatus::Deleting);
    let indexes = live.global_secondary_indexes().iter().filter(|index| stays(index.index_status()));
    let one = |index: &aws_sdk_dynamodb::types::GlobalSecondaryIndexDescription| {
        let name = index.index_name()?;
        let provisioned = index.provisioned_throughput().filter(|_| !is_on_demand);
        let global = GlobalIndex {
            key_schema: keys_of(index.key_schema(), types),
            projection: projection_of(index.projection()),
            provisioned_throughput: provisioned
                .map(|throughput| provisioned_of(throughput.read_capacity_units(), throughput.write_capacity_units())),
            on_demand_throughput: on_demand_of(index.on_demand_throughput().filter(|_| is_on_demand)),
        };
        Some((name.to_owned(), global))
    };
    indexes.filter_map(one).collect()
}

fn keys_of(schema: &[KeySchemaElement], types: &BTreeMap<&str, &str>) -> Vec<KeyAttribute> {
    let one = |key: &KeySchemaElement| KeyAttribute {
        attribute_name: key.attribute_name().to_owned(),
        attribute_type: types.get(key.attribute_name()).copied().unwrap_or_default().to_owned(),
        key_type: key.key_type().as_str().to_owned(),
    };
    schema.iter().map(one).collect()
}

fn projection_of(live: Option<&SdkProjection>) -> Projection {
    let mut non_key_attributes = live.map(|live| live.non_key_attributes().to_vec()).unwrap_or_default();
    non_key_attributes.sort();
    let kind = live.and_then(|live| live.projection_type()).map_or("ALL", ProjectionType::as_str);
    Projection { projection_type: kind.to_owned(), non_key_attributes }
}

fn provisioned_of(read: Option<i64>, write: Option<i64>) -> ProvisionedThroughput {
    ProvisionedThroughput {
        read_capacity_units: unsigned(read).unwrap_or_default(),
        write_capacity_units: unsigned(write).unwrap_or_default(),
    }
}

/// Returns the limits; `None` if there is none. DynamoDB reports -1 for no limit.
fn on_demand_of(live: Option<&SdkOnDemand>) -> Option<OnDemandThroughput> {
    let limits = OnDemandThroughput {
        max_read_request_units: unsigned(live?.max_read_request_units()),
        max_write_request_units: unsigned(live?.max_write_request_units()),
    };
    (limits != OnDemandThroughput::default()).then_some(limits)
}

fn warm_of(read: Option<i64>, write: Option<i64>) -> WarmThroughput {
    WarmThroughput { read_units_per_second: unsigned(read), write_units_per_second: unsigned(write) }
}
