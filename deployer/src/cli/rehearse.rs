//! `deployer rehearse`

use clap::Args;

use super::examples::Examples;
use super::options::{Choice, KeepSecrets};
use super::run::Run;
use super::{Exit, OK, execution};
use crate::pipeline::{LoadedStack, RehearsalCloud, Settings, unless_stopped};
use crate::plan::Goal;
use crate::report::rehearsal as form;

/// Try out what apply would do, in a private local cloud with AWS's rules; AWS is only read
#[derive(Debug, Args)]
#[command(
    add = EXAMPLES,
    // It is accepted, so that a script can give all commands the same options.
    mut_arg("detailed_exitcode", |arg| arg.hide(true)),
)]
pub struct Rehearse {
    #[command(flatten)]
    choice: Choice,
}

const EXAMPLES: Examples = Examples(&[
    ("deployer rehearse", "exit with 1 if AWS would refuse a call of the plan"),
    ("deployer rehearse --target functions.worker", "only this element and what it needs"),
    ("deployer rehearse --json", "the same for scripts"),
]);

impl Rehearse {
    pub(super) async fn run(self, run: &Run) -> Exit {
        let goal = Goal::Apply;
        let (settings, loaded) =
            execution::loaded(run, &self.choice, KeepSecrets::default(), &goal, "rehearse").await?;
        rehearse(run, loaded, &settings).await
    }
}

/// Plans, and carries the plan out in a private local cloud. Prints the result.
async fn rehearse(run: &Run, loaded: LoadedStack, settings: &Settings) -> Exit {
    let region = loaded.document.region().to_owned();
    let say = |line: &str| run.terminal.say(line);
    let starting = unless_stopped(&run.stop, RehearsalCloud::start(&region, &say));
    let (ready, cloud) = tokio::join!(run.plan(loaded, settings, &Goal::Apply), starting);
    let (ready, cloud) = match (ready, cloud) {
        (Ok(ready), Ok(cloud)) => (ready, cloud),
        (Ok(_), Err(failure)) | (Err(failure), Err(_)) => return Err(failure),
        (Err(failure), Ok(cloud)) => {
            cloud.stop().await?;
            return Err(failure);
        }
    };
    let secrets = ready.loaded.document.secrets().clone();
    let rehearsed = Box::pin(ready.rehearse(&cloud, &run.stop)).await;
    cloud.stop().await?;
    let rehearsed = rehearsed.map_err(|failure| form::of_rehearsal(failure).masked(&secrets))?;
    form::refusal(&rehearsed)?;
    form::print_rehearsed(&run.terminal, &rehearsed);
    Ok(OK)
}
