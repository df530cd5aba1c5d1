//! Tables while DynamoDB makes, changes or deletes them: one change at a time.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::Duration;

use futures::future::{BoxFuture, FutureExt, ready};
use serde_json::{Value, json};

use super::super::call::last;
use super::super::place::Key;
use super::super::{About, Answer, Call, Place, Refusal, Rule};
use crate::mutex::lock;

const CREATED: Duration = Duration::from_secs(8);
const UPDATED: Duration = Duration::from_secs(5);
const DELETED: Duration = Duration::from_secs(8);
/// DynamoDB reads the whole table to fill an index; even for an empty table this takes minutes.
const INDEX_FILLED: Duration = Duration::from_secs(180);
const INDEX_DELETED: Duration = Duration::from_secs(15);
const EXPIRY_KEPT: Duration = Duration::from_secs(3_600);

const CHECKSUM: &str = "x-amz-crc32";
const IN_USE: &str = "ResourceInUseException";
const INVALID: &str = "ValidationException";

/// A table is CREATING, UPDATING or DELETING for a while and refuses changes meanwhile, builds or deletes one index at a
/// time, and takes one change of its time to live an hour.
#[derive(Default)]
pub struct Tables {
    tables: Mutex<HashMap<Key, KnownTable>>,
}

/// What happened to a table.
#[derive(Debug, Clone, Default)]
struct KnownTable {
    busy: Option<Busy>,
    /// The description of a table in deletion, which the emulator no longer has.
    deleted: Option<Value>,
    /// The index that is being built or deleted.
    index: Option<BusyIndex>,
    expiry_changed: Option<Duration>,
}

#[derive(Debug, Clone, Copy)]
struct Busy {
    since: Duration,
    lasts: Duration,
    status: &'static str,
}

#[derive(Debug, Clone)]
struct BusyIndex {
    since: Duration,
    lasts: Duration,
    name: String,
    /// The description of an index in deletion.
    deleted: Option<Value>,
}

/// Calls that DynamoDB refuses while a table is not ACTIVE.
const CHANGES: &[&str] = &["UpdateTable", "DeleteTable", "UpdateTimeToLive", "PutResourcePolicy", "TagResource"];

impl Rule for Tables {
    fn about(&self) -> About {
        About {
            name: "table-changes",
            summary: "a table is CREATING, UPDATING or DELETING for a while and refuses changes meanwhile, builds or \
                      deletes one index at a time, and takes one change of its time to live an hour",
            source: "DynamoDB's model: CreateTable, UpdateTable, DeleteTable, UpdateTimeToLive; LimitExceededException \
                     \"Only 1 online index can be created or deleted simultaneously per table\" \
                     (architect/architect#334, aws/aws-record-ruby#143), \"Attempt to change a resource which is still in \
                     use\" (hashicorp/terraform#13243), \"Time to live has been modified multiple times within a fixed \
                     interval\" and \"TimeToLive is active on a different AttributeName\" (go-to-k/cdkd#932)",
        }
    }

    fn before<'a>(&'a self, call: &'a Call, place: Place<'a>) -> BoxFuture<'a, Option<Refusal>> {
        ready((call.service == "DynamoDB").then(|| self.refusal(call, place)).flatten()).boxed()
    }

    fn after<'a>(&'a self, call: &'a Call, answer: &'a mut Answer, place: Place<'a>) -> BoxFuture<'a, ()> {
        if call.service == "DynamoDB" {
            if answer.is_success() {
                self.learn(call, answer, place);
            }
            self.show(call, answer, place);
        }
        ready(()).boxed()
    }
}

/// Returns the table of a call.
fn table_of(call: &Call) -> &str {
    let named = call.text("TableName");
    let arn = call.text("ResourceArn");
    if named.is_empty() { arn.rsplit_once(":table/").map_or(arn, |(_, name)| name) } else { last(named) }
}

impl Tables {
    fn known(&self, call: &Call, place: Place<'_>) -> KnownTable {
        let mut known = lock(&self.tables).get(&place.key(table_of(call))).cloned().unwrap_or_default();
        known.busy = known.busy.filter(|busy| !place.is_over(busy.since, busy.lasts));
        known.index = known.index.filter(|index| !place.is_over(index.since, index.lasts));
        known.deleted = known.deleted.filter(|_| known.busy.is_some());
        known
    }

