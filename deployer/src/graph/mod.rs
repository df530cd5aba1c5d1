//! The resources of a stack and their dependencies.
//!
//! Built from the lowered document alone: finds references, follows aliases, and reports cycles and unknown names.
//! [`resolve`] later replaces the references by values.

mod build;
mod circle;
mod constraints;
pub mod limits;
mod missing;
pub mod models;
pub mod names;
pub mod own;
pub mod owner;
pub mod resolve;
pub mod secret;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use self::resolve::KnownOutputs;
use crate::aws::Place;
use crate::kinds::AnyKind;
use crate::spec::sections::LoweredCode;
use crate::spec::template::{self, Ref, TextPart};

pub use build::TextLocator;

/// One primitive resource and its dependencies.
#[derive(Clone)]
pub struct Node {
    pub address: String,
    /// The element in `stack.yaml` that it was lowered from.
    pub element: String,
    pub kind: &'static dyn AnyKind,
    /// The properties, with references as `${ADDRESS.output}`.
    pub spec: Value,
    /// The addresses that it refers to or depends on.
    pub dependencies: BTreeSet<String>,
    /// The dependencies that `depends_on` names. These must be finished, whatever the resource refers to.
    pub depends_on: BTreeSet<String>,
    /// The dependencies of which the resource needs only the name or the ARN, which is known before they exist.
    pub by_name: BTreeSet<String>,
    /// The dependencies that occur only in texts that AWS does not look into. In a circle they need not be waited for.
    pub loose: BTreeSet<String>,
    pub protect: bool,
    pub retain: bool,
    /// Whether the resource is only read: never created, changed or deleted.
    pub external: bool,
    pub code: Option<LoweredCode>,
    /// The size of the packaged artifact, once it is packaged.
    pub artifact_bytes: Option<u64>,
}

impl Node {
    /// Returns the spec with every known value filled in, including the resource's own outputs if they can be computed.
    pub fn resolve_spec(&self, known: &KnownOutputs, place: &Place) -> Value {
        own::fill_own_outputs(self.kind, &self.address, resolve::value(&self.spec, known, place), place)
    }
}

/// Tells whether every identity property is known.
pub fn identity_known(kind: &dyn AnyKind, spec: &Value) -> bool {
    kind.identity().iter().all(|property| spec.get(property).is_none_or(|value| !resolve::is_unknown(value)))
}

/// Computes every output that does not need AWS. Repeats until nothing new is found: a value may depend on a later
/// node.
fn predict_outputs<'n, N: Iterator<Item = &'n Node>>(nodes: impl Fn() -> N, place: &Place) -> KnownOutputs {
    let mut known = KnownOutputs::new();
    loop {
        let before = known.len();
        for node in nodes().filter(|node| !(before > 0 && known.contains_key(&node.address))).collect::<Vec<_>>() {
            let spec = resolve::value(&node.spec, &known, place);
            if identity_known(node.kind, &spec)
                && let Ok(outputs) = node.kind.predict(&spec, place)
            {
                known.insert(node.address.clone(), outputs);
            }
        }
        if known.len() == before {
            return known;
        }
    }
}

/// All resources of a stack, dependencies before dependents.
#[derive(Clone)]
pub struct Graph {
    nodes: BTreeMap<String, Node>,
    order: Vec<String>,
    /// The stack's outputs, with references.
    outputs: BTreeMap<String, String>,
    /// The resource outputs that the elements' outputs stand for.
    aliases: BTreeMap<(String, String), (String, String)>,
    /// The elements that are not in this environment, each with the property that leaves it out.
    left_out: BTreeMap<String, String>,
}

impl Graph {
    /// Records the elements that are not in this environment, each with the property that leaves it out.
    pub fn set_left_out(&mut self, left_out: BTreeMap<String, String>) {
        self.left_out = left_out;
    }

    /// Returns the property that leaves an element out of this environment.
    pub fn left_out(&self, element: &str) -> Option<&str> {
        self.left_out.get(element).map(String::as_str)
    }

    pub fn node(&self, address: &str) -> Option<&Node> {
        self.nodes.get(address)
    }

    /// Iterates over the nodes, dependencies before dependents. Ties are ordered by address, so the order is stable.
    pub fn nodes(&self) -> impl DoubleEndedIterator<Item = &Node> {
        self.order.iter().filter_map(|address| self.nodes.get(address))
    }

    pub fn outputs(&self) -> &BTreeMap<String, String> {
        &self.outputs
    }

    /// Fills known values into a text of an element. Returns `None` if one is unknown.
    pub fn fill_text(&self, text: &str, known: &KnownOutputs, place: &Place) -> Option<String> {
        let value = |part: &TextPart| {
            let TextPart::Ref(Ref { address, output }) = part else { return resolve::of_place(part, place) };
            let key = (address.clone(), output.clone());
            let (address, output) = self.aliases.get(&key).unwrap_or(&key);
            known.get(address)?.get(output).filter(|text| !resolve::is_unknown(&text.as_str().into())).cloned()
        };
        template::fill(text, value).ok().flatten()
    }

    /// Computes every output that does not need AWS.
    pub fn predict_outputs(&self, place: &Place) -> KnownOutputs {
        predict_outputs(|| self.nodes(), place)
    }

    /// Sets the artifact of a resource that was packaged, by its digest.
    pub fn set_artifact(&mut self, address: &str, digest: &str, size_bytes: Option<u64>) {
        if let Some(node) = self.nodes.get_mut(address)
            && let Some(artifact) = node.kind.artifact()
        {
            node.spec[artifact.name] = artifact.value(digest);
            node.artifact_bytes = size_bytes;
        }
    }

    /// Sets the artifact of a resource that was not packaged to that of its last apply.
    pub fn keep_artifact(&mut self, address: &str, inputs: &Value) {
        if let Some(node) = self.nodes.get_mut(address)
            && let Some(artifact) = node.kind.artifact()
            && let Some(value) = inputs.get(artifact.name)
        {
            node.spec[artifact.name] = value.clone();
        }
    }

    /// Lists everything that depends on `address`, directly or indirectly.
    pub fn dependents(&self, address: &str) -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        for node in self.nodes() {
            if node.dependencies.iter().any(|d| d == address || found.contains(d)) {
                found.insert(node.address.clone());
            }
        }
        found
    }

    /// Lists everything that `address` depends on, directly or indirectly.
    pub fn ancestors(&self, address: &str) -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        let mut next = vec![address.to_owned()];
        while let Some(address) = next.pop() {
            for dependency in self.node(&address).into_iter().flat_map(|n| &n.dependencies) {
                if found.insert(dependency.clone()) {
                    next.push(dependency.clone());
                }
            }
        }
        found
    }
}
