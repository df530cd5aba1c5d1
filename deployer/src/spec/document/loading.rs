//! Turns parsed YAML into checked sections: fills in variables and checks every property against the schema.

use std::collections::{BTreeMap, HashSet};

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::aws::stored::Stored;
use crate::spec::check::Origin;
use crate::spec::conditions::Conditions;
use crate::spec::environments::{TargetEnvironment, leave_out_outputs};
use crate::spec::finding::{DocPath, Finding, Findings};
use crate::spec::head::{Head, StateBucket, StateLocation};
use crate::spec::interpolate::interpolate;
use crate::spec::secrets::Secrets;
use crate::spec::sections::SECTIONS;
use crate::spec::sections::any::check_tags;
use crate::spec::sections::buckets::Algorithm;
use crate::spec::spans::SpanIndex;
use crate::spec::uncovered::{self, WordMeaning};
use crate::spec::variables::{self, Inputs, MissingVariables, Variable, Variables};
use crate::spec::written::Spellings;
use crate::spec::{check, env, find, region, schema, template, yaml};

/// The head's properties that commands can do without: they compute no desired value.
const WITHOUT_VALUES: [&str; 2] = ["tags", "outputs"];

/// A document while it is loaded.
pub(super) struct Loading {
    pub(super) spans: SpanIndex,
    pub(super) secrets: Secrets,
    pub(super) variables: Vec<String>,
    pub(super) findings: Findings,
    pub(super) environment: TargetEnvironment,
    pub(super) left_out: BTreeMap<String, String>,
    pub(super) named: HashSet<(String, String)>,
    pub(super) misspelt: HashSet<String>,
    pub(super) lacking: MissingVariables,
    pub(super) stored: BTreeMap<String, Stored>,
}

impl Loading {
    pub(super) fn of(spans: SpanIndex) -> Self {
        Self {
            spans,
            secrets: Secrets::default(),
            variables: Vec::new(),
            findings: Findings::default(),
            environment: TargetEnvironment::default(),
            left_out: BTreeMap::new(),
            named: HashSet::new(),
            misspelt: HashSet::new(),
            lacking: MissingVariables::default(),
            stored: BTreeMap::new(),
        }
    }

    /// Checks everything that needs no section's own code. Returns the head, the region and the sections, if the head
    /// is usable. Removes from `unreadable` the findings about numbers whose property takes a text.
    pub(super) fn check(
        &mut self,
        value: Value,
        inputs: &Inputs,
        unreadable: &mut Findings,
    ) -> Option<(Head, String, Map<String, Value>)> {
        let mut root = self.root(value)?;
        // `x-…` keys hold anchors; nothing else reads them.
        root.retain(|name, _| !name.starts_with("x-"));
        let aside = |finding: &Finding| finding.path.0.first().is_some_and(|name| name.starts_with("x-"));
        unreadable.0.retain(|finding| !aside(finding));
        fill_empty(&mut root);
        self.misspelt = misspelt(&root);
        self.environment = TargetEnvironment::of(&root, inputs.preview.as_deref());
        let is_placed = inputs.is_known || self.environment.check(&mut self.findings);
        let conditions = self.conditions(&mut root);
        self.named = env::fill(&mut root, inputs.preview.as_deref());
        let variables = self.variables(&mut root, inputs, unreadable);
        self.secrets = variables.secrets.clone();
        self.variables = variables.names().map(str::to_owned).collect();
        self.lacking = variables.lacking.clone();
        self.stored = variables.stored.clone();

        let mut value = Value::Object(root);
        let known = (&variables, self.environment.name());
        self.left_out = conditions.apply(&mut value, &mut self.spans, known, &mut self.findings);
        let mut path = DocPath::default();
        let touched = interpolate(&mut value, &variables, &mut path, &mut self.findings);
        let schema = schema::checked_schema();
        let secret: Vec<Vec<String>> =
            touched.keys().filter(|at| find::is_secret(&value, at, &self.secrets)).cloned().collect();
        let origin = Origin { spans: &self.spans, touched: &touched };
        self.findings.0.extend(check::check(&mut value, schema, schema, &path, &origin).0);
        let is_text = |finding: &Finding| find::at(&value, &finding.path.0).is_some_and(Value::is_string);
        unreadable.0.retain(|finding| !(yaml::is_of_number(finding) && is_text(finding)));
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
        self.need(&head);
        self.leave_out(is_placed, &mut sections, &mut head);
        self.settle(&mut head);
        let region = self.region(&head, inputs);
        let head = self.head(head)?;
        check_tags(&head.tags, &DocPath::of(["tags"]), &mut self.findings);
        self.check_encryption(&head);
        Some((head, region.unwrap_or_default(), sections))
    }

