//! Renders the state, for people and programs.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::aws::digest;
use crate::spec::visible;
use crate::state::{Kept, LockInfo, Record, Snapshot, State};

/// Lists address, kind and physical id, one resource a line.
pub fn list(state: &State) -> String {
    let rows = state.resources.iter().map(|(address, record)| [address, &record.kind, &record.physical_id]);
    table(rows.map(|row| row.map(String::clone)))
}

/// Lists the resources as one object.
pub fn list_json(snapshot: &Snapshot, place: &str) -> Value {
    let state = &snapshot.state;
    let resource = |(address, record): (&String, &Record)| {
        json!({
            "address": address,
            "element": record.element,
            "kind": record.kind,
            "physical_id": record.physical_id,
        })
    };
    json!({
        "stack": state.stack,
        "account": state.account,
        "region": state.region,
        "place": place,
        // The lineage is the key of the secrets' fingerprints, so only a digest is shown. That is enough to tell two
        // states apart.
        "lineage": snapshot.existed.then(|| digest::of(&state.lineage)),
        "serial": snapshot.existed.then_some(state.serial),
        "resources": state.resources.iter().map(resource).collect::<Vec<_>>(),
    })
}

/// Returns one record as an object, with its address.
pub fn record(address: &str, record: &Record) -> Value {
    let mut value = json!(record);
    value["address"] = json!(address);
    value
}

/// Lists the kept versions, newest first.
pub fn history(versions: &[Kept]) -> String {
    let head = ["SERIAL", "WRITTEN AT", "BY", "RESOURCES"].map(str::to_owned);
    let rows = versions.iter().map(|kept| {
        let by = format!("deployer {}", kept.written_by);
        [kept.serial.to_string(), kept.written_at.clone(), by, kept.resources.to_string()]
    });
    table(std::iter::once(head).chain(rows))
}

/// Lists the kept versions as one object.
pub fn history_json(versions: &[Kept], place: &str) -> Value {
    let version = |kept: &Kept| {
        json!({
            "serial": kept.serial,
            "written_at": kept.written_at,
            "written_by": kept.written_by,
            "resources": kept.resources,
        })
    };
    json!({ "place": place, "versions": versions.iter().map(version).collect::<Vec<_>>() })
}

/// Describes the lock's holder.
pub fn lock(lock: &LockInfo, place: &str) -> String {
    let mut text = format!("The state {place} is locked:\n");
    let rows = [("who", &lock.who), ("host", &lock.host), ("operation", &lock.operation), ("since", &lock.created_at)];
    for (name, value) in rows.into_iter().chain(lock.run_url.iter().map(|url| ("run", url))).chain([("id", &lock.id)]) {
        let _ = writeln!(text, "  {name:<9}  {}", visible::line(value));
    }
    text
}

/// Pads every column but the last to its widest cell.
pub(super) fn table<const N: usize>(rows: impl Iterator<Item = [String; N]>) -> String {
    let rows: Vec<[String; N]> = rows.map(|row| row.map(|cell| visible::line(&cell).into_owned())).collect();
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: [usize; N] = std::array::from_fn(width);
    let mut text = String::new();
    for row in &rows {
        let cells: Vec<String> = row.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        let _ = writeln!(text, "{}", cells.join("  ").trim_end());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let rows = [["a", "sqs.queue", "x"], ["queues.jobs", "b", "y"]].map(|row| row.map(str::to_owned));
        assert_eq!(table(rows.into_iter()), "a            sqs.queue  x\nqueues.jobs  b          y\n");
    }

    #[test]
    fn a_lock_is_shown_with_its_run() {
        let held = LockInfo {
            id: "cafe".into(),
            who: "kari".into(),
            host: "builder".into(),
            operation: "apply".into(),
            run_url: Some("https://ci/7".into()),
            created_at: "2026-01-02T03:04:05Z".into(),
            lease_s: 30,
            renewals: 0,
        };
        assert_eq!(
            lock(&held, "s3://b/k"),
            "The state s3://b/k is locked:\n  who        kari\n  host       builder\n  operation  apply\n  \
             since      2026-01-02T03:04:05Z\n  run        https://ci/7\n  id         cafe\n"
        );
    }
}
