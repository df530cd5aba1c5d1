//! `deployer queue`

mod peek;
mod purge;
mod redrive;

use clap::{Args, Subcommand};
use tokio::time::Instant;

use super::Exit;
use super::examples::Examples;
use super::options::Choice;
use super::run::Run;
use crate::aws::{Aws, AwsError};
use crate::failure::Failure;
use crate::operate::queues::{self, Depth, QueueTarget, Queues};
use crate::operate::redrive::{self as moving, Task};
use crate::pipeline::{self, LoadedStack};
use crate::report::heading::Heading;
use crate::report::queues::{self as form, End};

/// Look at failed messages, move them back, or delete a queue's messages
#[derive(Debug, Args)]
#[command(add = EXAMPLES)]
pub struct Queue {
    #[command(subcommand)]
    command: QueueCommand,
}

#[derive(Debug, Subcommand)]
enum QueueCommand {
    Peek(peek::Peek),
    Redrive(redrive::Redrive),
    Purge(purge::Purge),
}

const EXAMPLES: Examples = Examples(&[
    ("deployer queue peek orders", "the messages that failed"),
    ("deployer queue redrive orders", "once the cause is mended: move them back"),
]);

impl Queue {
    pub(super) async fn run(self, run: &Run) -> Exit {
        match self.command {
            QueueCommand::Peek(peek) => peek.run(run).await,
            QueueCommand::Redrive(redrive) => redrive.run(run).await,
            QueueCommand::Purge(purge) => purge.run(run).await,
        }
    }
}

/// The queue that the user means.
struct QueueChoice {
    /// The name of a queue in stack.yaml.
    name: String,
    /// The queue itself is meant, and not its dead-letter queue.
    main: bool,
}

/// The queue that a command works on. It carries the ownership tags of this stack.
struct OpenQueue {
    loaded: LoadedStack,
    aws: Aws,
    queues: Queues,
    queue: QueueTarget,
    began: Instant,
}

impl OpenQueue {
    /// Finds the queue called `name`, or its dead-letter queue unless `main`, and checks its owner.
    async fn find(run: &Run, which: &QueueChoice, operation: &str) -> Result<Self, Failure> {
        let began = Instant::now();
        let settings = run.settings_to_operate(&Choice::default(), operation)?;
        let loaded = run.recall_quietly(&settings).await?;
        let aws = pipeline::reach(&loaded, &settings, &run.stop).await?;
        let queues = Queues::of(&loaded.graph, &aws.place);
        let queue = queues.find(&which.name, which.main, &loaded.document)?.clone();
        pipeline::unless_stopped(&run.stop, queue.check_owner(&aws, &loaded.document)).await?;
        Ok(Self { loaded, aws, queues, queue, began })
    }

    fn problem(&self, code: &'static str, message: impl Into<String>, help: impl Into<String>) -> Failure {
        self.queue.problem(code, message, help, &self.loaded.document)
    }

    fn refusal(&self, error: &AwsError) -> Failure {
        self.queue.refusal(error, &self.loaded.document)
    }

    async fn depth(&self) -> Result<Depth, Failure> {
        queues::depth(&self.aws, &self.queue.url).await.map_err(|error| self.refusal(&error))
    }

    async fn tasks(&self) -> Result<Vec<Task>, Failure> {
        moving::tasks(&self.aws, &self.queue.arn).await.map_err(|error| self.refusal(&error))
    }

    fn sources(&self) -> Vec<&QueueTarget> {
        self.queues.sources_of(&self.queue).collect()
    }

    /// Returns the name to type for the subject's dead-letter queue.
    fn dead_letter_name(&self) -> &str {
        self.sources().first().map_or_else(|| self.queue.name(), |source| source.name())
    }

    /// Writes the first JSON line.
    fn begin(&self, run: &Run, command: &str) {
        if run.terminal.json {
            let heading = Heading::of(&self.loaded.document, &self.aws.place, run.global.local);
            run.terminal.data(&form::version(command, &heading));
        }
    }

    /// Prints how the command ended.
    fn end(&self, run: &Run, end: &End<'_>) {
        self.view(&self.sources()).print_end(&run.terminal, end, self.began.elapsed());
    }

    fn view<'a>(&'a self, sources: &'a [&'a QueueTarget]) -> form::CommandQueue<'a> {
        form::CommandQueue { queue: &self.queue, typed: self.dead_letter_name(), sources }
    }
}
