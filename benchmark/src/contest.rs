//! Runs every repetition, case, delay and tool in turn, then writes the tables.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::calls::Summary;
use crate::cases::{Case, Operation};
use crate::cloud::Cloud;
use crate::machine;
use crate::measure;
use crate::options::Options;
use crate::results::{Results, Run};
use crate::tools::{self, Place, Tool};
use xtask::cargo;

const OUR_CASES: &[Case] = &[Case::Couch, Case::CouchCargo, Case::Scaled(1), Case::Scaled(20), Case::Scaled(100)];
const OUR_DELAYS_MS: &[u64] = &[0, 50];
const RIVALS_CASES: &[Case] = &[Case::Couch, Case::Scaled(20)];
const RIVALS_DELAYS_MS: &[u64] = &[50];

pub fn run(options: &Options) -> Result<(), String> {
    let binary = deployer(options)?;
    let scratch = scratch()?;
    let tools = entrants(options, &binary, &scratch)?;
    let cloud = Cloud::start(&scratch, &binary)?;
    warm_up(&cloud, &scratch)?;
    let mut results = Results::open(&options.out)?;
    let mut runs = Vec::new();
    for repetition in 1..=options.reps {
        for (tool, case, delay_ms) in rounds(options, &tools) {
            eprintln!("\n{}, {case}, {delay_ms} ms, {repetition} of {}", tool.title(), options.reps);
            let round = Round { cloud: &cloud, tool, case, delay_ms, show: options.show };
            runs.extend(round.run(&scratch)?);
        }
    }
    for tool in &tools {
        results.set_version(tool.key(), &tool.version().unwrap_or_default());
    }
    results.add(&runs);
    results.save()?;
    println!("{}", results.tables());
    eprintln!("kept in {}", options.out.display());
    Ok(())
}

/// Returns the directory for temporary files.
pub fn scratch() -> Result<PathBuf, String> {
    let scratch = cargo::target_directory()?.join("bench");
    fs::create_dir_all(&scratch).map_err(|error| format!("cannot create {}: {error}", scratch.display()))?;
    Ok(scratch)
}

/// Returns the deployer to measure.
pub fn deployer(options: &Options) -> Result<PathBuf, String> {
    options.binary.clone().map_or_else(build, Ok)
}

/// Builds the deployer as released, which takes minutes, and returns its path.
fn build() -> Result<PathBuf, String> {
    cargo::run(cargo::cargo().args(["build", "--release", "--package", "deployer"]))?;
    Ok(cargo::target_directory()?.join("release/deployer"))
}

/// Runs the floor once: the emulator loads a service's code at its first call, which must not count for any tool.
fn warm_up(cloud: &Cloud, scratch: &Path) -> Result<(), String> {
    let floor = tools::floor();
    Round { cloud, tool: floor.as_ref(), case: Case::Couch, delay_ms: 0, show: false }.run(scratch).map(|_| ())
}

/// Returns the requested tools that are installed, and prints the missing ones.
fn entrants(options: &Options, binary: &Path, scratch: &Path) -> Result<Vec<Box<dyn Tool>>, String> {
    let (mut found, mut asked) = (Vec::new(), 0);
    for tool in tools::all(binary, scratch) {
        if options.wants(tool.key()) {
            asked += 1;
            match tool.version() {
                Ok(version) => {
                    eprintln!("measuring {} {version}", tool.title());
                    found.push(tool);
                }
                Err(why) => eprintln!("without {}: {why}", tool.title()),
            }
        }
    }
    if asked == 0 || found.is_empty() { Err("there is nothing to measure".to_owned()) } else { Ok(found) }
}

fn rounds<'a>(options: &Options, tools: &'a [Box<dyn Tool>]) -> Vec<(&'a dyn Tool, Case, u64)> {
    let mut rounds = Vec::new();
    let every: Vec<Case> = options.cases.clone().unwrap_or_else(|| OUR_CASES.to_vec());
    let delays: Vec<u64> = options.delays_ms.clone().unwrap_or_else(|| OUR_DELAYS_MS.to_vec());
    for case in every {
        for &delay in &delays {
            for tool in tools.iter().filter(|tool| tool.supports(case)) {
                let case_is_for_all = options.cases.is_some() || tool.is_ours() || RIVALS_CASES.contains(&case);
                let delay_is_for_all =
                    options.delays_ms.is_some() || tool.is_ours() || RIVALS_DELAYS_MS.contains(&delay);
                if case_is_for_all && delay_is_for_all {
                    rounds.push((tool.as_ref(), case, delay));
                }
            }
        }
    }
    rounds
}

