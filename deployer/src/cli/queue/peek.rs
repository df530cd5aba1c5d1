//! `deployer queue peek`

use clap::Args;
use clap::builder::FalseyValueParser;
use clap_complete::ArgValueCompleter;

use super::super::examples::Examples;
use super::super::run::Run;
use super::super::{Exit, OK, complete, environment};
use super::{OpenQueue, QueueChoice};
use crate::failure::Failure;
use crate::operate::queues::{HIDDEN_S, Look};
use crate::pipeline;
use crate::report::queues as form;

/// Show messages of a dead-letter queue without removing them
///
/// The messages are received and given back at once, so each look counts as one receive of each message.
#[derive(Debug, Args)]
#[command(add = EXAMPLES)]
pub struct Peek {
    /// A queue's name in stack.yaml. Its dead-letter queue is meant.
    #[arg(add = ArgValueCompleter::new(complete::queues))]
    name: String,
    /// Show at most this many messages, 1 to 100.
    #[arg(long, default_value_t = 10, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=100))]
    limit: u8,
    /// Show messages of the queue itself.
    #[arg(long, value_parser = FalseyValueParser::new())]
    main: bool,
}

const EXAMPLES: Examples = Examples(&[
    ("deployer queue peek orders", "messages of its dead-letter queue"),
    ("deployer queue peek orders --limit 50 --json", "more of them, with whole bodies"),
    ("deployer queue peek orders --main", "the messages that wait in the queue itself"),
]);

impl Peek {
    pub(super) async fn run(self, run: &Run) -> Exit {
        let Self { name, limit, main } = self;
        let which = QueueChoice { name, main };
        let at = OpenQueue::find(run, &which, "queue peek").await?;
        let depth = pipeline::unless_stopped(&run.stop, at.depth()).await?;
        let mut look = Look::default();
        let looked = async {
            let received = look.receive(&at.aws, &at.queue.url, limit.into(), &run.stop).await;
            (received, look.give_back(&at.aws, &at.queue.url).await)
        };
        let mut stop = run.stop.clone();
        let interrupted = |message: String| Failure::plain("run::interrupted", message, "run the same command again");
        let (received, given_back) = tokio::select! {
            looked = looked => looked,
            _ = stop.wait_for(|asked| *asked > 1) => {
                return Err(interrupted(format!("interrupted; received messages are visible again within {HIDDEN_S} s")));
            }
        };
        form::warn_of_hidden(&run.terminal, &given_back);
        received.map_err(|error| at.refusal(&error))?;
        if *run.stop.borrow() > 0 {
            return Err(interrupted("interrupted; received messages were given back".to_owned()));
        }
        let view = form::QueueView {
            paint: run.terminal.out,
            secrets: at.loaded.document.secrets(),
            now_ms: environment::now_ms(),
        };
        let looked = form::PeekReport {
            queue: &at.queue,
            depth,
            messages: &look.messages,
            stack: at.loaded.document.stack(),
            place: &at.aws.place,
            redrive: if at.sources().is_empty() { None } else { Some(at.dead_letter_name()) },
        };
        form::print_look(&run.terminal, &looked, view);
        Ok(OK)
    }
}
