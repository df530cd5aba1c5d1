//! An account of the local AWS with a stack's directory, and runs in it that may be interrupted.

use std::collections::BTreeMap;
use std::io::{Cursor, Write};
use std::sync::Mutex;
use std::time::Duration;

use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_smithy_types::retry::RetryConfig;
use deployer::aws::Aws;
use deployer::aws::clients::Transport;
use deployer::execute::{ExecutionEvent, Observer};
use deployer::failure::Failure;
use deployer::package;
use deployer::pipeline::{self, AwsSettings, Machine, Request, Settings};
use deployer::plan::{Goal, Plan};
use deployer::spec::finding::Findings;
use deployer::spec::source::SourceText;
use deployer::state::State;
use deployer::strict::Switches;
use tokio::sync::watch;

use crate::common;
use crate::holdings::{DeploymentSnapshots, Holdings, holdings};
use crate::needs::Need;
use crate::strict::StrictAws;
use crate::wire::{Fault, Wire};

/// A run that takes longer hangs. DynamoDB alone makes one wait for an hour between two changes of what expires.
const HANGS: Duration = Duration::from_secs(4 * 3600);

/// The place of the state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StatePlace {
    S3,
    /// In a bucket that the first run creates.
    NewBucket,
    Directory,
}

/// How a run ended.
#[derive(Debug, PartialEq, Eq)]
pub enum End {
    Done,
    Died,
    Failed(String),
}

/// The end of a run, and its calls.
pub struct RunRecord {
    pub end: End,
    pub calls: Vec<String>,
    /// The permissions that IAM checks for the calls.
    pub needs: Vec<Need>,
}

/// An account with a stack's directory.
pub struct Account {
    pub aws: Aws,
    pub keep: StatePlace,
    directory: tempfile::TempDir,
    runtime: tokio::runtime::Runtime,
    strict: StrictAws,
    deployed: Mutex<DeploymentSnapshots>,
}

impl Account {
    pub fn new(keep: StatePlace) -> Self {
        let runtime = runtime();
        let aws = runtime.block_on(common::account());
        let directory = tempfile::tempdir().expect("a directory");
        for word in ["one", "two"] {
            std::fs::write(directory.path().join(format!("{word}.zip")), zip_of(word)).expect("a zip");
        }
        let strict =
            StrictAws::new(aws.place.endpoint_url.as_deref().expect("a local AWS"), Switches::as_slow_as_aws());
        let account = Self { aws, keep, directory, runtime, strict, deployed: Mutex::default() };
        if keep != StatePlace::NewBucket {
            account.make_bucket(&account.bucket());
        }
        account
    }

    pub fn number(&self) -> &str {
        &self.aws.place.account
    }

    /// Deletes the state from the directory.
    pub fn lose_state(&self) {
        std::fs::remove_dir_all(self.directory.path().join("state")).expect("a state");
    }

    /// Runs an SDK call to its end.
    pub fn wait<T>(&self, asked: impl Future<Output = T>) -> T {
        self.runtime.block_on(asked)
    }

    pub fn make_bucket(&self, name: &str) {
        let place = aws_sdk_s3::types::CreateBucketConfiguration::builder()
            .location_constraint(aws_sdk_s3::types::BucketLocationConstraint::EuWest1)
            .build();
        let call = self.aws.clients.s3.create_bucket().bucket(name).create_bucket_configuration(place);
        self.wait(call.send()).expect("a bucket");
    }

    /// Reads everything in the account, with everything that AWS reports about it.
    pub fn holdings(&self) -> Holdings {
        let deployed = self.deployed.lock().unwrap().clone();
        self.wait(holdings(&self.aws, &deployed))
    }

    fn bucket(&self) -> String {
        format!("state-{}", self.number())
    }

