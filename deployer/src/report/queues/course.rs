//! Prints the course of a command that changes a queue's messages, and its end.

use std::time::Duration;

use super::{
    counts, intended_move, intended_purge, list_addresses, messages_of, progress, progress_json, started_json,
    summary_json,
};
use crate::operate::queues::{Depth, QueueTarget};
use crate::operate::redrive::Task;
use crate::report::terminal::Terminal;

/// The queue that a command is about.
#[derive(Clone, Copy)]
pub struct CommandQueue<'a> {
    pub queue: &'a QueueTarget,
    /// The name to type for it in a command.
    pub typed: &'a str,
    /// The queues whose failed messages it receives.
    pub sources: &'a [&'a QueueTarget],
}

/// How a command ended.
pub enum End<'a> {
    NothingToMove(Depth),
    /// The user interrupted the command; SQS continues to move messages.
    GoesOn,
    Moved(i64),
    PartlyMoved(i64),
    NoTask,
    Cancelling(&'a Task),
    Cancelled(i64),
    /// The task ended before it could be cancelled.
    Late,
    Purged(Depth),
}

impl CommandQueue<'_> {
    /// Prints the messages that are about to be moved. Programs read them in [`CommandQueue::print_start`].
    pub fn announce_move(self, terminal: &Terminal, depth: Depth) {
        if !terminal.json {
            terminal.data(&intended_move(self.queue, self.sources, depth, terminal.out));
        }
    }

    /// Prints that SQS began to move messages.
    pub fn print_start(self, terminal: &Terminal, depth: Depth) {
        if terminal.json {
            terminal.data(&started_json("redrive", self.queue, self.sources, depth));
        }
    }

    /// Prints the progress of a move.
    pub fn print_progress(self, terminal: &Terminal, task: &Task) {
        match terminal.json {
            true => terminal.data(&progress_json(self.queue, task)),
            false => terminal.say(&progress(task)),
        }
    }

    /// Prints the messages that are about to be deleted.
    pub fn announce_purge(self, terminal: &Terminal, depth: Depth) {
        terminal.data(&match terminal.json {
            true => started_json("purge", self.queue, &[], depth),
            false => intended_purge(self.queue, depth, terminal.out),
        });
    }

    /// Tells that SQS continues to move messages, and how to stop it.
    pub fn print_goes_on(self, terminal: &Terminal) {
        terminal.say(&self.goes_on_text());
    }

    /// Prints how the command ended.
    pub fn print_end(self, terminal: &Terminal, end: &End<'_>, took: Duration) {
        match end {
            _ if terminal.json => {
                let (result, messages) = end.result();
                terminal.data(&summary_json(result, self.queue, messages, took));
            }
            _ => {
                if let Some(text) = self.text(end) {
                    terminal.say(&text);
                }
            }
        }
    }

    fn goes_on_text(self) -> String {
        format!("SQS goes on moving. To stop it: `deployer queue redrive {} --cancel`", self.typed)
    }

    fn text(self, end: &End<'_>) -> Option<String> {
        let Self { queue, sources, .. } = self;
        let about = |moved: i64| format!("about {}", messages_of(u64::try_from(moved).unwrap_or(0)));
        Some(match end {
            End::NothingToMove(depth) => format!("Nothing to move: {} has {}.", queue.address, counts(*depth)),
            End::GoesOn => self.goes_on_text(),
            End::Moved(moved) => format!("Done: {} moved back to {}.", about(*moved), list_addresses(sources)),
            // The failure tells it.
            End::PartlyMoved(_) => return None,
            End::NoTask => format!("No task moves messages of {}: nothing to cancel.", queue.address),
            End::Cancelling(task) => format!("The task is being cancelled already: {}.", progress(task)),
            End::Cancelled(moved) => {
                format!("Cancelled: {} moved back before; the others stay in {}.", about(*moved), queue.queue_name)
            }
            End::Late => "The task ended before it could be cancelled.".to_owned(),
            End::Purged(_) => {
                "Done: SQS deletes the messages within 60 s, and those that arrive meanwhile perhaps, too.".to_owned()
            }
        })
    }
}

impl End<'_> {
    /// Returns the result, and the approximate number of messages moved or deleted, for programs.
    fn result(&self) -> (&'static str, Option<i64>) {
        match self {
            Self::NothingToMove(_) => ("ok", Some(0)),
            Self::GoesOn => ("interrupted", None),
            Self::Moved(moved) | Self::Cancelled(moved) => ("ok", Some(*moved)),
            Self::PartlyMoved(moved) => ("failed", Some(*moved)),
            Self::Cancelling(task) => ("ok", Some(task.moved)),
            Self::NoTask | Self::Late => ("ok", None),
            Self::Purged(depth) => ("ok", i64::try_from(depth.all()).ok()),
        }
    }
}
