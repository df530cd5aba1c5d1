//! The documents that sound stacks become.

use serde_json::json;

use super::{inputs, load, messages_with, sound};
use crate::spec::finding::{At, DocPath};
use crate::spec::head::{StateBucket, StateLocation};
use crate::spec::source::SourceText;
use crate::spec::variables::Inputs;

#[test]
fn a_stack_loads_with_its_variables_put_in() {
    let document = sound(
        r#"
stack: couch-${vars.candidate}
region: eu-west-1
account: "012345678901"
state: { bucket: states, key: "${vars.candidate}/couch.json" }
vars: { candidate: "32", size: 2048, mail: { required: true } }
tags: { owner: "${vars.mail}", size: "${vars.size}" }
queues:
  jobs:
    name: jobs-${vars.candidate}
    maximum_message_size: ${vars.size}
    visibility_timeout: 2m
    redrive: { max_receive_count: 3 }
  empty:
outputs: { url: "${queues.jobs.url}" }
ci: { apply_on: [main, release] }
"#,
        &inputs(&["mail=a@example.org"]),
    );
    assert_eq!(document.stack(), "couch-32");
    assert_eq!(document.account(), Some("012345678901"));
    let state = StateBucket {
        bucket: "states".into(),
        key: "32/couch.json".into(),
        region: None,
        account: None,
        encryption: None,
    };
    assert_eq!(document.state(), Some(&StateLocation::S3(state)));
    assert_eq!(document.tags()["owner"], "a@example.org");
    assert_eq!(document.tags()["size"], "2048");
    assert_eq!(document.outputs()["url"], "${queues.jobs.url}");
    assert_eq!(document.ci().apply_on, ["main", "release"]);

    let (lowered, findings) = document.lower();
    assert_eq!(findings.0, []);
    let addresses: Vec<&str> = lowered.resources.iter().map(|resource| resource.address.as_str()).collect();
    assert_eq!(addresses, ["queues.jobs.dead_letter", "queues.jobs", "queues.empty"]);
    let jobs = &lowered.resources[1].spec;
    assert_eq!(jobs["name"], "jobs-32");
    assert_eq!(jobs["maximum_message_size"], 2048);
    assert_eq!(jobs["visibility_timeout"], 120);
    assert_eq!(lowered.resources[2].spec["name"], "couch-32-empty");
}

#[test]
fn a_text_from_outside_serves_where_a_number_is_wanted() {
    let stack = "stack: s\nvars: { n: 1, b: false }\nqueues: { q: { maximum_message_size: \"${vars.n}\", sqs_managed_sse_enabled: \"${vars.b}\", visibility_timeout: \"${vars.n}\" } }\n";
    let (lowered, _) = sound(stack, &inputs(&["n=4096", "b=true"])).lower();
    let queue = &lowered.resources[0].spec;
    assert_eq!(queue["maximum_message_size"], 4096);
    assert_eq!(queue["sqs_managed_sse_enabled"], true);
    assert_eq!(queue["visibility_timeout"], 4096);
}

#[test]
fn the_command_line_beats_files_which_beat_the_environment_which_beats_defaults() {
    let stack =
        "stack: s\nvars: { a: d, b: d, c: d, e: d }\ntags: { all: \"${vars.a} ${vars.b} ${vars.c} ${vars.e}\" }\n";
    let env = ["a", "b", "c"].map(|name| (format!("DEPLOYER_VAR_{name}"), "env".to_owned()));
    let inputs = Inputs {
        vars: vec!["a=cli".into()],
        var_files: vec![
            SourceText::new("one.yaml", "a: file\nb: first\n"),
            SourceText::new("two.json", "{\"b\": \"file\"}"),
        ],
        env: env.into_iter().chain([("AWS_DEFAULT_REGION".into(), "eu-north-1".into())]).collect(),
        ..Inputs::default()
    };
    let document = sound(stack, &inputs);
    assert_eq!(document.tags()["all"], "cli file env d");
    assert_eq!(document.region(), "eu-north-1");
}

