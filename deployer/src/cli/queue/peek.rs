//! `deployer queue peek`

use clap::Args;
use clap::builder::FalseyValueParser;
use clap_complete::ArgValueCompleter;

use super::super::examples::Examples;
use super::super::run::Run;
use super::super::{Exit, OK, complete, environment};
use super::{Subject, Which};
use crate::failure::Failure;
use crate::operate::queues::{Depth, HIDDEN_S, Look};
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
        let which = Which { name, main };
        let at = Subject::find(run, &which, "queue peek").await?;
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
        let hidden = match &given_back {
            Ok(0) => None,
            Ok(some) => Some(format!("{} could not be given back", form::messages_of(*some as u64))),
            Err(error) => Some(format!("the messages could not be given back: {error}")),
        };
        if let Some(why) = hidden {
            run.terminal.say(&format!("warning: {why}; consumers can receive them again within {HIDDEN_S} s"));
        }
        received.map_err(|error| at.refused(&error))?;
        if *run.stop.borrow() > 0 {
            return Err(interrupted("interrupted; received messages were given back".to_owned()));
        }
        show(run, &at, depth, &look);
        Ok(OK)
    }
}

fn show(run: &Run, at: &Subject, depth: Depth, look: &Look) {
    let document = &at.loaded.document;
    let view = form::View { paint: run.terminal.out, secrets: document.secrets(), now_ms: environment::now_ms() };
    if run.terminal.json {
        let place = (document.stack(), &at.aws.place);
        let value = form::messages_json(&at.queue, depth, &look.messages, place, view);
        run.terminal.data(&format!("{value}\n"));
    } else {
        run.terminal.data(&form::messages(&at.queue, depth, &look.messages, view));
    }
    if look.messages.is_empty() {
        return run.terminal.say("No message can be received now.");
    }
    run.terminal.say("\nThis look counts as a receive of each message shown. They are in the queue as before.");
    if at.queue.dead_letters.is_some() {
        run.terminal.say("A message that is received too often goes to the dead-letter queue (`max_receive_count`).");
    }
    if !at.sources().is_empty() {
        run.terminal.say(&format!("Once the cause is mended: `deployer queue redrive {}`", at.typed()));
    }
}