    /// Returns the map that a stack is. Reports any other value.
    fn root(&mut self, value: Value) -> Option<Map<String, Value>> {
        match value {
            Value::Object(root) => return Some(root),
            Value::Null => self.report_no_map("stack::empty", "the file says nothing"),
            _ => self.report_no_map("stack::wrong-type", "a stack is a map of properties and sections"),
        }
        None
    }

    /// Takes the conditions out of the sections.
    fn conditions(&mut self, root: &mut Map<String, Value>) -> Conditions {
        let sections: Vec<&str> = SECTIONS.iter().map(|section| section.name()).collect();
        let mut value = Value::Object(std::mem::take(root));
        let conditions = Conditions::take(&mut value, schema::checked_schema(), &sections, &mut self.findings);
        if let Value::Object(rest) = value {
            *root = rest;
        }
        conditions
    }

    /// Removes the elements and outputs that are not in the environment, or whose condition is false. An environment that the stack does not have
    /// leaves nothing out, and its file might have the values that are missing.
    fn leave_out(&mut self, is_placed: bool, sections: &mut Map<String, Value>, head: &mut Map<String, Value>) {
        if is_placed {
            self.environment.leave_out(sections, &mut self.left_out, &mut self.findings);
            leave_out_outputs(head, &self.left_out);
        } else {
            self.left_out.clear();
            self.findings.0.retain(|finding| finding.code != "stack::missing-variable");
        }
    }

    /// Reports a key for the state's bucket that its encryption does not use.
    fn check_encryption(&mut self, head: &Head) {
        if let Some(StateLocation::S3(StateBucket { encryption: Some(encryption), .. })) = &head.state
            && encryption.sse_algorithm == Algorithm::Aes256
            && encryption.kms_master_key_id.is_some()
        {
            let path = DocPath::of(["state", "encryption", "kms_master_key_id"]);
            self.findings
                .error("bucket::kms-key", path, "`AES256` uses keys of S3's own, not this one")
                .help("add `sse_algorithm: aws:kms` or remove the key");
        }
    }

    /// Rejects a secret in a property that takes no text: only texts are masked and stored as fingerprints.
    fn text_only(&mut self, at: Vec<String>, value: &Value) {
        if find::at(value, &at).is_some_and(|value| value.is_number() || value.is_boolean()) {
            self.findings.0.retain(|finding| finding.path.0 != at);
            self.findings
                .error("stack::secret-type", DocPath(at), "a secret has to be a text, and this property takes none")
                .help("drop `secret: true` from the variable, or write the value out");
        }
    }

    fn report_no_map(&mut self, code: &'static str, message: &str) {
        let help = "begin with `stack: NAME`, then sections such as `queues:`";
        self.findings.error(code, DocPath::default(), message).help(help).span = Some(self.spans.span(0, 1));
    }

    /// Removes `vars` from the document and resolves the variables' values.
    fn variables(&mut self, root: &mut Map<String, Value>, inputs: &Inputs, unreadable: &mut Findings) -> Variables {
        let mut vars = root.shift_remove("vars").unwrap_or_else(|| Value::Object(Map::new()));
        let path = DocPath::of(["vars"]);
        let schema = schema::checked_schema();
        let written = Spellings::of(&mut vars, &self.spans, &path, unreadable);
        let origin = Origin { spans: &self.spans, touched: &Default::default() };
        let found = check::check(&mut vars, schema, &schema["properties"]["vars"], &path, &origin);
        let bad = |name: &str| found.0.iter().any(|finding| finding.path.0.get(1).is_some_and(|part| part == name));
        let declared: BTreeMap<String, Option<Variable>> = vars
            .as_object()
            .into_iter()
            .flatten()
            .map(|(name, entry)| {
                // A wrongly declared variable still counts as declared, so that its uses cause no further findings.
                let entry = if bad(name) { None } else { Variable::deserialize(entry).ok() };
                (name.clone(), entry)
            })
            .collect();
        self.findings.0.extend(found.0);
        Variables::resolve(declared, written, inputs, &mut self.findings)
    }

