//! Plans without the secrets that are not given.

use serde_json::Value;

use super::begin::Home;
use super::recall::{all_lowered, needs_variable};
use super::{LoadedStack, Settings};
use crate::failure::Failure;
use crate::graph::{Graph, resolve};
use crate::kinds;
use crate::plan::{Change, Note, Plan};
use crate::spec::document::Document;
use crate::spec::finding::Findings;
use crate::spec::nearest::quoted;
use crate::spec::sections::Resource;
use crate::spec::template;
use crate::state::State;

/// Gives each resource that a secret without a value identifies, such as a subscription, the identity that the last
/// apply recorded. The state is read only for stacks with such resources.
///
/// # Errors
/// When the state cannot be reached or understood, or when an element needs a value for more than texts.
pub(super) async fn keep_identities(
    loaded: LoadedStack,
    home: &Home,
    settings: &Settings,
) -> Result<LoadedStack, Failure> {
    if !settings.inputs.keep_secrets || loaded.document.lacking().is_empty() {
        return Ok(loaded);
    }
    // The resources of an element that cannot be lowered without a value would seem to have been removed.
    all_lowered(&loaded)?;
    if loaded.document.lower().0.resources.iter().all(|resource| open_identity(resource).is_empty()) {
        return Ok(loaded);
    }
    let state = home.store.read().await.map_err(Failure::state)?.state;
    Ok(with_identities(loaded, &state))
}

/// Gives resources that a secret without a value identifies the identity in their records.
pub(super) fn with_identities(loaded: LoadedStack, state: &State) -> LoadedStack {
    let mut lowered = loaded.document.lower().0;
    for resource in &mut lowered.resources {
        let record = state.resources.get(&resource.address).filter(|record| record.kind == resource.kind);
        for property in open_identity(resource) {
            let recorded = record.and_then(|record| record.inputs.get(property)).and_then(Value::as_str);
            if let Some(text) = recorded {
                resource.spec[property] = template::escape(text).into();
            }
        }
    }
    // The findings about the stack were reported when it was loaded.
    let outputs = loaded.document.outputs().clone();
    let graph = Graph::of(lowered, outputs, &loaded.document, &mut Findings::default());
    LoadedStack { graph, ..loaded }
}

/// Lists the identity properties of a resource that need a variable without a value.
fn open_identity(resource: &Resource) -> Vec<&'static str> {
    let is_open = |property: &&'static str| resource.spec.get(*property).is_some_and(needs_variable);
    kinds::find_registered(resource.kind).identity().iter().copied().filter(is_open).collect()
}

/// Names the variables without a value, the properties that were not compared for that reason, and those that cannot be
/// set without the value.
pub(super) fn note(plan: &Plan, document: &Document) -> Option<Note> {
    let names = document.lacking().names();
    if names.is_empty() {
        return None;
    }
    let verb = if names.len() == 1 { "is" } else { "are" };
    let mut text = format!("{} {verb} not given", quoted(names));
    let paths = plan.not_compared().iter().flat_map(|(at, paths)| paths.iter().map(move |path| format!("{at} {path}")));
    let is_open = |change: &&Change| resolve::needs_variable(change.after());
    let needed = plan.actions().iter().flat_map(|planned| {
        let open = planned.changes().iter().filter(is_open);
        open.map(|change| format!("{} {}", planned.address, change.path))
    });
    for (what, properties) in [("not compared", paths.collect::<Vec<_>>()), ("needed by", needed.collect())] {
        if !properties.is_empty() {
            text += &format!("; {what}: {}", properties.join(", "));
        }
    }
    Some(Note::text("vars", text))
}
