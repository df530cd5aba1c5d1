//! `deployer validate`

use clap::Args;
use clap_complete::ArgValueCompleter;
use serde_json::json;

use super::examples::Examples;
use super::options::Choice;
use super::run::Run;
use super::{Exit, OK, complete};
use crate::codes::{self, Example};
use crate::failure::Failure;
use crate::report::{counted, diagnostics, explain};

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

fn check(run: &Run) -> Exit {
    let loaded = run.validate(&run.settings_offline(&Choice::default())?)?;
    let resources = loaded.graph.nodes().count();
    if run.terminal.json {
        run.terminal.data(&diagnostics::json(&loaded.warnings, loaded.document.source()));
        let line = json!({"type": "valid", "stack": loaded.document.stack(), "resources": resources, "warnings": loaded.warnings.0.len()});
        run.terminal.data(&format!("{line}\n"));
    } else {
        let file = run.global.file.display();
        run.terminal.data(&format!("{file} is valid: {}.\n", counted(resources as u64, "resource")));
    }
    Ok(OK)
}

/// Explains one code, or lists all.
fn explain_code(run: &Run, name: &str) -> Exit {
    if name.is_empty() {
        if run.terminal.json {
            codes::all().for_each(|code| run.terminal.data(&format!("{}\n", object(code))));
        } else {
            run.terminal.data(&explain::list());
        }
        return Ok(OK);
    }
    let Some(code) = codes::find(name) else {
        let help = match codes::similar(name) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => "`deployer validate --explain` lists all codes".to_owned(),
        };
        return Err(Failure::plain("run::unknown-code", format!("there is no code `{name}`"), help));
    };
    let text =
        if run.terminal.json { format!("{}\n", object(code)) } else { explain::text(code, run.terminal.out_style()) };
    run.terminal.data(&text);
    Ok(OK)
}

fn object(code: &codes::Code) -> serde_json::Value {
    let (example, right) = match code.example {
        Example::Stack { wrong, right } => (wrong, Some(right)),
        Example::Situation(when) => (when, None),
    };
    json!({"code": code.code, "severity": code.severity, "means": code.means, "example": example, "put_right": right, "fix": code.fix})
}
