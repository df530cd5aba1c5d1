//! The floor, started as a separate program like every tool.

use std::env;
use std::io;
use std::process::Command;

use super::{Place, Tool, built, zip_base64};
use crate::cases::{Case, Operation};

pub struct Floor;

impl Tool for Floor {
    fn key(&self) -> &'static str {
        "floor"
    }

    fn title(&self) -> &'static str {
        "floor"
    }

    fn version(&self) -> Result<String, String> {
        Ok("the calls alone".to_owned())
    }

    fn supports(&self, case: Case) -> bool {
        case != Case::CouchCargo || built::can_be()
    }

    fn is_ours(&self) -> bool {
        true
    }

    fn write(&self, _place: &Place, _memory_mib: u64) -> io::Result<()> {
        Ok(())
    }

    fn command(&self, operation: Operation, place: &Place) -> Option<Command> {
        let mut command = Command::new(env::current_exe().ok()?);
        let address = format!("127.0.0.1:{}", place.cloud.proxy.port);
        command.args(["floor", operation.key(), &place.case.to_string(), &address, &zip_base64()]);
        Some(command)
    }

    fn waits(&self, operation: Operation) -> bool {
        operation == Operation::ApplyActive
    }
}
