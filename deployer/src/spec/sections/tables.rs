//! `tables:` — DynamoDB tables with their indexes, and the streams of their changes.

mod check;
mod lower;
#[cfg(test)]
mod tests;
mod uncovered;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::about::{
    About, Arrow, Draw, KeyProperty, Part, PartPlace, PictureStyle, Refusals, Shape, Suffix, Usage, longest_name,
};
use super::{Hints, LoweredStack, Scope, Section};
use crate::kinds::Kind;
use crate::kinds::dynamodb_stream::DynamodbStream;
use crate::kinds::dynamodb_table::DynamodbTable;
use crate::spec::finding::Findings;

/// Longest name of a table, in characters.
const NAME_LENGTH: usize = longest_name::<DynamodbTable>();
/// The pattern of the names of tables and indexes.
const NAME: &str = r"^[A-Za-z0-9_.-]+$";

/// The tables section.
pub struct Tables;

/// A DynamoDB table. Unless `protect: false` is stated, it is never deleted or replaced.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TableElement {
    /// The table's name in AWS. Default: the stack's name and the element's.
    #[schemars(length(min = 3, max = NAME_LENGTH), regex(pattern = NAME))]
    pub name: Option<String>,
    /// The attribute that DynamoDB finds items by: `customer` for a text, `{ customer: N }` for another type.
    pub partition_key: Option<KeyElement>,
    /// The attribute that sorts the items of one partition key. Without it, each partition key has one item.
    pub sort_key: Option<KeyElement>,
    /// Indexes with keys of their own, by name. They can come and go at any time.
    #[serde(default)]
    pub global_secondary_indexes: BTreeMap<String, GlobalIndexElement>,
    /// Indexes that sort the items of a partition key by another attribute, by name. They come with the table and stay.
    #[serde(default)]
    pub local_secondary_indexes: BTreeMap<String, LocalIndexElement>,
    /// Whether requests are paid one by one, or capacity is provisioned.
    #[serde(default)]
    pub billing_mode: BillingElement,
    /// The capacity of a provisioned table.
    pub provisioned_throughput: Option<ProvisionedElement>,
    /// Limits of a table on demand. Default: those of the account.
    pub on_demand_throughput: Option<OnDemandElement>,
    /// The requests a second that the table is ready for at any moment. DynamoDB raises it by itself, and never lowers
    /// it: less than before changes nothing. Unchanged if not stated.
    pub warm_throughput: Option<WarmElement>,
    /// The class, which shifts the price from storage to requests.
    #[serde(default)]
    pub table_class: ClassElement,
    /// The KMS key: an ARN, an alias, or `alias/aws/dynamodb` for AWS's key in this account. Default: a key that
    /// DynamoDB owns, free of charge.
    #[schemars(length(min = 1))]
    pub kms_master_key_id: Option<String>,
    /// Whether DynamoDB refuses to delete the table, whoever asks. A plan that would delete it is then an error.
    #[serde(default)]
    pub deletion_protection_enabled: bool,
    /// The attribute with the time, in seconds since 1970, after which DynamoDB deletes an item. A change takes an hour.
    #[schemars(length(min = 1, max = 255))]
    pub time_to_live: Option<String>,
    /// Whether the table can be restored to any second of the last days.
    #[serde(default = "yes")]
    pub point_in_time_recovery: bool,
    /// The days that point-in-time recovery reaches back. Default: 35.
    #[schemars(range(min = 1, max = 35))]
    pub recovery_period_in_days: Option<u32>,
    /// The parts of a changed item that go into the table's stream. Default: no stream.
    pub stream: Option<StreamElement>,
    /// A resource policy: an IAM policy document.
    #[schemars(with = "Option<Map<String, Value>>")]
    pub policy: Option<Value>,
    /// The events by which CloudWatch ranks the keys in use. It costs extra. Default: none.
    pub contributor_insights: Option<InsightsElement>,
}

