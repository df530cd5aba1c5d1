//! The values of variables that are given from outside: arguments, files and the environment.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Declaration, ENVIRONMENT, Inputs};
use crate::spec::finding::{DocPath, Findings};
use crate::spec::nearest::{nearest, quoted};
use crate::spec::source::SourceText;
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
        for name in declared.keys() {
            if let Some(value) = inputs.env.get(&format!("{ENVIRONMENT}{name}")) {
                given.put(name, literal(value), None);
            }
        }
        for file in &inputs.var_files {
            let origin = file.path.display().to_string();
            let (values, mut written) = read_file(file, findings);
            for (name, value) in values {
                match value {
                    _ if unknown(&name, &origin, declared, findings) => {}
                    Value::String(text) => given.put(&name, literal(&text), None),
                    Value::Number(_) | Value::Bool(_) => {
                        let written = written.0.remove(&name);
                        given.put(&name, value, written);
                    }
                    _ => {
                        findings
                            .error(
                                "stack::variable",
                                DocPath::default(),
                                format!("{origin}: `{name}` is no text, number, true or false"),
                            )
                            .help("write `name: value`");
                    }
                }
            }
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

/// Reads a file of values. Its findings have no place in `stack.yaml`, so their messages name the file and the line.
fn read_file(file: &SourceText, findings: &mut Findings) -> (serde_json::Map<String, Value>, Spellings) {
    let mut written = Spellings::default();
    let parsed = file.text().and_then(yaml::parse).map(|mut parsed| {
        written = Spellings::of(&mut parsed.value, &parsed.spans, &DocPath::default(), &mut parsed.findings);
        parsed
    });
    let problems = match parsed {
        Ok(ParsedYaml { findings: problems, .. }) if problems.has_errors() => problems,
        Ok(ParsedYaml { value: Value::Object(map), .. }) => return (map, written),
        Ok(ParsedYaml { value: Value::Null, .. }) => return (serde_json::Map::new(), written),
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
        let place = problem.span.take().map_or(String::new(), |at| format!(":{}:{}", at.line, at.column));
        problem.message = format!("{}{place}: {}", file.path.display(), problem.message);
        problem.path = DocPath::default();
        findings.0.push(problem);
    }
    (serde_json::Map::new(), written)
}
