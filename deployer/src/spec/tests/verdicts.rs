//! AWS's verdicts on small stacks: each is refused exactly where AWS refuses, and stacks at the limits are not.

use regex_lite::Regex;
use serde_yaml::Value;

use crate::pipeline;
use crate::spec::finding::{Findings, Severity};
use crate::spec::source::SourceText;
use crate::spec::variables::Inputs;

/// Writes `<x*3>` out: `xxx`.
fn written_out(text: &str) -> String {
    let repeated = Regex::new(r"<(.)\*([0-9]+)>").expect("a pattern");
    repeated
        .replace_all(text, |found: &regex_lite::Captures<'_>| found[1].repeat(found[2].parse().expect("a number")))
        .into_owned()
}

fn findings(text: String) -> Findings {
    match pipeline::check(SourceText::new("stack.yaml", text), &Inputs::default()) {
        Ok(loaded) => loaded.warnings,
        Err(failure) => failure.findings,
    }
}

/// Returns the verdict on a stack, in the form of the table. Of warnings only the expected one counts.
fn verdict(found: &Findings, expected: &str) -> String {
    let written = |severity: Severity| {
        let of = found.0.iter().filter(move |finding| finding.severity == severity);
        of.map(|finding| format!("{} {}", finding.code, finding.path)).collect::<Vec<_>>()
    };
    let (errors, warnings) = (written(Severity::Error), written(Severity::Warning));
    match expected.strip_prefix("warning ") {
        Some(warning) if errors.is_empty() && warnings.iter().any(|found| found == warning) => expected.to_owned(),
        _ if errors.is_empty() => "fine".to_owned(),
        _ => errors.join(" + "),
    }
}

#[test]
fn every_stack_is_refused_exactly_where_aws_refuses_it() {
    let table = written_out(include_str!("verdicts.yaml"));
    let mut table: Value = serde_yaml::from_str(&table).expect("a list of stacks");
    table.apply_merge().expect("the anchors exist");
    let cases = table.as_sequence().expect("a list of stacks");
    assert!(cases.len() >= 100, "{}", cases.len());
    let mut wrong = Vec::new();
    for case in cases {
        let mut stack = case.as_mapping().expect("a stack").clone();
        let mut take = |key: &str| stack.remove(key).and_then(|value| value.as_str().map(str::to_owned));
        let (says, source) = (take("says").expect("a verdict"), take("source").expect("a source"));
        let sections = serde_json::to_string(&stack).expect("sections");
        let text = format!("{{ stack: s, region: eu-west-1, {}", &sections[1..]);
        let found = verdict(&findings(text.clone()), &says);
        if found != says {
            wrong.push(format!("{text:.200}\n  AWS: {says} ({source})\n  deployer: {found}"));
        }
    }
    assert!(wrong.is_empty(), "{} of {} stacks:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
}
