//! A new user's first contacts: wrong usage, findings, explanations, annotations, completions, manual pages.

use serde_json::Value;

use crate::bench::{Bench, RunOutput, ready_zip};

const SOUND: &str = "
stack: shop
region: eu-west-1
state: { bucket: BUCKET, key: shop.json }
vars: { mail: { default: a@example.org } }
queues:
  orders: { redrive: { max_receive_count: 3 } }
outputs: { queue_url: \"${queues.orders.url}\" }
";
const BROKEN: &str = "stack: shop\nregion: eu-west-1\nqueues:\n  orders: { delay: 5 }\n  jobs: { depends_on: [queues.orders, queues.nowhere] }\n";

#[tokio::test]
async fn wrong_usage_is_a_json_line_where_json_is_asked_for() {
    let bench = Bench::without_bucket(SOUND).await;
    for arguments in [&["plan", "--json", "--no-such-option"][..], &["--json", "no-such-verb"], &["--json"]] {
        let ran = bench.fails(arguments);
        let lines = ran.lines();
        assert_eq!(lines.len(), 1, "{ran}");
        assert_eq!(
            (lines[0]["type"].as_str(), lines[0]["code"].as_str()),
            (Some("error"), Some("run::usage")),
            "{ran}"
        );
        assert_eq!(ran.stderr, "", "{ran}");
    }
    let mut command = bench.command(&["plan", "--taget", "queues.orders"]);
    let ran = RunOutput::of(command.env("DEPLOYER_JSON", "1").output().expect("the binary runs"));
    assert!(ran.lines()[0]["message"].as_str().is_some_and(|text| text.contains("--taget")), "{ran}");
    assert!(ran.lines()[0]["help"].as_str().is_some_and(|text| text.contains("--target")), "{ran}");
}

#[tokio::test]
async fn the_first_minutes_lead_to_a_valid_stack() {
    let bench = Bench::without_bucket(SOUND).await;
    std::fs::remove_file(bench.path().join("stack.yaml")).expect("a file");
    let bare = bench.fails(&[]);
    assert!(bare.stderr.contains("deployer validate") && bare.stderr.contains("`deployer help`"), "{bare}");
    assert!(bare.stderr.lines().count() < 12, "{bare}");
    let lost = bench.fails(&["plan"]);
    assert!(lost.stderr.contains("error[stack::unreadable]: there is no stack.yaml"), "{lost}");
    let stack = lost.stderr.split_once("this one:\n").and_then(|(_, rest)| rest.split_once("Save it"));
    let lines: Vec<&str> = stack.unwrap_or_else(|| panic!("{lost}")).0.lines().collect();
    let indent = lines[0].len() - lines[0].trim_start().len();
    let lines: Vec<&str> = lines.iter().filter_map(|line| line.get(indent..)).collect();
    bench.write("stack.yaml", &lines.join("\n"));
    assert_eq!(bench.ok(&["validate"]), "stack.yaml is valid: 2 resources.\n");
}

#[tokio::test]
async fn every_finding_is_said_in_one_run_and_nothing_twice() {
    let bench = Bench::without_bucket(BROKEN).await;
    let said = bench.fails(&["validate"]).stderr;
    assert!(
        said.contains("`orders` has no property `delay`") && said.contains("this stack has no `queues.nowhere`"),
        "{said}"
    );
    assert_eq!(said.matches("error[").count(), 2, "{said}");
}

#[tokio::test]
async fn validate_knows_the_packages_of_the_workspace_if_cargo_does() {
    let stack = "stack: shop\nregion: eu-west-1\nfunctions:\n  api: { crate: wroker }\n  consumer: { crate: worker }\n  \
                 extra: { crate: worker, bin: wroker }\n  large: { crate: worker, memory_size: 1 }\n";
    let bench = Bench::without_bucket(stack).await;
    bench.write("Cargo.toml", "[package]\nname = \"worker\"\nversion = \"0.1.0\"\nedition = \"2024\"\n");
    std::fs::create_dir(bench.path().join("src")).expect("a directory");
    bench.write("src/main.rs", "fn main() {}\n");
    let found = |cargo: &str| {
        let mut command = bench.command(&["validate", "--json"]);
        let ran = RunOutput::of(command.env("CARGO", cargo).output().expect("the binary runs"));
        assert_eq!(ran.code, Some(1), "{ran}");
        let found =
            ran.lines().into_iter().map(|line| format!("{} {}", line["line"], line["code"].as_str().unwrap_or("")));
        found.collect::<Vec<_>>()
    };
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let all = ["4 package::unknown-package", "6 package::unknown-bin", "7 stack::out-of-range"];
    assert_eq!(found(&cargo), all);
    assert_eq!(found("/nowhere/cargo"), ["7 stack::out-of-range"]);
}

#[tokio::test]
async fn findings_stand_beside_their_lines_in_github_actions() {
    let bench = Bench::without_bucket(BROKEN).await;
    let github = |arguments: &[&str]| {
        let mut command = bench.command(arguments);
        RunOutput::of(
            command
                .env("GITHUB_ACTIONS", "true")
                .env("GITHUB_WORKSPACE", bench.path())
                .output()
                .expect("the binary runs"),
        )
    };
    for verb in ["validate", "plan", "ci"] {
        let said = github(&[verb]).stderr;
        assert!(
            said.contains("::error file=stack.yaml,line=4,col=13,title=stack%3A%3Aunknown-property::"),
            "{verb}: {said}"
        );
        assert_eq!(said.matches("::error ").count(), 2, "{verb}: {said}");
    }
    bench.write("stack.yaml", "stack: shop\nqueues: { q: { kms_master_key_id: alias/aws/sqs } }\ntopics: { t: { subscriptions: [ { sqs: q } ] } }\n");
    let said = github(&["validate"]).stderr;
    assert!(said.contains("::warning file=stack.yaml,line=3,col=40,title=topic%3A%3Aqueue-key::"), "{said}");
    assert!(!bench.run(&["validate"]).stderr.contains("::warning"), "only there");
}

#[tokio::test]
async fn a_code_is_explained_with_an_example() {
    let bench = Bench::without_bucket(SOUND).await;
    let said = bench.ok(&["validate", "--explain", "queue::fifo-name"]);
    for part in ["queue::fifo-name (error)", "error[queue::fifo-name]", "Put right:", "What to do:"] {
        assert!(said.contains(part), "{part}: {said}");
    }
    assert!(bench.ok(&["validate", "--explain"]).lines().count() > 150);
    let code: Value =
        serde_json::from_str(&bench.ok(&["validate", "--explain", "unknown-property", "--json"])).expect("an object");
    assert_eq!(code["code"], "stack::unknown-property");
    let said = bench.fails(&["validate", "--explain", "queue::fifo-nmae"]).stderr;
    assert!(said.contains("did you mean `queue::fifo-name`?"), "{said}");
}

#[tokio::test]
async fn one_resource_is_no_plural() {
    let bench = Bench::without_bucket("stack: shop\nqueues: { q: {} }\n").await;
    assert_eq!(bench.ok(&["validate"]), "stack.yaml is valid: 1 resource.\n");
}

#[tokio::test]
async fn a_profile_that_does_not_exist_is_named() {
    let bench = Bench::new(SOUND).await;
    let mut command = bench.command(&["plan"]);
    command.env_remove("AWS_ACCESS_KEY_ID").env_remove("AWS_SECRET_ACCESS_KEY");
    command.env("AWS_PROFILE", "nobodys").env("AWS_EC2_METADATA_DISABLED", "true");
    let ran = RunOutput::of(command.output().expect("the binary runs"));
    assert_eq!(ran.code, Some(1), "{ran}");
    assert!(ran.stderr.contains("AWS_PROFILE is `nobodys`"), "{ran}");
}

/// Returns the completions that bash would offer for the last word.
fn offered(bench: &Bench, words: &[&str]) -> Vec<String> {
    let mut command = bench.command(&["--"]);
    command.args(words).env("DEPLOYER_COMPLETE", "bash").env("_CLAP_IFS", "\n");
    command.env("_CLAP_COMPLETE_INDEX", (words.len() - 1).to_string()).env("_CLAP_COMPLETE_COMP_TYPE", "9");
    let ran = RunOutput::of(command.output().expect("the binary runs"));
    assert_eq!(ran.code, Some(0), "{ran}");
    ran.stdout.lines().map(str::to_owned).collect()
}

#[tokio::test]
async fn declared_environments_are_completed_before_they_exist() {
    let bench = Bench::without_bucket(&format!("{SOUND}environments: [main, staging, production]\n")).await;
    assert_eq!(offered(&bench, &["deployer", "plan", "--env", "s"]), ["staging"]);
    assert_eq!(offered(&bench, &["deployer", "plan", "--env", ""]), ["production", "staging"]);
    bench.write("stack.yaml", &format!("{SOUND}environments: [staging, production]\n"));
    assert_eq!(offered(&bench, &["deployer", "plan", "--env", "p"]), ["production"]);
}

#[tokio::test]
async fn addresses_outputs_and_variables_are_completed_from_the_stack() {
    let bench = Bench::without_bucket(SOUND).await;
    assert_eq!(
        offered(&bench, &["deployer", "plan", "--target", "queues."]),
        ["queues.orders", "queues.orders.dead_letter"]
    );
    for typed in ["queues\\.orders\\.", "'queues.orders.", "\"queues.orders."] {
        assert_eq!(offered(&bench, &["deployer", "state", "show", typed]), ["queues.orders.dead_letter"], "{typed}");
    }
    assert_eq!(offered(&bench, &["deployer", "output", ""])[0], "queue_url");
    assert_eq!(offered(&bench, &["deployer", "queue", "redrive", "or"]), ["orders"]);
    assert_eq!(offered(&bench, &["deployer", "plan", "--var", "m"]), ["mail="]);
    assert_eq!(offered(&bench, &["deployer", "validate", "--explain", "queue::fifo-n"]), ["queue::fifo-name"]);
    assert!(offered(&bench, &["deployer", "pl"]).contains(&"plan".to_owned()));
    bench.write("other.yaml", "stack: s\nvars: { x: { required: true } }\nqueues: { jobs: { name: \"${vars.x}\" } }\n");
    let words = ["deployer", "plan", "-f", "other.yaml", "--target", "queues."];
    assert_eq!(offered(&bench, &words), ["queues.jobs"], "a missing variable does not matter");
    let words = ["deployer", "plan", "-f", "other\\.yaml", "--target", "queues."];
    assert_eq!(offered(&bench, &words), ["queues.jobs"], "the file's name is quoted, too");
    bench.write("other.yaml", "[");
    assert_eq!(offered(&bench, &words), [""; 0]);
}

#[tokio::test]
async fn each_shell_gets_its_script_and_bash_can_read_it() {
    let bench = Bench::without_bucket(SOUND).await;
    for shell in ["bash", "zsh", "fish", "powershell"] {
        let script = bench.ok(&["completions", shell]);
        assert!(script.contains("DEPLOYER_COMPLETE") && script.contains("deployer"), "{shell}: {script}");
    }
    bench.write("completions.bash", &bench.ok(&["completions", "bash"]));
    let read = std::process::Command::new("bash").args(["-n", "completions.bash"]).current_dir(bench.path()).status();
    assert!(read.is_ok_and(|status| status.success()));
}

#[tokio::test]
async fn there_is_a_manual_page_for_the_program_and_for_every_command() {
    let bench = Bench::without_bucket(SOUND).await;
    assert!(bench.ok(&["man"]).contains(".TH deployer 1"));
    assert!(bench.ok(&["man", "state", "show"]).contains("deployer state show queues.orders"), "with its examples");
    bench.ok(&["man", "--out", "pages"]);
    for page in ["deployer.1", "deployer-plan.1", "deployer-state-show.1"] {
        assert!(bench.path().join("pages").join(page).exists(), "{page}");
    }
    bench.fails(&["man", "nothing"]);
}

/// A stack from a stranger, with names that a shell would execute.
const TRAPS: &str = r#"
stack: shop
region: eu-west-1
vars: { "$(touch pwned)": 1, token: { secret: true } }
queues:
  orders: {}
  "$(touch pwned)": {}
  "a;touch${IFS}pwned": {}
  "`touch pwned`": {}
topics:
  news: { subscriptions: [ { https: "https://x.example/$(touch${IFS}pwned)" }, { https: "https://x.example/a" } ] }
functions:
  worker: { zip: worker.zip }
apis:
  front: { routes: { "GET /items/{id}": worker } }
outputs: { "$(touch pwned)": x, note: "a ${vars.token}" }
"#;

#[tokio::test]
async fn what_bash_inserts_is_one_word_and_runs_nothing() {
    let bench = Bench::without_bucket(TRAPS).await;
    bench.write("completions.bash", &bench.ok(&["completions", "bash"]));
    let binary = std::path::Path::new(env!("CARGO_BIN_EXE_deployer")).parent().expect("a directory");
    let script = format!(
        r#"
PATH="{}:$PATH"
source completions.bash
offer() {{
    COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMP_TYPE=9; COMP_LINE="$*"; COMP_POINT=${{#COMP_LINE}}
    COMPREPLY=()
    _clap_complete_deployer deployer "${{COMP_WORDS[COMP_CWORD]}}" "${{COMP_WORDS[COMP_CWORD-1]}}"
    local inserted
    for inserted in "${{COMPREPLY[@]}}"; do eval "printf '<%s>\n' $inserted"; done
}}
offer deployer plan --target ""
offer deployer plan --target '"apis.'
offer deployer plan --var ""
offer deployer output ""
"#,
        binary.display()
    );
    let mut bash = std::process::Command::new("bash");
    bash.args(["--norc", "-c", &script]).current_dir(bench.path()).env("DEPLOYER_VAR_token", "m4rker-of-a-secret");
    let ran = RunOutput::of(bash.output().expect("bash runs"));
    for word in ["<queues.orders>", "<apis.front.route[GET /items/{id}]>", "<token=>", "<note>"] {
        assert!(ran.stdout.contains(word), "{word} is offered and is one word: {ran}");
    }
    assert!(!bench.path().join("pwned").exists(), "{ran}");
    assert!(!ran.stdout.contains("touch") && !ran.stdout.contains("m4rker"), "{ran}");
}

#[tokio::test]
async fn a_plan_says_why_code_differs_and_a_lost_record_is_said_to_be_lost() {
    let bench = Bench::new(
        "stack: shop\nregion: eu-west-1\nstate: { bucket: BUCKET, key: shop.json }\nfunctions:\n  worker: { zip: worker.zip }\n",
    )
    .await;
    bench.apply();
    let zip = bench.path().join("worker.zip");
    std::fs::write(&zip, ready_zip("two")).expect("a file");
    let ran = bench.run(&["plan"]);
    assert!(ran.stdout.contains("\n      1 file changed: bootstrap\n"), "{ran}");
    let plan = bench.plan();
    let of_worker =
        plan["actions"].as_array().into_iter().flatten().find(|action| action["address"] == "functions.worker");
    assert_eq!(
        of_worker.expect("it is planned")["code_change"],
        serde_json::json!({"files": [{"name": "bootstrap", "edit": "changed"}]})
    );
    let saved = bench.path().join("saved.plan");
    bench.run(&["plan", "--out", saved.to_str().expect("a path")]);
    let shown = bench.run(&["show", saved.to_str().expect("a path")]);
    assert!(shown.stdout.contains("1 file changed: bootstrap"), "{shown}");
    bench.apply();
    bench.delete_object("shop.json").await;
    std::fs::write(&zip, ready_zip("three")).expect("a file");
    let ran = bench.run(&["plan"]);
    assert!(ran.stdout.contains("why: unknown, its sources are recorded with the next apply"), "{ran}");
}
