//! Tables.

use super::{Code, error};

#[rustfmt::skip]
pub(super) const CODES: &[Code] = &[
    error(
        "table::attribute-type",
        "An attribute has one type in all keys of a table.",
        "tables:\n  orders: { partition_key: id, sort_key: { at: N }, global_secondary_indexes: { by-time: { partition_key: { at: S } } } }\n",
        "tables:\n  orders: { partition_key: id, sort_key: { at: N }, global_secondary_indexes: { by-time: { partition_key: at } } }\n",
        "State the type in one key; elsewhere the name suffices.",
    ),
    error(
        "table::index-count",
        "DynamoDB takes 20 global and 5 local indexes of a table.",
        "tables:\n  orders: { partition_key: id, sort_key: at, local_secondary_indexes: { one: { sort_key: a }, two: { sort_key: b }, three: { sort_key: c }, four: { sort_key: d }, five: { sort_key: e }, six: { sort_key: f } } }\n",
        "tables:\n  orders: { partition_key: id, sort_key: at, local_secondary_indexes: { one: { sort_key: a }, two: { sort_key: b }, three: { sort_key: c }, four: { sort_key: d }, five: { sort_key: e } } }\n",
        "Leave an index out, or make local ones global.",
    ),
    error(
        "table::index-name",
        "An index's name has 3 to 255 letters, digits, `_`, `.` and `-`, and no other index of the table has it.",
        "tables:\n  orders: { partition_key: id, global_secondary_indexes: { st: { partition_key: status } } }\n",
        "tables:\n  orders: { partition_key: id, global_secondary_indexes: { by-status: { partition_key: status } } }\n",
        "Choose another name.",
    ),
    error(
        "table::key",
        "A table has a partition key, and no key has an attribute twice.",
        "tables:\n  orders: {}\n",
        "tables:\n  orders: { partition_key: id }\n",
        "Add `partition_key: NAME` for a text, `partition_key: { NAME: N }` for a number, and `sort_key` if several items share it.",
    ),
    error(
        "table::local-index",
        "A local index sorts the items that have one partition key. In a table without a sort key each partition key has one item.",
        "tables:\n  orders: { partition_key: id, local_secondary_indexes: { by-total: { sort_key: { total: N } } } }\n",
        "tables:\n  orders: { partition_key: id, sort_key: at, local_secondary_indexes: { by-total: { sort_key: { total: N } } } }\n",
        "Add a `sort_key` to the table, or make it a global index.",
    ),
    error(
        "table::projection",
        "The indexes of a table list at most 100 attributes in their projections together.",
        "tables:\n  orders: { partition_key: id, global_secondary_indexes: { one: { partition_key: a, projection: [a01, a02, a03, a04, a05, a06, a07, a08, a09, a10, a11, a12, a13, a14, a15, a16, a17, a18, a19, a20] }, two: { partition_key: a, projection: [b01, b02, b03, b04, b05, b06, b07, b08, b09, b10, b11, b12, b13, b14, b15, b16, b17, b18, b19, b20] }, three: { partition_key: a, projection: [c01, c02, c03, c04, c05, c06, c07, c08, c09, c10, c11, c12, c13, c14, c15, c16, c17, c18, c19, c20] }, four: { partition_key: a, projection: [d01, d02, d03, d04, d05, d06, d07, d08, d09, d10, d11, d12, d13, d14, d15, d16, d17, d18, d19, d20] }, five: { partition_key: a, projection: [e01, e02, e03, e04, e05, e06, e07, e08, e09, e10, e11, e12, e13, e14, e15, e16, e17, e18, e19, e20] }, six: { partition_key: a, projection: [f01] } } }\n",
        "tables:\n  orders: { partition_key: id, global_secondary_indexes: { one: { partition_key: a, projection: ALL } } }\n",
        "Write `projection: ALL` for the indexes with the longest lists, or list fewer attributes.",
    ),
    error(
        "table::recovery",
        "The days of point-in-time recovery mean nothing while it is off.",
        "tables:\n  orders: { partition_key: id, point_in_time_recovery: false, recovery_period_in_days: 7 }\n",
        "tables:\n  orders: { partition_key: id, recovery_period_in_days: 7 }\n",
        "Remove one of the two properties.",
    ),
    error(
        "table::throughput",
        "A provisioned table states its capacity. A table that is paid by request has limits instead.",
        "tables:\n  orders: { partition_key: id, billing_mode: PROVISIONED }\n",
        "tables:\n  orders: { partition_key: id, billing_mode: PROVISIONED, provisioned_throughput: { read_capacity_units: 5, write_capacity_units: 5 } }\n",
        "Write `provisioned_throughput` with `billing_mode: PROVISIONED`, and `on_demand_throughput` without it; both may be left out of a table on demand.",
    ),
    error(
        "table::time-to-live",
        "Items expire by an attribute that is a number: the second of their end. A key that is a text or bytes never is one.",
        "tables:\n  sessions: { partition_key: id, time_to_live: id }\n",
        "tables:\n  sessions: { partition_key: id, time_to_live: expires_at }\n",
        "Name an attribute that holds a number. It need not be declared.",
    ),
    error(
        "table::warm-throughput",
        "A new table on demand is ready for 12,000 reads and 4,000 writes a second, and DynamoDB never lowers that.",
        "tables:\n  orders: { partition_key: id, warm_throughput: { read_units_per_second: 500, write_units_per_second: 4000 } }\n",
        "tables:\n  orders: { partition_key: id, warm_throughput: { read_units_per_second: 20000, write_units_per_second: 8000 } }\n",
        "Write a larger number, or leave it out. `on_demand_throughput` limits requests.",
    ),
];
