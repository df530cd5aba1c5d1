//! `deployer logs`

use std::time::Duration;

use clap::Args;
use clap_complete::ArgValueCompleter;

use super::examples::Examples;
use super::options::{Choice, Lines};
use super::run::Run;
use super::{Exit, INTERRUPTED, OK, complete};
use crate::aws::Aws;
use crate::failure::Failure;
use crate::operate::logs::{LogFilter, Reader};
use crate::operate::{FunctionTarget, choose};
use crate::pipeline::{self, LoadedStack};
use crate::report::logs as form;

/// The interval at which `--follow` polls.
const PAUSE: Duration = Duration::from_secs(1);

/// Print what functions logged, oldest first
#[derive(Debug, Args)]
#[command(add = EXAMPLES)]
pub struct Logs {
    /// Only these functions.
    #[arg(add = ArgValueCompleter::new(complete::functions))]
    function: Vec<String>,
    #[command(flatten)]
    lines: Lines,
    /// Only lines that match this CloudWatch Logs filter pattern.
    #[arg(long, value_name = "PATTERN")]
    filter: Option<String>,
    /// Go on until interrupted.
    #[arg(long, conflicts_with = "until")]
    follow: bool,
}

const EXAMPLES: Examples = Examples(&[
    ("deployer logs", "what all functions logged lately"),
    ("deployer logs image-worker --follow", "one function, until interrupted"),
    ("deployer logs --filter ERROR", "only lines with this pattern"),
    ("deployer logs --since 14h --until 8h", "what they logged last night"),
]);

impl Logs {
    pub(super) async fn run(self, run: &Run) -> Exit {
        let Self { function: names, lines, filter: pattern, follow } = self;
        let wanted = LogFilter { time: lines.time()?, pattern, streams: Vec::new() };
        let (loaded, aws) = reach(run, "logs").await?;
        let targets = choose(&loaded.graph, &aws.place, &names, &loaded.document)?;
        let view = view(run, &loaded, &targets);
        let mut reader = Reader::new(targets, wanted);
        let mut stop = run.stop.clone();
        loop {
            let read = tokio::select! {
                read = reader.next(&aws) => read,
                _ = stop.wait_for(|asked| *asked > 0) => return Ok(INTERRUPTED),
            };
            let read = read.map_err(|error| Failure::aws(&error, "", &loaded.document))?;
            form::print(&run.terminal, &read, view);
            if !follow {
                return Ok(OK);
            }
            tokio::select! {
                () = tokio::time::sleep(PAUSE) => {}
                _ = stop.wait_for(|asked| *asked > 0) => return Ok(INTERRUPTED),
            }
        }
    }
}

/// Loads the stack and connects to AWS.
pub(super) async fn reach(run: &Run, operation: &str) -> Result<(LoadedStack, Aws), Failure> {
    let settings = run.settings_to_operate(&Choice::default(), operation)?;
    let loaded = run.recall_quietly(&settings).await?;
    let aws = pipeline::reach(&loaded, &settings, &run.stop).await?;
    Ok((loaded, aws))
}

/// Returns how this terminal shows the lines of these functions.
pub(super) fn view<'a>(run: &Run, loaded: &'a LoadedStack, targets: &[FunctionTarget]) -> form::LogView<'a> {
    let width = targets.iter().map(|target| target.name().chars().count()).max().unwrap_or(0);
    form::LogView { width, paint: run.terminal.out, secrets: loaded.document.secrets() }
}
