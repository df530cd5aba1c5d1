//! `deployer rehearse`

use clap::Args;
use clap::builder::FalseyValueParser;

use super::examples::Examples;
use super::options::{Choice, KeepSecrets};
use super::run::Run;
use super::{Exit, OK, execution};
use crate::failure::Failure;
use crate::pipeline::{LoadedStack, Ready, RehearsalCloud, Settings, unless_stopped};
use crate::plan::Goal;
use crate::report::progress::KillProgress;
use crate::report::rehearsal as form;

/// Try out what apply would do, in a private local cloud with AWS's rules; AWS is only read
#[derive(Debug, Args)]
#[command(
    add = EXAMPLES,
    // This option is accepted, so that a script can give all commands the same options.
    mut_arg("detailed_exitcode", |arg| arg.hide(true)),
)]
pub struct Rehearse {
    /// Also kill the run at each of its writes, and see whether the next run heals what remains. Takes minutes.
    #[arg(long, value_parser = FalseyValueParser::new())]
    crash: bool,
    #[command(flatten)]
    choice: Choice,
}

const EXAMPLES: Examples = Examples(&[
    ("deployer rehearse", "exit with 1 if AWS would refuse a call of the plan"),
    ("deployer rehearse --crash", "and if a run that is killed at any call would leave something behind"),
    ("deployer rehearse --target functions.worker", "only this element and what it needs"),
    ("deployer rehearse --json", "the same for scripts"),
]);

impl Rehearse {
    pub(super) async fn run(self, run: &Run) -> Exit {
        let goal = Goal::Apply;
        let (settings, loaded) =
            execution::loaded(run, &self.choice, KeepSecrets::default(), &goal, "rehearse").await?;
        self.rehearse(run, loaded, &settings).await
    }

    /// Plans, and carries the plan out in a private local cloud. Prints the result.
    async fn rehearse(&self, run: &Run, loaded: LoadedStack, settings: &Settings) -> Exit {
        let region = loaded.document.region().to_owned();
        let (ready, cloud) = tokio::join!(run.plan(loaded, settings, &Goal::Apply), start(run, &region));
        let (ready, mut cloud) = match (ready, cloud) {
            (Ok(ready), Ok(cloud)) => (ready, cloud),
            (Ok(_), Err(failure)) | (Err(failure), Err(_)) => return Err(failure),
            (Err(failure), Ok(cloud)) => {
                cloud.stop().await?;
                return Err(failure);
            }
        };
        let rehearsed = Box::pin(self.carry_out(run, &ready, &mut cloud)).await;
        cloud.stop().await?;
        rehearsed.map_err(|failure| failure.masked(ready.loaded.document.secrets()))?;
        Ok(OK)
    }

    async fn carry_out(&self, run: &Run, ready: &Ready, cloud: &mut RehearsalCloud) -> Result<(), Failure> {
        let rehearsed = Box::pin(ready.rehearse(cloud, &run.stop)).await.map_err(form::of_rehearsal)?;
        form::refusal(&rehearsed)?;
        if !self.crash {
            form::print_rehearsed(&run.terminal, &rehearsed, None);
            return Ok(());
        }
        let progress = KillProgress::new(run.terminal, 2 * rehearsed.applied.calls.1);
        let kills = Box::pin(ready.rehearse_kills(cloud, &|kills| progress.show(kills), &run.stop)).await;
        drop(progress);
        let kills = kills.map_err(form::of_rehearsal)?;
        form::losses(&rehearsed, &kills)?;
        form::print_rehearsed(&run.terminal, &rehearsed, Some(&kills));
        Ok(())
    }
}

/// Rehearses a plan that is about to be carried out.
///
/// # Errors
/// `rehearse::refused`, or why the plan could not be rehearsed. Nothing was changed.
pub(super) async fn before_apply(run: &Run, ready: &Ready) -> Result<(), Failure> {
    let mut cloud = start(run, ready.loaded.document.region()).await?;
    let rehearsed = Box::pin(ready.rehearse(&mut cloud, &run.stop)).await;
    cloud.stop().await?;
    let rehearsed = rehearsed.map_err(form::of_rehearsal)?;
    form::refusal(&rehearsed)?;
    form::print_rehearsed_before(&run.terminal, &rehearsed);
    Ok(())
}

async fn start(run: &Run, region: &str) -> Result<RehearsalCloud, Failure> {
    let say = |line: &str| run.terminal.say(line);
    unless_stopped(&run.stop, RehearsalCloud::start(region, &say)).await
}
