//! Builds the graph from lowered resources: resolves references and aliases, reports cycles and duplicate names.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde_json::Value;

use super::missing::{self, MissingReference};
use super::own::{Why, endless};
use super::{Graph, Node, circle, names};
use crate::kinds::{self, AnyKind};
use crate::spec::finding::{DocPath, Findings};
use crate::spec::nearest::{nearest, quoted};
use crate::spec::sections::about::{self, PartPlace};
use crate::spec::sections::{self, LoweredStack, Resource};
use crate::spec::template::{self, Ref, TextPart};

type Aliases = BTreeMap<(String, String), (String, String)>;

/// Locates texts in `stack.yaml` for findings.
pub trait TextLocator {
    /// Returns the place where the element (`functions.image-worker`) or output writes `reference`.
    fn place_of(&self, element: &str, reference: &str) -> DocPath;

    /// Tells whether `stack.yaml` has the element of an address. The element may have too many errors to be lowered.
    fn has_element(&self, address: &str) -> bool;

    /// Returns the property that leaves the element of an address out of this environment.
    fn left_out(&self, address: &str) -> Option<&str>;
}

impl Graph {
    /// Builds the graph. Reports every unknown reference, cycle and duplicate name.
    pub fn of(
        lowered: LoweredStack,
        outputs: BTreeMap<String, String>,
        names: &dyn TextLocator,
        findings: &mut Findings,
    ) -> Self {
        let LoweredStack { resources, aliases, .. } = lowered;
        let known: HashMap<String, &'static [&'static str]> =
            resources.iter().map(|r| (r.address.clone(), kinds::find_registered(r.kind).outputs())).collect();
        let mut parts: HashMap<String, Vec<String>> = HashMap::new();
        for resource in &resources {
            parts.entry(resource.element.clone()).or_default().push(resource.address.clone());
        }
        let missing = Vec::new();
        let mut checker =
            ReferenceChecker { aliases: &aliases, known: &known, parts: &parts, names, missing, findings };
        let mut nodes: BTreeMap<String, Node> = resources
            .into_iter()
            .map(|resource| checker.node(resource))
            .map(|node| (node.address.clone(), node))
            .collect();
        let outputs = outputs
            .into_iter()
            .map(|(name, text)| {
                let (text, _) = checker.text(&text, &format!("outputs.{name}"));
                (name, text)
            })
            .collect();
        missing::report(checker.missing, findings);
        names::used_twice(&nodes, names, findings);
        let order = circle::order(&mut nodes, names, findings);
        Self { nodes, order, outputs, aliases, left_out: BTreeMap::new() }
    }
}

struct ReferenceChecker<'a> {
    aliases: &'a Aliases,
    known: &'a HashMap<String, &'static [&'static str]>,
    /// For each element, the addresses of its resources.
    parts: &'a HashMap<String, Vec<String>>,
    names: &'a dyn TextLocator,
    missing: Vec<MissingReference>,
    findings: &'a mut Findings,
}

