//! The floor: a deployer reduced to its calls. It sends the calls that an operation requires, each as soon as the calls
//! it depends on have answered, over connections that stay open. It does not sign them and makes no decisions.
//!
//! It reads each resource by one call, without bulk reads. State and lock are objects in S3, as for the compared tools.

mod graph;

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::sync::{Condvar, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Map, Value, json};

use crate::cases::{Case, Operation};
use crate::http::{Client, Request};
use crate::{REGION, STATE_BUCKET};
use graph::{Step, graph};

/// Maximum number of concurrent calls.
const CONNECTIONS: usize = 100;
/// Pause between two checks whether a function is Active: short compared with half a second, long compared with the
/// emulator's time for a call.
const POLL: Duration = Duration::from_millis(20);
const STATE: &str = "floor.json";
const LOCK: &str = "floor.lock";

/// Runs an operation against the emulator at `address`, HOST:PORT.
pub fn run(operation: Operation, case: Case, address: &str, code: &str) -> Result<(), String> {
    let steps = schedule(operation, &graph(case, code));
    let pool = Mutex::new(Pool::new(steps));
    let changed = Condvar::new();
    let workers = pool.lock().unwrap_or_else(PoisonError::into_inner).steps.len().min(CONNECTIONS);
    thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| work(&pool, &changed, address));
        }
    });
    let pool = pool.into_inner().unwrap_or_else(PoisonError::into_inner);
    match pool.failure {
        Some(failure) => Err(failure),
        None if pool.done < pool.steps.len() => Err("calls wait for each other".to_owned()),
        None => Ok(()),
    }
}

/// Adds the calls for lock and state to an operation's calls.
fn schedule(operation: Operation, graph: &graph::Graph) -> Vec<Step> {
    let locked = !matches!(operation, Operation::Plan | Operation::NoopPlan);
    let known = !matches!(operation, Operation::Plan | Operation::Apply | Operation::ApplyActive);
    let before: &[&str] = if locked { &["state", "lock"] } else { &["state"] };
    let mut steps = vec![Step::of("state", &[], s3("GET", STATE)).may_be_missing().keeps("*", "")];
    if locked {
        let mut lock = s3("PUT", LOCK);
        lock.fields.push(("if-none-match", "*".to_owned()));
        steps.push(Step::of("lock", &[], lock));
    }
    let reads = graph.reads(known);
    let mut middle = match operation {
        Operation::Plan | Operation::NoopPlan | Operation::NoopApply => reads,
        Operation::Apply => graph.creates(),
        Operation::ApplyActive => graph.creates().into_iter().chain(graph.activations()).collect(),
        Operation::Destroy => graph.deletes(),
        Operation::Change => {
            let all: Vec<String> = reads.iter().map(|step| step.id.clone()).collect();
            let all: Vec<&str> = all.iter().map(String::as_str).collect();
            let change = Step::of("change", &all, graph.change());
            reads.into_iter().chain([change]).collect()
        }
    };
    for step in &mut middle {
        // With a lock, every call waits for it. Without one, only calls with ids from the state wait for the state.
        if locked || step.needs_state() {
            step.after.extend(before.iter().map(|id| (*id).to_owned()));
        }
    }
    steps.extend(middle);
    let writes = !operation.only_reads();
    if writes {
        steps.push(after_all(&steps, "record", s3("PUT", STATE)).sends_state());
    }
    if locked {
        steps.push(after_all(&steps, "unlock", s3("DELETE", LOCK)));
    }
    steps
}

fn after_all(steps: &[Step], id: &str, request: Request) -> Step {
    let all: Vec<&str> = steps.iter().map(|step| step.id.as_str()).collect();
    Step::of(id, &all, request)
}

fn s3(method: &'static str, key: &str) -> Request {
    Request { method, path: format!("/{STATE_BUCKET}/{key}"), service: "s3", ..Request::default() }
}

struct Pool {
    steps: Vec<Step>,
    /// For each step, the number of steps that it still waits for.
    waits: Vec<usize>,
    ready: VecDeque<usize>,
    /// Checks to repeat, with their times; the first is due first.
    later: VecDeque<(Instant, usize)>,
    /// Ids from earlier answers.
    known: Map<String, Value>,
    done: usize,
    failure: Option<String>,
    followers: BTreeMap<String, Vec<usize>>,
}

impl Pool {
    fn new(steps: Vec<Step>) -> Self {
        let mut followers: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        for (at, step) in steps.iter().enumerate() {
            for id in &step.after {
                followers.entry(id.clone()).or_default().push(at);
            }
        }
        let waits: Vec<usize> = steps.iter().map(|step| step.after.len()).collect();
        let ready = (0..steps.len()).filter(|at| waits[*at] == 0).collect();
        Self { steps, waits, ready, later: VecDeque::new(), known: Map::new(), done: 0, failure: None, followers }
    }

