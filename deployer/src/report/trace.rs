//! Renders the trace of one id: whole invocations, then the verdict.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::counted;
use super::logs::{LogView, as_json, indent_lines, time};
use super::paint::Tone;
use super::terminal::Terminal;
use crate::aws::AwsError;
use crate::operate::logs::LogLine;
use crate::operate::trace::ending::Ending;
use crate::operate::trace::{Held, Invocation, Trace};
use crate::spec::visible;

/// The most characters that are shown of a function's error message.
const SHOWN: usize = 200;

/// A trace and its id.
#[derive(Clone, Copy)]
pub struct TraceReport<'a> {
    pub trace: &'a Trace,
    pub id: &'a str,
}

impl<'a> TraceReport<'a> {
    /// Prints the invocations, then the lines outside them, and how long it all took.
    pub fn print(self, terminal: &Terminal, view: LogView<'_>) {
        let (first, last) = self.span();
        terminal.data(&if terminal.json { self.lines_of_json(view) } else { self.text(first, view) });
        let lines = counted(self.trace.lines().count() as u64, "line");
        terminal.say(&format!("{lines} in {:.3} s.", (last - first) as f64 / 1000.0));
    }

    fn span(self) -> (i64, i64) {
        let times = || self.trace.lines().map(|line| line.at);
        (times().min().unwrap_or_default(), times().max().unwrap_or_default())
    }

    fn text(self, first: i64, view: LogView<'_>) -> String {
        let step = |line: &LogLine| self.step(line, first, view);
        let block =
            |invocation: &Invocation| head(invocation, view) + &invocation.lines.iter().map(step).collect::<String>();
        let mut blocks: Vec<String> = self.trace.invocations.iter().map(block).collect();
        if !self.trace.loose.is_empty() {
            blocks.push(self.trace.loose.iter().map(step).collect());
        }
        blocks.join("\n")
    }

    /// Renders one line, with its time since `first`. A mark stands before a line that has the id.
    fn step(self, line: &LogLine, first: i64, view: LogView<'_>) -> String {
        let mark = if self.matches(line) { '>' } else { ' ' };
        let offset = format!("+{:.3} s", (line.at - first) as f64 / 1000.0);
        indent_lines(&format!("{mark} {offset:>11}"), line, view)
    }

    fn matches(self, line: &LogLine) -> bool {
        line.message.contains(self.id)
    }

    fn lines_of_json(self, view: LogView<'_>) -> String {
        let one = |line: &LogLine, request_id: Option<&str>| {
            let mut object = as_json(line, view.secrets);
            object["type"] = "line".into();
            object["request_id"] = request_id.into();
            object["matches"] = self.matches(line).into();
            format!("{object}\n")
        };
        let invocation = |invocation: &Invocation| {
            let lines = invocation.lines.iter().map(|line| one(line, Some(&invocation.request_id)));
            let ending = invocation.ending();
            let end = json!({
                "type": "invocation",
                "function": invocation.function,
                "stream": invocation.stream,
                "request_id": invocation.request_id,
                "ending": ending.word(),
                "detail": ending.detail().map(|detail| view.secrets.mask_cut(detail)),
            });
            lines.collect::<String>() + &format!("{end}\n")
        };
        let invocations: String = self.trace.invocations.iter().map(invocation).collect();
        invocations + &self.trace.loose.iter().map(|line| one(line, None)).collect::<String>()
    }

    /// Prints how often each function was invoked for the id, how that ended, and where messages wait now.
    pub fn print_verdict(self, terminal: &Terminal, held: Result<Vec<Held>, AwsError>, view: LogView<'_>) {
        if let Err(error) = &held {
            terminal.say(&format!("warning: the messages in the queues cannot be counted: {error}"));
        }
        let held = held.ok();
        if terminal.json {
            return terminal.data(&format!("{}\n", self.verdict(held.as_deref(), view)));
        }
        let mut out = String::new();
        for (function, endings) in self.endings() {
            out +=
                &format!("{} {}\n", view.paint.tone(Tone::Strong, &format!("{function}:")), attempts(&endings, view));
        }
        if self.trace.invocations.iter().any(|invocation| invocation.ending() != Ending::Ended) {
            out += &held.map(|held| whereabouts(&held)).unwrap_or_default();
        }
        if !out.is_empty() {
            terminal.data(&format!("\n{out}"));
        }
    }

    /// Counts each function's endings, in the order of their first invocations.
    fn endings(self) -> BTreeMap<&'a str, Vec<(Ending, u64)>> {
        let mut found: BTreeMap<&str, Vec<(Ending, u64)>> = BTreeMap::new();
        for invocation in &self.trace.invocations {
            let endings = found.entry(&invocation.function).or_default();
            let ending = invocation.ending();
            match endings.iter_mut().find(|(known, _)| *known == ending) {
                Some((_, count)) => *count += 1,
                None => endings.push((ending, 1)),
            }
        }
        found
    }

    fn verdict(self, held: Option<&[Held]>, view: LogView<'_>) -> Value {
        let ending = |(ending, count): &(Ending, u64)| {
            let detail = ending.detail().map(|detail| view.secrets.mask_cut(detail));
            json!({"ending": ending.word(), "detail": detail, "count": count})
        };
        let function = |(function, endings): (&str, Vec<(Ending, u64)>)| {
            let attempts: u64 = endings.iter().map(|(_, count)| count).sum();
            let endings: Vec<Value> = endings.iter().map(ending).collect();
            json!({"function": function, "attempts": attempts, "endings": endings})
        };
        let queue = |held: &Held| {
            json!({
                "address": held.queue.address,
                "queue_name": held.queue.queue_name,
                "messages": held.messages,
                "dead_letters": held.peek.is_some(),
            })
        };
        json!({
            "type": "verdict",
            "functions": self.endings().into_iter().map(function).collect::<Vec<_>>(),
            "queues": held.map(|held| held.iter().map(queue).collect::<Vec<_>>()),
        })
    }
}

