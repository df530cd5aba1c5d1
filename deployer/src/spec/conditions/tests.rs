use serde_json::json;

use super::expression::{Condition, Operand};
use crate::pipeline;
use crate::spec::document::Document;
use crate::spec::source::SourceText;
use crate::spec::variables::Inputs;

fn holds(text: &str) -> Option<bool> {
    let condition = Condition::parse(text).unwrap_or_else(|help| panic!("{text}: {help}"));
    let again = Condition::parse(&condition.to_string()).expect("a condition is shown as one");
    let mut value = |operand: &Operand, _: bool| match operand {
        Operand::Text(text) => Some(text.clone()),
        Operand::Env => Some("main".to_owned()),
        Operand::Variable(name) => match name.as_str() {
            "stage" => Some("production".to_owned()),
            "on" => Some("true".to_owned()),
            _ => None,
        },
    };
    assert_eq!(again.holds(&mut value), condition.holds(&mut value), "{condition}");
    condition.holds(&mut value)
}

#[test]
fn conditions_compare_texts_and_join() {
    for (text, expected) in [
        ("${vars.stage} == production", Some(true)),
        ("${vars.stage} != 'production'", Some(false)),
        ("${vars.on}", Some(true)),
        ("not ${vars.on}", Some(false)),
        ("${env} in [main, staging]", Some(true)),
        ("${env} not in [main, staging]", Some(false)),
        ("${vars.stage} == test or ${env} == main and ${vars.on}", Some(true)),
        ("(${vars.stage} == test or ${env} == main) and not ${vars.on}", Some(false)),
        ("${vars.on} == true", Some(true)),
        ("\"a b\" == 'a b'", Some(true)),
        ("${vars.unknown} == a", None),
        ("${vars.unknown} == a or ${vars.on}", Some(true)),
        ("${vars.unknown} == a and ${vars.on}", None),
        ("not (${vars.unknown} == a and not ${vars.on})", Some(true)),
    ] {
        assert_eq!(holds(text), expected, "{text}");
    }
}

#[test]
fn mistakes_say_what_to_write() {
    let help = |text: &str| Condition::parse(text).expect_err(text);
    assert_eq!(help("vars.stage == a"), "write `${vars.stage}`");
    assert_eq!(help("env == main"), "write `${env}`");
    assert_eq!(help("${vars.a} && ${vars.b}"), "write `and`");
    assert_eq!(help("!${vars.a}"), "write `not`, or `!=` between two values");
    assert_eq!(help("${vars.a} = b"), "write `==`");
    assert!(help("${queues.q.arn} == a").contains("not known before AWS is asked"));
    assert_eq!(help("${env} in main"), "write a list: `in [a, b]`");
    assert_eq!(help("(${vars.a}"), "a `)` is missing");
    assert!(help("${vars.a} ==").starts_with("a value is missing at the end"));
    assert!(help("${vars.a} b").starts_with("`b` is one too many here"));
    assert!(help("").starts_with("a value is missing"));
    assert!(help(&"(".repeat(10_000)).contains("flatter"));
    assert!(help(&"not ".repeat(10_000)).contains("flatter"));
}

const STACK: &str = r#"
stack: shop
region: eu-west-1
vars: { stage: { default: test }, loud: { default: false } }
queues:
  jobs: {}
  audit: { when: "${vars.stage} == production" }
topics:
  news:
    policy: { Version: "2012-10-17", Statement: [ { Sid: a, Effect: Allow, Principal: "*", Action: "sns:Publish", Resource: "*", Condition: { StringEquals: { "aws:PrincipalTag/when": x } } } ] }
    subscriptions:
      - { email: a@example.com, when: "${vars.loud}" }
      - { sqs: jobs }
      - { sqs: audit, when: "${vars.stage} == production" }
      - { https: "http://example.com" }
outputs: { audit: "${queues.audit.url}" }
"#;

fn load(text: &str, vars: &[&str]) -> (Option<Document>, Vec<String>) {
    let inputs = Inputs { vars: vars.iter().map(|&one| one.to_owned()).collect(), ..Inputs::default() };
    let said = |findings: &crate::spec::finding::Findings| {
        let place = |span: Option<crate::spec::finding::Span>| span.map_or((0, 0), |span| (span.line, span.column));
        findings.0.iter().map(|one| format!("{} {:?}", one.code, place(one.span))).collect()
    };
    match pipeline::check(SourceText::new("stack.yaml", text.as_bytes()), &inputs) {
        Ok(loaded) => (Some(loaded.document), said(&loaded.warnings)),
        Err(failure) => (None, said(&failure.findings)),
    }
}

#[test]
fn what_a_condition_leaves_out_is_gone_and_everything_else_keeps_its_place() {
    let (document, findings) = load(STACK, &[]);
    assert!(document.is_none());
    assert_eq!(findings, ["topic::endpoint (15, 18)"], "the entry behind two that are left out");
    let sound = STACK.replace("      - { https: \"http://example.com\" }\n", "");
    let (document, findings) = load(&sound, &[]);
    assert!(findings.is_empty(), "{findings:?}");
    let document = document.expect("a document");
    assert_eq!(
        document.left_out().get("queues.audit").map(String::as_str),
        Some("`when: ${vars.stage} == production`")
    );
    let addresses = |document: &Document| {
        document.lower().0.resources.into_iter().map(|resource| resource.address).collect::<Vec<_>>()
    };
    assert_eq!(addresses(&document), ["queues.jobs", "topics.news", "topics.news.subscription[sqs:queues.jobs.arn]"]);
    let (document, _) = load(&sound, &["stage=production", "loud=true"]);
    assert_eq!(addresses(&document.expect("a document")).len(), 6);
}

#[test]
fn a_condition_that_is_none_is_reported_at_its_place() {
    let with = |vars: &str, when: &str| {
        load(&format!("stack: s\nregion: eu-west-1\nvars: {vars}\nqueues:\n  q:\n    when: {when}\n"), &[]).1
    };
    assert_eq!(with("{ a: b }", "\"${vars.a}\""), ["stack::condition (6, 11)"], "neither true nor false");
    assert_eq!(with("{}", "vars.a"), ["stack::condition (6, 11)"]);
    assert_eq!(with("{}", "[ a ]"), ["stack::condition (6, 11)"]);
    assert_eq!(with("{}", "${vars.b} == a"), ["stack::unknown-variable (6, 11)"]);
    assert!(with("{}", "false").is_empty());
    let secret = "{ a: { default: 0123456789abcdef, secret: true } }";
    let found = with(secret, "${vars.a} == a");
    assert!(found.contains(&"stack::condition (6, 11)".to_owned()), "a plan would show it: {found:?}");
}

#[test]
fn a_key_of_a_document_without_a_form_is_no_condition() {
    let text = "stack: s\nregion: eu-west-1\nschedules:\n  tidy: { schedule: rate(1 hour), queue: jobs, input: { steps: [ { when: later } ] } }\nqueues: { jobs: {} }\n";
    let (document, findings) = load(text, &[]);
    assert!(findings.is_empty(), "{findings:?}");
    let resources = document.expect("a document").lower().0.resources;
    let input = resources.iter().find_map(|resource| resource.spec["target"]["input"].as_str()).expect("an input");
    assert_eq!(
        serde_json::from_str::<serde_json::Value>(input).expect("JSON"),
        json!({ "steps": [ { "when": "later" } ] })
    );
}
