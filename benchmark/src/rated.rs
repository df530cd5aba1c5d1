//! Measures the deployer with AWS's rate limits: calls beyond the documented rates are refused, and the deployer takes
//! the emulator for AWS.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::calls::Summary;
use crate::cases::{Case, Operation};
use crate::cloud::Cloud;
use crate::options::Options;
use crate::results::{Results, round};
use crate::tools::{scaled_stack, write_zip};
use crate::{REGION, STATE_BUCKET, contest, machine, measure, rates, table};

const CASES: &[Case] = &[Case::Scaled(20), Case::Scaled(100)];
const DELAY: Duration = Duration::from_millis(50);
/// Each service gets its own address: one address for all would mean a local AWS, which has no rate limits.
const SERVICES: &[&str] = &[
    "API_GATEWAY",
    "CLOUDWATCH",
    "CLOUDWATCH_LOGS",
    "IAM",
    "LAMBDA",
    "RESOURCE_GROUPS_TAGGING_API",
    "S3",
    "SNS",
    "SQS",
    "STS",
];

pub fn run(options: &Options) -> Result<(), String> {
    let binary = contest::deployer(options)?;
    let scratch = contest::scratch()?;
    let cloud = Cloud::start(&scratch, &binary)?;
    cloud.proxy.enforce_rates();
    let mut section = Map::new();
    for &case in options.cases.as_deref().unwrap_or(CASES) {
        let Case::Scaled(copies) = case else { return Err(format!("{case} is no scaled-N")) };
        let directory = scratch.join(format!("rated-{case}"));
        write(&directory, copies, 512)?;
        cloud.reset()?;
        for operation in [Operation::Apply, Operation::NoopPlan, Operation::NoopApply, Operation::Destroy] {
            let fact = measured(&cloud, &binary, &directory, operation)?;
            cloud.check_counts(if operation == Operation::Destroy { Case::Scaled(0) } else { case }.counts())?;
            eprintln!("{case}, {}: {fact}", operation.words());
            section.insert(format!("{}, {}", table::title(case), operation.words()), fact);
        }
    }
    section.insert("date".to_owned(), json!(machine::today()));
    let mut results = Results::open(&options.out)?;
    results.set("rated", Value::Object(section));
    println!("{}", table::rated(results.get("rated")));
    results.save()
}

/// Writes the stack with its state in a file: a bucket's name would become part of the host name.
fn write(directory: &Path, copies: usize, memory_mib: u64) -> Result<(), String> {
    let failed = |error: std::io::Error| format!("{}: {error}", directory.display());
    if directory.exists() {
        fs::remove_dir_all(directory).map_err(failed)?;
    }
    fs::create_dir_all(directory).map_err(failed)?;
    write_zip(&directory.join("fn.zip")).map_err(failed)?;
    let in_bucket = format!("state: {{ bucket: {STATE_BUCKET}, key: scaled.json }}");
    let stack = scaled_stack(copies).replace("MEMORY", &memory_mib.to_string());
    fs::write(directory.join("stack.yaml"), stack.replace(&in_bucket, "state: { path: state }")).map_err(failed)
}

fn measured(cloud: &Cloud, binary: &Path, directory: &Path, operation: Operation) -> Result<Value, String> {
    let mut command = Command::new(binary);
    match operation {
        Operation::NoopPlan => command.arg("plan"),
        Operation::Destroy => command.args(["destroy", "--auto-approve"]),
        _ => command.args(["apply", "--auto-approve"]),
    };
    let address = |service: &&str| (format!("AWS_ENDPOINT_URL_{service}"), cloud.proxy.url());
    command
        .current_dir(directory)
        .env_clear()
        .env("HOME", directory)
        .env("AWS_ACCESS_KEY_ID", "test")
        .env("AWS_SECRET_ACCESS_KEY", "test")
        .env("AWS_REGION", REGION)
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .env("NO_COLOR", "1")
        .envs(SERVICES.iter().map(address));
    cloud.proxy.begin(DELAY);
    let run = measure::run(command, &directory.join(format!("{}.log", operation.key())), &[cloud.pid()])?;
    let calls = Summary::of(&cloud.proxy.end());
    if run.exit_code != Some(0) {
        return Err(format!("{} went wrong on AWS's rates:\n{}", operation.words(), run.output));
    }
    let refused: usize = calls.refused.iter().filter(|(status, _)| **status == 429).map(|(_, count)| count).sum();
    let least = rates::bound(calls.json()["actions"].as_object().unwrap_or(&Map::new()));
    Ok(json!({
        "wall_s": round(run.wall_s, 2),
        "calls": calls.calls,
        "refused": refused,
        "least_s": least.map(|(seconds, _)| round(seconds, 1)),
        "rate": least.map(|(_, rate)| rate),
    }))
}
