//! `deployer state`

use serde_json::{Value, json};

use super::options::{Approval, Choice, StateCommand};
use super::run::Run;
use super::{Exit, OK, approval};
use crate::failure::Failure;
use crate::graph::owner;
use crate::kinds::{self, Ownership};
use crate::observe::leave;
use crate::pipeline::{self, Loaded, Settings};
use crate::report::counted;
use crate::report::json::masked;
use crate::report::progress::Preparation;
use crate::report::state as form;
use crate::spec::nearest::nearest;
use crate::state::{Lease, Record, State, Store};

/// The state of a stack, and the means to work on it.
struct Desk<'a> {
    run: &'a Run,
    settings: Settings,
    loaded: Loaded,
    store: Store,
}

pub(super) async fn run(run: &Run, command: StateCommand) -> Exit {
    let operation = match &command {
        StateCommand::List => "state list",
        StateCommand::Show { .. } => "state show",
        StateCommand::History => "state history",
        StateCommand::Restore { .. } => "state restore",
        StateCommand::Forget { .. } => "state forget",
        StateCommand::Unlock { .. } => "state unlock",
    };
    if let StateCommand::Forget { approval, .. } = &command {
        approval::possible(run, approval, operation)?;
    }
    let settings = run.settings(&Choice::default(), operation)?;
    let loaded = pipeline::load(&settings)?;
    let store = pipeline::open_store(&loaded, &settings, &run.stop).await?;
    let desk = Desk { run, settings, loaded, store };
    match command {
        StateCommand::List => desk.list().await,
        StateCommand::Show { address } => desk.show(&address).await,
        StateCommand::History => desk.history().await,
        StateCommand::Restore { serial, .. } => desk.restore(serial).await,
        StateCommand::Forget { address, approval } => desk.forget(&address, &approval).await,
        StateCommand::Unlock { id, approval } => desk.unlock(id, &approval).await,
    }
}

