//! The changes that UpdateTable makes, one after another: DynamoDB takes one at a time.
//!
//! [`next`] compares the table as it is now with the desired one and returns the next change. So the changes of an
//! interrupted run are continued where they ended, and none is made twice.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::error::BuildError;
use aws_sdk_dynamodb::operation::update_table::builders::UpdateTableFluentBuilder;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, DeleteGlobalSecondaryIndexAction, GlobalSecondaryIndexUpdate, TableClass, TableDescription,
    UpdateGlobalSecondaryIndexAction,
};

use super::spec::{GlobalIndex, OnDemandThroughput, ProvisionedThroughput, Table};
use super::wire::{self, shape};
use crate::aws::dynamodb::{ABSENT, changeable, describe, with_settled_indexes};
use crate::aws::{Aws, AwsError};

/// A change that one call of UpdateTable makes.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum TableChange {
    DeletionProtection,
    Class,
    Encryption,
    /// The capacity mode with all numbers of the new mode: those of the table and of each index.
    Billing,
    Provisioned,
    OnDemand,
    Warm,
    IndexThroughput(String),
    DeleteIndex(String),
    CreateIndex(String),
}

impl TableChange {
    /// Tells whether DynamoDB makes the change only while no index is being built or deleted.
    fn needs_settled_indexes(&self) -> bool {
        matches!(self, Self::DeleteIndex(_) | Self::CreateIndex(_) | Self::IndexThroughput(_))
    }
}

/// Returns the next change that leads from `now` to `want`; `None` if nothing remains. Protection comes first and
/// indexes last: those that leave make room for those that come.
pub(super) fn next(now: &Table, want: &Table) -> Option<TableChange> {
    let (have, wanted) = (&now.global_secondary_indexes, &want.global_secondary_indexes);
    let of_table = [
        (now.deletion_protection_enabled != want.deletion_protection_enabled, TableChange::DeletionProtection),
        (now.table_class != want.table_class, TableChange::Class),
        (now.kms_master_key_id != want.kms_master_key_id, TableChange::Encryption),
        (now.billing_mode != want.billing_mode, TableChange::Billing),
        (now.provisioned_throughput != want.provisioned_throughput, TableChange::Provisioned),
        (now.on_demand_throughput != want.on_demand_throughput, TableChange::OnDemand),
        (want.warm_throughput.is_some() && now.warm_throughput != want.warm_throughput, TableChange::Warm),
    ];
    if let Some((_, change)) = of_table.into_iter().find(|(differs, _)| *differs) {
        return Some(change);
    }
    let leaves =
        |(name, index): &(&String, &GlobalIndex)| wanted.get(*name).is_none_or(|want| !index.is_built_like(want));
    if let Some((name, _)) = have.iter().find(leaves) {
        return Some(TableChange::DeleteIndex(name.clone()));
    }
    for (name, index) in have {
        let Some(want) = wanted.get(name) else { continue };
        let numbers = |index: &GlobalIndex| (index.provisioned_throughput, index.on_demand_throughput);
        if numbers(index) != numbers(want) {
            return Some(TableChange::IndexThroughput(name.clone()));
        }
    }
    let comes = wanted.keys().find(|name| !have.contains_key(*name))?;
    Some(TableChange::CreateIndex(comes.clone()))
}

/// Makes all changes that lead to `want`. Returns once the last one is accepted.
pub(super) async fn make(aws: &Aws, want: &Table) -> Result<(), AwsError> {
    let name = &want.table_name;
    let mut now = super::observed(aws, None, want, &changeable(aws, name).await?).await?;
    while let Some(change) = next(&now, want) {
        let live = match change.needs_settled_indexes() {
            true => with_settled_indexes(aws, name).await?,
            false => changeable(aws, name).await?,
        };
        let call = aws.clients.dynamodb.update_table().table_name(name);
        let call = request(call, &live, want, &change).map_err(|e| shape(&e))?;
        aws.call("dynamodb:UpdateTable", call.send()).await?;
        now = after(now, want, &change);
    }
    Ok(())
}

/// Switches off the deletion protection of a table that is to be deleted, and waits until DynamoDB takes the deletion.
/// Safe to repeat, also once the table is gone.
pub(super) async fn unprotect(aws: &Aws, name: &str) -> Result<(), AwsError> {
    let is_on = |live: &TableDescription| live.deletion_protection_enabled() == Some(true);
    if !describe(aws, name).await?.as_ref().is_some_and(is_on) {
        return Ok(());
    }
    changeable(aws, name).await?;
    let call = aws.clients.dynamodb.update_table().table_name(name).deletion_protection_enabled(false).send();
    if aws.find("dynamodb:UpdateTable", ABSENT, call).await?.is_some() {
        changeable(aws, name).await?;
    }
    Ok(())
}

