//! Follows one id through the functions' logs, as the whole invocations that mention it.

pub mod ending;

use std::collections::{BTreeMap, BTreeSet};

use futures::{StreamExt as _, TryStreamExt as _, stream};
use serde_json::Value;

use super::FunctionTarget;
use super::logs::entry::Entry;
use super::logs::{LogFilter, LogLine, Reader, holding, read};
use super::queues::{QueueTarget, Queues, depth};
use crate::aws::{Aws, AwsError};
use ending::Ending;

/// The lines of one request in the stream of one execution environment, in AWS's order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invocation {
    pub function: String,
    pub stream: String,
    pub request_id: String,
    pub lines: Vec<LogLine>,
    /// The time of the line that reports on the whole invocation; `None` if there is none.
    reported_at: Option<i64>,
}

impl Invocation {
    fn begun_by(line: LogLine, request_id: String) -> Self {
        let (function, stream) = (line.function.clone(), line.stream.clone());
        Self { function, stream, request_id, lines: vec![line], reported_at: None }
    }

    pub fn ending(&self) -> Ending {
        Ending::of(self)
    }
}

/// All that the logs have about one id.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Trace {
    /// By their first line's time.
    pub invocations: Vec<Invocation>,
    /// Lines that mention the id outside any invocation whose start is in the log, by time.
    pub loose: Vec<LogLine>,
}

impl Trace {
    pub fn is_empty(&self) -> bool {
        self.invocations.is_empty() && self.loose.is_empty()
    }

    /// Lists all lines, in no certain order.
    pub fn lines(&self) -> impl Iterator<Item = &LogLine> {
        self.invocations.iter().flat_map(|invocation| &invocation.lines).chain(&self.loose)
    }
}

/// An invocation lasts no longer, so its lines are not further from each other.
const LONGEST_MS: i64 = 900_000;
/// The most streams of one FilterLogEvents.
const STREAMS: usize = 100;
/// As for [`Reader`].
const AT_ONCE: usize = 4;

/// Finds the lines that contain `id`, and reads the invocations around them: FilterLogEvents.
///
/// # Errors
/// When a group cannot be read: the first such error.
pub async fn follow(
    aws: &Aws,
    targets: &[FunctionTarget],
    id: &str,
    time: std::ops::Range<i64>,
) -> Result<Trace, AwsError> {
    let wanted = LogFilter { time, pattern: Some(holding(id)), streams: Vec::new() };
    let mut matches = Reader::new(targets.to_vec(), wanted).next(aws).await?;
    // Not every endpoint takes the filter pattern literally.
    matches.retain(|line| line.message.contains(id));
    let mut around = Vec::new();
    for target in targets {
        let own = || matches.iter().filter(|line| line.function == target.name());
        let (Some(first), Some(last)) = (own().map(|line| line.at).min(), own().map(|line| line.at).max()) else {
            continue;
        };
        let streams: Vec<String> = own().map(|line| line.stream.clone()).collect::<BTreeSet<_>>().into_iter().collect();
        for streams in streams.chunks(STREAMS) {
            let time = (first - LONGEST_MS).max(0)..last.saturating_add(LONGEST_MS);
            around.push((target, LogFilter { time, pattern: None, streams: streams.to_vec() }));
        }
    }
    let reads = around.iter().map(|(target, wanted)| read(aws, target, wanted));
    let found: Vec<Vec<LogLine>> = stream::iter(reads).buffered(AT_ONCE).try_collect().await?;
    Ok(trace(found.into_iter().flatten(), id, &matches))
}

/// Groups lines into invocations, and keeps those that mention `id`. `matches` are the lines that are kept in any case.
fn trace(lines: impl IntoIterator<Item = LogLine>, id: &str, matches: &[LogLine]) -> Trace {
    let mut invocations = invocations(lines);
    invocations.retain(|invocation| invocation.lines.iter().any(|line| line.message.contains(id)));
    let within: BTreeSet<&str> =
        invocations.iter().flat_map(|invocation| &invocation.lines).map(|line| line.id.as_str()).collect();
    let loose = matches.iter().filter(|line| !within.contains(line.id.as_str())).cloned().collect();
    Trace { invocations, loose }
}