impl Desk<'_> {
    async fn list(&self) -> Exit {
        let snapshot = pipeline::read_state(&self.store, &self.progress(), &self.run.stop).await?;
        if self.run.terminal.json {
            return self.line(form::list_json(&snapshot, &self.store.place()));
        }
        if snapshot.state.resources.is_empty() {
            let what = if snapshot.existed { "holds no resources" } else { "does not exist yet" };
            self.run.terminal.say(&format!("The state {} {what}.", self.store.place()));
        }
        self.text(&form::list(&snapshot.state))
    }

    async fn show(&self, address: &str) -> Exit {
        let snapshot = pipeline::read_state(&self.store, &self.progress(), &self.run.stop).await?;
        let record = snapshot.state.resources.get(address).ok_or_else(|| unknown(address, &snapshot.state))?;
        let value = form::record(address, record);
        if self.run.terminal.json {
            return self.line(value);
        }
        self.run.terminal.object(&masked(value, self.loaded.document.secrets()));
        Ok(OK)
    }

    async fn history(&self) -> Exit {
        let history = async { self.store.history().await.map_err(Failure::state) };
        let versions = pipeline::unless_stopped(&self.run.stop, history).await?;
        if self.run.terminal.json {
            return self.line(form::history_json(&versions, &self.store.place()));
        }
        if versions.is_empty() {
            self.run.terminal.say(&format!("No version of the state {} is kept.", self.store.place()));
            return Ok(OK);
        }
        self.text(&form::history(&versions))
    }

    async fn restore(&self, serial: u64) -> Exit {
        let lease = pipeline::hold(&self.store, &self.settings, &self.progress(), &self.run.stop).await?;
        let restored = self.store.restore(serial, &lease).await.map_err(Failure::state);
        pipeline::give_back(lease).await;
        let State { serial: written, resources, .. } = restored?;
        let count = resources.len();
        if self.run.terminal.json {
            return self.line(json!({"type": "restored", "from": serial, "serial": written, "resources": count}));
        }
        self.run.terminal.say(&format!(
            "Version {serial} with {} is the state again, as version {written}. `deployer plan` shows where AWS differs.",
            counted(count as u64, "resource")
        ));
        Ok(OK)
    }

    async fn forget(&self, address: &str, approval: &Approval) -> Exit {
        let lease = pipeline::hold(&self.store, &self.settings, &self.progress(), &self.run.stop).await?;
        let forgotten = self.forget_under(&lease, address, approval).await;
        pipeline::give_back(lease).await;
        let (physical_id, parts) = forgotten?;
        if self.run.terminal.json {
            return self
                .line(json!({"type": "forgotten", "address": address, "physical_id": physical_id, "parts": parts}));
        }
        self.run.terminal.say(&format!("`{address}` is no longer in the state; AWS still has {physical_id}."));
        if !parts.is_empty() {
            let parts: Vec<String> = parts.iter().map(|part| format!("`{part}`")).collect();
            self.run.terminal.say(&format!("Its parts went with it: {}.", parts.join(", ")));
        }
        Ok(OK)
    }

    /// Removes a record and those of its parts: without the record, their owner would be unknown. Returns the record's
    /// physical id and the parts' addresses.
    async fn forget_under(
        &self,
        lease: &Lease,
        address: &str,
        approval: &Approval,
    ) -> Result<(String, Vec<String>), Failure> {
        let snapshot = pipeline::read_state(&self.store, &self.progress(), &self.run.stop).await?;
        let mut state = snapshot.state.clone();
        let record = state.resources.remove(address).ok_or_else(|| unknown(address, &snapshot.state))?;
        let parts: Vec<String> =
            state.resources.extract_if(.., |_, part| is_part(part, &record)).map(|(a, _)| a).collect();
        let question = format!(
            "Forget `{address}` ({}){}? AWS keeps it, and a plan takes it up again while it is in stack.yaml. \
             Type `yes` to continue:",
            record.physical_id,
            parts.iter().map(|part| format!(" and its part `{part}`")).collect::<String>()
        );
        approval::given(self.run, approval, "state forget", &question).await?;
        leave(&mut state, &record);
        // An intent would make the next run look for a resource that was removed on purpose.
        state.intents.retain(|intent| intent.address != address && !parts.contains(&intent.address));
        pipeline::write_state(&self.store, &snapshot, lease, &state).await?;
        Ok((record.physical_id, parts))
    }

    async fn unlock(&self, id: Option<String>, approval: &Approval) -> Exit {
        let place = self.store.place();
        let locked = async { self.store.lock_info().await.map_err(Failure::state) };
        let Some(lock) = pipeline::unless_stopped(&self.run.stop, locked).await? else {
            if self.run.terminal.json {
                return self.line(json!({"type": "not_locked", "place": place}));
            }
            self.run.terminal.say(&format!("The state {place} is not locked."));
            return Ok(OK);
        };
        let meant = id.as_ref().is_none_or(|id| *id == lock.id);
        if meant {
            if !self.run.terminal.json {
                self.run.terminal.say(form::lock(&lock, &place).trim_end());
            }
            approval::possible(self.run, approval, "state unlock")?;
            let question = "Remove this lock? A run that lives stops then. Type `yes` to continue:";
            approval::given(self.run, approval, "state unlock", question).await?;
        }
        let removed = self.store.force_unlock(id.as_ref().unwrap_or(&lock.id)).await.map_err(Failure::state)?;
        if self.run.terminal.json {
            let kind = if removed { "unlocked" } else { "not_locked" };
            return self.line(json!({"type": kind, "place": place, "lock": lock}));
        }
        self.run.terminal.say(if removed { "The lock is removed." } else { "The lock was gone already." });
        Ok(OK)
    }

    fn progress(&self) -> Preparation {
        Preparation::new(self.run.terminal)
    }

    fn line(&self, value: Value) -> Exit {
        let value = masked(value, self.loaded.document.secrets());
        self.run.terminal.data(&format!("{value}\n"));
        Ok(OK)
    }

    fn text(&self, text: &str) -> Exit {
        self.run.terminal.data(text);
        Ok(OK)
    }
}

/// Tells whether `part` is a part of the recorded resource `whole` and belongs to its owner.
fn is_part(part: &Record, whole: &Record) -> bool {
    let Some(kind) = kinds::find(&part.kind) else { return false };
    kind.ownership() == Ownership::Parent && owner::is_part(kind, &part.inputs, whole)
}

fn unknown(address: &str, state: &State) -> Failure {
    let addresses = state.resources.keys().map(String::as_str);
    let help = match nearest(address, addresses) {
        Some(meant) => format!("did you mean `{meant}`?"),
        None if state.resources.is_empty() => "the state holds no resources".to_owned(),
        None => "`deployer state list` lists the addresses".to_owned(),
    };
    Failure::plain("state::unknown-address", format!("the state holds nothing called `{address}`"), help)
}
