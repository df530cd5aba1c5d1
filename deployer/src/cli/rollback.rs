//! `deployer rollback`

use clap::Args;
use clap::builder::FalseyValueParser;
use clap_complete::ArgValueCompleter;
use tokio::time::Instant;

use super::examples::Examples;
use super::options::{Approval, Choice};
use super::run::Run;
use super::{ERROR, Exit, INTERRUPTED, OK, approval, complete};
use crate::failure::Failure;
use crate::operate::choose;
use crate::operate::rollback::{Decision, RollbackCandidate, Wish, carry_out, decide, failures, subjects};
use crate::pipeline::{self, Desk, LoadedStack};
use crate::report::ending::RunCost;
use crate::report::heading::Heading;
use crate::report::progress::Preparation;
use crate::report::rollback as form;

/// Deploy the previous code of functions again, as AWS keeps it
///
/// Each function whose code the last apply changed goes back to the code that it ran before. A function that is named
/// goes back in any case. Settings stay as they are. stack.yaml still means the newer code, so the next apply deploys
/// that again: to keep the previous code, revert the source, too.
#[derive(Debug, Args)]
#[command(add = EXAMPLES)]
pub struct Rollback {
    /// Only these functions.
    #[arg(add = ArgValueCompleter::new(complete::functions))]
    function: Vec<String>,
    /// Deploy the code of this version; name exactly one function.
    #[arg(long, value_name = "VERSION")]
    to: Option<u64>,
    /// List the versions that AWS keeps, and change nothing.
    #[arg(long, conflicts_with = "to", value_parser = FalseyValueParser::new())]
    list: bool,
    #[command(flatten)]
    approval: Approval,
}

const EXAMPLES: Examples = Examples(&[
    ("deployer rollback", "the previous code of all functions, once you say yes"),
    ("deployer rollback image-worker --auto-approve", "one function, for scripts"),
    ("deployer rollback --list", "the versions that AWS keeps, and which one runs"),
    ("deployer rollback image-worker --to 7", "to this version, forward too"),
]);

impl Rollback {
    pub(super) async fn run(self, run: &Run) -> Exit {
        if self.to.is_some() && self.function.len() != 1 {
            let message = "`--to` is about the versions of one function, and none or several are named";
            return Err(Failure::plain("run::usage", message, "`deployer rollback FUNCTION --to VERSION`"));
        }
        let settings = run.settings_to_operate(&Choice::default(), "rollback")?;
        let loaded = run.recall(&settings).await?;
        let progress = Preparation::new(run.terminal);
        if self.list {
            let desk = Desk::to_read(&loaded, &settings, &progress, &run.stop).await?;
            return list(run, &loaded, &desk, &self.function).await;
        }
        if !approval::is_possible(run, &self.approval) {
            let desk = Desk::to_read(&loaded, &settings, &progress, &run.stop).await?;
            return self.only_show(run, &loaded, &desk).await;
        }
        let desk = Desk::to_write(&loaded, &settings, &progress, &run.stop).await?;
        let ended = self.go_back(run, &loaded, &desk).await;
        desk.leave().await;
        ended
    }
}

impl Rollback {
    /// Decides what a rollback would do.
    async fn decide(&self, run: &Run, loaded: &LoadedStack, desk: &Desk) -> Result<Decision, Failure> {
        let wish = Wish { functions: self.function.clone(), to: self.to };
        let subjects = find(run, loaded, desk, &self.function).await?;
        decide(subjects, &wish, loaded.document.stack()).map_err(|problems| Failure::plan(problems, &loaded.document))
    }

    /// Shows what a rollback would do, and refuses it because nobody can approve it.
    async fn only_show(&self, run: &Run, loaded: &LoadedStack, desk: &Desk) -> Exit {
        let decision = self.decide(run, loaded, desk).await?;
        if !run.terminal.json {
            form::announce(&run.terminal, &decision, &heading(run, loaded, desk));
        }
        Err(approval::needed("rollback"))
    }

    async fn go_back(&self, run: &Run, loaded: &LoadedStack, desk: &Desk) -> Exit {
        let began = Instant::now();
        let (terminal, document) = (run.terminal, &loaded.document);
        let decision = self.decide(run, loaded, desk).await?;
        let heading = heading(run, loaded, desk);
        form::announce(&terminal, &decision, &heading);
        let Decision { steps, unchanged } = &decision;
        if !steps.is_empty() {
            let question = format!("Roll back the code of {}? Type `yes` to confirm:", heading.named());
            approval::ask_for_yes(run, &self.approval, "rollback", &question).await?;
        }
        let outcome = carry_out(&desk.aws, steps, &run.stop, &|event| form::print_event(&terminal, event)).await;
        if let Some(failure) = failures(&outcome, document) {
            terminal.failure(&failure);
        }
        let cost = RunCost { calls: desk.aws.calls(), seconds: began.elapsed().as_secs_f64() };
        form::print_end(&terminal, &outcome, unchanged, &form::RollbackEnd { heading, cost });
        Ok(match &outcome {
            o if !o.failed.is_empty() => ERROR,
            o if *run.stop.borrow() > 0 && !(o.not_started.is_empty() && o.unwatched.is_empty()) => INTERRUPTED,
            _ => OK,
        })
    }
}

fn heading(run: &Run, loaded: &LoadedStack, desk: &Desk) -> Heading {
    Heading::of(&loaded.document, &desk.aws.place, run.global.local)
}

async fn list(run: &Run, loaded: &LoadedStack, desk: &Desk, names: &[String]) -> Exit {
    let subjects = find(run, loaded, desk, names).await?;
    form::print_versions(&run.terminal, &subjects, loaded.document.stack(), &desk.aws.place);
    Ok(OK)
}

async fn find(
    run: &Run,
    loaded: &LoadedStack,
    desk: &Desk,
    names: &[String],
) -> Result<Vec<RollbackCandidate>, Failure> {
    let targets = choose(&loaded.graph, &desk.aws.place, names, &loaded.document)?;
    pipeline::unless_stopped(&run.stop, subjects(&desk.aws, targets, &desk.state, &loaded.document)).await
}
