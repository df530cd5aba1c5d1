//! A checked `stack.yaml`. Every later stage works on a [`Document`], never on the text.

mod broken;
mod finish;
mod lacking;
mod loading;
mod lowering;
mod origin;

use std::collections::{BTreeMap, HashSet};
use std::fmt;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use self::finish::{cover_secrets, finish, once};
pub use self::lacking::Keeps;
use self::loading::Loading;
use self::lowering::has_reported_text;
pub use self::origin::ValueOrigin;
use super::blame::{self, RefusedCall};
use super::check::{self, Origin};
use super::env;
use super::environments::TargetEnvironment;
use super::find;
use super::finding::{At, DocPath, Finding, Findings, Span};
use super::head::{Ci, Head, IgnoreTags, StateLocation};
use super::interpolate::VariablePaths;
use super::schema;
use super::secrets::Secrets;
use super::sections::LoweredStack;
use super::source::SourceText;
use super::spans::SpanIndex;
use super::variables::{Inputs, MissingVariables};
use super::yaml::{self, ParsedYaml};
use crate::aws::stored::Stored;
use crate::aws::tags::{Ignored, Tags};

/// A stack with its variables filled in and every property checked.
#[derive(Debug, Clone)]
pub struct Document {
    source: SourceText,
    spans: SpanIndex,
    head: Head,
    region: String,
    secrets: Secrets,
    /// The sections only: section → element → its properties.
    sections: Map<String, Value>,
    variables: Vec<String>,
    /// The stack's name, with `@ENV` in an environment.
    owner: String,
    environment: TargetEnvironment,
    /// The elements that are not in the environment, each with the property that leaves it out.
    left_out: BTreeMap<String, String>,
    /// The file that the environment's values come from.
    env_file: Option<PathBuf>,
    /// The elements whose `name` contains `${env}` itself.
    named: HashSet<(String, String)>,
    /// Sections that are present under a misspelt name.
    misspelt: HashSet<String>,
    lacking: MissingVariables,
    stored: BTreeMap<String, Stored>,
}

/// A text that is not a usable stack: its findings, and the text to show them in, with secrets covered.
pub struct InvalidStack {
    pub findings: Findings,
    pub source: SourceText,
    /// The elements without errors, for checks across elements.
    pub sound: Option<Box<(Document, LoweredStack)>>,
}

impl fmt::Debug for InvalidStack {
    /// Omits the elements: they may hold secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InvalidStack")
            .field("findings", &self.findings)
            .field("source", &self.source)
            .finish_non_exhaustive()
    }
}

impl Document {
    /// Loads and checks a stack. Returns its warnings, too.
    ///
    /// # Errors
    /// Returns all findings, warnings included, if one of them is an error.
    pub fn load(source: SourceText, inputs: &Inputs) -> Result<(Self, Findings), InvalidStack> {
        let parsed = source.text().and_then(yaml::parse);
        let ParsedYaml { value, spans, findings: mut unreadable } = match parsed {
            Ok(parsed) => parsed,
            Err(findings) => return Err(InvalidStack { findings, source, sound: None }),
        };
        let mut loading = Loading::of(spans);
        let checked = loading.check(value, inputs, &mut unreadable);
        let document = checked.map(|(head, region, sections)| Self {
            source: cover_secrets(&source, &loading.secrets),
            spans: loading.spans.clone(),
            owner: env::owner(&head.stack, inputs.preview.as_deref()),
            environment: loading.environment.clone(),
            left_out: std::mem::take(&mut loading.left_out),
            env_file: inputs.env_file.as_ref().map(|file| file.path.clone()),
            named: std::mem::take(&mut loading.named),
            misspelt: loading.misspelt.clone(),
            lacking: loading.lacking.clone(),
            stored: loading.stored.clone(),
            head,
            region,
            secrets: loading.secrets.clone(),
            sections,
            variables: loading.variables.clone(),
        });
        let mut findings = loading.findings;
        finish(&mut findings, &loading.spans, &loading.secrets);
        // A mistake in the YAML often causes a second finding about the value at the same place; one is enough.
        let place = |finding: &Finding| finding.span.map(|span| (span.line, span.column));
        let said: HashSet<_> = unreadable.0.iter().map(place).collect();
        findings.0.retain(|finding| !said.contains(&place(finding)));
        findings.0.extend(unreadable.0);
        match document {
            Some(document) if !findings.has_errors() => Ok((document, findings)),
            document => {
                // The sound elements are lowered even after an error, so that one run reports every mistake.
                let sound = document.map(|document| {
                    let (lowered, more) = document.lower_except(&findings);
                    let rest = document.check_broken(&findings);
                    findings.0.extend(more.0);
                    findings.0.extend(rest.0);
                    Box::new((document, lowered))
                });
                finish(&mut findings, &loading.spans, &loading.secrets);
                once(&mut findings);
                Err(InvalidStack { findings, source: cover_secrets(&source, &loading.secrets), sound })
            }
        }
    }

