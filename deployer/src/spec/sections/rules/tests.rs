use serde_json::{Value, json};

use super::*;
use crate::pipeline;
use crate::spec::secrets::Secrets;
use crate::spec::sections::Common;
use crate::spec::source::SourceText;
use crate::spec::variables::Inputs;

fn with_scope<T>(run: impl FnOnce(&Scope<'_>) -> T) -> T {
    let (common, tags) = (Common::default(), Default::default());
    run(&Scope {
        is_preview: false,
        stack: "shop",
        section: "rules",
        name: "paid",
        common: &common,
        stack_tags: &tags,
        secrets: &Secrets::default(),
    })
}

fn codes(element: Value) -> Vec<String> {
    let mut findings = Findings::default();
    with_scope(|at| Rules::check(&serde_json::from_value(element).unwrap(), at, &mut findings));
    findings.0.into_iter().map(|f| format!("{} {}", f.code, f.path)).collect()
}

fn lower(element: Value) -> LoweredStack {
    let mut out = LoweredStack::default();
    with_scope(|at| Rules::lower(serde_json::from_value(element).unwrap(), at, &mut out));
    out
}

/// Lowers a whole stack. Returns the resources by address, and the codes of the warnings.
fn stack(text: &str) -> (BTreeMap<String, Value>, Vec<&'static str>) {
    let text = format!("stack: shop\nregion: eu-west-1\n{text}");
    let loaded = pipeline::check(SourceText::new("stack.yaml", text.as_bytes()), &Inputs::default());
    let loaded = loaded.map_err(|failure| failure.findings.0).expect("no error");
    let codes = loaded.warnings.0.iter().map(|finding| finding.code).collect();
    let resources = loaded.document.lower().0.resources;
    (resources.into_iter().map(|resource| (resource.address, resource.spec)).collect(), codes)
}

fn policy(spec: &Value) -> Value {
    serde_json::from_str(spec["policy"].as_str().expect("a policy")).expect("JSON")
}

#[test]
fn a_function_is_permitted_to_this_rule_before_the_rule_calls_it() {
    let out = lower(json!({ "pattern": { "source": ["shop"] }, "targets": [{ "function": "ship" }] }));
    let [permission, rule] = &out.resources[..] else { panic!("{:?}", out.resources) };
    let arn = "arn:${aws.partition}:events:${aws.region}:${aws.account_id}:rule/shop-paid";
    assert_eq!((&permission.spec["source_arn"], &permission.spec["principal"]), (&json!(arn), &json!(SERVICE)));
    assert!(rule.depends_on.contains(&permission.address));
    assert_eq!(rule.spec["targets"]["function-ship"]["arn"], "${functions.ship.arn}");
    assert_eq!((&rule.spec["event_bus_name"], &rule.spec["state"]), (&json!("default"), &json!("ENABLED")));
}

#[test]
fn a_rule_of_another_bus_has_the_bus_in_its_arn_and_writes_to_a_bus_with_a_role() {
    let out = lower(json!({ "bus": "orders", "pattern": { "source": ["shop"] }, "targets": [{ "bus": "default" }] }));
    let [role, rule] = &out.resources[..] else { panic!("{:?}", out.resources) };
    let condition = &role.spec["assume_role_policy"]["Statement"][0]["Condition"];
    let arn = condition["ArnEquals"]["aws:SourceArn"].as_str().expect("an ARN");
    assert!(arn.ends_with(":rule/${buses.orders.name}/shop-paid"), "{arn}");
    let allowed = &role.spec["inline_policies"]["permissions"]["Statement"][0];
    assert_eq!(allowed["Action"], "events:PutEvents");
    assert_eq!(rule.spec["targets"]["bus-default"]["role_arn"], "${rules.paid.role.arn}");
}

#[test]
fn queues_and_topics_get_a_policy_for_the_rules_that_send_to_them() {
    let (all, codes) = stack(
        "queues: { jobs: {}, dead: {} }\ntopics: { news: {} }\nrules:\n  \
         a: { pattern: { source: [shop] }, targets: [ { queue: jobs, dead_letter: dead }, { topic: news } ] }\n  \
         b: { pattern: { source: [shop] }, targets: [ { queue: jobs } ] }\n",
    );
    assert!(codes.is_empty(), "{codes:?}");
    let jobs = policy(&all["queues.jobs"]);
    assert_eq!(jobs["Statement"].as_array().map(Vec::len), Some(1));
    let sources = &jobs["Statement"][0]["Condition"]["ArnEquals"]["aws:SourceArn"];
    assert_eq!(sources.as_array().map(Vec::len), Some(2));
    assert!(policy(&all["queues.dead"])["Statement"][0]["Condition"].to_string().contains("rule/shop-a"));
    let news = policy(&all["topics.news"]);
    assert_eq!(news["Statement"][0]["Sid"], "__default_statement_ID", "alarms go on publishing");
    assert_eq!(news["Statement"][1]["Principal"]["Service"], SERVICE);
}

#[test]
fn a_policy_that_the_user_wrote_is_extended_unless_it_lets_eventbridge_send() {
    let with = |principal: &str| {
        let policy = format!(
            "{{ Version: \"2012-10-17\", Statement: [ {{ Sid: own, Effect: Allow, Principal: {principal}, Action: sqs:SendMessage, Resource: \"${{queues.jobs.arn}}\" }} ] }}"
        );
        stack(&format!("queues: {{ jobs: {{ policy: {policy} }} }}\nrules: {{ a: {{ pattern: {{ source: [shop] }}, targets: [ {{ queue: jobs }} ] }} }}\n")).0
    };
    let sids = |all: BTreeMap<String, Value>| {
        let policy = policy(&all["queues.jobs"]);
        policy["Statement"].as_array().expect("statements").iter().map(|one| one["Sid"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(sids(with("{ Service: sns.amazonaws.com }")), ["own", "EventBridge"]);
    assert_eq!(sids(with("{ Service: events.amazonaws.com }")), ["own"]);
    assert_eq!(
        sids(with(
            "{ Service: events.amazonaws.com }, Condition: { ArnEquals: { aws:SourceArn: \"arn:aws:events:eu-west-1:123456789012:rule/shop-a\" } }"
        )),
        ["own"]
    );
    let other = "{ Service: events.amazonaws.com }, Condition: { ArnEquals: { aws:SourceArn: \"arn:aws:events:eu-west-1:123456789012:rule/shop-b\" } }";
    assert_eq!(sids(with(other)), ["own", "EventBridge"], "it lets another rule send");
}

#[test]
fn what_contradicts_itself_is_found_at_its_place() {
    let with = |target: Value| codes(json!({ "pattern": { "source": ["shop"] }, "targets": [target] }));
    assert!(with(json!({ "queue": "jobs" })).is_empty());
    assert_eq!(with(json!({})), ["rule::target rules.paid.targets.0"]);
    assert_eq!(with(json!({ "queue": "a", "topic": "b" })), ["rule::target rules.paid.targets.0"]);
    assert_eq!(
        with(json!({ "topic": "a", "message_group_id": "b" })),
        ["rule::target rules.paid.targets.0.message_group_id"]
    );
    assert_eq!(with(json!({ "queue": "a", "role": "arn:r" })), ["rule::target rules.paid.targets.0.role"]);
    assert_eq!(with(json!({ "bus": "default" })), ["rule::own-bus rules.paid.targets.0.bus"]);
    let twice =
        json!({ "pattern": { "source": ["shop"] }, "targets": [{ "queue": "a" }, { "queue": "a", "input": {} }] });
    assert_eq!(codes(twice), ["rule::target-twice rules.paid.targets.1"]);
}
