//! The edges of a stack: what the kinds say of their resources, with the names that AWS uses.

use std::collections::HashMap;
use std::time::Duration;

use super::View;
use super::filter::{Passing, passing};
use crate::graph::owner::Evidence;
use crate::graph::{Node, resolve};
use crate::kinds::{Destination, Passage, Probe};
use crate::operate::queues::{QueueTarget, Queues};
use crate::operate::{FunctionTarget, functions};

/// An edge, and the way to try it.
#[derive(Debug, Clone, PartialEq)]
pub struct Edge {
    /// The address of the resource that is the edge, or that it begins at.
    pub resource: String,
    /// The address that messages come from.
    pub from: String,
    /// The address that they reach; outside AWS, the endpoint.
    pub to: String,
    pub departure: Departure,
    pub arrival: Arrival,
    /// For how long AWS may hold a message by the stack's own settings.
    pub holds: Duration,
    pub obstacle: Option<Obstacle>,
}

impl Edge {
    /// Tells whether the edge ends outside AWS.
    pub fn is_to_person(&self) -> bool {
        matches!(self.arrival, Arrival::Accepted(_))
    }

    /// Tells whether a word of the user means this edge.
    pub fn is_called(&self, word: &str) -> bool {
        let means =
            |address: &str| address == word || address.strip_prefix(word).is_some_and(|rest| rest.starts_with('.'));
        [&self.resource, &self.from, &self.to].into_iter().any(|address| means(address))
    }
}

/// How a probe leaves. Edges with equal departures share one probe.
#[derive(Debug, Clone, PartialEq)]
pub enum Departure {
    Request {
        method: String,
        path: String,
        url: String,
    },
    Publish {
        topic_arn: String,
        passing: Passing,
    },
    Enqueue {
        queue: QueueTarget,
    },
    Store {
        bucket: String,
        /// The beginning and the end of the object's key.
        prefix: String,
        suffix: String,
    },
    Ring {
        alarm_name: String,
    },
    /// Nothing leaves: settings are compared.
    Settings {
        queue: QueueTarget,
    },
    /// Nothing in the stack can send.
    Nowhere,
}

/// How the arrival of a probe is known.
#[derive(Debug, Clone, PartialEq)]
pub enum Arrival {
    /// By the answer to the request, which the function gives.
    Answer(FunctionTarget),
    /// By the function's log.
    Call {
        function: FunctionTarget,
        /// The log has no line for a call, by the function's settings.
        is_silent: bool,
    },
    /// By the message in the queue, or in the logs of the functions that receive it from there.
    Message { queue: QueueTarget, consumers: Vec<FunctionTarget> },
    /// By the alarm's history, which records the action on this ARN.
    Action(String),
    /// Only by AWS's acceptance: it ends in this place outside.
    Accepted(&'static str),
    /// By the settings of both queues.
    Settings(QueueTarget),
    /// Nothing in this stack.
    Nowhere,
}

/// Why an edge is not tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Obstacle {
    Untried(String),
    /// It cannot deliver.
    Broken {
        why: String,
        help: String,
    },
}

/// Lists the edges of a stack, in the order of its graph.
pub fn edges(view: View<'_>) -> Vec<Edge> {
    let known = &view.seen.known;
    let with_arn = view.graph.nodes().filter_map(|node| Some((known.get(&node.address)?.get("arn")?.as_str(), node)));
    let finder = Finder {
        view,
        functions: functions(view.graph, view.place).0,
        queues: Queues::of(view.graph, view.place),
        by_arn: with_arn.collect(),
    };
    let mut found = Vec::new();
    for node in view.graph.nodes() {
        let spec = node.resolve_spec(known, view.place);
        let Ok(verification) = node.kind.verification(&spec, view.place) else { continue };
        found.extend(verification.passages.iter().map(|passage| finder.edge(node, passage)));
    }
    share(&mut found);
    let consumers: Vec<(String, FunctionTarget)> = found.iter().filter_map(consumer).collect();
    for edge in &mut found {
        if let Arrival::Message { queue, consumers: of_queue } = &mut edge.arrival {
            let own = consumers.iter().filter(|(address, _)| *address == queue.address);
            of_queue.extend(own.map(|(_, function)| function.clone()));
        }
    }
    found
}

