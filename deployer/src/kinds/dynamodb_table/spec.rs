//! The spec of a table.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::aws::tags::Tags;

/// Names of capacity modes, and the class of a table for which none is given.
pub const ON_DEMAND: &str = "PAY_PER_REQUEST";
pub const PROVISIONED: &str = "PROVISIONED";
pub const STANDARD: &str = "STANDARD";
/// The types of keys.
pub const HASH: &str = "HASH";
pub const RANGE: &str = "RANGE";
/// The projection with a list of attributes.
pub const INCLUDE: &str = "INCLUDE";
/// The days that point-in-time recovery reaches back unless stated otherwise.
pub const RECOVERY_DAYS: u32 = 35;
/// The alias of AWS's own key for tables.
pub const AWS_KEY: &str = "alias/aws/dynamodb";
/// The most global secondary indexes of a table.
pub const MOST_GLOBAL: usize = 20;

/// A table.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Table {
    pub table_name: String,
    pub key_schema: Vec<KeyAttribute>,
    /// By name.
    #[serde(default)]
    pub local_secondary_indexes: BTreeMap<String, LocalIndex>,
    /// By name.
    #[serde(default)]
    pub global_secondary_indexes: BTreeMap<String, GlobalIndex>,
    /// [`ON_DEMAND`] or [`PROVISIONED`].
    pub billing_mode: String,
    /// Only of a provisioned table.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provisioned_throughput: Option<ProvisionedThroughput>,
    /// The limits of a table on demand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_demand_throughput: Option<OnDemandThroughput>,
    /// The least that the table is ready for at any moment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub warm_throughput: Option<WarmThroughput>,
    pub table_class: String,
    /// The key's ARN or [`AWS_KEY`]. Without it DynamoDB uses a key of its own, outside of the account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kms_master_key_id: Option<String>,
    pub deletion_protection_enabled: bool,
    /// The attribute with the second at which an item expires.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_to_live: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub point_in_time_recovery: Option<PointInTimeRecovery>,
    /// A resource policy, as JSON text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<String>,
    /// The events that CloudWatch ranks keys by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contributor_insights: Option<String>,
    #[serde(default)]
    pub tags: Tags,
}

/// One attribute of a key.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct KeyAttribute {
    pub attribute_name: String,
    /// `S`, `N` or `B`.
    pub attribute_type: String,
    /// [`HASH`] or [`RANGE`].
    pub key_type: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LocalIndex {
    pub key_schema: Vec<KeyAttribute>,
    pub projection: Projection,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GlobalIndex {
    pub key_schema: Vec<KeyAttribute>,
    pub projection: Projection,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provisioned_throughput: Option<ProvisionedThroughput>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_demand_throughput: Option<OnDemandThroughput>,
}

/// The attributes that an index holds besides the keys.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Projection {
    /// `ALL`, `KEYS_ONLY` or [`INCLUDE`].
    pub projection_type: String,
    /// Sorted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub non_key_attributes: Vec<String>,
}

/// Capacity units a second.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProvisionedThroughput {
    pub read_capacity_units: u64,
    pub write_capacity_units: u64,
}

/// The most request units a second; without a number as many as the account takes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OnDemandThroughput {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_read_request_units: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_write_request_units: Option<u64>,
}

/// The units a second that a table is ready for without growing first.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WarmThroughput {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub read_units_per_second: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub write_units_per_second: Option<u64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PointInTimeRecovery {
    pub recovery_period_in_days: u32,
}

impl GlobalIndex {
    /// Tells whether DynamoDB can turn this index into `want` without building it again.
    pub fn is_built_like(&self, want: &Self) -> bool {
        self.key_schema == want.key_schema && self.projection == want.projection
    }
}

impl Table {
    /// Returns a table of which only the name is known.
    pub fn blank(name: &str) -> Self {
        Self {
            table_name: name.to_owned(),
            billing_mode: ON_DEMAND.to_owned(),
            table_class: STANDARD.to_owned(),
            ..Self::default()
        }
    }

    /// Lists the attributes of the table's key and of its indexes' keys, each with its type.
    pub fn attributes(&self) -> BTreeSet<(&str, &str)> {
        let local = self.local_secondary_indexes.values().map(|index| &index.key_schema);
        let global = self.global_secondary_indexes.values().map(|index| &index.key_schema);
        let keys = std::iter::once(&self.key_schema).chain(local).chain(global);
        keys.flatten().map(|key| (key.attribute_name.as_str(), key.attribute_type.as_str())).collect()
    }

    pub fn is_provisioned(&self) -> bool {
        self.billing_mode == PROVISIONED
    }
}

impl WarmThroughput {
    /// Returns the numbers of this value, and those of `other` in place of missing ones.
    pub fn or(self, other: Option<Self>) -> Self {
        let other = other.unwrap_or_default();
        Self {
            read_units_per_second: self.read_units_per_second.or(other.read_units_per_second),
            write_units_per_second: self.write_units_per_second.or(other.write_units_per_second),
        }
    }

    /// Tells whether `other` states less in any number.
    pub fn is_above(self, other: Self) -> bool {
        let above =
            |here: Option<u64>, there: Option<u64>| there.is_some_and(|there| here.is_some_and(|here| here > there));
        above(self.read_units_per_second, other.read_units_per_second)
            || above(self.write_units_per_second, other.write_units_per_second)
    }

    /// Returns the stated numbers where `live` reaches them, and the live ones where it does not. A table that has grown
    /// beyond them, as AWS lets it do by itself, is as it should be.
    pub fn at_least(self, live: Self) -> Self {
        let each = |stated: Option<u64>, live: Option<u64>| stated.map(|stated| live.unwrap_or(0).min(stated));
        Self {
            read_units_per_second: each(self.read_units_per_second, live.read_units_per_second),
            write_units_per_second: each(self.write_units_per_second, live.write_units_per_second),
        }
    }
}
