//! `deployer queue redrive`

use std::time::Duration;

use clap::Args;
use clap::builder::FalseyValueParser;
use clap_complete::ArgValueCompleter;
use tokio::time::Instant;

use super::super::examples::Examples;
use super::super::options::Approval;
use super::super::run::Run;
use super::super::{Exit, INTERRUPTED, OK, approval, complete};
use super::{OpenQueue, QueueChoice};
use crate::aws::AwsError;
use crate::failure::Failure;
use crate::operate::redrive::{self, Task, TaskStatus};
use crate::pipeline;
use crate::report::queues::{self as form, End};

/// Move the messages of a dead-letter queue back to the queue that they came from
///
/// SQS moves them; the command follows it until it ends. An interrupt leaves SQS moving.
#[derive(Debug, Args)]
#[command(add = EXAMPLES)]
pub struct Redrive {
    /// A queue's name in stack.yaml. The messages of its dead-letter queue are moved.
    #[arg(add = ArgValueCompleter::new(complete::queues))]
    name: String,
    /// Move at most this many messages a second, 1 to 500; default: as fast as SQS chooses.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=500))]
    rate: Option<u16>,
    /// Stop the move that is in progress. Messages that were moved stay moved.
    #[arg(long, conflicts_with = "rate", value_parser = FalseyValueParser::new())]
    cancel: bool,
    #[command(flatten)]
    approval: Approval,
}

const EXAMPLES: Examples = Examples(&[
    ("deployer queue redrive orders", "move its failed messages back, after a yes"),
    ("deployer queue redrive orders --rate 5 -y", "five a second, without asking"),
    ("deployer queue redrive orders --cancel", "stop it; moved messages stay moved"),
]);

impl Redrive {
    pub(super) async fn run(self, run: &Run) -> Exit {
        let which = QueueChoice { name: self.name, main: false };
        if self.cancel { cancel(run, &which).await } else { start(run, &which, self.rate, &self.approval).await }
    }
}

async fn start(run: &Run, which: &QueueChoice, rate: Option<u16>, approved: &Approval) -> Exit {
    approval::possible(run, approved, "queue redrive")?;
    let at = OpenQueue::find(run, which, "queue redrive").await?;
    at.begin(run, "queue redrive");
    let asked = async { Ok((at.tasks().await?, at.depth().await?)) };
    let (tasks, depth) = pipeline::unless_stopped(&run.stop, asked).await?;
    refuse_second(&at, &tasks)?;
    if depth.waiting == 0 {
        at.end(run, &End::NothingToMove(depth));
        return Ok(OK);
    }
    let sources = at.sources();
    at.view(&sources).announce_move(&run.terminal, depth);
    approval::ask_for_yes(run, approved, "queue redrive", "Type `yes` to move these messages back:").await?;
    if let Err(error) = redrive::start(&at.aws, &at.queue.arn, rate).await {
        // SQS's code for a second task is not documented.
        refuse_second(&at, &at.tasks().await?)?;
        return Err(at.refusal(&error));
    }
    at.view(&sources).print_start(&run.terminal, depth);
    let mut stop = run.stop.clone();
    let ended = tokio::select! {
        ended = follow(run, &at, redrive::latest_ms(&tasks)) => ended,
        _ = stop.wait_for(|asked| *asked > 0) => {
            at.end(run, &End::GoesOn);
            return Ok(INTERRUPTED);
        }
    };
    let task = ended.map_err(|error| {
        at.view(&sources).print_goes_on(&run.terminal);
        at.refusal(&error)
    })?;
    conclude(run, &at, &task)
}

fn refuse_second(at: &OpenQueue, tasks: &[Task]) -> Result<(), Failure> {
    let Some(task) = tasks.iter().find(|task| task.status.is_active()) else { return Ok(()) };
    let message = format!("a task moves messages of {} already: {}", at.queue.address, form::progress(task));
    let help = format!("wait until it ends, or stop it: `deployer queue redrive {} --cancel`", at.dead_letter_name());
    Err(at.problem("queue::moving", message, help))
}

/// How long a started task may be missing from SQS's list.
const LISTED_WITHIN: Duration = Duration::from_secs(60);

/// Polls the task that was started after `latest_ms` until it ends, and reports its progress. SQS itself ends a task
/// after 36 hours.
async fn follow(run: &Run, at: &OpenQueue, latest_ms: i64) -> Result<Task, AwsError> {
    let pause = Duration::from_millis(if at.aws.place.endpoint_url.is_some() { 20 } else { 1_000 });
    let (began, mut shown) = (Instant::now(), None);
    loop {
        let tasks = redrive::tasks(&at.aws, &at.queue.arn).await?;
        match redrive::started_after(&tasks, latest_ms) {
            Some(task) if !task.status.is_active() => return Ok(task.clone()),
            Some(task) if shown != Some((task.moved, task.to_move)) => {
                shown = Some((task.moved, task.to_move));
                at.view(&[]).print_progress(&run.terminal, task);
            }
            Some(_) => {}
            None if began.elapsed() > LISTED_WITHIN => {
                let condition = "SQS to list the task that it started".to_owned();
                return Err(AwsError::Deadline { condition, waited_s: LISTED_WITHIN.as_secs(), last: None });
            }
            None => {}
        }
        tokio::time::sleep(pause).await;
    }
}

fn conclude(run: &Run, at: &OpenQueue, task: &Task) -> Exit {
    let moved = form::messages_of(u64::try_from(task.moved).unwrap_or(0));
    let message = match &task.status {
        TaskStatus::Completed => {
            at.end(run, &End::Moved(task.moved));
            return Ok(OK);
        }
        TaskStatus::Cancelled => format!("the move was cancelled after about {moved}"),
        status => {
            let reason = task.reason.clone().unwrap_or_else(|| format!("{status:?}"));
            format!("SQS stopped the move after about {moved}: {reason}")
        }
    };
    at.end(run, &End::PartlyMoved(task.moved));
    let help = format!("the others stay in {}; run the same command again to move them", at.queue.queue_name);
    Err(at.problem("queue::partly-moved", message, help).masked(at.loaded.document.secrets()))
}

async fn cancel(run: &Run, which: &QueueChoice) -> Exit {
    let at = OpenQueue::find(run, which, "queue redrive").await?;
    at.begin(run, "queue redrive");
    let tasks = pipeline::unless_stopped(&run.stop, at.tasks()).await?;
    let Some(task) = tasks.iter().find(|task| task.status.is_active()) else {
        at.end(run, &End::NoTask);
        return Ok(OK);
    };
    if task.status == TaskStatus::Cancelling {
        at.end(run, &End::Cancelling(task));
        return Ok(OK);
    }
    let missing = || at.refusal(&AwsError::missing("sqs:ListMessageMoveTasks", "TaskHandle"));
    let handle = task.handle.as_deref().ok_or_else(missing)?;
    match redrive::cancel(&at.aws, handle).await {
        Ok(moved) => {
            at.end(run, &End::Cancelled(moved));
            Ok(OK)
        }
        Err(error) => {
            if at.tasks().await?.iter().any(|task| task.status.is_active()) {
                return Err(at.refusal(&error));
            }
            at.end(run, &End::Late);
            Ok(OK)
        }
    }
}
