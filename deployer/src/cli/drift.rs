//! `deployer drift`

use serde_json::json;

use super::options::Choice;
use super::run::Run;
use super::{CHANGES, Exit, OK};
use crate::pipeline;
use crate::plan::Goal;
use crate::report::planned::PLAN_FORMAT;
use crate::report::progress::Preparation;
use crate::report::shown::Shown;
use crate::report::{json as form, plan};

pub(super) async fn run(run: &Run, choice: Choice) -> Exit {
    let settings = pipeline::Settings { ask_bedrock: false, ..run.settings(&choice, "drift")? };
    let loaded = run.load(&settings)?;
    let ready =
        pipeline::prepare(loaded, &settings, Goal::Apply, false, &Preparation::new(run.terminal), &run.stop).await?;
    let drift = ready.plan.drift();
    if run.terminal.json {
        let document = &ready.loaded.document;
        let whole = form::plan(&ready.plan, document.stack(), &ready.aws.place, ready.cost, document.secrets());
        run.terminal.data(&format!("{}\n", json!({"format_version": PLAN_FORMAT, "drift": whole["drift"]})));
    } else if drift.is_empty() {
        run.terminal.data(&format!("No drift.\n{}\n", plan::cost_line(ready.cost)));
    } else {
        let text =
            plan::drift_lines(&Shown::of(&ready.plan, ready.loaded.document.secrets()), super::plan::view(run, &ready));
        run.terminal.data(&format!("{text}{}\n", plan::cost_line(ready.cost)));
    }
    Ok(if drift.is_empty() { OK } else { CHANGES })
}
