//! Ansible: one task after another, with a Python process for each. It keeps no state and reads before it writes.

use std::fs;
use std::io;
use std::process::Command;

use super::{Place, Tool, stack_file, write_zip};
use crate::cases::{Case, Operation};
use crate::machine::first_line;
use crate::{ACCOUNT, REGION};

pub struct Ansible;

impl Tool for Ansible {
    fn key(&self) -> &'static str {
        "ansible"
    }

    fn title(&self) -> &'static str {
        "Ansible"
    }

    fn version(&self) -> Result<String, String> {
        let why = "`pip install ansible boto3` to measure it";
        let line = first_line("ansible-playbook", &["--version"]).ok_or(why)?;
        Ok(line.trim_start_matches("ansible-playbook [").trim_end_matches(']').to_owned())
    }

    /// Each copy takes seconds.
    fn supports(&self, case: Case) -> bool {
        case != Case::CouchCargo && case.copies().unwrap_or(0) <= 20
    }

    fn write(&self, place: &Place, _memory_mib: u64) -> io::Result<()> {
        write_zip(&place.directory.join("fn.zip"))?;
        fs::copy(stack_file("ansible/play.yml"), place.directory.join("play.yml")).map(|_| ())
    }

    fn command(&self, operation: Operation, place: &Place) -> Option<Command> {
        let state = if operation == Operation::Destroy { "absent" } else { "present" };
        let mut command = Command::new("ansible-playbook");
        command.arg("play.yml");
        for variable in [
            format!("copies={}", place.case.copies().unwrap_or(0)),
            format!("memory={}", operation.memory_wanted()),
            format!("state={state}"),
            format!("region={REGION}"),
            format!("account={ACCOUNT}"),
        ] {
            command.arg("--extra-vars").arg(variable);
        }
        match operation {
            // Its tasks cannot be planned before the resources that they refer to exist.
            Operation::Plan | Operation::ApplyActive => return None,
            Operation::NoopPlan => command.arg("--check"),
            _ => &mut command,
        };
        Some(command)
    }

    fn environment(&self, place: &Place) -> Vec<(&'static str, String)> {
        vec![
            ("ANSIBLE_HOME", place.directory.join(".ansible").to_string_lossy().into_owned()),
            ("ANSIBLE_LOCALHOST_WARNING", "0".to_owned()),
            ("ANSIBLE_NOCOLOR", "1".to_owned()),
            ("LANG", "C.UTF-8".to_owned()),
        ]
    }
}
