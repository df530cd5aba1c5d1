//! The protocol of lock and state, run through every order of events by a model checker.
//!
//! Two or three runs share one server. A run may pause between any two steps for any time. It may die. It may wait in
//! vain for an answer while its write arrives later or never. The server's clock is the only one. One tick is a second,
//! and a lease lasts three. Each decision of a run comes from `decide`, as in the deployer itself.

mod world;

use std::collections::BTreeSet;
use std::time::Duration;

use stateright::{Checker, HasDiscoveries, Model, Property};

use super::decide::{Refusal, Terms};

const NAMES: [&str; 3] = ["ada", "bob", "eve"];
/// Work of each run under the lock: save the intents, write to AWS twice, save the results.
const PROGRAM: [Work; 4] = [Work::Save, Work::Aws, Work::Aws, Work::Save];
/// The same work if the intents are saved alongside the first writes to AWS, and arrive after one of them.
const BESIDE: [Work; 4] = [Work::Aws, Work::Save, Work::Aws, Work::Save];

#[derive(Clone, Copy, Debug, Hash, PartialEq)]
enum Work {
    Save,
    Aws,
}

/// The setup to check: the number of runs and faults, and a rule to leave out as proof that it is needed.
#[derive(Clone)]
struct Protocol {
    runs: usize,
    ticks: i16,
    lost_answers: u8,
    crashes: u8,
    /// This many runs may pause between any two steps. Time waits for the other runs' steps.
    slow: usize,
    program: [Work; 4],
    /// Runs know when a holder has died.
    notices_deaths: bool,
    without: Option<Rule>,
}

#[derive(Clone, Copy, PartialEq)]
enum Rule {
    /// No write to AWS once the lease has lapsed.
    Fence,
    /// A write of the state replaces only the state that the run read.
    ConditionalSave,
    /// A run deletes only its own lock.
    ConditionalUnlock,
    /// A run takes over an expired lock.
    TakeOver,
    /// The lock of a dead run is taken over only after its last calls had time to arrive.
    TimeForCalls,
}

#[derive(Clone, Debug, Hash, PartialEq)]
struct World {
    now: i16,
    lock: Option<(Content, i16)>,
    /// Every state that was stored; the last is the current one.
    saved: Vec<Doc>,
    under_way: BTreeSet<SentWrite>,
    runs: Vec<ModelRun>,
    lost_answers: u8,
    crashes: u8,
    /// A run wrote to AWS while another run, or none, held the lock.
    foul: bool,
    /// A write to AWS that a run sent right before its death, and when.
    stray: Option<(u8, i16)>,
    notices_deaths: bool,
    seen: Seldom,
}

/// Events that must occur in some order of events. Otherwise the properties might hold only because nothing went wrong.
#[derive(Clone, Debug, Default, Hash, PartialEq)]
struct Seldom {
    taken_over: bool,
    fenced: bool,
    recognised: bool,
}

/// A lock's content, which is also its version: run and number of renewals.
type Content = (u8, u8);

#[derive(Clone, Copy, Debug, Hash, PartialEq, Eq, PartialOrd, Ord)]
struct Doc {
    serial: u8,
    run: u8,
    attempt: u8,
}

#[derive(Clone, Copy, Debug, Hash, PartialEq, Eq, PartialOrd, Ord)]
struct SentWrite {
    run: u8,
    write: Write,
    awaited: bool,
}

#[derive(Clone, Copy, Debug, Hash, PartialEq, Eq, PartialOrd, Ord)]
enum Write {
    Lock { content: Content, over: Option<Content> },
    Unlock { version: Content },
    Save { doc: Doc, over: Option<Doc> },
}

#[derive(Clone, Copy, Debug, Hash, PartialEq)]
enum Phase {
    /// Tries to create the lock, at most once a tick.
    Wanting,
    Locking,
    Doubting(Refusal),
    Reading,
    Working,
    Saving,
    Settling,
    Releasing,
    Unlocking,
    /// The release was refused.
    Leaving,
    Done,
}

