//! `deployer validate`

use clap::Args;
use clap_complete::ArgValueCompleter;

use super::examples::Examples;
use super::options::Choice;
use super::run::Run;
use super::{Exit, OK, complete};
use crate::codes;
use crate::failure::Failure;
use crate::pipeline;
use crate::report::{env as form, explain, ready};

/// Check stack.yaml without AWS
#[derive(Debug, Args)]
#[command(add = EXAMPLES)]
pub struct Validate {
    /// Say what a finding's code means, how it comes about and what to do; without CODE, list all.
    #[arg(long, value_name = "CODE", num_args = 0..=1, default_missing_value = "", add = ArgValueCompleter::new(complete::codes))]
    explain: Option<String>,
}

const EXAMPLES: Examples = Examples(&[
    ("deployer validate", "every finding in stack.yaml, with line, column and fix"),
    ("deployer validate -f prod.yaml --var candidate=32", "another file, a variable set"),
    ("deployer validate --json", "a JSON object a finding"),
    ("deployer validate --explain queue::fifo-name", "what a code means, and how to put it right"),
    ("deployer validate --explain", "all codes"),
]);

impl Validate {
    pub(super) async fn run(self, run: &Run) -> Exit {
        match self.explain {
            Some(code) => explain_code(run, &code),
            None => check(run),
        }
    }
}

/// Checks the stack in the environment of `--env`, else in each that it declares.
fn check(run: &Run) -> Exit {
    for settings in pipeline::in_each_environment(&run.settings_offline(&Choice::default())?)? {
        let loaded = run.validate(&settings).inspect_err(|_| {
            if let Some(env) = settings.inputs.preview.as_ref().filter(|_| run.global.preview.is_none()) {
                form::print_heading(&run.terminal, env);
            }
        })?;
        ready::print_valid(&run.terminal, &loaded, &run.global.file);
    }
    Ok(OK)
}

/// Explains one code; without a name, lists all.
fn explain_code(run: &Run, name: &str) -> Exit {
    if name.is_empty() {
        explain::print_all(&run.terminal);
        return Ok(OK);
    }
    let Some(code) = codes::find(name) else {
        let help = match codes::similar(name) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => "`deployer validate --explain` lists all codes".to_owned(),
        };
        return Err(Failure::plain("run::unknown-code", format!("there is no code `{name}`"), help));
    };
    explain::print(&run.terminal, code);
    Ok(OK)
}