/// Renders the line above an invocation: when it began, its request, and its end.
fn head(invocation: &Invocation, view: LogView<'_>) -> String {
    let began = invocation.lines.first().map(|line| time(line.at)).unwrap_or_default();
    let request = visible::line(&invocation.request_id);
    let end = words(&invocation.ending(), view);
    format!("{}  {began}  request {request}: {end}\n", view.paint.tone(Tone::Strong, &invocation.function))
}

/// Renders how often a function was invoked, and how that ended: "3 attempts, all panicked at src/main.rs:7:63".
fn attempts(endings: &[(Ending, u64)], view: LogView<'_>) -> String {
    let all: u64 = endings.iter().map(|(_, count)| count).sum();
    let attempts = counted(all, "attempt");
    match endings {
        [(ending, 1)] => format!("{attempts}, {}", words(ending, view)),
        [(ending, _)] => format!("{attempts}, all {}", words(ending, view)),
        _ => {
            let each = endings.iter().map(|(ending, count)| format!("{count} {}", words(ending, view)));
            format!("{attempts}: {}", each.collect::<Vec<_>>().join(", "))
        }
    }
}

fn words(ending: &Ending, view: LogView<'_>) -> String {
    let detail = visible::line(&view.secrets.mask_cut(ending.detail().unwrap_or_default())).into_owned();
    let detail = match detail.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &detail[..end]),
        None => detail,
    };
    match ending {
        Ending::TimedOut(None) => "timed out".to_owned(),
        Ending::TimedOut(Some(_)) => format!("timed out after {detail}"),
        Ending::OutOfMemory => "ran out of memory".to_owned(),
        Ending::Panicked(_) => format!("panicked at {detail}"),
        Ending::Exited(_) => format!("ended with its process ({detail})"),
        Ending::Failed(None) => "failed".to_owned(),
        Ending::Failed(Some(_)) => format!("failed ({detail})"),
        Ending::Logged(_) => format!("ended after the error \"{detail}\""),
        Ending::Ended => "ended without a sign of a failure".to_owned(),
        Ending::Open => "without an end in the log: still running, or the log is not complete yet".to_owned(),
    }
}

/// Says where messages are. No count tells whether the traced one is among them.
fn whereabouts(held: &[Held]) -> String {
    let queue = |held: &Held| {
        let messages = counted(held.messages, "message");
        let look = held.peek.as_ref().map(|name| {
            let these = if held.messages == 1 { "is it" } else { "is among them" };
            format!(": `deployer queue peek {name}` shows whether this one {these}, and counts as a receive")
        });
        format!("{} has {messages}{}\n", held.queue.queue_name, look.unwrap_or_default())
    };
    let found: String = held.iter().filter(|held| held.messages > 0).map(queue).collect();
    match held.iter().any(|held| held.peek.is_some()) {
        true if found.is_empty() => {
            "No dead-letter queue of the stack has a message, nor has a queue before it, by SQS's approximate counts.\n"
                .to_owned()
        }
        _ => found,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::paint::Paint;
    use crate::spec::secrets::Secrets;

    fn shown(endings: &[(Ending, u64)]) -> String {
        let secrets = Secrets::default();
        attempts(endings, LogView { width: 6, paint: Paint { colour: false }, secrets: &secrets })
    }

    #[test]
    fn attempts_are_counted_by_their_ending() {
        let panicked = || Ending::Panicked("src/main.rs:7:63".to_owned());
        assert_eq!(shown(&[(panicked(), 1)]), "1 attempt, panicked at src/main.rs:7:63");
        assert_eq!(shown(&[(panicked(), 3)]), "3 attempts, all panicked at src/main.rs:7:63");
        let timed_out = Ending::TimedOut(Some("3.00 s".to_owned()));
        assert_eq!(
            shown(&[(panicked(), 2), (timed_out, 1)]),
            "3 attempts: 2 panicked at src/main.rs:7:63, 1 timed out after 3.00 s"
        );
    }

    #[test]
    fn an_error_of_the_function_is_masked_cut_and_on_one_line() {
        let mut secrets = Secrets::default();
        secrets.add("0123456789");
        let view = LogView { width: 6, paint: Paint { colour: false }, secrets: &secrets };
        let error = format!("key 0123456789\nfailed {}", "x".repeat(300));
        let words = words(&Ending::Logged(error), view);
        assert!(words.starts_with("ended after the error \"key (sensitive)\\nfailed xxx"), "{words}");
        assert!(words.ends_with("x…\"") && words.chars().count() < 250, "{words}");
    }
}
