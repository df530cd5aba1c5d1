//! One stack in an account of its own, applied, changed and destroyed, with faults on the way.

use std::collections::BTreeMap;
use std::io::{Cursor, Write};
use std::path::PathBuf;
use std::sync::Mutex;
use std::time::Duration;

use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_smithy_types::retry::RetryConfig;
use deployer::aws::Aws;
use deployer::aws::clients::Transport;
use deployer::execute::{Event, Observer};
use deployer::failure::Failure;
use deployer::iam::{Document, Task};
use deployer::package;
use deployer::pipeline::{self, Settings};
use deployer::plan::{Goal, Selection};
use deployer::spec::variables::Inputs;
use deployer::state::{Holder, State, Terms};
use tokio::sync::watch;

use crate::common;
use crate::inventory::inventory;
use crate::others;
use crate::policies::Ledger;
use crate::wire::{Fault, Wire};

/// Where the state is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    S3,
    /// In a bucket that the first run makes.
    NewBucket,
    Directory,
}

/// What is applied, and what it is changed to; `ACCOUNT` stands for the account's number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scene {
    /// A stack with every kind.
    Kinds,
    /// A stack with many settings, which are taken away again.
    Settings,
    /// The repository's own stack, with ready zips; its image bucket is external.
    Couch,
}

impl Scene {
    fn first(self) -> String {
        match self {
            Self::Kinds => include_str!("first.yaml").to_owned(),
            Self::Settings => include_str!("given.yaml").to_owned(),
            Self::Couch => couch(&[]),
        }
    }

    fn second(self) -> String {
        match self {
            Self::Kinds => include_str!("second.yaml").to_owned(),
            Self::Settings => include_str!("taken.yaml").to_owned(),
            Self::Couch => couch(&[
                ("queue_name: image-requests", "queue_name: image-orders"),
                ("memory_size: 512", "memory_size: 256"),
                ("zip: one.zip", "zip: two.zip"),
                (
                    "timeout: 29s }",
                    "timeout: 29s }\n      \"GET /pictures/{id}\": { function: generate-image, timeout: 29s }",
                ),
                ("email: \"${vars.alarm_email}\"", "email: b@example.com"),
                ("threshold: 30", "threshold: 45"),
            ]),
        }
    }
}