    fn refusal(&self, call: &Call, place: Place<'_>) -> Option<Refusal> {
        let (known, name) = (self.known(call, place), table_of(call));
        let in_use =
            |why: &str| Refusal::invalid(IN_USE, format!("Attempt to change a resource which is still in use: {why}"));
        match (call.operation, known.busy) {
            ("CreateTable", Some(Busy { status: "DELETING", .. })) => {
                return Some(in_use(&format!("Table is being deleted: {name}")));
            }
            ("DeleteTable", Some(Busy { status: "DELETING", .. })) | ("CreateTable", _) => {}
            ("UpdateContinuousBackups", Some(Busy { status: "CREATING", .. })) => {
                let why = "Backups are being enabled for the table. Please retry later";
                return Some(Refusal::invalid("ContinuousBackupsUnavailableException", why));
            }
            (operation, Some(Busy { status: "DELETING", .. })) if operation != "DescribeTable" => {
                let why = format!("Requested resource not found: Table: {name} not found");
                return Some(Refusal::invalid("ResourceNotFoundException", why));
            }
            (operation, Some(Busy { status, .. })) if CHANGES.contains(&operation) => {
                let doing = if status == "CREATING" { "created" } else { "updated" };
                return Some(in_use(&format!("Table is being {doing}: {name}")));
            }
            _ => {}
        }
        match call.operation {
            "DeleteTable" if known.index.is_some() => {
                Some(in_use("Cannot delete table while indexes are being created, updated, or deleted."))
            }
            "UpdateTable" => index_refusal(call, &known),
            "UpdateTimeToLive" => {
                let since = known.expiry_changed?;
                let why = "Time to live has been modified multiple times within a fixed interval";
                (!place.is_over(since, EXPIRY_KEPT)).then(|| Refusal::invalid(INVALID, why))
            }
            _ => None,
        }
    }

    fn learn(&self, call: &Call, answer: &Answer, place: Place<'_>) {
        let busy = |lasts, status| Some(Busy { since: place.now, lasts, status });
        let key = place.key(table_of(call));
        let mut tables = lock(&self.tables);
        let known = tables.entry(key).or_default();
        match call.operation {
            "CreateTable" => *known = KnownTable { busy: busy(CREATED, "CREATING"), ..KnownTable::default() },
            "DeleteTable" => {
                let deleted = Some(answer.json()["TableDescription"].clone());
                *known = KnownTable { busy: busy(DELETED, "DELETING"), deleted, ..KnownTable::default() };
            }
            "UpdateTable" => {
                known.busy = busy(UPDATED, "UPDATING");
                let index = |lasts, name: &Value, deleted: Option<Value>| BusyIndex {
                    since: place.now,
                    lasts,
                    name: name.as_str().unwrap_or_default().to_owned(),
                    deleted,
                };
                for change in index_changes(call) {
                    if let Some(create) = change.get("Create") {
                        known.index = Some(index(INDEX_FILLED, &create["IndexName"], None));
                    }
                    if let Some(delete) = change.get("Delete") {
                        let shown = json!({ "IndexName": delete["IndexName"] });
                        known.index = Some(index(INDEX_DELETED, &delete["IndexName"], Some(shown)));
                    }
                }
            }
            "UpdateTimeToLive" => known.expiry_changed = Some(place.now),
            _ => {}
        }
    }

    /// Writes the states into an answer that describes a table.
    fn show(&self, call: &Call, answer: &mut Answer, place: Place<'_>) {
        let known = self.known(call, place);
        let member = match call.operation {
            "DescribeTable" => "Table",
            "CreateTable" | "UpdateTable" | "DeleteTable" => "TableDescription",
            _ => return,
        };
        if let Some(deleted) = known.deleted.filter(|_| !answer.is_success() && call.operation == "DescribeTable") {
            answer.status = 200;
            answer.headers.remove(CHECKSUM);
            let mut table = deleted;
            table["TableStatus"] = json!("DELETING");
            answer.set_body(json!({ "Table": table }).to_string());
            return;
        }
        if !answer.is_success() || (known.busy.is_none() && known.index.is_none()) {
            return;
        }
        // The checksum is that of the emulator's own body.
        answer.headers.remove(CHECKSUM);
        answer.change_json(|body| {
            let table = &mut body[member];
            if let Some(busy) = known.busy {
                table["TableStatus"] = json!(busy.status);
            }
            let Some(index) = &known.index else { return };
            let indexes = table["GlobalSecondaryIndexes"].as_array_mut();
            let shown = indexes.into_iter().flatten().find(|shown| shown["IndexName"] == index.name.as_str());
            match (shown, &index.deleted) {
                (Some(shown), None) => {
                    shown["IndexStatus"] = json!("CREATING");
                    shown["Backfilling"] = json!(known.busy.is_none());
                }
                (None, Some(deleted)) => {
                    let mut deleted = deleted.clone();
                    deleted["IndexStatus"] = json!("DELETING");
                    match table["GlobalSecondaryIndexes"].as_array_mut() {
                        Some(indexes) => indexes.push(deleted),
                        None => table["GlobalSecondaryIndexes"] = json!([deleted]),
                    }
                }
                _ => {}
            }
        });
    }
}

/// Lists the changes of indexes in a call.
fn index_changes(call: &Call) -> impl Iterator<Item = &Value> {
    call.input["GlobalSecondaryIndexUpdates"].as_array().into_iter().flatten()
}

/// Refuses to build or delete more than one index at a time.
fn index_refusal(call: &Call, known: &KnownTable) -> Option<Refusal> {
    let online = index_changes(call).filter(|change| change.get("Update").is_none_or(Value::is_null)).count();
    let why = "Subscriber limit exceeded: Only 1 online index can be created or deleted simultaneously per table";
    (online > 1 || (online == 1 && known.index.is_some())).then(|| Refusal::invalid("LimitExceededException", why))
}
