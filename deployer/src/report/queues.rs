//! Renders messages of queues, and what became of them, for people and programs.

mod course;

use std::time::Duration;

use serde_json::{Value, json};

use super::heading::Heading;
use super::json::{masked, version as first_line};
use super::paint::{Paint, Tone};
use super::terminal::Terminal;
use crate::aws::{AwsError, Place};
use crate::operate::queues::{Depth, HIDDEN_S, Message, QueueTarget};
use crate::operate::redrive::Task;
use crate::spec::secrets::Secrets;
use crate::spec::visible;

pub use course::{CommandQueue, End};

/// The most of a body that is shown to people: lines, and characters in all.
const BODY_LINES: usize = 20;
const BODY_LENGTH: usize = 2_000;
/// The most characters of an attribute's value that are shown to people.
const ATTRIBUTE_LENGTH: usize = 120;

/// How messages are shown.
#[derive(Clone, Copy)]
pub struct QueueView<'a> {
    pub paint: Paint,
    pub secrets: &'a Secrets,
    /// Milliseconds since 1970.
    pub now_ms: i64,
}

/// The messages that were looked at.
pub struct PeekReport<'a> {
    pub queue: &'a QueueTarget,
    pub depth: Depth,
    pub messages: &'a [Message],
    pub stack: &'a str,
    pub place: &'a Place,
    /// The name to type in order to move them back; `None` if no queue sends its failed messages here.
    pub redrive: Option<&'a str>,
}

/// Prints messages, and how reading them affects the queue.
pub fn print_look(terminal: &Terminal, looked: &PeekReport<'_>, view: QueueView<'_>) {
    let PeekReport { queue, depth, messages: all, redrive, .. } = looked;
    terminal.data(&match terminal.json {
        true => format!("{}\n", messages_json(looked, view)),
        false => messages(queue, *depth, all, view),
    });
    if all.is_empty() {
        return terminal.say("No message can be received now.");
    }
    terminal.say("\nThis look counts as a receive of each message shown. They are in the queue as before.");
    if queue.dead_letters.is_some() {
        terminal.say("A message that is received too often goes to the dead-letter queue (`max_receive_count`).");
    }
    if let Some(name) = redrive {
        terminal.say(&format!("Once the cause is mended: `deployer queue redrive {name}`"));
    }
}

/// Warns that some messages stay hidden for a while, if any could not be given back.
pub fn warn_of_hidden(terminal: &Terminal, result: &Result<usize, AwsError>) {
    let why = match result {
        Ok(0) => return,
        Ok(some) => format!("{} could not be given back", messages_of(*some as u64)),
        Err(error) => format!("the messages could not be given back: {error}"),
    };
    terminal.say(&format!("warning: {why}; consumers can receive them again within {HIDDEN_S} s"));
}

/// Renders a queue's line and its messages. Lines of a message are indented, so that none passes for another message.
fn messages(queue: &QueueTarget, depth: Depth, all: &[Message], view: QueueView<'_>) -> String {
    let head = view.paint.tone(Tone::Strong, &queue.address);
    let mut out = format!("{head}  {}  {}\n", queue.queue_name, counts(depth));
    for message in all {
        out += &one(message, view);
    }
    out
}

fn one(message: &Message, QueueView { paint, secrets, now_ms }: QueueView<'_>) -> String {
    let line = |text: &str| visible::line(&secrets.mask(text)).into_owned();
    let mut head = paint.tone(Tone::Note, &line(&message.id));
    if let Some(sent) = message.sent_ms {
        head += &format!("  sent {} ago", age(now_ms - sent));
    }
    match message.received {
        Some(1) => head += "  received once",
        Some(times) => head += &format!("  received {times} times"),
        None => {}
    }
    for (name, value) in &message.attributes {
        let value = shortened(&secrets.mask(value), ATTRIBUTE_LENGTH);
        head += &format!("  {}", paint.tone(Tone::Faint, &visible::line(&format!("{}={value}", secrets.mask(name)))));
    }
    format!("\n{head}\n{}", body(&secrets.mask(&message.body)))
}

