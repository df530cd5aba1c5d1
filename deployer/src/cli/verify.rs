//! `deployer verify`

use std::collections::BTreeSet;
use std::time::Duration;

use clap::Args;
use clap_complete::ArgValueCompleter;

use super::environment::now_ms;
use super::examples::Examples;
use super::options::{Approval, Choice, duration};
use super::run::Run;
use super::{Exit, OK, approval, complete};
use crate::failure::Failure;
use crate::operate::verify::{self as trial, Edge, Means, View};
use crate::pipeline;
use crate::report::heading::Heading;
use crate::report::progress::Preparation;
use crate::report::verify::{self as form, VerifyReport};
use crate::spec::nearest::{nearest, quoted};

/// Send one message through every edge of the stack, and wait for its arrival
///
/// It tries routes, subscriptions, alarms and queues with workers, after a yes. A probe carries a random word: in the
/// body {"deployer.verify": "WORD"}, in the attribute `deployer.verify` of a message, in the header `x-deployer-verify`
/// of a request. Functions that do not look for it are called with it as with any other message. Alarms ring for a
/// moment, and people get their mail. Of dead-letter queues only the settings are compared.
#[derive(Debug, Args)]
#[command(add = EXAMPLES)]
pub struct Verify {
    /// Only edges that begin or end at these addresses.
    #[arg(value_name = "EDGE", add = ArgValueCompleter::new(complete::addresses))]
    edges: Vec<String>,
    /// Wait this long for each arrival: 30, 30s, 2m.
    #[arg(long, default_value = "90s", value_name = "DURATION", value_parser = duration)]
    timeout: Duration,
    #[command(flatten)]
    approval: Approval,
}

const EXAMPLES: Examples = Examples(&[
    ("deployer verify", "show the messages, ask, send them"),
    ("deployer verify queues.orders -y", "only what begins or ends at this queue, without asking"),
    ("deployer --local apply -y && deployer --local verify -y", "in the local cloud"),
]);

impl Verify {
    pub(super) async fn run(self, run: &Run) -> Exit {
        approval::possible(run, &self.approval, "verify")?;
        let settings = run.settings_to_operate(&Choice::default(), "verify")?;
        let loaded = run.recall_quietly(&settings).await?;
        let sight = pipeline::look(&loaded, &settings, &Preparation::new(run.terminal), &run.stop).await?;
        let (graph, document) = (&loaded.graph, &loaded.document);
        let view = View { graph, seen: &sight.observation, place: &sight.aws.place, stack: document.stack() };
        let all = trial::edges(view);
        let edges = self.chosen(all.clone()).map_err(|failure| failure.masked(document.secrets()))?;
        let report = VerifyReport {
            heading: Heading::of(document, &sight.aws.place, run.global.local),
            graph,
            secrets: document.secrets(),
            edges: &edges,
            all: &all,
            chosen: &self.edges,
        };
        if !self.approval.auto_approve && report.announce(&run.terminal) {
            approval::ask_for_yes(run, &self.approval, "verify", "Type `yes` to send them:").await?;
        }
        let means = Means { aws: &sight.aws, timeout: self.timeout, now_ms, stop: &run.stop };
        let progress = |edge: &Edge, outcome: &trial::Outcome| report.progress(&run.terminal, edge, outcome);
        let outcomes = trial::verify(view, &edges, &all, means, &progress).await;
        let broken = report.print(&run.terminal, &outcomes);
        if *run.stop.borrow() > 0 {
            let message = "interrupted; alarms have their former state, and probes were removed where they were found";
            return Err(Failure::plain("run::interrupted", message, "run the same command again"));
        }
        if broken == 0 {
            return Ok(OK);
        }
        let message = form::broken(broken, edges.len());
        Err(Failure::plain("verify::broken", message, "the table above has the reason and the repair of each"))
    }

    /// Selects the edges that the user named; all if none is named.
    fn chosen(&self, all: Vec<Edge>) -> Result<Vec<Edge>, Failure> {
        for word in &self.edges {
            if all.iter().any(|edge| edge.is_called(word)) {
                continue;
            }
            let within = all.iter().filter(|edge| !edge.is_to_person());
            let known: BTreeSet<&str> = within.flat_map(|edge| [edge.from.as_str(), edge.to.as_str()]).collect();
            let known = || known.iter().copied();
            let help = nearest(word, known())
                .map_or_else(|| format!("there are {}", quoted(known())), |meant| format!("did you mean `{meant}`?"));
            let message = format!("no edge of this stack begins or ends at `{word}`");
            return Err(Failure::plain("verify::unknown-edge", message, help));
        }
        let is_chosen = |edge: &Edge| self.edges.is_empty() || self.edges.iter().any(|word| edge.is_called(word));
        Ok(all.into_iter().filter(is_chosen).collect())
    }
}
