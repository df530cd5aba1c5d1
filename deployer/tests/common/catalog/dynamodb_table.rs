//! `dynamodb.table`.

use deployer::aws::Aws;
use futures::FutureExt;
use serde_json::{Value, json};

use super::{Case, Entry, Thing, maybe, sure, with};

pub const ENTRY: Entry =
    Entry { kind: "dynamodb.table", list: |aws| list(aws).boxed(), cases: |aws| cases(aws).boxed() };

async fn list(aws: &Aws) -> Vec<Thing<'_>> {
    let dynamodb = &aws.clients.dynamodb;
    let thing = |name: String| {
        Thing::new(format!("table {name}"), async move {
            let arn = aws.place.arn("dynamodb", &format!("table/{name}"));
            let table = dynamodb.describe_table().table_name(&name).send().await;
            let expiry = dynamodb.describe_time_to_live().table_name(&name).send().await;
            let backups = dynamodb.describe_continuous_backups().table_name(&name).send().await;
            let insights = dynamodb.describe_contributor_insights().table_name(&name).send().await;
            let policy = dynamodb.get_resource_policy().resource_arn(&arn).send().await;
            let tags = dynamodb.list_tags_of_resource().resource_arn(&arn).send().await;
            json!({
                "table": maybe(table), "expiry": maybe(expiry), "backups": maybe(backups),
                "insights": maybe(insights), "policy": maybe(policy), "tags": maybe(tags),
            })
        })
    };
    names(aws).await.into_iter().map(thing).collect()
}

/// Lists the names of all tables.
pub async fn names(aws: &Aws) -> Vec<String> {
    let (mut names, mut last) = (Vec::new(), None);
    loop {
        let page = aws.clients.dynamodb.list_tables().set_exclusive_start_table_name(last).send().await;
        let page = sure(page);
        names.extend(page.table_names.unwrap_or_default());
        last = page.last_evaluated_table_name;
        if last.is_none() {
            return names;
        }
    }
}

