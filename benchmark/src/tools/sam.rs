//! SAM: uploads code and template and leaves the rest to CloudFormation, which finishes at once in the emulator and
//! after minutes on AWS.

use std::fs;
use std::io;
use std::process::Command;

use super::{Place, Tool, stack_file, write_zip};
use crate::cases::{Case, Operation};
use crate::machine::first_line;
use crate::{REGION, UPLOAD_BUCKET};

pub struct Sam;

impl Tool for Sam {
    fn key(&self) -> &'static str {
        "sam"
    }

    fn title(&self) -> &'static str {
        "SAM"
    }

    fn version(&self) -> Result<String, String> {
        let line = first_line("sam", &["--version"]).ok_or("`pip install aws-sam-cli` to measure it")?;
        Ok(line.trim_start_matches("SAM CLI, version ").to_owned())
    }

    fn write(&self, place: &Place, _memory_mib: u64) -> io::Result<()> {
        write_zip(&place.directory.join("fn.zip"))?;
        let template = match place.case {
            Case::Couch | Case::CouchCargo => fs::read_to_string(stack_file("sam/couch.yaml"))?,
            Case::Scaled(n) => {
                let copy = fs::read_to_string(stack_file("sam/copy.yaml"))?;
                let memory = |i| if i == 0 { "!Ref Memory" } else { "512" };
                let copies = (0..n).map(|i| copy.replace('@', &i.to_string()).replace("MEMORY", memory(i)));
                format!("Parameters:\n  Memory: {{ Type: Number }}\nResources:\n{}", copies.collect::<String>())
            }
        };
        fs::write(place.directory.join("template.yaml"), template)
    }

    fn command(&self, operation: Operation, _place: &Place) -> Option<Command> {
        let mut command = Command::new("sam");
        if operation == Operation::ApplyActive {
            return None;
        }
        if operation == Operation::Destroy {
            command.args(["delete", "--stack-name", "bench", "--region", REGION, "--no-prompts"]);
            return Some(command);
        }
        command.args(["deploy", "--stack-name", "bench", "--region", REGION, "--s3-bucket", UPLOAD_BUCKET]);
        command.args(["--capabilities", "CAPABILITY_NAMED_IAM", "--no-confirm-changeset", "--no-progressbar"]);
        command.args(["--no-fail-on-empty-changeset", "--parameter-overrides"]);
        command.arg(format!("Memory={}", operation.memory_wanted()));
        if matches!(operation, Operation::Plan | Operation::NoopPlan) {
            command.arg("--no-execute-changeset");
        }
        Some(command)
    }

    fn expected(&self, operation: Operation) -> Option<&'static str> {
        match operation {
            Operation::Plan => Some("Changeset created successfully"),
            Operation::Apply | Operation::Change => Some("Successfully created/updated stack"),
            Operation::ApplyActive => None,
            Operation::NoopPlan | Operation::NoopApply => Some("No changes to deploy"),
            Operation::Destroy => Some("Deleted successfully"),
        }
    }

    fn environment(&self, _place: &Place) -> Vec<(&'static str, String)> {
        vec![("SAM_CLI_TELEMETRY", "0".to_owned()), ("LANG", "C.UTF-8".to_owned())]
    }
}