/// Lets subscribers without a filter share the message that a filter of the same topic demands: each message that is
/// published reaches them in any case. A body that a filter demands is no letter for people.
fn share(edges: &mut [Edge]) {
    let is_open = |edge: &&Edge| edge.obstacle.is_none();
    let all = edges.iter().filter(is_open).map(|edge| edge.departure.clone());
    let demanded = |departure: &Departure| matches!(departure, Departure::Publish { passing, .. } if !passing.attributes.is_empty());
    let demanded: Vec<Departure> = all.filter(demanded).collect();
    for edge in edges.iter_mut() {
        let Departure::Publish { topic_arn, passing } = &edge.departure else { continue };
        let same = |other: &&Departure| matches!(other, Departure::Publish { topic_arn: of, .. } if of == topic_arn);
        if *passing == Passing::default()
            && let Some(other) = demanded.iter().find(same)
        {
            edge.departure = other.clone();
        }
    }
}

/// Returns the queue's address and the function, if the edge leads messages of a queue to a function.
fn consumer(edge: &Edge) -> Option<(String, FunctionTarget)> {
    match (&edge.departure, &edge.arrival, &edge.obstacle) {
        (_, _, Some(Obstacle::Untried(_))) => None,
        (Departure::Enqueue { queue }, Arrival::Call { function, .. }, _) => {
            Some((queue.address.clone(), function.clone()))
        }
        _ => None,
    }
}

struct Finder<'a> {
    view: View<'a>,
    functions: Vec<FunctionTarget>,
    queues: Queues,
    by_arn: HashMap<&'a str, &'a Node>,
}

