//! `deployer show`

use std::path::PathBuf;

use clap::Args;
use clap::builder::FalseyValueParser;

use super::examples::Examples;
use super::run::Run;
use super::{Exit, OK, apply};
use crate::failure::Failure;
use crate::report::planned::PlanReport;
use crate::report::{github, markdown, plan, ready};
use crate::spec::secrets::Secrets;

/// Show a saved plan: as text, with --json, or as Markdown for a comment on a pull request
#[derive(Debug, Args)]
#[command(add = EXAMPLES)]
pub struct Show {
    /// A file that `deployer plan --out` wrote.
    #[arg(value_name = "PLANFILE")]
    plan_file: PathBuf,
    /// Write Markdown that fits into a comment on GitHub.
    #[arg(long, conflicts_with = "json", value_parser = FalseyValueParser::new())]
    markdown: bool,
}

const EXAMPLES: Examples = Examples(&[
    ("deployer show stack.plan", "read a plan that `plan --out` saved"),
    ("deployer show stack.plan --markdown", "as a comment for a pull request"),
]);

impl Show {
    pub(super) async fn run(self, run: &Run) -> Exit {
        let Self { plan_file: file, markdown: as_markdown } = self;
        let saved = apply::read(&file)?;
        if run.terminal.json {
            run.terminal.data(&format!("{}\n", saved.plan));
            return Ok(OK);
        }
        // Secrets were masked when the plan was saved.
        let secrets = Secrets::default();
        let (stack, written_at) = (saved.basis.stack.clone(), saved.written_at.clone());
        let report = PlanReport::parse(saved.plan).map(|report| (report.heading(), report));
        let restored = report.and_then(|(heading, report)| Ok((heading, report.restore()?)));
        let (heading, (planned, cost)) = restored.map_err(|error| {
            let message = format!("{} cannot be shown: {error}", file.display());
            Failure::plain("plan::not-a-plan", message, "save it again: `deployer plan --out FILE`")
        })?;
        let text = if as_markdown {
            let why = format!("Saved at {written_at}. Carry it out: deployer apply {}", file.display());
            let head = markdown::PageHead { title: &format!("{stack}: plan"), heading: &heading, why: &why };
            markdown::plan(&planned, cost, head, &secrets, github::COMMENT_LIMIT)
        } else {
            let terminal = &run.terminal;
            let view = plan::PlanView {
                paint: terminal.out,
                verbose: terminal.verbose,
                width: terminal.width,
                secrets: &secrets,
            };
            ready::headed(&heading, &plan::plan(&planned, cost, view))
        };
        run.terminal.data(&text);
        Ok(OK)
    }
}
