//! The private local cloud of a rehearsal: an emulator, and the gateway with AWS's rules in this process.

use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::super::place::location;
use super::super::{AwsSettings, LockSettings, Machine, Settings};
use crate::aws::clients::Connection;
use crate::aws::{Aws, Clients, Place};
use crate::failure::Failure;
use crate::files;
use crate::local::{LocalError, PrivateCloud};
use crate::spec::document::Document;
use crate::state::{Location, State};
use crate::strict::serve::{Gateway, serve};
use crate::strict::{Emulator, Strict, Switches};

/// The end of the names of files that hold a lock.
const LOCK: &str = "lock";

/// A private local cloud with AWS's rules. It ends with this process at the latest.
pub struct RehearsalCloud {
    private: PrivateCloud,
    /// The gateway, once the cloud is in use.
    gateway: Option<JoinHandle<()>>,
}

impl RehearsalCloud {
    /// Starts the emulator.
    ///
    /// # Errors
    /// When the emulator cannot be installed or started.
    pub async fn start(region: &str, say: &dyn Fn(&str)) -> Result<Self, Failure> {
        let private = PrivateCloud::start(region, say).await.map_err(|error| not_started(&error))?;
        Ok(Self { private, gateway: None })
    }

    /// Removes everything from the cloud, and lets its rules forget. Users and roles are those of `account`.
    pub(super) async fn empty(&mut self, account: &str) -> Result<(), Failure> {
        if let Some(gateway) = self.gateway.take() {
            gateway.abort();
            // An aborted task has nothing to report.
            let _ = gateway.await;
            self.private.empty().await.map_err(|error| not_started(&error))?;
            std::fs::remove_dir_all(self.state_directory()).or_else(not_found).map_err(|error| {
                let message = format!("cannot remove {}: {error}", self.state_directory().display());
                Failure::plain("rehearse::not-set-up", message, "run the same command again")
            })?;
        }
        let port = self.private.gateway_port;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.map_err(|error| {
            let message = format!("cannot listen on port {port} of this machine: {error}");
            Failure::plain("local::not-running", message, "run the same command again")
        })?;
        let (emulator_port, secret) = (self.private.emulator_port, self.private.secret_access_key.clone());
        let emulator = Emulator::new(address(emulator_port), secret.clone(), None);
        let began = Instant::now();
        let strict = Strict::new(Switches::default(), Arc::new(move || began.elapsed()), emulator).of_account(account);
        let gateway = Gateway { strict, emulator_port, guarded_by: Some(secret) };
        // A gateway that fails answers no call, which the rehearsal reports.
        self.gateway = Some(tokio::spawn(async move { drop(serve(listener, gateway).await) }));
        Ok(())
    }

    /// Returns the length of AWS's delays in this cloud as a share of AWS's own.
    pub(super) fn pace() -> f64 {
        Switches::default().pace()
    }

    /// Ends everything and removes all files.
    ///
    /// # Errors
    /// When a process does not end.
    pub async fn stop(self) -> Result<(), Failure> {
        if let Some(gateway) = self.gateway {
            gateway.abort();
        }
        self.private.stop().await.map_err(|error| not_started(&error))
    }

    /// Returns the settings of a run in this cloud by the user with this access key. No address, key or directory of the
    /// real run remains in them.
    pub(super) fn settings(&self, real: Settings, user: (String, String)) -> Settings {
        Settings {
            aws: AwsSettings {
                endpoint_url: Some(address(self.private.gateway_port)),
                credentials: Some(user),
                parallelism: real.aws.parallelism,
                ..AwsSettings::default()
            },
            lock: LockSettings::default(),
            machine: Machine { in_ci: false, own_directory: None, ..real.machine },
            create_state_bucket: false,
            state_directory: Some(self.state_directory()),
            ask_bedrock: false,
            ..real
        }
    }

    /// Connects to the emulator past the rules, for resources that exist before the rehearsal begins.
    pub(super) async fn past_the_rules(&self, real: &Place) -> Aws {
        let connection = Connection {
            region: real.region.clone(),
            endpoint_url: Some(address(self.private.emulator_port)),
            credentials: Some((real.account.clone(), self.private.secret_access_key.clone())),
            ..Connection::default()
        };
        let place = Place { endpoint_url: Some(address(self.private.gateway_port)), ..real.clone() };
        Aws::new(Arc::new(Clients::connect(&connection).await), place)
    }

    /// Writes the state that the rehearsal begins with.
    pub(super) fn keep(&self, document: &Document, settings: &Settings, state: &State) -> Result<(), Failure> {
        let Location::Dir { path } = location(document, settings) else {
            return Err(Failure::internal("the state of a rehearsal was about to leave its directory"));
        };
        let written = files::directory(&self.state_directory()).and_then(|()| {
            let bytes = serde_json::to_vec(state)?;
            files::write(&path, &bytes)
        });
        written.map_err(|error| {
            let message = format!("cannot write {}: {error}", path.display());
            Failure::plain("rehearse::not-set-up", message, "make room on the disk of the temporary directory")
        })
    }

    /// Deletes the lock of a run that died. On AWS the next run waits until its lease has ended.
    pub(super) fn unlock(&self) -> Result<(), Failure> {
        let Ok(files) = std::fs::read_dir(self.state_directory()) else { return Ok(()) };
        let is_lock = |path: &PathBuf| path.extension().is_some_and(|extension| extension == LOCK);
        for path in files.flatten().map(|file| file.path()).filter(is_lock) {
            std::fs::remove_file(&path).or_else(not_found).map_err(|error| {
                let message = format!("cannot remove {}: {error}", path.display());
                Failure::plain("rehearse::not-set-up", message, "run the same command again")
            })?;
        }
        Ok(())
    }

    fn state_directory(&self) -> PathBuf {
        self.private.directory().join("state")
    }
}

fn not_found(error: std::io::Error) -> std::io::Result<()> {
    if error.kind() == std::io::ErrorKind::NotFound { Ok(()) } else { Err(error) }
}

fn address(port: u16) -> String {
    format!("http://{}:{port}", Ipv4Addr::LOCALHOST)
}

fn not_started(error: &LocalError) -> Failure {
    Failure::plain("local::not-running", error.to_string(), error.help())
}
