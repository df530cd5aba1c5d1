//! `deployer trace`

use clap::Args;
use clap_complete::ArgValueCompleter;

use super::examples::Examples;
use super::logs::{reach, view};
use super::options::Lines;
use super::run::Run;
use super::{Exit, OK, complete};
use crate::failure::Failure;
use crate::operate::choose;
use crate::operate::queues::Queues;
use crate::operate::trace::{follow, held};
use crate::pipeline;
use crate::report::trace::TraceReport;

/// Follow one request or message through all functions' logs
///
/// Prints every invocation whose log mentions the id, from its start to its end, then how often it was tried, how each
/// attempt ended, and how many messages wait in the dead-letter queues. Nothing is received from a queue.
#[derive(Debug, Args)]
#[command(add = EXAMPLES)]
pub struct Trace {
    /// A correlation id, request id or message id.
    id: String,
    /// Only these functions.
    #[arg(add = ArgValueCompleter::new(complete::functions))]
    function: Vec<String>,
    #[command(flatten)]
    lines: Lines,
}

const EXAMPLES: Examples = Examples(&[
    ("deployer trace 0a1b2c3d", "one request through all functions' logs"),
    ("deployer trace 0a1b2c3d --since 14h --until 8h", "one of last night"),
]);

impl Trace {
    pub(super) async fn run(self, run: &Run) -> Exit {
        let Self { id, function: names, lines } = self;
        let time = lines.time()?;
        let (loaded, aws) = reach(run, "trace").await?;
        let targets = choose(&loaded.graph, &aws.place, &names, &loaded.document)?;
        let view = view(run, &loaded, &targets);
        let read = async {
            let found = follow(&aws, &targets, &id, time).await;
            found.map_err(|error| Failure::aws(&error, "", &loaded.document))
        };
        let trace = pipeline::unless_stopped(&run.stop, read).await?;
        if trace.is_empty() {
            let until = lines.until.map(|until| format!(" up to {} s ago", until.as_secs())).unwrap_or_default();
            let message = format!("no function's log of the last {} s{until} holds `{id}`", lines.since.as_secs());
            return Err(Failure::plain("trace::nothing", message, "look further back with `--since 1d`"));
        }
        let report = TraceReport { trace: &trace, id: &id };
        report.print(&run.terminal, view);
        let queues = Queues::of(&loaded.graph, &aws.place);
        let held = pipeline::unless_stopped(&run.stop, async { Ok(held(&aws, &queues).await) }).await?;
        report.print_verdict(&run.terminal, held, view);
        Ok(OK)
    }
}
