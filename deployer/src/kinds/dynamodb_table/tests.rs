use serde_json::json;

use super::*;
use crate::aws::played::{answering_to, json as answer};

fn place() -> Place {
    Place { account: "1".into(), region: "eu-west-1".into(), partition: "aws".into(), endpoint_url: None }
}

fn index(attribute: &str, kind: &str) -> GlobalIndex {
    let key = KeyAttribute {
        attribute_name: attribute.to_owned(),
        attribute_type: kind.to_owned(),
        key_type: HASH.to_owned(),
    };
    GlobalIndex {
        key_schema: vec![key],
        projection: Projection { projection_type: "ALL".to_owned(), non_key_attributes: Vec::new() },
        provisioned_throughput: None,
        on_demand_throughput: None,
    }
}

fn table(indexes: &[(&str, &str, &str)]) -> Table {
    let indexes = indexes.iter().map(|(name, attribute, kind)| ((*name).to_owned(), index(attribute, kind)));
    Table { global_secondary_indexes: indexes.collect(), ..Table::blank("orders") }
}

fn names(table: &Table) -> Vec<&str> {
    table.global_secondary_indexes.keys().map(String::as_str).collect()
}

#[test]
fn an_index_that_leaves_stays_until_its_users_have_changed_if_there_is_room_for_it() {
    let (live, want) =
        (table(&[("old", "x", "S"), ("kept", "y", "S")]), table(&[("kept", "y", "S"), ("new", "z", "S")]));
    let until = DynamodbTable::meanwhile(&live, &want).expect("a first step");
    assert_eq!(names(&until), ["kept", "new", "old"]);
    assert_eq!(DynamodbTable::meanwhile(&want, &want), None, "nothing leaves");
    let many: Vec<String> = (0..MOST_GLOBAL).map(|number| format!("index-{number:02}")).collect();
    let many: Vec<(&str, &str, &str)> = many.iter().map(|name| (name.as_str(), "y", "S")).collect();
    assert_eq!(DynamodbTable::meanwhile(&live, &table(&many)), None, "the table has no room for both");
    let other_type = table(&[("new", "x", "N")]);
    assert_eq!(DynamodbTable::meanwhile(&table(&[("old", "x", "S")]), &other_type), None, "an attribute has one type");
}

#[test]
fn an_index_that_stays_for_a_while_has_the_numbers_of_the_tables_new_capacity_mode() {
    let units = Some(ProvisionedThroughput { read_capacity_units: 3, write_capacity_units: 4 });
    let want = Table { billing_mode: PROVISIONED.to_owned(), provisioned_throughput: units, ..table(&[]) };
    let until = DynamodbTable::meanwhile(&table(&[("old", "x", "S")]), &want).expect("a first step");
    assert_eq!(until.global_secondary_indexes["old"].provisioned_throughput, units);
}

#[test]
fn what_an_update_takes_away_for_a_time_is_told_of() {
    let expiring = |attribute: &str, indexes| Table { time_to_live: Some(attribute.to_owned()), ..table(indexes) };
    let live = expiring("expires", &[("by-status", "status", "S")]);
    let told = DynamodbTable::remarks(&live, &expiring("expires_at", &[("by-status", "state", "S")]));
    assert!(told[0].contains("by-status is deleted and built again") && told[2].contains("an hour"), "{told:?}");
    assert_eq!(told.len(), 3);
    assert!(DynamodbTable::remarks(&live, &live).is_empty());
    let off = DynamodbTable::remarks(&expiring("expires", &[]), &table(&[]));
    assert!(off.is_empty(), "switching off takes one step: {off:?}");
}

#[test]
fn a_table_that_is_ready_for_more_than_stated_is_as_it_should_be() {
    let warm = |read, write| WarmThroughput { read_units_per_second: read, write_units_per_second: write };
    let stated = warm(Some(20_000), None);
    assert_eq!(stated.at_least(warm(Some(90_000), Some(4_000))), stated);
    assert_eq!(stated.at_least(warm(Some(12_000), Some(4_000))), warm(Some(12_000), None));
}

#[test]
fn what_an_update_destroys_is_named() {
    let backed_up = |days: Option<u32>| {
        let recovery = days.map(|recovery_period_in_days| PointInTimeRecovery { recovery_period_in_days });
        Table { point_in_time_recovery: recovery, ..table(&[]) }
    };
    let told = |was, is| DynamodbTable::remarks(&backed_up(was), &backed_up(is));
    assert_eq!(told(Some(35), None), ["lost for good: the table's backups for point-in-time recovery"]);
    assert!(told(Some(35), Some(7))[0].ends_with("older than 7 days"));
    assert!(told(Some(7), Some(35)).is_empty() && told(None, Some(7)).is_empty() && told(None, None).is_empty());
    let expiring = Table { time_to_live: Some("until".to_owned()), ..table(&[]) };
    let told = DynamodbTable::remarks(&table(&[("by-status", "status", "S")]), &expiring);
    assert!(told[0].contains("queries of the index by-status fail") && told[0].contains("No item is lost"), "{told:?}");
    assert!(told[1].starts_with("lost for good: items whose `until` is a time in the past"), "{told:?}");
}

