//! `deployer man`

use std::io::{self, Write};
use std::path::Path;

use clap::Command;
use clap_mangen::Man;

use super::run::Run;
use super::{Exit, OK, examples};
use crate::failure::Failure;

/// Prints the manual page of the program or of the named command, or writes all pages to a directory.
pub(super) fn run(run: &Run, command: &[String], out: Option<&Path>) -> Exit {
    let all = pages();
    if let Some(directory) = out {
        let written = std::fs::create_dir_all(directory).and_then(|()| install(&all, "", directory));
        written.map_err(|error| {
            let message = format!("cannot write to {}: {error}", directory.display());
            Failure::plain("run::directory", message, "name a directory that can be written to")
        })?;
        return Ok(OK);
    }
    let mut found = &all;
    for word in command {
        found = found.find_subcommand(word).ok_or_else(|| {
            let message = format!("there is no command `{}`", command.join(" "));
            Failure::plain("run::usage", message, "`deployer --help` lists the commands")
        })?;
    }
    let text = page(found, &command.join(" "));
    let text = text.map_err(|error| Failure::internal(&format!("no manual page: {error}")))?;
    run.terminal.data(&String::from_utf8_lossy(&text));
    Ok(OK)
}

/// Returns the commands that have pages: all but `help`.
fn pages() -> Command {
    let mut all = examples::command().disable_help_subcommand(true);
    all.build();
    all
}

/// Writes the pages of a command and of its subcommands.
fn install(command: &Command, path: &str, directory: &Path) -> io::Result<()> {
    std::fs::write(directory.join(format!("{}.1", title(command))), page(command, path)?)?;
    for inner in command.get_subcommands().filter(|inner| !inner.is_hide_set()) {
        install(inner, format!("{path} {}", inner.get_name()).trim(), directory)?;
    }
    Ok(())
}

/// Returns the title that `man` searches for: `deployer-state-show`, not `show`.
fn title(command: &Command) -> String {
    command.get_display_name().unwrap_or(command.get_name()).to_owned()
}

/// Renders a page with each example on its own line. `clap_mangen` would join the lines of the help's last part.
fn page(command: &Command, path: &str) -> io::Result<Vec<u8>> {
    let man = Man::new(command.clone()).title(title(command));
    let mut text = Vec::new();
    man.render_title(&mut text)?;
    man.render_name_section(&mut text)?;
    man.render_synopsis_section(&mut text)?;
    man.render_description_section(&mut text)?;
    man.render_options_section(&mut text)?;
    if command.get_subcommands().any(|inner| !inner.is_hide_set()) {
        man.render_subcommands_section(&mut text)?;
    }
    list(&mut text, "EXAMPLES", examples::of(path))?;
    if path.is_empty() {
        list(&mut text, "EXIT STATUS", examples::EXITS)?;
    }
    man.render_version_section(&mut text)?;
    Ok(text)
}

fn list(out: &mut Vec<u8>, heading: &str, entries: &[(&str, &str)]) -> io::Result<()> {
    writeln!(out, ".SH \"{heading}\"")?;
    for (what, means) in entries {
        writeln!(out, ".TP\n\\fB{}\\fR\n{}", escaped(what), escaped(means))?;
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
        let text = String::from_utf8(page(state, "state show").unwrap()).unwrap();
        assert!(text.starts_with(".ie") || text.contains(".TH deployer-state-show 1"), "{text}");
        assert!(text.contains(".TP\n\\fBdeployer state show queues.orders\\fR\n"), "{text}");
        assert!(!text.contains("EXIT STATUS") && !text.contains("EXTRA"), "{text}");
        let whole = String::from_utf8(page(&all, "").unwrap()).unwrap();
        assert!(whole.contains(".SH \"EXIT STATUS\"\n.TP\n\\fB0\\fR\ndone\n"), "{whole}");
        assert!(!whole.contains("deployer\\-help"), "{whole}");
        assert!(whole.contains("\\fBdeployer local start && deployer \\-\\-local apply\\fR"), "{whole}");
    }
}
