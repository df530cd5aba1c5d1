use serde_json::{Value, json};

use crate::pipeline;
use crate::spec::source::SourceText;
use crate::spec::variables::Inputs;

/// Returns the specs of a stack's resources by address.
fn lowered(url: &str) -> Vec<(String, Value)> {
    let text = format!("stack: s\nregion: eu-west-1\nfunctions: {{ web: {{ zip: w.zip, url: {url} }} }}\n");
    let loaded = pipeline::check(SourceText::new("stack.yaml", text), &Inputs::default()).expect("a sound stack");
    let own = |address: &str| address.starts_with("functions.web.url");
    let nodes = loaded.graph.nodes().filter(|node| own(&node.address));
    nodes.map(|node| (node.address.clone(), node.spec.clone())).collect()
}

/// Returns the codes of the findings with their places.
fn found(url: &str) -> Vec<(String, String)> {
    let text = format!("stack: s\nregion: eu-west-1\nfunctions: {{ web: {{ zip: w.zip, url: {url} }} }}\n");
    let failure = pipeline::check(SourceText::new("stack.yaml", text), &Inputs::default()).map(drop);
    let findings = failure.map_err(|failure| failure.findings.0).err().unwrap_or_default();
    findings.into_iter().map(|finding| (finding.code.to_owned(), finding.path.to_string())).collect()
}

#[test]
fn a_public_url_has_the_two_statements_that_aws_asks_for_and_waits_for_them() {
    let all = lowered("true");
    let addresses: Vec<&str> = all.iter().map(|(address, _)| &address[..]).collect();
    for address in
        ["functions.web.url_permission[invoke_function]", "functions.web.url_permission[invoke_function_url]"]
    {
        assert!(addresses.contains(&address), "{addresses:?}");
    }
    for (address, spec) in &all {
        if address.contains("permission") {
            assert_eq!(spec["principal"], "*");
            let bounds = [&spec["function_url_auth_type"], &spec["invoked_via_function_url"]];
            assert!(
                bounds.contains(&&json!("NONE")) || bounds.contains(&&json!(true)),
                "no way in but the URL: {spec}"
            );
        } else {
            assert_eq!((&spec["auth_type"], &spec["invoke_mode"]), (&json!("NONE"), &json!("BUFFERED")));
        }
    }
}

#[test]
fn a_url_for_signed_requests_admits_nobody_by_the_functions_policy() {
    let all = lowered("{ authorization: AWS_IAM, invoke_mode: RESPONSE_STREAM }");
    assert_eq!(all.len(), 1, "{all:?}");
    assert_eq!((&all[0].1["auth_type"], &all[0].1["invoke_mode"]), (&json!("AWS_IAM"), &json!("RESPONSE_STREAM")));
    assert_eq!(lowered("false"), []);
}

#[test]
fn settings_that_browsers_or_lambda_refuse_are_found_at_their_place() {
    for (cors, code, place) in [
        ("{ allow_methods: [GET] }", "function::cors-origins", "url.cors"),
        ("{ allow_origins: [a.example] }", "function::cors-origin", "url.cors.allow_origins.0"),
        (
            "{ allow_origins: [\"*\"], allow_credentials: true }",
            "function::cors-credentials",
            "url.cors.allow_credentials",
        ),
        (
            "{ allow_origins: [\"*\"], allow_methods: [get, OPTIONS] }",
            "function::cors-method",
            "url.cors.allow_methods.1",
        ),
    ] {
        let place = format!("functions.web.{place}");
        assert_eq!(found(&format!("{{ cors: {cors} }}")), [(code.to_owned(), place)], "{cors}");
    }
    assert_eq!(found("{ cors: { allow_origins: [\"*\"], allow_methods: [get, \"*\"], max_age: 600 } }"), []);
}
