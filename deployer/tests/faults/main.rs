//! A run that fails at any call is repaired by the next run.
//!
//! A stack is applied, changed so that parts of it are replaced, and destroyed. At call N of each phase the run is
//! killed before the call is sent, after it was sent, or after its answer; or AWS fails, throttles, never answers or
//! refuses. Then the run is repeated, or another `stack.yaml` is applied. The next run must succeed, the plan after it
//! must be empty, and the account must have exactly what it has after a run without faults: no orphan, no duplicate.
//! All calls on the way must be allowed by the policies that `deployer iam` prints.
//!
//! `DEPLOYER_FAULTS=all` tries every point instead of a sample. `DEPLOYER_FAULTS=100` tries a sample of 100 chains for
//! each place. `DEPLOYER_FAULT=s3/update/17/lost` tries one point alone, `…/lost/turned` with another stack after it.

#[path = "../common/mod.rs"]
#[allow(dead_code)]
mod common;

#[path = "../common/catalog/mod.rs"]
#[allow(dead_code)]
mod catalog;

#[path = "../common/dice.rs"]
mod dice;

mod account;
mod credentials;
mod deployed;
mod edits;
mod holdings;
mod needs;
mod others;
mod policies;
mod routes;
mod strict;
mod targets;
mod trial;
mod wire;

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use trial::{End, PHASES, Phase, Scene, StatePlace, Trial};
use wire::{ALL, Fault, FaultKind};

/// The chains of faults that a normal run tries for each place: half a minute on two cores.
const SAMPLE: usize = 6;
/// The most calls after the credentials have expired: the reads of a plan, and those for the state and the lock.
const AFTER_THE_END: usize = 40;

/// A stack, and the place of its state.
#[derive(Clone, Copy)]
struct Place {
    name: &'static str,
    keep: StatePlace,
    scene: Scene,
}

const PLACES: [Place; 3] = [
    Place { name: "s3", keep: StatePlace::S3, scene: Scene::Kinds },
    Place { name: "directory", keep: StatePlace::Directory, scene: Scene::Kinds },
    Place { name: "couch", keep: StatePlace::S3, scene: Scene::Couch },
];

/// A fault, and the stack that is applied after it.
#[derive(Clone, Copy)]
struct Point {
    fault: Fault,
    /// Whether another stack is applied after the interrupted run.
    turned: bool,
}

/// The calls of runs without faults, and the resources that they leave.
struct Reference {
    calls: [Vec<String>; 3],
    holds: [Vec<String>; 3],
}

fn reference(place: Place) -> Reference {
    let trial = Trial::new(place.keep, place.scene);
    let mut reference = Reference { calls: Default::default(), holds: Default::default() };
    for (i, phase) in PHASES.into_iter().enumerate() {
        let (end, calls) = trial.run(phase, None);
        assert_eq!(end, End::Done, "{} without faults", phase.name());
        settled(&trial, phase).unwrap_or_else(|why| panic!("{} without faults: {why}", phase.name()));
        reference.calls[i] = calls;
        reference.holds[i] = trial.holds();
    }
    assert_eq!(reference.holds[2], [""; 0], "destroy leaves nothing");
    reference
}

/// Checks that the plan is empty and that the state has no intents.
fn settled(trial: &Trial, phase: Phase) -> Result<(), String> {
    if let Some(plan) = trial.planned(phase)? {
        return Err(format!("the second plan is not empty: {plan}"));
    }
    let state = trial.state();
    if !state.intents.is_empty() {
        return Err(format!("intents are left: {:?}", state.intents));
    }
    if phase == Phase::Destroy && !state.resources.is_empty() {
        return Err(format!("records are left: {:?}", state.resources.keys()));
    }
    Ok(())
}

/// Makes one phase fail, and repeats it.
fn survive(trial: &Trial, phase: Phase, point: Option<Point>, reference: &Reference) -> Result<(), String> {
    let (_, calls) = trial.run(phase, point.map(|point| point.fault));
    trial.unlock();
    if let Some(Fault { at, wrong: FaultKind::Expired }) = point.map(|point| point.fault)
        && calls.len() > at + AFTER_THE_END
    {
        return Err(format!("{} calls were made after the credentials had ended", calls.len() - at));
    }
    if point.is_some_and(|point| point.turned) {
        let other = if phase == Phase::Update { Phase::Apply } else { Phase::Update };
        next(trial, other, reference).map_err(|why| format!("{} next: {why}", other.name()))?;
    }
    next(trial, phase, reference)
}

/// Checks that a run without faults repairs everything.
fn next(trial: &Trial, phase: Phase, reference: &Reference) -> Result<(), String> {
    let (end, _) = trial.run(phase, None);
    if end != End::Done {
        return Err(format!("the next run: {end:?}"));
    }
    settled(trial, phase)?;
    trial.ledger().sufficient()?;
    let (holds, expected) = (trial.holds(), &reference.holds[phase as usize]);
    if holds != *expected {
        let more: Vec<_> = holds.iter().filter(|one| !expected.contains(one)).collect();
        let less: Vec<_> = expected.iter().filter(|one| !holds.contains(one)).collect();
        return Err(format!("the account holds more {more:?}, less {less:?}, in all {}", holds.len()));
    }
    Ok(())
}