/// Indents a body and limits it. It must be masked before: a part of a secret would not be found.
fn body(masked: &str) -> String {
    let whole = masked.trim_end();
    let lines: Vec<&str> = whole.split('\n').take(BODY_LINES).collect();
    let shown: String = lines.join("\n").chars().take(BODY_LENGTH).collect();
    let rest = whole.chars().count() - shown.chars().count();
    let mut out: String = shown.split('\n').map(|line| format!("    {}\n", visible::line(line))).collect();
    if rest > 0 {
        out += &format!("    … {rest} more characters; `--json` has all\n");
    }
    out
}

fn shortened(text: &str, length: usize) -> String {
    match text.char_indices().nth(length) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// Formats a duration in milliseconds by its two largest units: `2 h 5 min`.
fn age(ms: i64) -> String {
    let s = ms.max(0) / 1000;
    match s {
        0..60 => format!("{s} s"),
        60..3_600 => format!("{} min", s / 60),
        3_600..86_400 => format!("{} h {} min", s / 3_600, s / 60 % 60),
        _ => format!("{} d {} h", s / 86_400, s / 3_600 % 24),
    }
}

/// Formats the counts of a queue's messages.
fn counts(Depth { waiting, in_flight, delayed }: Depth) -> String {
    let delayed = if delayed == 0 { String::new() } else { format!(", {delayed} delayed") };
    format!("about {waiting} waiting, {in_flight} in flight{delayed}")
}

/// Renders the messages as one object, with whole bodies.
fn messages_json(looked: &PeekReport<'_>, view: QueueView<'_>) -> Value {
    let PeekReport { queue, depth, messages: all, stack, place, .. } = looked;
    let message = |message: &Message| {
        let sent = message.sent_ms.and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok());
        json!({
            "id": message.id,
            "sent_at": sent.map(|at| format!("{at:.3}")),
            "age_s": message.sent_ms.map(|ms| (view.now_ms - ms).max(0) / 1000),
            "receive_count": message.received,
            "correlation_id": message.correlation_id(),
            "attributes": message.attributes,
            "body": message.body,
        })
    };
    let value = json!({
        "format_version": 1,
        "stack": stack,
        "region": place.region,
        "account": place.account,
        "address": queue.address,
        "queue_name": queue.queue_name,
        "approximate_counts": depth_json(*depth),
        "messages": all.iter().map(message).collect::<Vec<_>>(),
    });
    masked(value, view.secrets)
}

fn depth_json(Depth { waiting, in_flight, delayed }: Depth) -> Value {
    json!({ "waiting": waiting, "in_flight": in_flight, "delayed": delayed })
}

/// Renders the first JSON line of a command that changes something.
pub fn version(command: &str, heading: &Heading) -> String {
    format!("{}\n", first_line(command, heading))
}

/// Renders the JSON line before messages are moved or deleted.
fn started_json(action: &str, queue: &QueueTarget, sources: &[&QueueTarget], depth: Depth) -> String {
    let line = json!({
        "type": "action_started",
        "action": action,
        "address": queue.address,
        "queue_name": queue.queue_name,
        "sources": sources.iter().map(|source| &source.address).collect::<Vec<_>>(),
        "approximate_counts": depth_json(depth),
    });
    format!("{line}\n")
}

/// Renders the intended move.
fn intended_move(queue: &QueueTarget, sources: &[&QueueTarget], depth: Depth, paint: Paint) -> String {
    let line = format!("→ {}: about {} back to {}", queue.address, messages_of(depth.waiting), list_addresses(sources));
    paint.tone(Tone::Change, &line) + "\n"
}

/// Renders the intended deletion of messages.
fn intended_purge(queue: &QueueTarget, depth: Depth, paint: Paint) -> String {
    let line = format!("- {} ({}): about {} lost for good", queue.address, queue.queue_name, messages_of(depth.all()));
    format!("{}  ({})\n", paint.tone(Tone::Bad, &line), counts(depth))
}

