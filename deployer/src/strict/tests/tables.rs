//! Tables, their indexes and their time to live.

use super::*;

fn call(operation: &str, body: &Value) -> Sent {
    let mut input = json!({ "TableName": "orders" });
    input.as_object_mut().unwrap().extend(body.as_object().unwrap().clone());
    target("dynamodb", &format!("DynamoDB_20120810.{operation}"), &input)
}

fn create() -> Sent {
    let key = json!({ "AttributeDefinitions": [{ "AttributeName": "id", "AttributeType": "S" }],
        "KeySchema": [{ "AttributeName": "id", "KeyType": "HASH" }] });
    call("CreateTable", &key)
}

fn index(change: &Value) -> Sent {
    call("UpdateTable", &json!({ "GlobalSecondaryIndexUpdates": [change] }))
}

fn create_index(name: &str) -> Value {
    json!({ "Create": { "IndexName": name, "KeySchema": [{ "AttributeName": "id", "KeyType": "HASH" }], "Projection": {} } })
}

fn expiry(attribute: &str) -> Sent {
    let specification = json!({ "AttributeName": attribute, "Enabled": true });
    call("UpdateTimeToLive", &json!({ "TimeToLiveSpecification": specification }))
}

fn table(indexes: &[&str]) -> Value {
    let indexes: Vec<Value> =
        indexes.iter().map(|name| json!({ "IndexName": name, "IndexStatus": "ACTIVE" })).collect();
    json!({ "TableName": "orders", "TableStatus": "ACTIVE", "GlobalSecondaryIndexes": indexes })
}

async fn code(trial: &Trial, sent: &Sent) -> String {
    let described = json!({ "TableDescription": table(&[]), "Table": table(&[]) });
    let (status, body) = trial.send(sent, &described).await;
    if status == 200 { String::new() } else { body["__type"].as_str().unwrap_or_default().to_owned() }
}

async fn shown(trial: &Trial, indexes: &[&str]) -> Value {
    trial.send(&call("DescribeTable", &json!({})), &json!({ "Table": table(indexes) })).await.1["Table"].clone()
}

#[tokio::test]
async fn a_new_table_is_creating_and_refuses_changes_until_it_is_active() {
    let trial = Trial::new();
    assert_eq!(code(&trial, &create()).await, "");
    assert_eq!(shown(&trial, &[]).await["TableStatus"], "CREATING");
    assert_eq!(code(&trial, &expiry("expires")).await, "ResourceInUseException");
    assert_eq!(code(&trial, &call("DeleteTable", &json!({}))).await, "ResourceInUseException");
    let recovery = json!({ "PointInTimeRecoverySpecification": { "PointInTimeRecoveryEnabled": true } });
    let backups = call("UpdateContinuousBackups", &recovery);
    assert_eq!(code(&trial, &backups).await, "ContinuousBackupsUnavailableException");
    trial.pass(8.0);
    assert_eq!(shown(&trial, &[]).await["TableStatus"], "ACTIVE");
    assert_eq!((code(&trial, &backups).await, code(&trial, &expiry("expires")).await), (String::new(), String::new()));
}

#[tokio::test]
async fn one_index_is_built_or_deleted_at_a_time_and_the_table_stays_until_it_is_filled() {
    let trial = Trial::new();
    let two = json!({ "GlobalSecondaryIndexUpdates": [create_index("one"), create_index("two")] });
    assert_eq!(code(&trial, &call("UpdateTable", &two)).await, "LimitExceededException");
    assert_eq!(code(&trial, &index(&create_index("one"))).await, "");
    assert_eq!(shown(&trial, &["one"]).await["TableStatus"], "UPDATING");
    trial.pass(5.0);
    let filling = shown(&trial, &["one"]).await;
    assert_eq!(
        (&filling["TableStatus"], &filling["GlobalSecondaryIndexes"][0]["IndexStatus"]),
        (&json!("ACTIVE"), &json!("CREATING"))
    );
    assert_eq!(filling["GlobalSecondaryIndexes"][0]["Backfilling"], true);
    assert_eq!(code(&trial, &index(&create_index("two"))).await, "LimitExceededException");
    assert_eq!(code(&trial, &call("DeleteTable", &json!({}))).await, "ResourceInUseException");
    let class = call("UpdateTable", &json!({ "TableClass": "STANDARD" }));
    assert_eq!(code(&trial, &class).await, "", "other changes wait for the table alone");
    trial.pass(180.0);
    let delete = json!({ "Delete": { "IndexName": "one" } });
    assert_eq!(code(&trial, &index(&delete)).await, "");
    assert_eq!(shown(&trial, &[]).await["GlobalSecondaryIndexes"][0]["IndexStatus"], "DELETING");
    trial.pass(15.0);
    assert_eq!(shown(&trial, &[]).await["GlobalSecondaryIndexes"], json!([]));
    assert_eq!(code(&trial, &index(&create_index("one"))).await, "");
}

#[tokio::test]
async fn a_table_in_deletion_is_described_and_keeps_its_name() {
    let trial = Trial::new();
    assert_eq!(code(&trial, &call("DeleteTable", &json!({}))).await, "");
    let gone = json!({ "__type": "com.amazonaws.dynamodb.v20120810#ResourceNotFoundException" }).to_string();
    let describe = call("DescribeTable", &json!({}));
    let answer = trial.forward(&describe, async || (400, gone.clone())).await;
    assert_eq!((answer.status, &answer.json()["Table"]["TableStatus"]), (200, &json!("DELETING")));
    assert_eq!(code(&trial, &create()).await, "ResourceInUseException");
    assert_eq!(code(&trial, &expiry("expires")).await, "ResourceNotFoundException");
    assert_eq!(code(&trial, &call("DeleteTable", &json!({}))).await, "", "once more is no error");
    trial.pass(8.0);
    assert_eq!(trial.forward(&describe, async || (400, gone)).await.status, 400);
    assert_eq!(code(&trial, &create()).await, "");
}

#[tokio::test]
async fn the_time_to_live_changes_once_an_hour() {
    let trial = Trial::new();
    assert_eq!(code(&trial, &expiry("expires")).await, "");
    trial.pass(3_599.0);
    assert_eq!(code(&trial, &expiry("expires_at")).await, "ValidationException");
    trial.pass(1.0);
    assert_eq!(code(&trial, &expiry("expires_at")).await, "");
}
