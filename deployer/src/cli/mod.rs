//! The command line. Each verb stands in one file: its arguments, whose doc comments are the help; its examples; and
//! its body, which calls the pipeline and passes the result to `report`. A new verb is a file, its `mod` and a line in
//! `verbs!`.

mod adopt;
mod apply;
mod approval;
mod ci;
mod complete;
mod completions;
mod destroy;
mod drift;
mod env;
mod environment;
mod examples;
mod execution;
mod graph;
mod help;
mod iam;
mod invoke;
mod local;
mod logs;
mod man;
mod options;
mod output;
mod plan;
mod queue;
mod rehearse;
mod rollback;
mod run;
mod schema;
mod shield;
mod show;
mod signals;
mod state;
mod status;
mod trace;
mod validate;
mod verify;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::failure::Failure;
use crate::report;
use crate::report::terminal::Terminal;
use crate::spec::env::is_pattern;
use environment::ProcessEnvironment;
use examples::Examples;
use options::Global;
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

/// Makes AWS match a declarative stack.yaml.
///
/// Try it without AWS: `deployer local start`, then `deployer --local apply`.
#[derive(Debug, Parser)]
#[command(name = "deployer", version, propagate_version = true, max_term_width = 100, add = EXAMPLES)]
struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    verb: Verb,
}

const EXAMPLES: Examples = Examples(&[
    ("deployer validate", "check stack.yaml; needs no AWS"),
    ("deployer plan", "show what would change"),
    ("deployer apply", "show it, ask, do it"),
    ("deployer local start && deployer --local apply", "try it all without AWS"),
]);

/// Collects the verbs, in the order of the help.
macro_rules! verbs {
    ($($name:ident($arguments:ty),)*) => {
        #[derive(Debug, Subcommand)]
        enum Verb {
            $($name($arguments),)*
        }

        impl Verb {
            async fn run(self, run: &Run) -> Exit {
                match self {
                    $(Self::$name(verb) => verb.run(run).await,)*
                }
            }
        }
    };
}

verbs! {
    Validate(validate::Validate),
    Plan(plan::Plan),
    Show(show::Show),
    Rehearse(rehearse::Rehearse),
    Apply(apply::Apply),
    Destroy(destroy::Destroy),
    Ci(ci::Ci),
    Drift(drift::Drift),
    Status(status::Status),
    Adopt(adopt::Adopt),
    Logs(logs::Logs),
    Invoke(invoke::Invoke),
    Rollback(rollback::Rollback),
    Queue(queue::Queue),
    Trace(trace::Trace),
    Verify(verify::Verify),
    Output(output::Output),
    Iam(iam::Iam),
    Graph(graph::Graph),
    Env(env::Env),
    State(state::State),
    Local(local::Local),
    Schema(schema::Schema),
    Completions(completions::Completions),
    Man(man::Man),
}

/// Builds the command line, with examples below the help.
fn command() -> clap::Command {
    examples::add_to_help(Cli::command())
}

/// Runs the command of this process and returns its exit code.
pub fn main() -> i32 {
    shield::raise();
    complete::answer(command);
    let environment = ProcessEnvironment::of_process();
    let parsed = help::without_globals(command()).try_get_matches().and_then(|matches| Cli::from_arg_matches(&matches));
    let cli = match parsed {
        Ok(cli) => cli,
        Err(error) => {
            if std::env::args_os().count() <= 1 {
                environment.usage_terminal().usage_error(&help::short(&command()));
            } else if error.use_stderr() {
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
    let terminal = run::terminal(&environment, &cli.global);
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
    let (code, failure) = match runtime.block_on(run(cli, environment.clone())) {
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
    if let Some(failure) = failure
        && terminal.json
    {
        aloud.failure(&failure);
    }
    let done = if matches!(code, OK | CHANGES) { "; the command itself is done" } else { "" };
    let message = format!("not all could be written to standard output: {why}{done}");
    let help = "make room where the output goes, then run the same command again";
    aloud.failure(&Failure::plain("run::unwritten", message, help));
}

async fn run(cli: Cli, environment: ProcessEnvironment) -> Exit {
    if !matches!(cli.verb, Verb::Iam(_)) && cli.global.preview.as_deref().is_some_and(is_pattern) {
        return Err(iam::open_environment("this command works on one environment"));
    }
    let run = Run::new(cli.global, environment)?;
    cli.verb.run(&run).await
}