/// Formats queues by their addresses: `queues.orders, queues.mails`.
fn list_addresses(queues: &[&QueueTarget]) -> String {
    queues.iter().map(|queue| queue.address.as_str()).collect::<Vec<_>>().join(", ")
}

/// Formats a count of messages.
pub fn messages_of(count: u64) -> String {
    super::counted(count, "message")
}

/// Renders the progress of a move as one line of text.
pub fn progress(task: &Task) -> String {
    match task.to_move {
        Some(all) => format!("moved about {} of {all}", task.moved),
        None => format!("moved about {}", task.moved),
    }
}

/// Renders the progress of a move as a JSON line.
fn progress_json(queue: &QueueTarget, task: &Task) -> String {
    let line = json!({
        "type": "action_progress",
        "address": queue.address,
        "moved": task.moved,
        "to_move": task.to_move,
    });
    format!("{line}\n")
}

/// Renders the last JSON line. `messages` is the approximate number of messages moved or deleted.
fn summary_json(result: &str, queue: &QueueTarget, messages: Option<i64>, took: Duration) -> String {
    let line = json!({
        "type": "summary",
        "result": result,
        "address": queue.address,
        "messages": messages,
        "seconds": took.as_secs_f64(),
    });
    format!("{line}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view(secrets: &Secrets) -> QueueView<'_> {
        QueueView { paint: Paint { colour: false }, secrets, now_ms: 1_700_000_000_000 }
    }

    fn message(body: &str) -> Message {
        Message {
            id: "m-1".into(),
            sent_ms: Some(1_700_000_000_000 - 7_500_000),
            received: Some(6),
            attributes: [("correlation_id".to_owned(), "c-7".to_owned())].into(),
            body: body.into(),
        }
    }

    #[test]
    fn a_message_shows_its_age_receives_attributes_and_body() {
        let secrets = Secrets::default();
        let text = one(&message("{\"prompt\": \"a sofa\"}"), view(&secrets));
        assert_eq!(
            text,
            "\nm-1  sent 2 h 5 min ago  received 6 times  correlation_id=c-7\n    {\"prompt\": \"a sofa\"}\n"
        );
    }

    #[test]
    fn no_line_of_a_body_passes_for_another_message_or_moves_the_cursor() {
        let secrets = Secrets::default();
        let text = one(&message("a\nm-2  sent 1 s ago\r\u{1b}[2Jx"), view(&secrets));
        assert!(text.ends_with("\n    a\n    m-2  sent 1 s ago\\u000d\\u001b[2Jx\n"), "{text}");
        let mut forged = message("");
        forged.attributes.insert("a\nb".into(), "x\n\u{9b}31m".into());
        assert!(one(&forged, view(&secrets)).contains("  a\\nb=x\\n\\u009b31m"));
    }

    #[test]
    fn a_secret_is_masked_before_a_body_is_cut() {
        let mut secrets = Secrets::default();
        secrets.add("hunter2-hunter2");
        let at_the_cut = format!("{}hunter2-hunter2{}", "x".repeat(BODY_LENGTH - 5), "y".repeat(100));
        let text = one(&message(&at_the_cut), view(&secrets));
        assert!(!text.contains("hunt") && text.contains("more characters; `--json` has all"), "{text}");
    }

    #[test]
    fn a_long_body_is_limited_in_lines_and_characters() {
        let secrets = Secrets::default();
        let text = one(&message(&"l\n".repeat(500)), view(&secrets));
        assert_eq!(text.lines().count(), BODY_LINES + 3, "a blank line, the head, the body, the rest: {text}");
        assert!(one(&message(&"å".repeat(9_000)), view(&secrets)).contains("… 7000 more characters"));
    }

    #[test]
    fn ages_have_their_two_largest_units() {
        let of = |s: i64| age(s * 1000);
        assert_eq!([of(-1), of(59), of(60), of(7_500), of(90_000)], ["0 s", "59 s", "1 min", "2 h 5 min", "1 d 1 h"]);
    }
}
