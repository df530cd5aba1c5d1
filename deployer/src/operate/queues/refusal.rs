//! The reasons why a command cannot work on a queue.

use super::{QueueNameError, QueueTarget, Queues, is_purging, owner};
use crate::aws::{Aws, AwsError};
use crate::failure::Failure;
use crate::graph::owner::Owner;
use crate::operate::means;
use crate::operate::redrive::is_unknown_here;
use crate::plan::{PlanError, Problem};
use crate::spec::document::Document;
use crate::spec::nearest::{nearest, quoted};

impl Queues {
    /// Finds the queue called `name`, or its dead-letter queue unless `main`.
    ///
    /// # Errors
    /// When the stack has no such queue, or its names need a variable without a value.
    pub fn find(&self, name: &str, main: bool, document: &Document) -> Result<&QueueTarget, Failure> {
        let missing = document.incomplete().into_iter().find(|(element, _)| means(element, name));
        if let Some((element, variables)) = missing.filter(|_| self.find_queue(name).is_err()) {
            return Err(Failure::lacking(&element, &variables, document));
        }
        let found = if main { self.find_queue(name) } else { self.dead_letters_of(name) };
        found.map_err(|unmeant| self.unmeant(unmeant, name, document))
    }

    /// Reports a name that means no queue which the command can work on.
    fn unmeant(&self, unmeant: QueueNameError, name: &str, document: &Document) -> Failure {
        match unmeant {
            QueueNameError::Unknown if self.0.is_empty() => {
                Failure::plain("queue::unknown", "this stack has no queues", "add one under `queues:`")
            }
            QueueNameError::Unknown => {
                let known = || self.0.iter().map(QueueTarget::name);
                let help = nearest(name, known()).map_or_else(
                    || format!("there are {}", quoted(known())),
                    |meant| format!("did you mean `{meant}`?"),
                );
                Failure::plain("queue::unknown", format!("this stack has no queue `{name}`"), help)
            }
            QueueNameError::WithoutDeadLetters(queue) => {
                let message = format!("`{}` has no dead-letter queue", queue.element);
                let help = "add `redrive: { max_receive_count: 5 }` and apply it; `--main` of `peek` and `purge` means the queue itself";
                queue.problem("queue::without-dead-letters", message, help, document)
            }
            QueueNameError::Elsewhere(queue, arn) => {
                let message = format!("the dead-letter queue of `{}` is not in this stack: {arn}", queue.element);
                queue.problem("queue::foreign", message, "use the stack that owns it", document)
            }
        }
    }
}

impl QueueTarget {
    /// Checks that the queue exists and carries the ownership tags of this stack: ListQueueTags.
    ///
    /// # Errors
    /// When it does not, or SQS refuses.
    pub async fn check_owner(&self, aws: &Aws, document: &Document) -> Result<(), Failure> {
        let Self { queue_name, address, external, url, .. } = self;
        if *external {
            let message = format!("the queue {queue_name} is only referred to by this stack");
            return Err(self.problem("queue::foreign", message, "use the stack that owns it", document));
        }
        let found = owner(aws, url, document.stack()).await.map_err(|error| self.refusal(&error, document))?;
        let Some(owner) = found else {
            let message = format!("the queue {queue_name} does not exist");
            let help = "check its name and the region in stack.yaml; `deployer apply` creates it";
            return Err(self.problem("queue::absent", message, help, document));
        };
        let Owner::Foreign(foreign) = owner else { return Ok(()) };
        let help = format!("adopt it first: `deployer adopt '{address}'`");
        Err(self.problem("queue::foreign", format!("the queue {queue_name} {foreign}"), help, document))
    }

    /// Reports a problem with the queue at its element.
    pub fn problem(
        &self,
        code: &'static str,
        message: impl Into<String>,
        help: impl Into<String>,
        document: &Document,
    ) -> Failure {
        let (address, element) = (self.address.clone(), self.element.clone());
        let problem = Problem { code, address, element, message: message.into(), help: help.into() };
        Failure::plan(PlanError(vec![problem]), document)
    }

    /// Reports a refusal by SQS.
    pub fn refusal(&self, error: &AwsError, document: &Document) -> Failure {
        if is_unknown_here(error) {
            let message = format!("this endpoint of AWS does not know {}", error.operation());
            let help = "emulators may not move messages back, the local cloud among them; AWS does";
            return self.problem("queue::unsupported", message, help, document);
        }
        if is_purging(error) {
            let message = format!("the queue {} was purged within the last 60 s", self.queue_name);
            return self.problem("queue::purging", message, "wait a minute, then run the same command again", document);
        }
        Failure::aws(error, &self.element, document).masked(document.secrets())
    }
}