/// An attribute of a key: its name for a text, or a map of its name to its type.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(untagged, expecting = "expected an attribute's name, or `{ NAME: TYPE }`")]
pub enum KeyElement {
    /// A text, or an attribute whose type another key states.
    Name(#[schemars(length(min = 1, max = 255))] String),
    /// The type by the name.
    Typed(#[schemars(length(min = 1, max = 1))] BTreeMap<String, AttributeType>),
}

/// The key of an index: one attribute, or up to four.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(untagged, expecting = "expected an attribute's name, `{ NAME: TYPE }`, or a list of up to four")]
pub enum IndexKeyElement {
    /// A text, or an attribute whose type another key states.
    Name(#[schemars(length(min = 1, max = 255))] String),
    /// The type by the name.
    Typed(#[schemars(length(min = 1, max = 1))] BTreeMap<String, AttributeType>),
    Several(#[schemars(length(min = 1, max = 4))] Vec<KeyElement>),
}

/// The type of a key's attribute: a text (`S`), a number (`N`) or bytes (`B`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub enum AttributeType {
    #[default]
    S,
    N,
    B,
}

/// A global secondary index.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GlobalIndexElement {
    /// The attribute that the index finds items by.
    pub partition_key: IndexKeyElement,
    /// The attribute that sorts the items of one partition key.
    pub sort_key: Option<IndexKeyElement>,
    /// The attributes that the index holds besides the keys: `ALL`, `KEYS_ONLY`, or a list.
    #[serde(default)]
    pub projection: ProjectionElement,
    /// The capacity of an index of a provisioned table. Default: the table's.
    pub provisioned_throughput: Option<ProvisionedElement>,
    /// Limits of an index of a table on demand. Default: those of the account.
    pub on_demand_throughput: Option<OnDemandElement>,
}

/// A local secondary index. Its partition key is the table's.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LocalIndexElement {
    /// The attribute that sorts the items of one partition key.
    pub sort_key: KeyElement,
    /// The attributes that the index holds besides the keys: `ALL`, `KEYS_ONLY`, or a list.
    #[serde(default)]
    pub projection: ProjectionElement,
}

/// The attributes that an index holds besides the keys.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(untagged, expecting = "expected `ALL`, `KEYS_ONLY` or a list of attributes")]
pub enum ProjectionElement {
    Whole(WholeProjection),
    /// Names of attributes.
    Attributes(#[schemars(length(min = 1, max = 20), inner(length(min = 1, max = 255)))] Vec<String>),
}

impl Default for ProjectionElement {
    fn default() -> Self {
        Self::Whole(WholeProjection::All)
    }
}

/// All attributes, or none besides the keys.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum WholeProjection {
    #[default]
    All,
    KeysOnly,
}

/// How the capacity is paid for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum BillingElement {
    #[default]
    PayPerRequest,
    Provisioned,
}

/// Capacity units a second.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ProvisionedElement {
    /// Reads a second of items of up to 4 KB; twice as many if they may be a moment old.
    #[schemars(range(min = 1))]
    pub read_capacity_units: u64,
    /// Writes a second of items of up to 1 KB.
    #[schemars(range(min = 1))]
    pub write_capacity_units: u64,
}

/// The most request units a second.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OnDemandElement {
    /// The most reads a second. Further ones are refused.
    #[schemars(range(min = 1))]
    pub max_read_request_units: Option<u64>,
    /// The most writes a second. Further ones are refused.
    #[schemars(range(min = 1))]
    pub max_write_request_units: Option<u64>,
}

/// The units a second that a table is ready for. What is ready beyond a new table's is paid for once.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WarmElement {
    /// Reads a second.
    #[schemars(range(min = 1))]
    pub read_units_per_second: u64,
    /// Writes a second.
    #[schemars(range(min = 1))]
    pub write_units_per_second: u64,
}

/// A class of tables.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ClassElement {
    #[default]
    Standard,
    StandardInfrequentAccess,
}

/// The parts of a changed item in a stream: the item after the change, before it, both, or its keys alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum StreamElement {
    NewImage,
    OldImage,
    NewAndOldImages,
    KeysOnly,
}

/// The events by which keys are ranked: all requests and those that were throttled, or the latter alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum InsightsElement {
    AccessedAndThrottledKeys,
    ThrottledKeys,
}

fn yes() -> bool {
    true
}