    /// Lists the addresses of all elements, in the order of the text.
    pub fn elements(&self) -> impl Iterator<Item = String> {
        let of = |(section, elements): (&String, &Value)| {
            let names: Vec<String> = elements.as_object().into_iter().flat_map(Map::keys).cloned().collect();
            let section = section.clone();
            names.into_iter().map(move |name| format!("{section}.{name}"))
        };
        self.sections.iter().flat_map(of)
    }

    /// Returns the names of the stack's variables.
    pub fn variables(&self) -> &[String] {
        &self.variables
    }

    /// Tells whether `stack.yaml` has the element of an address. Assumes so if the section's name is misspelt.
    pub fn has_element(&self, address: &str) -> bool {
        match address.split('.').collect::<Vec<_>>()[..] {
            [section, ..] if self.misspelt.contains(section) => true,
            [section, name, ..] => self.sections.get(section).is_some_and(|elements| elements.get(name).is_some()),
            _ => false,
        }
    }

    /// Returns the owner of the resources: the stack, or `STACK@ENV` in an environment.
    pub fn stack(&self) -> &str {
        &self.owner
    }

    /// Returns the environment of `--env`; `None` for the stack itself.
    pub fn env(&self) -> Option<&str> {
        env::of_owner(&self.owner)
    }

    /// Returns the environment that the stack is loaded for, the stack itself included.
    pub fn environment(&self) -> &TargetEnvironment {
        &self.environment
    }

    /// Lists the elements that are not in the environment, each with the property that leaves it out.
    pub fn left_out(&self) -> &BTreeMap<String, String> {
        &self.left_out
    }

    /// Returns the file that the environment's values come from.
    pub fn env_file(&self) -> Option<&Path> {
        self.env_file.as_deref()
    }

    /// Returns the stack's name in `stack.yaml`.
    pub fn stack_name(&self) -> &str {
        &self.head.stack
    }

    pub fn region(&self) -> &str {
        &self.region
    }

    /// Returns the only account that the stack may be applied to.
    pub fn account(&self) -> Option<&str> {
        self.head.account.as_deref()
    }

    /// Returns the location of the state; `None` means the default directory.
    pub fn state(&self) -> Option<&StateLocation> {
        self.head.state.as_ref()
    }

    /// Returns the stack-wide tags.
    pub fn tags(&self) -> &Tags {
        &self.head.tags
    }

    /// Returns the tags that others set, which the deployer does not change.
    pub fn ignored_tags(&self) -> Ignored {
        let IgnoreTags { keys, prefixes } = self.head.ignore_tags.clone();
        Ignored { keys, prefixes }
    }

    /// Returns the stack's outputs by name, as texts with references.
    pub fn outputs(&self) -> &BTreeMap<String, String> {
        &self.head.outputs
    }

    pub fn ci(&self) -> &Ci {
        &self.head.ci
    }

    pub fn secrets(&self) -> &Secrets {
        &self.secrets
    }

    /// Adds a secret to mask: one of an earlier apply that AWS still holds.
    pub(crate) fn add_secret(&mut self, text: &str) {
        self.secrets.add(text);
    }

    /// Finds the property of an element that brings a secret into `text`. Falls back to the element itself.
    pub(crate) fn find_secret(&self, element: &str, text: &str) -> DocPath {
        let path = self.locate(element);
        let [section, name] = path.0.as_slice() else { return path };
        let value = self.sections.get(section).and_then(|elements| elements.get(name));
        value.and_then(|value| find::part_of(value, &path, text, &self.secrets)).unwrap_or(path)
    }

