//! Renders the state, for people and programs.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::counted;
use super::json::masked;
use super::terminal::Terminal;
use crate::aws::digest;
use crate::operate::state::Removal;
use crate::spec::secrets::Secrets;
use crate::spec::visible;
use crate::state::{EarlierState, LockInfo, Record, Snapshot, State};

/// Prints the results of `deployer state`.
#[derive(Clone, Copy)]
pub struct StateView<'a> {
    pub terminal: &'a Terminal,
    /// The state's place.
    pub place: &'a str,
    pub secrets: &'a Secrets,
}

impl StateView<'_> {
    /// Prints the resources in the state.
    pub fn print_list(self, snapshot: &Snapshot) {
        if self.terminal.json {
            return self.line(list_json(snapshot, self.place));
        }
        if snapshot.state.resources.is_empty() {
            let holds = if snapshot.existed { "holds no resources" } else { "does not exist yet" };
            self.terminal.say(&format!("The state {} {holds}.", self.place));
        }
        self.terminal.data(&list(&snapshot.state));
    }

    /// Prints one record.
    pub fn print_record(self, address: &str, record: &Record) {
        let mut value = json!(record);
        value["address"] = json!(address);
        match self.terminal.json {
            true => self.line(value),
            false => self.terminal.object(&masked(value, self.secrets)),
        }
    }

    /// Prints the versions that are kept.
    pub fn print_history(self, versions: &[EarlierState]) {
        match versions {
            _ if self.terminal.json => self.line(history_json(versions, self.place)),
            [] => self.terminal.say(&format!("No version of the state {} is kept.", self.place)),
            _ => self.terminal.data(&history(versions)),
        }
    }

    /// Prints that the version `from` is the state again.
    pub fn print_restored(self, from: u64, State { serial, resources, .. }: &State) {
        let count = resources.len();
        if self.terminal.json {
            return self.line(json!({"type": "restored", "from": from, "serial": serial, "resources": count}));
        }
        let resources = counted(count as u64, "resource");
        self.terminal.say(&format!(
            "Version {from} with {resources} is the state again, as version {serial}. `deployer plan` shows where AWS differs."
        ));
    }

    /// Prints that a record was removed.
    pub fn print_removal(self, Removal { address, physical_id, parts, .. }: &Removal) {
        if self.terminal.json {
            return self
                .line(json!({"type": "forgotten", "address": address, "physical_id": physical_id, "parts": parts}));
        }
        self.terminal.say(&format!("`{address}` is no longer in the state; AWS still has {physical_id}."));
        if !parts.is_empty() {
            let parts: Vec<String> = parts.iter().map(|part| format!("`{part}`")).collect();
            self.terminal.say(&format!("Its parts went with it: {}.", parts.join(", ")));
        }
    }

    /// Prints the lock that is about to be removed. Programs read it in [`StateView::print_unlock`].
    pub fn print_lock(self, held: &LockInfo) {
        if !self.terminal.json {
            self.terminal.say(lock(held, self.place).trim_end());
        }
    }

    /// Prints that there is no lock.
    pub fn print_no_lock(self) {
        match self.terminal.json {
            true => self.line(json!({"type": "not_locked", "place": self.place})),
            false => self.terminal.say(&format!("The state {} is not locked.", self.place)),
        }
    }

    /// Prints that the lock was removed, or had been released before.
    pub fn print_unlock(self, lock: &LockInfo, removed: bool) {
        if self.terminal.json {
            let kind = if removed { "unlocked" } else { "not_locked" };
            return self.line(json!({"type": kind, "place": self.place, "lock": lock}));
        }
        self.terminal.say(if removed { "The lock is removed." } else { "The lock was gone already." });
    }

    fn line(self, value: Value) {
        self.terminal.data(&format!("{}\n", masked(value, self.secrets)));
    }
}

/// Asks whether to remove a record.
pub fn question(Removal { address, physical_id, parts, .. }: &Removal) -> String {
    let parts: String = parts.iter().map(|part| format!(" and its part `{part}`")).collect();
    format!(
        "Forget `{address}` ({physical_id}){parts}? AWS keeps it, and a plan takes it up again while it is in stack.yaml. \
         Type `yes` to confirm:"
    )
}

/// Lists address, kind and physical id, one resource a line.
fn list(state: &State) -> String {
    let rows = state.resources.iter().map(|(address, record)| [address, &record.kind, &record.physical_id]);
    table(rows.map(|row| row.map(String::clone)))
}

/// Lists the resources as one object.
fn list_json(snapshot: &Snapshot, place: &str) -> Value {
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

/// Lists the kept versions, newest first.
fn history(versions: &[EarlierState]) -> String {
    let head = ["SERIAL", "WRITTEN AT", "BY", "RESOURCES"].map(str::to_owned);
    let rows = versions.iter().map(|kept| {
        let by = format!("deployer {}", kept.written_by);
        [kept.serial.to_string(), kept.written_at.clone(), by, kept.resources.to_string()]
    });
    table(std::iter::once(head).chain(rows))
}

/// Lists the kept versions as one object.
fn history_json(versions: &[EarlierState], place: &str) -> Value {
    let version = |kept: &EarlierState| {
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
fn lock(lock: &LockInfo, place: &str) -> String {
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
            process: None,
        };
        assert_eq!(
            lock(&held, "s3://b/k"),
            "The state s3://b/k is locked:\n  who        kari\n  host       builder\n  operation  apply\n  \
             since      2026-01-02T03:04:05Z\n  run        https://ci/7\n  id         cafe\n"
        );
    }
}
