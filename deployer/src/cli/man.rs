//! `deployer man`

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::{Args, Command};
use clap_complete::ArgValueCompleter;
use clap_mangen::Man as Page;

use super::examples::{self, Examples};
use super::run::Run;
use super::{Exit, OK, complete};
use crate::failure::Failure;

/// Print the manual page of the program or of one command
#[derive(Debug, Args)]
#[command(add = EXAMPLES)]
pub struct Man {
    /// The command: `plan`, `state show`.
    #[arg(value_name = "COMMAND", add = ArgValueCompleter::new(complete::commands))]
    command: Vec<String>,
    /// Write the pages of all commands to this directory.
    #[arg(long, value_name = "DIR", conflicts_with = "command")]
    out: Option<PathBuf>,
}

const EXAMPLES: Examples = Examples(&[
    ("deployer man | man -l -", "read the page of the program"),
    ("deployer man state show | man -l -", "of one command"),
    ("deployer man --out ~/.local/share/man/man1", "install all pages for `man deployer`"),
]);

impl Man {
    pub(super) async fn run(self, run: &Run) -> Exit {
        let all = pages();
        if let Some(directory) = &self.out {
            let written = std::fs::create_dir_all(directory).and_then(|()| install(&all, directory));
            written.map_err(|error| {
                let message = format!("cannot write to {}: {error}", directory.display());
                Failure::plain("run::directory", message, "name a directory that can be written to")
            })?;
            return Ok(OK);
        }
        let mut found = &all;
        for word in &self.command {
            found = found.find_subcommand(word).ok_or_else(|| {
                let message = format!("there is no command `{}`", self.command.join(" "));
                Failure::plain("run::usage", message, "`deployer --help` lists the commands")
            })?;
        }
        let text = page(found);
        let text = text.map_err(|error| Failure::internal(&format!("no manual page: {error}")))?;
        run.terminal.data(&String::from_utf8_lossy(&text));
        Ok(OK)
    }
}

/// The title of the program's own page.
const PROGRAM: &str = "deployer";

/// Returns the commands that have pages: all but `help`.
fn pages() -> Command {
    let mut all = super::command().disable_help_subcommand(true);
    all.build();
    all
}

/// Writes the pages of a command and of its subcommands.
fn install(command: &Command, directory: &Path) -> io::Result<()> {
    std::fs::write(directory.join(format!("{}.1", title(command))), page(command)?)?;
    for inner in command.get_subcommands().filter(|inner| !inner.is_hide_set()) {
        install(inner, directory)?;
    }
    Ok(())
}

/// Returns the title that `man` searches for: `deployer-state-show`, not `show`.
fn title(command: &Command) -> String {
    command.get_display_name().unwrap_or(command.get_name()).to_owned()
}

/// Renders a page with each example on its own line. `clap_mangen` would join the lines of the help's last part.
fn page(command: &Command) -> io::Result<Vec<u8>> {
    let man = Page::new(command.clone()).title(title(command));
    let mut text = Vec::new();
    man.render_title(&mut text)?;
    man.render_name_section(&mut text)?;
    man.render_synopsis_section(&mut text)?;
    man.render_description_section(&mut text)?;
    man.render_options_section(&mut text)?;
    if command.get_subcommands().any(|inner| !inner.is_hide_set()) {
        man.render_subcommands_section(&mut text)?;
    }
    list(&mut text, "EXAMPLES", examples::of(command))?;
    if title(command) == PROGRAM {
        list(&mut text, "EXIT STATUS", examples::EXITS)?;
    }
    man.render_version_section(&mut text)?;
    Ok(text)
}

fn list(out: &mut Vec<u8>, heading: &str, entries: &[(&str, &str)]) -> io::Result<()> {
    writeln!(out, ".SH \"{heading}\"")?;
    for (name, means) in entries {
        writeln!(out, ".TP\n\\fB{}\\fR\n{}", escaped(name), escaped(means))?;
    }
    Ok(())
}

/// Escapes a text for roff, so that it contains no commands and no hyphens where lines may break.
fn escaped(text: &str) -> String {
    let text = text.replace('\\', "\\e").replace('-', "\\-");
    if text.starts_with(['.', '\'']) { format!("\\&{text}") } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_example_of_a_page_stands_on_a_line_of_its_own() {
        let all = pages();
        let state = all.find_subcommand("state").and_then(|state| state.find_subcommand("show")).unwrap();
        let text = String::from_utf8(page(state).unwrap()).unwrap();
        assert!(text.starts_with(".ie") || text.contains(".TH deployer-state-show 1"), "{text}");
        assert!(text.contains(".TP\n\\fBdeployer state show queues.orders\\fR\n"), "{text}");
        assert!(!text.contains("EXIT STATUS") && !text.contains("EXTRA"), "{text}");
        let whole = String::from_utf8(page(&all).unwrap()).unwrap();
        assert!(whole.contains(".SH \"EXIT STATUS\"\n.TP\n\\fB0\\fR\ndone\n"), "{whole}");
        assert!(!whole.contains("deployer\\-help"), "{whole}");
        assert!(whole.contains("\\fBdeployer local start && deployer \\-\\-local apply\\fR"), "{whole}");
    }
}
