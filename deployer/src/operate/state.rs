//! Removes records from a state.

use crate::failure::Failure;
use crate::graph::owner;
use crate::kinds::{self, Ownership};
use crate::observe::leave;
use crate::spec::nearest::nearest;
use crate::state::{Record, State};

/// A state without a record, and without the records of the resource's parts.
pub struct Removal {
    pub state: State,
    pub address: String,
    pub physical_id: String,
    /// The parts' addresses.
    pub parts: Vec<String>,
}

/// Finds the record at an address.
///
/// # Errors
/// When the state has none.
pub fn record<'a>(state: &'a State, address: &str) -> Result<&'a Record, Failure> {
    state.resources.get(address).ok_or_else(|| unknown(state, address))
}

/// Removes a record and those of its parts: without the record, their owner would be unknown.
///
/// # Errors
/// When the state has no such record.
pub fn forget(before: &State, address: &str) -> Result<Removal, Failure> {
    let mut state = before.clone();
    let record = state.resources.remove(address).ok_or_else(|| unknown(before, address))?;
    let parts: Vec<String> = state.resources.extract_if(.., |_, part| is_part(part, &record)).map(|(a, _)| a).collect();
    leave(&mut state, &record.kind, &record.inputs);
    // An intent would make the next run look for a resource that was removed on purpose.
    state.intents.retain(|intent| intent.address != address && !parts.contains(&intent.address));
    Ok(Removal { state, address: address.to_owned(), physical_id: record.physical_id, parts })
}

/// Tells whether `part` is a part of the recorded resource `whole` and belongs to its owner.
fn is_part(part: &Record, whole: &Record) -> bool {
    let Some(kind) = kinds::find(&part.kind) else { return false };
    kind.ownership() == Ownership::Parent && owner::is_part(kind, &part.inputs, whole)
}

fn unknown(state: &State, address: &str) -> Failure {
    let addresses = state.resources.keys().map(String::as_str);
    let help = match nearest(address, addresses) {
        Some(meant) => format!("did you mean `{meant}`?"),
        None if state.resources.is_empty() => "the state holds no resources".to_owned(),
        None => "`deployer state list` lists the addresses".to_owned(),
    };
    Failure::plain("state::unknown-address", format!("the state holds nothing called `{address}`"), help)
}
