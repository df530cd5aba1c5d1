//! Renders the edges of a stack, and whether messages pass them.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::counted;
use super::heading::Heading;
use super::json::masked;
use super::paint::{Paint, Tone};
use super::picture::Picture;
use super::state::table;
use super::terminal::Terminal;
use crate::graph::Graph;
use crate::kinds::Capability;
use crate::operate::verify::{Arrival, Departure, Edge, Outcome, Verdict, letters};
use crate::spec::secrets::Secrets;
use crate::spec::visible;

/// The edges that are tried, and the stack that they belong to.
pub struct VerifyReport<'a> {
    pub heading: Heading,
    pub graph: &'a Graph,
    pub secrets: &'a Secrets,
    pub edges: &'a [Edge],
    /// The edges of the whole stack.
    pub all: &'a [Edge],
    /// The addresses that the user named; none if all edges are tried.
    pub chosen: &'a [String],
}

/// One edge with its result.
struct Row {
    from: String,
    to: String,
    probe: String,
    outcome: Outcome,
}

impl Row {
    fn word(&self) -> &'static str {
        match self.outcome.verdict {
            Verdict::Ok => "ok",
            Verdict::Failed => "failed",
            Verdict::Untried => "not tried",
        }
    }

    fn tone(&self) -> Tone {
        match self.outcome.verdict {
            Verdict::Ok => Tone::Good,
            Verdict::Failed => Tone::Bad,
            Verdict::Untried => Tone::Faint,
        }
    }

    fn seconds(&self) -> String {
        self.outcome.took.map(|took| format!("{:.2} s", took.as_secs_f64())).unwrap_or_default()
    }

    fn words(&self) -> String {
        let Outcome { text, help, .. } = &self.outcome;
        help.as_ref().map_or_else(|| text.clone(), |help| format!("{text}: {help}"))
    }
}

impl VerifyReport<'_> {
    /// Lists the messages that will be sent. Returns false if there are none.
    pub fn announce(&self, terminal: &Terminal) -> bool {
        let mut rows: Vec<[String; 3]> = Vec::new();
        let mut shown: Vec<&Departure> = Vec::new();
        for edge in self.edges.iter().filter(|edge| edge.obstacle.is_none()) {
            if shown.contains(&&edge.departure) {
                continue;
            }
            let Some(what) = sent(&edge.departure) else { continue };
            shown.push(&edge.departure);
            let ends = self.edges.iter().filter(|other| other.obstacle.is_none() && other.departure == edge.departure);
            let ends: Vec<&str> = ends.map(|end| end.to.as_str()).collect();
            rows.push([what, edge.from.clone(), format!("for {}", ends.join(", "))]);
        }
        if rows.is_empty() {
            return false;
        }
        let heading = self.heading.named();
        let lines = table(rows.into_iter().map(|row| row.map(|cell| self.secrets.mask(&cell).into_owned())));
        let lines: String = lines.lines().map(|line| format!("  {line}\n")).collect();
        terminal.say(&format!("These messages go through {heading}:\n{lines}"));
        terminal.say("Functions that do not look for the mark `deployer.verify` treat them as any other message.");
        for (endpoint, count) in letters(self.edges, self.all) {
            let messages = counted(count as u64, "message");
            terminal.say(&visible::line(&self.secrets.mask(&format!("{endpoint} gets {messages}."))));
        }
        true
    }

    /// Reports one result at once to a person who waits.
    pub fn progress(&self, terminal: &Terminal, edge: &Edge, outcome: &Outcome) {
        if terminal.json || !terminal.interactive {
            return;
        }
        let row = self.row(edge, outcome);
        let line = format!("{} {} → {}  {}", row.word(), row.from, row.to, row.probe);
        terminal.say(&visible::line(&line));
    }

    /// Prints all edges, and returns the number of those that do not deliver.
    pub fn print(&self, terminal: &Terminal, outcomes: &[Outcome]) -> usize {
        let rows: Vec<Row> = self.edges.iter().zip(outcomes).map(|(edge, outcome)| self.row(edge, outcome)).collect();
        let rows: Vec<Row> = rows.into_iter().chain(self.drawn_only()).collect();
        terminal.data(&match terminal.json {
            true => format!("{}\n", masked(self.json(&rows), self.secrets)),
            false => text(&rows, terminal.out),
        });
        rows.iter().filter(|row| row.outcome.verdict == Verdict::Failed).count()
    }

    fn row(&self, edge: &Edge, outcome: &Outcome) -> Row {
        let mask = |text: &str| self.secrets.mask(text).into_owned();
        let Outcome { verdict, text, help, took } = outcome;
        let help = help.as_deref().map(mask);
        Row {
            from: mask(&edge.from),
            to: mask(&edge.to),
            probe: mask(&label(edge)),
            outcome: Outcome { verdict: *verdict, text: mask(text), help, took: *took },
        }
    }

    /// Lists the edges of the picture that no probe passes.
    fn drawn_only(&self) -> Vec<Row> {
        let element = |address: &str| self.graph.node(address).map(|node| node.element.clone());
        let tried: BTreeSet<(String, String)> =
            self.edges.iter().filter_map(|edge| Some((element(&edge.from)?, element(&edge.to)?))).collect();
        let picture = Picture::of(&self.heading.owner, self.graph, None, self.secrets);
        let node = |at: usize| &picture.nodes[at];
        let runs_code = |element: &str| {
            let mut own = self.graph.nodes().filter(|node| node.element == element);
            own.any(|node| node.kind.about().operated == Some(Capability::Code))
        };
        let is_chosen =
            |ends: [&str; 2]| self.chosen.is_empty() || self.chosen.iter().any(|word| ends.contains(&&**word));
        let drawn = picture.edges.iter().filter(|edge| !edge.dashed && !node(edge.to).resources.is_empty());
        let rows = drawn.filter_map(|edge| {
            let (from, to) = (&node(edge.from).id, &node(edge.to).id);
            if tried.contains(&(from.clone(), to.clone())) || !is_chosen([from, to]) {
                return None;
            }
            let why = match runs_code(from) {
                true => "only the function itself sends here, or Lambda after its failures",
                false => "no message would show it",
            };
            let outcome = Outcome { verdict: Verdict::Untried, text: why.to_owned(), help: None, took: None };
            Some(Row { from: from.clone(), to: to.clone(), probe: edge.label.clone(), outcome })
        });
        rows.collect()
    }

    fn json(&self, rows: &[Row]) -> Value {
        let row = |row: &Row| {
            json!({
                "from": row.from,
                "to": row.to,
                "probe": row.probe,
                "result": row.word().replace(' ', "_"),
                "text": row.outcome.text,
                "help": row.outcome.help,
                "seconds": row.outcome.took.map(|took| took.as_secs_f64()),
            })
        };
        let mut object = json!({ "format_version": 1 });
        if let Some(object) = object.as_object_mut() {
            object.extend(self.heading.properties());
            object.insert("delivers".into(), rows.iter().all(|row| row.outcome.verdict != Verdict::Failed).into());
            object.insert("edges".into(), rows.iter().map(row).collect());
        }
        object
    }
}

