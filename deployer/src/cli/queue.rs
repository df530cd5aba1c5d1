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
use crate::graph::owner::Owner;
use crate::operate::queues::{self, Depth, QueueTarget, Queues, Unmeant};
use crate::operate::redrive::{self as moving, Task};
use crate::pipeline::{self, Loaded};
use crate::plan::{PlanError, Problem};
use crate::report::queues::{self as form, End};
use crate::spec::nearest::{nearest, quoted};

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
struct Which {
    /// The name of a queue in stack.yaml.
    name: String,
    /// The queue itself is meant, and not its dead-letter queue.
    main: bool,
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
    async fn find(run: &Run, which: &Which, operation: &str) -> Result<Self, Failure> {
        let began = Instant::now();
        let settings = run.settings(&Choice::default(), operation)?;
        let loaded = pipeline::load(&settings)?;
        let aws = pipeline::reach(&loaded, &settings, &run.stop).await?;
        let queues = Queues::of(&loaded.graph, &aws.place);
        let Which { name, main } = which;
        let found = if *main { queues.named(name) } else { queues.dead_letters_of(name) };
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
        let found = queues::owner(&self.aws, url, self.loaded.document.stack()).await;
        let Some(owner) = found.map_err(|error| self.refused(&error))? else {
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
        if moving::is_unknown_here(error) {
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
        moving::tasks(&self.aws, &self.queue.arn).await.map_err(|error| self.refused(&error))
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

    /// Prints how the command ended.
    fn end(&self, run: &Run, end: &End<'_>) {
        self.view(&self.sources()).print_end(&run.terminal, end, self.began.elapsed());
    }

    fn view<'a>(&'a self, sources: &'a [&'a QueueTarget]) -> form::Subject<'a> {
        form::Subject { queue: &self.queue, typed: self.typed(), sources }
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
