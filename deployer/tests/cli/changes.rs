//! Changes each property alone. It is planned as that one change, applied, and then no longer a change.

use crate::bench::{Bench, changes, ready_zip};
use crate::lifecycle::SHOP;

/// A text of the stack, its replacement, and the expected plan.
type Case = (&'static str, &'static str, &'static [&'static str]);

/// Applies each case to the stack, compares its plan, and reverts it.
async fn each(cases: &[Case]) {
    let bench = Bench::new(SHOP).await;
    bench.apply();
    for (from, to, expected) in cases {
        assert_eq!(SHOP.matches(from).count(), 1, "{from:?} stands once in the stack");
        bench.write("stack.yaml", &SHOP.replace(from, to));
        let plan = bench.plan();
        assert_eq!(changes(&plan), *expected, "{from:?} → {to:?}: {plan:#}");
        bench.apply();
        assert_eq!(changes(&bench.plan()), [""; 0], "{from:?} → {to:?} is not applied");
        bench.write("stack.yaml", SHOP);
        bench.apply();
        assert_eq!(changes(&bench.plan()), [""; 0], "{to:?} → {from:?} is not applied");
    }
    bench.settled();
}

#[tokio::test]
async fn queues() {
    each(&[
        (
            "visibility_timeout: 60s",
            "visibility_timeout: 90s",
            &["update queues.orders visibility_timeout"],
        ),
        ("    visibility_timeout: 60s\n", "", &["update queues.orders visibility_timeout"]),
        (
            "message_retention_period: 4d",
            "message_retention_period: 120",
            &["update queues.orders message_retention_period"],
        ),
        ("spare: {}", "spare: { delay_seconds: 7 }", &["update queues.spare delay_seconds"]),
        (
            "spare: {}",
            "spare: { receive_message_wait_time_seconds: 20 }",
            &["update queues.spare receive_message_wait_time_seconds"],
        ),
        ("spare: {}", "spare: { maximum_message_size: 2048 }", &["update queues.spare maximum_message_size"]),
        (
            "spare: {}",
            "spare: { policy: { Version: 2012-10-17, Statement: [ { Effect: Allow, Principal: { Service: sns.amazonaws.com }, Action: sqs:SendMessage, Resource: \"*\" } ] } }",
            &["update queues.spare policy"],
        ),
        (
            "max_receive_count: 5",
            "max_receive_count: 9",
            &["update queues.orders redrive_policy.max_receive_count"],
        ),
        (
            "    redrive: { max_receive_count: 5 }\n",
            "",
            &["update queues.orders redrive_policy.dead_letter_target_arn redrive_policy.max_receive_count", "delete queues.orders.dead_letter"],
        ),
        ("spare: {}", "spare: { tags: { shelf: top } }", &["update queues.spare tags.shelf"]),
    ])
    .await;
}

#[tokio::test]
async fn functions() {
    each(&[
        ("memory_size: 256", "memory_size: 512", &["update functions.worker memory_size"]),
        ("    memory_size: 256\n", "", &["update functions.worker memory_size"]),
        ("timeout: 10s", "timeout: 20s", &["update functions.worker timeout"]),
        ("MODE: fast", "MODE: slow", &["update functions.worker environment.MODE"]),
        ("MODE: fast", "MODE: fast, LEVEL: 3", &["update functions.worker environment.LEVEL"]),
        ("    environment: { MODE: fast }\n", "", &["update functions.worker environment.MODE"]),
        ("description: Takes orders", "description: Takes all orders", &["update functions.worker description"]),
        ("    description: Takes orders\n", "", &["update functions.worker description"]),
        ("log_retention: 14", "log_retention: 30", &["update functions.worker.log_group retention_in_days"]),
        (
            "    memory_size: 256\n",
            "    memory_size: 256\n    reserved_concurrency: 3\n",
            &["update functions.worker reserved_concurrent_executions"],
        ),
        (
            "    memory_size: 256\n",
            "    memory_size: 256\n    ephemeral_storage: 1024\n",
            &["update functions.worker ephemeral_storage"],
        ),
        (
            "    memory_size: 256\n",
            "    memory_size: 256\n    application_log_level: DEBUG\n",
            &["update functions.worker logging_config.application_log_level"],
        ),
        (
            "    memory_size: 256\n",
            "    memory_size: 256\n    architecture: arm64\n",
            &["update functions.worker architectures"],
        ),
        (
            "    permissions:\n      - { allow: s3:GetObject, on: \"arn:aws:s3:::shop/*\" }\n    events",
            "    permissions:\n      - { allow: s3:PutObject, on: \"arn:aws:s3:::shop/*\" }\n    events",
            &["update functions.worker.role inline_policies.permissions"],
        ),
    ])
    .await;
}

