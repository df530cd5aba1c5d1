//! `deployer trace`

use clap::Args;

use super::environment::since;
use super::examples::Examples;
use super::logs::{reach, view};
use super::options::Lines;
use super::run::Run;
use super::{Exit, OK};
use crate::failure::Failure;
use crate::operate::choose;
use crate::operate::logs::{LogFilter, Reader, holding};
use crate::pipeline;
use crate::report::logs as form;

/// Follow one request or message through all functions' logs
#[derive(Debug, Args)]
#[command(add = EXAMPLES)]
pub struct Trace {
    /// A correlation id, request id or message id.
    id: String,
    #[command(flatten)]
    lines: Lines,
}

const EXAMPLES: Examples = Examples(&[("deployer trace 0a1b2c3d", "one request through all functions' logs")]);

impl Trace {
    pub(super) async fn run(self, run: &Run) -> Exit {
        let Self { id, lines } = self;
        let (loaded, aws) = reach(run, "trace").await?;
        let targets = choose(&loaded.graph, &aws.place, &[], &loaded.document)?;
        let view = view(run, &loaded, &targets);
        let wanted = LogFilter { since: since(lines.since), pattern: Some(holding(&id)) };
        let mut reader = Reader::new(targets, wanted);
        let read = async { reader.next(&aws).await.map_err(|error| Failure::aws(&error, "", &loaded.document)) };
        let mut read = pipeline::unless_stopped(&run.stop, read).await?;
        // Not every endpoint takes the filter pattern literally.
        read.retain(|line| line.message.contains(id.as_str()));
        if read.is_empty() {
            let message = format!("no function's log of the last {} s holds `{id}`", lines.since.as_secs());
            return Err(Failure::plain("trace::nothing", message, "look further back with `--since 1d`"));
        }
        form::timeline(&run.terminal, &read, view);
        Ok(OK)
    }
}
