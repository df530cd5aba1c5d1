//! `vars:` — a stack's inputs, and where their values come from.
//!
//! `--var NAME=VALUE` beats `--var-file`, which beats `DEPLOYER_VAR_NAME`, which beats the environment's own file, which
//! beats the default. A value that AWS stores (`from_ssm`, `from_secret`) stands in the place of a default. Loading does
//! not read it: without it the variable has no value yet, and the stack is loaded again with it.

mod declared;
mod given;
mod lacking;
mod stored;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::finding::{DocPath, Findings};
use super::nearest::quoted;
use super::secrets::{LEAST, SHORTEST, Secrets};
use super::source::SourceText;
use super::template::{self, TextPart};
use super::written::Spellings;
use crate::aws::stored::{Stored, StoredValue};
use given::GivenValues;

pub use declared::{Declaration, Scalar, Variable};
pub use lacking::MissingVariables;

/// The prefix of environment variables that set a stack variable.
pub const ENVIRONMENT: &str = "DEPLOYER_VAR_";
/// The longest chain of defaults that refer to each other.
const DEEPEST: usize = 100;

/// The inputs of a run besides the text of `stack.yaml`.
#[derive(Debug, Clone, Default)]
pub struct Inputs {
    /// `NAME=VALUE`, as given on the command line.
    pub vars: Vec<String>,
    /// Files with a map of values; a later file overrides an earlier one.
    pub var_files: Vec<SourceText>,
    /// The file with the values of the environment that `preview` names, if there is one.
    pub env_file: Option<SourceText>,
    /// The environment variables: `DEPLOYER_VAR_…`, `AWS_REGION`, `AWS_DEFAULT_REGION`.
    pub env: BTreeMap<String, String>,
    /// The environment of `--env`; `None` for the stack itself.
    pub preview: Option<String>,
    /// The environment exists, so it need not be declared.
    pub is_known: bool,
    /// A required variable without a value is unknown, and no mistake.
    pub accept_missing: bool,
    /// A secret without a value is unknown, and stored secrets are not read: the plan keeps what AWS has.
    pub keep_secrets: bool,
    /// The values that were read from AWS, by variable.
    pub stored: BTreeMap<String, StoredValue>,
}

impl Inputs {
    /// Tells the user how to give a variable, in the environment's file first.
    fn how_to_give(&self, name: &str) -> String {
        match &self.env_file {
            Some(file) => format!("add it to {}, {}", file.path.display(), how_to_give(name)),
            None => how_to_give(name),
        }
    }
}

/// Tells the user how to give a variable.
pub fn how_to_give(name: &str) -> String {
    format!("pass `--var {name}=…` or set {ENVIRONMENT}{name}")
}

/// The variables of a stack with their values.
#[derive(Debug, Default)]
pub struct Variables {
    /// Texts are templates: literal ones have their `${` escaped. `None` means declared, but without a usable value.
    values: BTreeMap<String, Option<Value>>,
    /// How numbers and truth values are written in the source.
    written: Spellings,
    pub secrets: Secrets,
    pub lacking: MissingVariables,
    /// The places of values that AWS stores and that were not read yet, by variable.
    pub stored: BTreeMap<String, Stored>,
}

impl Variables {
    /// Resolves the value of each entry of `vars:` and adds mistakes to `findings`. `None` is an entry that is declared
    /// wrongly and reported already.
    pub fn resolve(
        declared: BTreeMap<String, Option<Variable>>,
        written: Spellings,
        inputs: &Inputs,
        findings: &mut Findings,
    ) -> Self {
        let broken =
            declared.iter().filter(|(_, entry)| entry.is_none()).map(|(name, _)| (name.clone(), None)).collect();
        let declared: BTreeMap<_, _> = declared
            .into_iter()
            .map(|(name, entry)| (name, entry.map(Variable::declaration).unwrap_or_default()))
            .collect();
        let given = GivenValues::collect(&declared, inputs, findings);
        let mut resolver = Resolver {
            declared: &declared,
            given,
            written,
            done: broken,
            open: Vec::new(),
            lacking: MissingVariables::default(),
            inputs,
            stored: BTreeMap::new(),
            plain: BTreeSet::new(),
            findings,
        };
        for name in declared.keys() {
            resolver.value(name);
        }
        let Resolver { done: values, written, lacking, stored, plain, .. } = resolver;
        let mut variables = Self { values, written, secrets: Secrets::default(), lacking, stored };
        for (name, declaration) in &declared {
            let is_secret = declaration.is_secret() && !plain.contains(name);
            variables.check(name, declaration, is_secret, findings);
        }
        variables.check_places(findings);
        variables
    }

