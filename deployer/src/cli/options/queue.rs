//! The commands below `deployer queue`.

use clap::Subcommand;
use clap::builder::FalseyValueParser;
use clap_complete::ArgValueCompleter;

use super::super::completions;
use super::shared::Approval;

/// The queues' verbs.
#[derive(Debug, Subcommand)]
pub enum QueueCommand {
    /// Show messages of a dead-letter queue without removing them
    ///
    /// The messages are received and given back at once, so each look counts as one receive of each message.
    Peek {
        /// A queue's name in stack.yaml. Its dead-letter queue is meant.
        #[arg(add = ArgValueCompleter::new(completions::queues))]
        name: String,
        /// Show at most this many messages, 1 to 100.
        #[arg(long, default_value_t = 10, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=100))]
        limit: u8,
        /// Show messages of the queue itself.
        #[arg(long, value_parser = FalseyValueParser::new())]
        main: bool,
    },
    /// Move the messages of a dead-letter queue back to the queue that they came from
    ///
    /// SQS moves them; the command follows it until it ends. An interrupt leaves SQS moving.
    Redrive {
        /// A queue's name in stack.yaml. The messages of its dead-letter queue are moved.
        #[arg(add = ArgValueCompleter::new(completions::queues))]
        name: String,
        /// Move at most this many messages a second, 1 to 500; default: as fast as SQS chooses.
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=500))]
        rate: Option<u16>,
        /// Stop the move that is in progress. Messages that were moved stay moved.
        #[arg(long, conflicts_with = "rate", value_parser = FalseyValueParser::new())]
        cancel: bool,
        #[command(flatten)]
        approval: Approval,
    },
    /// Delete all messages of a dead-letter queue for good
    ///
    /// To confirm, type the queue's name in AWS.
    Purge {
        /// A queue's name in stack.yaml. Its dead-letter queue is meant.
        #[arg(add = ArgValueCompleter::new(completions::queues))]
        name: String,
        /// Delete the messages of the queue itself.
        #[arg(long, value_parser = FalseyValueParser::new())]
        main: bool,
        #[command(flatten)]
        approval: Approval,
    },
}
