//! The command line: each command parses its options, calls the pipeline and passes the result to `report`.

mod adopt;
mod apply;
mod approval;
mod ci;
mod completions;
mod drift;
mod env;
mod environment;
mod examples;
mod expected;
mod graph;
mod iam;
mod invoke;
mod local;
mod logs;
mod man;
mod options;
mod output;
mod plan;
mod queue;
mod rollback;
mod run;
mod schema;
mod shield;
mod show;
mod signals;
mod state;
mod status;
mod validate;

use clap::FromArgMatches;

use crate::failure::Failure;
use crate::plan::Goal;
use crate::report;
use crate::report::terminal::Terminal;
use environment::Environment;
use options::{Cli, Command, Refresh};
use run::Run;

/// The result of a command.
pub(crate) type Exit = Result<u8, Failure>;

/// The command succeeded.
pub(crate) const OK: u8 = 0;
/// The command failed.
pub(crate) const ERROR: u8 = 1;
/// Changes are pending, for a command that reports them by exit code.
pub(crate) const CHANGES: u8 = 2;
/// A signal stopped the command.
pub(crate) const INTERRUPTED: u8 = 130;

/// Runs the command of this process and returns its exit code.
pub fn main() -> i32 {
    shield::raise();
    completions::answer();
    let environment = Environment::of_process();
    let parsed = examples::command().try_get_matches().and_then(|matches| Cli::from_arg_matches(&matches));
    let cli = match parsed {
        Ok(cli) => cli,
        Err(error) => {
            if error.use_stderr() {
                environment.usage_terminal().usage_error(&error.render().to_string());
            } else if let Err(unwritten) = error.print()
                && unwritten.kind() != std::io::ErrorKind::BrokenPipe
            {
                return ERROR.into();
            }
            return if error.use_stderr() { ERROR.into() } else { OK.into() };
        }
    };
    environment.init_logging(cli.global.verbose);
    let terminal = environment.terminal(&cli.global);
    let file = cli.global.file.clone();
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            terminal.failure(&Failure::plain(
                "deployer::runtime",
                format!("cannot start: {error}"),
                "raise the limit (`ulimit -a`)",
            ));
            return ERROR.into();
        }
    };
    let (code, failure) = match runtime.block_on(dispatch(cli, environment.clone())) {
        Ok(code) => (code, None),
        Err(failure) => {
            let failure = failure.of_profile(environment.get("AWS_PROFILE"));
            terminal.failure(&failure);
            run::annotate(&environment, &terminal, &file, &failure.findings, None);
            (if failure.is_interrupted() { INTERRUPTED } else { ERROR }, Some(failure))
        }
    };
    // An unanswered prompt must not keep the process alive.
    runtime.shutdown_background();
    if let Some(why) = report::terminal::unwritten() {
        tell_unwritten(terminal, why, code, failure);
        return if code == INTERRUPTED { code.into() } else { ERROR.into() };
    }
    code.into()
}

/// Reports on stderr that output was lost, and the failure that was meant for stdout.
fn tell_unwritten(terminal: Terminal, why: &str, code: u8, failure: Option<Failure>) {
    let aloud = Terminal { json: false, ..terminal };
    if let Some(failure) = failure.filter(|_| terminal.json) {
        aloud.failure(&failure);
    }
    let done = if matches!(code, OK | CHANGES) { "; the command itself is done" } else { "" };
    let message = format!("not all could be written to standard output: {why}{done}");
    let help = "make room where the output goes, then run the same command again";
    aloud.failure(&Failure::plain("run::unwritten", message, help));
}

async fn dispatch(cli: Cli, environment: Environment) -> Exit {
    let run = Run::new(cli.global, environment)?;
    match cli.command {
        Command::Validate { explain } => validate::run(&run, explain.as_deref()),
        Command::Plan { choice, refresh, out, html, .. } => {
            plan::run(&run, choice, refresh, plan::Files { out, html }).await
        }
        Command::Graph { format, out } => graph::run(&run, format, out),
        Command::Show { plan_file, markdown } => show::run(&run, &plan_file, markdown),
        Command::Apply { plan_file: Some(file), choice, .. } => apply::saved(&run, &file, choice).await,
        Command::Ci { choice, expected, .. } => ci::run(&run, choice, &expected).await,
        Command::Apply { choice, refresh: Refresh { refresh_only: true }, approval, .. } => {
            apply::refresh(&run, "apply", choice, approval).await
        }
        Command::Apply { choice, approval, expected, .. } => {
            apply::run(&run, Goal::Apply, choice, approval, &expected).await
        }
        Command::Destroy { choice, refresh: Refresh { refresh_only: true }, approval } => {
            apply::refresh(&run, "destroy", choice, approval).await
        }
        Command::Destroy { choice, approval, .. } => {
            apply::run(&run, Goal::Destroy, choice, approval, &options::Expected::default()).await
        }
        Command::Status => status::run(&run).await,
        Command::Adopt { address, id, approval } => adopt::run(&run, address, id, approval).await,
        Command::Logs { function, lines, filter, follow } => logs::run(&run, &function, lines, filter, follow).await,
        Command::Invoke { function, payload } => invoke::run(&run, &function, &payload).await,
        Command::Rollback { function, to, list, approval } => {
            rollback::run(&run, &rollback::Wish { functions: function, to, list }, &approval).await
        }
        Command::Queue(command) => queue::run(&run, command).await,
        Command::Trace { id, lines } => logs::trace(&run, &id, lines).await,
        Command::Drift { choice } => drift::run(&run, choice).await,
        Command::Output { name } => output::run(&run, name).await,
        Command::Iam(command) => iam::run(&run, command).await,
        Command::Env(command) => env::run(&run, command).await,
        Command::State(command) => state::run(&run, command).await,
        Command::Local(command) => local::run(&run, command).await,
        Command::Schema { plan } => schema::run(&run, plan),
        Command::Completions { shell } => completions::run(&run, shell),
        Command::Man { command, out } => man::run(&run, &command, out.as_deref()),
    }
}