/// The measurement of one tool, from an empty account back to an empty account.
struct Round<'a> {
    cloud: &'a Cloud,
    tool: &'a dyn Tool,
    case: Case,
    delay_ms: u64,
    show: bool,
}

impl Round<'_> {
    fn run(&self, scratch: &Path) -> Result<Vec<Run>, String> {
        let directory = scratch.join(format!("{}-{}", self.tool.key(), self.case));
        let failed = |error: std::io::Error| format!("{}: {error}", directory.display());
        if directory.exists() {
            fs::remove_dir_all(&directory).map_err(failed)?;
        }
        fs::create_dir_all(&directory).map_err(failed)?;
        self.cloud.reset()?;
        let place = Place { directory: &directory, case: self.case, cloud: self.cloud };
        self.tool.write(&place, 512).map_err(failed)?;
        self.tool.prepare(&place)?;
        let mut runs = Vec::new();
        for operation in Operation::ALL {
            if operation == Operation::Change {
                self.tool.write(&place, operation.memory_wanted()).map_err(failed)?;
            }
            if let Some(command) = self.tool.command(operation, &place) {
                if operation == Operation::ApplyActive {
                    self.cloud.reset()?;
                }
                runs.push(self.operation(operation, command, &place)?);
            }
        }
        Ok(runs)
    }

    /// Compares the account with what the tool should have created.
    fn look(&self, operation: Operation) -> Result<(), String> {
        match operation.memory_after() {
            Some(memory_mib) => {
                self.cloud.check_memory(self.tool.changed_function(self.case), memory_mib)?;
                self.cloud.check_counts(self.tool.makes(self.case))
            }
            None => self.cloud.check_counts(self.tool.leaves(self.case)),
        }
    }

    fn operation(
        &self,
        operation: Operation,
        mut command: std::process::Command,
        place: &Place,
    ) -> Result<Run, String> {
        tools::set_environment(&mut command, place, self.tool);
        let log = place.directory.join(format!("{}.log", operation.key()));
        self.cloud.proxy.begin(Duration::from_millis(self.delay_ms));
        let measured = measure::run(command, &log, &[self.cloud.pid()])?;
        let calls = self.cloud.proxy.end();
        let summary = Summary::of(&calls);
        let wrong = |what: &str| {
            format!("{} of {} went wrong: {what}\n{}", operation.words(), self.tool.title(), measured.output)
        };
        if measured.exit_code != Some(0) {
            return Err(wrong(&format!("exit code {:?}", measured.exit_code)));
        }
        if let Some(missing) = self.tool.expected(operation).filter(|text| !measured.output.contains(text)) {
            return Err(wrong(&format!("it does not say `{missing}`")));
        }
        self.look(operation).map_err(|what| wrong(&what))?;
        self.tool.check(place).map_err(|what| wrong(&what))?;
        if self.tool.waits(operation) {
            self.cloud.check_active().map_err(|what| wrong(&what))?;
        }
        if self.tool.is_ours() && operation.only_reads() && summary.writes > 0 {
            return Err(wrong(&format!("it wrote: {:?}", summary.actions)));
        }
        eprintln!(
            "{:29} {:8.3} s  cpu {:6.2} s  {:5.0} MiB  {:5} calls, {:3} at once, {:3} in a row  others {:3.0} %",
            operation.words(),
            measured.wall_s,
            measured.cpu_s.unwrap_or(0.0),
            measured.peak_mib.unwrap_or(0.0),
            summary.calls,
            summary.in_flight,
            summary.chain,
            measured.others.unwrap_or(0.0) * 100.0,
        );
        if self.show {
            for (action, count) in &summary.actions {
                eprintln!("    {count:5} {action}");
            }
        }
        Ok(Run {
            tool: self.tool.key().to_owned(),
            case: self.case,
            delay_ms: self.delay_ms,
            operation,
            wall_s: measured.wall_s,
            cpu_s: measured.cpu_s,
            peak_mib: measured.peak_mib,
            others: measured.others,
            calls: summary,
            date: machine::today(),
        })
    }
}
