//! Stacks with variables that have no value: their elements as the last apply left them.

use std::collections::BTreeSet;

use serde_json::Value;

use super::begin::connect;
use super::{LoadedStack, Progress, Settings, read_state, unless_stopped};
use crate::aws::Place;
use crate::execute::Stop;
use crate::failure::Failure;
use crate::graph::{Graph, resolve};
use crate::kinds;
use crate::spec::document::Keeps;
use crate::spec::finding::Findings;
use crate::spec::nearest::quoted;
use crate::spec::sections::Resource;
use crate::spec::template;
use crate::state::{Record, State};

/// Takes the resources of each element that needs a variable without a value from the state, under the names that the
/// last apply gave them. A stack whose variables all have values stays as it is, and nothing is read.
///
/// # Errors
/// When the state cannot be reached or understood.
pub async fn recall(
    loaded: LoadedStack,
    settings: &Settings,
    progress: &dyn Progress,
    stop: &Stop,
) -> Result<LoadedStack, Failure> {
    if loaded.document.lacking().is_empty() {
        return Ok(loaded);
    }
    let store = unless_stopped(stop, connect(&loaded.document, settings)).await?.store;
    let state = read_state(&store, progress, stop).await?.state;
    progress.say(&about(&loaded, &state));
    Ok(LoadedStack { graph: recall_graph(&loaded, &state), ..loaded })
}

/// Says how many elements are taken from the state, and what the command cannot do without the values.
fn about(loaded: &LoadedStack, state: &State) -> String {
    let incomplete = loaded.document.incomplete();
    let variables: BTreeSet<&str> = incomplete.values().flatten().map(String::as_str).collect();
    let stored = loaded.document.stored();
    let (unread, unset): (Vec<&str>, Vec<&str>) = variables.into_iter().partition(|name| stored.contains_key(*name));
    let named = |what: &str, names: Vec<&str>| (!names.is_empty()).then(|| format!("{what}: {}", quoted(names)));
    let named: Vec<String> =
        [named("not set", unset), named("not read from AWS", unread)].into_iter().flatten().collect();
    let is_taken = |element: &&String| is_recorded(loaded, state, element);
    let taken = match incomplete.keys().filter(is_taken).count() {
        0 => String::new(),
        1 => "1 element is taken from the state, and ".to_owned(),
        many => format!("{many} elements are taken from the state, and "),
    };
    format!("{}; {taken}output is not masked for these values", named.join("; "))
}

/// Tells whether the state has resources of an element that the stack makes itself.
fn is_recorded(loaded: &LoadedStack, state: &State, element: &str) -> bool {
    !loaded.document.keeps(element).external && state.resources.values().any(|record| record.element == element)
}

/// Builds the graph with the records of each incomplete element in place of what it was lowered to.
pub(super) fn recall_graph(loaded: &LoadedStack, state: &State) -> Graph {
    with_records(loaded, state, |_| false, resource)
}

/// Like [`recall_graph`], but keeps incomplete elements whose resources all have names: `stack.yaml` may rename them.
pub(super) fn recall_nameless(loaded: &LoadedStack, state: &State) -> Graph {
    let lowered = loaded.document.lower().0.resources;
    let has_names = |element: &str| {
        let mut own = lowered.iter().filter(|resource| resource.element == element).peekable();
        own.peek().is_some() && own.all(is_named)
    };
    with_records(loaded, state, has_names, resource)
}

/// Builds the graph without the incomplete elements that the state has, where the records are looked at by themselves.
pub(super) fn without_records(loaded: &LoadedStack, state: &State) -> Graph {
    with_records(loaded, state, |_| false, |_, _, _| None)
}

