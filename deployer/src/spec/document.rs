//! A checked `stack.yaml`: the only way from text to the stages that follow.

mod finish;
mod loading;

use std::collections::{BTreeMap, HashSet};
use std::fmt;

use serde_json::{Map, Value};

use self::finish::{covered, finish, once};
use self::loading::Loading;
use super::blame::{self, Refused};
use super::check::{self, Origin};
use super::env;
use super::find;
use super::finding::{At, DocPath, Finding, Findings, Severity, Span};
use super::head::{Ci, Head, IgnoreTags, StateLocation};
use super::interpolate::Touched;
use super::keys;
use super::schema;
use super::secrets::Secrets;
use super::sections::any::check_tags;
use super::sections::{Common, Lowered, SECTIONS, Scope};
use super::source::SourceText;
use super::spans::SpanIndex;
use super::template;
use super::variables::Inputs;
use super::yaml::{self, Parsed};
use crate::aws::tags::{Ignored, Tags};

/// A stack as its author wrote it, variables put in, every property checked.
#[derive(Debug)]
pub struct Document {
    source: SourceText,
    spans: SpanIndex,
    head: Head,
    region: String,
    secrets: Secrets,
    /// The sections alone: name → element → its properties.
    sections: Map<String, Value>,
    variables: Vec<String>,
    /// The stack's name, with the environment that it is in.
    owner: String,
    /// The elements whose name says the environment itself.
    named: HashSet<(String, String)>,
    /// Sections that are there under a wrong name.
    misspelt: HashSet<String>,
}

/// A text that is no usable stack: what is wrong with it, and the text to show it in, secrets covered.
pub struct Failed {
    pub findings: Findings,
    pub source: SourceText,
    /// The elements that have no error, for checks that look across elements.
    pub sound: Option<Box<(Document, Lowered)>>,
}

impl fmt::Debug for Failed {
    /// Leaves the elements out: they may hold secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Failed").field("findings", &self.findings).field("source", &self.source).finish_non_exhaustive()
    }
}

impl Document {
    /// Reads and checks a stack. Warnings come with it.
    ///
    /// # Errors
    /// All findings, warnings too, when there is an error among them.
    pub fn load(source: SourceText, inputs: &Inputs) -> Result<(Self, Findings), Failed> {
        let parsed = source.text().and_then(yaml::parse);
        let Parsed { value, spans, findings: mut unreadable } = match parsed {
            Ok(parsed) => parsed,
            Err(findings) => return Err(Failed { findings, source, sound: None }),
        };
        let mut loading = Loading::of(spans);
        let checked = loading.check(value, inputs, &mut unreadable);
        let document = checked.map(|(head, region, sections)| Self {
            source: covered(&source, &loading.secrets),
            spans: loading.spans.clone(),
            owner: env::owner(&head.stack, inputs.preview.as_deref()),
            named: std::mem::take(&mut loading.named),
            misspelt: loading.misspelt.clone(),
            head,
            region,
            secrets: loading.secrets.clone(),
            sections,
            variables: loading.variables.clone(),
        });
        let mut findings = loading.findings;
        finish(&mut findings, &loading.spans, &loading.secrets);
        // What is wrong as YAML may look wrong as a value, too: once is enough.
        let place = |finding: &Finding| finding.span.map(|span| (span.line, span.column));
        let said: HashSet<_> = unreadable.0.iter().map(place).collect();
        findings.0.retain(|finding| !said.contains(&place(finding)));
        findings.0.extend(unreadable.0);
        match document {
            Some(document) if !findings.has_errors() => Ok((document, findings)),
            document => {
                // The sound elements are looked at all the same, so that everything wrong is said at once.
                let sound = document.map(|document| {
                    let (lowered, more) = document.lower_except(&findings);
                    findings.0.extend(more.0);
                    Box::new((document, lowered))
                });
                finish(&mut findings, &loading.spans, &loading.secrets);
                once(&mut findings);
                Err(Failed { findings, source: covered(&source, &loading.secrets), sound })
            }
        }
    }