#[derive(Clone, Debug, Hash, PartialEq)]
struct ModelRun {
    phase: Phase,
    program: [Work; 4],
    step: usize,
    tried_at: i16,
    sent: i16,
    since: i16,
    version: Content,
    renewals: u8,
    renewing: bool,
    doubts_renewal: bool,
    lost: bool,
    taken: bool,
    base: Option<Doc>,
    tried: Vec<Doc>,
    attempts: u8,
    held: bool,
    gave_up: bool,
    crashed: bool,
    crashed_at: i16,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum ModelEvent {
    Tick,
    Step(usize),
    Renew(usize),
    Arrive(SentWrite),
    GiveUp(SentWrite),
    Crash(usize),
    /// A dead run's last write to AWS arrives.
    Stray,
}

fn terms() -> Terms {
    Terms::new(Terms::SHORTEST_S).expect("the shortest lease")
}

fn ticks(n: i16) -> Duration {
    Duration::from_secs(n.max(0).unsigned_abs().into())
}

impl Model for Protocol {
    type State = World;
    type Action = ModelEvent;

    fn init_states(&self) -> Vec<World> {
        let run = ModelRun {
            phase: Phase::Wanting,
            program: self.program,
            step: 0,
            tried_at: -1,
            sent: 0,
            since: 0,
            version: (0, 0),
            renewals: 0,
            renewing: false,
            doubts_renewal: false,
            lost: false,
            taken: false,
            base: None,
            tried: Vec::new(),
            attempts: 0,
            held: false,
            gave_up: false,
            crashed: false,
            crashed_at: 0,
        };
        vec![World {
            now: 0,
            lock: None,
            saved: Vec::new(),
            under_way: BTreeSet::new(),
            runs: vec![run; self.runs],
            lost_answers: self.lost_answers,
            crashes: self.crashes,
            foul: false,
            stray: None,
            notices_deaths: self.notices_deaths,
            seen: Seldom::default(),
        }]
    }

    fn actions(&self, world: &World, events: &mut Vec<ModelEvent>) {
        let runs = 0..world.runs.len();
        events.extend(runs.clone().filter(|at| world.can_step(*at)).map(ModelEvent::Step));
        events.extend(runs.clone().filter(|at| world.can_renew(*at)).map(ModelEvent::Renew));
        events.extend(world.under_way.iter().filter(|sent| sent.awaited).map(|sent| ModelEvent::Arrive(*sent)));
        let hurries = |event: &ModelEvent| match event {
            ModelEvent::Step(at) | ModelEvent::Renew(at) => *at >= self.slow,
            ModelEvent::Arrive(sent) => usize::from(sent.run) >= self.slow,
            _ => false,
        };
        let idle = !events.iter().any(hurries);
        let done = world.runs.iter().all(|run| run.phase == Phase::Done);
        events.extend(world.under_way.iter().filter(|sent| !sent.awaited).map(|sent| ModelEvent::Arrive(*sent)));
        if world.lost_answers > 0 {
            events.extend(world.under_way.iter().filter(|sent| sent.awaited).map(|sent| ModelEvent::GiveUp(*sent)));
        }
        if world.crashes > 0 {
            events.extend(runs.filter(|at| world.runs[*at].phase != Phase::Done).map(ModelEvent::Crash));
        }
        if world.stray.is_some_and(|(_, sent)| ticks(world.now - sent) < terms().in_flight()) {
            events.push(ModelEvent::Stray);
        }
        if world.now < self.ticks && !done && idle {
            events.push(ModelEvent::Tick);
        }
    }

