//! A checked `stack.yaml`: the only way from text to the stages that follow.

use std::collections::{BTreeMap, HashSet};
use std::fmt;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::check;
use super::env;
use super::find;
use super::finding::{At, DocPath, Finding, Findings, Severity, Span};
use super::head::{Ci, Head, StateLocation};
use super::interpolate::interpolate;
use super::nearest::nearest;
use super::schema;
use super::secrets::Secrets;
use super::sections::any::check_tags;
use super::sections::{Common, Lowered, SECTIONS, Scope};
use super::source::SourceText;
use super::spans::SpanIndex;
use super::template;
use super::variables::{Inputs, Variable, Variables};
use super::yaml::{self, Parsed};
use crate::aws::tags::Tags;

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
        let Parsed { value, spans, findings: unreadable } = match parsed {
            Ok(parsed) => parsed,
            Err(findings) => return Err(Failed { findings, source, sound: None }),
        };
        let mut loading = Loading {
            spans,
            secrets: Secrets::default(),
            variables: Vec::new(),
            findings: Findings::default(),
            named: HashSet::new(),
            misspelt: HashSet::new(),
        };
        let checked = loading.check(value, inputs);
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

fn covered(source: &SourceText, secrets: &Secrets) -> SourceText {
    SourceText::new(source.path.clone(), secrets.cover(&source.display()).into_owned())
}

/// Adds positions, masks secrets, sorts by place: what has none comes first.
fn finish(findings: &mut Findings, spans: &SpanIndex, secrets: &Secrets) {
    for finding in &mut findings.0 {
        if finding.span.is_none() && !finding.path.0.is_empty() || at_root(finding) {
            finding.span = spans.find(&finding.path, finding.at);
        }
        finding.message = secrets.mask(&finding.message).into_owned();
        finding.help = finding.help.as_ref().map(|help| secrets.mask(help).into_owned());
    }
    findings.0.sort_by_key(|finding| finding.span.map(|span| (span.line, span.column)));
}

/// The codes of what is wrong with a value as such. Others may say different things about one place.
const OF_VALUES: &[&str] = &[
    "stack::bad-value",
    "stack::missing-property",
    "stack::out-of-range",
    "stack::too-long",
    "stack::too-short",
    "stack::unknown-property",
    "stack::unknown-variable",
    "stack::wrong-type",
];

/// What an anchor says wrong is wrong wherever it is used, and is said once.
fn once(findings: &mut Findings) {
    let mut said = HashSet::new();
    findings.0.retain(|finding| {
        let place = finding.span.map(|span| (finding.code, span.line, span.column, finding.help.clone()));
        !OF_VALUES.contains(&finding.code) || place.is_none_or(|place| said.insert(place))
    });
}

/// Is it about the document as a whole? Findings about other files and arguments have no place in it.
fn at_root(finding: &Finding) -> bool {
    finding.span.is_none() && finding.path.0.is_empty() && finding.code == "stack::missing-property"
}

/// A document on its way.
struct Loading {
    spans: SpanIndex,
    secrets: Secrets,
    variables: Vec<String>,
    findings: Findings,
    named: HashSet<(String, String)>,
    misspelt: HashSet<String>,
}

impl Loading {
    /// Checks everything that needs no section's own code: head, region and sections, when there is a usable head.
    fn check(&mut self, value: Value, inputs: &Inputs) -> Option<(Head, String, Map<String, Value>)> {
        let mut root = match value {
            Value::Object(root) => root,
            Value::Null => {
                self.whole("stack::empty", "the file says nothing");
                return None;
            }
            _ => {
                self.whole("stack::wrong-type", "a stack is a map of properties and sections");
                return None;
            }
        };
        fill_empty(&mut root);
        self.misspelt = misspelt(&root);
        self.named = env::fill(&mut root, inputs.preview.as_deref());
        let variables = self.variables(&mut root, inputs);
        self.secrets = variables.secrets.clone();
        self.variables = variables.names().map(str::to_owned).collect();

        let mut value = Value::Object(root);
        let mut path = DocPath::default();
        let touched = interpolate(&mut value, &variables, &mut path, &mut self.findings);
        let schema = schema::checked();
        let secret: Vec<Vec<String>> =
            touched.iter().filter(|at| find::is_secret(&value, at, &self.secrets)).cloned().collect();
        self.findings.0.extend(check::check(&mut value, schema, schema, &path, &touched).0);
        for at in secret {
            self.text_only(at, &value);
        }

        if self.misspelt.contains("vars") {
            self.findings.0.retain(|finding| finding.code != "stack::unknown-variable");
        }
        let Value::Object(mut root) = value else { return None };
        let mut sections = Map::new();
        let mut head = Map::new();
        for (name, entry) in std::mem::take(&mut root) {
            let section = SECTIONS.iter().any(|section| section.name() == name);
            if section {
                sections.insert(name, entry)
            } else {
                head.insert(name, entry)
            };
        }
        self.settle(&mut head);
        let region = self.region(&head, inputs);
        let head = self.head(head)?;
        check_tags(&head.tags, &DocPath::of(["tags"]), &mut self.findings);
        Some((head, region.unwrap_or_default(), sections))
    }

    /// Refuses a secret where AWS takes no text: only texts are masked and kept as fingerprints.
    fn text_only(&mut self, at: Vec<String>, value: &Value) {
        if find::at(value, &at).is_some_and(|value| value.is_number() || value.is_boolean()) {
            self.findings.0.retain(|finding| finding.path.0 != at);
            self.findings
                .error("stack::secret-type", DocPath(at), "a secret has to be a text, and this property takes none")
                .help("drop `secret: true` from the variable, or write the value out");
        }
    }

