//! `deployer state`

use clap::{Args, Subcommand};
use clap_complete::ArgValueCompleter;

use super::examples::Examples;
use super::options::{Approval, Choice};
use super::run::Run;
use super::{Exit, OK, approval, complete};
use crate::failure::Failure;
use crate::operate::state::{self, Removal};
use crate::pipeline::{self, LoadedStack, Settings};
use crate::report::progress::Preparation;
use crate::report::state as form;
use crate::state::{Lease, Snapshot, Store};

/// Look at the state and repair it
#[derive(Debug, Args)]
#[command(add = EXAMPLES)]
pub struct State {
    #[command(subcommand)]
    command: StateCommand,
}

/// The state's verbs.
#[derive(Debug, Subcommand)]
pub enum StateCommand {
    /// List the resources in the state
    #[command(add = LIST)]
    List,
    /// Print the record of one resource
    #[command(add = SHOW)]
    Show {
        /// An address, such as `queues.orders`.
        #[arg(add = ArgValueCompleter::new(complete::addresses))]
        address: String,
    },
    /// List the kept versions of the state
    #[command(add = HISTORY)]
    History,
    /// Restore a kept version of the state
    #[command(add = RESTORE)]
    Restore {
        /// The version's number in `deployer state history`.
        serial: u64,
        /// Accepted as by the other commands; this command asks nothing.
        #[arg(short = 'y', long = "auto-approve", alias = "yes", hide = true)]
        _auto_approve: bool,
    },
    /// Take a resource out of the state; AWS keeps it
    #[command(add = FORGET)]
    Forget {
        /// An address, such as `queues.orders`.
        #[arg(add = ArgValueCompleter::new(complete::addresses))]
        address: String,
        #[command(flatten)]
        approval: Approval,
    },
    /// Remove the lock of a dead run
    #[command(add = UNLOCK)]
    Unlock {
        /// Remove only the lock of this id.
        id: Option<String>,
        #[command(flatten)]
        approval: Approval,
    },
}

const EXAMPLES: Examples = Examples(&[
    ("deployer state list", "what the stack owns"),
    ("deployer state history", "the versions that are kept"),
]);
const LIST: Examples = Examples(&[("deployer state list", "a line for each resource")]);
const SHOW: Examples = Examples(&[("deployer state show queues.orders", "what was applied, and the outputs")]);
const HISTORY: Examples = Examples(&[("deployer state history", "the versions that are kept, newest first")]);
const RESTORE: Examples =
    Examples(&[("deployer state restore 41", "restore version 41 of the state; AWS is not changed")]);
const FORGET: Examples =
    Examples(&[("deployer state forget queues.orders", "AWS keeps the queue, the stack forgets it")]);
const UNLOCK: Examples = Examples(&[("deployer state unlock", "remove the lock of a run that is known to be dead")]);

impl State {
    pub(super) async fn run(self, run: &Run) -> Exit {
        let operation = match &self.command {
            StateCommand::List => "state list",
            StateCommand::Show { .. } => "state show",
            StateCommand::History => "state history",
            StateCommand::Restore { .. } => "state restore",
            StateCommand::Forget { .. } => "state forget",
            StateCommand::Unlock { .. } => "state unlock",
        };
        if let StateCommand::Forget { approval, .. } = &self.command {
            approval::possible(run, approval, operation)?;
        }
        let settings = run.settings_to_operate(&Choice::default(), operation)?;
        let loaded = pipeline::load(&settings)?;
        let store = pipeline::open_store(&loaded, &settings, &run.stop).await?;
        let place = store.place();
        let desk = Desk { run, settings, loaded, store, place };
        match self.command {
            StateCommand::List => desk.list().await,
            StateCommand::Show { address } => desk.show(&address).await,
            StateCommand::History => desk.history().await,
            StateCommand::Restore { serial, .. } => desk.restore(serial).await,
            StateCommand::Forget { address, approval } => desk.forget(&address, &approval).await,
            StateCommand::Unlock { id, approval } => desk.unlock(id, &approval).await,
        }
    }
}

/// The state of a stack, and the means to work on it.
struct Desk<'a> {
    run: &'a Run,
    settings: Settings,
    loaded: LoadedStack,
    store: Store,
    place: String,
}

impl Desk<'_> {
    async fn list(&self) -> Exit {
        self.view().print_list(&self.read().await?);
        Ok(OK)
    }

    async fn show(&self, address: &str) -> Exit {
        let snapshot = self.read().await?;
        self.view().print_record(address, state::record(&snapshot.state, address)?);
        Ok(OK)
    }

    async fn history(&self) -> Exit {
        let history = async { self.store.history().await.map_err(Failure::state) };
        let versions = pipeline::unless_stopped(&self.run.stop, history).await?;
        self.view().print_history(&versions);
        Ok(OK)
    }

    async fn restore(&self, serial: u64) -> Exit {
        let lease = pipeline::hold(&self.store, &self.settings, &self.progress(), &self.run.stop).await?;
        let restored = self.store.restore(serial, &lease).await.map_err(Failure::state);
        pipeline::give_back(lease).await;
        self.view().print_restored(serial, &restored?);
        Ok(OK)
    }

    async fn forget(&self, address: &str, approval: &Approval) -> Exit {
        let lease = pipeline::hold(&self.store, &self.settings, &self.progress(), &self.run.stop).await?;
        let removed = self.forget_under(&lease, address, approval).await;
        pipeline::give_back(lease).await;
        self.view().print_removal(&removed?);
        Ok(OK)
    }

    async fn forget_under(&self, lease: &Lease, address: &str, approval: &Approval) -> Result<Removal, Failure> {
        let snapshot = self.read().await?;
        let removal = state::forget(&snapshot.state, address)?;
        approval::ask_for_yes(self.run, approval, "state forget", &form::question(&removal)).await?;
        pipeline::write_state(&self.store, &snapshot, lease, &removal.state).await?;
        Ok(removal)
    }

    async fn unlock(&self, id: Option<String>, approval: &Approval) -> Exit {
        let locked = async { self.store.lock_info().await.map_err(Failure::state) };
        let Some(lock) = pipeline::unless_stopped(&self.run.stop, locked).await? else {
            self.view().print_no_lock();
            return Ok(OK);
        };
        let is_meant = id.as_ref().is_none_or(|id| *id == lock.id);
        if is_meant {
            self.view().print_lock(&lock);
            approval::possible(self.run, approval, "state unlock")?;
            let question = "Remove this lock? A run that lives stops then. Type `yes` to confirm:";
            approval::ask_for_yes(self.run, approval, "state unlock", question).await?;
        }
        let removed = self.store.force_unlock(id.as_ref().unwrap_or(&lock.id)).await.map_err(Failure::state)?;
        self.view().print_unlock(&lock, removed);
        Ok(OK)
    }

    async fn read(&self) -> Result<Snapshot, Failure> {
        pipeline::read_state(&self.store, &self.progress(), &self.run.stop).await
    }

    fn progress(&self) -> Preparation {
        Preparation::new(self.run.terminal)
    }

    fn view(&self) -> form::StateView<'_> {
        form::StateView { terminal: &self.run.terminal, place: &self.place, secrets: self.loaded.document.secrets() }
    }
}
