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

use super::plan::sign;
use crate::graph::{self, Graph};
use crate::plan::{Action, Plan};
use crate::spec::secrets::Secrets;
use crate::spec::sections;
use crate::spec::sections::about::{Draw, Shape};

pub use html::{Page, html};
pub use svg::svg;
pub use text::{dot, mermaid};

/// The content of a picture.
#[derive(Debug, Default)]
pub struct Picture {
    pub stack: String,
    pub nodes: Vec<PictureNode>,
    pub edges: Vec<Edge>,
}

/// An element of `stack.yaml`, or a person.
#[derive(Debug)]
pub struct PictureNode {
    /// `functions.draw`, `person.ops@example.com`.
    pub id: String,
    /// `functions`, `person`.
    pub section: String,
    pub name: String,
    /// Whether the element is only referred to: never created, changed or deleted.
    pub external: bool,
    pub resources: Vec<PictureResource>,
    /// The plan's effect on the element; `None` without a plan.
    pub mark: Option<Mark>,
    /// Whether somebody changed it outside the deployer.
    pub drift: bool,
}

/// A primitive resource of an element.
#[derive(Debug)]
pub struct PictureResource {
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

/// The section of nodes that stand for people, who are no elements.
const PERSON: &str = "person";

/// Returns the word for one element of a section. A section of an older version, which only the state has, keeps its
/// name.
pub(super) fn singular(section: &str) -> &str {
    sections::find(section).map_or(section, |section| section.about().singular)
}

/// Returns the outline of a section's elements.
fn shape(section: &str) -> Shape {
    match sections::find(section) {
        Some(section) => section.about().picture.shape,
        None if section == PERSON => Shape::Circle,
        None => Shape::Rectangle,
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
    nodes: Vec<PictureNode>,
    edges: BTreeMap<(usize, usize), (BTreeSet<String>, bool)>,
}

impl Drawing<'_> {
    fn node(&mut self, id: &str) -> usize {
        if let Some(index) = self.ids.get(id) {
            return *index;
        }
        let (section, name) = id.split_once('.').unwrap_or(("", id));
        self.ids.insert(id.to_owned(), self.nodes.len());
        self.nodes.push(PictureNode {
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
        self.nodes[at].resources.push(PictureResource { address, kind: node.kind.name(), sign: "" });
    }

    fn edge(&mut self, from: usize, to: usize, label: &str, dashed: bool) {
        if from != to {
            let entry = self.edges.entry((from, to)).or_insert_with(|| (BTreeSet::new(), dashed));
            if !label.is_empty() {
                entry.0.insert(label.to_owned());
            }
            entry.1 &= dashed;
        }
    }

    /// Draws the edges of a resource to other elements, in the direction in which data flows.
    fn uses(&mut self, node: &graph::Node) {
        for dependency in &node.dependencies {
            if let Some(target) = self.graph.node(dependency) {
                self.arrow(node, target, draw(&node.element, node.kind.name(), target.kind.name()));
            }
        }
        let own = self.node(&node.element);
        let section = sections::find(&node.element);
        if let Some(outsider) = section.and_then(|section| section.outsider(node.kind.name(), &node.spec)) {
            let person = self.node(&format!("{PERSON}.{}", outsider.name));
            let (from, to) = if outsider.sends { (person, own) } else { (own, person) };
            self.edge(from, to, outsider.label, false);
        }
    }

    fn arrow(&mut self, node: &graph::Node, target: &graph::Node, draw: Draw) {
        let (own, other) = (self.node(&node.element), self.node(&target.element));
        match draw {
            Draw::Nothing => {}
            Draw::To(label) => self.edge(own, other, label, false),
            Draw::From(label) => self.edge(other, own, label, false),
            Draw::Uses(label) => self.edge(own, other, label, true),
            Draw::Watches(label) => self.edge(other, own, label, true),
            Draw::Each(labels) => {
                for label in labels(&node.spec, &target.address) {
                    self.edge(own, other, &label, false);
                }
            }
            Draw::ByUse(draws) => {
                for draw in draws(&node.spec, &target.address) {
                    self.arrow(node, target, draw);
                }
            }
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
                None => self.nodes[at].resources.push(PictureResource {
                    address,
                    kind: planned.kind.name(),
                    sign: sign(planned),
                }),
            }
        }
        // Resources that exist only in the state are connected, too.
        for planned in plan.actions().iter().filter(|p| self.graph.node(&p.address).is_none()) {
            let own = self.node(&planned.element);
            for dependency in &planned.prior_dependencies {
                let kept = self.graph.node(dependency).map(|node| (node.element.clone(), node.kind.name()));
                let gone = plan.actions().iter().find(|p| p.address == *dependency);
                if let Some((element, kind)) = kept.or_else(|| gone.map(|p| (p.element.clone(), p.kind.name()))) {
                    let other = self.node(&element);
                    let backward = draw(&planned.element, planned.kind.name(), kind).is_backward();
                    let (from, to) = if backward { (other, own) } else { (own, other) };
                    if !self.edges.contains_key(&(to, from)) {
                        self.edge(from, to, "", false);
                    }
                }
            }
        }
        let elements: Vec<String> = self.ids.keys().cloned().collect();
        for element in elements {
            let actions = plan.actions().iter().filter(|planned| planned.element == element);
            let changing: Vec<_> = actions.filter(|planned| planned.has_changes()).collect();
            let at = self.node(&element);
            self.nodes[at].drift = plan.drift().iter().any(|d| {
                let of = plan.actions().iter().find(|p| p.address == d.address);
                of.is_some_and(|p| p.element == element)
            });
            let Some(first) = changing.first() else { continue };
            let all_same = changing.iter().all(|p| p.action() == first.action());
            let own = changing.iter().find(|p| p.address == element && p.action() != Action::Update);
            let mark =
                if all_same { mark_of(first.action()) } else { own.map_or(Mark::Update, |p| mark_of(p.action())) };
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

/// Returns how to draw a reference from a resource of an element to a resource of kind `to`.
fn draw(element: &str, from: &str, to: &str) -> Draw {
    let arrows = sections::find(element).map_or(&[][..], |section| section.about().picture.arrows);
    let known = arrows.iter().find(|arrow| arrow.from == from && arrow.to.is_none_or(|known| known == to));
    known.map_or(Draw::To(""), |arrow| arrow.draw)
}