    /// Carries a goal out like a separate process, which a fault may kill.
    pub fn run(&self, settings: Settings, goal: Goal, fault: Option<Fault>) -> RunRecord {
        let wire = Wire::new(self.strict.begin(), fault);
        let settings = with(settings, &wire);
        let runtime = paused();
        let told = StartMessages::default();
        let waits = WaitReasons::default();
        let end = runtime.block_on(async {
            tokio::select! {
                end = work(&settings, goal, &told, &waits) => end,
                () = wire.death() => End::Died,
                () = tokio::time::sleep(HANGS) => {
                    let last = wire.calls().into_iter().rev().take(12).collect::<Vec<_>>();
                    End::Failed(format!("it does not end: {:?}, the last calls {last:?}", waits.0.lock().unwrap()))
                }
            }
        });
        // The run's background tasks die with it.
        drop(runtime);
        self.deployed.lock().unwrap().extend(wire.deployed());
        RunRecord { end, calls: wire.calls(), needs: wire.needs() }
    }

    /// Carries a goal out with other credentials. Returns its end, its messages and its calls.
    pub fn run_as(
        &self,
        settings: Settings,
        goal: Goal,
        who: SharedCredentialsProvider,
    ) -> (End, Vec<String>, Vec<String>) {
        let wire = Wire::new(self.strict.begin(), None);
        let mut settings = with(settings, &wire);
        settings.aws.transport.credentials = Some(who);
        let told = StartMessages::default();
        let end = paused().block_on(work(&settings, goal, &told, &WaitReasons::default()));
        (end, told.0.into_inner().unwrap(), wire.calls())
    }

    /// Makes a plan. Returns it with the permissions that IAM checks for its calls.
    pub fn plan(&self, settings: Settings, goal: Goal) -> (Result<Plan, String>, Vec<Need>) {
        let wire = Wire::new(self.strict.begin(), None);
        let settings = with(settings, &wire);
        let planned = paused().block_on(async {
            let (_asked, stop) = watch::channel(0);
            let loaded = pipeline::load(&settings).map_err(|f| said(&f))?;
            let progress = &StartMessages::default();
            let request = Request { settings: &settings, goal: &goal, hold: false, progress, stop: &stop };
            let ready = pipeline::prepare(loaded, &request).await;
            Ok(ready.map_err(|f| said(&f))?.plan)
        });
        (planned, wire.needs())
    }

    /// Deletes a dead run's lock. Its lease would lapse after half a minute, which the tests of the lock cover; waiting
    /// for it at thousands of points would take too long.
    pub fn unlock(&self) {
        self.forget("faults.json.lock");
    }

    /// Deletes the state.
    pub fn forget_state(&self) {
        self.forget("faults.json");
    }

    /// Applies another stack and deletes its state.
    pub fn apply_other(&self, stack: &str) -> End {
        let mut settings = self.settings(stack);
        let text = std::fs::read_to_string(&settings.file).expect("a stack");
        settings.file = self.directory.path().join("other.yaml");
        std::fs::write(&settings.file, text.replace("faults.json", "other.json")).expect("a stack");
        let end = self.run(settings, Goal::Apply, None).end;
        self.forget("other.json");
        end
    }

    fn forget(&self, file: &str) {
        match self.keep {
            StatePlace::S3 | StatePlace::NewBucket => {
                let call = self.aws.clients.s3.delete_object().bucket(self.bucket()).key(file);
                self.wait(call.send()).expect("DeleteObject");
            }
            StatePlace::Directory => {
                let _ = std::fs::remove_file(self.directory.path().join("state").join(file));
            }
        }
    }

    /// Reads the stored state.
    pub fn state(&self) -> State {
        let bytes = match self.keep {
            StatePlace::S3 | StatePlace::NewBucket => self.wait(async {
                let call = self.aws.clients.s3.get_object().bucket(self.bucket()).key("faults.json");
                call.send().await.expect("a state").body.collect().await.expect("its bytes").to_vec()
            }),
            StatePlace::Directory => std::fs::read(self.directory.path().join("state/faults.json")).expect("a state"),
        };
        serde_json::from_slice(&bytes).expect("a whole state")
    }