/// Lists the faults of one phase: each kind at each call. After a kill, also with another stack.
fn points(calls: &[String]) -> Vec<Point> {
    let at_each = |at: usize| {
        let again = ALL.iter().map(move |(_, wrong)| Point { fault: Fault { at, wrong: *wrong }, turned: false });
        let deaths = ALL.iter().filter(|(_, wrong)| wrong.kills());
        again.chain(deaths.map(move |(_, wrong)| Point { fault: Fault { at, wrong: *wrong }, turned: true }))
    };
    (1..=calls.len()).flat_map(at_each).collect()
}

type Chain = [Option<Point>; 3];

/// Takes one account through a fault in each phase.
fn chain(place: Place, points: Chain, reference: &Reference) -> Vec<String> {
    let trial = Trial::new(place.keep, place.scene);
    for (phase, point) in PHASES.into_iter().zip(points) {
        let Err(why) = survive(&trial, phase, point, reference) else { continue };
        let Some(Point { fault: Fault { at, wrong }, turned }) = point else {
            return vec![format!("{} without faults: {why}", phase.name())];
        };
        let (name, turned) = (phase.name(), if turned { "/turned" } else { "" });
        let call = &reference.calls[phase as usize][at - 1];
        return vec![format!("DEPLOYER_FAULT={}/{name}/{at}/{wrong}{turned} (call {at} is {call}): {why}", place.name)];
    }
    Vec::new()
}

/// Combines the points into chains: the nth fault of each phase.
fn chains(reference: &Reference, asked: Option<&str>) -> Vec<Chain> {
    let points = reference.calls.each_ref().map(|calls| points(calls));
    let longest = points.iter().map(Vec::len).max().unwrap_or(0);
    if asked == Some("all") {
        return (0..longest).map(|i| points.each_ref().map(|points| points.get(i).copied())).collect();
    }
    let sample = asked.map_or(SAMPLE, |number| number.parse().expect("DEPLOYER_FAULTS is `all` or a number"));
    // Spreads the sample over each phase's calls. The extra step shares no divisor with the number of kinds, so every
    // kind occurs.
    let pick = |points: &Vec<Point>, i: usize| points.get((i * points.len() / sample + i * 4) % points.len()).copied();
    (0..sample).map(|i| points.each_ref().map(|points| pick(points, i))).collect()
}

fn one_alone(name: &str) -> (Place, Chain) {
    let parts: Vec<&str> = name.split('/').collect();
    let [place, phase, at, wrong, ref rest @ ..] = parts[..] else { panic!("write DEPLOYER_FAULT=s3/update/17/lost") };
    let place = *PLACES.iter().find(|one| one.name == place).expect("s3, directory or couch");
    let fault = Fault { at: at.parse().expect("a number"), wrong: wrong.parse().expect("a fault") };
    let point = Point { fault, turned: rest == ["turned"] };
    (place, PHASES.map(|one| (one.name() == phase).then_some(point)))
}

/// Unoptimised futures of complete runs need more than a test thread's two MiB.
const STACK: usize = 16 * 1024 * 1024;

/// Runs a test in a thread with a larger stack.
fn roomy(test: fn()) {
    let thread = std::thread::Builder::new().stack_size(STACK).spawn(test).expect("a thread");
    if let Err(panic) = thread.join() {
        std::panic::resume_unwind(panic);
    }
}

#[test]
fn every_fault_is_survived() {
    roomy(try_faults);
}

fn try_faults() {
    if let Ok(name) = std::env::var("DEPLOYER_FAULT") {
        let (place, points) = one_alone(&name);
        let lost = chain(place, points, &reference(place));
        assert!(lost.is_empty(), "{}", lost.join("\n"));
        return;
    }
    let asked = std::env::var("DEPLOYER_FAULTS").ok();
    let references = PLACES.map(reference);
    let work: Vec<(usize, Chain)> = (0..PLACES.len())
        .flat_map(|p| chains(&references[p], asked.as_deref()).into_iter().map(move |chain| (p, chain)))
        .collect();
    let (next, lost) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(2, usize::from) * 2 {
            let worker = || {
                while let Some((place, points)) = work.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let failed = chain(PLACES[*place], *points, &references[*place]);
                    failed.iter().for_each(|why| eprintln!("{why}"));
                    lost.lock().unwrap().extend(failed);
                }
            };
            std::thread::Builder::new().stack_size(STACK).spawn_scoped(scope, worker).expect("a thread");
        }
    });
    let tried: usize = work.iter().map(|(_, points)| points.iter().flatten().count()).sum();
    let lost = lost.into_inner().unwrap();
    println!("{tried} fault points, {} lost", lost.len());
    assert!(lost.is_empty(), "{tried} fault points, {} lost; each alone:\n{}", lost.len(), lost.join("\n"));
}