/// Returns the table as `change` leaves it.
fn after(mut table: Table, want: &Table, change: &TableChange) -> Table {
    let indexes = &mut table.global_secondary_indexes;
    match change {
        TableChange::DeletionProtection => table.deletion_protection_enabled = want.deletion_protection_enabled,
        TableChange::Class => table.table_class.clone_from(&want.table_class),
        TableChange::Encryption => table.kms_master_key_id.clone_from(&want.kms_master_key_id),
        TableChange::Billing => {
            for (name, index) in indexes.iter_mut() {
                (index.provisioned_throughput, index.on_demand_throughput) = numbers_of(name, want);
            }
            table.billing_mode.clone_from(&want.billing_mode);
            table.provisioned_throughput = want.provisioned_throughput;
            table.on_demand_throughput = want.on_demand_throughput;
        }
        TableChange::Provisioned => table.provisioned_throughput = want.provisioned_throughput,
        TableChange::OnDemand => table.on_demand_throughput = want.on_demand_throughput,
        TableChange::Warm => table.warm_throughput = want.warm_throughput,
        TableChange::DeleteIndex(name) => drop(indexes.remove(name)),
        TableChange::IndexThroughput(name) | TableChange::CreateIndex(name) => {
            let whole = want.global_secondary_indexes.get(name);
            indexes.extend(whole.map(|index| (name.clone(), index.clone())));
        }
    }
    table
}

/// Returns the throughput of an index in the capacity mode of `want`. An index that leaves gets the table's.
fn numbers_of(name: &str, want: &Table) -> (Option<ProvisionedThroughput>, Option<OnDemandThroughput>) {
    match want.global_secondary_indexes.get(name) {
        Some(index) => (index.provisioned_throughput, index.on_demand_throughput),
        None => (want.provisioned_throughput, None),
    }
}

/// Adds a change to a call of UpdateTable.
fn request(
    call: UpdateTableFluentBuilder,
    live: &TableDescription,
    want: &Table,
    change: &TableChange,
) -> Result<UpdateTableFluentBuilder, BuildError> {
    let provisioned = || want.provisioned_throughput.map(wire::provisioned).transpose();
    Ok(match change {
        TableChange::DeletionProtection => call.deletion_protection_enabled(want.deletion_protection_enabled),
        TableChange::Class => call.table_class(TableClass::from(want.table_class.as_str())),
        TableChange::Encryption => call.sse_specification(wire::encryption(want.kms_master_key_id.as_deref())),
        TableChange::Billing => {
            let names = live.global_secondary_indexes().iter().filter_map(|index| index.index_name());
            let updates: Result<Vec<_>, _> = names.filter_map(|name| throughput(name, want).transpose()).collect();
            let updates = Some(updates?).filter(|updates| !updates.is_empty());
            call.billing_mode(wire::billing_mode(want))
                .set_provisioned_throughput(provisioned()?)
                .set_on_demand_throughput(want.on_demand_throughput.map(|limits| wire::on_demand(Some(limits))))
                .set_global_secondary_index_updates(updates)
        }
        TableChange::Provisioned => call.set_provisioned_throughput(provisioned()?),
        TableChange::OnDemand => call.on_demand_throughput(wire::on_demand(want.on_demand_throughput)),
        TableChange::Warm => call.set_warm_throughput(want.warm_throughput.map(wire::warm)),
        TableChange::IndexThroughput(name) => {
            // On demand, an index without limits has those of before removed.
            let unlimited = || index_update(name, |update| Ok(update.on_demand_throughput(wire::on_demand(None))));
            call.global_secondary_index_updates(throughput(name, want)?.map_or_else(unlimited, Ok)?)
        }
        TableChange::DeleteIndex(name) => {
            let delete = DeleteGlobalSecondaryIndexAction::builder().index_name(name).build()?;
            call.global_secondary_index_updates(GlobalSecondaryIndexUpdate::builder().delete(delete).build())
        }
        TableChange::CreateIndex(name) => {
            let Some(index) = want.global_secondary_indexes.get(name) else { return Ok(call) };
            let create = GlobalSecondaryIndexUpdate::builder().create(wire::new_global_index(name, index)?).build();
            call.set_attribute_definitions(Some(definitions_with(live, index)?)).global_secondary_index_updates(create)
        }
    })
}

/// Returns the change of an index to its throughput in `want`; `None` if it has no number of its own.
fn throughput(name: &str, want: &Table) -> Result<Option<GlobalSecondaryIndexUpdate>, BuildError> {
    let (provisioned, on_demand) = numbers_of(name, want);
    if provisioned.is_none() && on_demand.is_none() {
        return Ok(None);
    }
    let update = index_update(name, |update| {
        Ok(update
            .set_provisioned_throughput(provisioned.map(wire::provisioned).transpose()?)
            .set_on_demand_throughput(on_demand.map(|limits| wire::on_demand(Some(limits)))))
    });
    update.map(Some)
}

type IndexUpdate = aws_sdk_dynamodb::types::builders::UpdateGlobalSecondaryIndexActionBuilder;