    /// Lists the addresses of all elements, in the text's order.
    pub fn elements(&self) -> impl Iterator<Item = String> {
        let of = |(section, elements): (&String, &Value)| {
            let names: Vec<String> = elements.as_object().into_iter().flat_map(Map::keys).cloned().collect();
            let section = section.clone();
            names.into_iter().map(move |name| format!("{section}.{name}"))
        };
        self.sections.iter().flat_map(of)
    }

    /// The names of the stack's variables.
    pub fn variables(&self) -> &[String] {
        &self.variables
    }

    /// Does `stack.yaml` have the element that an address belongs to? In a section with a misspelt name it may.
    pub fn has_element(&self, address: &str) -> bool {
        match address.split('.').collect::<Vec<_>>()[..] {
            [section, ..] if self.misspelt.contains(section) => true,
            [section, name, ..] => self.sections.get(section).is_some_and(|elements| elements.get(name).is_some()),
            _ => false,
        }
    }

    /// Who owns what the document describes: the stack, in a preview environment `STACK@ENV`.
    pub fn stack(&self) -> &str {
        &self.owner
    }

    /// The preview environment, if it is for one.
    pub fn env(&self) -> Option<&str> {
        env::of_owner(&self.owner)
    }

    /// The stack's name in `stack.yaml`.
    pub fn stack_name(&self) -> &str {
        &self.head.stack
    }

    pub fn region(&self) -> &str {
        &self.region
    }

    /// The one account that the stack may be applied to.
    pub fn account(&self) -> Option<&str> {
        self.head.account.as_deref()
    }

    /// Where the state is kept; `None` is the default directory.
    pub fn state(&self) -> Option<&StateLocation> {
        self.head.state.as_ref()
    }

    /// The stack's own tags.
    pub fn tags(&self) -> &Tags {
        &self.head.tags
    }

    /// The tags of others that are left alone.
    pub fn ignored_tags(&self) -> Ignored {
        let IgnoreTags { keys, prefixes } = self.head.ignore_tags.clone();
        Ignored { keys, prefixes }
    }

    /// Texts with references, by name.
    pub fn outputs(&self) -> &BTreeMap<String, String> {
        &self.head.outputs
    }

    pub fn ci(&self) -> &Ci {
        &self.head.ci
    }

    pub fn secrets(&self) -> &Secrets {
        &self.secrets
    }

    /// Keeps something more out of sight: a secret of an earlier apply that AWS still holds.
    pub(crate) fn add_secret(&mut self, text: &str) {
        self.secrets.add(text);
    }

    /// The place of the property of an element that puts a secret into `text`; else the element itself.
    pub(crate) fn find_secret(&self, element: &str, text: &str) -> DocPath {
        let path = self.locate(element);
        let [section, name] = path.0.as_slice() else { return path };
        let value = self.sections.get(section).and_then(|elements| elements.get(name));
        value.and_then(|value| find::part_of(value, &path, text, &self.secrets)).unwrap_or(path)
    }

    /// The text to show findings in, secrets covered.
    pub fn source(&self) -> &SourceText {
        &self.source
    }

    /// Finds where an entry stands, or the nearest one around it.
    pub fn span(&self, path: &DocPath, at: At) -> Option<Span> {
        self.spans.find(path, at)
    }

    /// The place of the element that an address belongs to: `functions.worker.role` → `functions`, `worker`.
    pub fn locate(&self, address: &str) -> DocPath {
        DocPath::of(address.split('.').take(2))
    }

    /// Tells whether stack.yaml itself says something at `path` of an element.
    pub fn states(&self, path: &DocPath) -> bool {
        let [section, name, inner @ ..] = path.0.as_slice() else { return false };
        let element = self.sections.get(section).and_then(|elements| elements.get(name));
        element.is_some_and(|element| inner.iter().try_fold(element, |value, key| value.get(key.as_str())).is_some())
    }

    /// The place of the property that AWS means when it refuses a call; else of what the resource is made from.
    pub fn locate_refusal(&self, refused: Refused<'_>) -> DocPath {
        let path = self.locate(refused.address);
        let element = match path.0.as_slice() {
            [section, name] => self.sections.get(section).and_then(|elements| elements.get(name)),
            _ => None,
        };
        element.map_or(path.clone(), |element| blame::place(element, &path, refused))
    }