/// Returns a message about edges that do not deliver.
pub fn broken(count: usize, all: usize) -> String {
    let edges = counted(all as u64, "edge");
    let verb = if count == 1 { "does" } else { "do" };
    format!("{count} of {edges} {verb} not deliver")
}

/// Describes the message of a departure, if there is one.
fn sent(departure: &Departure) -> Option<String> {
    match departure {
        Departure::Request { method, path, .. } => Some(format!("request {method} {path}")),
        Departure::Publish { .. } => Some("message to all subscribers".to_owned()),
        Departure::Enqueue { .. } => Some("message in the queue".to_owned()),
        Departure::Store { .. } => Some("object in the bucket, which is deleted again".to_owned()),
        Departure::Ring { .. } => Some("alarm rings, and returns to its state".to_owned()),
        Departure::Settings { .. } | Departure::Nowhere => None,
    }
}

/// Names the probe of an edge in a word or two.
fn label(edge: &Edge) -> String {
    match (&edge.departure, &edge.arrival) {
        (Departure::Request { method, path, .. }, _) => format!("{method} {path}"),
        (Departure::Publish { .. }, _) => "notification".to_owned(),
        (Departure::Enqueue { .. }, _) => "message".to_owned(),
        (Departure::Store { .. }, _) => "object".to_owned(),
        (Departure::Ring { .. }, _) => "alarm".to_owned(),
        (Departure::Settings { .. }, _) | (_, Arrival::Settings(_)) => "dead letters".to_owned(),
        (Departure::Nowhere, _) => String::new(),
    }
}

/// Renders one edge a line, then the totals.
fn text(rows: &[Row], paint: Paint) -> String {
    let cells = rows.iter().map(|row| {
        let edge = format!("{} → {}", row.from, row.to);
        [row.word().to_owned(), edge, row.probe.clone(), row.seconds(), row.words()]
    });
    let lines = table(cells);
    let mut out = String::new();
    for (line, row) in lines.lines().zip(rows) {
        let (word, rest) = line.split_at(row.word().len());
        out += &format!("{}{rest}\n", paint.tone(row.tone(), word));
    }
    let count = |verdict: Verdict| rows.iter().filter(|row| row.outcome.verdict == verdict).count();
    let edges = counted(rows.len() as u64, "edge");
    let [ok, failed, untried] = [Verdict::Ok, Verdict::Failed, Verdict::Untried].map(count);
    out + &format!("\n{edges}: {ok} ok, {failed} failed, {untried} not tried.\n")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn row(verdict: Verdict, text: &str, help: Option<&str>, took_ms: Option<u64>) -> Row {
        let (text, help, took) = (text.to_owned(), help.map(str::to_owned), took_ms.map(Duration::from_millis));
        Row {
            from: "topics.t".into(),
            to: "queues.q".into(),
            probe: "notification".into(),
            outcome: Outcome { verdict, text, help, took },
        }
    }

    #[test]
    fn each_edge_has_its_result_with_the_evidence_or_the_repair() {
        let rows = [
            row(Verdict::Ok, "received from the queue, and deleted", None, Some(120)),
            row(Verdict::Failed, "topics.t does not exist", Some("`deployer apply`"), None),
            row(Verdict::Untried, "it belongs to others", None, None),
        ];
        assert_eq!(
            text(&rows, Paint { colour: false }),
            "ok         topics.t → queues.q  notification  0.12 s  received from the queue, and deleted\n\
             failed     topics.t → queues.q  notification          topics.t does not exist: `deployer apply`\n\
             not tried  topics.t → queues.q  notification          it belongs to others\n\n\
             3 edges: 1 ok, 1 failed, 1 not tried.\n"
        );
        assert_eq!(
            text(&rows[..1], Paint { colour: false }).lines().last(),
            Some("1 edge: 1 ok, 0 failed, 0 not tried.")
        );
        assert_eq!(
            (broken(1, 3), broken(2, 3)),
            ("1 of 3 edges does not deliver".into(), "2 of 3 edges do not deliver".into())
        );
    }
}
