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

/// A private local cloud with AWS's rules. It ends with this process at the latest.
pub struct RehearsalCloud {
    private: PrivateCloud,
    gateway: JoinHandle<()>,
}

impl RehearsalCloud {
    /// Starts the emulator, and the gateway in front of it.
    ///
    /// # Errors
    /// When the emulator cannot be installed or started, or when its gateway's port was taken meanwhile.
    pub async fn start(region: &str, say: &dyn Fn(&str)) -> Result<Self, Failure> {
        let private = PrivateCloud::start(region, say).await.map_err(|error| not_started(&error))?;
        let port = private.gateway_port;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.map_err(|error| {
            let message = format!("cannot listen on port {port} of this machine: {error}");
            Failure::plain("local::not-running", message, "run the same command again")
        })?;
        let emulator = Emulator::new(address(private.emulator_port), private.secret_access_key.clone(), None);
        let began = Instant::now();
        let strict = Strict::new(Switches::default(), Arc::new(move || began.elapsed()), emulator);
        let guarded_by = Some(private.secret_access_key.clone());
        let gateway = Gateway { strict, emulator_port: private.emulator_port, guarded_by };
        // A gateway that fails answers no call, which the rehearsal reports.
        let gateway = tokio::spawn(async move { drop(serve(listener, gateway).await) });
        Ok(Self { private, gateway })
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
        self.gateway.abort();
        self.private.stop().await.map_err(|error| not_started(&error))
    }

    /// Returns the settings of a run in this cloud, as the root user of `account`. No address, key or directory of the
    /// real run remains in them.
    pub(super) fn settings(&self, real: Settings, account: &str) -> Settings {
        Settings {
            aws: AwsSettings {
                endpoint_url: Some(address(self.private.gateway_port)),
                credentials: Some((account.to_owned(), self.private.secret_access_key.clone())),
                parallelism: real.aws.parallelism,
                ..AwsSettings::default()
            },
            lock: LockSettings::default(),
            machine: Machine { in_ci: false, ..real.machine },
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

    fn state_directory(&self) -> PathBuf {
        self.private.directory().join("state")
    }
}

fn address(port: u16) -> String {
    format!("http://{}:{port}", Ipv4Addr::LOCALHOST)
}

fn not_started(error: &LocalError) -> Failure {
    Failure::plain("local::not-running", error.to_string(), error.help())
}
