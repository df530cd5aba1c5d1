//! Whatever goes wrong at whichever call, the next run puts it right.
//!
//! A stack is applied, changed so that some of it is replaced, and destroyed. At call N of each of these the run is
//! killed before it sends, after it sent, or after it was answered; or AWS fails, throttles, never answers or refuses.
//! Then the run is repeated: it has to succeed, the plan after it has to be empty, and the account has to hold exactly
//! what it holds after a run without faults: no orphan, no duplicate.
//!
//! `DEPLOYER_FAULTS=all` tries every point instead of a sample, `DEPLOYER_FAULTS=100` a sample of that many chains for
//! each place of the state; `DEPLOYER_FAULT=s3/update/17/lost` tries one point alone.

#[path = "../common/mod.rs"]
#[allow(dead_code)]
mod common;

mod inventory;
mod trial;
mod wire;

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use trial::{End, Keep, PHASES, Phase, Trial};
use wire::{ALL, Fault};

/// How many chains of faults a normal run tries, for each place of the state: half a minute on two cores.
const SAMPLE: usize = 8;
const KEEPS: [(Keep, &str); 2] = [(Keep::S3, "s3"), (Keep::Directory, "directory")];

/// What runs without faults call, and leave behind.
struct Reference {
    calls: [Vec<String>; 3],
    holds: [Vec<String>; 3],
}

fn reference(keep: Keep) -> Reference {
    let trial = Trial::new(keep);
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

/// The plan is empty and the state tells of nothing under way.
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
fn survive(trial: &Trial, phase: Phase, fault: Option<Fault>, reference: &Reference) -> Result<(), String> {
    trial.run(phase, fault);
    trial.unlock();
    let (end, _) = trial.run(phase, None);
    if end != End::Done {
        return Err(format!("the next run: {end:?}"));
    }
    settled(trial, phase)?;
    let (holds, expected) = (trial.holds(), &reference.holds[phase as usize]);
    if holds != *expected {
        let more: Vec<_> = holds.iter().filter(|one| !expected.contains(one)).collect();
        let less: Vec<_> = expected.iter().filter(|one| !holds.contains(one)).collect();
        return Err(format!("the account holds more {more:?}, less {less:?}, in all {}", holds.len()));
    }
    Ok(())
}

/// The faults of one phase: each kind at each call.
fn points(calls: &[String]) -> Vec<Fault> {
    let at = 1..=calls.len();
    at.flat_map(|at| ALL.iter().map(move |(_, wrong)| Fault { at, wrong: *wrong })).collect()
}

/// One account goes through a fault in each phase.
fn chain(keep: (Keep, &str), faults: [Option<Fault>; 3], reference: &Reference) -> Vec<String> {
    let trial = Trial::new(keep.0);
    let mut lost = Vec::new();
    for (phase, fault) in PHASES.into_iter().zip(faults) {
        let Err(why) = survive(&trial, phase, fault, reference) else { continue };
        let Some(fault) = fault else { return vec![format!("{} without faults: {why}", phase.name())] };
        let (name, Fault { at, wrong }) = (phase.name(), fault);
        let call = &reference.calls[phase as usize][at - 1];
        lost.push(format!("DEPLOYER_FAULT={}/{name}/{at}/{wrong} (call {at} is {call}): {why}", keep.1));
        break;
    }
    lost
}

type Chain = [Option<Fault>; 3];

/// Every point once: the nth fault of each phase side by side.
fn chains(reference: &Reference, asked: Option<&str>) -> Vec<Chain> {
    let points = reference.calls.each_ref().map(|calls| points(calls));
    let longest = points.iter().map(Vec::len).max().unwrap_or(0);
    if asked == Some("all") {
        return (0..longest).map(|i| points.each_ref().map(|points| points.get(i).copied())).collect();
    }
    let sample = asked.map_or(SAMPLE, |number| number.parse().expect("DEPLOYER_FAULTS is `all` or a number"));
    // Spread over each phase's calls; a step that shares no divisor with the kinds meets every kind.
    let pick = |points: &Vec<Fault>, i: usize| points.get((i * points.len() / sample + i * 3) % points.len()).copied();
    (0..sample).map(|i| points.each_ref().map(|points| pick(points, i))).collect()
}

fn one_alone(name: &str) -> ((Keep, &'static str), Chain) {
    let parts: Vec<&str> = name.split('/').collect();
    let [keep, phase, at, wrong] = parts[..] else { panic!("write DEPLOYER_FAULT=s3/update/17/lost") };
    let keep = *KEEPS.iter().find(|(_, name)| *name == keep).expect("s3 or directory");
    let fault = Fault { at: at.parse().expect("a number"), wrong: wrong.parse().expect("a fault") };
    (keep, PHASES.map(|one| (one.name() == phase).then_some(fault)))
}

/// Unoptimised futures of whole runs need more than a test thread's two MiB.
const STACK: usize = 16 * 1024 * 1024;

#[test]
fn every_fault_is_survived() {
    let roomy = std::thread::Builder::new().stack_size(STACK).spawn(try_faults).expect("a thread");
    if let Err(panic) = roomy.join() {
        std::panic::resume_unwind(panic);
    }
}

fn try_faults() {
    if let Ok(name) = std::env::var("DEPLOYER_FAULT") {
        let (keep, faults) = one_alone(&name);
        let lost = chain(keep, faults, &reference(keep.0));
        assert!(lost.is_empty(), "{}", lost.join("\n"));
        return;
    }
    let asked = std::env::var("DEPLOYER_FAULTS").ok();
    let references = KEEPS.map(|(keep, _)| reference(keep));
    let work: Vec<(usize, Chain)> = (0..KEEPS.len())
        .flat_map(|k| chains(&references[k], asked.as_deref()).into_iter().map(move |chain| (k, chain)))
        .collect();
    let (next, lost) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(2, usize::from) * 2 {
            let worker = || {
                while let Some((keep, faults)) = work.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let failed = chain(KEEPS[*keep], *faults, &references[*keep]);
                    lost.lock().unwrap().extend(failed);
                }
            };
            std::thread::Builder::new().stack_size(STACK).spawn_scoped(scope, worker).expect("a thread");
        }
    });
    let tried: usize = work.iter().map(|(_, faults)| faults.iter().flatten().count()).sum();
    let lost = lost.into_inner().unwrap();
    println!("{tried} fault points, {} lost", lost.len());
    assert!(lost.is_empty(), "{tried} fault points, {} lost; each alone:\n{}", lost.len(), lost.join("\n"));
}
