//! `deployer queue`

use std::time::Duration;

use tokio::time::Instant;

use super::options::{Approval, Choice, QueueCommand};
use super::run::Run;
use super::{Exit, INTERRUPTED, OK, approval};
use crate::aws::{Aws, AwsError};
use crate::failure::Failure;
use crate::graph::owner::Owner;
use crate::operate::queues::{self, Depth, HIDDEN_S, Look, QueueTarget, Queues, Unmeant};
use crate::operate::redrive::{self, Status, Task};
use crate::pipeline::{self, Loaded};
use crate::plan::{PlanError, Problem};
use crate::report::queues as form;
use crate::spec::nearest::{nearest, quoted};

pub(super) async fn run(run: &Run, command: QueueCommand) -> Exit {
    match command {
        QueueCommand::Peek { name, limit, main } => peek(run, (&name, main), limit.into()).await,
        QueueCommand::Redrive { name, cancel: true, .. } => cancel(run, &name).await,
        QueueCommand::Redrive { name, rate, approval, .. } => redrive(run, &name, rate, &approval).await,
        QueueCommand::Purge { name, main, approval } => purge(run, (&name, main), &approval).await,
    }
}

/// The queue that a command works on. It carries the ownership tags of this stack.
struct Subject {
    loaded: Loaded,
    aws: Aws,
    queues: Queues,
    queue: QueueTarget,
    began: Instant,
}

impl Subject {
    /// Finds the queue called `name`, or its dead-letter queue unless `main`, and checks whose it is.
    async fn find(run: &Run, (name, main): (&str, bool), operation: &str) -> Result<Self, Failure> {
        let began = Instant::now();
        let settings = run.settings(&Choice::default(), operation)?;
        let loaded = pipeline::load(&settings)?;
        let aws = pipeline::reach(&loaded, &settings, &run.stop).await?;
        let queues = Queues::of(&loaded.graph, &aws.place);
        let found = if main { queues.named(name) } else { queues.dead_letters_of(name) };
        let queue = found.map_err(|unmeant| unmeaning(unmeant, name, &queues, &loaded))?.clone();
        let subject = Self { loaded, aws, queues, queue, began };
        pipeline::unless_stopped(&run.stop, subject.check_owner()).await?;
        Ok(subject)
    }

    async fn check_owner(&self) -> Result<(), Failure> {
        let QueueTarget { queue_name, address, external, url, .. } = &self.queue;
        if *external {
            let message = format!("the queue {queue_name} is only referred to by this stack");
            return Err(self.problem("queue::foreign", message, "use the stack that owns it"));
        }
        let Some(owner) =
            queues::owner(&self.aws, url, self.loaded.document.stack()).await.map_err(|error| self.refused(&error))?
        else {
            let message = format!("the queue {queue_name} does not exist");
            let help = "check its name and the region in stack.yaml; `deployer apply` creates it";
            return Err(self.problem("queue::absent", message, help));
        };
        match owner {
            Owner::Ours => Ok(()),
            Owner::Foreign(whose) => {
                let help = format!("adopt it first: `deployer adopt '{address}'`");
                Err(self.problem("queue::foreign", format!("the queue {queue_name} {whose}"), help))
            }
        }
    }

    fn problem(&self, code: &'static str, message: impl Into<String>, help: impl Into<String>) -> Failure {
        problem(code, &self.queue, (message.into(), help.into()), &self.loaded)
    }

    /// Reports a refusal by SQS.
    fn refused(&self, error: &AwsError) -> Failure {
        if redrive::is_unknown_here(error) {
            let message = format!("this endpoint of AWS does not know {}", error.operation());
            let help = "emulators may not move messages back, the local cloud among them; AWS does";
            return self.problem("queue::unsupported", message, help);
        }
        if queues::is_purging(error) {
            let message = format!("the queue {} was purged within the last 60 s", self.queue.queue_name);
            return self.problem("queue::purging", message, "wait a minute, then run the same command again");
        }
        Failure::aws(error, &self.queue.element, &self.loaded.document).masked(self.loaded.document.secrets())
    }

    async fn depth(&self) -> Result<Depth, Failure> {
        queues::depth(&self.aws, &self.queue.url).await.map_err(|error| self.refused(&error))
    }

    async fn tasks(&self) -> Result<Vec<Task>, Failure> {
        redrive::tasks(&self.aws, &self.queue.arn).await.map_err(|error| self.refused(&error))
    }

    fn sources(&self) -> Vec<&QueueTarget> {
        self.queues.sources_of(&self.queue).collect()
    }

    /// Returns the name to type for the subject's dead-letter queue.
    fn typed(&self) -> &str {
        self.sources().first().map_or_else(|| self.queue.name(), |source| source.name())
    }

