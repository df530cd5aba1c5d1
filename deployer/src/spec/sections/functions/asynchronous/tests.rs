use serde_json::{Value, json};

use crate::graph::Graph;
use crate::pipeline;
use crate::spec::source::SourceText;
use crate::spec::variables::Inputs;

const REST: &str = "queues: { failed: {}, ordered: { fifo_queue: true } }\ntopics: { news: {} }\nbuses: { shop: {} }\nbuckets: { lost: { name: lost-1 } }\n";

fn text(settings: &str) -> SourceText {
    let functions = format!("functions: {{ web: {{ zip: w.zip, async: {settings} }}, next: {{ zip: n.zip }} }}\n");
    SourceText::new("stack.yaml", format!("stack: s\nregion: eu-west-1\n{REST}{functions}"))
}

fn graph(settings: &str) -> Graph {
    pipeline::check(text(settings), &Inputs::default()).expect("a sound stack").graph
}

fn spec(graph: &Graph, address: &str) -> Value {
    graph.node(address).unwrap_or_else(|| panic!("{address}")).spec.clone()
}

/// Returns the codes of the findings with their places.
fn found(settings: &str) -> Vec<(String, String)> {
    let failure = pipeline::check(text(settings), &Inputs::default()).map(drop);
    let findings = failure.map_err(|failure| failure.findings.0).err().unwrap_or_default();
    let errors = findings.into_iter().filter(|finding| finding.code.starts_with("function::"));
    errors.map(|finding| (finding.code.to_owned(), finding.path.to_string())).collect()
}

#[test]
fn settings_have_lambdas_defaults_and_exist_only_if_they_are_stated() {
    let with = graph("{ retries: 0 }");
    let config = spec(&with, "functions.web.async");
    assert_eq!(
        config,
        json!({ "function_name": "${functions.web.name}", "maximum_retry_attempts": 0, "maximum_event_age_in_seconds": 21_600 })
    );
    assert!(with.node("functions.next.async").is_none());
}

#[test]
fn each_destination_gets_the_permission_that_lambda_asks_for() {
    for (destination, arn, actions) in [
        ("{ queue: failed }", "${queues.failed.arn}", vec![("sqs:SendMessage", "${queues.failed.arn}")]),
        ("{ topic: news }", "${topics.news.arn}", vec![("sns:Publish", "${topics.news.arn}")]),
        ("{ function: next }", "${functions.next.arn}", vec![("lambda:InvokeFunction", "${functions.next.arn}")]),
        ("{ bus: shop }", "${buses.shop.arn}", vec![("events:PutEvents", "${buses.shop.arn}")]),
        (
            "{ bucket: lost }",
            "${buckets.lost.arn}",
            vec![("s3:ListBucket", "${buckets.lost.arn}"), ("s3:PutObject", "${buckets.lost.arn}/*")],
        ),
        (
            "{ queue: \"arn:aws:sqs:eu-west-1:123456789012:other\" }",
            "arn:aws:sqs:eu-west-1:123456789012:other",
            vec![("sqs:SendMessage", "arn:aws:sqs:eu-west-1:123456789012:other")],
        ),
    ] {
        let graph = graph(&format!("{{ on_failure: {destination} }}"));
        assert_eq!(spec(&graph, "functions.web.async")["on_failure"], arn);
        let role = spec(&graph, "functions.web.role");
        let statements = role["inline_policies"]["permissions"]["Statement"].as_array().expect("statements").clone();
        for (action, on) in actions {
            let wanted = json!({ "Effect": "Allow", "Action": [action], "Resource": on });
            assert!(statements.contains(&wanted), "{destination}: {statements:?}");
        }
    }
}

#[test]
fn destinations_that_lambda_refuses_or_that_never_end_are_found_at_their_place() {
    for (settings, code, place) in [
        ("{ on_success: {} }", "function::destination", "on_success"),
        ("{ on_success: { queue: failed, topic: news } }", "function::destination", "on_success"),
        ("{ on_success: { bucket: lost } }", "function::destination-bucket", "on_success.bucket"),
        ("{ on_success: { function: web } }", "function::destination-loop", "on_success.function"),
        ("{ on_failure: { queue: ordered } }", "function::fifo-destination", "on_failure"),
    ] {
        let place = format!("functions.web.async.{place}");
        assert_eq!(found(settings), [(code.to_owned(), place)], "{settings}");
    }
    assert_eq!(found("{ retries: 1, max_age: 1h, on_success: { bus: default } }"), []);
}
