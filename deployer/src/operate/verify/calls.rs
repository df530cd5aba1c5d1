//! Finds the calls of a function that a probe caused, by the function's log.

use std::collections::BTreeSet;

use super::Means;
use super::probe::Word;
use super::send::Sent;
use crate::aws::AwsError;
use crate::operate::FunctionTarget;
use crate::operate::logs::{LogFilter, read};
use crate::operate::trace::{Invocation, invocations};

/// How far the clocks of this machine and of AWS may be apart.
const SKEW_MS: i64 = 2_000;

/// A function, with the calls that its log had before the probe was sent.
pub struct Watched {
    pub function: FunctionTarget,
    before: BTreeSet<String>,
}

/// A call that the probe caused.
pub struct Call {
    pub invocation: Invocation,
    /// The log of the call has the probe's word or its id.
    pub is_named: bool,
}

impl Watched {
    /// Looks at the log before the probe is sent: FilterLogEvents. A log that cannot be read is reported after it.
    pub async fn begin(function: &FunctionTarget, means: Means<'_>) -> Self {
        let before = recent(function, (means.now_ms)(), means).await.unwrap_or_default();
        Self { function: function.clone(), before: before.into_iter().map(|call| call.request_id).collect() }
    }

    /// Finds the probe's call: the one whose log names it, else the first one since it was sent.
    ///
    /// # Errors
    /// A refusal by CloudWatch Logs.
    pub async fn find(&self, sent: &Sent, word: &Word, means: Means<'_>) -> Result<Option<Call>, AwsError> {
        let mut calls = recent(&self.function, sent.at_ms, means).await?;
        calls.retain(|call| !self.before.contains(&call.request_id));
        let names = |text: &str| text.contains(word.text()) || sent.id.as_ref().is_some_and(|id| text.contains(id));
        let named = calls.iter().position(|call| call.lines.iter().any(|line| names(&line.message)));
        let is_named = named.is_some();
        let first = || calls.iter().position(|_| true);
        Ok(named.or_else(first).map(|index| Call { invocation: calls.swap_remove(index), is_named }))
    }
}

async fn recent(function: &FunctionTarget, from_ms: i64, means: Means<'_>) -> Result<Vec<Invocation>, AwsError> {
    let time = (from_ms - SKEW_MS).max(0)..i64::MAX;
    let lines = read(means.aws, function, &LogFilter { time, pattern: None, streams: Vec::new() }).await?;
    Ok(invocations(lines))
}
