//! One cause is one finding, at the place where it is written.

use crate::spec::tests::inputs;

/// Returns the code, the place and the message of each error of the whole check.
fn errors(stack: &str) -> Vec<String> {
    let text = format!("stack: s\nregion: eu-west-1\nqueues: {{ q: {{}}, fifo: {{ fifo_queue: true }} }}\n{stack}\n");
    let source = crate::spec::source::SourceText::new("stack.yaml", text.as_str());
    let failure = crate::pipeline::check(source, &inputs(&[])).err().expect("an error");
    let findings = failure.findings.errors().0;
    findings.into_iter().map(|finding| format!("{} {}: {}", finding.code, finding.path, finding.message)).collect()
}

#[test]
fn a_name_that_does_not_exist_is_reported_where_it_is_written_and_not_where_it_leads_to() {
    assert_eq!(
        errors("rules: { r: { bus: nope, pattern: { source: [x] }, targets: [ { queue: q } ] } }"),
        ["stack::unknown-reference rules.r.bus: this stack has no `buses.nope`"]
    );
    assert_eq!(
        errors("functions: { f: { zip: f.zip, events: [ { table: nope } ] } }"),
        ["stack::unknown-reference functions.f.events.0.table: this stack has no `tables.nope`"]
    );
}

#[test]
fn a_part_that_the_section_misses_is_no_second_error() {
    let function = "functions: { f: { zip: f.zip } }\n";
    let http = "http_apis: { h: { routes: { \"GET /x\": { function: f, authorizer: nope } } } }";
    let [one] = &errors(&format!("{function}{http}"))[..] else { panic!("one error") };
    assert!(one.starts_with("http_api::authorizer http_apis.h.routes.GET /x.authorizer"), "{one}");
    let rest = "apis: { h: { routes: { \"GET /x\": { function: f, model: Nope } } } }";
    let [one] = &errors(&format!("{function}{rest}"))[..] else { panic!("one error") };
    assert!(one.starts_with("api::model apis.h.routes"), "{one}");
}

#[test]
fn values_that_follow_from_a_refused_one_are_not_reported_in_aws_words() {
    let [one] = &errors("functions: { f: { zip: f.zip, events: [ {} ] } }")[..] else { panic!("one error") };
    assert!(one.starts_with("function::event-source"), "{one}");
    let [one] = &errors("tables: { a: { partition_key: {} } }")[..] else { panic!("one error") };
    assert!(one.contains("tables.a.partition_key"), "{one}");
    let two =
        "functions: { f: { zip: f.zip, events: [ { schedule: rate(5 minutes) }, { schedule: rate(6 minutes) } ] } }";
    let [one] = &errors(two)[..] else { panic!("one error") };
    assert!(one.starts_with("function::schedule-name"), "{one}");
}

#[test]
fn receivers_that_eventbridge_and_scheduler_refuse_are_found_before_any_call() {
    let fifo = "topics: { t: { fifo_topic: true } }\n";
    let rule = "rules: { r: { pattern: { source: [x] }, targets: [ { topic: t } ] } }";
    let [one] = &errors(&format!("{fifo}{rule}"))[..] else { panic!("one error") };
    assert!(one.starts_with("rule::message-group rules.r.targets.0.topic"), "{one}");
    let arn = "rules: { r: { pattern: { source: [x] }, targets: [ { queue: \"arn:aws:sqs:eu-west-1:123456789012:a.fifo\" } ] } }";
    assert!(errors(arn)[0].starts_with("rule::message-group"), "a queue of others, too");
    let [one] = &errors("buses: { b: { dead_letter: fifo } }")[..] else { panic!("one error") };
    assert!(one.starts_with("bus::dead-letter-type buses.b.dead_letter"), "{one}");
    let text =
        "functions: { f: { zip: f.zip } }\nschedules: { s: { schedule: rate(1 day), function: f, input: text } }";
    let [one] = &errors(text)[..] else { panic!("one error") };
    assert!(one.starts_with("schedule::input schedules.s.input"), "{one}");
    let own = "functions: { f: { zip: f.zip, events: [ { schedule: rate(1 day), input: text } ] } }";
    assert!(errors(own)[0].starts_with("schedule::input functions.f.events.0.input"));
    let firehose = "arn:aws:firehose:eu-west-1:123456789012:deliverystream/x";
    let stream =
        format!("schedules: {{ s: {{ schedule: rate(1 day), stream: \"{firehose}\", partition_key: a, input: a }} }}");
    assert!(errors(&stream)[0].starts_with("schedule::target schedules.s.stream"));
}

#[test]
fn what_aws_refuses_or_ignores_is_found() {
    let empty = "buckets: { b: { notifications: [ { queue: q, events: [] } ] } }";
    assert!(errors(empty)[0].starts_with("stack::too-few buckets.b.notifications.0.events"));
    let policy = "roles: { r: { trust: [lambda.amazonaws.com], inline_policies: { p: { Version: \"2012-10-17\", Statement: [] } } } }";
    assert!(errors(policy)[0].starts_with("policy::shape roles.r.inline_policies.p.Statement"));
    let logs = "functions: { f: { zip: f.zip } }\nhttp_apis: { h: { routes: { $default: f }, access_logs: { log_group_arn: \"arn:aws:logs:eu-west-1:123456789012:log-group:x\", retention_in_days: 7 } } }";
    let [one] = &errors(logs)[..] else { panic!("one error") };
    assert!(one.starts_with("http_api::log-group http_apis.h.access_logs.retention_in_days"), "{one}");
}
