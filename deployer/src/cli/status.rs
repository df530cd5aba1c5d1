//! `deployer status`

use clap::Args;

use super::examples::Examples;
use super::options::Choice;
use super::run::Run;
use super::{Exit, OK};
use crate::graph::Node;
use crate::graph::owner::Evidence;
use crate::kinds::Sign;
use crate::operate::health;
use crate::pipeline;
use crate::plan::drift::drift_of_all;
use crate::report::progress::Preparation;
use crate::report::status::{self, Row};

/// Show every resource at a glance: whether it exists, has drifted, is well
#[derive(Debug, Args)]
#[command(add = EXAMPLES)]
pub struct Status {}

const EXAMPLES: Examples = Examples(&[
    ("deployer status", "whether everything exists, has drifted, is well"),
    ("deployer status --json", "the same for scripts"),
]);

impl Status {
    pub(super) async fn run(self, run: &Run) -> Exit {
        let settings = run.settings(&Choice::default(), "status")?;
        let loaded = pipeline::load(&settings)?;
        let sight = pipeline::look(&loaded, &settings, &Preparation::new(run.terminal), &run.stop).await?;
        let seen = &sight.observation;
        let live =
            loaded.graph.nodes().filter_map(|n| Some((n.address.clone(), (n.kind.name(), seen.live.get(&n.address)?))));
        let live = live.collect();
        let asked = async { Ok(health::signs(&sight.aws, &live).await) };
        let mut signs = pipeline::unless_stopped(&run.stop, asked).await?;
        let drift = drift_of_all(&loaded.graph, seen, &sight.aws.place);
        let stack = loaded.document.stack();
        let owners = seen.owners(&loaded.graph, stack, &sight.aws.place);
        let foreign = |node: &Node| {
            if node.external {
                return None;
            }
            let recorded = seen.prior.resources.contains_key(&node.address);
            let evidence = Evidence { stated: true, recorded, leaves: false };
            owners.of(node.kind, seen.live.get(&node.address)?, evidence).foreign()
        };
        let rows: Vec<Row> = loaded
            .graph
            .nodes()
            .map(|node| (node, foreign(node)))
            .map(|(node, foreign)| Row {
                address: node.address.clone(),
                kind: node.kind.name(),
                external: node.external,
                foreign: foreign.is_some(),
                physical_id: seen.live.get(&node.address).map(|live| live.physical_id.clone()),
                recorded: seen.prior.resources.contains_key(&node.address),
                orphan: false,
                drift: drift.iter().filter(|d| d.address == node.address).filter_map(|d| d.path.clone()).collect(),
                signs: {
                    let own = signs.remove(&node.address).unwrap_or_default();
                    foreign.map(|foreign| Sign::alarming(foreign.to_string())).into_iter().chain(own).collect()
                },
            })
            .chain(seen.orphans.iter().map(status::orphan))
            .collect();
        let text = if run.terminal.json {
            format!("{}\n", status::json(&rows, loaded.document.stack(), &sight.aws.place))
        } else {
            status::text(&rows, run.terminal.out)
        };
        run.terminal.data(&text);
        Ok(OK)
    }
}
