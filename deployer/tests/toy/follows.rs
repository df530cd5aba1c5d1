//! The facts, pages, checks and commands that follow from the toy's files.

use deployer::aws::rate;
use deployer::aws::service::Rate;
use deployer::kinds;
use deployer::report::reference;
use serde_json::Value;

use crate::bench::Bench;
use crate::catalog::names;
use crate::common::account;
use crate::contract::contract;
use crate::seat::Seat;
use crate::steps::ENTRY;

/// Each test by its name.
pub const ALL: [(&str, fn()); 13] = [
    ("the_toy_keeps_the_contract", the_toy_keeps_the_contract),
    ("its_life_is_that_of_any_resource", its_life_is_that_of_any_resource),
    ("a_name_longer_than_the_limit_is_refused", a_name_longer_than_the_limit_is_refused),
    ("a_long_default_name_is_shortened", a_long_default_name_is_shortened),
    ("a_preview_environment_gets_a_name_of_its_own", a_preview_environment_gets_a_name_of_its_own),
    (
        "a_name_that_another_resource_has_is_refused_at_its_line",
        a_name_that_another_resource_has_is_refused_at_its_line,
    ),
    ("every_picture_shows_it", every_picture_shows_it),
    ("the_estimate_knows_its_seconds", the_estimate_knows_its_seconds),
    ("its_permissions_are_printed", its_permissions_are_printed),
    ("its_calls_keep_the_rates_of_the_service", its_calls_keep_the_rates_of_the_service),
    ("the_schema_describes_it", the_schema_describes_it),
    ("the_reference_has_a_page_of_it", the_reference_has_a_page_of_it),
    ("its_addresses_are_completed", its_addresses_are_completed),
];

const STACK: &str =
    concat!("stack: shop\nregion: eu-west-1\nstate: { bucket: BUCKET, key: shop.json }\n", include_str!("toys.yaml"));

fn run<T>(test: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(test)
}

fn bench() -> Bench {
    run(Bench::new(STACK))
}

/// A stack with one toy of this name, without an account.
fn named(name: &str) -> Bench {
    run(Bench::without_bucket(&format!("stack: shop\nregion: eu-west-1\ntoys: {{ {name} }}\n")))
}

fn the_toy_keeps_the_contract() {
    run(async {
        let aws = account().await;
        for case in (ENTRY.cases)(&aws).await {
            contract(&aws, &ENTRY, case).await;
        }
    });
}

fn its_life_is_that_of_any_resource() {
    let bench = bench();
    let plan = bench.ok(&["plan"]);
    assert!(plan.contains("+ toys.bear") && plan.contains("1 to create"), "{plan}");
    bench.apply();
    bench.settled();
    let status = bench.ok(&["status"]);
    let row = status.lines().find(|line| line.contains("toys.bear")).unwrap_or_else(|| panic!("{status}"));
    assert!(row.starts_with("ok") && row.contains(ENTRY.kind), "{status}");
    let iam = &bench.aws.clients.iam;
    let tag = aws_sdk_iam::types::Tag::builder().key("team").value("sofa").build().expect("a tag");
    run(iam.tag_instance_profile().instance_profile_name("shop-bear").tags(tag).send()).expect("a tag of others");
    assert_eq!(bench.run(&["drift"]).code, Some(2));
    assert!(bench.ok(&["status"]).contains("drifted"));
    bench.apply();
    bench.settled();
    bench.write("stack.yaml", &STACK.replace("/shelf/", "/box/"));
    let plan = bench.ok(&["plan"]);
    assert!(plan.contains("IAM cannot move an instance profile") && plan.contains("the joy in it"), "{plan}");
    bench.apply();
    bench.settled();
    bench.ok(&["destroy", "-y"]);
    assert!(run((ENTRY.list)(&bench.aws)).is_empty() && run(names(&bench.aws)).is_empty());
}

fn a_name_longer_than_the_limit_is_refused() {
    let ran = named(&format!("bear: {{ name: {} }}", "b".repeat(129))).fails(&["validate"]);
    assert!(ran.stderr.contains("stack.yaml:3:") && ran.stderr.contains("128"), "{ran}");
    named(&format!("bear: {{ name: {} }}", "b".repeat(128))).ok(&["validate"]);
    let ran =
        run(Bench::without_bucket("stack: shop\nregion: eu-west-1\nplaything: { bear: {} }\n")).fails(&["validate"]);
    assert!(ran.stderr.contains("`toys`"), "{ran}");
}

fn a_long_default_name_is_shortened() {
    let bench = bench();
    let (stack, element) = ("s".repeat(60), "b".repeat(64));
    let text = STACK.replace("bear:\n    name: shop-bear", &format!("{element}:"));
    bench.write("stack.yaml", &text.replace("stack: shop", &format!("stack: {stack}")));
    let plan: Value = serde_json::from_str(&bench.ok(&["--env", "pr-7", "plan", "--json"])).expect("JSON");
    let name = name_in(&plan);
    assert!(name.len() <= 128 && name.starts_with(&format!("{stack}-bbb")) && name.ends_with("-pr-7"), "{name}");
}

