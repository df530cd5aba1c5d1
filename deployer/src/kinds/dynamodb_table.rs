//! `dynamodb.table`: a DynamoDB table with its indexes and settings.
//!
//! **Guarantees**: create returns when the table is ACTIVE and its settings are made. Changes that DynamoDB takes one at
//! a time are made one after another, and continued after an interruption. An index that leaves is deleted once its users
//! have changed, where the table has room for it until then. A table that is being deleted counts as absent.
//! **Assumptions**: the stream is a resource of its own: each new one has another ARN.
//! **Caveats**: an index with another key or projection is deleted and built again, and queries of it fail meanwhile.
//! DynamoDB moves the time to live to another attribute in two steps, an hour apart. Global tables are not managed:
//! replicas of others stay as they are.

mod grants;
mod health;
mod settings;
mod spec;
mod steps;
mod wire;
mod words;

#[cfg(test)]
mod tests;

use aws_sdk_dynamodb::types::{TableClass, TableDescription};
pub use spec::{
    AWS_KEY, GlobalIndex, HASH, INCLUDE, KeyAttribute, LocalIndex, MOST_GLOBAL, ON_DEMAND, OnDemandThroughput,
    PROVISIONED, PointInTimeRecovery, Projection, ProvisionedThroughput, RANGE, RECOVERY_DAYS, STANDARD, Table,
    WarmThroughput,
};
use wire::shape;

use super::{
    About, Bound, Calls, Changes, CreatedResource, Excess, FoundResource, Grant, Kind, NameProperty, ObservedResource,
    Op, Outputs, Person, References, Rule, Sign, WatchedOperation,
};
use crate::aws::dynamodb::{self, ABSENT, changeable, describe_along, with_settled_indexes};
use crate::aws::service::DYNAMODB;
use crate::aws::tags::{self, Tags};
use crate::aws::{Aws, AwsError, Place, Trust, tagged, wait};

/// The table kind.
pub struct DynamodbTable;

/// The most bytes of a table's policy: PutResourcePolicy, "maximum size … 20 KB"; DynamoDB counts whitespace.
const POLICY_SIZE: usize = 20_480;
const WARM: &str = "warm_throughput";
/// The reads and writes a second that a new table on demand is ready for: DynamoDB developer guide, "Understanding
/// DynamoDB warm throughput".
pub const WARM_ON_DEMAND: (u64, u64) = (12_000, 4_000);
/// The properties that UpdateTable changes.
const OF_UPDATE_TABLE: &[&str] = &[
    "global_secondary_indexes",
    "billing_mode",
    "provisioned_throughput",
    "on_demand_throughput",
    WARM,
    "table_class",
    "kms_master_key_id",
    "deletion_protection_enabled",
];

impl Kind for DynamodbTable {
    const ABOUT: About = About {
        outputs: &["name", "arn"],
        identity: &["table_name"],
        rules: &[
            ("table_name", Rule::Replace("DynamoDB cannot rename a table")),
            ("key_schema", Rule::Replace("DynamoDB cannot change the key of a table")),
            ("local_secondary_indexes", Rule::Replace("DynamoDB creates local indexes with the table alone")),
            // DynamoDB never lowers it, so it stays when it leaves `stack.yaml`.
            (WARM, Rule::Unmanaged),
            ("policy", Rule::Policy),
        ],
        bounds: &[("kms_master_key_id", Bound::Pattern)],
        tags: Some(tags::TagRules::lenient("DynamoDB")),
        named: Some(NameProperty::of("table_name", 255)),
        references: References { loose: &["policy", "tags"], ..References::DEFAULT },
        calls: Calls {
            exists: &["ResourceInUseException"],
            watched: true,
            listings: &[(settings::FEW, &["dynamodb:ListContributorInsights"])],
            guard: Some("deletion_protection_enabled"),
            ..Calls::DEFAULT
        },
        person: Person {
            lost: Some("the items in it, and its backups for point-in-time recovery"),
            gap: Some("reads and writes fail until the new table is ACTIVE; it is empty"),
            moved: Some("readers and writers outside this stack need its new name; no item is moved"),
            seconds: (10.0, 8.0),
            accompanies: false,
        },
        ..About::of("dynamodb.table", &DYNAMODB)
    };
    type Spec = Table;

