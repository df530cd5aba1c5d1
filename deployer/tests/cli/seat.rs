//! Runs in a pseudo-terminal.

use std::fs::File;
use std::io::{Read, Write};
use std::process::{Child, Command, Stdio};

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

use crate::bench::Bench;

/// A run of the binary in a pseudo-terminal.
pub struct Seat {
    child: Child,
    terminal: File,
    shown: String,
}

impl Seat {
    /// Starts the binary in a new pseudo-terminal.
    pub fn of(bench: &Bench, arguments: &[&str]) -> Self {
        Self::at(bench.command(arguments))
    }

    /// Starts a command in a new pseudo-terminal that does not tell its size, so live lines stay empty.
    pub fn at(command: Command) -> Self {
        Self::wide(command, 0)
    }

    /// Starts a command in a new pseudo-terminal of so many columns.
    pub fn wide(mut command: Command, columns: u16) -> Self {
        let terminal = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a terminal");
        grantpt(&terminal).expect("a terminal of our own");
        unlockpt(&terminal).expect("a terminal to open");
        let size = Winsize { ws_row: 0, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
        tcsetwinsize(&terminal, size).expect("a size");
        let name = ptsname(&terminal, Vec::new()).expect("a name").into_string().expect("UTF-8");
        let end = File::options().read(true).write(true).open(name).expect("its other end");
        let stdio = || Stdio::from(end.try_clone().expect("another handle"));
        let child = command.stdin(stdio()).stdout(stdio()).stderr(stdio()).spawn().expect("the binary starts");
        Self { child, terminal: terminal.into(), shown: String::new() }
    }

    /// Reads until the terminal shows `text`.
    pub fn until(&mut self, text: &str) {
        let mut bytes = [0; 4096];
        while !self.shown.contains(text) {
            let read = self.terminal.read(&mut bytes).unwrap_or_else(|error| panic!("{error}: {}", self.shown));
            self.shown += &String::from_utf8_lossy(&bytes[..read]);
        }
    }

    /// Types an answer. Returns the exit code and everything that was shown.
    pub fn answer(mut self, text: &str) -> (Option<i32>, String) {
        self.terminal.write_all(format!("{text}\n").as_bytes()).expect("a keyboard");
        let mut bytes = [0; 4096];
        // On Linux, reading past the end of a terminal is an error.
        while let Ok(read @ 1..) = self.terminal.read(&mut bytes) {
            self.shown += &String::from_utf8_lossy(&bytes[..read]);
        }
        let code = self.child.wait().expect("the process ends").code();
        (code, self.shown)
    }
}
