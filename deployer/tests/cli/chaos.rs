//! SIGKILL at random moments, repeatedly, with edits in between. `cargo xtask chaos` runs more rounds.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::Stdio;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::bench::{Bench, RunOutput};
use crate::catalog::names;
use crate::dice::Dice;
use crate::kills::{dice, edits};
use crate::lifecycle::SHOP;

const ROUNDS: u64 = 6;
/// Stacks that are tested at the same time. Most of the time they wait for dead runs' leases.
const STACKS: u64 = 3;
/// Most kills in a round before the stack must converge.
const KILLS: usize = 3;

/// How often a run may lose its lease before that counts as a failure.
const FENCED: usize = 5;

/// A stack that is killed, edited and applied again.
struct Torment {
    runtime: tokio::runtime::Runtime,
    bench: Bench,
    dice: Dice,
    edits: Vec<String>,
    /// The account's resources after each edit alone.
    expected: Vec<Vec<String>>,
    /// The duration of a complete apply.
    whole: Duration,
    story: Vec<String>,
}

impl Torment {
    fn new(dice: Dice) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let bench = runtime.block_on(Bench::new(SHOP));
        let mut torment = Self {
            runtime,
            bench,
            dice,
            edits: edits(),
            expected: Vec::new(),
            whole: Duration::ZERO,
            story: Vec::new(),
        };
        for edit in 0..torment.edits.len() {
            torment.bench.write("stack.yaml", &torment.edits[edit]);
            let began = Instant::now();
            torment.bench.apply();
            torment.whole = torment.whole.max(began.elapsed());
            let left = torment.holds();
            torment.expected.push(left);
            torment.destroyed();
        }
        torment
    }

    fn holds(&self) -> Vec<String> {
        self.runtime.block_on(names(&self.bench.aws))
    }

    #[track_caller]
    fn destroyed(&self) {
        self.succeeds(&["destroy", "-y"]);
        assert_eq!(self.holds(), [""; 0], "{:?}", self.story);
    }

    /// Runs a command that waits for the killed run's lease to lapse. On a busy machine this run may lose its own short
    /// lease; then it is repeated, as its message advises.
    #[track_caller]
    fn succeeds(&self, arguments: &[&str]) {
        let run = || RunOutput::of(self.command(arguments).output().expect("the binary runs"));
        let fenced = |ran: &RunOutput| ran.stderr.contains("error[state::fenced]");
        let ran = (1..FENCED).map(|_| run()).find(|ran| !fenced(ran)).unwrap_or_else(run);
        assert_eq!(ran.code, Some(0), "{:?}: {ran}", self.story);
    }

    fn command(&self, arguments: &[&str]) -> std::process::Command {
        let mut command = self.bench.command(arguments);
        command.env("DEPLOYER_LEASE", "3s").env("DEPLOYER_LOCK_TIMEOUT", "1m");
        command
    }

    /// Starts a run and kills it at a random moment. Returns whether it was still running.
    fn cut(&mut self) -> bool {
        let (edit, destroys) = (self.dice.below(self.edits.len()), self.dice.below(4) == 0);
        // The run also waits for the lock of the last killed run.
        let locked = self.runtime.block_on(self.bench.lock()).is_some();
        let span = self.whole.as_millis() + if locked { 4000 } else { 0 };
        let after = Duration::from_millis(self.dice.below(usize::try_from(span).expect("seconds")) as u64);
        let verb = if destroys { "destroy" } else { "apply" };
        self.bench.write("stack.yaml", &self.edits[edit]);
        let mut command = self.command(&[verb, "-y", "-q"]);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the binary starts");
        std::thread::sleep(after);
        let _ = child.kill();
        let killed = child.wait().expect("the process ends").code().is_none();
        let ended = if killed { "" } else { " (had ended)" };
        self.story.push(format!("{verb} of edit {edit}, killed after {} ms{ended}", after.as_millis()));
        killed
    }

    /// Kills some runs, then checks that the stack converges as if they had not been killed.
    fn round(&mut self) -> u64 {
        self.story.clear();
        let kills = (0..=self.dice.below(KILLS)).filter(|_| self.cut()).count() as u64;
        let edit = self.dice.below(self.edits.len());
        self.bench.write("stack.yaml", &self.edits[edit]);
        self.story.push(format!("apply of edit {edit}"));
        self.succeeds(&["apply", "-y"]);
        self.bench.settled();
        assert_eq!(self.holds(), self.expected[edit], "{:?}", self.story);
        if self.dice.below(2) == 0 {
            self.destroyed();
        }
        kills
    }
}

#[test]
fn nothing_is_lost_whenever_a_run_is_killed() {
    let dice = dice();
    let asked = std::env::var("DEPLOYER_CHAOS_ROUNDS").ok().and_then(|text| text.parse().ok());
    let rounds: u64 = asked.unwrap_or(ROUNDS);
    let (kills, lost) = (AtomicU64::new(0), AtomicU64::new(0));
    std::thread::scope(|scope| {
        for stack in 0..STACKS.min(rounds) {
            let (kills, lost, dice) = (&kills, &lost, &dice);
            scope.spawn(move || {
                let mut torment = Torment::new(dice.split(stack));
                for round in (stack..rounds).step_by(usize::try_from(STACKS).expect("few")) {
                    match catch_unwind(AssertUnwindSafe(|| torment.round())) {
                        Ok(killed) => {
                            kills.fetch_add(killed, Ordering::Relaxed);
                            eprintln!("round {round}: {killed} killed, converged");
                        }
                        Err(_) => {
                            lost.fetch_add(1, Ordering::Relaxed);
                            eprintln!("round {round}: LOST: {:?}", torment.story);
                            torment = Torment::new(dice.split(STACKS + round));
                        }
                    }
                }
                torment.destroyed();
            });
        }
    });
    let (kills, lost) = (kills.into_inner(), lost.into_inner());
    eprintln!("chaos: {rounds} rounds, {kills} kills, {lost} lost");
    assert_eq!(lost, 0);
}
