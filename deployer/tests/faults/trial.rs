//! One stack in its own account: applied, changed and destroyed, with faults on the way.

use std::sync::Mutex;

use aws_credential_types::provider::SharedCredentialsProvider;
use deployer::failure::Failure;
use deployer::iam::{Document, Task};
use deployer::pipeline::{self, Extent, Settings};
use deployer::plan::Goal;
use deployer::state::State;
use tokio::sync::watch;

use crate::account::{Account, said, zip_of};
pub use crate::account::{End, StatePlace};
use crate::catalog::names;
use crate::others;
use crate::policies::{Ledger, PrintedPolicy};
use crate::wire::Fault;

/// A stack and its changed form. `ACCOUNT` stands for the account's number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scene {
    /// A stack with every kind.
    Kinds,
    /// A stack with many settings, which are then removed.
    Settings,
    /// The repository's own stack, with ready zips. Its image bucket is external.
    Couch,
    /// Two stacks given as texts, both named `faults`.
    Texts(&'static str, &'static str),
}

impl Scene {
    fn first(self) -> String {
        match self {
            Self::Kinds => include_str!("first.yaml").to_owned(),
            Self::Settings => include_str!("given.yaml").to_owned(),
            Self::Couch => couch(&[]),
            Self::Texts(first, _) => first.to_owned(),
        }
    }

    fn second(self) -> String {
        match self {
            Self::Kinds => include_str!("second.yaml").to_owned(),
            Self::Settings => include_str!("taken.yaml").to_owned(),
            Self::Texts(_, second) => second.to_owned(),
            Self::Couch => couch(&[
                ("queue_name: image-requests", "queue_name: image-orders"),
                ("memory_size: 512", "memory_size: 256"),
                ("zip: one.zip", "zip: two.zip"),
                (
                    "\"POST /pictures\":",
                    "\"GET /styles/{id}\": { function: generate-image }\n      \"POST /pictures\":",
                ),
                ("email: \"${vars.alarm_email}\"", "email: b@example.com"),
                ("threshold: 30", "threshold: 45"),
            ]),
        }
    }
}

/// Returns the repository's stack with `changes`. Panics if the text of a change does not occur.
fn couch(changes: &[(&str, &str)]) -> String {
    let ready = [
        ("state: { bucket: pgr301-2024-terraform-state, key: \"${vars.candidate}/couch-explorers.json\" }\n", ""),
        (
            "{ required: true, secret: true, description: Who is mailed when the oldest message waits too long }",
            "a@example.com",
        ),
        ("image_bucket: pgr301-couch-explorers", "image_bucket: images-ACCOUNT"),
        ("crate: functions\n    bin: generate-image", "zip: one.zip"),
        ("crate: functions\n    bin: image-worker", "zip: one.zip"),
    ];
    let text = include_str!("../../../stack.yaml").to_owned();
    ready.iter().chain(changes).fold(text, |text, (from, to)| {
        assert!(text.contains(from), "stack.yaml has no {from:?} any more");
        text.replace(from, to)
    })
}

/// The operations on the stack, in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    Apply,
    Update,
    Destroy,
}

pub const PHASES: [Phase; 3] = [Phase::Apply, Phase::Update, Phase::Destroy];

impl Phase {
    pub fn name(self) -> &'static str {
        ["apply", "update", "destroy"][self as usize]
    }

    fn goal(self) -> Goal {
        if self == Self::Destroy { Goal::Destroy } else { Goal::Apply }
    }

    fn task(self) -> Task {
        if self == Self::Destroy { Task::Destroy } else { Task::Apply }
    }

    fn stack(self, scene: Scene) -> String {
        if self == Self::Apply { scene.first() } else { scene.second() }
    }
}

/// An account with a stack's directory.
pub struct Trial {
    account: Account,
    scene: Scene,
    before: Vec<String>,
    ledger: Mutex<Ledger>,
}

impl Trial {
    pub fn new(keep: StatePlace, scene: Scene) -> Self {
        let account = Account::new(keep);
        if scene == Scene::Couch {
            account.make_bucket(&format!("images-{}", account.number()));
        }
        if scene == Scene::Settings {
            account.wait(others::publish_layer(&account.aws, zip_of("fonts")));
            account.wait(others::store_values(&account.aws));
        }
        let before = account.wait(names(&account.aws));
        Self { account, scene, before, ledger: Mutex::default() }
    }

