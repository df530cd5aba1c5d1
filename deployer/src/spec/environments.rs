//! The environments that `environments:` declares, and the environment that a run is for.
//!
//! # Guarantees
//! A stack that declares environments is loaded for one of them, or for a preview that `ci.preview` allows. Every other
//! name is a finding, so a misspelt name never creates another copy of the stack. `environments:` is read from the text
//! alone: the values of variables depend on the environment.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::env;
use super::finding::{DocPath, Findings};
use super::head::{Ci, Preview};
use super::nearest::{nearest, quoted};
use super::source::SourceText;
use super::template::{self, TextPart};
use super::yaml;

/// The name for all environments that `environments:` does not list, other than [`env::MAIN`].
pub const PREVIEW: &str = "preview";
/// The key in `stack.yaml`.
const KEY: &str = "environments";
const ONLY_IN: &str = "only_in";
const NOT_IN: &str = "not_in";
/// The longest name that is repeated in a message, in characters.
const SHOWN: usize = 60;

/// The declared environments of a stack, and its settings for CI as far as they use no variables.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DeclaredEnvironments {
    pub names: Vec<String>,
    pub ci: Ci,
}

impl DeclaredEnvironments {
    /// Reads the environments from the text of `stack.yaml`. A text with errors has none; loading it reports them.
    pub fn read(source: &SourceText) -> Self {
        match source.text().and_then(yaml::parse) {
            Ok(parsed) => parsed.value.as_object().map(Self::of).unwrap_or_default(),
            Err(_) => Self::default(),
        }
    }

    fn of(root: &Map<String, Value>) -> Self {
        let names = root.get(KEY).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
        let ci = root.get("ci").and_then(|ci| Ci::deserialize(ci).ok()).unwrap_or_default();
        Self { names: names.map(str::to_owned).collect(), ci }
    }

    /// Tells whether a command without `--env` has no environment to work on.
    pub fn needs_name(&self) -> bool {
        !self.names.is_empty() && !self.has(env::MAIN)
    }

    pub fn has(&self, name: &str) -> bool {
        self.names.iter().any(|declared| declared == name)
    }

    /// Tells whether `ci.preview` may give a copy of the stack this name. Previews of branches have any name, so a name
    /// close to a declared one counts as misspelt.
    fn may_preview(&self, name: &str) -> bool {
        // A policy may be for all of them: `pr-*`.
        let is_number = |number: &str| env::is_pattern(number) || number.bytes().all(|byte| byte.is_ascii_digit());
        let number = || name.strip_prefix("pr-").or_else(|| name.strip_prefix("mr-"));
        match self.ci.preview {
            Preview::Off => false,
            Preview::PullRequest => number().is_some_and(is_number),
            Preview::Branch => nearest(name, self.names()).is_none(),
        }
    }

    fn names(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(String::as_str)
    }

    /// Returns the help for an unknown environment, whose name stands after `before`.
    fn instead(&self, name: &str, before: &str) -> String {
        match nearest(name, self.names().filter(|declared| before.is_empty() || *declared != env::MAIN)) {
            Some(meant) => format!("did you mean `{before}{meant}`?"),
            None if self.ci.preview == Preview::PullRequest => {
                format!("it has {}, and `pr-NUMBER` for previews; or add it to `{KEY}`", quoted(self.names()))
            }
            None => format!("it has {}; or add it to `{KEY}`", quoted(self.names())),
        }
    }

    /// Writes the options that name an environment.
    fn options(&self) -> String {
        self.names().map(|name| format!("`--env {name}`")).collect::<Vec<_>>().join(" or ")
    }
}

/// The environment that a stack is loaded for.
#[derive(Debug, Clone, Default)]
pub struct TargetEnvironment {
    /// `None` without `--env`.
    name: Option<String>,
    declared: DeclaredEnvironments,
}

impl TargetEnvironment {
    /// Takes the environments from a stack, and its name from the command line.
    pub fn of(root: &Map<String, Value>, name: Option<&str>) -> Self {
        Self { name: name.map(str::to_owned), declared: DeclaredEnvironments::of(root) }
    }

    /// Returns the name: the value of `${env}`.
    pub fn name(&self) -> &str {
        self.name.as_deref().unwrap_or(env::MAIN)
    }

    /// Lists the declared environments.
    pub fn declared(&self) -> &[String] {
        &self.declared.names
    }

    /// Tells whether this is a copy of the stack that `environments:` lists.
    pub fn is_declared(&self) -> bool {
        self.name.as_ref().is_some_and(|name| self.declared.has(name))
    }

    /// Tells whether this is a copy of the stack that `environments:` does not list.
    pub fn is_preview(&self) -> bool {
        self.name.as_ref().is_some_and(|name| !self.declared.has(name))
    }

