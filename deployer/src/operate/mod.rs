//! Operates deployed functions and resources: health, logs, calls, earlier code, messages, and the access of CI. Reads
//! the graph, AWS and the records of the state; makes no plan.

pub mod access;
pub mod health;
pub mod history;
pub mod invoke;
pub mod logs;
pub mod queues;
pub mod redrive;
pub mod rollback;
pub mod state;
pub mod trace;
pub mod verify;

use std::collections::BTreeSet;

use serde_json::Value;

use crate::aws::Place;
use crate::failure::Failure;
use crate::graph::Graph;
use crate::graph::resolve;
use crate::kinds::Capability;
use crate::observe::predict;
use crate::spec::document::Document;
use crate::spec::nearest::{nearest, quoted};
use crate::state::fingerprint;

/// A function of the stack, with the names that callers and logs use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FunctionTarget {
    /// `functions.NAME`.
    pub element: String,
    pub function_name: String,
    pub log_group: String,
    /// The function belongs to somebody else, and the stack only refers to it.
    pub external: bool,
}

impl FunctionTarget {
    /// Returns the element's name within its section.
    pub fn name(&self) -> &str {
        self.element.split_once('.').map_or(&self.element, |(_, name)| name)
    }

    /// Tells whether `name` means this function: its element, its name there, or its name in AWS.
    pub fn is_called(&self, name: &str) -> bool {
        name == self.element || name == self.name() || name == self.function_name
    }
}

/// Selects the named functions; all of them if none is named.
///
/// # Errors
/// When the stack has no functions, or none of that name, or when a function's names need a variable without a value.
pub fn choose(
    graph: &Graph,
    place: &Place,
    names: &[String],
    document: &Document,
) -> Result<Vec<FunctionTarget>, Failure> {
    let (targets, nameless) = functions(graph, place);
    for (element, variables) in document.incomplete() {
        let is_meant = match names {
            [] => nameless.contains(&element) || (targets.is_empty() && graph.nodes().all(|n| n.element != element)),
            names => names.iter().any(|name| means(&element, name) && !targets.iter().any(|t| t.is_called(name))),
        };
        if is_meant {
            return Err(Failure::lacking(&element, &variables, document));
        }
    }
    if targets.is_empty() {
        return Err(Failure::plain("function::none", "this stack has no functions", "add one under `functions:`"));
    }
    for name in names {
        if !targets.iter().any(|target| target.is_called(name)) {
            let known = || targets.iter().map(FunctionTarget::name);
            let help = nearest(name, known())
                .map_or_else(|| format!("there are {}", quoted(known())), |meant| format!("did you mean `{meant}`?"));
            return Err(Failure::plain("function::unknown", format!("this stack has no function `{name}`"), help));
        }
    }
    let wanted = |target: &FunctionTarget| names.is_empty() || names.iter().any(|name| target.is_called(name));
    Ok(targets.into_iter().filter(wanted).collect())
}

/// Tells whether `name` is an element's address or its name within its section.
pub fn means(element: &str, name: &str) -> bool {
    name == element || element.split_once('.').is_some_and(|(_, own)| own == name)
}

/// Lists the functions of a stack whose names are known before anything is read, and the elements of the others.
fn functions(graph: &Graph, place: &Place) -> (Vec<FunctionTarget>, BTreeSet<String>) {
    let known = predict(graph, place);
    let functions = graph.nodes().filter(|node| node.kind.about().operated == Some(Capability::Code));
    let target = |node: &crate::graph::Node| {
        let spec = resolve::value(&node.spec, &known, place);
        let function_name = name(&spec["function_name"])?;
        let log_group = match &spec["logging_config"]["log_group"] {
            Value::Null => format!("/aws/lambda/{function_name}"),
            group => name(group)?,
        };
        Some(FunctionTarget { element: node.element.clone(), function_name, log_group, external: node.external })
    };
    let mut nameless = BTreeSet::new();
    let mut targets = Vec::new();
    for node in functions {
        match target(node) {
            Some(target) => targets.push(target),
            None => drop(nameless.insert(node.element.clone())),
        }
    }
    (targets, nameless)
}

/// Returns a name for requests: neither a placeholder nor a secret's fingerprint.
fn name(value: &Value) -> Option<String> {
    let text = value.as_str().filter(|text| !fingerprint::is(text))?;
    (!resolve::is_unknown(value)).then(|| text.to_owned())
}