    fn next_state(&self, last: &World, event: ModelEvent) -> Option<World> {
        let mut world = last.clone();
        match event {
            ModelEvent::Tick => world.now += 1,
            ModelEvent::Step(at) => world.step(at, self.without),
            ModelEvent::Renew(at) => world.renew(at),
            ModelEvent::Arrive(sent) => {
                world.under_way.remove(&sent);
                let done = world.serve(sent.write, self.without);
                if sent.awaited {
                    world.answer(sent.run.into(), sent.write, done.then_some(()).ok_or(Refusal::Conflict));
                }
            }
            ModelEvent::GiveUp(sent) => {
                world.lost_answers -= 1;
                world.under_way.remove(&sent);
                world.under_way.insert(SentWrite { awaited: false, ..sent });
                world.answer(sent.run.into(), sent.write, Err(Refusal::Silence));
            }
            ModelEvent::Crash(at) => {
                world.crashes -= 1;
                world.crash(at);
                world.forsake(at);
            }
            ModelEvent::Stray => world.stray_arrives(),
        }
        Some(world)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        let mut all = vec![
            Property::always(ONE_ACTS, |_: &Self, world: &World| {
                (0..world.runs.len()).filter(|at| world.acts(*at)).count() <= 1
            }),
            Property::always(OWN_LOCK, |_, world: &World| !world.foul),
            Property::always(NO_GAP, |_, world: &World| (1_u8..).zip(&world.saved).all(|(n, doc)| doc.serial == n)),
            Property::always(IN_TURN, |_, world: &World| {
                let mut turns: Vec<u8> = world.saved.iter().map(|doc| doc.run).collect();
                turns.dedup();
                turns.iter().collect::<BTreeSet<_>>().len() == turns.len()
            }),
        ];
        if self.slow == 0 {
            all.push(Property::eventually(ALL_GET_IT, |_, world: &World| {
                world.runs.iter().all(|run| run.phase == Phase::Done && (run.held || run.crashed || run.gave_up))
            }));
        } else {
            all.push(Property::sometimes("a lock is taken over", |_, world: &World| world.seen.taken_over));
            all.push(Property::sometimes("a run is fenced", |_, world: &World| world.seen.fenced));
        }
        if self.lost_answers > 0 {
            all.push(Property::sometimes("a lost answer is recognised", |_, world: &World| world.seen.recognised));
        }
        all
    }
}

const ONE_ACTS: &str = "at most one run acts on a lease";
const OWN_LOCK: &str = "nobody writes to AWS under another's lock";
const NO_GAP: &str = "each state follows the one before it";
const IN_TURN: &str = "no state is written between two of another run";
const ALL_GET_IT: &str = "everybody who lives gets the lock, and is done";

/// Two runs, one of which may pause between any two steps.
const TWO: Protocol = Protocol {
    runs: 2,
    ticks: 5,
    lost_answers: 0,
    crashes: 0,
    slow: 1,
    program: PROGRAM,
    notices_deaths: false,
    without: None,
};

/// Three runs without pauses. Each waits for the lock, and one may die.
const THREE: Protocol = Protocol { runs: 3, ticks: 30, lost_answers: 0, crashes: 1, slow: 0, ..TWO };

fn check(protocol: Protocol, until: HasDiscoveries) -> impl Checker<Protocol> {
    let checked = protocol.checker().threads(2).finish_when(until).spawn_bfs().join();
    eprintln!("{} states", checked.unique_state_count());
    checked
}

#[track_caller]
fn holds(protocol: Protocol) {
    check(protocol, HasDiscoveries::AnyFailures).assert_properties();
}

/// Leaves a rule out, and checks that the property is then violated.
#[track_caller]
fn breaks(rule: Rule, promise: &'static str, protocol: Protocol) {
    let broken = HasDiscoveries::AnyOf(BTreeSet::from([promise]));
    let checked = check(Protocol { without: Some(rule), ..protocol }, broken);
    assert!(checked.discovery(promise).is_some(), "without the rule it holds, too: {promise}");
}

#[test]
fn two_runs_never_write_in_each_others_time_wherever_one_stands_still() {
    holds(TWO);
}

#[test]
fn nor_do_they_where_the_first_write_comes_before_the_intents() {
    holds(Protocol { program: BESIDE, ..TWO });
    breaks(Rule::Fence, OWN_LOCK, Protocol { program: BESIDE, ..TWO });
}

#[test]
#[ignore = "takes minutes"]
fn two_runs_never_write_in_each_others_time_with_more_faults() {
    holds(Protocol { ticks: 6, lost_answers: 1, ..TWO });
    holds(Protocol { ticks: 6, crashes: 1, ..TWO });
}

#[test]
fn everybody_who_lives_gets_the_lock_in_turn() {
    let prompt = Protocol { ticks: 30, lost_answers: 1, crashes: 1, slow: 0, ..TWO };
    holds(prompt.clone());
    holds(THREE);
    breaks(Rule::TakeOver, ALL_GET_IT, prompt);
}

#[test]
fn the_lock_of_a_dead_run_is_taken_over_after_its_last_calls_arrived() {
    let noticed = Protocol { ticks: 30, crashes: 1, slow: 0, notices_deaths: true, ..TWO };
    holds(noticed.clone());
    breaks(Rule::TimeForCalls, OWN_LOCK, noticed);
}

#[test]
fn without_the_fence_a_run_writes_to_aws_under_anothers_lock() {
    breaks(Rule::Fence, OWN_LOCK, TWO);
}

#[test]
fn without_conditions_states_are_overwritten() {
    breaks(Rule::ConditionalSave, NO_GAP, TWO);
}

#[test]
fn without_a_condition_a_release_frees_anothers_lock() {
    breaks(Rule::ConditionalUnlock, OWN_LOCK, TWO);
}