/// Returns the table of an answer of DescribeTable that is ready for 20,000 reads a second, and its key's ARN.
async fn observed_between(last: Option<&Table>, want: &Table, live: &serde_json::Value, more: &[String]) -> Table {
    let described = described("ACTIVE", live);
    let answers = std::iter::once(&described).chain(more).map(|answer| ("", answer.as_bytes().to_vec())).collect();
    let aws = answering_to(answers).await;
    let live = dynamodb::describe(&aws, "orders").await.unwrap().expect("a table");
    observed(&aws, last, want, &live).await.unwrap()
}

#[tokio::test]
async fn warm_throughput_that_dynamodb_never_lowers_is_no_change_by_others() {
    let warm = |reads| Table {
        warm_throughput: Some(WarmThroughput { read_units_per_second: Some(reads), write_units_per_second: None }),
        ..table(&[])
    };
    let live = json!({ "WarmThroughput": { "ReadUnitsPerSecond": 20_000, "WriteUnitsPerSecond": 4_000 } });
    let last = warm(20_000);
    let lowered = observed_between(Some(&last), &warm(15_000), &live, &[]).await;
    assert_eq!(lowered.warm_throughput, last.warm_throughput, "as the last apply left it");
    assert!(DynamodbTable::remarks(&lowered, &warm(15_000))[0].starts_with("DynamoDB never lowers"));
    assert_eq!(steps::next(&observed_between(None, &warm(15_000), &live, &[]).await, &warm(15_000)), None, "no call");
    let after = observed_between(Some(&warm(15_000)), &warm(15_000), &live, &[]).await;
    assert_eq!(after.warm_throughput, warm(15_000).warm_throughput);
    let removed = observed_between(Some(&warm(15_000)), &table(&[]), &live, &[]).await;
    assert_eq!(removed.warm_throughput, warm(15_000).warm_throughput, "AWS may raise it by itself");
    let small = json!({ "WarmThroughput": { "ReadUnitsPerSecond": 12_000, "WriteUnitsPerSecond": 4_000 } });
    let recreated = observed_between(Some(&last), &last, &small, &[]).await;
    assert_eq!(recreated.warm_throughput, warm(12_000).warm_throughput);
}

#[tokio::test]
async fn a_key_keeps_the_name_of_the_last_apply_when_stack_yaml_names_another() {
    let of = |key: &str| Table { kms_master_key_id: Some(key.to_owned()), ..table(&[]) };
    let arn = "arn:aws:kms:eu-west-1:1:key/k-1";
    let live = json!({ "SSEDescription": { "Status": "ENABLED", "SSEType": "KMS", "KMSMasterKeyArn": arn } });
    let behind = answer(&json!({ "KeyMetadata": { "Arn": arn } }).to_string());
    for want in [table(&[]), of("arn:aws:kms:eu-west-1:1:key/k-2")] {
        let seen = observed_between(Some(&of(AWS_KEY)), &want, &live, std::slice::from_ref(&behind)).await;
        assert_eq!(seen.kms_master_key_id.as_deref(), Some(AWS_KEY));
    }
    let refused = answer("{}").replace("200 OK", "400 Bad Request");
    let seen = observed_between(Some(&of(AWS_KEY)), &table(&[]), &live, &[refused]).await;
    assert_eq!(seen.kms_master_key_id.as_deref(), Some(arn), "a refused look-up is no obstacle");
    assert_eq!(observed_between(None, &of("k-1"), &live, &[]).await.kms_master_key_id.as_deref(), Some("k-1"));
}

#[tokio::test]
async fn a_protected_table_is_unprotected_before_its_deletion() {
    let on = described("ACTIVE", &json!({ "DeletionProtectionEnabled": true }));
    let done = answer("{}");
    let active = described("ACTIVE", &json!({}));
    let answers = [on.clone(), on, done.clone(), active, done];
    let answers = answers.iter().map(|answer| ("", answer.as_bytes().to_vec())).collect();
    let aws = answering_to(answers).await;
    let spec = Table { deletion_protection_enabled: true, ..table(&[]) };
    let live = ObservedResource::new("orders", spec, Outputs::new());
    DynamodbTable::delete(&aws, &live).await.expect("a deletion");
    let calls = aws.calls_made();
    let writes: Vec<_> =
        calls.iter().copied().filter(|call| call.contains("Update") || call.contains("Delete")).collect();
    assert_eq!(writes, ["dynamodb:UpdateTable", "dynamodb:DeleteTable"], "{calls:?}");
}

