//! Unquoted values of text properties arrive exactly as written.

use serde_json::{Value, json};

use crate::spec::source::SourceText;
use crate::spec::tests::{inputs, messages, sound};
use crate::spec::variables::Inputs;

/// Values that people leave unquoted and that YAML reads as numbers, truth values or null.
const WRITTEN: &[&str] = &[
    "1.10",
    "1.20",
    "680841e1",
    "2e30",
    "+4712345678",
    "0x1F",
    "0o17",
    ".5",
    "-.5",
    "5.",
    "1e3",
    "1E3",
    "010",
    "1_000",
    "0",
    "-0",
    "00",
    "True",
    "TRUE",
    "False",
    "true",
    "NO",
    "yes",
    "2026-11-30",
    "12:30:45",
    "1.2.3",
    "9007199254740993",
    "18446744073709551616",
    "123456789012345678901234567890",
    ".inf",
    "-.Inf",
    ".nan",
    "0b11",
    "+.5",
    "1.0",
];

fn environment(stack: &str, inputs: &Inputs) -> Value {
    let document = sound(stack, inputs);
    let (lowered, _) = document.lower();
    let function = lowered.resources.into_iter().find(|resource| resource.kind == "lambda.function").unwrap();
    function.spec["environment"].clone()
}

fn each(entry: impl Fn(usize, &str) -> String) -> String {
    WRITTEN.iter().enumerate().map(|(n, text)| entry(n, text)).collect()
}

fn expected_values() -> Value {
    WRITTEN.iter().enumerate().map(|(n, text)| (format!("V{n}"), json!(text))).collect::<serde_json::Map<_, _>>().into()
}

#[test]
fn in_the_environment() {
    let block = each(|n, text| format!("      V{n}: {text}   # as it is\n"));
    let stack = format!("stack: s\nfunctions:\n  f:\n    zip: f.zip\n    environment:\n{block}");
    assert_eq!(environment(&stack, &inputs(&[])), expected_values());
    let flow = each(|n, text| format!("V{n}: {text}, "));
    let stack = format!("stack: s\nfunctions: {{ f: {{ zip: f.zip, environment: {{ {flow} }} }} }}\n");
    assert_eq!(environment(&stack, &inputs(&[])), expected_values());
}

#[test]
fn by_anchors_and_from_where_they_are_kept() {
    let stack = "stack: s\nx-env: &env { V: 1.10, W: &w 0x1F }\nfunctions: { f: { zip: f.zip, environment: { <<: *env, X: *w } } }\n";
    assert_eq!(environment(stack, &inputs(&[])), json!({ "V": "1.10", "W": "0x1F", "X": "0x1F" }));
}

#[test]
fn by_variables_alone_and_in_a_text() {
    let vars = each(|n, text| format!("  v{n}: {text}\n  d{n}: {{ default: {text} }}\n  o{n}: ${{vars.v{n}}}\n"));
    let uses = |variable: &str, around: &str| {
        let entries = each(|n, _| format!("      V{n}: \"{around}${{vars.{variable}{n}}}\"\n"));
        format!("stack: s\nvars:\n{vars}functions:\n  f:\n    zip: f.zip\n    environment:\n{entries}")
    };
    for variable in ["v", "d", "o"] {
        assert_eq!(environment(&uses(variable, ""), &inputs(&[])), expected_values(), "{variable}");
    }
    let around: Value = WRITTEN
        .iter()
        .enumerate()
        .map(|(n, text)| (format!("V{n}"), json!(format!("v{text}"))))
        .collect::<serde_json::Map<_, _>>()
        .into();
    assert_eq!(environment(&uses("v", "v"), &inputs(&[])), around);
}

#[test]
fn by_files_of_variables() {
    let declared = each(|n, _| format!("  v{n}: {{ required: true }}\n"));
    let entries = each(|n, _| format!("      V{n}: ${{vars.v{n}}}\n"));
    let stack = format!("stack: s\nvars:\n{declared}functions:\n  f:\n    zip: f.zip\n    environment:\n{entries}");
    let file = SourceText::new("prod.yaml", each(|n, text| format!("v{n}: {text}\n")));
    let given = Inputs { var_files: vec![file], ..inputs(&[]) };
    assert_eq!(environment(&stack, &given), expected_values());
    // The command line overrides every other source.
    let given = Inputs { vars: vec!["v0=1.1".into()], ..given };
    assert_eq!(environment(&stack, &given)["V0"], "1.1");
}

#[test]
fn a_variable_keeps_its_type_where_a_number_is_needed() {
    let stack = "stack: s\nvars: { size: 0x400, wide: 1e2, on: True, delay: 5 }\nqueues:\n  q: { delay_seconds: \"${vars.delay}\", maximum_message_size: \"${vars.size}\", sqs_managed_sse_enabled: \"${vars.on}\" }\ntopics:\n  t: { subscriptions: [ { email: a@example.com, filter_policy: { width: [ \"${vars.wide}\" ] } } ] }\n";
    let (lowered, _) = sound(stack, &inputs(&[])).lower();
    let queue = &lowered.resources[0].spec;
    assert_eq!(
        json!([queue["delay_seconds"], queue["maximum_message_size"], queue["sqs_managed_sse_enabled"]]),
        json!([5, 1024, true])
    );
    assert_eq!(lowered.resources[2].spec["filter_policy"], r#"{"width":[100.0]}"#);
}

#[test]
fn what_a_variable_may_be_is_compared_as_it_is_written() {
    let stack = |default: &str| {
        format!(
            "stack: s\nvars: {{ version: {{ default: {default}, allowed: [ 1.10, 1.20 ], pattern: '1\\.[12]0' }} }}\ntags: {{ version: \"${{vars.version}}\" }}\n"
        )
    };
    assert_eq!(messages(&stack("1.10")), "");
    assert!(messages(&stack("1.1")).contains("`version` cannot be `1.1`"), "{}", messages(&stack("1.1")));
}

#[test]
fn a_secret_that_looks_like_a_number_is_masked_as_it_is_written() {
    let stack = "stack: s\nvars: { pin: { secret: true, default: 1234567.10 } }\nqueues: { q: { name: \"a b ${vars.pin}\" } }\n";
    let said = messages(stack);
    assert!(!said.contains("1234567"), "{said}");
}
