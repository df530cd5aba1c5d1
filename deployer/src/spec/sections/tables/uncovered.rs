//! Words of tables and indexes that are no property.

use crate::spec::uncovered::UncoveredAnswer::Otherwise;
use crate::spec::uncovered::{UncoveredWords, unmanaged};

/// The words of a table, and of its indexes.
#[rustfmt::skip]
pub(super) const TABLE: &[UncoveredWords] = &[
    UncoveredWords::of(
        &["replicas", "replica", "global_table", "replication_regions", "multi_region_consistency"],
        unmanaged("global tables", "add replicas elsewhere: the deployer leaves them as they are, and `deployer status` names their regions"),
    ),
    UncoveredWords::of(
        &["autoscaling", "scaling", "min_capacity", "max_capacity"],
        unmanaged("autoscaling of tables", "leave `billing_mode` out: a table on demand grows and shrinks by itself. A policy of Application Auto Scaling would change the capacity, and the next plan would change it back"),
    ),
    UncoveredWords::of(
        &["kinesis_stream", "kinesis_streaming_destination", "kinesis_stream_specification", "kinesis"],
        unmanaged("copies of changes to Kinesis", "write `stream: NEW_AND_OLD_IMAGES`, and let a function receive the changes: `events: [ { table: NAME } ]`"),
    ),
    UncoveredWords::of(
        &["import", "import_table", "import_source_specification", "export", "restore_source_name", "restore_source_table_arn", "backup", "backups", "backup_arn"],
        unmanaged("imports, exports and restores", "fill the table elsewhere; to take over a restored one, write its `name` and run `deployer adopt tables.NAME`"),
    ),
    UncoveredWords::of(&["vector_indexes", "vector_index"], unmanaged("vector indexes", "create them elsewhere: the deployer leaves them as they are")),
    UncoveredWords::of(&["items", "item", "data", "seed"], unmanaged("items", "write them after the apply: `aws dynamodb batch-write-item`")),
    UncoveredWords::of(
        &["attribute", "attributes", "attribute_definitions"],
        Otherwise("the type of an attribute stands in the key that uses it: `partition_key: { id: N }`; a text needs none. Other attributes are not declared"),
    ),
    UncoveredWords::of(
        &["key", "keys", "key_schema"],
        Otherwise("write `partition_key: customer`, and `sort_key: { placed_at: N }` if there is one"),
    ),
    UncoveredWords::of(
        &["read_capacity", "write_capacity", "capacity", "read_capacity_units", "write_capacity_units"],
        Otherwise("write `billing_mode: PROVISIONED` and `provisioned_throughput: { read_capacity_units: 5, write_capacity_units: 5 }`"),
    ),
    UncoveredWords::of(
        &["max_read_request_units", "max_write_request_units", "max_throughput"],
        Otherwise("write `on_demand_throughput: { max_read_request_units: 1000 }`"),
    ),
    UncoveredWords::of(&["indexes", "index", "secondary_indexes"], Otherwise("write `global_secondary_indexes: { by-status: { partition_key: status } }`")),
    UncoveredWords::of(
        &["sse", "sse_specification", "encryption", "server_side_encryption", "kms_key", "kms_key_arn"],
        Otherwise("every table is encrypted. For a key of this account write `kms_master_key_id: ARN`, or `alias/aws/dynamodb` for AWS's"),
    ),
    UncoveredWords::of(&["streams", "stream_enabled", "stream_specification", "dynamodb_stream"], Otherwise("write `stream: NEW_AND_OLD_IMAGES`, or another view")),
    UncoveredWords::of(
        &["trigger", "triggers", "function", "functions", "lambda", "events"],
        Otherwise("write `stream: NEW_AND_OLD_IMAGES` here, and name the table in the function that receives its changes: `functions: { NAME: { events: [ { table: TABLE } ] } }`"),
    ),
    UncoveredWords::of(
        &["permissions", "resource_policy", "access", "grants"],
        Otherwise("a function gets `permissions: [ { allow: [dynamodb:GetItem, dynamodb:PutItem], on: \"${tables.NAME.arn}\" } ]`, with `/index/*` behind the ARN for its indexes; other accounts stand in the table's `policy`"),
    ),
    UncoveredWords::of(&["deletion_policy", "removal_policy", "prevent_destroy"], Otherwise("a table is protected unless it says `protect: false`; `retain: true` keeps it when it leaves the stack")),

    UncoveredWords::inside("global_secondary_indexes", &["hash_key", "key_schema"], Otherwise("write `partition_key`, and `sort_key` if there is one")),
    UncoveredWords::inside("global_secondary_indexes", &["range_key"], Otherwise("write `sort_key`")),
    UncoveredWords::inside("global_secondary_indexes", &["projection_type", "non_key_attributes"], Otherwise("write `projection: ALL`, `KEYS_ONLY`, or a list of attributes")),
    UncoveredWords::inside("global_secondary_indexes", &["read_capacity", "write_capacity"], Otherwise("write `provisioned_throughput: { read_capacity_units: 5, write_capacity_units: 5 }`")),
    UncoveredWords::inside("global_secondary_indexes", &["warm_throughput", "contributor_insights"], unmanaged("this setting of an index", "set it elsewhere: the deployer leaves it as it is")),
    UncoveredWords::inside("local_secondary_indexes", &["range_key"], Otherwise("write `sort_key`")),
    UncoveredWords::inside("local_secondary_indexes", &["partition_key", "hash_key", "key_schema"], Otherwise("leave it out: it is the table's")),
    UncoveredWords::inside("local_secondary_indexes", &["projection_type", "non_key_attributes"], Otherwise("write `projection: ALL`, `KEYS_ONLY`, or a list of attributes")),
];
