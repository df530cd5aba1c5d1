//! Preview environments: copies of a stack under other names, each with a state of its own and destroyed on its own.

use serde_json::Value;

use crate::bench::{Bench, RunOutput};
use crate::catalog::inventory;

const STACK: &str = "
stack: shop
region: eu-west-1
state: { bucket: BUCKET, key: shop.json }
buckets: { shared: { name: BUCKET, external: true } }
queues:
  orders: { redrive: { max_receive_count: 5 } }
  named: { name: special-queue, tags: { stage: \"${env}\" } }
  own: { name: \"${env}-own-queue\" }
functions:
  worker: { zip: worker.zip, timeout: 5s, events: [ { queue: orders } ], environment: { QUEUE: \"${queues.named.name}\", SHARED: \"${buckets.shared.name}\" } }
apis: { front: { stage: live, routes: { \"GET /x\": worker } } }
topics: { bells: {} }
alarms:
  late:
    namespace: AWS/SQS
    metric_name: ApproximateAgeOfOldestMessage
    dimensions: { QueueName: \"${queues.orders.name}\" }
    statistic: Maximum
    comparison_operator: GreaterThanThreshold
    threshold: 30
    period: 60s
    evaluation_periods: 1
    alarm_actions: [ \"${topics.bells.arn}\" ]
outputs: { queue: \"${queues.orders.name}\", stage: \"${stack.env}\" }
";

/// Lists everything in the account except the state's bucket.
async fn made(bench: &Bench) -> Vec<String> {
    inventory(&bench.aws).await.into_iter().filter(|name| !name.contains(&bench.bucket())).collect()
}

#[tokio::test]
async fn two_environments_stand_beside_the_stack_and_end_by_themselves() {
    let bench = Bench::new(STACK).await;
    bench.ok(&["apply", "-y"]);
    let main = made(&bench).await;
    for env in ["pr-7", "feature-x"] {
        bench.ok(&["--env", env, "apply", "-y"]);
        let plan: Value = serde_json::from_str(&bench.ok(&["--env", env, "plan", "--json"])).expect("JSON");
        assert_eq!(plan["stack"], format!("shop@{env}"));
        assert_eq!(crate::bench::changes(&plan), [""; 0], "{plan:#}");
        assert_eq!(bench.ok(&["--env", env, "output", "queue"]).trim(), format!("shop-orders-{env}"));
        assert_eq!(bench.ok(&["--env", env, "output", "stage"]).trim(), env);
    }
    bench.settled();
    let all = made(&bench).await;
    assert_eq!(all.len(), 3 * main.len(), "{all:#?}");
    assert!(main.iter().all(|name| all.contains(name)), "{all:#?}");
    for name in ["special-queue", "special-queue-pr-7", "main-own-queue", "pr-7-own-queue", "shop-orders-pr-7-dlq"] {
        assert!(all.iter().any(|found| found.ends_with(name)), "{name}: {all:#?}");
    }
    let url = format!("{}/{}/special-queue-pr-7", crate::common::cloud().endpoint_url, bench.aws.place.account);
    let tags = bench.aws.clients.sqs.list_queue_tags().queue_url(url).send().await.expect("the queue's tags");
    let tag = |key: &str| tags.tags().and_then(|tags| tags.get(key)).map(String::as_str);
    assert_eq!(
        (tag("deployer:env"), tag("deployer:stack"), tag("stage")),
        (Some("pr-7"), Some("shop@pr-7"), Some("pr-7"))
    );

    let listed = bench.ok(&["env", "list"]);
    let names: Vec<&str> = listed.lines().filter_map(|line| line.split_whitespace().next()).collect();
    assert_eq!(names, ["feature-x", "pr-7"], "{listed}");
    assert!(bench.object("shop.env.pr-7.json").await.is_some());

    bench.ok(&["env", "destroy", "pr-7", "--auto-approve"]);
    let left = made(&bench).await;
    assert_eq!(left.len(), 2 * main.len(), "{left:#?}");
    assert!(left.iter().all(|name| !name.contains("pr-7")), "{left:#?}");
    assert!(bench.object("shop.env.pr-7.json").await.is_none());
    bench.settled();
    bench.ok(&["destroy", "-y"]);
    let left = made(&bench).await;
    assert!(left.len() == main.len() && left.iter().all(|name| !main.contains(name)), "{left:#?}");
    assert!(bench.ok(&["--env", "feature-x", "plan"]).contains("\n\nNo changes. "));
}

#[tokio::test]
async fn only_environments_that_nobody_applied_for_long_are_stale() {
    let stack = "stack: shop\nregion: eu-west-1\nstate: { bucket: BUCKET, key: shop.json }\nqueues: { orders: {} }\n";
    let bench = Bench::new(stack).await;
    for env in ["old", "young"] {
        bench.ok(&["--env", env, "apply", "-y"]);
    }
    let mut state: Value = serde_json::from_slice(&bench.object("shop.env.old.json").await.unwrap()).unwrap();
    state["written_at"] = "2020-01-01T00:00:00Z".into();
    let body = state.to_string().into_bytes().into();
    let s3 = &bench.aws.clients.s3;
    s3.put_object().bucket(bench.bucket()).key("shop.env.old.json").body(body).send().await.expect("S3 takes it");

    let unasked = bench.fails(&["env", "destroy", "--stale", "7d"]);
    assert!(unasked.stderr.contains("add `--auto-approve`"), "{unasked}");
    bench.ok(&["env", "destroy", "--stale", "7d", "--auto-approve"]);
    let listed: Value = serde_json::from_str(&bench.ok(&["env", "list", "--json"])).expect("JSON");
    let names: Vec<&Value> = listed["environments"].as_array().unwrap().iter().map(|env| &env["name"]).collect();
    assert_eq!(names, ["young"], "{listed}");
    let none = bench.run(&["env", "destroy", "--stale", "7d", "--auto-approve"]);
    assert!(none.code == Some(0) && none.stderr.contains("No environment is that old."), "{none}");
    let unknown = bench.fails(&["env", "destroy", "yuong", "--auto-approve"]);
    assert!(unknown.stderr.contains("did you mean `young`?"), "{unknown}");
}

#[test]
fn a_name_that_no_kind_takes_is_refused() {
    let refused = |name: &str| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_deployer"));
        RunOutput::of(command.args(["--env", name, "validate"]).output().expect("the binary runs"))
    };
    let odd = refused("Feature/X");
    assert!(odd.code == Some(1) && odd.stderr.contains("\"feature-x\""), "{odd}");
    let main = refused("main");
    assert!(main.code == Some(1) && main.stderr.contains("leave `--env` out"), "{main}");
}