impl ReferenceChecker<'_> {
    fn node(&mut self, resource: Resource) -> Node {
        let kind = kinds::find_registered(resource.kind);
        let references = kind.about().references;
        let (mut dependencies, mut named, mut loose) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
        let spec = match resource.spec {
            Value::Object(properties) => properties
                .into_iter()
                .map(|(name, value)| {
                    let found = if references.by_name.contains(&name.as_str()) {
                        &mut named
                    } else if references.loose.contains(&name.as_str()) {
                        &mut loose
                    } else {
                        &mut dependencies
                    };
                    let value = self.value(value, &resource.element, found);
                    (name, value)
                })
                .collect(),
            other => self.value(other, &resource.element, &mut dependencies),
        };
        let mut depends_on = BTreeSet::new();
        for name in resource.depends_on {
            match self.parts.get(&name).filter(|_| name != resource.element) {
                Some(parts) => depends_on.extend(parts.iter().cloned()),
                None if name == resource.element => self.own_end(&name),
                None if self.known.contains_key(&name) => {
                    depends_on.insert(name);
                }
                None => self.unknown_element(&name, &resource.element),
            }
        }
        dependencies.extend(depends_on.iter().cloned());
        let is_role = |address: &String| self.known.get(address).is_some_and(|outputs| outputs.contains(&"unique_id"));
        let held: BTreeSet<String> = loose.iter().filter(|address| is_role(address)).cloned().collect();
        let strict: BTreeSet<String> = dependencies.union(&held).cloned().collect();
        dependencies.extend(loose.iter().cloned());
        let by_name = named.difference(&dependencies).cloned().collect();
        let loose = loose.union(&named).filter(|address| !strict.contains(*address)).cloned().collect();
        dependencies.extend(named);
        if dependencies.remove(&resource.address) {
            self.own_values(kind, &resource.address, &resource.element, &spec);
        }
        Node {
            address: resource.address,
            element: resource.element,
            kind,
            spec,
            dependencies,
            depends_on,
            by_name,
            loose,
            protect: resource.protect,
            retain: resource.retain,
            external: resource.external,
            code: resource.code,
            artifact_bytes: None,
        }
    }

    fn value(&mut self, value: Value, element: &str, dependencies: &mut BTreeSet<String>) -> Value {
        match value {
            Value::String(text) if text.contains("${") => {
                let (text, refs) = self.text(&text, element);
                dependencies.extend(refs);
                Value::String(text)
            }
            Value::Array(items) => items.into_iter().map(|item| self.value(item, element, dependencies)).collect(),
            Value::Object(map) => {
                map.into_iter().map(|(key, item)| (key, self.value(item, element, dependencies))).collect()
            }
            _ => value,
        }
    }

    /// Replaces aliases in one text. Returns the text and the addresses that it refers to.
    fn text(&mut self, text: &str, element: &str) -> (String, Vec<String>) {
        let Ok(parts) = template::parse(text) else { return (text.to_owned(), Vec::new()) };
        let mut addresses = Vec::new();
        let parts: Vec<TextPart> = parts
            .into_iter()
            .map(|part| match part {
                TextPart::Ref(reference) => {
                    let reference = self.follow(reference, element);
                    addresses.push(reference.address.clone());
                    TextPart::Ref(reference)
                }
                part => part,
            })
            .collect();
        (template::write(&parts).unwrap_or_else(|_| text.to_owned()), addresses)
    }

    fn follow(&mut self, reference: Ref, element: &str) -> Ref {
        let key = (reference.address, reference.output);
        let (address, output) = self.aliases.get(&key).cloned().unwrap_or(key);
        match self.known.get(&address) {
            None => self.unknown_element(&address, element),
            Some(outputs) if !outputs.contains(&output.as_str()) => {
                let mut choice: BTreeSet<&str> = outputs.iter().copied().collect();
                choice.extend(self.aliases.keys().filter(|(of, _)| *of == address).map(|(_, output)| output.as_str()));
                let help = match nearest(&output, choice.iter().copied()) {
                    _ if self.known.contains_key(&format!("{address}.{output}")) => {
                        format!(
                            "it is a part of `{address}`: write `${{{address}.{output}.arn}}` or another output of it"
                        )
                    }
                    Some(meant) => format!("did you mean `${{{address}.{meant}}}`?"),
                    None => format!("it has {}", quoted(choice)),
                };
                let path = self.names.place_of(element, &format!("{address}.{output}"));
                self.findings
                    .error("stack::unknown-output", path, format!("`{address}` has no output `{output}`"))
                    .help(help);
            }
            Some(_) => {}
        }
        Ref { address, output }
    }

    fn unknown_element(&mut self, address: &str, element: &str) {
        if self.is_broken(address) {
            return;
        }
        if let Some(property) = self.names.left_out(address) {
            let path = self.names.place_of(element, address);
            let message = format!("`{address}` is left out here: it has {property}");
            self.findings
                .error("stack::left-out", path, message)
                .help("give this element the same property, or leave the other one in");
            return;
        }
        let bare =
            || self.known.keys().filter(|known| known.split_once('.').is_some_and(|(_, name)| name == address)).min();
        let path = self.names.place_of(element, address);
        if let Some((owner, part)) = self.missing_part(address) {
            let message = format!("`{owner}` has no `{}`, which comes with `{}`", part.name, part.property);
            let help = format!("add `{}` to `{owner}`, or remove the reference", part.property);
            self.missing.push(MissingReference { address: address.to_owned(), path, message, help });
            return;
        }
        let meant = nearest(address, self.known.keys().map(String::as_str)).or_else(|| bare().map(String::as_str));
        let help = match meant {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => self.elements_like(address),
        };
        let message = format!("this stack has no `{address}`");
        self.missing.push(MissingReference { address: address.to_owned(), path, message, help });
    }

    /// Names the elements of the section of an address.
    fn elements_like(&self, address: &str) -> String {
        let Some((section, _)) = address.split_once('.').filter(|(section, _)| sections::find(section).is_some())
        else {
            return "refer to an element of stack.yaml as `section.name`".to_owned();
        };
        let elements = self.known.keys().filter_map(|known| known.strip_prefix(section)?.strip_prefix('.'));
        let elements: BTreeSet<&str> = elements.filter(|name| !name.contains('.')).collect();
        match elements.is_empty() {
            true => format!("add it under `{section}:`"),
            false => format!("`{section}` has {}", quoted(elements)),
        }
    }

    /// Returns the element and the part of an address, if the element exists and the part comes with a property that it
    /// does not have.
    fn missing_part<'t>(&self, address: &'t str) -> Option<(&'t str, &'static about::Part)> {
        let (owner, name) = address.rsplit_once('.')?;
        let parts = sections::find(owner)?.about().refusals.parts;
        let part = parts.iter().find(|part| part.name == name && part.place == PartPlace::Inside)?;
        self.known.contains_key(owner).then_some((owner, part))
    }

    /// Reports a resource's references to its own outputs that can never be resolved.
    fn own_values(&mut self, kind: &dyn AnyKind, address: &str, element: &str, spec: &Value) {
        for (output, why) in endless(kind, address, spec) {
            let part = (address.to_owned(), output);
            let alias = self.aliases.iter().find(|((of, _), meant)| of == element && **meant == part);
            let (of, output) = alias.map_or(&part, |(written, _)| written);
            let path = self.names.place_of(element, &format!("{of}.{output}"));
            let message = match why {
                Why::OnlyAws => {
                    format!("AWS gives `{of}` its `{output}` once it is there, too late for itself to refer to")
                }
                Why::Circle => format!("`${{{of}.{output}}}` stands for what is made of this very text"),
            };
            self.findings.error("stack::cycle", path, message).help("write it out instead of referring to it");
        }
    }

    /// Reports an element whose `depends_on` names itself.
    fn own_end(&mut self, element: &str) {
        let mut path = self.names.place_of(element, &format!("{element}.arn"));
        if path.0.len() == 2 {
            path = path.then("depends_on");
        }
        self.findings
            .error("stack::cycle", path, format!("`{element}` waits for itself"))
            .help("remove it from its own `depends_on`");
    }

    /// Tells whether the address belongs to an element that was not lowered because of an error that is reported
    /// already.
    fn is_broken(&self, address: &str) -> bool {
        let element: String = address.split('.').take(2).collect::<Vec<_>>().join(".");
        let is_of =
            |known: &String| known.strip_prefix(&element).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
        self.names.has_element(address) && !self.known.keys().any(is_of)
    }
}
