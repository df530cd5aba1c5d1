//! Tables and mappings of their streams, with settings that the emulator accepts and forgets.

use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, KeySchemaElement, KeyType, PointInTimeRecoverySpecification, ScalarAttributeType,
    StreamSpecification, StreamViewType, WarmThroughput,
};
use aws_sdk_lambda::types::EventSourcePosition;

use super::scene::Scene;

const READ_STREAM: [&str; 4] =
    ["dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator", "dynamodb:ListStreams"];

/// Creates a table with a stream, and returns the stream's ARN.
async fn table(scene: &Scene, name: &str) -> String {
    let key = KeySchemaElement::builder().attribute_name("id").key_type(KeyType::Hash).build().expect("a key");
    let id = AttributeDefinition::builder().attribute_name("id").attribute_type(ScalarAttributeType::S);
    let stream = StreamSpecification::builder().stream_enabled(true).stream_view_type(StreamViewType::NewImage);
    let warm = WarmThroughput::builder().read_units_per_second(20_000).write_units_per_second(8_000).build();
    let create = scene.clients.dynamodb.create_table().table_name(name).billing_mode(BillingMode::PayPerRequest);
    let create = create.key_schema(key).attribute_definitions(id.build().expect("an attribute"));
    let create = create.stream_specification(stream.build().expect("a stream")).warm_throughput(warm);
    let created = create.send().await.expect("a table").table_description.expect("the table");
    created.latest_stream_arn.expect("its stream")
}

/// Tells whether a table keeps its warm throughput and the days of its recovery.
pub async fn table_settings(scene: &Scene) -> bool {
    table(scene, "orders").await;
    let client = &scene.clients.dynamodb;
    let recovery =
        PointInTimeRecoverySpecification::builder().point_in_time_recovery_enabled(true).recovery_period_in_days(14);
    let update = client.update_continuous_backups().table_name("orders");
    let update = update.point_in_time_recovery_specification(recovery.build().expect("a recovery"));
    update.send().await.expect("backups");
    let backups = client.describe_continuous_backups().table_name("orders").send().await.expect("backups");
    let backups = backups.continuous_backups_description.and_then(|found| found.point_in_time_recovery_description);
    let days = backups.and_then(|found| found.recovery_period_in_days);
    let found = client.describe_table().table_name("orders").send().await.expect("the table").table.expect("a table");
    let reads = found.warm_throughput.and_then(|warm| warm.read_units_per_second);
    (days, reads) == (Some(14), Some(20_000))
}

/// Tells whether a mapping keeps its tumbling window.
pub async fn stream_settings(scene: &Scene) -> bool {
    let stream = table(scene, "carts").await;
    scene.function("counter", "1").await;
    scene.permit("counter", &READ_STREAM).await;
    let create = scene.clients.lambda.create_event_source_mapping().function_name("counter").event_source_arn(stream);
    let create = create.starting_position(EventSourcePosition::Latest).tumbling_window_in_seconds(60).enabled(false);
    let mapping = create.send().await.expect("a mapping").uuid.expect("its id");
    let found = scene.clients.lambda.get_event_source_mapping().uuid(mapping).send().await.expect("the mapping");
    found.tumbling_window_in_seconds == Some(60)
}