fn index_update(
    name: &str,
    with: impl FnOnce(IndexUpdate) -> Result<IndexUpdate, BuildError>,
) -> Result<GlobalSecondaryIndexUpdate, BuildError> {
    let update = with(UpdateGlobalSecondaryIndexAction::builder().index_name(name))?.build()?;
    Ok(GlobalSecondaryIndexUpdate::builder().update(update).build())
}

/// Returns the definitions of the attributes of all keys, with those of a new index. DynamoDB refuses a definition that no
/// key uses.
fn definitions_with(live: &TableDescription, index: &GlobalIndex) -> Result<Vec<AttributeDefinition>, BuildError> {
    let of_table =
        live.attribute_definitions().iter().map(|known| (known.attribute_name(), known.attribute_type().as_str()));
    let of_index = index.key_schema.iter().map(|key| (key.attribute_name.as_str(), key.attribute_type.as_str()));
    let all: BTreeMap<&str, &str> = of_table.chain(of_index).collect();
    wire::definitions(all)
}

#[cfg(test)]
mod tests {
    use super::super::spec::{KeyAttribute, ON_DEMAND, PROVISIONED, Projection};
    use super::*;

    fn index(attribute: &str) -> GlobalIndex {
        let key = |name: &str| KeyAttribute {
            attribute_name: name.to_owned(),
            attribute_type: "S".to_owned(),
            key_type: "HASH".to_owned(),
        };
        GlobalIndex {
            key_schema: vec![key(attribute)],
            projection: Projection { projection_type: "ALL".to_owned(), non_key_attributes: Vec::new() },
            provisioned_throughput: None,
            on_demand_throughput: None,
        }
    }

    fn table(indexes: &[(&str, &str)]) -> Table {
        let indexes = indexes.iter().map(|(name, attribute)| ((*name).to_owned(), index(attribute))).collect();
        Table { global_secondary_indexes: indexes, ..Table::blank("orders") }
    }

    /// Lists the changes from `now` to `want`, each made as DynamoDB makes it.
    fn changes(mut now: Table, want: &Table) -> Vec<TableChange> {
        let mut made = Vec::new();
        while let Some(change) = next(&now, want) {
            now = after(now, want, &change);
            made.push(change);
            assert!(made.len() < 50, "it never ends: {made:?}");
        }
        assert_eq!(now, *want);
        made
    }

    #[test]
    fn indexes_come_and_go_one_by_one_and_one_with_another_key_is_built_again() {
        use TableChange::{CreateIndex, DeleteIndex};
        let (now, want) = (table(&[("a", "x"), ("b", "y"), ("c", "z")]), table(&[("b", "y"), ("c", "w"), ("d", "v")]));
        let made = changes(now, &want);
        let names = |made: &[&str]| made.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let [a, c, d] = &names(&["a", "c", "d"])[..] else { unreachable!() };
        let expected = [DeleteIndex(a.clone()), DeleteIndex(c.clone()), CreateIndex(c.clone()), CreateIndex(d.clone())];
        assert_eq!(made, expected);
    }

    #[test]
    fn what_an_interrupted_run_has_changed_already_is_not_changed_again() {
        let want = table(&[("a", "x"), ("b", "y")]);
        assert_eq!(next(&table(&[("a", "x")]), &want), Some(TableChange::CreateIndex("b".to_owned())));
        assert_eq!(next(&want, &want), None);
    }

    #[test]
    fn another_capacity_mode_takes_the_numbers_of_the_table_and_of_every_index_along() {
        let units = |units| Some(ProvisionedThroughput { read_capacity_units: units, write_capacity_units: units });
        let now = table(&[("a", "x"), ("gone", "y")]);
        let mut want = table(&[("a", "x")]);
        want.billing_mode = PROVISIONED.to_owned();
        want.provisioned_throughput = units(5);
        want.global_secondary_indexes.get_mut("a").unwrap().provisioned_throughput = units(2);
        let made = changes(now.clone(), &want);
        assert_eq!(made, [TableChange::Billing, TableChange::DeleteIndex("gone".to_owned())]);
        assert_eq!(numbers_of("gone", &want), (units(5), None), "AWS takes no index without numbers");
        assert_eq!(now.billing_mode, ON_DEMAND);
        assert_eq!(changes(want, &table(&[("a", "x")])), [TableChange::Billing]);
    }

    #[test]
    fn one_change_is_made_at_a_time_and_protection_comes_first() {
        let now = Table { table_class: "STANDARD_INFREQUENT_ACCESS".to_owned(), ..table(&[]) };
        let want = Table {
            deletion_protection_enabled: true,
            kms_master_key_id: Some("arn:aws:kms:eu-west-1:1:key/k".to_owned()),
            on_demand_throughput: Some(OnDemandThroughput { max_read_request_units: Some(9), ..Default::default() }),
            ..table(&[])
        };
        use TableChange::{Class, DeletionProtection, Encryption, OnDemand};
        assert_eq!(changes(now, &want), [DeletionProtection, Class, Encryption, OnDemand]);
    }
}