impl Section for Tables {
    const ABOUT: &'static About = &About {
        name: "tables",
        singular: "table",
        example: include_str!("examples/tables.yaml"),
        synonyms: &[
            ("timetolivespecification", "time_to_live"),
            ("pointintimerecoveryspecification", "point_in_time_recovery"),
            ("streamspecification", "stream"),
            ("billing", "billing_mode"),
            ("dynamodb", "tables"),
            ("dynamodbtables", "tables"),
            ("globalsecondaryindex", "global_secondary_indexes"),
            ("gsi", "global_secondary_indexes"),
            ("gsis", "global_secondary_indexes"),
            ("hashkey", "partition_key"),
            ("localsecondaryindex", "local_secondary_indexes"),
            ("lsi", "local_secondary_indexes"),
            ("pitr", "point_in_time_recovery"),
            ("primarykey", "partition_key"),
            ("rangekey", "sort_key"),
            ("streamviewtype", "stream"),
            ("timetoliveattribute", "time_to_live"),
            ("ttl", "time_to_live"),
            ("ttlattribute", "time_to_live"),
        ],
        uncovered: uncovered::TABLE,
        protected: true,
        suffix: Suffix::Property { property: "name", longest: NAME_LENGTH, fifo: None },
        picture: PictureStyle {
            icon: "M5 6 V18 A7 2.6 0 0 0 19 18 V6 M5 6 A7 2.6 0 1 0 19 6 A7 2.6 0 1 0 5 6 M5 12 A7 2.6 0 0 0 19 12",
            shape: Shape::Cylinder,
            arrows: &[Arrow { from: DynamodbStream::NAME, to: Some(DynamodbTable::NAME), draw: Draw::From("") }],
        },
        one_of: &[],
        key: Some(KeyProperty { kind: DynamodbTable::NAME, pointer: "/kms_master_key_id", service: "dynamodb" }),
        usage: Some(Usage {
            kind: DynamodbTable::NAME,
            allow: &["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query"],
            on: "",
        }),
        refusals: Refusals {
            operations: &[
                ("dynamodb:DeleteTable", &["deletion_protection_enabled"]),
                ("dynamodb:PutResourcePolicy", &["policy"]),
                ("dynamodb:UpdateContinuousBackups", &["point_in_time_recovery"]),
                ("dynamodb:UpdateContributorInsights", &["contributor_insights"]),
                ("dynamodb:UpdateTimeToLive", &["time_to_live"]),
            ],
            codes: &[("ResourceInUseException", &["name"])],
            words: &[
                ("billing_mode", &["billing_mode"]),
                ("global_secondary_indexes", &["global_secondary_indexes"]),
                ("index", &["global_secondary_indexes", "local_secondary_indexes"]),
                ("key_schema", &["partition_key"]),
                ("kms", &["kms_master_key_id"]),
                ("kms_key", &["kms_master_key_id"]),
                ("pay_per_request", &["billing_mode"]),
                ("policy_document", &["policy"]),
                ("table_class", &["table_class"]),
                ("table_name", &["name"]),
                ("warm_throughput", &["warm_throughput"]),
            ],
            parts: &[Part { name: "stream", property: "stream", place: PartPlace::Inside }],
        },
    };
    type Element = TableElement;

    fn check(table: &TableElement, at: &Scope<'_>, findings: &mut Findings) {
        if !at.common.external {
            check::all(table, at, findings);
        }
    }

    fn lower(element: TableElement, at: &Scope<'_>, out: &mut LoweredStack) {
        lower::lower(element, at, out);
    }

    fn hints(hints: &mut Hints<'_>) {
        let names = json!({ "pattern": r"^[A-Za-z0-9_.-]{3,255}$" });
        hints.property("global_secondary_indexes", "propertyNames", names.clone());
        hints.property("local_secondary_indexes", "propertyNames", names);
        hints.property("global_secondary_indexes", "maxProperties", json!(check::MOST_GLOBAL));
        hints.property("local_secondary_indexes", "maxProperties", json!(check::MOST_LOCAL));
    }
}

impl TableElement {
    /// Returns the days of point-in-time recovery; `None` if it is off.
    fn recovery_days(&self) -> Option<u32> {
        let days = self.recovery_period_in_days.unwrap_or(crate::kinds::dynamodb_table::RECOVERY_DAYS);
        self.point_in_time_recovery.then_some(days)
    }
}

impl KeyElement {
    /// Returns the name, and the type if it is stated.
    fn attribute(&self) -> Option<(&str, Option<AttributeType>)> {
        match self {
            Self::Name(name) => Some((name, None)),
            Self::Typed(typed) => typed.iter().next().map(|(name, kind)| (name.as_str(), Some(*kind))),
        }
    }
}

impl IndexKeyElement {
    /// Returns the attributes in their order.
    fn attributes(&self) -> Vec<(&str, Option<AttributeType>)> {
        match self {
            Self::Name(name) => vec![(name, None)],
            Self::Typed(typed) => typed.iter().map(|(name, kind)| (name.as_str(), Some(*kind))).collect(),
            Self::Several(several) => several.iter().filter_map(KeyElement::attribute).collect(),
        }
    }
}
