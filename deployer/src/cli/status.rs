//! `deployer status`

use clap::Args;
use clap::builder::FalseyValueParser;

use super::examples::Examples;
use super::options::Choice;
use super::run::Run;
use super::{ERROR, Exit, OK};
use crate::operate::health;
use crate::pipeline;
use crate::report::progress::Preparation;
use crate::report::status;

/// Show every resource at a glance: whether it exists, has drifted, is well
#[derive(Debug, Args)]
#[command(add = EXAMPLES)]
pub struct Status {
    /// Exit with 1 if a resource is not healthy.
    #[arg(long, value_parser = FalseyValueParser::new())]
    check: bool,
}

const EXAMPLES: Examples = Examples(&[
    ("deployer status", "whether everything exists, has drifted, is well"),
    ("deployer status --check", "exit with 1 if something is not"),
    ("deployer status --json", "the same for scripts"),
]);

impl Status {
    pub(super) async fn run(self, run: &Run) -> Exit {
        let settings = run.settings_to_operate(&Choice::default(), "status")?;
        let loaded = run.recall_quietly(&settings).await?;
        let sight = pipeline::look(&loaded, &settings, &Preparation::new(run.terminal), &run.stop).await?;
        let seen = &sight.observation;
        let live =
            loaded.graph.nodes().filter_map(|n| Some((n.address.clone(), (n.kind.name(), seen.live.get(&n.address)?))));
        let live = live.collect();
        let asked = async { Ok(health::signs(&sight.aws, &live).await) };
        let mut signs = pipeline::unless_stopped(&run.stop, asked).await?;
        health::add_upcoming(&mut signs, &live, &(settings.now)());
        let healthy = status::print(&run.terminal, &loaded, &sight, signs);
        Ok(if healthy || !self.check { OK } else { ERROR })
    }
}
