//! Reads functions' log lines from CloudWatch Logs.

pub mod entry;

use std::collections::BTreeSet;
use std::ops::Range;

use futures::{StreamExt as _, TryStreamExt as _, stream};

use super::FunctionTarget;
use crate::aws::{Aws, AwsError};

/// One line that a function wrote.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct LogLine {
    /// Milliseconds since 1970, UTC.
    pub at: i64,
    /// The function's element name.
    pub function: String,
    pub message: String,
    pub stream: String,
    pub id: String,
}

/// Selects lines.
#[derive(Debug, Clone)]
pub struct LogFilter {
    /// From the earliest moment up to the one after the latest, in milliseconds since 1970, UTC.
    pub time: Range<i64>,
    /// A CloudWatch Logs filter pattern; `None` selects every line.
    pub pattern: Option<String>,
    /// Only these streams; all if there are none.
    pub streams: Vec<String>,
}

/// Follows functions' logs without showing a line twice.
pub struct Reader {
    targets: Vec<FunctionTarget>,
    wanted: LogFilter,
    /// Ids of lines already returned, which a later read may find again.
    seen: BTreeSet<String>,
}

/// CloudWatch Logs accepts lines up to this much late, so a follower looks this far back each time.
const LATE_MS: i64 = 10_000;
/// FilterLogEvents is limited to some calls a second for the whole account.
const AT_ONCE: usize = 4;
const ABSENT: &[&str] = &["ResourceNotFoundException"];

impl Reader {
    pub fn new(targets: Vec<FunctionTarget>, wanted: LogFilter) -> Self {
        Self { targets, wanted, seen: BTreeSet::new() }
    }

    /// Reads the lines since the last read, oldest first: FilterLogEvents of some groups at once. A group that does not
    /// exist has no lines.
    ///
    /// # Errors
    /// When a group cannot be read: the first such error.
    pub async fn next(&mut self, aws: &Aws) -> Result<Vec<LogLine>, AwsError> {
        let reads = self.targets.iter().map(|target| read(aws, target, &self.wanted));
        let found: Vec<Vec<LogLine>> = stream::iter(reads).buffered(AT_ONCE).try_collect().await?;
        let mut lines: Vec<LogLine> = found.into_iter().flatten().collect();
        lines.retain(|line| !self.seen.contains(&line.id));
        // The sort is stable: lines of one function with the same time stay in AWS's order.
        lines.sort_by_key(|line| line.at);
        if let Some(newest) = lines.iter().map(|line| line.at).max() {
            self.wanted.time.start = self.wanted.time.start.max(newest - LATE_MS);
        }
        self.seen.extend(lines.iter().map(|line| line.id.clone()));
        Ok(lines)
    }
}

/// Reads one function's lines in AWS's order: FilterLogEvents. A group that does not exist has none.
///
/// # Errors
/// A refusal by CloudWatch Logs.
pub async fn read(aws: &Aws, target: &FunctionTarget, wanted: &LogFilter) -> Result<Vec<LogLine>, AwsError> {
    let (mut lines, mut token) = (Vec::new(), None);
    let streams = Some(&wanted.streams).filter(|streams| !streams.is_empty());
    loop {
        let call = aws
            .clients
            .logs
            .filter_log_events()
            .log_group_name(&target.log_group)
            .start_time(wanted.time.start)
            .set_end_time(Some(wanted.time.end).filter(|end| *end < i64::MAX))
            .set_log_stream_names(streams.cloned())
            .set_filter_pattern(wanted.pattern.clone())
            .set_next_token(token)
            .send();
        let Some(page) = aws.find("logs:FilterLogEvents", ABSENT, call).await? else { return Ok(lines) };
        for event in page.events.unwrap_or_default() {
            let at = event.timestamp.unwrap_or_default();
            let message = event.message.unwrap_or_default().trim_end().to_owned();
            let stream = event.log_stream_name.unwrap_or_default();
            let id = event.event_id.unwrap_or_else(|| format!("{stream} {at} {message}"));
            let function = target.name().to_owned();
            // Some emulators answer this call without filtering by time.
            if wanted.time.contains(&at) {
                lines.push(LogLine { at, function, message, stream, id });
            }
        }
        token = page.next_token;
        if token.is_none() {
            return Ok(lines);
        }
    }
}

/// Returns the filter pattern for lines that contain `text` literally.
pub fn holding(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

#[cfg(test)]
mod tests {
    use super::holding;

    #[test]
    fn a_text_is_quoted_for_the_filter() {
        assert_eq!(holding("a-b"), "\"a-b\"");
        assert_eq!(holding("a\"b\\"), "\"a\\\"b\\\\\"");
    }
}