/// Returns the only toy's name in a plan.
fn name_in(plan: &Value) -> &str {
    let changes = plan["actions"][0]["changes"].as_array().expect("changes");
    let name = changes.iter().find(|change| change["path"] == "name").expect("a name");
    name["after"].as_str().expect("a text")
}

fn a_preview_environment_gets_a_name_of_its_own() {
    let bench = bench();
    bench.apply();
    let plan: Value = serde_json::from_str(&bench.ok(&["--env", "pr-7", "plan", "--json"])).expect("JSON");
    assert_eq!(name_in(&plan), "shop-bear-pr-7");
    bench.ok(&["--env", "pr-7", "apply", "-y"]);
    let all: Vec<String> = run((ENTRY.list)(&bench.aws)).into_iter().map(|thing| thing.name).collect();
    assert_eq!(all.len(), 2, "{all:?}");
}

fn a_name_that_another_resource_has_is_refused_at_its_line() {
    let bench = bench();
    let foreign = bench.aws.clients.iam.create_instance_profile().instance_profile_name("shop-bear");
    run(foreign.send()).expect("a profile of others");
    let ran = bench.fails(&["apply", "-y"]);
    assert!(ran.stderr.contains("plan::foreign") && ran.stderr.contains("toys.bear"), "{ran}");
    bench.ok(&["apply", "-y", "--adopt", "toys.bear"]);
    bench.settled();
}

fn every_picture_shows_it() {
    let bench = bench();
    let of = |format: &str| bench.ok(&["graph", "--format", format]);
    assert!(of("mermaid").contains("([\"bear"), "a stadium: {}", of("mermaid"));
    assert!(of("dot").contains("toy") && of("svg").contains("M4 20 L12 4 L20 20 Z") && of("html").contains(">toy"));
}

fn the_estimate_knows_its_seconds() {
    let bench = bench();
    let mut command = bench.command(&["apply", "-y"]);
    command.env("TERM", "xterm");
    let mut seat = Seat::wide(command, 120);
    seat.until("about 5 min left");
    assert_eq!(seat.answer("").0, Some(0));
}

fn its_permissions_are_printed() {
    let policy = bench().ok(&["iam", "apply"]);
    let actions = ["GetInstanceProfile", "CreateInstanceProfile", "TagInstanceProfile"];
    assert!(actions.iter().all(|action| policy.contains(&format!("\"iam:{action}\""))), "{policy}");
    assert!(policy.contains(":instance-profile/shelf/shop-bear\""), "{policy}");
}

fn its_calls_keep_the_rates_of_the_service() {
    let kind = kinds::find(ENTRY.kind).expect("the toy");
    let calls = kind.about().calls.limited.iter().map(|(_, call)| *call);
    for call in calls.clone() {
        assert_eq!(Rate::of(call).len(), 1, "{call}");
    }
    let (time, why) = rate::least(calls.cycle().take(1_000)).expect("a time");
    assert!(time.as_secs() >= 45 && why.contains("iam calls a second"), "{time:?}: {why}");
}

fn the_schema_describes_it() {
    let schema: Value = serde_json::from_str(&bench().ok(&["schema"])).expect("JSON");
    let mut element = &schema["properties"]["toys"]["additionalProperties"];
    if let Some(definition) = element["$ref"].as_str() {
        element = schema.pointer(definition.trim_start_matches('#')).expect("a definition");
    }
    let properties = &element["properties"];
    assert_eq!(properties["path"]["description"], "The shelf that the toy stands on. It begins and ends with a slash.");
    assert!(properties["name"].to_string().contains("\"maxLength\":128"), "{properties:#}");
    assert!(!properties["protect"].is_null(), "the common properties, too: {properties:#}");
}

fn the_reference_has_a_page_of_it() {
    let pages = reference::pages();
    let page = &pages["toys.md"];
    assert!(page.contains("The shelf that the toy stands on.") && page.contains("name: shop-bear"), "{page}");
    assert!(pages["README.md"].contains("toys.md"), "{}", pages["README.md"]);
}

fn its_addresses_are_completed() {
    let words = ["--", "deployer", "plan", "--target", "toys."];
    let bench = bench();
    let mut command = bench.command(&words);
    command.env("DEPLOYER_COMPLETE", "bash").env("_CLAP_IFS", "\n");
    command.env("_CLAP_COMPLETE_INDEX", (words.len() - 2).to_string()).env("_CLAP_COMPLETE_COMP_TYPE", "9");
    let answer = String::from_utf8(command.output().expect("an answer").stdout).expect("UTF-8");
    assert_eq!(answer.trim(), "toys.bear");
}
