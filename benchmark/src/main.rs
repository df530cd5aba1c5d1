//! Compares the deployer with the floor and its rivals, on one emulator behind one proxy: `cargo xtask bench`.
//!
//! - [`options`]: what to measure
//! - [`cloud`], [`proxy`], [`http`], [`calls`]: the emulator, the simulated distance to AWS, and the recorded calls
//! - [`cases`], [`tools`], [`floor`]: the stacks, and the tools that deploy them
//! - [`measure`]: one command's time and memory
//! - [`contest`]: every tool, case and operation in turn
//! - [`rates`], [`rated`]: the time that AWS's rate limits add, computed and measured
//! - [`results`], [`table`], [`chart`], [`machine`]: the results in `docs/bench`
//! - [`size`], [`functions`] with [`worker`], [`build`], [`instructions`]: the binary alone, the functions, builds, and
//!   the gate against regressions

mod build;
mod calls;
mod cases;
mod chart;
mod cloud;
mod contest;
mod floor;
mod functions;
mod http;
mod instructions;
mod machine;
mod measure;
mod options;
mod proxy;
mod rated;
mod rates;
mod results;
mod size;
mod table;
mod tools;
mod worker;

use std::process::ExitCode;

use cases::{Case, Operation};
use options::Options;

const REGION: &str = "eu-west-1";
const ACCOUNT: &str = "000000000000";
const STATE_BUCKET: &str = "bench-state";
const UPLOAD_BUCKET: &str = "bench-uploads";
/// The emulator accepts any date.
const SCOPE_DATE: &str = "20250101";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("{message}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &[String]) -> Result<(), String> {
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words[..] {
        ["floor", operation, case, address, code] => {
            let operation =
                Operation::from_key(operation).ok_or_else(|| format!("no operation is called {operation}"))?;
            floor::run(operation, case.parse()?, address, code)
        }
        ["bounds"] => {
            bounds();
            Ok(())
        }
        ["build", ..] => build::run(&Options::parse(&arguments[1..])?),
        ["functions", ..] => functions::run(&Options::parse(&arguments[1..])?),
        ["instructions", ..] => instructions::run(&Options::parse(&arguments[1..])?),
        ["rates", ..] => rated::run(&Options::parse(&arguments[1..])?),
        ["size", ..] => size::run(&Options::parse(&arguments[1..])?),
        ["report", ..] => {
            let options = Options::parse(&arguments[1..])?;
            results::Results::open(&options.out)?.save()
        }
        ["help" | "-h" | "--help"] => {
            println!("{}", options::USAGE);
            Ok(())
        }
        _ => contest::run(&Options::parse(arguments)?),
    }
}

/// Prints the minimum number of calls and of sequential rounds for every operation.
fn bounds() {
    println!("{:12} {:29} {:>6} {:>7}", "case", "operation", "calls", "rounds");
    for case in [Case::Couch, Case::Scaled(1), Case::Scaled(20), Case::Scaled(100)] {
        for (operation, calls, rounds) in floor::bounds(case) {
            println!("{:12} {:29} {calls:6} {rounds:7}", case.to_string(), operation.words());
        }
    }
}
