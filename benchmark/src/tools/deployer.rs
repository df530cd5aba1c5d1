//! The deployer of this repository.

use std::fs;
use std::io;
use std::path::PathBuf;
use std::process::Command;

use super::{Place, Tool, built, stack_file, write_zip};
use crate::cases::{Case, Operation};
use crate::machine::first_line;
use crate::{REGION, STATE_BUCKET};

pub struct Deployer {
    pub binary: PathBuf,
}

impl Tool for Deployer {
    fn key(&self) -> &'static str {
        "deployer"
    }

    fn title(&self) -> &'static str {
        "deployer"
    }

    fn version(&self) -> Result<String, String> {
        let binary = self.binary.to_string_lossy();
        let line = first_line(&binary, &["--version"]).ok_or_else(|| format!("{binary} cannot be run"))?;
        Ok(line.trim_start_matches("deployer ").to_owned())
    }

    fn supports(&self, case: Case) -> bool {
        case != Case::CouchCargo || built::can_be()
    }

    fn is_ours(&self) -> bool {
        true
    }

    fn write(&self, place: &Place, memory_mib: u64) -> io::Result<()> {
        write_zip(&place.directory.join("fn.zip"))?;
        let couch = || fs::read_to_string(stack_file("deployer/couch.yaml"));
        let text = match place.case {
            Case::Couch => couch()?,
            Case::CouchCargo => {
                built::write(place.directory)?;
                built::stack(&couch()?)
            }
            Case::Scaled(n) => scaled(n),
        };
        fs::write(place.directory.join("stack.yaml"), text.replace("MEMORY", &memory_mib.to_string()))
    }

    fn prepare(&self, place: &Place) -> Result<(), String> {
        if place.case == Case::CouchCargo { built::prepare(place, self, &self.binary) } else { Ok(()) }
    }

    fn command(&self, operation: Operation, _place: &Place) -> Option<Command> {
        let mut command = Command::new(&self.binary);
        match operation {
            Operation::Plan | Operation::NoopPlan => command.arg("plan"),
            Operation::Apply | Operation::NoopApply | Operation::Change => command.args(["apply", "--auto-approve"]),
            Operation::Destroy => command.args(["destroy", "--auto-approve"]),
            Operation::ApplyActive => return None,
        };
        Some(command)
    }

    fn expected(&self, operation: Operation) -> Option<&'static str> {
        match operation {
            Operation::NoopPlan | Operation::NoopApply => Some("No changes."),
            Operation::Change => Some("1 to update"),
            _ => None,
        }
    }

    fn check(&self, place: &Place) -> Result<(), String> {
        built::check(place)
    }

    fn environment(&self, place: &Place) -> Vec<(&'static str, String)> {
        if place.case == Case::CouchCargo { built::environment(place.directory) } else { Vec::new() }
    }

    fn waits(&self, operation: Operation) -> bool {
        operation == Operation::Apply
    }
}

/// Returns the stack of `scaled-N`; the first function's memory is the placeholder MEMORY.
pub fn scaled(n: usize) -> String {
    let (mut queues, mut functions, mut alarms) = (String::new(), String::new(), String::new());
    for i in 0..n {
        let memory = if i == 0 { "MEMORY" } else { "512" };
        queues.push_str(&format!("  q{i}: {{ name: scaled-{i}, visibility_timeout: 150s }}\n"));
        functions.push_str(&format!(
            "  f{i}: {{ name: scaled-{i}, zip: fn.zip, runtime: python3.12, handler: index.handler, \
             memory_size: {memory}, timeout: 25s, events: [{{ queue: q{i}, batch_size: 5 }}] }}\n"
        ));
        alarms.push_str(&format!(
            "  a{i}: {{ name: scaled-{i}, namespace: AWS/SQS, metric_name: ApproximateAgeOfOldestMessage, \
             dimensions: {{ QueueName: \"${{queues.q{i}.name}}\" }}, statistic: Maximum, \
             comparison_operator: GreaterThanThreshold, threshold: 30, period: 60s, evaluation_periods: 1 }}\n"
        ));
    }
    format!(
        "stack: scaled\nregion: {REGION}\nstate: {{ bucket: {STATE_BUCKET}, key: scaled.json }}\n\
         queues:\n{queues}functions:\n{functions}alarms:\n{alarms}"
    )
}
