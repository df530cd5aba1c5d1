//! Alchemy: the stack is a TypeScript program. It compares with its own state only and reads nothing, so it detects no
//! drift. It has no plan.

use std::env;
use std::fs;
use std::io;
use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;

use super::{Place, Tool, stack_file};
use crate::cases::{Case, Operation};
use crate::cloud::Counts;

/// The variable with the directory in which Alchemy is installed.
const HOME: &str = "ALCHEMY_HOME";

pub struct Alchemy;

impl Alchemy {
    fn modules() -> Option<PathBuf> {
        Some(PathBuf::from(env::var_os(HOME)?).join("node_modules")).filter(|path| path.join("alchemy").exists())
    }
}

impl Tool for Alchemy {
    fn key(&self) -> &'static str {
        "alchemy"
    }

    fn title(&self) -> &'static str {
        "Alchemy"
    }

    fn version(&self) -> Result<String, String> {
        let modules = Self::modules().ok_or_else(|| format!("{HOME} names no directory with its node_modules"))?;
        let package = fs::read_to_string(modules.join("alchemy/package.json")).unwrap_or_default();
        let package: Value = serde_json::from_str(&package).unwrap_or_default();
        package["version"].as_str().map(str::to_owned).ok_or_else(|| "its package.json cannot be read".to_owned())
    }

    /// Most of its resources go through Cloud Control, whose requests the emulator only records.
    fn makes(&self, case: Case) -> Counts {
        let Counts { functions, roles, queues, .. } = case.counts();
        Counts { functions, roles, queues, ..Counts::default() }
    }

    fn write(&self, place: &Place, _memory_mib: u64) -> io::Result<()> {
        fs::copy(stack_file("alchemy/run.mjs"), place.directory.join("run.mjs"))?;
        fs::write(place.directory.join("package.json"), "{\"type\": \"module\"}\n")?;
        let link = place.directory.join("node_modules");
        match Self::modules() {
            #[cfg(unix)]
            Some(modules) if !link.exists() => std::os::unix::fs::symlink(modules, link),
            _ => Ok(()),
        }
    }

    fn command(&self, operation: Operation, place: &Place) -> Option<Command> {
        if matches!(operation, Operation::Plan | Operation::ApplyActive | Operation::NoopPlan) {
            return None;
        }
        let mut command = Command::new("node");
        command.arg("run.mjs").arg(place.case.copies().unwrap_or(0).to_string());
        command.arg(operation.memory_wanted().to_string());
        if operation == Operation::Destroy {
            command.arg("--destroy");
        }
        Some(command)
    }

    fn environment(&self, _place: &Place) -> Vec<(&'static str, String)> {
        ["ALCHEMY_TELEMETRY_DISABLED", "DO_NOT_TRACK", "ALCHEMY_PASSWORD"].map(|name| (name, "1".to_owned())).into()
    }
}
