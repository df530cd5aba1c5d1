//! `deployer queue purge`

use clap::Args;
use clap::builder::FalseyValueParser;
use clap_complete::ArgValueCompleter;

use super::super::examples::Examples;
use super::super::options::Approval;
use super::super::run::Run;
use super::super::{Exit, OK, approval, complete};
use super::{OpenQueue, QueueChoice};
use crate::operate::queues;
use crate::pipeline;
use crate::report::queues::End;

/// Delete all messages of a dead-letter queue for good
///
/// To confirm, type the queue's name in AWS.
#[derive(Debug, Args)]
#[command(add = EXAMPLES)]
pub struct Purge {
    /// A queue's name in stack.yaml. Its dead-letter queue is meant.
    #[arg(add = ArgValueCompleter::new(complete::queues))]
    name: String,
    /// Delete the messages of the queue itself.
    #[arg(long, value_parser = FalseyValueParser::new())]
    main: bool,
    #[command(flatten)]
    approval: Approval,
}

const EXAMPLES: Examples = Examples(&[
    ("deployer queue purge orders", "delete its failed messages for good"),
    ("deployer queue purge orders --main", "delete all messages of the queue itself"),
]);

impl Purge {
    pub(super) async fn run(self, run: &Run) -> Exit {
        let Self { name, main, approval } = self;
        let which = QueueChoice { name, main };
        approval::possible(run, &approval, "queue purge")?;
        let at = OpenQueue::find(run, &which, "queue purge").await?;
        at.begin(run, "queue purge");
        let depth = pipeline::unless_stopped(&run.stop, at.depth()).await?;
        at.view(&[]).announce_purge(&run.terminal, depth);
        let word = &at.queue.queue_name;
        let question = format!("Type the queue's name, {word}, to delete its messages:");
        approval::ask_for_word(run, &approval, "queue purge", &question, word).await?;
        queues::purge(&at.aws, &at.queue.url).await.map_err(|error| at.refusal(&error))?;
        at.end(run, &End::Purged(depth));
        Ok(OK)
    }
}
