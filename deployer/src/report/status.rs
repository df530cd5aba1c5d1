//! Renders the status of the stack.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::paint::{Paint, Tone};
use super::state::table;
use super::terminal::Terminal;
use crate::aws::Place;
use crate::graph::Node;
use crate::graph::owner::Evidence;
use crate::kinds::Sign;
use crate::observe::Orphan;
use crate::pipeline::{LoadedStack, Sight};
use crate::plan::drift::drift_of_all;

/// One resource and its condition.
struct Row {
    address: String,
    kind: &'static str,
    external: bool,
    /// `None` if the resource does not exist in AWS.
    physical_id: Option<String>,
    recorded: bool,
    /// Whether its ownership tags are not this stack's.
    foreign: bool,
    /// Whether neither `stack.yaml` nor the state has it.
    orphan: bool,
    /// The properties that were changed outside the deployer.
    drift: Vec<String>,
    signs: Vec<Sign>,
}

/// Prints every resource of the stack, and tells whether all are well. `signs` has the reports on each resource's
/// health, by address.
pub fn print(terminal: &Terminal, loaded: &LoadedStack, sight: &Sight, signs: BTreeMap<String, Vec<Sign>>) -> bool {
    let rows = rows(loaded, sight, signs);
    terminal.data(&match terminal.json {
        true => format!("{}\n", json(&rows, loaded.document.stack(), &sight.aws.place)),
        false => text(&rows, terminal.out),
    });
    healthy(&rows)
}

fn healthy(rows: &[Row]) -> bool {
    rows.iter().all(|row| ["ok", "external"].contains(&row.word()))
}

fn rows(loaded: &LoadedStack, sight: &Sight, mut signs: BTreeMap<String, Vec<Sign>>) -> Vec<Row> {
    let seen = &sight.observation;
    let drift = drift_of_all(&loaded.graph, seen, &sight.aws.place);
    let owners = seen.owners(&loaded.graph, loaded.document.stack(), &sight.aws.place);
    let foreign = |node: &Node| {
        if node.external {
            return None;
        }
        let recorded = seen.prior.resources.contains_key(&node.address);
        let evidence = Evidence { stated: true, recorded, leaves: false };
        owners.of(node.kind, seen.live.get(&node.address)?, evidence).foreign()
    };
    let row = |node: &Node| {
        let address = &node.address;
        let foreign = foreign(node);
        let own = signs.remove(address).unwrap_or_default();
        Row {
            address: address.clone(),
            kind: node.kind.name(),
            external: node.external,
            physical_id: seen.live.get(address).map(|live| live.physical_id.clone()),
            recorded: seen.prior.resources.contains_key(address),
            foreign: foreign.is_some(),
            orphan: false,
            drift: drift.iter().filter(|entry| entry.address == *address).filter_map(|d| d.path.clone()).collect(),
            signs: foreign.map(|owner| Sign::alarming(owner.to_string())).into_iter().chain(own).collect(),
        }
    };
    loaded.graph.nodes().map(row).chain(seen.orphans.iter().map(orphan)).collect()
}

/// Makes the row of an orphan: it has the stack's ownership tags, but neither `stack.yaml` nor the state has it.
fn orphan(orphan: &Orphan) -> Row {
    let then = match &orphan.live {
        Ok(_) => format!("`deployer apply --prune --target '{}'` deletes it", orphan.address),
        Err(why) => format!("it stays: {why}"),
    };
    let text = format!("{}: neither stack.yaml nor the state has it; {then}", orphan.id);
    Row {
        address: orphan.address.clone(),
        kind: orphan.kind,
        external: false,
        physical_id: Some(orphan.id.clone()),
        recorded: false,
        foreign: false,
        orphan: true,
        drift: Vec::new(),
        signs: vec![Sign::alarming(text)],
    }
}

impl Row {
    /// Returns one word for the resource's condition; the worst applies.
    fn word(&self) -> &'static str {
        match &self.physical_id {
            None => "missing",
            Some(_) if self.orphan => "orphan",
            Some(_) if self.foreign => "foreign",
            Some(_) if self.signs.iter().any(|sign| sign.alarming) => "attention",
            Some(_) if !self.drift.is_empty() => "drifted",
            Some(_) if self.external => "external",
            Some(_) if !self.recorded => "not recorded",
            Some(_) => "ok",
        }
    }

    /// Returns the command that shows more. None works on a resource of others.
    fn command<'a>(&self, sign: &'a Sign) -> Option<&'a str> {
        let is_own = !self.external && !self.foreign && !self.orphan;
        sign.command.as_deref().filter(|_| is_own)
    }

    fn words(&self) -> String {
        let drift = (!self.drift.is_empty()).then(|| format!("changed outside: {}", self.drift.join(", ")));
        let signs = self.signs.iter().map(|sign| match self.command(sign) {
            Some(command) => format!("{}: `{command}`", sign.text),
            None => sign.text.clone(),
        });
        drift.into_iter().chain(signs).collect::<Vec<_>>().join("; ")
    }
}