fn with_records(
    loaded: &LoadedStack,
    state: &State,
    stays: impl Fn(&str) -> bool,
    resource: impl Fn(&str, &Record, Keeps) -> Option<Resource>,
) -> Graph {
    let document = &loaded.document;
    let mut lowered = document.lower().0;
    for element in document.incomplete().into_keys() {
        if stays(&element) || !is_recorded(loaded, state, &element) {
            continue;
        }
        let records = state.resources.iter().filter(|(_, record)| record.element == element);
        let keeps = document.keeps(&element);
        lowered.resources.retain(|resource| {
            resource.element != element || (!state.resources.contains_key(&resource.address) && is_named(resource))
        });
        lowered.resources.extend(records.filter_map(|(address, record)| resource(address, record, keeps)));
    }
    // The next apply reports mistakes in records and elements.
    Graph::of(lowered, document.outputs().clone(), document, &mut Findings::default())
}

/// Tells whether the identity of a resource needs no variable without a value.
fn is_named(resource: &Resource) -> bool {
    let kind = kinds::find_registered(resource.kind);
    !kind.identity().iter().filter_map(|property| resource.spec.get(property)).any(needs_variable)
}

/// Tells whether a value's text has a variable without a value.
pub(super) fn needs_variable(value: &Value) -> bool {
    let is_variable = |part: &template::TextPart| matches!(part, template::TextPart::Var(_));
    value.as_str().is_some_and(|text| template::parse(text).unwrap_or_default().iter().any(is_variable))
}

/// Makes a resource of a record. `None` if this version does not know its kind.
fn resource(address: &str, record: &Record, keeps: Keeps) -> Option<Resource> {
    Some(Resource {
        address: address.to_owned(),
        element: record.element.clone(),
        kind: kinds::find(&record.kind)?.name(),
        spec: literal(&record.inputs),
        // A deletion follows the dependencies of the records in any case.
        depends_on: BTreeSet::new(),
        protect: record.protect || (keeps.protect && !address.contains('[')),
        retain: record.retain || keeps.retain,
        external: false,
        code: None,
    })
}

/// Escapes the texts of a value: a record has no references.
fn literal(value: &Value) -> Value {
    match value {
        Value::String(text) => Value::String(template::escape(text)),
        Value::Array(items) => items.iter().map(literal).collect(),
        Value::Object(entries) => entries.iter().map(|(key, entry)| (key.clone(), literal(entry))).collect(),
        other => other.clone(),
    }
}

/// Checks that every element has resources in the graph: without its variables an element may have none.
///
/// # Errors
/// `stack::missing-variable`.
pub fn all_lowered(loaded: &LoadedStack) -> Result<(), Failure> {
    let is_lowered = |element: &str| loaded.graph.nodes().any(|node| node.element == element);
    match loaded.document.incomplete().into_iter().find(|(element, _)| !is_lowered(element)) {
        Some((element, variables)) => Err(Failure::lacking(&element, &variables, &loaded.document)),
        None => Ok(()),
    }
}

/// Checks that every resource has a name at this place: a policy for unknown names would allow too much or too little.
///
/// # Errors
/// `stack::missing-variable`.
pub(super) fn all_named(loaded: &LoadedStack, graph: &Graph, place: &Place) -> Result<(), Failure> {
    let known = graph.predict_outputs(place);
    for (element, variables) in loaded.document.incomplete() {
        let mut own = graph.nodes().filter(|node| node.element == element).peekable();
        let nameless = |property: &&str, spec: &Value| spec.get(property).is_some_and(of_variable);
        let is_lowered = own.peek().is_some();
        let is_nameless = own.any(|node| {
            let spec = resolve::value(&node.spec, &known, place);
            // No policy names a property that may be secret.
            let names = node.kind.identity().iter().filter(|property| !node.kind.may_be_secret().contains(property));
            names.into_iter().any(|property| nameless(property, &spec))
        });
        if !is_lowered || is_nameless {
            return Err(Failure::lacking(&element, &variables, &loaded.document));
        }
    }
    Ok(())
}

/// Tells whether a resolved value has the placeholder of a variable.
fn of_variable(value: &Value) -> bool {
    resolve::needs_variable(value)
}
