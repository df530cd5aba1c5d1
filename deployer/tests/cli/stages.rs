//! Staging and production: the environments that a stack declares, and the values of each.

use serde_json::Value;

use crate::bench::{Bench, RunOutput};
use crate::catalog::inventory;

const STACK: &str = "
stack: shop
region: eu-west-1
state: { bucket: BUCKET, key: shop.json }
environments: [staging, production]
vars:
  delay: { required: true }
  size: 1
queues:
  orders: { delay_seconds: \"${vars.delay}\", tags: { size: \"${vars.size}\" } }
outputs: { delay: \"${vars.delay}\", size: \"${vars.size}\" }
";

/// Creates a stack whose environments have values.
async fn bench(stack: &str) -> Bench {
    let bench = Bench::new(stack).await;
    std::fs::create_dir(bench.path().join("vars")).expect("a directory");
    bench.write("vars/staging.yaml", "delay: 5\n");
    bench.write("vars/production.yaml", "delay: 7\nsize: 2\n");
    bench
}

/// Returns the tag `size` that a plan gives the queue.
fn size(bench: &Bench, arguments: &[&str]) -> String {
    let mut command = bench.command(&[&["--env", "staging", "plan", "--json"], arguments].concat());
    if arguments.contains(&"--no-color") {
        command.env("DEPLOYER_VAR_size", "4");
    }
    let ran = RunOutput::of(command.output().expect("the binary runs"));
    let plan: Value = serde_json::from_str(&ran.stdout).unwrap_or_else(|_| panic!("{ran}"));
    let changes = plan["actions"][0]["changes"].as_array().expect("changes").clone();
    let tag = changes.iter().find(|change| change["path"] == "tags.size").unwrap_or_else(|| panic!("{plan:#}"));
    tag["after"].as_str().expect("a text").to_owned()
}

#[tokio::test]
async fn a_stack_with_environments_works_on_none_but_them() {
    let bench = bench(STACK).await;
    let none = bench.fails(&["apply", "-y"]);
    assert!(none.stderr.contains("add `--env staging` or `--env production`"), "{none}");
    assert_eq!(none.stderr.matches("error[").count(), 1, "its values are unknown: {none}");
    for wrong in ["prodution", "prod"] {
        let misspelt = bench.fails(&["--env", wrong, "apply", "-y"]);
        assert!(misspelt.stderr.contains("did you mean `--env production`?"), "{misspelt}");
        assert_eq!(misspelt.stderr.matches("error[").count(), 1, "{misspelt}");
    }
    let preview = bench.fails(&["--env", "pr-7", "apply", "-y"]);
    assert!(preview.stderr.contains("it has `staging`, `production`; or add it to `environments`"), "{preview}");
    assert!(inventory(&bench.aws).await.iter().all(|name| !name.starts_with("queue")));

    bench.ok(&["--env", "staging", "apply", "-y"]);
    assert_eq!(bench.ok(&["--env", "staging", "output", "delay"]).trim(), "5");
    let plan = bench.ok(&["--env", "production", "plan"]);
    assert!(plan.contains("! vars: values come from vars/production.yaml\n"), "{plan}");
    assert!(plan.contains("delay_seconds: 7"), "{plan}");
    let valid = bench.ok(&["validate"]);
    let lines: Vec<&str> = valid.lines().collect();
    let line = |env: &str| format!("stack.yaml is valid in the environment {env}: 1 resource.");
    assert_eq!(lines, [line("staging"), line("production")]);
}

#[tokio::test]
async fn a_stronger_source_beats_the_file_of_the_environment() {
    let bench = bench(STACK).await;
    assert_eq!(size(&bench, &[]), "1");
    bench.write("vars/staging.yaml", "delay: 5\nsize: 3\n");
    bench.write("more.yaml", "size: 5\n");
    assert_eq!(size(&bench, &[]), "3");
    assert_eq!(size(&bench, &["--no-color"]), "4", "the variable DEPLOYER_VAR_size");
    assert_eq!(size(&bench, &["--no-color", "--var-file", "more.yaml"]), "5");
    assert_eq!(size(&bench, &["--no-color", "--var-file", "more.yaml", "--var", "size=6"]), "6");
    let plan = bench.ok(&["--env", "staging", "plan", "--var-file", "more.yaml"]);
    assert!(plan.contains("! vars: values come from vars/staging.yaml, then more.yaml\n"), "{plan}");
}

#[tokio::test]
async fn mistakes_in_the_file_of_an_environment_are_named_with_their_place() {
    let bench = bench(&STACK.replace("size: 1", "size: { secret: true, default: \"\" }")).await;
    bench.write("vars/staging.yaml", "delay: 5\nsze: 3\n");
    let unknown = bench.fails(&["--env", "staging", "validate"]);
    assert!(unknown.stderr.contains("vars/staging.yaml:2:1: the stack has no variable `sze`"), "{unknown}");
    assert!(unknown.stderr.contains("did you mean `size`?"), "{unknown}");
    bench.write("vars/staging.yaml", "size: a-long-secret\n");
    let lacks = bench.fails(&["validate"]);
    assert!(lacks.stderr.contains("environment staging:"), "{lacks}");
    assert!(lacks.stderr.contains("add it to vars/staging.yaml, pass `--var delay=…`"), "{lacks}");
    assert!(lacks.stderr.contains("`size` stands in vars/staging.yaml for all to read"), "{lacks}");
    std::fs::remove_file(bench.path().join("vars/staging.yaml")).expect("a file");
    std::fs::create_dir(bench.path().join("vars/staging.yaml")).expect("a directory");
    let unreadable = bench.fails(&["--env", "staging", "validate"]);
    assert!(unreadable.stderr.contains("error[stack::var-file]: cannot read vars/staging.yaml"), "{unreadable}");
}

#[tokio::test]
async fn previews_share_a_file_that_no_declared_environment_reads() {
    let bench = bench(&format!("{STACK}ci: {{ preview: pull_request }}\n")).await;
    bench.write("vars/preview.yaml", "delay: 9\n");
    std::fs::remove_file(bench.path().join("vars/staging.yaml")).expect("a file");
    let value = |env: &str| bench.ok(&["--env", env, "plan"]);
    let preview = value("pr-7");
    assert!(preview.contains("delay_seconds: 9") && preview.contains("come from vars/preview.yaml"), "{preview}");
    bench.write("vars/pr-8.yaml", "delay: 8\n");
    let own = value("pr-8");
    assert!(own.contains("delay_seconds: 8") && own.contains("come from vars/pr-8.yaml"), "{own}");
    let staging = bench.fails(&["--env", "staging", "plan"]);
    assert!(staging.stderr.contains("the variable `delay` is not set"), "{staging}");
    let given = bench.ok(&["--env", "staging", "plan", "--var", "delay=1"]);
    assert!(given.contains("vars/staging.yaml does not exist, so `staging` has the defaults"), "{given}");
    let other = bench.fails(&["--env", "feature-x", "plan"]);
    assert!(other.stderr.contains("and `pr-NUMBER` for previews"), "{other}");
}

#[tokio::test]
async fn the_list_has_declared_environments_before_they_exist_and_none_of_them_is_stale() {
    let bench = bench(&format!("{STACK}ci: {{ preview: pull_request }}\n")).await;
    bench.write("vars/preview.yaml", "delay: 9\n");
    for env in ["staging", "pr-7"] {
        bench.ok(&["--env", env, "apply", "-y"]);
        let key = format!("shop.env.{env}.json");
        let mut state: Value = serde_json::from_slice(&bench.object(&key).await.unwrap()).unwrap();
        state["written_at"] = "2020-01-01T00:00:00Z".into();
        let body = state.to_string().into_bytes().into();
        let s3 = &bench.aws.clients.s3;
        s3.put_object().bucket(bench.bucket()).key(key).body(body).send().await.expect("S3 takes it");
    }
    let listed = bench.ok(&["env", "list"]);
    let names: Vec<&str> = listed.lines().filter_map(|line| line.split_whitespace().next()).collect();
    assert_eq!(names, ["pr-7", "staging", "production"], "{listed}");
    assert!(listed.contains("production  not created yet: `deployer --env production apply` does"), "{listed}");
    let listed: Value = serde_json::from_str(&bench.ok(&["env", "list", "--json"])).expect("JSON");
    assert_eq!(listed["absent"][0]["name"], "production", "{listed}");

    // The stack no longer allows previews: one that exists can still be destroyed.
    bench.write("stack.yaml", STACK);
    bench.ok(&["env", "destroy", "--stale", "7d", "--auto-approve"]);
    let listed = bench.ok(&["env", "list"]);
    let names: Vec<&str> = listed.lines().filter_map(|line| line.split_whitespace().next()).collect();
    assert_eq!(names, ["staging", "production"], "{listed}");
}

#[tokio::test]
async fn credentials_of_another_account_than_the_environments_are_refused() {
    let stack = STACK.replace("vars:", "account: \"${vars.account}\"\nvars:\n  account: { required: true }");
    let bench = bench(&stack).await;
    bench.write("vars/staging.yaml", &format!("delay: 5\naccount: \"{}\"\n", bench.aws.place.account));
    bench.write("vars/production.yaml", "delay: 7\naccount: \"999999999999\"\n");
    bench.ok(&["--env", "staging", "apply", "-y"]);
    let other = bench.fails(&["--env", "production", "apply", "-y"]);
    assert!(other.stderr.contains("but the environment `production` belongs to 999999999999"), "{other}");
    let listed = bench.ok(&["env", "list"]);
    assert!(listed.contains("staging  1 resources"), "{listed}");
    assert!(listed.contains("production  in the account 999999999999"), "{listed}");
    let unreached = bench.fails(&["env", "destroy", "production", "-y"]);
    assert!(unreached.stderr.contains("it belongs to another account"), "{unreached}");
}

#[tokio::test]
async fn a_stack_may_be_one_of_its_environments_itself() {
    let bench = bench(&STACK.replace("[staging, production]", "[main, staging]")).await;
    let main = bench.ok(&["plan", "--var", "delay=1"]);
    assert!(main.contains("queues.orders"), "{main}");
    let unknown = bench.fails(&["--env", "stagin", "plan"]);
    assert!(unknown.stderr.contains("did you mean `--env staging`?"), "{unknown}");
    bench.write("stack.yaml", &STACK.replace("[staging, production]", "[staging, preview, \"${vars.delay}\", A]"));
    let wrong = bench.fails(&["--env", "staging", "validate"]);
    assert_eq!(wrong.stderr.matches("is no name for an environment").count(), 3, "{wrong}");
}

const PARTS: &str = "
stack: shop
region: eu-west-1
state: { bucket: BUCKET, key: shop.json }
environments: [main, staging]
ci: { preview: branch }
queues:
  everywhere: {}
  main-only: { only_in: [main] }
  stable: { not_in: [preview] }
topics:
  bells: { subscriptions: [ { email: someone@example.com }, { sqs: everywhere } ] }
outputs: { stable: \"${queues.stable.name}\", all: \"${queues.everywhere.name}\" }
";

/// Lists the addresses that a plan in an environment creates.
fn created(bench: &Bench, env: &[&str]) -> Vec<String> {
    let text = bench.ok(&[env, &["plan", "--json"]].concat());
    let plan: Value = serde_json::from_str(&text).expect("one JSON object");
    let actions = plan["actions"].as_array().expect("actions").iter();
    actions.map(|action| action["address"].as_str().expect("an address").to_owned()).collect()
}

#[tokio::test]
async fn elements_are_left_out_of_the_environments_that_they_do_not_name() {
    let bench = Bench::new(PARTS).await;
    let mail = "topics.bells.subscription[email:someone@example.com]";
    let main = created(&bench, &[]);
    let has = |found: &[String], address: &str| found.iter().any(|known| known == address);
    for address in ["queues.everywhere", "queues.main-only", "queues.stable", mail] {
        assert!(has(&main, address), "{address}: {main:?}");
    }
    let staging = created(&bench, &["--env", "staging"]);
    assert!(has(&staging, "queues.stable") && has(&staging, mail), "{staging:?}");
    assert!(!has(&staging, "queues.main-only"), "{staging:?}");
    let preview = created(&bench, &["--env", "pr-7"]);
    assert!(has(&preview, "queues.everywhere") && has(&preview, "topics.bells"), "{preview:?}");
    for address in ["queues.main-only", "queues.stable", mail] {
        assert!(!has(&preview, address), "{address}: {preview:?}");
    }
    assert!(preview.iter().any(|address| address.contains("subscription[sqs:")), "{preview:?}");
    bench.write("stack.yaml", &PARTS.replace("bells: {", "bells: { only_in: [main, preview],"));
    assert!(has(&created(&bench, &["--env", "pr-7"]), mail), "the topic asks for it");
}

#[tokio::test]
async fn an_element_that_leaves_an_environment_is_deleted_there_alone() {
    let bench = Bench::new(PARTS).await;
    for env in [&[][..], &["--env", "staging"]] {
        bench.ok(&[env, &["apply", "-y"]].concat());
    }
    assert_eq!(bench.ok(&["--env", "staging", "output", "stable"]).trim(), "shop-stable-staging");
    bench.write("stack.yaml", &PARTS.replace("not_in: [preview]", "only_in: [main]"));
    let plan = bench.ok(&["--env", "staging", "plan"]);
    assert!(plan.contains("- queues.stable") && plan.contains("1 to delete"), "{plan}");
    assert!(plan.contains("left out of this environment by `only_in: [main]`"), "{plan}");
    bench.ok(&["--env", "staging", "apply", "-y"]);
    let queues: Vec<String> =
        inventory(&bench.aws).await.into_iter().filter(|name| name.starts_with("queue")).collect();
    assert!(queues.iter().any(|name| name.ends_with("shop-stable")), "{queues:?}");
    assert!(!queues.iter().any(|name| name.ends_with("shop-stable-staging")), "{queues:?}");
    assert!(bench.ok(&["plan"]).contains("No changes."));
    assert!(bench.ok(&["--env", "staging", "output"]).contains("all = shop-everywhere-staging"));
    assert!(!bench.ok(&["--env", "staging", "output"]).contains("stable"));

    bench.write("stack.yaml", &PARTS.replace("everywhere: {}", "everywhere: { protect: true }"));
    bench.ok(&["apply", "-y"]);
    bench.write(
        "stack.yaml",
        &PARTS
            .replace("everywhere: {}", "everywhere: { not_in: [main] }")
            .replace("{ sqs: everywhere }", "{ sms: \"+4712345678\" }"),
    );
    let protected = bench.fails(&["apply", "-y"]);
    assert!(protected.stderr.contains("plan::protected"), "{protected}");
}

#[tokio::test]
async fn references_to_a_left_out_element_say_what_leaves_it_out() {
    let bench = Bench::new(&PARTS.replace("everywhere: {}", "everywhere: { not_in: [preview, staging] }")).await;
    for env in ["staging", "pr-7"] {
        let referred = bench.fails(&["--env", env, "validate"]);
        let why = "`queues.everywhere` is left out here: it has `not_in: [preview, staging]`";
        assert!(referred.stderr.contains(why), "{referred}");
        assert!(referred.stderr.contains("bells: { subscriptions"), "at its place: {referred}");
    }
    bench.ok(&["plan"]);
    let wrong = "stack: shop\nregion: eu-west-1\nenvironments: [main, staging]\nqueues:\n  a: { only_in: [stagin] }\n  \
                 b: { only_in: [main], not_in: [preview] }\n  c: { only_in: [] }\n";
    bench.write("stack.yaml", wrong);
    let said = bench.fails(&["--env", "staging", "validate"]).stderr;
    for text in ["5:18", "did you mean `staging`?", "`only_in` or `not_in`, not both", "7:"] {
        assert!(said.contains(text), "{text}: {said}");
    }
}
