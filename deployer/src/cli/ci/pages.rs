//! Writes the results of a run to the places that people read: the step's page and outputs, annotations, the request's
//! comment.

use std::cell::RefCell;
use std::collections::BTreeSet;

use super::super::execution::ExecutionEnd;
use super::super::run::Run;
use super::event::{self, Proposal};
use super::occasion::Decision;
use super::review;
use super::seal::Seal;
use crate::failure::Failure;
use crate::pipeline::{ApplyResult, LoadedStack, Ready, RecordedPlan};
use crate::plan::Effects;
use crate::report::heading::Heading;
use crate::report::markdown::PageHead;
use crate::report::{ci, github, markdown, ready};
use crate::spec::secrets::Secrets;

/// Bytes of the summary that are reserved for the plan's outcome.
const FOR_THE_OUTCOME: usize = 100_000;

pub(super) struct Pages<'a> {
    run: &'a Run,
    step: Option<github::StepFiles>,
    /// The errors of unwritable files that were printed already; each is printed once.
    said: RefCell<BTreeSet<String>>,
}

impl<'a> Pages<'a> {
    pub(super) fn new(run: &'a Run) -> Self {
        Self { run, step: run.environment.github_step(), said: RefCell::default() }
    }

    /// Makes the runner mask every secret that is known so far. Called before anything else is written, and again after
    /// AWS has revealed the secrets of an earlier apply.
    pub(super) fn mask(&self, loaded: &LoadedStack) {
        if self.step.is_some() {
            self.run.terminal.command(&github::masks(loaded.document.secrets()));
        }
    }

    pub(super) fn show_plan(&self, ready: &Ready, decision: &Decision, effects: &Effects) {
        let Some(step) = &self.step else { return };
        let limit = step.room().saturating_sub(FOR_THE_OUTCOME);
        self.warn_if_unwritten(step.summarise(&page(ready, decision, limit)));
        let mut outputs = github::counts(&ready.plan);
        outputs.insert("digest".to_owned(), effects.digest());
        if !decision.apply {
            // If the run applies, it sets the outputs at its end, when they are more accurate.
            outputs.extend(github::stack_outputs(&ready.outputs_now(), ready.loaded.document.secrets()));
        }
        self.warn_if_unwritten(step.set_outputs(&outputs));
    }

    /// Writes the plan into the stack's single comment on the request. A failure only warns.
    pub(super) async fn comment(&self, ready: &Ready, decision: &Decision, effects: &Effects, about: &Proposal) {
        let document = &ready.loaded.document;
        let (Some(number), Some(forge)) = (about.number, event::forge(&self.run.environment)) else { return };
        if !document.ci().comment {
            return;
        }
        let (mark, seal) = (review::mark(document.stack()), Seal::new(ready.review_key()));
        let commit = about.head.as_deref().map(|head| format!(" of {head}")).unwrap_or_default();
        let last = format!("Plan{commit}: `{}`\n", effects.digest());
        let room = github::COMMENT_LIMIT.saturating_sub(mark.len() + last.len() + 1 + review::added_length(effects));
        let shown = format!("{mark}\n{}{last}", page(ready, decision, room));
        let body = review::seal_comment(&shown, effects, number, &seal);
        match forge.comment(number, &mark, &body).await {
            Ok(kept) if matches!(review::read_record(&kept, number, &seal), Some(Ok(_))) => {}
            Ok(_) => self.warn(
                "a comment that proves nothing",
                "the forge keeps the comment otherwise than it was sent, so an apply will not take it for a review",
            ),
            Err(error) => {
                let advice = "the job's token may have to be allowed `pull-requests: write`";
                self.warn("no comment", &format!("the plan could not be written into a comment: {error}; {advice}"));
            }
        }
    }

    pub(super) fn show_apply(&self, ended: &ExecutionEnd) {
        let Some(step) = &self.step else { return };
        let ApplyResult { outcome, loaded: LoadedStack { document, .. }, .. } = &ended.applied;
        self.warn_if_unwritten(step.summarise(&markdown::outcome(outcome, document, step.room())));
        self.warn_if_unwritten(step.set_outputs(&github::stack_outputs(&outcome.state.outputs, document.secrets())));
    }

    /// Describes a preview environment on the step's page and in a comment of its own.
    pub(super) async fn show_preview(&self, env: &str, ended: &ExecutionEnd) {
        if let Some(step) = &self.step {
            self.warn_if_unwritten(
                step.set_outputs(&github::stack_outputs(&ended.applied.outcome.state.outputs, secrets(ended))),
            );
        }
        self.environment(env, "preview", ended).await;
    }

