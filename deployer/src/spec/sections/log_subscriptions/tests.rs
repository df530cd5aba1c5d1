use serde_json::{Value, json};

use crate::pipeline;
use crate::spec::source::SourceText;
use crate::spec::variables::Inputs;

fn text(functions: &str) -> SourceText {
    SourceText::new("stack.yaml", format!("stack: s\nregion: eu-west-1\nfunctions: {functions}\n"))
}

/// Returns the specs of a stack's resources by address.
fn specs(functions: &str) -> Vec<(String, Value)> {
    let loaded = pipeline::check(text(functions), &Inputs::default()).expect("a sound stack");
    loaded.graph.nodes().map(|node| (node.address.clone(), node.spec.clone())).collect()
}

/// Returns the codes of the findings with their places.
fn found(functions: &str) -> Vec<(String, String)> {
    let failure = pipeline::check(text(functions), &Inputs::default()).map(drop);
    let findings = failure.map_err(|failure| failure.findings.0).err().unwrap_or_default();
    let own = findings.into_iter().filter(|finding| finding.code.starts_with("log_group::"));
    own.map(|finding| (finding.code.to_owned(), finding.path.to_string())).collect()
}

#[test]
fn a_function_admits_the_lines_of_this_group_alone() {
    let all = specs("{ web: { zip: w.zip, log_subscriptions: [ { function: reader } ] }, reader: { zip: r.zip } }");
    let of = |address: &str| &all.iter().find(|(own, _)| own == address).expect("it").1;
    let filter = of("functions.web.log_subscription[reader]");
    assert_eq!((&filter["filter_name"], &filter["filter_pattern"]), (&json!("reader"), &json!("")));
    assert_eq!(filter["role_arn"], Value::Null);
    let permission = of("functions.web.log_subscription_permission[reader]");
    assert_eq!(permission["source_arn"], "${functions.web.log_group.arn}:*");
    assert_eq!(permission["source_account"], "${aws.account_id}");
}

#[test]
fn streams_share_a_role_that_log_groups_of_the_account_alone_may_assume() {
    let stream = "{ stream: \"arn:aws:kinesis:eu-west-1:123456789012:stream/lines\" }";
    let firehose = "{ firehose: \"arn:aws:firehose:eu-west-1:123456789012:deliverystream/store\" }";
    let all = specs(&format!("{{ web: {{ zip: w.zip, log_subscriptions: [ {stream}, {firehose} ] }} }}"));
    let of = |address: &str| &all.iter().find(|(own, _)| own == address).expect("it").1;
    let role = of("functions.web.log_subscription_role");
    let statements = role["inline_policies"]["permissions"]["Statement"].as_array().expect("statements");
    let actions: Vec<&Value> = statements.iter().map(|statement| &statement["Action"]).collect();
    assert_eq!(actions, [&json!("kinesis:PutRecord"), &json!("firehose:PutRecord")]);
    let bound = &role["assume_role_policy"]["Statement"][0]["Condition"]["StringLike"]["aws:SourceArn"];
    assert_eq!(bound, "arn:${aws.partition}:logs:${aws.region}:${aws.account_id}:*");
    for label in ["lines", "store"] {
        let filter = of(&format!("functions.web.log_subscription[{label}]"));
        assert_eq!(filter["role_arn"], "${functions.web.log_subscription_role.arn}");
    }
}

#[test]
fn lines_that_cause_lines_without_end_are_refused() {
    let own = found("{ web: { zip: w.zip, log_subscriptions: [ { function: web } ] } }");
    let place = "functions.web.log_subscriptions.0.function";
    assert_eq!(own, [("log_group::subscription-loop".to_owned(), place.to_owned())]);
    let each_other = found(
        "{ a: { zip: w.zip, log_subscriptions: [ { function: b } ] }, b: { zip: w.zip, log_subscriptions: [ { function: a } ] } }",
    );
    assert_eq!(each_other.len(), 2, "{each_other:?}");
    let chain = found("{ a: { zip: w.zip, log_subscriptions: [ { function: b } ] }, b: { zip: w.zip } }");
    assert_eq!(chain, []);
}

#[test]
fn a_filter_that_is_not_closed_and_an_arn_of_another_service_are_found_at_their_places() {
    let stream = "arn:aws:kinesis:eu-west-1:123456789012:stream/lines";
    let of = |one: &str| found(&format!("{{ web: {{ zip: w.zip, log_subscriptions: [ {{ {one} }} ] }} }}"));
    let at = |code: &str, property: &str| {
        [(format!("log_group::{code}"), format!("functions.web.log_subscriptions.0.{property}"))]
    };
    for filter in ["{ $.a = ", "{ $.a = }", "[ip, user", "{ $.a = 1 && }"] {
        assert_eq!(of(&format!("stream: \"{stream}\", filter: \"{filter}\"")), at("filter", "filter"), "{filter}");
    }
    for filter in ["{ $.a = 1 }", "[ip, user]", "ERROR", "{ ($.a = x) || ($.b = y) }"] {
        assert_eq!(of(&format!("stream: \"{stream}\", filter: \"{filter}\"")), [], "{filter}");
    }
    assert_eq!(of(&format!("firehose: \"{stream}\"")), at("subscription", "firehose"));
}