    /// Returns the value of a variable: `None` if it is not declared, `Some(None)` if its value is missing or wrong.
    pub fn get(&self, name: &str) -> Option<Option<&Value>> {
        self.values.get(name).map(Option::as_ref)
    }

    /// Returns a variable's number or truth value as it is written.
    pub fn spelling(&self, name: &str) -> Option<&str> {
        self.written.0.get(name).map(String::as_str)
    }

    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.values.keys().map(String::as_str)
    }

    /// Checks a value against `pattern` and `allowed`, and records it if it is secret.
    fn check(&mut self, name: &str, declaration: &Declaration, is_secret: bool, findings: &mut Findings) {
        let path = DocPath::of(["vars", name]);
        let text = match self.values.get(name) {
            Some(Some(Value::String(text))) => template::plain(text),
            Some(Some(other)) => {
                let plain = other.to_string();
                if is_secret {
                    self.secrets.add_variable(name, &plain);
                }
                Some(self.spelling(name).map_or(plain, str::to_owned))
            }
            _ => None,
        };
        let Some(text) = text else { return };
        if is_secret {
            self.check_secret(name, &text, declaration, findings);
        }
        let shown = if is_secret { "its value".to_owned() } else { format!("`{text}`") };
        if let Some(allowed) = &declaration.allowed
            && !allowed.iter().any(|value| value.text() == text)
        {
            let allowed: Vec<String> = allowed.iter().map(Scalar::text).collect();
            findings
                .error("stack::bad-value", path.then("default"), format!("`{name}` cannot be {shown}"))
                .help(format!("it is one of {}", quoted(allowed.iter().map(String::as_str))));
        }
        let Some(pattern) = &declaration.pattern else { return };
        match regex_lite::Regex::new(&format!("^(?:{pattern})$")) {
            Ok(regex) if !regex.is_match(&text) => {
                let help = declaration.description.clone().unwrap_or_else(|| format!("it has to match `{pattern}`"));
                findings
                    .error("stack::bad-value", path.then("default"), format!("{shown} does not fit `{name}`"))
                    .help(help);
            }
            Ok(_) => {}
            Err(error) => {
                findings
                    .error("stack::bad-value", path.then("pattern"), "this is no regular expression")
                    .help(error.to_string());
            }
        }
    }

    /// Records a secret, and reports one that is too short or stands in the file.
    fn check_secret(&mut self, name: &str, text: &str, declaration: &Declaration, findings: &mut Findings) {
        let path = DocPath::of(["vars", name]);
        if (1..LEAST).contains(&text.trim().len()) {
            findings
                .error(
                    "stack::tiny-secret",
                    path.clone(),
                    format!("the secret `{name}` is shorter than {LEAST} bytes: it is guessed at once, and it is a part of too many other texts to be masked"),
                )
                .help(format!("use a longer secret{}", declaration.unless_secret()));
        } else {
            self.secrets.add_variable(name, text);
            if text.len() < SHORTEST {
                findings
                    .warning("stack::short-secret", path.clone(), format!("the secret `{name}` is shorter than {SHORTEST} bytes, so it may be masked in other texts, and its encoded forms are not"))
                    .help("use a longer secret");
            }
            if declaration.default.as_ref().is_some_and(|default| !default.text().is_empty()) {
                findings
                    .warning(
                        "stack::secret-default",
                        path.then("default"),
                        format!("the secret `{name}` stands in the file for all to read"),
                    )
                    .help(format!("remove the default and set {ENVIRONMENT}{name}"));
            }
        }
    }
}