    /// Reports that a preview environment was destroyed, on the step's page and in its comment.
    pub(super) async fn show_destruction(&self, env: &str, ended: &ExecutionEnd) {
        self.environment(env, "preview destroyed", ended).await;
    }

    async fn environment(&self, env: &str, what: &str, ended: &ExecutionEnd) {
        let document = &ended.applied.loaded.document;
        let title = format!("## {}: {what}\n\n{}\n\n", document.stack(), ended.heading.line());
        let body = |limit: usize| {
            let limit = limit.saturating_sub(title.len());
            format!("{title}{}", markdown::outcome(&ended.applied.outcome, document, limit))
        };
        if let Some(step) = &self.step {
            self.warn_if_unwritten(step.summarise(&body(step.room())));
            self.warn_if_unwritten(step.set_outputs(&[("env".to_owned(), env.to_owned())].into()));
        }
        let about = Proposal::of(&self.run.environment);
        let (Some(number), Some(forge)) = (about.number, event::forge(&self.run.environment)) else { return };
        if !document.ci().comment {
            return;
        }
        let mark = review::mark(document.stack());
        let text = format!("{mark}\n{}", body(github::COMMENT_LIMIT - mark.len() - 1));
        if let Err(error) = forge.comment(number, &mark, &text).await {
            self.warn("no comment", &format!("the preview could not be written into a comment: {error}"));
        }
    }

    pub(super) fn show_failure(&self, failure: &Failure, secrets: Option<&Secrets>) {
        let Some(step) = &self.step else { return };
        self.warn_if_unwritten(step.summarise(&markdown::failure(failure, "deployer ci failed", secrets, step.room())));
    }

    /// Warns without stopping the run.
    pub(super) fn warn(&self, title: &str, text: &str) {
        ci::warn(&self.run.terminal, text);
        if let Some(step) = &self.step {
            self.run.terminal.command(&github::warning(title, text));
            self.warn_if_unwritten(step.summarise(&markdown::note(title, text)));
        }
    }

    /// Prints a plan that was made without credentials, with its limitations.
    pub(super) fn show_recorded(&self, recorded: &RecordedPlan, decision: &Decision) {
        let RecordedPlan { loaded, plan, cost, written_at, place } = recorded;
        let text = ci::without_credentials(written_at);
        self.run.terminal.say(&text);
        let Some(step) = &self.step else { return };
        self.run.terminal.command(&github::notice("planned without credentials", &text));
        let (title, why) = (format!("{}: plan", loaded.document.stack()), format!("{}; {text}", decision.why));
        let heading = &Heading::of(&loaded.document, place, false);
        let head = PageHead { title: &title, heading, why: &why };
        let page = markdown::plan(plan, *cost, head, loaded.document.secrets(), step.room());
        self.warn_if_unwritten(step.summarise(&page));
        self.warn_if_unwritten(step.set_outputs(&github::counts(plan)));
    }

    /// Reports that the stack is valid but not planned, such as for a fork's request without credentials.
    pub(super) fn only_validated(&self, stack: &str, why: &str) {
        let text = ci::only_validated(&self.run.global.file, why);
        self.run.terminal.say(&text);
        if let Some(step) = &self.step {
            self.run.terminal.command(&github::notice("validated only", &text));
            self.warn_if_unwritten(step.summarise(&markdown::note(&format!("{stack}: validated only"), &text)));
        }
    }

    /// Warns if a page could not be written. The stack matters more than its pages.
    fn warn_if_unwritten(&self, result: std::io::Result<()>) {
        let Err(error) = result else { return };
        let text = format!("{error}; what is shown on GitHub stays incomplete");
        if self.said.borrow_mut().insert(text.clone()) {
            ci::warn(&self.run.terminal, &text);
        }
    }
}

fn secrets(ended: &ExecutionEnd) -> &Secrets {
    ended.applied.loaded.document.secrets()
}

fn page(ready: &Ready, decision: &Decision, limit: usize) -> String {
    let document = &ready.loaded.document;
    let title = format!("{}: {}", document.stack(), if decision.apply { "apply" } else { "plan" });
    let head = PageHead { title: &title, heading: &ready::heading(ready), why: &decision.why };
    markdown::plan(&ready.plan, ready.cost, head, document.secrets(), limit)
}
