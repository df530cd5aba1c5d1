//! Sends one message through every edge of a deployed stack, and waits until it arrives.
//!
//! **Guarantees**: every result has its evidence: an answer, a line of a log, AWS's own record, a received message. A
//! probe carries a random word, so it is told from other messages where its text is visible. Probes that may start the
//! same function are sent one after the other. A queue that holds messages of others is not read. An alarm returns to
//! the state that it had.
//! **Assumptions**: a call of a function that begins after the probe was sent, and that no earlier look showed, is the
//! probe's, if the function does not log the probe's word.
//! **Caveats**: a mailbox, a telephone or a server outside AWS cannot be looked into. Only a function's own code sends on
//! the edges that begin at it.
//!
//! - `edges`: the edges of a stack, and how each is tried
//! - `rounds`: the probes that may be on their way at the same time
//! - `probe`, `filter`: the message, and the attributes by which it passes a filter
//! - `send`, `request`: how a probe leaves
//! - `arrival`, `calls`, `alarm`, `redrive`: how its arrival is known
//! - `sweep`: removes probes that remain in queues
//! - `causes`: what AWS has otherwise than the last apply left it

mod alarm;
mod arrival;
mod calls;
mod causes;
mod edges;
mod filter;
mod probe;
mod redrive;
mod request;
mod rounds;
mod send;
mod sweep;

use std::time::Duration;

use futures::future::join_all;
use tokio::time::Instant;

pub use edges::{Arrival, Departure, Edge, Obstacle, edges};
pub use rounds::letters;

use crate::aws::{Aws, Place};
use crate::execute::Stop;
use crate::graph::Graph;
use crate::observe::Observation;
use probe::Word;

/// The attribute of a message, and the member of a body, that mark a probe.
pub const MARK: &str = "deployer.verify";
/// The header of a request that marks a probe.
pub const HEADER: &str = "x-deployer-verify";

/// A stack as it was read.
#[derive(Clone, Copy)]
pub struct View<'a> {
    pub graph: &'a Graph,
    pub seen: &'a Observation,
    pub place: &'a Place,
    /// The owner in the ownership tags.
    pub stack: &'a str,
}

/// The means of a run.
#[derive(Clone, Copy)]
pub struct Means<'a> {
    pub aws: &'a Aws,
    /// The longest wait for one arrival, besides the time for which AWS holds a message by the stack's own settings.
    pub timeout: Duration,
    /// Milliseconds since 1970.
    pub now_ms: fn() -> i64,
    pub stop: &'a Stop,
}

impl Means<'_> {
    fn is_stopped(&self) -> bool {
        *self.stop.borrow() > 0
    }

    /// Waits before the next look. A local AWS has no rates.
    async fn pause(&self) {
        let pause = Duration::from_millis(if self.aws.place.endpoint_url.is_some() { 20 } else { 1_000 });
        let mut stop = self.stop.clone();
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            _ = stop.wait_for(|asked| *asked > 0) => {}
        }
    }
}

/// Whether an edge delivers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    Ok,
    Failed,
    Untried,
}

/// The result of an edge's probe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    pub verdict: Verdict,
    /// The evidence of an arrival, or the reason why there is none.
    pub text: String,
    /// The next step after a failure.
    pub help: Option<String>,
    /// From the sending to the evidence.
    pub took: Option<Duration>,
}

impl Outcome {
    fn ok(text: impl Into<String>, began: Instant) -> Self {
        Self { verdict: Verdict::Ok, text: text.into(), help: None, took: Some(began.elapsed()) }
    }

    fn failed(text: impl Into<String>) -> Self {
        Self { verdict: Verdict::Failed, text: text.into(), help: None, took: None }
    }

    fn untried(text: impl Into<String>) -> Self {
        Self { verdict: Verdict::Untried, text: text.into(), help: None, took: None }
    }

    fn with_help(self, help: impl Into<String>) -> Self {
        Self { help: Some(help.into()), ..self }
    }
}

/// Tries the edges. Their probes may pass others of `all` edges of the stack. `report` is told of each result at once,
/// in no certain order. The results are in the edges' order.
pub async fn verify(
    view: View<'_>,
    edges: &[Edge],
    all: &[Edge],
    means: Means<'_>,
    report: &(dyn Fn(&Edge, &Outcome) + Sync),
) -> Vec<Outcome> {
    let mut outcomes: Vec<Option<Outcome>> = edges.iter().map(known).collect();
    let mut words = Vec::new();
    for round in rounds::of(edges) {
        let trials = round.iter().map(|group| async {
            let word = Word::random();
            let tried = attempt(group, edges, all, means, &word).await;
            for (index, outcome) in &tried {
                report(&edges[*index], outcome);
            }
            (tried, word)
        });
        for (tried, word) in join_all(trials).await {
            for (index, outcome) in tried {
                outcomes[index] = Some(outcome);
            }
            words.push(word);
        }
    }
    sweep::all(edges, all, &mut outcomes, means, &words).await;
    let outcomes = outcomes.into_iter().map(|outcome| outcome.unwrap_or_else(|| Outcome::untried("interrupted")));
    outcomes.zip(edges).map(|(outcome, edge)| causes::explained(view, edge, outcome)).collect()
}

/// Returns the result of an edge that is not tried.
fn known(edge: &Edge) -> Option<Outcome> {
    match edge.obstacle.as_ref()? {
        Obstacle::Untried(why) => Some(Outcome::untried(why)),
        Obstacle::Broken { why, help } => Some(Outcome::failed(why).with_help(help)),
    }
}

/// Sends the one probe of some edges, and waits for its arrival at the end of each.
async fn attempt(
    group: &[usize],
    edges: &[Edge],
    all: &[Edge],
    means: Means<'_>,
    word: &Word,
) -> Vec<(usize, Outcome)> {
    let each = |outcome: Outcome| group.iter().map(|index| (*index, outcome.clone())).collect();
    let Some(departure) = group.first().map(|index| &edges[*index].departure) else { return Vec::new() };
    if means.is_stopped() {
        return each(Outcome::untried("interrupted"));
    }
    let ends = join_all(group.iter().map(|index| arrival::prepare(&edges[*index], means))).await;
    let from: Vec<&str> = group.iter().map(|index| edges[*index].from.as_str()).collect();
    let to_person = all.iter().any(|edge| edge.is_to_person() && from.contains(&edge.from.as_str()));
    let sent = match send::send(departure, word, means, to_person).await {
        Ok(sent) => sent,
        Err(outcome) => return each(outcome),
    };
    let arrivals = group.iter().zip(&ends).map(|(index, end)| {
        let sent = &sent;
        async move { (*index, arrival::wait(&edges[*index], end, sent, word, means).await) }
    });
    let mut outcomes = join_all(arrivals).await;
    if let Some(object) = &sent.object
        && let Err(error) = send::remove(means.aws, object).await
    {
        outcomes.iter_mut().for_each(|(_, outcome)| outcome.text += &format!("; its object stays: {error}"));
    }
    if let Departure::Ring { alarm_name } = departure {
        alarm::restore(means.aws, alarm_name, &sent, word).await;
    }
    outcomes
}