    /// Reports wrong declarations, and an environment that the stack does not have. Returns whether it has the
    /// environment.
    pub fn check(&self, findings: &mut Findings) -> bool {
        let before = findings.0.len();
        self.check_declared(findings);
        let path = || DocPath::of([KEY]);
        match &self.name {
            _ if findings.0.len() > before || self.declared.names.is_empty() => {}
            None if self.declared.needs_name() => {
                let message = "this stack has environments, and the command names none";
                findings
                    .error("stack::no-environment", path(), message)
                    .help(format!("add {}", self.declared.options()));
            }
            Some(name) if self.is_preview() && !self.declared.may_preview(name) => {
                let message = format!("this stack has no environment `{name}`");
                findings
                    .error("stack::unknown-environment", path(), message)
                    .help(self.declared.instead(name, "--env "));
            }
            _ => {}
        }
        findings.0.len() == before
    }

    /// Removes the elements that are left out already, and those that are not in this environment, from the sections.
    /// Adds the addresses of these, each with the property that leaves it out.
    pub fn leave_out(
        &self,
        sections: &mut Map<String, Value>,
        left_out: &mut BTreeMap<String, String>,
        findings: &mut Findings,
    ) {
        for (section, elements) in sections.iter_mut() {
            let Some(elements) = elements.as_object_mut() else { continue };
            elements.retain(|name, element| {
                self.check_names(element, &DocPath::of([section, name]), findings);
                let address = format!("{section}.{name}");
                if let Some(property) = self.excluding(element) {
                    left_out.entry(address.clone()).or_insert(property);
                }
                !left_out.contains_key(&address)
            });
        }
    }

    /// Returns the property of an element that leaves it out of this environment. A property with a variable that has
    /// no value leaves nothing out.
    fn excluding(&self, element: &Value) -> Option<String> {
        let is_open = |names: &[&str]| names.iter().any(|name| name.contains("${"));
        let is_here = |names: &[&str]| names.iter().any(|name| self.answers_to(name));
        let shown = |property: &str, names: &[&str]| Some(format!("`{property}: [{}]`", names.join(", ")));
        match (listed(element, ONLY_IN), listed(element, NOT_IN)) {
            (Some(only), _) if !is_open(&only) && !is_here(&only) => shown(ONLY_IN, &only),
            (_, Some(not)) if !is_open(&not) && is_here(&not) => shown(NOT_IN, &not),
            _ => None,
        }
    }

    fn answers_to(&self, name: &str) -> bool {
        name == self.name() || (name == PREVIEW && self.is_preview())
    }

    /// Reports names in `only_in` and `not_in` that are no environment of the stack.
    fn check_names(&self, element: &Value, path: &DocPath, findings: &mut Findings) {
        if listed(element, ONLY_IN).is_some() && listed(element, NOT_IN).is_some() {
            let message = "an element has `only_in` or `not_in`, not both";
            findings.error("stack::bad-value", path.then(NOT_IN), message).help("keep one of the two");
        }
        for property in [ONLY_IN, NOT_IN] {
            for (index, name) in listed(element, property).into_iter().flatten().enumerate() {
                let path = path.then(property).then(index.to_string());
                if name == PREVIEW || name.contains("${") || self.declared.has(name) || self.declared.may_preview(name)
                {
                    continue;
                }
                if !self.declared.names.is_empty() {
                    let message = format!("this stack has no environment `{name}`");
                    findings.error("stack::unknown-environment", path, message).help(self.declared.instead(name, ""));
                } else if name != env::MAIN
                    && let Err(wrong) = env::parse(name)
                {
                    let message = format!("`{name}` is no name for an environment: {wrong}");
                    findings.error("stack::bad-name", path, message).help("write the environment's name");
                }
            }
        }
    }

    fn check_declared(&self, findings: &mut Findings) {
        for (index, name) in self.declared.names.iter().enumerate() {
            let path = DocPath::of([KEY.to_owned(), index.to_string()]);
            let wrong = match name.as_str() {
                env::MAIN => None,
                PREVIEW => Some("`preview` stands for the environments that are not listed here".to_owned()),
                name if name.contains("${") => {
                    Some("the environments are known before variables have values".to_owned())
                }
                name => env::parse(name).err(),
            };
            if let Some(wrong) = wrong {
                let shown: String = name.chars().take(SHOWN).collect();
                findings
                    .error("stack::bad-name", path, format!("`{shown}` is no name for an environment: {wrong}"))
                    .help("write a name such as `staging` or `production`");
            }
        }
    }
}

/// Returns the names that a property of an element lists.
fn listed<'a>(element: &'a Value, property: &str) -> Option<Vec<&'a str>> {
    Some(element.get(property)?.as_array()?.iter().filter_map(Value::as_str).collect())
}

/// Removes the outputs that refer to left-out elements: they have no value in this environment.
pub fn leave_out_outputs(head: &mut Map<String, Value>, left_out: &BTreeMap<String, String>) {
    let Some(outputs) = head.get_mut("outputs").and_then(Value::as_object_mut) else { return };
    let is_left_out = |part: &TextPart| match part {
        TextPart::Ref(reference) => left_out.contains_key(&element_of(&reference.address)),
        _ => false,
    };
    outputs.retain(|_, text| {
        let parts = template::parse(text.as_str().unwrap_or_default()).unwrap_or_default();
        !parts.iter().any(is_left_out)
    });
}

/// Returns the element of an address: `functions.worker.role` → `functions.worker`.
pub fn element_of(address: &str) -> String {
    address.split('.').take(2).collect::<Vec<_>>().join(".")
}