/// The repository's stack with `changes`; each has to find its text.
fn couch(changes: &[(&str, &str)]) -> String {
    let ready = [
        ("state: { bucket: pgr301-2024-terraform-state, key: \"${vars.candidate}/couch-explorers.json\" }\n", ""),
        ("{ required: true, description: Who is mailed when the oldest message waits too long }", "a@example.com"),
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

/// What is done to the stack, in this order.
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

/// How a run came to its end.
#[derive(Debug, PartialEq, Eq)]
pub enum End {
    Done,
    Died,
    Failed(String),
}

/// An account with a stack's directory.
pub struct Trial {
    directory: tempfile::TempDir,
    keep: Keep,
    scene: Scene,
    aws: Aws,
    runtime: tokio::runtime::Runtime,
    before: Vec<String>,
    ledger: Mutex<Ledger>,
}

impl Trial {
    pub fn new(keep: Keep, scene: Scene) -> Self {
        let runtime = runtime();
        let aws = runtime.block_on(common::account());
        let directory = tempfile::tempdir().expect("a directory");
        for word in ["one", "two"] {
            std::fs::write(directory.path().join(format!("{word}.zip")), zip_of(word)).expect("a zip");
        }
        let mut trial = Self { directory, keep, scene, aws, runtime, before: Vec::new(), ledger: Mutex::default() };
        if keep != Keep::NewBucket {
            trial.make_bucket(&trial.bucket());
        }
        if scene == Scene::Couch {
            trial.make_bucket(&format!("images-{}", trial.aws.place.account));
        }
        if scene == Scene::Settings {
            trial.runtime.block_on(others::publish_layer(&trial.aws, zip_of("fonts")));
        }
        trial.before = trial.runtime.block_on(inventory(&trial.aws));
        trial
    }

    fn make_bucket(&self, name: &str) {
        let place = aws_sdk_s3::types::CreateBucketConfiguration::builder()
            .location_constraint(aws_sdk_s3::types::BucketLocationConstraint::EuWest1)
            .build();
        let call = self.aws.clients.s3.create_bucket().bucket(name).create_bucket_configuration(place);
        self.runtime.block_on(call.send()).expect("a bucket");
    }

    fn bucket(&self) -> String {
        format!("state-{}", self.aws.place.account)
    }

    /// What the account holds besides what it held in the beginning.
    pub fn holds(&self) -> Vec<String> {
        let mut all = self.runtime.block_on(inventory(&self.aws));
        for known in &self.before {
            if let Some(at) = all.iter().position(|one| one == known) {
                all.remove(at);
            }
        }
        let account = &self.aws.place.account;
        all.iter().map(|one| one.replace(account.as_str(), "ACCOUNT")).collect()
    }

    /// Runs a phase as a process of its own would; a fault may be its death. Gives the calls made.
    pub fn run(&self, phase: Phase, fault: Option<Fault>) -> (End, Vec<String>) {
        let settings = self.settings(phase);
        let allowed = self.allowed(&settings, phase.task());
        let wire = Wire::new(fault);
        let settings = with(settings, &wire);
        let runtime = runtime();
        let told = Told::default();
        let waits = Waits::default();
        let end = runtime.block_on(async {
            tokio::select! {
                end = work(&settings, phase.goal(), &told, &waits) => end,
                () = wire.death() => End::Died,
                () = tokio::time::sleep(Duration::from_secs(120)) => {
                    let last = wire.calls().into_iter().rev().take(12).collect::<Vec<_>>();
                    End::Failed(format!("it does not end: {:?}, the last calls {last:?}", waits.0.lock().unwrap()))
                }
            }
        });
        // Whatever the run has going in the background dies with it.
        drop(runtime);
        self.ledger.lock().unwrap().enter(phase.task(), &allowed, &wire.needs());
        (end, wire.calls())
    }

    pub fn account(&self) -> &str {
        &self.aws.place.account
    }

    /// Runs a phase with other credentials. Gives also what was said, and the calls made.
    pub fn run_as(&self, phase: Phase, who: SharedCredentialsProvider) -> (End, Vec<String>, Vec<String>) {
        let wire = Wire::new(None);
        let mut settings = with(self.settings(phase), &wire);
        settings.transport.credentials = Some(who);
        let told = Told::default();
        let end = runtime().block_on(work(&settings, phase.goal(), &told, &Waits::default()));
        (end, told.0.into_inner().unwrap(), wire.calls())
    }

    /// What a plan says, or nothing when there are no changes.
    pub fn planned(&self, phase: Phase) -> Result<Option<String>, String> {
        let (settings, wire) = (self.settings(phase), Wire::new(None));
        let allowed = self.allowed(&settings, Task::Plan);
        let settings = with(settings, &wire);
        let planned = runtime().block_on(async {
            let (_asked, stop) = watch::channel(0);
            let loaded = pipeline::load(&settings).map_err(|f| said(&f))?;
            let ready = pipeline::prepare(loaded, &settings, phase.goal(), false, &Silent, &stop).await;
            let plan = ready.map_err(|f| said(&f))?.plan;
            Ok(plan.has_changes().then(|| format!("{:#?}", plan.actions())))
        });
        self.ledger.lock().unwrap().enter(Task::Plan, &allowed, &wire.needs());
        planned
    }

    /// What `deployer iam` prints for a task, with what the state has besides `stack.yaml`.
    fn allowed(&self, settings: &Settings, task: Task) -> Document {
        let (_asked, stop) = watch::channel(0);
        let with_state = self.keep != Keep::NewBucket || self.ledger().has(task);
        let permissions = self.runtime.block_on(async {
            let loaded = pipeline::load(settings)?;
            let at = pipeline::whereabouts(&loaded, settings, None, with_state, &stop).await?;
            pipeline::permissions(&loaded, settings, &at, task, None)
        });
        Document::of(&permissions.unwrap_or_else(|failure| panic!("{}", said(&failure))))
    }

    /// Lets others use what `given.yaml` makes: objects with older versions in its buckets, machines with its roles.
    pub fn use_it(&self) {
        self.runtime.block_on(others::use_it(&self.aws));
    }

    /// What was called so far, and what was allowed.
    pub fn ledger(&self) -> Ledger {
        self.ledger.lock().unwrap().clone()
    }

    /// A dead run's lease heals by itself after half a minute, which tests of the lock show; here
    /// it would only make thousands of points wait.
    pub fn unlock(&self) {
        match self.keep {
            Keep::S3 | Keep::NewBucket => self.runtime.block_on(async {
                let call = self.aws.clients.s3.delete_object().bucket(self.bucket()).key("faults.json.lock");
                call.send().await.expect("DeleteObject");
            }),
            Keep::Directory => {
                let _ = std::fs::remove_file(self.directory.path().join("state/faults.json.lock"));
            }
        }
    }

    /// The state as it is kept.
    pub fn state(&self) -> State {
        let bytes = match self.keep {
            Keep::S3 | Keep::NewBucket => self.runtime.block_on(async {
                let call = self.aws.clients.s3.get_object().bucket(self.bucket()).key("faults.json");
                call.send().await.expect("a state").body.collect().await.expect("its bytes").to_vec()
            }),
            Keep::Directory => std::fs::read(self.directory.path().join("state/faults.json")).expect("a state"),
        };
        serde_json::from_slice(&bytes).expect("a whole state")
    }

    fn settings(&self, phase: Phase) -> Settings {
        let file: PathBuf = self.directory.path().join("stack.yaml");
        let state = match self.keep {
            Keep::S3 | Keep::NewBucket => format!("{{ bucket: {}, key: faults.json }}", self.bucket()),
            Keep::Directory => "{ path: state }".to_owned(),
        };
        let account = &self.aws.place.account;
        let text = phase.stack(self.scene).replace("ACCOUNT", account);
        std::fs::write(&file, format!("state: {state}\n{text}")).expect("a stack");
        Settings {
            file,
            inputs: Inputs::default(),
            endpoint_url: self.aws.place.endpoint_url.clone(),
            credentials: Some((account.clone(), "test".into())),
            transport: Transport::default(),
            local: false,
            parallelism: 16,
            lock_timeout: Duration::ZERO,
            lock_terms: Terms::default(),
            selection: Selection::default(),
            create_state_bucket: self.keep == Keep::NewBucket && phase == Phase::Apply,
            refresh_only: false,
            claim: None,
            build: package::Environment::of_process(),
            own_directory: Some(self.directory.path().join("own")),
            in_ci: false,
            holder: Holder::default(),
            now: || "2026-11-22T10:00:00Z".into(),
        }
    }
}

fn with(settings: Settings, wire: &Wire) -> Settings {
    let retry = RetryConfig::standard()
        .with_max_attempts(6)
        .with_initial_backoff(Duration::from_millis(1))
        .with_max_backoff(Duration::from_millis(1));
    let http_client = Some(SharedHttpClient::new(wire.clone()));
    let transport = Transport { http_client, retry: Some(retry), ..settings.transport };
    Settings { transport, ..settings }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime")
}

async fn work(settings: &Settings, goal: Goal, told: &Told, waits: &Waits) -> End {
    let (_asked, stop) = watch::channel(0);
    let run = async {
        let loaded = pipeline::load(settings)?;
        let ready = pipeline::prepare(loaded, settings, goal, true, told, &stop).await?;
        ready.execute(settings, waits, stop.clone()).await
    };
    match run.await {
        Err(failure) => End::Failed(said(&failure)),
        Ok(applied) => {
            let outcome = applied.outcome;
            let failed = outcome.failed.iter().map(|f| format!("{}: {}", f.address, f.error));
            let kept = outcome.state_error.iter().map(ToString::to_string);
            let texts: Vec<String> = failed.chain(kept).chain(outcome.not_started).collect();
            if texts.is_empty() { End::Done } else { End::Failed(texts.join("\n")) }
        }
    }
}

fn said(failure: &Failure) -> String {
    let texts: Vec<String> = failure.findings.0.iter().map(|f| format!("{}: {}", f.code, f.message)).collect();
    texts.join("\n")
}

struct Silent;

/// What has begun and not ended, and what it waits for.
#[derive(Default)]
struct Waits(Mutex<BTreeMap<String, String>>);

impl Observer for Waits {
    fn event(&self, event: &Event<'_>) {
        let mut waits = self.0.lock().unwrap();
        match event {
            Event::Started { address, .. } => drop(waits.insert((*address).to_owned(), String::new())),
            Event::Waiting { address, why, .. } => drop(waits.insert((*address).to_owned(), (*why).to_owned())),
            Event::Done { address, .. } | Event::Failed { address, .. } => drop(waits.remove(*address)),
        }
    }
}

impl package::Progress for Silent {
    fn on(&self, _: package::Event<'_>) {}
}

/// What a run says before it begins.
#[derive(Default)]
struct Told(Mutex<Vec<String>>);

impl package::Progress for Told {
    fn on(&self, _: package::Event<'_>) {}
}

impl pipeline::Progress for Told {
    fn say(&self, text: &str) {
        self.0.lock().unwrap().push(text.to_owned());
    }
}

impl pipeline::Progress for Silent {
    fn say(&self, _: &str) {}
}

/// A zip with one executable, `bootstrap`, that prints `word`.
fn zip_of(word: &str) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    zip.start_file("bootstrap", zip::write::SimpleFileOptions::default().unix_permissions(0o755)).expect("an entry");
    zip.write_all(format!("#!/bin/sh\necho {word}\n").as_bytes()).expect("its content");
    zip.finish().expect("a zip").into_inner()
}
