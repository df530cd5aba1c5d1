//! Carries a plan out in a private local cloud that has AWS's rules, filled with what the plan has read.
//!
//! AWS is only read. All clients of a rehearsal have the address and the keys of the private cloud, and its state is in
//! the cloud's directory. The plan stays as it is, so it can be carried out on AWS afterwards.
//!
//! - `cloud`: the private cloud
//! - `fill`: creates in it what AWS has
//! - `others`: roles and policies of others
//! - `user`: the user with the permissions of the printed policy
//! - `play`: a run in the private cloud
//! - `mortal`: a run that dies at one of its writes
//! - `kills`: kills a run at each write, and lets the next run heal it

mod cloud;
mod fill;
mod kills;
mod mortal;
mod others;
mod play;
mod user;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::Serialize;
use tokio::time::Instant;

use super::{ApplyResult, Ready, rates, unless_stopped};
use crate::aws::{Place, rate};
use crate::execute::{Estimate, Stop};
use crate::failure::Failure;
use crate::plan::{Action, Plan};

pub use cloud::RehearsalCloud;
use fill::{Scene, fill};
pub use kills::{Kills, Loss, Remains, Wound};
use play::Play;

/// The result of a rehearsal.
pub struct Rehearsal {
    pub applied: ApplyResult,
    /// The place that the plan is for.
    pub place: Place,
    /// How long the private cloud took.
    pub took: Duration,
    /// The expected time on AWS.
    pub expected: Duration,
    /// The least time that AWS's rates allow for these calls, and the rate that decides. None if no call waits.
    pub waits: Option<(Duration, String)>,
    /// The resources for which the plan in the private cloud has another action.
    pub differences: Vec<Difference>,
}

/// A resource with another action in the private cloud than on AWS.
#[derive(Debug, Serialize)]
pub struct Difference {
    pub address: String,
    pub on_aws: Option<Action>,
    pub rehearsed: Option<Action>,
}

impl Ready {
    /// Carries the plan out in `cloud`.
    ///
    /// # Errors
    /// When the private cloud cannot be filled, when no plan can be made there, or when the run is stopped. Refusals of
    /// single calls are in the result.
    pub async fn rehearse(&self, cloud: &mut RehearsalCloud, stop: &Stop) -> Result<Rehearsal, Failure> {
        let play = unless_stopped(stop, self.stage(cloud)).await?;
        let began = Instant::now();
        let (rehearsed, applied) = play.run(None, stop).await?;
        let waits = rate::least(applied.operations.iter().copied()).filter(|(time, _)| !time.is_zero());
        let least = rates::least(&self.plan).map_or(Duration::ZERO, |(time, _)| time);
        let least = waits.iter().map(|(time, _)| *time).fold(least, Duration::max);
        let expected = Duration::from_secs_f64(Estimate::of(&self.plan).remaining(|_| 0.0));
        Ok(Rehearsal {
            applied,
            place: self.home.place().clone(),
            took: began.elapsed(),
            expected: expected.max(least),
            waits,
            differences: differences(&self.plan, &rehearsed),
        })
    }

    /// Empties the private cloud and fills it again. Returns a run that may begin there.
    async fn stage(&self, cloud: &mut RehearsalCloud) -> Result<Play, Failure> {
        let Self { loaded, plan, settings, goal, home, gathered, .. } = self;
        let place = home.place();
        cloud.empty(&place.account).await?;
        let root = cloud.past_the_rules(place).await;
        let state = fill(&Scene { loaded, plan, gathered }, &root).await?;
        let existed = gathered.snapshot.existed;
        let user = user::create(&root, loaded, settings, existed.then_some(&state)).await?;
        let settings = cloud.settings(settings.clone(), user);
        if existed {
            cloud.keep(&loaded.document, &settings, &state)?;
        }
        Ok(Play { loaded: loaded.clone(), settings, goal: goal.clone(), artifacts: gathered.artifacts.clone() })
    }
}

/// Compares the actions of two plans.
fn differences(of_aws: &Plan, rehearsed: &Plan) -> Vec<Difference> {
    let actions = |plan: &Plan| -> BTreeMap<String, Action> {
        plan.actions().iter().map(|planned| (planned.address.clone(), planned.action())).collect()
    };
    let (real, tried) = (actions(of_aws), actions(rehearsed));
    let all: BTreeSet<&String> = real.keys().chain(tried.keys()).collect();
    let of = |address: &String| Difference {
        address: address.clone(),
        on_aws: real.get(address).copied(),
        rehearsed: tried.get(address).copied(),
    };
    all.into_iter().map(of).filter(|one| one.on_aws != one.rehearsed).collect()
}

/// Reports a resource that the private cloud cannot have.
fn not_set_up(address: &str, why: &str) -> Failure {
    let message = format!("the private local cloud cannot have `{address}` as AWS has it: {why}");
    let help = "nothing was changed; apply without the rehearsal, or leave the element out: `--exclude ADDRESS`";
    Failure::plain("rehearse::not-set-up", message, help)
}
