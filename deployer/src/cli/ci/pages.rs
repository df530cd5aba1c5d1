//! What a run leaves where people look: the step's page and outputs, annotations, the request's comment.

use super::super::OK;
use super::super::apply::Ended;
use super::super::run::Run;
use super::event::{self, Proposal};
use super::occasion::Decision;
use super::review;
use crate::failure::Failure;
use crate::pipeline::{Loaded, Ready};
use crate::plan::Effects;
use crate::report::{github, markdown};
use crate::spec::secrets::Secrets;

/// Bytes of the summary that are kept for what comes of the plan.
const FOR_THE_OUTCOME: usize = 100_000;

pub(super) struct Pages<'a> {
    run: &'a Run,
    step: Option<github::Step>,
}

impl<'a> Pages<'a> {
    pub(super) fn new(run: &'a Run) -> Self {
        Self { run, step: run.environment.github_step() }
    }

    /// Has secrets masked before anything else is written.
    pub(super) fn begin(&self, loaded: &Loaded) {
        if self.step.is_some() {
            self.run.terminal.command(&github::masks(loaded.document.secrets()));
        }
    }

    pub(super) fn planned(&self, ready: &Ready, decision: &Decision, effects: &Effects) {
        let Some(step) = &self.step else { return };
        let limit = step.room().saturating_sub(FOR_THE_OUTCOME);
        self.written(step.summarise(&page(ready, decision, limit)));
        let mut outputs = github::counts(&ready.plan);
        outputs.insert("digest".to_owned(), effects.digest());
        self.written(step.set_outputs(&outputs));
    }

    /// Writes the plan into the request's one comment of this stack. A plan without a comment is still a plan.
    pub(super) async fn comment(&self, ready: &Ready, decision: &Decision, effects: &Effects, about: &Proposal) {
        let document = &ready.loaded.document;
        let (Some(number), Some(forge)) = (about.number, event::forge(&self.run.environment)) else { return };
        if !document.ci().comment {
            return;
        }
        let (mark, record) = (review::mark(document.stack()), review::record(effects));
        let commit = about.head.as_deref().map(|head| format!(" of {head}")).unwrap_or_default();
        let last = format!("Plan{commit}: `{}`\n\n{record}\n", effects.digest());
        let room = review::COMMENT_LIMIT.saturating_sub(mark.len() + last.len());
        let body = format!("{mark}\n{}{last}", page(ready, decision, room));
        if let Err(error) = forge.comment(number, &mark, &body).await {
            let advice = "the job's token may have to be allowed `pull-requests: write`";
            self.warn("no comment", &format!("the plan could not be written into a comment: {error}; {advice}"));
        }
    }

    pub(super) fn applied(&self, ended: &Ended) {
        let Some(step) = &self.step else { return };
        let Ended { outcome, loaded: Loaded { document, .. }, .. } = ended;
        self.written(step.summarise(&markdown::outcome(outcome, document, step.room())));
        self.written(step.set_outputs(&github::stack_outputs(&outcome.state.outputs, document.secrets())));
    }

    pub(super) fn failed(&self, failure: &Failure, secrets: Option<&Secrets>) {
        let Some(step) = &self.step else { return };
        self.written(step.summarise(&markdown::failure(failure, "deployer ci failed", secrets, step.room())));
    }

    /// Warns without stopping the run.
    pub(super) fn warn(&self, title: &str, text: &str) {
        self.run.terminal.say(&format!("warning: {text}"));
        if let Some(step) = &self.step {
            self.run.terminal.command(&github::warning(title, text));
            self.written(step.summarise(&markdown::note(title, text)));
        }
    }

    /// Requests from forks get no credentials; what can be said without AWS has been said.
    pub(super) fn only_validated(&self, stack: &str) -> u8 {
        let text = format!(
            "{} is valid, but there is no plan: this run has no AWS credentials.",
            self.run.global.file.display()
        );
        self.run.terminal.say(&text);
        if let Some(step) = &self.step {
            self.run.terminal.command(&github::notice("validated only", &text));
            self.written(step.summarise(&markdown::note(&format!("{stack}: validated only"), &text)));
        }
        OK
    }

    /// The stack matters more than a page about it.
    fn written(&self, result: std::io::Result<()>) {
        if let Err(error) = result {
            self.run.terminal.say(&format!("cannot write for GitHub Actions: {error}"));
        }
    }
}

fn page(ready: &Ready, decision: &Decision, limit: usize) -> String {
    let document = &ready.loaded.document;
    let title = format!("{}: {}", document.stack(), if decision.apply { "apply" } else { "plan" });
    markdown::plan(&ready.plan, ready.cost, &title, &decision.why, document.secrets(), limit)
}
