//! Kills a rehearsed run at each of its writes, and lets the next run heal what remains.
//!
//! A read changes nothing, so a run that dies at a read leaves what one leaves that dies after the write before it.

use std::time::Duration;

use super::super::{Ready, unless_stopped};
use super::RehearsalCloud;
use super::mortal::{self, Death};
use super::play::Play;
use crate::execute::Stop;
use crate::failure::{Failure, refusals};
use crate::plan::{Action, Note, Remark};

/// After this time AWS shows every change.
const SHOWN_WITHIN: Duration = Duration::from_secs(120);

/// The result of all kills.
#[derive(Debug, Default)]
pub struct Kills {
    /// The writes of the run.
    pub writes: usize,
    /// The runs that were killed.
    pub kills: usize,
    /// The kills that the next run did not heal.
    pub lost: Vec<Loss>,
}

/// A kill after which the next run does not come to "No changes."
#[derive(Debug)]
pub struct Loss {
    /// The write at which the run was killed, such as `SQS CreateQueue`.
    pub write: String,
    /// Its number, counted from 1.
    pub number: usize,
    /// Whether it took effect.
    pub arrived: bool,
    pub wound: Wound,
}

/// A resource that is not as `stack.yaml` says after the next run. None stands for the whole run.
#[derive(Debug)]
pub struct Wound {
    pub address: Option<String>,
    pub remains: Remains,
}

/// The result of the run after a killed one.
#[derive(Debug, PartialEq, Eq)]
pub enum Remains {
    /// It failed.
    Failure(String),
    /// It ended, and the plan after it has this action.
    Action(Action),
    /// It ended, and a resource belongs to nobody.
    Orphan,
}

impl Ready {
    /// Carries the plan out in `cloud` again and again, and kills it at each write: once before the write arrives, once
    /// after. `report` gets the number of kills so far.
    ///
    /// # Errors
    /// When the private cloud cannot be filled, or when the run is stopped.
    pub async fn rehearse_kills(
        &self,
        cloud: &mut RehearsalCloud,
        report: &(dyn Fn(usize) + Sync),
        stop: &Stop,
    ) -> Result<Kills, Failure> {
        let mut kills = Kills::default();
        for at in 1.. {
            for arrives in [false, true] {
                let death = Death { at, arrives };
                let play = unless_stopped(stop, self.stage(cloud)).await?;
                let Some(write) = unless_stopped(stop, mortal::run(play.clone(), death, stop.clone())).await? else {
                    return Ok(kills);
                };
                kills.writes = at;
                kills.kills += 1;
                report(kills.kills);
                cloud.unlock()?;
                if let Some(wound) = unless_stopped(stop, self.heal(&play, stop)).await? {
                    kills.lost.push(Loss { write, number: at, arrived: arrives, wound });
                }
            }
        }
        Ok(kills)
    }

    /// Runs once more, and plans. Returns the first resource that is not as `stack.yaml` says.
    async fn heal(&self, play: &Play, stop: &Stop) -> Result<Option<Wound>, Failure> {
        let applied = match play.run(None, stop).await {
            Ok((_, applied)) => applied,
            Err(failure) => return failed(failure),
        };
        if applied.outcome.interrupted {
            return Err(Failure::interrupted());
        }
        if let Some(finding) = refusals(&applied.outcome, &play.loaded.document).0.into_iter().next() {
            let address = applied.outcome.failed.first().map(|failed| failed.address.clone());
            return Ok(Some(Wound { address, remains: Remains::Failure(finding.message) }));
        }
        match self.remains(play, stop).await {
            Ok(Some(_)) => {}
            Ok(None) => return Ok(None),
            Err(failure) => return failed(failure),
        }
        // AWS may show a change late: the attributes of a queue after a minute.
        tokio::time::sleep(SHOWN_WITHIN.mul_f64(RehearsalCloud::pace())).await;
        self.remains(play, stop).await.or_else(failed)
    }

    /// Plans. Returns the first resource that is not as `stack.yaml` says.
    async fn remains(&self, play: &Play, stop: &Stop) -> Result<Option<Wound>, Failure> {
        let plan = play.plan(stop).await?;
        if let Some(planned) = plan.actions().iter().find(|planned| planned.has_changes()) {
            let (address, remains) = (Some(planned.address.clone()), Remains::Action(planned.action()));
            return Ok(Some(Wound { address, remains }));
        }
        // Orphans from before the rehearsal are none of its matters.
        let is_orphan =
            |note: &&Note| matches!(note.remark, Remark::Orphan { .. }) && !self.plan.notes().contains(note);
        let orphan = plan.notes().iter().find(is_orphan);
        Ok(orphan.map(|note| Wound { address: Some(note.address.clone()), remains: Remains::Orphan }))
    }
}

/// Turns the failure of a whole run into what remains of it.
fn failed(failure: Failure) -> Result<Option<Wound>, Failure> {
    if failure.is_interrupted() {
        return Err(failure);
    }
    let why = failure.findings.0.into_iter().next().map_or_else(String::new, |finding| finding.message);
    Ok(Some(Wound { address: None, remains: Remains::Failure(why) }))
}
