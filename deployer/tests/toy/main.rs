//! A toy kind with a toy section, added as docs/adding-a-kind.md says, and everything that follows from its four files.
//!
//! A program of its own has the toy: this process adds it to the registries before anything reads them. Called as
//! `deployer`, the process is that program's command line; else it is the tests, which call it.

#[path = "../cli/bench.rs"]
#[allow(dead_code)]
mod bench;
#[path = "../common/catalog/mod.rs"]
#[allow(dead_code)]
mod catalog;
#[path = "../common/mod.rs"]
#[allow(dead_code)]
mod common;
#[path = "../kinds/contract.rs"]
mod contract;
#[path = "../cli/seat.rs"]
#[allow(dead_code)]
mod seat;

mod follows;
mod rehearsed;
mod steps;
mod toy;
mod toys;

use std::os::unix::process::CommandExt as _;
use std::process::{Command, ExitCode};

use deployer::kinds::{self, REGISTRY};
use deployer::spec::sections::{SECTIONS, any};
use libtest_mimic::{Arguments, Trial};

/// The name by which the process is called as the program.
const PROGRAM: &str = "deployer";

fn main() -> ExitCode {
    REGISTRY.add(&[&kinds::ErasedKind::<toy::ToyKind>::NEW]);
    SECTIONS.add(&[&any::ErasedSection::<toys::Toys>::NEW]);
    if std::env::args_os().next().is_some_and(|name| name == PROGRAM) {
        return ExitCode::from(u8::try_from(deployer::cli::main()).unwrap_or(u8::MAX));
    }
    let trial = |(name, test): (&str, fn())| {
        Trial::test(name, move || {
            test();
            Ok(())
        })
    };
    libtest_mimic::run(&Arguments::from_args(), follows::ALL.into_iter().chain(rehearsed::ALL).map(trial).collect())
        .exit_code()
}

/// Returns the program with the toy, with an empty environment.
fn program() -> Command {
    let mut program = Command::new(std::env::current_exe().expect("this program"));
    program.arg0(PROGRAM).env_clear();
    program
}
