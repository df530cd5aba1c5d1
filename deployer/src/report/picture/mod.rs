//! A picture of a stack: its elements and the data that flows between them.
//!
//! [`Picture`] is the content; mermaid, DOT, SVG and HTML are its formats.

mod html;
mod labels;
mod layout;
mod svg;
mod text;
mod words;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::plan::sign;
use crate::graph::{self, Graph};
use crate::plan::{Action, Plan};
use crate::spec::secrets::Secrets;

pub use html::{Page, html};
pub use svg::svg;
pub use text::{dot, mermaid};

/// The content of a picture.
#[derive(Debug, Default)]
pub struct Picture {
    pub stack: String,
    pub nodes: Vec<Node>,
    pub edges: Vec<Edge>,
}

/// An element of `stack.yaml`, or a person.
#[derive(Debug)]
pub struct Node {
    /// `functions.draw`, `person.ops@example.com`.
    pub id: String,
    /// `functions`, `person`.
    pub section: String,
    pub name: String,
    /// Whether the element is only referred to: never created, changed or deleted.
    pub external: bool,
    pub resources: Vec<Part>,
    /// The plan's effect on the element; `None` without a plan.
    pub mark: Option<Mark>,
    /// Whether somebody changed it outside the deployer.
    pub drift: bool,
}

/// A primitive resource of an element.
#[derive(Debug)]
pub struct Part {
    pub address: String,
    pub kind: &'static str,
    /// The sign of the planned action; empty without a plan.
    pub sign: &'static str,
}

/// A plan's effect on an element as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    Create,
    Update,
    Replace,
    Delete,
    Adopt,
    Unchanged,
}

/// A flow of data, or one element's use of another.
#[derive(Debug, PartialEq, Eq)]
pub struct Edge {
    pub from: usize,
    pub to: usize,
    pub label: String,
    /// One element watches the other or relies on it, but no data flows.
    pub dashed: bool,
}

impl Mark {
    /// Returns the word for the mark, which is also its class attribute.
    pub fn word(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Update => "update",
            Self::Replace => "replace",
            Self::Delete => "delete",
            Self::Adopt => "adopt",
            Self::Unchanged => "unchanged",
        }
    }

    pub fn sign(self) -> &'static str {
        match self {
            Self::Create => "+",
            Self::Update => "~",
            Self::Replace => "±",
            Self::Delete => "−",
            Self::Adopt => "←",
            Self::Unchanged => "",
        }
    }
}

/// Returns the word for one element of a section.
pub(super) fn singular(section: &str) -> &str {
    match section {
        "apis" => "API",
        "log_groups" => "log group",
        other => other.strip_suffix('s').unwrap_or(other),
    }
}

impl Picture {
    /// Builds the picture of a graph, coloured by a plan if there is one.
    pub fn of(stack: &str, graph: &Graph, plan: Option<&Plan>, secrets: &Secrets) -> Self {
        let mut drawing = Drawing { graph, secrets, ids: BTreeMap::new(), edges: BTreeMap::new(), nodes: Vec::new() };
        for node in graph.nodes() {
            drawing.resource(node);
        }
        for node in graph.nodes() {
            drawing.uses(node);
        }
        if let Some(plan) = plan {
            drawing.mark(plan);
        }
        let Drawing { nodes, edges, .. } = drawing;
        let edges = edges.into_iter().map(|((from, to), (labels, dashed))| {
            let labels: Vec<String> = labels.into_iter().collect();
            Edge { from, to, label: secrets.mask(&labels.join(", ")).into_owned(), dashed }
        });
        Self { stack: stack.to_owned(), nodes, edges: edges.collect() }
    }
}

struct Drawing<'a> {
    graph: &'a Graph,
    secrets: &'a Secrets,
    ids: BTreeMap<String, usize>,
    nodes: Vec<Node>,
    edges: BTreeMap<(usize, usize), (BTreeSet<String>, bool)>,
}

