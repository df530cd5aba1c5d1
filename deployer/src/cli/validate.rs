//! `deployer validate`

use serde_json::json;

use super::options::Choice;
use super::run::Run;
use super::{Exit, OK};
use crate::pipeline;
use crate::report::diagnostics;

pub(super) fn run(run: &Run) -> Exit {
    let loaded = pipeline::load(&run.settings_offline(&Choice::default())?)?;
    let resources = loaded.graph.nodes().count();
    if run.terminal.json {
        run.terminal.data(&diagnostics::json(&loaded.warnings, loaded.document.source()));
        let line = json!({"type": "valid", "stack": loaded.document.stack(), "resources": resources, "warnings": loaded.warnings.0.len()});
        run.terminal.data(&format!("{line}\n"));
    } else {
        run.terminal.warnings(&loaded.warnings, loaded.document.source());
        run.terminal.data(&format!("{} is valid: {resources} resources.\n", run.global.file.display()));
    }
    Ok(OK)
}
