//! Checks the resources' names in AWS: their length, and whether two resources share one.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde_json::Value;

use super::resolve;
use super::{Graph, Node, TextLocator, missing};
use crate::aws::Place;
use crate::spec::document::Document;
use crate::spec::finding::{At, Findings};

/// A resource's name that is known without AWS.
struct Name<'g> {
    node: &'g Node,
    text: String,
    longest: usize,
}

/// Reports names that are too long. The schema checks literal names; this checks names that derive from the stack's
/// name, another name or a reference.
pub fn check(graph: &Graph, document: &Document, findings: &mut Findings) {
    let names = names(graph, document.region());
    let mut own: BTreeMap<&str, usize> = BTreeMap::new();
    for name in names.iter().filter(|name| name.node.address == name.node.element) {
        own.insert(&name.node.element, name.length());
    }
    let mut said = BTreeSet::new();
    // Elements come before their parts: if the element's own name is too long, its parts' names are no news.
    let (elements, parts): (Vec<&Name>, Vec<&Name>) =
        names.iter().partition(|name| name.node.address == name.node.element);
    for name in elements.into_iter().chain(parts).filter(|name| name.length() > name.longest && !name.node.external) {
        let element = name.node.element.as_str();
        if !said.insert(element) {
            continue;
        }
        // The name of every part contains the element's name, with something added.
        let room = |part: &Name| (part.longest + own.get(element)?).checked_sub(part.length());
        let room = names.iter().filter(|part| part.node.element == element).filter_map(room).min();
        let stated = document.locate(element).then("name");
        let at = if document.states(&stated) { At::Value } else { At::Key };
        let path = if at == At::Value { stated } else { document.locate(element) };
        let Name { node, text, longest } = name;
        let message = format!(
            "`{}` would be called {text:?}: that has {} characters, and AWS takes {longest} at most",
            node.address,
            name.length()
        );
        findings
            .error("stack::long-name", path, message)
            .help(format!("give `{element}` a `name:` of at most {} characters", room.unwrap_or(*longest)))
            .at = at;
    }
}

impl Name<'_> {
    fn length(&self) -> usize {
        self.text.chars().count()
    }
}

/// Computes the names that are known before any resource exists.
fn names<'g>(graph: &'g Graph, region: &str) -> Vec<Name<'g>> {
    // Every account number has 12 digits.
    let partition = Place::partition_of(region).to_owned();
    let place = Place { account: "0".repeat(12), region: region.to_owned(), partition, ..resolve::nowhere() };
    let named = |node: &'g Node| {
        let named = node.kind.about().named?;
        Some((node, node.spec.get(named.property)?, named.longest))
    };
    let known = graph.predict_outputs(&place);
    let mut names = Vec::new();
    for (node, name, longest) in graph.nodes().filter_map(named) {
        let name = resolve::value(name, &known, &place);
        if let (Value::String(text), false) = (&name, resolve::is_unknown(&name)) {
            names.push(Name { node, text: text.clone(), longest });
        }
    }
    names
}

/// Reports two resources of one kind with the same identity: they would fight over one AWS resource.
pub(super) fn used_twice(nodes: &BTreeMap<String, Node>, names: &dyn TextLocator, findings: &mut Findings) {
    let mut first: HashMap<(&str, String), &Node> = HashMap::new();
    let mut said: BTreeSet<(&str, &str)> = BTreeSet::new();
    // Elements come before their parts: two functions with the same name also share the names of their roles and log
    // groups.
    let elements = nodes.values().filter(|node| node.address == node.element);
    for node in elements.chain(nodes.values().filter(|node| node.address != node.element)) {
        let (kind, name) = (node.kind.name(), node.kind.identify(&node.spec));
        let Some(other) = first.insert((kind, key(node, &name)), node) else { continue };
        if !said.insert((&other.element, &node.element)) {
            continue;
        }
        // The section's own check knows more about two parts of one element.
        let is_known = other.element == node.element
            && missing::has_error_inside(&names.place_of(&node.element, &node.element), findings);
        if is_known {
            continue;
        }
        let others = other.kind.identify(&other.spec);
        let own = names.place_of(&other.element, &others);
        let mut path = names.place_of(&node.element, &name);
        if path.0.len() == 2 && own.0.len() > 2 {
            // A literal name is easier to change than a derived one.
            path = own;
        } else if path.0.len() == 2 {
            // An element without `name` is named by its key.
            path = path.then("name");
        }
        let (one, two) = (&other.address, &node.address);
        let message = if name == others {
            format!("`{one}` and `{two}` are both the {kind} {name:?}")
        } else {
            format!("`{one}` and `{two}` are both the {kind} {name:?}: AWS does not tell {others:?} from it")
        };
        findings.error("stack::duplicate-name", path, message).help("give one of them another name");
    }
}

/// Returns the form in which AWS compares the names of a kind. Element names in references keep their case.
fn key(node: &Node, name: &str) -> String {
    let caseless = node.kind.about().named.is_some_and(|named| named.caseless);
    if caseless && !name.contains("${") { name.to_lowercase() } else { name.to_owned() }
}
