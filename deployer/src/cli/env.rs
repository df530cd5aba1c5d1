//! `deployer env`

use std::time::Duration;

use clap::{Args, Subcommand};
use clap_complete::ArgValueCompleter;
use tokio::time::Instant;

use super::examples::Examples;
use super::execution::{ExecutionEnd, carry_out};
use super::options::{Approval, Choice, duration};
use super::run::Run;
use super::{Exit, OK, approval, complete};
use crate::failure::Failure;
use crate::pipeline::{self, Environment, Environments};
use crate::plan::Goal;
use crate::report::progress::Preparation;
use crate::report::{env as form, ready};
use crate::spec::nearest::{nearest, quoted};

/// List and destroy environments
#[derive(Debug, Args)]
#[command(add = EXAMPLES)]
pub struct Env {
    #[command(subcommand)]
    command: EnvCommand,
}

/// The environments' verbs.
#[derive(Debug, Subcommand)]
pub enum EnvCommand {
    /// List the environments: those with a state, and those that `environments:` declares
    #[command(add = LIST)]
    List,
    /// Destroy environments with all that they own
    #[command(add = DESTROY)]
    Destroy {
        /// These environments.
        #[arg(required_unless_present = "stale", conflicts_with = "stale", add = ArgValueCompleter::new(complete::environments))]
        name: Vec<String>,
        /// All previews that nobody has applied for this long: 12h, 7d.
        #[arg(long, value_name = "DURATION", value_parser = duration)]
        stale: Option<Duration>,
        #[command(flatten)]
        approval: Approval,
    },
}

const EXAMPLES: Examples = LIST;
const LIST: Examples = Examples(&[("deployer env list", "staging, production and the previews, as far as they exist")]);
const DESTROY: Examples = Examples(&[
    ("deployer env destroy pr-7", "one preview with all that it owns"),
    ("deployer env destroy --stale 7d --auto-approve", "all previews that nobody has applied for a week"),
]);

impl Env {
    pub(super) async fn run(self, run: &Run) -> Exit {
        match self.command {
            EnvCommand::List => list(run).await,
            EnvCommand::Destroy { name, stale, approval } => destroy(run, &name, stale, &approval).await,
        }
    }
}

/// Lists the environments of the stack in the file, regardless of `--env`.
async fn environments(run: &Run, operation: &str) -> Result<Environments, Failure> {
    let settings = run.settings_to_operate(&Choice::default(), operation)?;
    pipeline::environments(&settings, &run.stop).await
}

async fn list(run: &Run) -> Exit {
    form::print_list(&run.terminal, &environments(run, "env list").await?);
    Ok(OK)
}

async fn destroy(run: &Run, names: &[String], stale: Option<Duration>, approved: &Approval) -> Exit {
    approval::possible(run, approved, "env destroy")?;
    let Environments { found, absent } = environments(run, "env destroy").await?;
    if let Some(name) = names.iter().find(|name| !found.iter().any(|env| env.name == **name)) {
        let known = || found.iter().map(|env| env.name.as_str());
        let account = absent.iter().find(|env| env.name == *name).and_then(|env| env.account.as_ref());
        let help = match nearest(name, known()) {
            _ if account.is_some() => "it belongs to another account: use credentials of that account".to_owned(),
            Some(meant) => format!("did you mean `{meant}`?"),
            None if found.is_empty() => "there is none; tags of what it may have left: `deployer:env`".to_owned(),
            None => format!("there are {}", quoted(known())),
        };
        return Err(Failure::plain("env::unknown", format!("there is no environment {name:?}"), help));
    }
    let chosen: Vec<Environment> = found
        .into_iter()
        .filter(|env| match stale {
            // A declared environment is no preview, however long it stays as it is.
            Some(_) if env.loaded.document.environment().is_declared() => false,
            Some(age) => is_older(&env.snapshot.state.written_at, &(env.settings.now)(), age),
            None => names.contains(&env.name),
        })
        .collect();
    if chosen.is_empty() {
        form::print_none_is_old(&run.terminal);
        return Ok(OK);
    }
    let listed = quoted(chosen.iter().map(|env| env.name.as_str()));
    let document = &chosen[0].loaded.document;
    let stack = format!("{} ({})", document.stack_name(), document.region());
    let question = format!("Destroy {listed} of {stack} with everything in it? Type `yes` to confirm:");
    approval::ask_for_yes(run, approved, "env destroy", &question).await?;
    let mut worst = OK;
    for env in chosen {
        worst = worst.max(destroy_one(run, env).await?.code);
        if *run.stop.borrow() > 0 {
            break;
        }
    }
    Ok(worst)
}

/// Destroys an environment's resources, then its state.
pub(super) async fn destroy_one(run: &Run, env: Environment) -> Result<ExecutionEnd, Failure> {
    let began = Instant::now();
    let Environment { name, settings, loaded, store, .. } = env;
    form::print_heading(&run.terminal, &name);
    let preparation = Preparation::new(run.terminal);
    let loaded = pipeline::recall(loaded, &settings, &preparation, &run.stop).await?;
    let ready = run.plan_to_write(loaded, &settings, &Goal::Destroy).await?;
    ready::announce(&run.terminal, &ready, "env destroy");
    let ended = carry_out(run, ready, began).await?;
    if ended.code != OK {
        return Ok(ended);
    }
    let lease = pipeline::hold(&store, &settings, &preparation, &run.stop).await?;
    let erased = pipeline::erase(&store, &lease).await;
    pipeline::give_back(lease).await;
    form::print_destroyed(&run.terminal, &name, erased?);
    Ok(ended)
}

/// Tells whether a time (RFC 3339) is at least `age` before `now`. An unreadable time is not old.
fn is_older(moment: &str, now: &str, age: Duration) -> bool {
    let (Ok(moment), Ok(now)) = (moment.parse::<jiff::Timestamp>(), now.parse::<jiff::Timestamp>()) else {
        return false;
    };
    now.as_second() - moment.as_second() >= i64::try_from(age.as_secs()).unwrap_or(i64::MAX)
}