#[tokio::test]
async fn mappings() {
    each(&[
        ("batch_size: 5", "batch_size: 7", &["update functions.worker.event[orders] batch_size"]),
        ("batch_size: 5, ", "", &["update functions.worker.event[orders] batch_size"]),
        (
            "maximum_concurrency: 2",
            "maximum_concurrency: 9",
            &["update functions.worker.event[orders] maximum_concurrency"],
        ),
        (", maximum_concurrency: 2", "", &["update functions.worker.event[orders] maximum_concurrency"]),
        (
            "maximum_concurrency: 2",
            "maximum_concurrency: 2, enabled: false",
            &["update functions.worker.event[orders] enabled"],
        ),
        (
            "maximum_concurrency: 2",
            "maximum_concurrency: 2, maximum_batching_window: 5",
            &["update functions.worker.event[orders] maximum_batching_window_in_seconds"],
        ),
        (
            "maximum_concurrency: 2",
            "maximum_concurrency: 2, report_batch_item_failures: false",
            &["update functions.worker.event[orders] function_response_types"],
        ),
        (
            "maximum_concurrency: 2",
            "maximum_concurrency: 2, filter: [ { body: { kind: [order] } } ]",
            &["update functions.worker.event[orders] filter_patterns"],
        ),
    ])
    .await;
}

#[tokio::test]
async fn alarms_and_topics() {
    each(&[
        ("threshold: 30", "threshold: 45.5", &["update alarms.age threshold"]),
        ("period: 60s", "period: 120s", &["update alarms.age period"]),
        (
            "evaluation_periods: 1",
            "evaluation_periods: 3",
            &["update alarms.age evaluation_periods datapoints_to_alarm"],
        ),
        ("    alarm_actions: [ \"${topics.alarms.arn}\" ]\n", "", &["update alarms.age alarm_actions"]),
        ("    statistic: Maximum\n", "    statistic: Average\n", &["update alarms.age statistic"]),
        (
            "    statistic: Maximum\n",
            "    statistic: Maximum\n    alarm_description: Too old\n",
            &["update alarms.age alarm_description"],
        ),
        (
            "    statistic: Maximum\n",
            "    statistic: Maximum\n    treat_missing_data: notBreaching\n",
            &["update alarms.age treat_missing_data"],
        ),
        ("display_name: Shop", "display_name: Sofas", &["update topics.alarms display_name"]),
        ("    display_name: Shop\n", "", &["update topics.alarms display_name"]),
        (
            "{ email: ops@example.com }",
            "{ email: ops@example.com }, { email: boss@example.com }",
            &["create topics.alarms.subscription[email:boss@example.com]"],
        ),
        (
            "{ email: ops@example.com }",
            "{ email: boss@example.com }",
            &[
                "create topics.alarms.subscription[email:boss@example.com]",
                "delete topics.alarms.subscription[email:ops@example.com]",
            ],
        ),
    ])
    .await;
}

#[tokio::test]
async fn roles_log_groups_and_buckets() {
    each(&[
        ("description: Reads", "description: Reads all", &["update roles.reader description"]),
        ("    description: Reads\n", "", &["update roles.reader description"]),
        (
            "    description: Reads\n",
            "    description: Reads\n    max_session_duration: 2h\n",
            &["update roles.reader max_session_duration"],
        ),
        (
            "trust: [ lambda.amazonaws.com ]",
            "trust: [ lambda.amazonaws.com, sqs.amazonaws.com ]",
            &["update roles.reader assume_role_policy"],
        ),
        (
            "    description: Reads\n",
            "    description: Reads\n    inline_policies: { more: { Version: 2012-10-17, Statement: [ { Effect: Deny, Action: s3:PutObject, Resource: \"*\" } ] } }\n",
            &["update roles.reader inline_policies.more"],
        ),
        ("retention_in_days: 30", "retention_in_days: 90", &["update log_groups.audit retention_in_days"]),
        ("{ retention_in_days: 30 }", "{}", &["update log_groups.audit retention_in_days"]),
        ("force_destroy: true", "force_destroy: true, versioning: true", &["update buckets.files versioning"]),
        (
            "force_destroy: true",
            "force_destroy: true, tags: { shelf: top }",
            &["update buckets.files tags.shelf"],
        ),
    ])
    .await;
}

#[tokio::test]
async fn apis() {
    each(&[
        ("description: Orders", "description: All orders", &["update apis.shop description"]),
        (
            "    description: Orders\n",
            "    description: Orders\n    variables: { shelf: top }\n",
            &["update apis.shop.stage variables.shelf"],
        ),
    ])
    .await;
}

#[tokio::test]
async fn tags_of_the_whole_stack_and_code() {
    let bench = Bench::new(SHOP).await;
    bench.apply();
    for tags in ["tags: { team: chairs }", "tags: { team: chairs, floor: \"2\" }", "tags: {}", "tags: { team: sofa }"] {
        bench.write("stack.yaml", &SHOP.replace("tags: { team: sofa }", tags));
        let plan = bench.plan();
        let planned = changes(&plan);
        assert!(!planned.is_empty() && planned.iter().all(|line| line.starts_with("update ")), "{planned:?}");
        for action in plan["actions"].as_array().unwrap() {
            for change in action["changes"].as_array().unwrap() {
                let path = change["path"].as_str().unwrap();
                assert!(["tags.team", "tags.floor"].contains(&path), "{path} of {}", action["address"]);
            }
        }
        bench.apply();
        assert_eq!(changes(&bench.plan()), [""; 0], "{tags} is not applied");
    }
    std::fs::write(bench.path().join("worker.zip"), ready_zip("two")).expect("a file");
    assert_eq!(changes(&bench.plan()), ["update functions.worker code.sha256"]);
    bench.apply();
    bench.settled();
}