    fn predict(spec: &Table, place: &Place) -> Outputs {
        Outputs::from([("name".into(), spec.table_name.clone()), ("arn".into(), arn(&spec.table_name, place))])
    }

    fn limits(spec: &Table) -> Vec<Excess> {
        let size = spec.policy.as_ref().map_or(0, String::len);
        let excess = || Excess::size("policy::size", &["policy"], "the table's policy", [size, POLICY_SIZE]);
        (size > POLICY_SIZE).then(excess).into_iter().collect()
    }

    fn iam(op: Op, spec: &Table, place: &Place) -> Vec<Grant> {
        grants::grants(op, spec, place)
    }

    fn any_named(names: &str, _: &Place) -> Vec<Table> {
        let full = Table {
            time_to_live: Some(String::new()),
            point_in_time_recovery: Some(PointInTimeRecovery { recovery_period_in_days: RECOVERY_DAYS }),
            policy: Some(String::new()),
            contributor_insights: Some(String::new()),
            ..Table::blank(names)
        };
        vec![full, Table::blank(names)]
    }

    fn condition(_: &ObservedResource<Table>) -> Option<String> {
        Some("active".to_owned())
    }

    async fn signs(aws: &Aws, all: &[ObservedResource<Table>]) -> Vec<Vec<Sign>> {
        health::signs(aws, all).await
    }

    fn remarks(live: &Table, want: &Table) -> Vec<String> {
        words::remarks(live, want)
    }

    /// Calls DescribeTable, shared with the table's stream, and reads the settings and the tags. If the state does not
    /// have the table, the rest is read only after the table was found.
    async fn read(aws: &Aws, spec: &Table, _: Trust) -> Result<Option<ObservedResource<Table>>, AwsError> {
        let name = &spec.table_name;
        let arn = arn(name, &aws.place);
        let recorded = aws.run.recorded_tags(Self::NAME, &[name]);
        let expected = tagged::ExpectedTags { wanted: &spec.tags, recorded };
        let rest = async {
            // A delete checks the owner, so a listing may be trusted before it, too.
            let tags = tagged::tags_of(aws, &arn, expected, Trust::Listing, settings::tags_of(aws, &arn));
            tokio::try_join!(settings::read(aws, name, &arn), tags)
        };
        let described = describe_along(aws, name);
        // DynamoDB refuses to list the tags of a table that does not exist: then only the description counts.
        let (live, (settings, tags)) = if aws.run.has_record(Self::NAME, &[name]) {
            let (live, rest) = tokio::join!(described, rest);
            let Some(live) = live? else { return Ok(None) };
            (live, rest?)
        } else {
            let Some(live) = described.await? else { return Ok(None) };
            (live, rest.await?)
        };
        let Some(tags) = tags else { return Ok(None) };
        let last = aws.run.recorded_spec::<Table>(Self::NAME, &[name]);
        let table = Table { tags, ..settings.put_into(observed(aws, last.as_ref(), spec, &live).await?) };
        let mut seen = ObservedResource::new(name, table, Self::predict(spec, &aws.place));
        seen.notes = words::notes(&live);
        Ok(Some(seen))
    }

    /// DescribeTable alone: the settings and tags of another stack's table are not needed here, and may be closed to the
    /// caller.
    async fn find(aws: &Aws, spec: &Table) -> Result<Option<ObservedResource<Table>>, AwsError> {
        let found = describe_along(aws, &spec.table_name).await?;
        Ok(found.map(|_| ObservedResource::new(&spec.table_name, spec.clone(), Self::predict(spec, &aws.place))))
    }

    /// DescribeTable and ListTagsOfResource.
    async fn present(aws: &Aws, spec: &Table) -> Result<Option<ObservedResource<Table>>, AwsError> {
        let name = &spec.table_name;
        let arn = arn(name, &aws.place);
        let (live, tags) = tokio::join!(describe_along(aws, name), settings::tags_of(aws, &arn));
        let Some(live) = live? else { return Ok(None) };
        let Some(tags) = tags? else { return Ok(None) };
        let deletion_protection_enabled = live.deletion_protection_enabled().unwrap_or(false);
        let table = Table { tags, deletion_protection_enabled, ..spec.clone() };
        Ok(Some(ObservedResource::new(name, table, Self::predict(spec, &aws.place))))
    }