impl Finder<'_> {
    fn edge(&self, node: &Node, passage: &Passage) -> Edge {
        let from = passage.from.as_deref().map_or(Some(node), |arn| self.node(arn));
        let to = match &passage.to {
            Destination::Resource(arn) => self.node(arn),
            Destination::Outside { .. } => None,
        };
        let end = match &passage.to {
            Destination::Resource(arn) => to.map_or_else(|| resolve::readable(arn), |to| to.address.clone()),
            Destination::Outside { endpoint, .. } => resolve::readable(endpoint),
        };
        let arrival = self.arrival(passage, to);
        let departure = self.departure(node, &passage.probe);
        let holds_s =
            u64::from(passage.holds_s) + [from, to].into_iter().flatten().map(|n| self.delay_s(n)).sum::<u64>();
        let obstacle = self.obstacle(node, passage, [from, to]).or_else(|| match (&departure, &arrival) {
            (Departure::Nowhere, _) => Some(self.nowhere(&passage.probe)),
            (_, Arrival::Nowhere) => Some(Obstacle::Untried("nothing here shows what arrives there".to_owned())),
            _ => None,
        });
        Edge {
            resource: node.address.clone(),
            from: from.map_or_else(|| resolve::readable(passage.from.as_deref().unwrap_or_default()), sender),
            to: end,
            departure,
            arrival,
            holds: Duration::from_secs(holds_s),
            obstacle,
        }
    }

    /// Finds the resource with this ARN. The ARN of a function may end in an alias.
    fn node(&self, arn: &str) -> Option<&Node> {
        let whole = self.by_arn.get(arn);
        whole.or_else(|| self.by_arn.get(arn.rsplit_once(':')?.0)).copied()
    }

    fn queue(&self, address: &str) -> Option<&QueueTarget> {
        self.queues.0.iter().find(|queue| queue.address == address)
    }

    fn delay_s(&self, node: &Node) -> u64 {
        let delay = || resolve::value(&node.spec, &self.view.seen.known, self.view.place)["delay_seconds"].as_u64();
        self.queue(&node.address).and_then(|_| delay()).unwrap_or(0)
    }

    fn departure(&self, node: &Node, probe: &Probe) -> Departure {
        let by_arn = |arn: &str| self.node(arn).and_then(|node| self.queue(&node.address)).cloned();
        let found = match probe {
            Probe::Request { parent, method, path } => {
                self.url(node, parent).map(|url| Departure::Request { method: method.clone(), path: path.clone(), url })
            }
            Probe::Publish { topic_arn, filter } => {
                passing(filter.as_ref()).map(|passing| Departure::Publish { topic_arn: topic_arn.clone(), passing })
            }
            Probe::Enqueue { queue_arn } => by_arn(queue_arn).map(|queue| Departure::Enqueue { queue }),
            Probe::Store { bucket, prefix, suffix } => {
                Some(Departure::Store { bucket: bucket.clone(), prefix: prefix.clone(), suffix: suffix.clone() })
            }
            Probe::Ring { alarm_name } => Some(Departure::Ring { alarm_name: alarm_name.clone() }),
            Probe::Redrive { queue_arn } => by_arn(queue_arn).map(|queue| Departure::Settings { queue }),
        };
        found.unwrap_or(Departure::Nowhere)
    }

    fn nowhere(&self, probe: &Probe) -> Obstacle {
        match probe {
            Probe::Request { .. } => broken("no stage serves it".to_owned()),
            Probe::Publish { .. } => {
                Obstacle::Untried("its filter policy is too hard to make a message for".to_owned())
            }
            _ => Obstacle::Untried("its queue is not in this stack".to_owned()),
        }
    }

    /// Finds the URL of the sibling that serves a part of `parent`.
    fn url(&self, node: &Node, parent: &str) -> Option<String> {
        let of = node.kind.about().part_of();
        let serves = |sibling: &&Node| {
            let live = self.view.seen.live.get(&sibling.address);
            let about = sibling.kind.about();
            about.part_of() == of && live.is_some_and(|live| about.parent_in(&live.spec) == Some(parent))
        };
        let url = |sibling: &Node| self.view.seen.live.get(&sibling.address)?.outputs.get("url").cloned();
        self.view.graph.nodes().filter(serves).find_map(url)
    }

    fn arrival(&self, passage: &Passage, to: Option<&Node>) -> Arrival {
        let function = || self.functions.iter().find(|f| to.is_some_and(|to| to.element == f.element)).cloned();
        let queue = || self.queue(&to?.address).cloned();
        let found = match (&passage.probe, &passage.to) {
            (_, Destination::Outside { place, .. }) => Some(Arrival::Accepted(place)),
            (Probe::Ring { .. }, Destination::Resource(arn)) => Some(Arrival::Action(arn.clone())),
            (Probe::Request { .. }, _) => function().map(Arrival::Answer),
            (Probe::Redrive { .. }, _) => queue().map(Arrival::Settings),
            _ => queue().map(|queue| Arrival::Message { queue, consumers: Vec::new() }).or_else(|| {
                let is_silent = to.is_some_and(|to| to.spec["logging_config"]["system_log_level"] == "WARN");
                function().map(|function| Arrival::Call { function, is_silent })
            }),
        };
        found.unwrap_or(Arrival::Nowhere)
    }

    fn obstacle(&self, node: &Node, passage: &Passage, ends: [Option<&Node>; 2]) -> Option<Obstacle> {
        let all = || std::iter::once(node).chain(ends.into_iter().flatten());
        if let Some(others) = all().find(|node| node.external) {
            return Some(Obstacle::Untried(format!("{} belongs to others", others.address)));
        }
        let live = |node: &Node| self.view.seen.live.get(&node.address);
        if let Some(absent) = all().find(|node| live(node).is_none()) {
            return Some(broken(format!("{} does not exist in AWS", absent.address)));
        }
        if let Some((node, foreign)) = all().find_map(|node| Some((node, self.foreign(node)?))) {
            return Some(broken(format!("{} {foreign}", node.address)));
        }
        if let (Destination::Outside { .. }, Some(note)) = (&passage.to, live(node).and_then(|live| live.notes.first()))
        {
            return Some(Obstacle::Broken { why: note.clone(), help: "do that, then verify again".to_owned() });
        }
        if let Some(why) = &passage.closed {
            return Some(Obstacle::Untried(why.clone()));
        }
        let to = match &passage.to {
            Destination::Resource(arn) => Some(arn),
            Destination::Outside { .. } => None,
        };
        let outside = passage.from.iter().chain(to).find(|arn| self.node(arn).is_none())?;
        Some(Obstacle::Untried(format!("{} is not in this stack", resolve::readable(outside))))
    }

    /// Returns the reason why a live resource is not this stack's.
    fn foreign(&self, node: &Node) -> Option<String> {
        let View { graph, seen, place, stack } = self.view;
        let evidence =
            Evidence { stated: true, recorded: seen.prior.resources.contains_key(&node.address), leaves: false };
        let owner = seen.owners(graph, stack, place).of(node.kind, seen.live.get(&node.address)?, evidence);
        owner.foreign().map(|foreign| foreign.to_string())
    }
}

/// Returns the address to show for a sender. A part such as a route is shown as its element.
fn sender(node: &Node) -> String {
    if node.kind.about().part_of().is_some() { node.element.clone() } else { node.address.clone() }
}

fn broken(why: String) -> Obstacle {
    Obstacle::Broken { why, help: "`deployer plan` shows the difference, `deployer apply` repairs it".to_owned() }
}

/// Returns an edge without obstacle.
#[cfg(test)]
pub(super) fn test_edge(departure: Departure, arrival: Arrival, [from, to]: [&str; 2]) -> Edge {
    Edge {
        resource: from.to_owned(),
        from: from.to_owned(),
        to: to.to_owned(),
        departure,
        arrival,
        holds: Duration::ZERO,
        obstacle: None,
    }
}
