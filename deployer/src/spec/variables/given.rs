//! The values of variables that are given from outside: arguments, files and the environment.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::{Declaration, ENVIRONMENT, Inputs};
use crate::spec::finding::{At, DocPath, Findings, Span};
use crate::spec::nearest::{nearest, quoted};
use crate::spec::source::SourceText;
use crate::spec::spans::SpanIndex;
use crate::spec::template;
use crate::spec::written::Spellings;
use crate::spec::yaml::{self, ParsedYaml};

/// The values given from outside. A stronger source overrides a weaker one. Numbers and truth values keep their
/// spelling.
#[derive(Default)]
pub(super) struct GivenValues {
    pub values: BTreeMap<String, Value>,
    pub written: Spellings,
}

impl GivenValues {
    pub fn collect(declared: &BTreeMap<String, Declaration>, inputs: &Inputs, findings: &mut Findings) -> Self {
        let mut given = Self::default();
        if let Some(file) = &inputs.env_file {
            given.put_file(file, declared, findings);
            warn_of_secrets(file, &given, declared, findings);
        }
        for name in declared.keys() {
            if let Some(value) = inputs.env.get(&format!("{ENVIRONMENT}{name}")) {
                given.put(name, literal(value), None);
            }
        }
        for file in &inputs.var_files {
            given.put_file(file, declared, findings);
        }
        // An argument without a name may be a bare secret, so it is not quoted.
        for (at, argument) in inputs.vars.iter().enumerate() {
            match argument.split_once('=') {
                Some((name, value)) if !unknown(name, "--var", declared, findings) => {
                    given.put(name, literal(value), None);
                }
                Some(_) => {}
                None => {
                    findings
                        .error("stack::variable", DocPath::default(), format!("value {} of `--var` has no `=`", at + 1))
                        .help("write `--var NAME=VALUE`");
                }
            }
        }
        given
    }

    /// Adds the values of a file.
    fn put_file(&mut self, file: &SourceText, declared: &BTreeMap<String, Declaration>, findings: &mut Findings) {
        let Some(ValuesFile { values, mut written, spans }) = read_file(file, findings) else { return };
        for (name, value) in values {
            let origin = placed(file, spans.find(&DocPath::of([&name]), At::Key));
            match value {
                _ if unknown(&name, &origin, declared, findings) => {}
                Value::String(text) => self.put(&name, literal(&text), None),
                Value::Number(_) | Value::Bool(_) => {
                    let written = written.0.remove(&name);
                    self.put(&name, value, written);
                }
                _ => {
                    let message = format!("{origin}: `{name}` is no text, number, true or false");
                    findings.error("stack::variable", DocPath::default(), message).help("write `name: value`");
                }
            }
        }
    }

    fn put(&mut self, name: &str, value: Value, written: Option<String>) {
        self.values.insert(name.to_owned(), value);
        self.written.0.remove(name);
        self.written.0.extend(written.map(|text| (name.to_owned(), text)));
    }
}

fn literal(text: &str) -> Value {
    Value::String(template::escape(text))
}

fn unknown(name: &str, origin: &str, declared: &BTreeMap<String, Declaration>, findings: &mut Findings) -> bool {
    if declared.contains_key(name) {
        return false;
    }
    let names = || declared.keys().map(String::as_str);
    let help = match nearest(name, names()) {
        Some(meant) => format!("did you mean `{meant}`?"),
        None if declared.is_empty() => format!("declare it: `vars: {{ {name}: {{ required: true }} }}`"),
        None => format!("there are {}; or declare it in `vars:`", quoted(names())),
    };
    findings
        .error("stack::unknown-variable", DocPath::default(), format!("{origin}: the stack has no variable `{name}`"))
        .help(help);
    true
}

/// A file of values.
struct ValuesFile {
    values: Map<String, Value>,
    written: Spellings,
    spans: SpanIndex,
}

/// Warns of secrets in the environment's file, which is in the repository beside `stack.yaml`. `given` has only the
/// values of that file so far.
fn warn_of_secrets(
    file: &SourceText,
    given: &GivenValues,
    declared: &BTreeMap<String, Declaration>,
    findings: &mut Findings,
) {
    for name in given.values.keys().filter(|name| declared.get(*name).is_some_and(|declared| declared.is_secret())) {
        let message = format!("the secret `{name}` stands in {} for all to read", file.path.display());
        findings
            .warning("stack::secret-default", DocPath::of(["vars", name]), message)
            .help(format!("remove it from that file and set {ENVIRONMENT}{name}"));
    }
}

/// Writes a file's name with a place in it.
fn placed(file: &SourceText, at: Option<Span>) -> String {
    let place = at.map_or(String::new(), |at| format!(":{}:{}", at.line, at.column));
    format!("{}{place}", file.path.display())
}

/// Reads a file of values. Its findings have no place in `stack.yaml`, so their messages name the file and the line.
fn read_file(file: &SourceText, findings: &mut Findings) -> Option<ValuesFile> {
    let mut written = Spellings::default();
    let parsed = file.text().and_then(yaml::parse).map(|mut parsed| {
        written = Spellings::of(&mut parsed.value, &parsed.spans, &DocPath::default(), &mut parsed.findings);
        parsed
    });
    let problems = match parsed {
        Ok(ParsedYaml { findings: problems, .. }) if problems.has_errors() => problems,
        Ok(ParsedYaml { value: Value::Object(values), spans, .. }) => {
            return Some(ValuesFile { values, written, spans });
        }
        Ok(ParsedYaml { value: Value::Null, .. }) => return None,
        Ok(_) => {
            let mut problems = Findings::default();
            problems
                .error("stack::variable", DocPath::default(), "a map is expected")
                .help("write `name: value` lines");
            problems
        }
        Err(problems) => problems,
    };
    for mut problem in problems.0 {
        problem.message = format!("{}: {}", placed(file, problem.span.take()), problem.message);
        problem.path = DocPath::default();
        findings.0.push(problem);
    }
    None
}
