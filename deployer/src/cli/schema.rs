//! `deployer schema`

use clap::Args;
use clap::builder::FalseyValueParser;

use super::examples::Examples;
use super::run::Run;
use super::{Exit, OK};
use crate::report::planned;
use crate::spec::schema;

/// Print the JSON Schema of stack.yaml
#[derive(Debug, Args)]
#[command(add = EXAMPLES)]
pub struct Schema {
    /// Print that of `plan --json` instead.
    #[arg(long, value_parser = FalseyValueParser::new())]
    plan: bool,
}

const EXAMPLES: Examples = Examples(&[
    ("deployer schema > stack.schema.json", "for editors: name it in the first line of stack.yaml,"),
    ("# yaml-language-server: $schema=./stack.schema.json", "like this"),
]);

impl Schema {
    pub(super) async fn run(self, run: &Run) -> Exit {
        let schema = if self.plan { planned::schema() } else { schema::editor() };
        run.terminal.object(&schema);
        Ok(OK)
    }
}