    fn by_arn(resource: &str, _: &Tags) -> Option<FoundResource<Table>> {
        let name = resource.strip_prefix("table/").filter(|name| !name.contains('/'))?;
        Some(FoundResource::of(name, Table::blank(name)))
    }

    async fn create(aws: &Aws, want: &Table) -> Result<CreatedResource, AwsError> {
        let name = &want.table_name;
        match send_create(aws, want).await {
            // The name is taken until the deletion of its former table ends.
            Err(error) if error.is(Self::ABOUT.calls.exists) && dynamodb::is_going(aws, name).await? => {
                dynamodb::gone(aws, name).await?;
                send_create(aws, want).await?;
            }
            sent => sent?,
        }
        wait::there();
        changeable(aws, name).await?;
        if want.point_in_time_recovery.is_some() {
            settings::write_recovery(aws, want).await?;
        }
        if want.time_to_live.is_some() {
            settings::write_time_to_live(aws, want).await?;
        }
        if want.contributor_insights.is_some() {
            settings::write_insights(aws, want).await?;
        }
        Ok(CreatedResource { physical_id: name.clone(), outputs: Self::predict(want, &aws.place) })
    }

    async fn update(
        aws: &Aws,
        live: &ObservedResource<Table>,
        want: &Table,
        changes: &Changes,
    ) -> Result<(), AwsError> {
        let arn = arn(&want.table_name, &aws.place);
        if changes.touch("point_in_time_recovery") {
            settings::write_recovery(aws, want).await?;
        }
        if changes.touch("policy") {
            settings::write_policy(aws, want, &arn).await?;
        }
        if changes.touch_any(OF_UPDATE_TABLE) {
            let _turn = aws.run.turn(&dynamodb::turn(&want.table_name)).await;
            steps::make(aws, want).await?;
        }
        if changes.touch("contributor_insights") {
            settings::write_insights(aws, want).await?;
        }
        settings::write_tags(aws, &live.spec.tags, &want.tags, &arn).await?;
        // Last: DynamoDB may refuse it for an hour.
        if changes.touch("time_to_live") {
            settings::write_time_to_live(aws, want).await?;
        }
        Ok(())
    }

    /// Keeps the indexes that leave until their users have changed, if the table has room for them.
    fn meanwhile(live: &Table, want: &Table) -> Option<Table> {
        let mut until = want.clone();
        let types = |table: &Table| table.attributes().into_iter().map(|(a, b)| (a.to_owned(), b.to_owned())).collect();
        let wanted: std::collections::BTreeMap<String, String> = types(want);
        for (name, index) in &live.global_secondary_indexes {
            let fits =
                |key: &KeyAttribute| wanted.get(&key.attribute_name).is_none_or(|kind| *kind == key.attribute_type);
            if want.global_secondary_indexes.contains_key(name) || !index.key_schema.iter().all(fits) {
                continue;
            }
            let mut kept = index.clone();
            if live.billing_mode != want.billing_mode {
                kept.provisioned_throughput = want.provisioned_throughput;
                kept.on_demand_throughput = None;
            }
            until.global_secondary_indexes.insert(name.clone(), kept);
        }
        let indexes = until.global_secondary_indexes.len();
        (indexes > want.global_secondary_indexes.len() && indexes <= MOST_GLOBAL).then_some(until)
    }

    async fn delete(aws: &Aws, live: &ObservedResource<Table>) -> Result<(), AwsError> {
        let name = &live.physical_id;
        let arn = arn(name, &aws.place);
        let recorded = aws.run.recorded_tags(Self::NAME, &[name]);
        tagged::check_owner(aws, &arn, recorded, settings::tags_of(aws, &arn)).await?;
        let _turn = aws.run.turn(&dynamodb::turn(name)).await;
        if live.spec.deletion_protection_enabled {
            steps::unprotect(aws, name).await?;
        }
        let call = aws.clients.dynamodb.delete_table().table_name(name).send();
        aws.find("dynamodb:DeleteTable", ABSENT, call).await.map(drop)
    }