#[test]
fn values_from_outside_are_taken_literally() {
    let stack = "stack: s\nvars: { a: { required: true } }\ntags: { t: \"${vars.a}\", u: \"x${vars.a}\" }\n";
    let document = sound(stack, &inputs(&["a=${queues.q.arn}$"]));
    assert_eq!(crate::spec::template::plain(&document.tags()["t"]).as_deref(), Some("${queues.q.arn}$"));
    assert_eq!(crate::spec::template::plain(&document.tags()["u"]).as_deref(), Some("x${queues.q.arn}$"));
}

#[test]
fn anchors_and_merge_keys_share_properties() {
    let document = sound(
        "stack: s\nqueues:\n  a: &base { delay_seconds: 5, visibility_timeout: 60 }\n  b: { <<: *base, delay_seconds: 7 }\n  c: *base\n",
        &inputs(&[]),
    );
    let (lowered, _) = document.lower();
    let delays: Vec<_> =
        lowered.resources.iter().map(|r| json!([r.spec["delay_seconds"], r.spec["visibility_timeout"]])).collect();
    assert_eq!(delays, [json!([5, 60]), json!([7, 60]), json!([5, 60])]);
}

#[test]
fn every_entry_can_be_pointed_at() {
    let text = "stack: s\nqueues:\n  é: {}\n  base: &b { delay_seconds: 5 }\n  q: { <<: *b, tags: { a: b } }\n  r: *b\n  s:\n    depends_on:\n      - queues.q\n";
    let text = text.replace("  é: {}\n", "  # é\n");
    let document = sound(&text, &inputs(&[]));
    let at = |path: &str, at: At| {
        let span = document.span(&DocPath::of(path.split('.')), at).unwrap();
        assert_eq!(span, document.span(&DocPath::of(path.split('.')), at).unwrap());
        format!("{}:{} {}", span.line, span.column, &text[span.start..span.end])
    };
    assert_eq!(at("stack", At::Value), "1:8 s");
    assert_eq!(at("queues.q.tags.a", At::Key), "5:24 a");
    assert_eq!(at("queues.q.delay_seconds", At::Value), "4:29 5");
    assert_eq!(at("queues.r.delay_seconds", At::Key), "4:14 delay_seconds");
    assert_eq!(at("queues.s.depends_on.0", At::Value), "9:9 queues.q");
    assert_eq!(at("queues.s", At::Value), "7:3 s");
    assert_eq!(at("queues.s.nothing.there", At::Value), "7:3 s");
    assert_eq!(document.locate("queues.q.dead_letter"), DocPath::of(["queues", "q"]));
}

#[test]
fn no_secret_shows_in_what_is_said() {
    let stack = "stack: s\nvars:\n  token: { secret: true, pattern: \"[a-z]+\" }\n  open: { secret: true, default: hunter22 }\nqueues:\n  q: { name: \"${vars.token}\", delay_seconds: hunter22 }\n";
    let said = messages_with(stack, &inputs(&["token=p4ss w0rd!"]));
    assert!(!said.contains("p4ss") && !said.contains("hunter22"), "{said}");
    assert!(said.contains("(sensitive)") && said.contains("********"), "{said}");
    let failed = load(stack, &inputs(&["token=p4ss w0rd!"])).unwrap_err();
    assert!(!format!("{failed:?}").contains("p4ss"));
}

#[test]
fn a_thousand_elements_have_a_thousand_places() {
    let mut stack = String::from("stack: s\nqueues:\n");
    for number in 0..1_000 {
        stack.push_str(&format!("  q{number}:\n    delay_seconds: 901\n    redrive: {{ max_receive_count: 3 }}\n"));
    }
    let failed = load(&stack, &inputs(&[])).unwrap_err();
    assert_eq!(failed.findings.0.len(), 1_000);
    assert!(failed.findings.0.iter().enumerate().all(|(n, finding)| finding.span.unwrap().line == 4 + 3 * n));
}