    fn ended(&self) -> bool {
        self.failure.is_some() || self.done == self.steps.len()
    }

    /// Returns the next step to run at `now`: ready steps go before repeated checks.
    fn next(&mut self, now: Instant) -> Option<usize> {
        let due = |later: &mut (Instant, usize)| later.0 <= now;
        self.ready.pop_front().or_else(|| self.later.pop_front_if(due).map(|(_, at)| at))
    }

    fn finish(&mut self, at: usize, result: Result<Outcome, String>) {
        match result {
            Ok(Outcome::NotYet) => self.later.push_back((Instant::now() + POLL, at)),
            Ok(Outcome::Done(learnt)) => {
                self.known.extend(learnt);
                self.done += 1;
                for follower in self.followers.get(&self.steps[at].id).cloned().unwrap_or_default() {
                    self.waits[follower] -= 1;
                    if self.waits[follower] == 0 {
                        self.ready.push_back(follower);
                    }
                }
            }
            Err(failure) => self.failure = Some(failure),
        }
    }
}

enum Outcome {
    /// Finished, with the ids in the answer.
    Done(Map<String, Value>),
    /// Not finished: the check is repeated later.
    NotYet,
}

fn work(pool: &Mutex<Pool>, changed: &Condvar, address: &str) {
    let mut client = Client::new(address, REGION);
    let mut guard = pool.lock().unwrap_or_else(PoisonError::into_inner);
    loop {
        if guard.ended() {
            return;
        }
        let now = Instant::now();
        let Some(at) = guard.next(now) else {
            guard = match guard.later.front().map(|(due, _)| due.saturating_duration_since(now)) {
                Some(wait) => changed.wait_timeout(guard, wait).unwrap_or_else(PoisonError::into_inner).0,
                None => changed.wait(guard).unwrap_or_else(PoisonError::into_inner),
            };
            continue;
        };
        let step = guard.steps[at].clone();
        let request = step.request(&guard.known);
        drop(guard);
        let result = send(&mut client, &step, &request);
        guard = pool.lock().unwrap_or_else(PoisonError::into_inner);
        guard.finish(at, result);
        changed.notify_all();
    }
}

fn send(client: &mut Client, step: &Step, request: &Request) -> Result<Outcome, String> {
    let answer = client.send(request).map_err(|error: io::Error| format!("{}: {error}", step.id))?;
    match answer.status {
        200..=299 => {
            let answer = serde_json::from_slice(&answer.body).unwrap_or(json!({}));
            Ok(if step.is_done(&answer) { Outcome::Done(step.learn(&answer)) } else { Outcome::NotYet })
        }
        // SQS and IAM answer 400 if something does not exist.
        400 | 404 if step.missing_is_fine => Ok(Outcome::Done(Map::new())),
        status => Err(format!("{}: {status} {}", step.id, answer.text())),
    }
}

/// Returns the number of calls and rounds of every operation, from the graph alone.
pub fn bounds(case: Case) -> Vec<(Operation, usize, usize)> {
    let graph = graph(case, "");
    let bound = |operation| {
        let steps = schedule(operation, &graph);
        (operation, steps.len(), depth(&steps))
    };
    Operation::ALL.into_iter().map(bound).collect()
}

/// Returns the length of the longest chain of calls that wait for each other.
fn depth(steps: &[Step]) -> usize {
    let mut depths: BTreeMap<&str, usize> = BTreeMap::new();
    let mut left: Vec<&Step> = steps.iter().collect();
    while !left.is_empty() {
        let before = left.len();
        left.retain(|step| {
            let of: Option<Vec<usize>> = step.after.iter().map(|id| depths.get(id.as_str()).copied()).collect();
            let Some(of) = of else { return true };
            depths.insert(&step.id, 1 + of.into_iter().max().unwrap_or(0));
            false
        });
        if left.len() == before {
            break;
        }
    }
    depths.into_values().max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_and_rounds_follow_from_the_resources() {
        let bounds = |case| bounds(case).into_iter().map(|(_, calls, rounds)| (calls, rounds)).collect::<Vec<_>>();
        // First plan, first apply, the same until Active, plan, apply, change, destroy.
        assert_eq!(bounds(Case::Scaled(1)), [(6, 1), (10, 6), (11, 6), (7, 2), (9, 3), (11, 5), (10, 6)]);
        let hundred = bounds(Case::Scaled(100));
        assert_eq!((hundred[3], hundred[1].1), ((601, 2), 6));
        assert_eq!(bounds(Case::Couch).iter().map(|(_, rounds)| *rounds).collect::<Vec<_>>(), [1, 8, 8, 2, 3, 5, 6]);
    }
}