    /// Follows the indexes that DynamoDB fills, and the end of a deletion: DescribeTable.
    async fn watch(aws: &Aws, spec: &Table, event: &WatchedOperation) -> Result<(), AwsError> {
        match event {
            WatchedOperation::Updated(changes) if changes.touch_any(OF_UPDATE_TABLE) => {
                with_settled_indexes(aws, &spec.table_name).await.map(drop)
            }
            WatchedOperation::Deleted => dynamodb::gone(aws, &spec.table_name).await,
            _ => Ok(()),
        }
    }
}

fn arn(name: &str, place: &Place) -> String {
    place.arn("dynamodb", &format!("table/{name}"))
}

/// Returns the part of a table that DescribeTable shows. Its key has the name, and its warm throughput the bounds, that
/// the spec of the last apply states, or else `want`: so neither is taken for a change by others.
async fn observed(aws: &Aws, last: Option<&Table>, want: &Table, live: &TableDescription) -> Result<Table, AwsError> {
    let stated = last.and_then(|last| last.warm_throughput);
    let warm = stated.map_or(want.warm_throughput, |stated| Some(stated.or(want.warm_throughput)));
    let mut table = wire::to_spec(&want.table_name, warm, live);
    let Some(arn) = table.kms_master_key_id.clone() else { return Ok(table) };
    // The permissions of a plan need not cover an alias that is no longer in `stack.yaml`.
    let was = last.and_then(|last| last.kms_master_key_id.clone());
    let is = want.kms_master_key_id.clone();
    if let Some(named) = was.filter(|named| Some(named) != is.as_ref())
        && aws.is_key(&named, &arn).await.unwrap_or(false)
    {
        table.kms_master_key_id = Some(named);
    } else if let Some(named) = is
        && aws.is_key(&named, &arn).await?
    {
        table.kms_master_key_id = Some(named);
    }
    Ok(table)
}

/// Calls CreateTable with all that it takes.
async fn send_create(aws: &Aws, want: &Table) -> Result<(), AwsError> {
    let local = want.local_secondary_indexes.iter().map(|(name, index)| wire::local_index(name, index));
    let global = want.global_secondary_indexes.iter().map(|(name, index)| wire::global_index(name, index));
    let local: Vec<_> = local.collect::<Result<_, _>>().map_err(|e| shape(&e))?;
    let global: Vec<_> = global.collect::<Result<_, _>>().map_err(|e| shape(&e))?;
    let provisioned = want.provisioned_throughput.map(wire::provisioned).transpose().map_err(|e| shape(&e))?;
    let key = want.kms_master_key_id.as_deref();
    let call = aws
        .clients
        .dynamodb
        .create_table()
        .table_name(&want.table_name)
        .set_attribute_definitions(Some(wire::definitions(want.attributes()).map_err(|e| shape(&e))?))
        .set_key_schema(Some(wire::key_schema(&want.key_schema).map_err(|e| shape(&e))?))
        .set_local_secondary_indexes(Some(local).filter(|indexes| !indexes.is_empty()))
        .set_global_secondary_indexes(Some(global).filter(|indexes| !indexes.is_empty()))
        .billing_mode(wire::billing_mode(want))
        .set_provisioned_throughput(provisioned)
        .set_on_demand_throughput(want.on_demand_throughput.map(|limits| wire::on_demand(Some(limits))))
        .set_warm_throughput(want.warm_throughput.map(wire::warm))
        .table_class(TableClass::from(want.table_class.as_str()))
        .set_sse_specification(key.map(|key| wire::encryption(Some(key))))
        .set_deletion_protection_enabled(want.deletion_protection_enabled.then_some(true))
        .set_resource_policy(want.policy.clone())
        .set_tags(Some(wire::tags(&want.tags).map_err(|e| shape(&e))?));
    aws.call("dynamodb:CreateTable", call.send()).await.map(drop)
}