    /// The place of the first of these properties that the part of an element has which is the resource at `address`; else
    /// of what the resource is made from.
    pub fn locate_property(&self, address: &str, names: &[&str]) -> DocPath {
        let path = self.locate(address);
        let element = match path.0.as_slice() {
            [section, name] => self.sections.get(section).and_then(|elements| elements.get(name)),
            _ => None,
        };
        element.map_or(path.clone(), |element| blame::place_of(element, &path, address, names))
    }

    /// Holds the texts that have references to the schema, with what `fill` puts in; those that it knows not all of are
    /// left alone.
    pub fn check_filled(&self, fill: &dyn Fn(&str) -> Option<String>) -> Findings {
        let mut findings = Findings::default();
        let schema = schema::checked();
        for (section, elements) in &self.sections {
            let (mut elements, path) = (elements.clone(), DocPath::of([section]));
            let mut filled = HashSet::new();
            find::fill(&mut elements, &path, fill, &mut filled);
            if filled.is_empty() {
                continue;
            }
            let origin = Origin { spans: &self.spans, touched: &Touched::default() };
            let mut found = check::check(&mut elements, schema, &schema["properties"][section], &path, &origin);
            found.0.retain(|finding| filled.contains(&finding.path));
            findings.0.append(&mut found.0);
        }
        findings
    }

    /// Shows every text in the elements, with its place.
    pub(super) fn each_text(&self, visit: &mut dyn FnMut(&DocPath, &str)) {
        for (section, elements) in &self.sections {
            find::each(elements, &DocPath::of([section]), visit);
        }
    }

    /// Finds where an element (`functions.worker`) or output (`outputs.url`) writes `reference`; else the element itself.
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

    /// Adds positions to findings of later stages, masks secrets in them and puts them in the text's order.
    pub fn place(&self, findings: &mut Findings) {
        finish(findings, &self.spans, &self.secrets);
        once(findings);
    }

    /// Lowers every element to its primitive resources, in the text's order; the sections' own checks speak here.
    pub fn lower(&self) -> (Lowered, Findings) {
        let (lowered, mut findings) = self.lower_except(&Findings::default());
        self.place(&mut findings);
        (lowered, findings)
    }

    /// Lowers the elements that have no error yet.
    fn lower_except(&self, broken: &Findings) -> (Lowered, Findings) {
        let mut lowered = Lowered::default();
        let mut findings = Findings::default();
        let broken: std::collections::HashSet<&[String]> = broken
            .0
            .iter()
            .filter(|finding| finding.severity == Severity::Error)
            .filter_map(|finding| finding.path.0.get(..2))
            .collect();
        for (section_name, elements) in &self.sections {
            let Some(section) = SECTIONS.iter().find(|section| section.name() == section_name) else { continue };
            for (name, element) in elements.as_object().into_iter().flatten() {
                if broken.contains(&[section_name.clone(), name.clone()][..]) || unresolved(element) {
                    continue;
                }
                let (common, mut own) = Common::split(element);
                let scope = Scope {
                    stack: &self.owner,
                    section: section.name(),
                    name,
                    common: &common,
                    stack_tags: &self.head.tags,
                };
                check_tags(&common.tags, &scope.path(["tags"]), &mut findings);
                if let Some(env) = self.env()
                    && !common.external
                    && !self.named.contains(&(section_name.clone(), name.clone()))
                {
                    env::rename(section.name(), &mut own, &scope.default_name(), env);
                }
                section.check_and_lower(&own, &scope, &mut findings, &mut lowered);
            }
        }
        keys::derive(&mut lowered);
        (lowered, findings)
    }
}

/// Is there a text in it that is a finding already: bad syntax, or a variable without value?
fn unresolved(value: &Value) -> bool {
    match value {
        Value::String(text) if text.contains("${") => {
            template::parse(text).map_or(true, |parts| parts.iter().any(|part| matches!(part, template::Part::Var(_))))
        }
        Value::Array(items) => items.iter().any(unresolved),
        Value::Object(entries) => entries.values().any(unresolved),
        _ => false,
    }
}
