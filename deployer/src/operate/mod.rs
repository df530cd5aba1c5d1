//! Operates deployed functions and resources: health, logs, calls, earlier code, messages. Reads the graph and AWS;
//! knows no state and no plan.

pub mod health;
pub mod history;
pub mod invoke;
pub mod logs;
pub mod queues;
pub mod redrive;
pub mod rollback;

use serde_json::Value;

use crate::aws::Place;
use crate::graph::Graph;
use crate::graph::resolve;
use crate::observe::predict;

/// A function of the stack, with the names that callers and logs use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// `functions.NAME`.
    pub element: String,
    pub function_name: String,
    pub log_group: String,
    /// The function belongs to somebody else, and the stack only refers to it.
    pub external: bool,
}

impl Target {
    /// Returns the element's name within its section.
    pub fn name(&self) -> &str {
        self.element.split_once('.').map_or(&self.element, |(_, name)| name)
    }

    /// Tells whether `name` means this function: its element, its name there, or its name in AWS.
    pub fn is_called(&self, name: &str) -> bool {
        name == self.element || name == self.name() || name == self.function_name
    }
}

/// Lists the functions of a stack whose names are known before anything is read.
pub fn functions(graph: &Graph, place: &Place) -> Vec<Target> {
    let known = predict(graph, place);
    let functions = graph.nodes().filter(|node| node.kind.name() == "lambda.function");
    let target = |node: &crate::graph::Node| {
        let spec = resolve::value(&node.spec, &known, place);
        let text = |value: &Value| value.as_str().filter(|_| !resolve::is_unknown(value)).map(str::to_owned);
        let function_name = text(&spec["function_name"])?;
        let log_group =
            text(&spec["logging_config"]["log_group"]).unwrap_or_else(|| format!("/aws/lambda/{function_name}"));
        Some(Target { element: node.element.clone(), function_name, log_group, external: node.external })
    };
    functions.filter_map(target).collect()
}