    fn whole(&mut self, code: &'static str, message: &str) {
        let help = "begin with `stack: NAME`, then sections such as `queues:`";
        self.findings.error(code, DocPath::default(), message).help(help).span = Some(self.spans.span(0, 1));
    }

    /// Takes `vars` out of the document and finds the values.
    fn variables(&mut self, root: &mut Map<String, Value>, inputs: &Inputs) -> Variables {
        let mut vars = root.shift_remove("vars").unwrap_or_else(|| Value::Object(Map::new()));
        let path = DocPath::of(["vars"]);
        let schema = schema::checked();
        let found = check::check(&mut vars, schema, &schema["properties"]["vars"], &path, &Default::default());
        let bad = |name: &str| found.0.iter().any(|finding| finding.path.0.get(1).is_some_and(|part| part == name));
        let declared: BTreeMap<String, Option<Variable>> = vars
            .as_object()
            .into_iter()
            .flatten()
            .map(|(name, entry)| {
                // A variable that is declared wrongly is known, so that its uses are no findings too.
                let entry = if bad(name) { None } else { Variable::deserialize(entry).ok() };
                (name.clone(), entry)
            })
            .collect();
        self.findings.0.extend(found.0);
        Variables::resolve(declared, inputs, &mut self.findings)
    }

    /// Unescapes what is needed before anything is read from AWS, and refuses references in it.
    fn settle(&mut self, head: &mut Map<String, Value>) {
        for name in ["stack", "region", "account", "state", "ci"] {
            if let Some(value) = head.get_mut(name) {
                self.settle_value(value, &mut DocPath::of([name]));
            }
        }
    }

    fn settle_value(&mut self, value: &mut Value, path: &mut DocPath) {
        match value {
            Value::String(text) if text.contains("${") => match template::parse(text) {
                Ok(parts) if parts.iter().all(|part| matches!(part, template::Part::Text(_))) => {
                    *text = template::plain(text).unwrap_or_default();
                }
                Ok(parts) if !parts.iter().any(|part| matches!(part, template::Part::Var(_))) => {
                    self.findings
                        .error(
                            "stack::reference-type",
                            path.clone(),
                            format!(
                                "`{}` is needed before AWS is asked, so it cannot refer to what AWS says",
                                path.0[0]
                            ),
                        )
                        .help("write it out, or use a variable: `${vars.name}`");
                }
                _ => {}
            },
            Value::Array(items) => {
                for (number, item) in items.iter_mut().enumerate() {
                    path.0.push(number.to_string());
                    self.settle_value(item, path);
                    path.0.pop();
                }
            }
            Value::Object(entries) => {
                for (key, item) in entries {
                    path.0.push(key.clone());
                    self.settle_value(item, path);
                    path.0.pop();
                }
            }
            _ => {}
        }
    }

    fn region(&mut self, head: &Map<String, Value>, inputs: &Inputs) -> Option<String> {
        if let Some(region) = head.get("region").filter(|region| !region.is_null()) {
            return region.as_str().map(str::to_owned);
        }
        let given = |name: &&str| inputs.env.get(*name).filter(|region| !region.is_empty()).cloned();
        let region = ["AWS_REGION", "AWS_DEFAULT_REGION"].iter().find_map(given);
        if region.is_none() && !self.misspelt.contains("region") {
            self.findings
                .error("stack::missing-region", DocPath::of(["stack"]), "no region is given")
                .help("add `region: eu-west-1` or set AWS_REGION");
        }
        region
    }

    /// Decodes the head; without one, a finding of the checker says why.
    fn head(&mut self, head: Map<String, Value>) -> Option<Head> {
        let known = schema::checked()["properties"].as_object()?;
        let mut head: Map<String, Value> = head.into_iter().filter(|(name, _)| known.contains_key(name)).collect();
        match Head::deserialize(Value::Object(head.clone())) {
            Ok(head) => return Some(head),
            Err(error) if !self.findings.has_errors() => self.whole("stack::bad-value", &error.to_string()),
            Err(_) => {}
        }
        // The sections are looked at all the same: with what is right of the head, and a stand-in for the name.
        let wrong = |name: &String| self.findings.0.iter().any(|finding| finding.path.0.first() == Some(name));
        head.retain(|name, _| !wrong(name));
        head.entry("stack").or_insert_with(|| "stack".into());
        Head::deserialize(Value::Object(head)).ok()
    }
}

/// What the stack has under a wrong name, and what follows from its absence: that is no finding of its own.
fn misspelt(root: &Map<String, Value>) -> HashSet<String> {
    let Some(known) = schema::checked()["properties"].as_object() else { return HashSet::new() };
    let meant = |name: &String| nearest(name, known.keys().map(String::as_str));
    let unknown = root.keys().filter(|name| !known.contains_key(*name));
    let mut misspelt: HashSet<String> =
        unknown.filter_map(meant).filter(|meant| !root.contains_key(*meant)).map(str::to_owned).collect();
    if root.get("vars").is_some_and(|vars| !vars.is_object()) {
        misspelt.insert("vars".to_owned());
    }
    misspelt
}

/// Reads `alarms:` with nothing behind it, and elements with nothing behind them, as empty maps.
fn fill_empty(root: &mut Map<String, Value>) {
    let fill = |value: &mut Value| {
        if value.is_null() {
            *value = Value::Object(Map::new());
        }
    };
    for name in ["vars", "tags", "outputs", "ci"] {
        root.get_mut(name).into_iter().for_each(fill);
    }
    for section in SECTIONS {
        if let Some(elements) = root.get_mut(section.name()) {
            fill(elements);
            elements.as_object_mut().into_iter().flat_map(Map::values_mut).for_each(fill);
        }
    }
}