/// Resolves values; a default may use other variables.
struct Resolver<'a> {
    declared: &'a BTreeMap<String, Declaration>,
    given: GivenValues,
    /// The spellings of the declared values, to which those of resolved values are added.
    written: Spellings,
    done: BTreeMap<String, Option<Value>>,
    /// The variables whose defaults are being resolved, to detect circles.
    open: Vec<String>,
    /// The variables without a value, where that is no mistake.
    lacking: MissingVariables,
    inputs: &'a Inputs,
    /// The places of values that AWS stores and that were not read yet.
    stored: BTreeMap<String, Stored>,
    /// The variables whose values AWS stores in clear.
    plain: BTreeSet<String>,
    findings: &'a mut Findings,
}

impl Resolver<'_> {
    fn value(&mut self, name: &str) -> Option<Value> {
        if let Some(done) = self.done.get(name) {
            return done.clone();
        }
        let found = self.find(name);
        self.done.insert(name.to_owned(), found.clone());
        found
    }

    fn find(&mut self, name: &str) -> Option<Value> {
        let declaration = self.declared.get(name)?;
        let path = DocPath::of(["vars", name]);
        if declaration.required && declaration.default.is_some() {
            self.findings
                .error("stack::bad-value", path.clone(), format!("`{name}` is required and has a default"))
                .help("keep one of the two");
        }
        self.check_source(declaration, &path);
        // Workflows pass on secrets that are not set as empty texts.
        let keeps = self.inputs.keep_secrets && declaration.is_secret();
        let is_given = |given: &&Value| !((declaration.is_stored() || keeps) && given.as_str() == Some(""));
        if let Some(given) = self.given.values.get(name).filter(is_given) {
            self.written.0.remove(name);
            self.written.0.extend(self.given.written.0.remove_entry(name));
            return Some(given.clone());
        }
        if declaration.is_stored() {
            return self.stored_value(name, declaration, &path);
        }
        let Some(default) = &declaration.default else {
            if self.inputs.accept_missing || keeps {
                self.lacking.add(name, declaration.is_secret());
                return None;
            }
            let what = declaration.description.as_ref().map_or(String::new(), |what| format!(" ({what})"));
            self.findings
                .error("stack::missing-variable", path, format!("the variable `{name}`{what} is not set"))
                .help(self.inputs.how_to_give(name))
                .at_key();
            return None;
        };
        match default {
            Scalar::Text(text) if text.contains("${") => {
                let value = self.default(name, text, &path);
                // A variable whose default is another variable takes that one's spelling.
                let other = super::interpolate::alone(text).and_then(|other| self.written.0.get(&other).cloned());
                self.written.0.extend(other.map(|text| (name.to_owned(), text)));
                value
            }
            _ => Some(default.value()),
        }
    }

    fn default(&mut self, name: &str, text: &str, path: &DocPath) -> Option<Value> {
        if self.open.len() >= DEEPEST {
            self.findings
                .error(
                    "stack::variable-cycle",
                    path.clone(),
                    format!("more than {DEEPEST} variables need each other in a row"),
                )
                .help("give one of them a value of its own");
            return None;
        }
        self.open.push(name.to_owned());
        let value = self.expand(text, path);
        self.open.pop();
        value
    }

    fn expand(&mut self, text: &str, path: &DocPath) -> Option<Value> {
        let used: BTreeSet<String> = template::parse(text)
            .unwrap_or_default()
            .into_iter()
            .filter_map(|part| if let TextPart::Var(name) = part { Some(name) } else { None })
            .collect();
        let mut values = BTreeMap::new();
        for name in used {
            if let Some(begin) = self.open.iter().position(|open| *open == name) {
                let circle = self.open[begin..].iter().chain([&name]).cloned().collect::<Vec<_>>().join(" → ");
                self.findings
                    .error("stack::variable-cycle", path.clone(), format!("variables need each other: {circle}"))
                    .help("give one of them a value of its own");
                values.insert(name, None);
            } else if self.declared.contains_key(&name) {
                let value = self.value(&name);
                if let (None, Some(user)) = (&value, self.open.last()) {
                    let is_secret = self.declared.get(user).is_some_and(Declaration::is_secret);
                    self.lacking.follow(user, is_secret, &name);
                }
                values.insert(name, value);
            }
        }
        let known = Variables { values, written: self.written.clone(), ..Variables::default() };
        let names: Vec<&str> = self.declared.keys().map(String::as_str).collect();
        super::interpolate::text(text, &known, &names, path, self.findings)
    }
}