    /// Lists the account's contents, without those from before the trial.
    pub fn holds(&self) -> Vec<String> {
        let mut all = self.account.wait(names(&self.account.aws));
        for known in &self.before {
            if let Some(at) = all.iter().position(|one| one == known) {
                all.remove(at);
            }
        }
        let account = self.account.number();
        all.iter().map(|one| one.replace(account, "ACCOUNT")).collect()
    }

    /// Runs a phase like a separate process, which a fault may kill. Returns its end and its calls.
    pub fn run(&self, phase: Phase, fault: Option<Fault>) -> (End, Vec<String>) {
        let settings = self.settings(phase);
        let allowed = self.allowed(&settings, phase.task());
        let ran = self.account.run(settings, phase.goal(), fault);
        self.ledger.lock().unwrap().enter(phase.task(), &allowed, &ran.needs);
        (ran.end, ran.calls)
    }

    pub fn account(&self) -> &str {
        self.account.number()
    }

    /// Runs a phase with other credentials. Returns its end, its messages and its calls.
    pub fn run_as(&self, phase: Phase, who: SharedCredentialsProvider) -> (End, Vec<String>, Vec<String>) {
        self.account.run_as(self.settings(phase), phase.goal(), who)
    }

    /// Describes the planned actions; `None` if there are no changes.
    pub fn planned(&self, phase: Phase) -> Result<Option<String>, String> {
        let settings = self.settings(phase);
        let allowed = self.allowed(&settings, Task::Plan);
        let (plan, needs) = self.account.plan(settings, phase.goal());
        self.ledger.lock().unwrap().enter(Task::Plan, &allowed, &needs);
        plan.map(|plan| plan.has_changes().then(|| format!("{:#?}", plan.actions())))
    }

    /// Returns the policy that `deployer iam` prints for a task, including resources that only the state has.
    fn allowed(&self, settings: &Settings, task: Task) -> PrintedPolicy {
        let (_asked, stop) = watch::channel(0);
        let with_state = self.account.keep != StatePlace::NewBucket || self.ledger().has(task);
        let allowed = self.account.wait(async {
            let loaded = pipeline::load(settings)?;
            let at = pipeline::whereabouts(&loaded, settings, None, with_state, &stop).await?;
            let prefix = format!("{}-*", loaded.document.stack());
            let policy = |prefix| {
                let extent = Extent { prefix, ..Extent::from(task) };
                Ok(Document::of(&pipeline::permissions(&loaded, settings, &at, &extent)?))
            };
            let by_prefix = if task == Task::Destroy { None } else { Some(policy(Some(&prefix))?) };
            Ok(PrintedPolicy { policy: policy(None)?, by_prefix, stack: loaded.document.stack().to_owned() })
        });
        allowed.unwrap_or_else(|failure: Failure| panic!("{}", said(&failure)))
    }

    /// Lets others use the resources of `given.yaml`: objects with older versions in its buckets, machines with its
    /// roles.
    pub fn use_it(&self) {
        self.account.wait(others::use_it(&self.account.aws));
    }

    /// Returns the calls and permissions so far.
    pub fn ledger(&self) -> Ledger {
        self.ledger.lock().unwrap().clone()
    }

    /// Adds a method to the path of an API that ends with `part`, as another user might.
    pub fn add_method(&self, part: &str, method: &str) {
        self.account.wait(others::add_method(&self.account.aws, part, method));
    }

    /// Deletes the state from the directory.
    pub fn lose_state(&self) {
        self.account.lose_state();
    }

    pub fn unlock(&self) {
        self.account.unlock();
    }

    pub fn state(&self) -> State {
        self.account.state()
    }

    fn settings(&self, phase: Phase) -> Settings {
        let settings = self.account.settings(&phase.stack(self.scene));
        let create_state_bucket = self.account.keep == StatePlace::NewBucket && phase == Phase::Apply;
        Settings { create_state_bucket, ..settings }
    }
}