impl Drawing<'_> {
    fn node(&mut self, id: &str) -> usize {
        if let Some(index) = self.ids.get(id) {
            return *index;
        }
        let (section, name) = id.split_once('.').unwrap_or(("", id));
        self.ids.insert(id.to_owned(), self.nodes.len());
        self.nodes.push(Node {
            id: self.secrets.mask(id).into_owned(),
            section: section.to_owned(),
            name: self.secrets.mask(name).into_owned(),
            external: false,
            resources: Vec::new(),
            mark: None,
            drift: false,
        });
        self.nodes.len() - 1
    }

    fn resource(&mut self, node: &graph::Node) {
        let at = self.node(&node.element);
        self.nodes[at].external |= node.external;
        let address = self.secrets.mask(&node.address).into_owned();
        self.nodes[at].resources.push(Part { address, kind: node.kind.name(), sign: "" });
    }

    fn edge(&mut self, from: usize, to: usize, label: Option<String>, dashed: bool) {
        if from != to {
            let entry = self.edges.entry((from, to)).or_insert_with(|| (BTreeSet::new(), dashed));
            entry.0.extend(label);
            entry.1 &= dashed;
        }
    }

    /// Draws the edges of a resource to other elements, in the direction in which data flows.
    fn uses(&mut self, node: &graph::Node) {
        let own = self.node(&node.element);
        for dependency in &node.dependencies {
            let Some(target) = self.graph.node(dependency) else { continue };
            let other = self.node(&target.element);
            match (node.kind.name(), target.kind.name()) {
                ("lambda.event_source_mapping", "lambda.function") => {}
                ("lambda.event_source_mapping", _) => self.edge(other, own, Some("messages".to_owned()), false),
                ("cloudwatch.metric_alarm", "sns.topic") => self.edge(own, other, Some("alarms".to_owned()), false),
                ("cloudwatch.metric_alarm", _) => self.edge(other, own, Some("watched".to_owned()), true),
                ("apigateway.route", "lambda.function") => self.edge(own, other, Some(route(&node.spec)), false),
                ("iam.role", _) => {
                    let actions = granted(&node.spec, dependency);
                    // The edge for the messages already shows the permission to receive them.
                    if !actions.iter().any(|action| action == "sqs:ReceiveMessage") && !actions.is_empty() {
                        for action in actions {
                            let short = action.split_once(':').map_or(action.as_str(), |(_, verb)| verb).to_owned();
                            self.edge(own, other, Some(short), false);
                        }
                    }
                }
                ("lambda.function", "iam.role") => self.edge(own, other, Some("runs as".to_owned()), true),
                // The queue's policy lets the topic send.
                ("sqs.queue", "sns.topic") => self.edge(other, own, None, false),
                ("lambda.permission", "lambda.function") | ("apigateway.stage", _) => {}
                _ => self.edge(own, other, None, false),
            }
        }
        if node.kind.name() == "sns.subscription" && node.spec["protocol"].as_str().is_some_and(is_person) {
            let endpoint = node.spec["endpoint"].as_str().unwrap_or("somebody");
            let person = self.node(&format!("person.{endpoint}"));
            let label = node.spec["protocol"].as_str().map(|p| if p == "sms" { "SMS" } else { "e-mail" }.to_owned());
            self.edge(own, person, label, false);
        }
    }

    fn mark(&mut self, plan: &Plan) {
        for node in &mut self.nodes {
            if !node.resources.is_empty() {
                node.mark = Some(Mark::Unchanged);
            }
        }
        for planned in plan.actions() {
            let at = self.node(&planned.element);
            let address = self.secrets.mask(&planned.address).into_owned();
            match self.nodes[at].resources.iter_mut().find(|part| part.address == address) {
                Some(part) => part.sign = sign(planned),
                None => self.nodes[at].resources.push(Part { address, kind: planned.kind, sign: sign(planned) }),
            }
        }
        // Resources that exist only in the state are connected, too.
        for planned in plan.actions().iter().filter(|p| self.graph.node(&p.address).is_none()) {
            let own = self.node(&planned.element);
            for dependency in &planned.prior_dependencies {
                let kept = self.graph.node(dependency).map(|node| (node.element.clone(), node.kind.name()));
                let gone = plan.actions().iter().find(|p| p.address == *dependency);
                if let Some((element, kind)) = kept.or_else(|| gone.map(|p| (p.element.clone(), p.kind))) {
                    let other = self.node(&element);
                    let (from, to) = if fed(planned.kind, kind) { (other, own) } else { (own, other) };
                    if !self.edges.contains_key(&(to, from)) {
                        self.edge(from, to, None, false);
                    }
                }
            }
        }
        let elements: Vec<String> = self.ids.keys().cloned().collect();
        for element in elements {
            let actions = plan.actions().iter().filter(|planned| planned.element == element);
            let changing: Vec<_> =
                actions.filter(|p| p.action != Action::Unchanged || p.moved_from.is_some()).collect();
            let at = self.node(&element);
            self.nodes[at].drift = plan.drift().iter().any(|d| {
                let of = plan.actions().iter().find(|p| p.address == d.address);
                of.is_some_and(|p| p.element == element)
            });
            let Some(first) = changing.first() else { continue };
            let all_same = changing.iter().all(|p| p.action == first.action);
            let own = changing.iter().find(|p| p.address == element && p.action != Action::Update);
            let mark = if all_same { mark_of(first.action) } else { own.map_or(Mark::Update, |p| mark_of(p.action)) };
            let whole = changing.len() == self.nodes[at].resources.len() || own.is_some();
            // Adding a part to an element, or removing one, updates the element.
            self.nodes[at].mark = Some(if whole || mark == Mark::Replace { mark } else { Mark::Update });
        }
    }
}