#[test]
fn a_customers_key_is_used_on_behalf_of_the_caller_and_an_alias_is_looked_up() {
    let of = |op, key: &str| {
        let spec = Table { kms_master_key_id: Some(key.to_owned()), ..table(&[]) };
        let grants = DynamodbTable::iam(op, &spec, &place());
        grants.into_iter().filter(|grant| grant.actions[0].starts_with("kms:")).collect::<Vec<_>>()
    };
    let arn = "arn:aws:kms:eu-west-1:1:key/k-1";
    assert!(of(Op::Read, arn).is_empty());
    let [create] = &of(Op::Create, arn)[..] else { panic!("one grant") };
    assert!(create.actions.contains(&"kms:CreateGrant") && create.resources == [arn] && create.conditions.is_empty());
    let [read] = &of(Op::Read, "alias/orders")[..] else { panic!("one grant") };
    assert_eq!(
        (read.actions.as_slice(), read.conditions[0].values.as_slice()),
        (&["kms:DescribeKey"][..], &["alias/orders".to_owned()][..])
    );
    let [awss] = &of(Op::Update, AWS_KEY)[..] else { panic!("one grant") };
    assert_eq!(awss.actions, ["kms:DescribeKey"], "AWS's own key needs no permission to use it");
    assert!(of(Op::Delete, arn).is_empty());
}

/// A table in the words of DescribeTable.
fn described(status: &str, more: &serde_json::Value) -> String {
    let mut table = json!({
        "TableName": "orders", "TableStatus": status, "BillingModeSummary": { "BillingMode": "PAY_PER_REQUEST" },
        "AttributeDefinitions": [{ "AttributeName": "id", "AttributeType": "S" }],
        "KeySchema": [{ "AttributeName": "id", "KeyType": "HASH" }],
        "ProvisionedThroughput": { "ReadCapacityUnits": 0, "WriteCapacityUnits": 0 },
        "OnDemandThroughput": { "MaxReadRequestUnits": -1, "MaxWriteRequestUnits": -1 },
    });
    table.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    answer(&json!({ "Table": table }).to_string())
}

#[tokio::test]
async fn a_table_in_deletion_counts_as_absent_and_one_call_finds_that_out() {
    let aws = answering_to(vec![("orders", described("DELETING", &json!({})).into_bytes())]).await;
    assert_eq!(DynamodbTable::read(&aws, &table(&[]), Trust::Listing).await.unwrap(), None);
    assert_eq!(aws.calls_made(), ["dynamodb:DescribeTable"]);
}

#[tokio::test]
async fn limits_that_are_none_read_as_absent_and_so_does_an_index_in_deletion() {
    let index = |name: &str, status: &str| {
        json!({ "IndexName": name, "IndexStatus": status, "Projection": { "ProjectionType": "ALL" },
            "KeySchema": [{ "AttributeName": "id", "KeyType": "HASH" }] })
    };
    let live = json!({ "GlobalSecondaryIndexes": [index("going", "DELETING"), index("coming", "CREATING")] });
    let aws = answering_to(vec![("orders", described("UPDATING", &live).into_bytes())]).await;
    let live = dynamodb::describe(&aws, "orders").await.unwrap().expect("a table");
    let seen = observed(&aws, None, &table(&[]), &live).await.unwrap();
    assert_eq!((seen.on_demand_throughput, seen.provisioned_throughput, names(&seen)), (None, None, vec!["coming"]));
    assert_eq!(
        words::notes(&live),
        ["state UPDATING", "index going is being deleted", "index coming is being created"]
    );
}

#[tokio::test]
async fn a_name_that_a_deletion_still_holds_is_waited_for() {
    let taken =
        r#"{"__type": "com.amazonaws.dynamodb.v20120810#ResourceInUseException", "message": "Table already exists"}"#;
    let refused = format!(
        "400 Bad Request\r\nconnection: close\r\ncontent-type: application/x-amz-json-1.0\r\ncontent-length: {}\r\n\r\n{taken}",
        taken.len()
    );
    let gone = r#"{"__type": "com.amazonaws.dynamodb.v20120810#ResourceNotFoundException", "message": "no"}"#;
    let absent = refused.replace(taken, gone).replace(&taken.len().to_string(), &gone.len().to_string());
    let made = answer(r#"{"TableDescription": {}}"#);
    let answers = [refused, described("DELETING", &json!({})), described("DELETING", &json!({})), absent, made];
    let active = described("ACTIVE", &json!({}));
    let answers = answers.iter().chain([&active]).map(|answer| ("", answer.as_bytes().to_vec())).collect();
    let aws = answering_to(answers).await;
    let key = index("id", "S").key_schema;
    DynamodbTable::create(&aws, &Table { key_schema: key, ..table(&[]) }).await.expect("a table");
    let made = aws.calls_made();
    assert_eq!(made.iter().filter(|call| **call == "dynamodb:CreateTable").count(), 2, "{made:?}");
}