/// Groups lines into the invocations whose starts are among them, by their first line's time.
pub fn invocations(lines: impl IntoIterator<Item = LogLine>) -> Vec<Invocation> {
    let mut streams: BTreeMap<(String, String), Vec<LogLine>> = BTreeMap::new();
    for line in lines {
        streams.entry((line.function.clone(), line.stream.clone())).or_default().push(line);
    }
    let mut invocations: Vec<Invocation> = streams.into_values().flat_map(group).collect();
    invocations.sort_by_key(|invocation| invocation.lines.first().map(|line| line.at));
    invocations
}

/// A line by which Lambda marks the course of an invocation.
enum Mark {
    Start(String),
    /// A report or an end, which names its request.
    Of(String, bool),
    /// The start of a new process. What follows belongs to no invocation.
    Process,
    /// A line of the function that names its request.
    Within(String),
    None,
}

impl Mark {
    fn of(message: &str) -> Self {
        if message.starts_with('{') {
            let named = || Some(Self::Within(Entry::parse(message)?.request_id()?.to_owned()));
            return Self::of_json(message).or_else(named).unwrap_or(Self::None);
        }
        let of = |prefix: &str| Some(message.strip_prefix(prefix)?.split_whitespace().next()?.to_owned());
        match (of("START RequestId: "), of("END RequestId: "), of("REPORT RequestId: ")) {
            (Some(id), ..) => Self::Start(id),
            (_, Some(id), _) => Self::Of(id, false),
            (.., Some(id)) => Self::Of(id, true),
            _ if message.starts_with("INIT_START ") => Self::Process,
            _ => Self::None,
        }
    }

    fn of_json(message: &str) -> Option<Self> {
        let line: Value = serde_json::from_str(message).ok()?;
        let id = || line["record"]["requestId"].as_str().map(str::to_owned);
        match line["type"].as_str()? {
            "platform.start" => id().map(Self::Start),
            "platform.runtimeDone" => id().map(|id| Self::Of(id, false)),
            "platform.report" => id().map(|id| Self::Of(id, true)),
            "platform.initStart" | "platform.restoreStart" => Some(Self::Process),
            _ => None,
        }
    }
}

/// Groups the lines of one stream. A process handles one request at a time, so the lines between START and REPORT are
/// one invocation's. Without START, as under a `system_log_level` of WARN, an invocation begins with the first line that
/// names its request. Lines before are nobody's.
fn group(lines: Vec<LogLine>) -> Vec<Invocation> {
    let mut invocations: Vec<Invocation> = Vec::new();
    // A process can start before its predecessor's request has its report.
    let mut starting = false;
    for line in lines {
        match Mark::of(&line.message) {
            Mark::Start(request_id) => {
                starting = false;
                invocations.push(Invocation::begun_by(line, request_id));
            }
            Mark::Within(request_id) => {
                let own = invocations.iter_mut().rev().find(|invocation| invocation.request_id == request_id);
                match own {
                    Some(own) => own.lines.push(line),
                    None => {
                        starting = false;
                        invocations.push(Invocation::begun_by(line, request_id));
                    }
                }
            }
            Mark::Of(request_id, is_report) => {
                let own = invocations.iter_mut().rev().find(|invocation| invocation.request_id == request_id);
                let Some(own) = own else { continue };
                own.reported_at = own.reported_at.or(is_report.then_some(line.at));
                own.lines.push(line);
            }
            Mark::Process => starting = true,
            Mark::None => {
                let Some(last) = invocations.last_mut() else { continue };
                let is_running = !starting && last.reported_at.is_none_or(|at| line.at <= at);
                // Lambda writes some failures after the report.
                if is_running || line.message.contains(&last.request_id) {
                    last.lines.push(line);
                }
            }
        }
    }
    invocations
}

/// A queue in which messages are now, by SQS's approximate count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    pub queue: QueueTarget,
    pub messages: u64,
    /// The name for `deployer queue peek`, if failed messages end up here.
    pub peek: Option<String>,
}

/// Counts the messages of the stack's dead-letter queues and of the queues that they serve: GetQueueAttributes. Nothing
/// is received, so no message is hidden and no receive counted.
///
/// # Errors
/// A refusal by SQS.
pub async fn held(aws: &Aws, queues: &Queues) -> Result<Vec<Held>, AwsError> {
    let mut found = Vec::new();
    for queue in &queues.0 {
        let peek = queues.sources_of(queue).next().map(|source| source.name().to_owned());
        if peek.is_some() || queue.dead_letters.is_some() {
            found.push(Held { queue: queue.clone(), messages: depth(aws, &queue.url).await?.all(), peek });
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests;