fn mark_of(action: Action) -> Mark {
    match action {
        Action::Create => Mark::Create,
        Action::Update => Mark::Update,
        Action::Replace => Mark::Replace,
        Action::Delete => Mark::Delete,
        Action::Adopt => Mark::Adopt,
        Action::Unchanged | Action::Forget => Mark::Unchanged,
    }
}

/// Tells whether data flows to a resource of kind `kind` from one of kind `from` that it refers to.
fn fed(kind: &str, from: &str) -> bool {
    match kind {
        "lambda.event_source_mapping" => from != "lambda.function",
        "cloudwatch.metric_alarm" => from != "sns.topic",
        "sqs.queue" => from == "sns.topic",
        _ => false,
    }
}

fn is_person(protocol: &str) -> bool {
    protocol.starts_with("email") || protocol == "sms"
}

fn route(spec: &Value) -> String {
    let text = |key: &str| spec[key].as_str().unwrap_or_default().to_owned();
    format!("{} {}", text("http_method"), text("path"))
}

/// Lists the actions that a role's statements allow on a resource that refers to `address`.
fn granted(spec: &Value, address: &str) -> BTreeSet<String> {
    let listed = |value: &Value| -> Vec<String> {
        match value {
            Value::Array(items) => items.iter().filter_map(|item| item.as_str().map(str::to_owned)).collect(),
            Value::String(text) => vec![text.clone()],
            _ => Vec::new(),
        }
    };
    let mut found = BTreeSet::new();
    for document in spec["inline_policies"].as_object().into_iter().flat_map(|map| map.values()) {
        let parsed = document.as_str().and_then(|text| serde_json::from_str(text).ok());
        let document: &Value = parsed.as_ref().unwrap_or(document);
        for statement in document["Statement"].as_array().into_iter().flatten() {
            let about = format!("${{{address}.");
            if listed(&statement["Resource"]).iter().any(|resource| resource.contains(&about)) {
                found.extend(listed(&statement["Action"]));
            }
        }
    }
    found
}
