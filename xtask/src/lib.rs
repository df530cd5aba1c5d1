//! The part of the project's tasks that the benchmark uses, too.

pub mod cargo;

use std::process::{Command, Stdio};

/// Runs a command without input and output, and tells whether it exits with 0.
pub fn succeeds(command: &mut Command) -> bool {
    let status = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
    status.is_ok_and(|status| status.success())
}