    /// Reports variables without a value in the properties that every command needs.
    fn need(&mut self, head: &Map<String, Value>) {
        for (property, value) in head.iter().filter(|(name, _)| !WITHOUT_VALUES.contains(&name.as_str())) {
            for name in self.lacking.needed_by(value) {
                let why =
                    if self.stored.contains_key(&name) { "is read from AWS too late for it" } else { "is not set" };
                let message = format!("`{property}` needs the variable `{name}`, which {why}");
                self.findings
                    .error("stack::missing-variable", DocPath::of([property]), message)
                    .help(variables::how_to_give(&name));
            }
        }
    }

    /// Unescapes the properties that are needed before AWS is read, and rejects references in them.
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
                Ok(parts) if parts.iter().all(|part| matches!(part, template::TextPart::Text(_))) => {
                    *text = template::plain(text).unwrap_or_default();
                }
                Ok(parts) if !parts.iter().any(|part| matches!(part, template::TextPart::Var(_))) => {
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
        let state = head.get("state").and_then(|state| state.get("region")).and_then(Value::as_str);
        if let Some(state) = state {
            region::doubt(state, "the region of the state", DocPath::of(["state", "region"]), &mut self.findings);
        }
        if let Some(region) = head.get("region").filter(|region| !region.is_null()) {
            let region = region.as_str()?;
            region::doubt(region, "the region", DocPath::of(["region"]), &mut self.findings);
            return Some(region.to_owned());
        }
        let given = |name: &&'static str| Some((*name, inputs.env.get(*name).filter(|region| !region.is_empty())?));
        match ["AWS_REGION", "AWS_DEFAULT_REGION"].iter().find_map(given) {
            Some((name, region)) => region::of_environment(name, region, &mut self.findings),
            None if self.misspelt.contains("region") => None,
            None => {
                self.findings
                    .error("stack::missing-region", DocPath::of(["stack"]), "no region is given")
                    .help("add `region: eu-west-1` or set AWS_REGION");
                None
            }
        }
    }

    /// Deserializes the head. Without a usable head, the checker's findings say why.
    fn head(&mut self, head: Map<String, Value>) -> Option<Head> {
        let known = schema::checked_schema()["properties"].as_object()?;
        let mut head: Map<String, Value> = head.into_iter().filter(|(name, _)| known.contains_key(name)).collect();
        match Head::deserialize(Value::Object(head.clone())) {
            Ok(head) => return Some(head),
            Err(error) if !self.findings.has_errors() => self.report_no_map("stack::bad-value", &error.to_string()),
            Err(_) => {}
        }
        // The sections are checked even if the head is wrong: with the valid part of the head, and a placeholder for
        // the name.
        let wrong = |name: &String| self.findings.0.iter().any(|finding| finding.path.0.first() == Some(name));
        head.retain(|name, _| !wrong(name));
        head.entry("stack").or_insert_with(|| "stack".into());
        Head::deserialize(Value::Object(head)).ok()
    }
}

/// Lists the top-level keys that are misspelt, and `vars` if it is not a map. Findings that merely follow from a
/// missing key are suppressed.
fn misspelt(root: &Map<String, Value>) -> HashSet<String> {
    let Some(known) = schema::checked_schema()["properties"].as_object() else { return HashSet::new() };
    let properties: Vec<&str> = known.keys().map(String::as_str).collect();
    let meant = |name: &String| match uncovered::find_meaning(name, &properties, &[]) {
        WordMeaning::Property(meant) => Some(meant),
        WordMeaning::Word(_) | WordMeaning::Nothing => None,
    };
    let unknown = root.keys().filter(|name| !known.contains_key(*name));
    let mut misspelt: HashSet<String> =
        unknown.filter_map(meant).filter(|meant| !root.contains_key(*meant)).map(str::to_owned).collect();
    if root.get("vars").is_some_and(|vars| !vars.is_object()) {
        misspelt.insert("vars".to_owned());
    }
    misspelt
}

/// Reads an empty `alarms:`, and empty elements, as empty maps.
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