/// Renders one resource a line, then the totals.
fn text(rows: &[Row], paint: Paint) -> String {
    let cells = rows.iter().map(|row| [row.word().to_owned(), row.address.clone(), row.kind.to_owned(), row.words()]);
    let lines = table(cells);
    let mut out = String::new();
    for (line, row) in lines.lines().zip(rows) {
        let tone = match row.word() {
            "missing" | "foreign" | "attention" => Tone::Bad,
            "orphan" | "drifted" | "not recorded" => Tone::Change,
            "ok" => Tone::Good,
            _ => Tone::Faint,
        };
        let (word, rest) = line.split_at(row.word().len());
        out += &format!("{}{rest}\n", paint.tone(tone, word));
    }
    let count = |word: &str| rows.iter().filter(|row| row.word() == word).count();
    let found =
        ["missing", "foreign", "orphan", "attention", "drifted", "not recorded"].map(|word| (count(word), word));
    let troubles: Vec<String> =
        found.into_iter().filter(|(n, _)| *n > 0).map(|(n, word)| format!("{n} {word}")).collect();
    let resources = if rows.len() == 1 { "1 resource".to_owned() } else { format!("{} resources", rows.len()) };
    out + &match troubles.is_empty() {
        true => format!("\n{resources}, all healthy.\n"),
        false => format!("\n{resources}: {}.\n", troubles.join(", ")),
    }
}

/// Renders the rows as one object.
fn json(rows: &[Row], stack: &str, place: &Place) -> Value {
    let row = |row: &Row| {
        let sign = |s: &Sign| json!({"alarming": s.alarming, "text": s.text, "command": row.command(s)});
        json!({
            "address": row.address,
            "kind": row.kind,
            "status": row.word().replace(' ', "_"),
            "exists": row.physical_id.is_some(),
            "physical_id": row.physical_id,
            "external": row.external,
            "drift": row.drift,
            "signs": row.signs.iter().map(sign).collect::<Vec<_>>(),
        })
    };
    json!({
        "format_version": 1,
        "stack": stack,
        "region": place.region,
        "account": place.account,
        "healthy": healthy(rows),
        "resources": rows.iter().map(row).collect::<Vec<_>>(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sign((alarming, text): &(bool, &str)) -> Sign {
        Sign { alarming: *alarming, text: (*text).into(), command: alarming.then(|| "deployer queue peek b".into()) }
    }

    fn row(address: &str, id: Option<&str>, drift: &[&str], signs: &[(bool, &str)]) -> Row {
        Row {
            address: address.into(),
            kind: "sqs.queue",
            external: false,
            physical_id: id.map(str::to_owned),
            recorded: true,
            foreign: false,
            orphan: false,
            drift: drift.iter().map(|d| (*d).to_owned()).collect(),
            signs: signs.iter().map(sign).collect(),
        }
    }

    #[test]
    fn the_worst_of_a_resource_is_its_word() {
        let rows = [
            row("queues.a", Some("u"), &[], &[(false, "0 waiting, 0 in flight")]),
            row("queues.b", Some("u"), &["delay_seconds"], &[]),
            row("queues.b.dlq", Some("u"), &["policy"], &[(true, "2 messages in the dead-letter queue")]),
            row("queues.c", None, &[], &[]),
        ];
        assert_eq!(
            text(&rows, Paint { colour: false }),
            "ok         queues.a      sqs.queue  0 waiting, 0 in flight\n\
             drifted    queues.b      sqs.queue  changed outside: delay_seconds\n\
             attention  queues.b.dlq  sqs.queue  changed outside: policy; 2 messages in the dead-letter queue: `deployer queue peek b`\n\
             missing    queues.c      sqs.queue\n\n\
             4 resources: 1 missing, 1 attention, 1 drifted.\n"
        );
        assert_eq!(text(&rows[..1], Paint { colour: false }).lines().last(), Some("1 resource, all healthy."));
    }
    #[test]
    fn no_command_is_named_for_a_queue_of_others() {
        let dead = row("queues.b", Some("u"), &[], &[(true, "2 messages in the dead-letter queue")]);
        assert!(dead.words().ends_with("queue: `deployer queue peek b`"));
        for others in
            [Row { external: true, ..dead }, Row { foreign: true, ..row("queues.b", Some("u"), &[], &[(true, "x")]) }]
        {
            assert!(!others.words().contains("deployer queue peek"));
        }
    }
}
