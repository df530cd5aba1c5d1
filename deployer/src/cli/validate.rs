//! `deployer validate`

use serde_json::json;

use super::options::Choice;
use super::run::Run;
use super::{Exit, OK};
use crate::codes::{self, Example};
use crate::failure::Failure;
use crate::report::{counted, diagnostics, explain};

pub(super) fn run(run: &Run, explain: Option<&str>) -> Exit {
    if let Some(code) = explain {
        return say(run, code);
    }
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
fn say(run: &Run, name: &str) -> Exit {
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