async fn cases(aws: &Aws) -> Vec<Case> {
    let owner = json!({ "deployer:stack": "couch", "deployer:address": "tables.orders" });
    let policy = json!({ "Version": "2012-10-17", "Statement": [{ "Effect": "Allow",
        "Principal": { "AWS": "arn:aws:iam::210987654321:root" }, "Action": "dynamodb:GetItem",
        "Resource": aws.place.arn("dynamodb", "table/orders") }] });
    let units = |units: u32| json!({ "read_capacity_units": units, "write_capacity_units": units });
    let index = |attribute: &str, projection: Value| json!({ "key_schema": [key(attribute, "S", "HASH")], "projection": projection });
    let (all, some) = (
        json!({ "projection_type": "ALL" }),
        json!({ "projection_type": "INCLUDE", "non_key_attributes": ["a", "b"] }),
    );
    let indexes = json!({ "by-city": index("city", all.clone()), "by-status": index("status", some) });
    let mut limited = json!({ "by-city": index("city", all.clone()) });
    limited["by-city"]["on_demand_throughput"] = json!({ "max_read_request_units": 7 });
    let rebuilt = json!({ "by-city": index("town", all.clone()) });
    let mut provisioned = rebuilt.clone();
    provisioned["by-city"]["provisioned_throughput"] = units(2);
    let everything = json!({
        "global_secondary_indexes": provisioned,
        "billing_mode": "PROVISIONED", "provisioned_throughput": units(5),
        "warm_throughput": { "read_units_per_second": 20_000, "write_units_per_second": 8_000 },
        "table_class": "STANDARD_INFREQUENT_ACCESS", "kms_master_key_id": "alias/aws/dynamodb",
        "time_to_live": "expires_at", "point_in_time_recovery": { "recovery_period_in_days": 7 },
        "policy": policy.to_string(), "contributor_insights": "THROTTLED_KEYS",
        "tags": { "deployer:stack": "couch", "deployer:address": "tables.orders", "team": "sofa" },
    });
    let of_everything = vec![
        "global_secondary_indexes.by-city.provisioned_throughput.read_capacity_units",
        "global_secondary_indexes.by-city.provisioned_throughput.write_capacity_units",
        "billing_mode",
        "table_class",
        "point_in_time_recovery.recovery_period_in_days",
        "tags.team",
        "provisioned_throughput.read_capacity_units",
        "provisioned_throughput.write_capacity_units",
        "warm_throughput.read_units_per_second",
        "warm_throughput.write_units_per_second",
        "kms_master_key_id",
        "time_to_live",
        "policy",
        "contributor_insights",
    ];
    vec![Case {
        variant: false,
        lost: &[],
        left_out: &[],
        create: table(&json!({})),
        steps: vec![
            (
                "two indexes",
                table(&json!({ "global_secondary_indexes": indexes })),
                vec![
                    "global_secondary_indexes.by-city.key_schema",
                    "global_secondary_indexes.by-city.projection.projection_type",
                    "global_secondary_indexes.by-status.key_schema",
                    "global_secondary_indexes.by-status.projection.projection_type",
                    "global_secondary_indexes.by-status.projection.non_key_attributes",
                ],
            ),
            (
                "limits, and one index less",
                table(
                    &json!({ "global_secondary_indexes": limited, "on_demand_throughput": { "max_read_request_units": 9 } }),
                ),
                vec![
                    "global_secondary_indexes.by-city.on_demand_throughput.max_read_request_units",
                    "global_secondary_indexes.by-status.key_schema",
                    "global_secondary_indexes.by-status.projection.projection_type",
                    "global_secondary_indexes.by-status.projection.non_key_attributes",
                    "on_demand_throughput.max_read_request_units",
                ],
            ),
            (
                "another key of the index, and no limits",
                table(&json!({ "global_secondary_indexes": rebuilt })),
                vec![
                    "global_secondary_indexes.by-city.key_schema",
                    "global_secondary_indexes.by-city.on_demand_throughput.max_read_request_units",
                    "on_demand_throughput.max_read_request_units",
                ],
            ),
            ("everything", table(&everything), of_everything),
            (
                "everything back",
                table(&json!({ "point_in_time_recovery": null })),
                vec![
                    "global_secondary_indexes.by-city.key_schema",
                    "global_secondary_indexes.by-city.projection.projection_type",
                    "global_secondary_indexes.by-city.provisioned_throughput.read_capacity_units",
                    "global_secondary_indexes.by-city.provisioned_throughput.write_capacity_units",
                    "billing_mode",
                    "table_class",
                    "tags.team",
                    "provisioned_throughput.read_capacity_units",
                    "provisioned_throughput.write_capacity_units",
                    "kms_master_key_id",
                    "time_to_live",
                    "point_in_time_recovery.recovery_period_in_days",
                    "policy",
                    "contributor_insights",
                ],
            ),
            (
                "protected",
                table(&json!({ "deletion_protection_enabled": true, "tags": owner })),
                vec!["deletion_protection_enabled", "point_in_time_recovery.recovery_period_in_days"],
            ),
            ("unprotected", table(&json!({})), vec!["deletion_protection_enabled"]),
        ],
    }]
}

fn key(name: &str, kind: &str, role: &str) -> Value {
    json!({ "attribute_name": name, "attribute_type": kind, "key_type": role })
}

pub fn table(changes: &Value) -> Value {
    let local = json!({ "by-total": { "key_schema": [key("customer", "S", "HASH"), key("total", "N", "RANGE")],
        "projection": { "projection_type": "KEYS_ONLY" } } });
    let spec = json!({
        "table_name": "orders",
        "key_schema": [key("customer", "S", "HASH"), key("placed_at", "N", "RANGE")],
        "local_secondary_indexes": local,
        "global_secondary_indexes": {},
        "billing_mode": "PAY_PER_REQUEST",
        "table_class": "STANDARD",
        "deletion_protection_enabled": false,
        "point_in_time_recovery": { "recovery_period_in_days": 35 },
        "tags": { "deployer:stack": "couch", "deployer:address": "tables.orders" },
    });
    with(spec, changes)
}