    /// Writes a stack without its `state:`, in which `ACCOUNT` stands for the account's number. Returns the settings
    /// for a command on it.
    pub fn settings(&self, stack: &str) -> Settings {
        let state = match self.keep {
            StatePlace::S3 | StatePlace::NewBucket => format!("{{ bucket: {}, key: faults.json }}", self.bucket()),
            StatePlace::Directory => "{ path: state }".to_owned(),
        };
        let file = self.directory.path().join("stack.yaml");
        let text = stack.replace("ACCOUNT", self.number());
        std::fs::write(&file, format!("state: {state}\n{text}")).expect("a stack");
        Settings {
            aws: AwsSettings {
                endpoint_url: self.aws.place.endpoint_url.clone(),
                credentials: Some((self.number().to_owned(), "test".into())),
                parallelism: 16,
                ..AwsSettings::default()
            },
            machine: Machine {
                build: package::BuildEnvironment::of_process(),
                own_directory: Some(self.directory.path().join("own")),
                in_ci: false,
            },
            ask_bedrock: false,
            ..Settings::of(file, || "2026-11-22T10:00:00Z".into())
        }
    }
}

fn with(settings: Settings, wire: &Wire) -> Settings {
    let retry = RetryConfig::standard()
        .with_max_attempts(6)
        .with_initial_backoff(Duration::from_millis(1))
        .with_max_backoff(Duration::from_millis(1));
    let http_client = Some(SharedHttpClient::new(wire.clone()));
    let transport = Transport { http_client, retry: Some(retry), ..settings.aws.transport };
    Settings { aws: AwsSettings { transport, ..settings.aws }, ..settings }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime")
}

/// A runtime in which waiting takes no time.
fn paused() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().expect("a runtime")
}

async fn work(settings: &Settings, goal: Goal, told: &StartMessages, waits: &WaitReasons) -> End {
    let (_asked, stop) = watch::channel(0);
    let run = async {
        let loaded = pipeline::load(settings)?;
        let request = Request { settings, goal: &goal, hold: true, progress: told, stop: &stop };
        pipeline::prepare(loaded, &request).await?.execute(waits, stop.clone()).await
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

pub fn said(failure: &Failure) -> String {
    let texts: Vec<String> = failure.findings.0.iter().map(|f| format!("{}: {}", f.code, f.message)).collect();
    texts.join("\n")
}

/// The steps in progress, and their reasons to wait.
#[derive(Default)]
struct WaitReasons(Mutex<BTreeMap<String, String>>);

impl Observer for WaitReasons {
    fn event(&self, event: &ExecutionEvent<'_>) {
        let mut waits = self.0.lock().unwrap();
        match event {
            ExecutionEvent::Started { address, .. } => drop(waits.insert((*address).to_owned(), String::new())),
            ExecutionEvent::Waiting { address, why, .. } => {
                drop(waits.insert((*address).to_owned(), (*why).to_owned()))
            }
            ExecutionEvent::Note { .. } => {}
            ExecutionEvent::Done { address, .. } | ExecutionEvent::Failed { address, .. } => {
                drop(waits.remove(*address))
            }
        }
    }
}

/// The messages of a run before it begins.
#[derive(Default)]
struct StartMessages(Mutex<Vec<String>>);

impl package::BuildProgress for StartMessages {
    fn on(&self, _: package::BuildEvent<'_>) {}
}

impl pipeline::Progress for StartMessages {
    fn say(&self, text: &str) {
        self.0.lock().unwrap().push(text.to_owned());
    }

    fn warn(&self, _: &Findings, _: &SourceText) {}
}

/// Builds a zip with one executable, `bootstrap`, that prints `word`.
pub fn zip_of(word: &str) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    zip.start_file("bootstrap", zip::write::SimpleFileOptions::default().unix_permissions(0o755)).expect("an entry");
    zip.write_all(format!("#!/bin/sh\necho {word}\n").as_bytes()).expect("its content");
    zip.finish().expect("a zip").into_inner()
}