    /// Writes the first JSON line.
    fn begin(&self, run: &Run, command: &str) {
        if run.terminal.json {
            run.terminal.data(&form::version(command, self.loaded.document.stack(), &self.aws.place));
        }
    }

    /// Writes the last JSON line, or `text` for people.
    fn end(&self, run: &Run, result: &str, messages: Option<i64>, text: &str) {
        if run.terminal.json {
            run.terminal.data(&form::summary_json(result, &self.queue, messages, self.began.elapsed()));
        } else {
            run.terminal.say(text);
        }
    }
}

fn problem(code: &'static str, at: &QueueTarget, (message, help): (String, String), loaded: &Loaded) -> Failure {
    let (address, element) = (at.address.clone(), at.element.clone());
    Failure::plan(PlanError(vec![Problem { code, address, element, message, help }]), &loaded.document)
}

/// Reports a name that means no queue which the command can work on.
fn unmeaning(unmeant: Unmeant, name: &str, queues: &Queues, loaded: &Loaded) -> Failure {
    match unmeant {
        Unmeant::Unknown if queues.0.is_empty() => {
            Failure::plain("queue::unknown", "this stack has no queues", "add one under `queues:`")
        }
        Unmeant::Unknown => {
            let known = || queues.0.iter().map(QueueTarget::name);
            let help = nearest(name, known())
                .map_or_else(|| format!("there are {}", quoted(known())), |meant| format!("did you mean `{meant}`?"));
            Failure::plain("queue::unknown", format!("this stack has no queue `{name}`"), help)
        }
        Unmeant::WithoutDeadLetters(queue) => {
            let message = format!("`{}` has no dead-letter queue", queue.element);
            let help = "add `redrive: { max_receive_count: 5 }` and apply it; `--main` of `peek` and `purge` means the queue itself";
            problem("queue::without-dead-letters", &queue, (message, help.to_owned()), loaded)
        }
        Unmeant::Elsewhere(queue, arn) => {
            let message = format!("the dead-letter queue of `{}` is not in this stack: {arn}", queue.element);
            let help = "use the stack that owns it".to_owned();
            problem("queue::foreign", &queue, (message, help), loaded)
        }
    }
}

