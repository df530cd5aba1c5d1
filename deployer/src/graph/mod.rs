//! The resources of a stack and what each waits for.
//!
//! Built from the lowered document alone: references are found, aliases followed, cycles and
//! unknown names reported. [`resolve`] later puts values in their place.

mod build;
mod circle;
pub mod limits;
pub mod models;
pub mod names;
pub mod own;
pub mod resolve;
pub mod secret;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use self::resolve::Known;
use crate::aws::Place;
use crate::kinds::AnyKind;
use crate::spec::sections::Code;
use crate::spec::template::{self, Part, Ref};

pub use build::{Named, identity};

/// One primitive resource and its place among the others.
pub struct Node {
    pub address: String,
    /// The element that the user wrote.
    pub element: String,
    pub kind: &'static dyn AnyKind,
    /// With references as `${ADDRESS.output}`.
    pub spec: Value,
    /// Addresses that it refers to or waits for.
    pub dependencies: BTreeSet<String>,
    /// Those of them that `depends_on` names: they are to be done, whatever it refers to.
    pub depends_on: BTreeSet<String>,
    /// Those of them of which it takes names and ARNs alone, before they exist.
    pub by_name: BTreeSet<String>,
    /// Those of them that stand in texts alone, which AWS does not look into: in a circle nobody has to wait for them.
    pub loose: BTreeSet<String>,
    pub protect: bool,
    pub retain: bool,
    /// Only read: never created, changed or deleted.
    pub external: bool,
    pub code: Option<Code>,
}

impl Node {
    /// The spec with everything put in that is known, and with its own outputs as far as they follow from it.
    pub fn resolved(&self, known: &Known, place: &Place) -> Value {
        own::filled(self.kind, &self.address, resolve::value(&self.spec, known, place), place)
    }
}

/// Tells whether everything that says which AWS resource is meant is known.
pub fn identity_known(kind: &dyn AnyKind, spec: &Value) -> bool {
    kind.identity().iter().all(|property| spec.get(property).is_none_or(|value| !resolve::is_unknown(value)))
}

/// Computes every output that needs no AWS, in as many rounds as values need each other against the order.
fn predicted<'n, N: Iterator<Item = &'n Node>>(nodes: impl Fn() -> N, place: &Place) -> Known {
    let mut known = Known::new();
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

/// All resources of a stack, in an order in which each comes after what it waits for.
pub struct Graph {
    nodes: BTreeMap<String, Node>,
    order: Vec<String>,
    /// The stack's outputs, with references.
    outputs: BTreeMap<String, String>,
    /// What the outputs of elements stand for.
    aliases: BTreeMap<(String, String), (String, String)>,
}

impl Graph {
    pub fn node(&self, address: &str) -> Option<&Node> {
        self.nodes.get(address)
    }

    /// Visits dependencies before dependents; ties by address, so that the order is always the same.
    pub fn nodes(&self) -> impl DoubleEndedIterator<Item = &Node> {
        self.order.iter().filter_map(|address| self.nodes.get(address))
    }

    pub fn outputs(&self) -> &BTreeMap<String, String> {
        &self.outputs
    }

    /// Puts what is known into a text of an element; `None` where something is not known yet.
    pub fn filled(&self, text: &str, known: &Known, place: &Place) -> Option<String> {
        let value = |part: &Part| {
            let Part::Ref(Ref { address, output }) = part else { return resolve::of_place(part, place) };
            let key = (address.clone(), output.clone());
            let (address, output) = self.aliases.get(&key).unwrap_or(&key);
            known.get(address)?.get(output).filter(|text| !resolve::is_unknown(&text.as_str().into())).cloned()
        };
        template::fill(text, value).ok().flatten()
    }

    /// Computes every output that needs no AWS.
    pub fn predicted(&self, place: &Place) -> Known {
        predicted(|| self.nodes(), place)
    }

    /// Fills in a function's packaged code.
    pub fn set_code(&mut self, address: &str, code: Value) {
        if let Some(node) = self.nodes.get_mut(address) {
            node.spec["code"] = code;
        }
    }

    /// Everything that waits for `address`, directly or through others.
    pub fn dependents(&self, address: &str) -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        for node in self.nodes() {
            if node.dependencies.iter().any(|d| d == address || found.contains(d)) {
                found.insert(node.address.clone());
            }
        }
        found
    }

    /// Everything that `address` waits for, directly or through others.
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