    /// Returns the text to show findings in, with secrets covered.
    pub fn source(&self) -> &SourceText {
        &self.source
    }

    /// Finds the position of an entry, or of the nearest one around it.
    pub fn span(&self, path: &DocPath, at: At) -> Option<Span> {
        self.spans.find(path, at)
    }

    /// Returns the path of an address's element: `functions.worker.role` → `functions`, `worker`.
    pub fn locate(&self, address: &str) -> DocPath {
        DocPath::of(address.split('.').take(2))
    }

    /// Tells whether stack.yaml itself sets the property at `path`.
    pub fn states(&self, path: &DocPath) -> bool {
        let [section, name, inner @ ..] = path.0.as_slice() else { return false };
        let element = self.sections.get(section).and_then(|elements| elements.get(name));
        element.is_some_and(|element| inner.iter().try_fold(element, |value, key| value.get(key.as_str())).is_some())
    }

    /// Finds the property that a refused AWS call is about. Falls back to the part of the element that the resource is
    /// lowered from.
    pub fn locate_refusal(&self, refused: RefusedCall<'_>) -> DocPath {
        let path = self.locate(refused.address);
        let element = match path.0.as_slice() {
            [section, name] => self.sections.get(section).and_then(|elements| elements.get(name)),
            _ => None,
        };
        element.map_or(path.clone(), |element| blame::place(element, &path, refused, &self.secrets))
    }

    /// Finds the first of the properties `names` in the part of the element that the resource at `address` is lowered
    /// from. Falls back to that part itself.
    pub fn locate_property(&self, address: &str, names: &[&str]) -> DocPath {
        let path = self.locate(address);
        let element = match path.0.as_slice() {
            [section, name] => self.sections.get(section).and_then(|elements| elements.get(name)),
            _ => None,
        };
        element.map_or(path.clone(), |element| blame::place_of(element, &path, address, names, &self.secrets))
    }

    /// Checks texts with references against the schema, after `fill` has resolved them. Skips texts that `fill` cannot
    /// resolve completely.
    pub fn check_filled(&self, fill: &dyn Fn(&str) -> Option<String>) -> Findings {
        let mut findings = Findings::default();
        let schema = schema::checked_schema();
        for (section, elements) in &self.sections {
            let (mut elements, path) = (elements.clone(), DocPath::of([section]));
            let mut filled = HashSet::new();
            find::fill(&mut elements, &path, fill, &mut filled);
            if filled.is_empty() {
                continue;
            }
            let origin = Origin { spans: &self.spans, touched: &VariablePaths::default() };
            let mut found = check::check(&mut elements, schema, &schema["properties"][section], &path, &origin);
            found.0.retain(|finding| filled.contains(&finding.path));
            findings.0.append(&mut found.0);
        }
        findings
    }

    /// Calls `visit` for every text in the elements, with its place.
    pub(super) fn each_text(&self, visit: &mut dyn FnMut(&DocPath, &str)) {
        for (section, elements) in &self.sections {
            find::each(elements, &DocPath::of([section]), visit);
        }
    }

    /// Finds the first item of the list at `list` that `matches`.
    pub fn find_item(&self, list: &DocPath, matches: &dyn Fn(&Value) -> bool) -> Option<DocPath> {
        let [section, name, inner @ ..] = list.0.as_slice() else { return None };
        let element = self.sections.get(section)?.get(name)?;
        let items = find::at(element, inner)?.as_array()?;
        items.iter().position(matches).map(|index| list.then(index.to_string()))
    }

    /// Finds where an element (`functions.worker`) or output (`outputs.url`) writes `reference`. Falls back to the
    /// element itself.
    pub fn find_text(&self, element: &str, reference: &str) -> DocPath {
        let path = self.locate(element);
        let value = match path.0.as_slice() {
            [section, name] if section == "outputs" => {
                self.head.outputs.get(name).map(|text| Value::from(text.as_str()))
            }
            [section, name] => self.sections.get(section).and_then(|elements| elements.get(name)).cloned(),
            _ => None,
        };
        value.and_then(|value| find::text(&value, &path, reference)).unwrap_or(path)
    }

    /// Completes the findings of later stages: adds positions, masks secrets and sorts them by position.
    pub fn place(&self, findings: &mut Findings) {
        finish(findings, &self.spans, &self.secrets);
        once(findings);
    }
}