async fn peek(run: &Run, which: (&str, bool), limit: usize) -> Exit {
    let at = Subject::find(run, which, "queue peek").await?;
    let depth = pipeline::unless_stopped(&run.stop, at.depth()).await?;
    let mut look = Look::default();
    let looked = async {
        let received = look.receive(&at.aws, &at.queue.url, limit, &run.stop).await;
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

fn show(run: &Run, at: &Subject, depth: Depth, look: &Look) {
    let document = &at.loaded.document;
    let now = super::environment::now().parse::<jiff::Timestamp>().map_or(0, jiff::Timestamp::as_millisecond);
    let view = form::View { paint: run.terminal.out, secrets: document.secrets(), now_ms: now };
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

async fn redrive(run: &Run, name: &str, rate: Option<u16>, approved: &Approval) -> Exit {
    approval::possible(run, approved, "queue redrive")?;
    let at = Subject::find(run, (name, false), "queue redrive").await?;
    at.begin(run, "queue redrive");
    let asked = async { Ok((at.tasks().await?, at.depth().await?)) };
    let (tasks, depth) = pipeline::unless_stopped(&run.stop, asked).await?;
    refuse_second(&at, &tasks)?;
    if depth.waiting == 0 {
        at.end(run, "ok", Some(0), &format!("Nothing to move: {} has {}.", at.queue.address, form::counts(depth)));
        return Ok(OK);
    }
    let sources = at.sources();
    if !run.terminal.json {
        run.terminal.data(&form::intended_move(&at.queue, &sources, depth, run.terminal.out));
    }
    approval::given(run, approved, "queue redrive", "Type `yes` to move these messages back:").await?;
    if let Err(error) = redrive::start(&at.aws, &at.queue.arn, rate).await {
        // SQS's code for a second task is not documented.
        refuse_second(&at, &at.tasks().await?)?;
        return Err(at.refused(&error));
    }
    if run.terminal.json {
        run.terminal.data(&form::started_json("redrive", &at.queue, &sources, depth));
    }
    let mut stop = run.stop.clone();
    let ended = tokio::select! {
        ended = follow(run, &at, redrive::latest_ms(&tasks)) => ended,
        _ = stop.wait_for(|asked| *asked > 0) => {
            at.end(run, "interrupted", None, &goes_on(&at));
            return Ok(INTERRUPTED);
        }
    };
    let task = ended.map_err(|error| {
        run.terminal.say(&goes_on(&at));
        at.refused(&error)
    })?;
    conclude(run, &at, &task)
}

fn goes_on(at: &Subject) -> String {
    format!("SQS goes on moving. To stop it: `deployer queue redrive {} --cancel`", at.typed())
}

fn refuse_second(at: &Subject, tasks: &[Task]) -> Result<(), Failure> {
    let Some(task) = tasks.iter().find(|task| task.status.is_active()) else { return Ok(()) };
    let message = format!("a task moves messages of {} already: {}", at.queue.address, form::progress(task));
    let help = format!("wait until it ends, or stop it: `deployer queue redrive {} --cancel`", at.typed());
    Err(at.problem("queue::moving", message, help))
}

/// How long a started task may be missing from SQS's list.
const LISTED_WITHIN: Duration = Duration::from_secs(60);

/// Polls the task that was started after `latest_ms` until it ends, and reports its progress. SQS itself ends a task
/// after 36 hours.
async fn follow(run: &Run, at: &Subject, latest_ms: i64) -> Result<Task, AwsError> {
    let pause = Duration::from_millis(if at.aws.place.endpoint_url.is_some() { 20 } else { 1_000 });
    let (began, mut shown) = (Instant::now(), None);
    loop {
        let tasks = redrive::tasks(&at.aws, &at.queue.arn).await?;
        match redrive::started_after(&tasks, latest_ms) {
            Some(task) if !task.status.is_active() => return Ok(task.clone()),
            Some(task) if shown != Some((task.moved, task.to_move)) => {
                shown = Some((task.moved, task.to_move));
                if run.terminal.json {
                    run.terminal.data(&form::progress_json(&at.queue, task));
                } else {
                    run.terminal.say(&form::progress(task));
                }
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

fn conclude(run: &Run, at: &Subject, task: &Task) -> Exit {
    let moved = form::messages_of(u64::try_from(task.moved).unwrap_or(0));
    let message = match &task.status {
        Status::Completed => {
            let text = format!("Done: about {moved} moved back to {}.", form::named(&at.sources()));
            at.end(run, "ok", Some(task.moved), &text);
            return Ok(OK);
        }
        Status::Cancelled => format!("the move was cancelled after about {moved}"),
        status => {
            let reason = task.reason.clone().unwrap_or_else(|| format!("{status:?}"));
            format!("SQS stopped the move after about {moved}: {reason}")
        }
    };
    if run.terminal.json {
        at.end(run, "failed", Some(task.moved), "");
    }
    let help = format!("the others stay in {}; run the same command again to move them", at.queue.queue_name);
    Err(at.problem("queue::partly-moved", message, help).masked(at.loaded.document.secrets()))
}

async fn cancel(run: &Run, name: &str) -> Exit {
    let at = Subject::find(run, (name, false), "queue redrive").await?;
    at.begin(run, "queue redrive");
    let tasks = pipeline::unless_stopped(&run.stop, at.tasks()).await?;
    let Some(task) = tasks.iter().find(|task| task.status.is_active()) else {
        at.end(run, "ok", None, &format!("No task moves messages of {}: nothing to cancel.", at.queue.address));
        return Ok(OK);
    };
    if task.status == Status::Cancelling {
        at.end(run, "ok", Some(task.moved), &format!("The task is being cancelled already: {}.", form::progress(task)));
        return Ok(OK);
    }
    let missing = || at.refused(&AwsError::missing("sqs:ListMessageMoveTasks", "TaskHandle"));
    let handle = task.handle.as_deref().ok_or_else(missing)?;
    match redrive::cancel(&at.aws, handle).await {
        Ok(moved) => {
            let text = format!(
                "Cancelled: about {} moved back before; the others stay in {}.",
                form::messages_of(u64::try_from(moved).unwrap_or(0)),
                at.queue.queue_name
            );
            at.end(run, "ok", Some(moved), &text);
            Ok(OK)
        }
        Err(error) => {
            if at.tasks().await?.iter().any(|task| task.status.is_active()) {
                return Err(at.refused(&error));
            }
            at.end(run, "ok", None, "The task ended before it could be cancelled.");
            Ok(OK)
        }
    }
}

async fn purge(run: &Run, which: (&str, bool), approved: &Approval) -> Exit {
    approval::possible(run, approved, "queue purge")?;
    let at = Subject::find(run, which, "queue purge").await?;
    at.begin(run, "queue purge");
    let depth = pipeline::unless_stopped(&run.stop, at.depth()).await?;
    if run.terminal.json {
        run.terminal.data(&form::started_json("purge", &at.queue, &[], depth));
    } else {
        run.terminal.data(&form::intended_purge(&at.queue, depth, run.terminal.out));
    }
    let word = &at.queue.queue_name;
    let question = format!("Type the queue's name, {word}, to delete its messages:");
    approval::typed(run, approved, "queue purge", &question, word).await?;
    queues::purge(&at.aws, &at.queue.url).await.map_err(|error| at.refused(&error))?;
    let text = "Done: SQS deletes the messages within 60 s, and those that arrive meanwhile perhaps, too.";
    at.end(run, "ok", i64::try_from(depth.all()).ok(), text);
    Ok(OK)
}
