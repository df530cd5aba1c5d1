//! Terraform with its AWS provider, at its default parallelism of 10.

use std::env;
use std::fs;
use std::io;
use std::path::PathBuf;
use std::process::Command;

use super::{Place, Tool, set_environment, stack_file, write_zip};
use crate::cases::{Case, Operation};
use crate::machine::first_line;
use crate::{REGION, STATE_BUCKET};

/// The variable with the directory of a mirror of Terraform's registry; without it `terraform init` asks the registry
/// itself.
const MIRROR: &str = "TF_MIRROR";

pub struct Terraform {
    /// Directory that keeps the provider between runs.
    pub plugins: PathBuf,
}

impl Tool for Terraform {
    fn key(&self) -> &'static str {
        "terraform"
    }

    fn title(&self) -> &'static str {
        "Terraform"
    }

    fn version(&self) -> Result<String, String> {
        let line = first_line("terraform", &["version"]).ok_or("install Terraform 1.11 or newer to measure it")?;
        Ok(format!("{}, AWS provider 5.100.0", line.trim_start_matches("Terraform v")))
    }

    fn write(&self, place: &Place, memory_mib: u64) -> io::Result<()> {
        let at = |name: &str| place.directory.join(name);
        write_zip(&at("fn.zip"))?;
        fs::copy(stack_file("terraform/provider.tf"), at("provider.tf"))?;
        let (file, variables) = match place.case {
            Case::Couch | Case::CouchCargo => ("terraform/couch.tf", String::new()),
            Case::Scaled(n) => ("terraform/scaled.tf", format!("copies = {n}\n")),
        };
        fs::copy(stack_file(file), at("main.tf"))?;
        fs::write(at("terraform.tfvars"), format!("memory = {memory_mib}\n{variables}"))?;
        let mirror = env::var(MIRROR).map(|path| format!("  filesystem_mirror {{\n    path = \"{path}\"\n  }}\n"));
        let installation = mirror.unwrap_or_else(|_| "  direct {}\n".to_owned());
        fs::write(at("terraform.rc"), format!("provider_installation {{\n{installation}}}\n"))
    }

    fn prepare(&self, place: &Place) -> Result<(), String> {
        fs::create_dir_all(&self.plugins).map_err(|error| format!("{}: {error}", self.plugins.display()))?;
        let mut init = Command::new("terraform");
        init.args(["init", "-input=false", "-no-color"]);
        init.arg(format!("-backend-config=bucket={STATE_BUCKET}")).arg(format!("-backend-config=region={REGION}"));
        set_environment(&mut init, place, self);
        let output = init.output().map_err(|error| format!("cannot run terraform: {error}"))?;
        if output.status.success() {
            return Ok(());
        }
        Err(format!("terraform init failed:\n{}", String::from_utf8_lossy(&output.stderr)))
    }

    fn command(&self, operation: Operation, _place: &Place) -> Option<Command> {
        let mut command = Command::new("terraform");
        match operation {
            Operation::Plan | Operation::NoopPlan => command.arg("plan"),
            Operation::Apply | Operation::NoopApply | Operation::Change => command.args(["apply", "-auto-approve"]),
            Operation::Destroy => command.args(["destroy", "-auto-approve"]),
            Operation::ApplyActive => return None,
        };
        command.args(["-input=false", "-no-color"]);
        Some(command)
    }

    fn expected(&self, operation: Operation) -> Option<&'static str> {
        match operation {
            Operation::Plan | Operation::ApplyActive => None,
            Operation::Apply => Some("0 changed, 0 destroyed"),
            Operation::NoopPlan => Some("No changes"),
            Operation::NoopApply => Some("0 added, 0 changed, 0 destroyed"),
            Operation::Change => Some("0 added, 1 changed, 0 destroyed"),
            Operation::Destroy => Some("Destroy complete"),
        }
    }

    fn environment(&self, place: &Place) -> Vec<(&'static str, String)> {
        vec![
            ("TF_CLI_CONFIG_FILE", place.directory.join("terraform.rc").to_string_lossy().into_owned()),
            ("TF_PLUGIN_CACHE_DIR", self.plugins.to_string_lossy().into_owned()),
            ("TF_IN_AUTOMATION", "1".to_owned()),
            ("CHECKPOINT_DISABLE", "1".to_owned()),
        ]
    }
}
