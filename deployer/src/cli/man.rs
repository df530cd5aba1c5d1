//! `deployer man`

use std::path::Path;

use clap_mangen::Man;

use super::run::Run;
use super::{Exit, OK, examples};
use crate::failure::Failure;

/// Prints the page of the program, or of the command that the words name; or writes all pages to a directory.
pub(super) fn run(run: &Run, command: &[String], out: Option<&Path>) -> Exit {
    let mut all = examples::command();
    all.build();
    if let Some(directory) = out {
        let written = std::fs::create_dir_all(directory).and_then(|()| clap_mangen::generate_to(all, directory));
        written.map_err(|error| {
            let message = format!("cannot write to {}: {error}", directory.display());
            Failure::plain("run::directory", message, "name a directory that can be written to")
        })?;
        return Ok(OK);
    }
    let mut page = &all;
    for word in command {
        page = page.find_subcommand(word).ok_or_else(|| {
            let message = format!("there is no command `{}`", command.join(" "));
            Failure::plain("run::usage", message, "`deployer --help` lists the commands")
        })?;
    }
    let mut text = Vec::new();
    // As `man` finds it: `deployer-state-show`, not `show`.
    let name = page.get_display_name().unwrap_or(page.get_name()).to_owned();
    let rendered = Man::new(page.clone()).title(name).render(&mut text);
    rendered.map_err(|error| Failure::internal(&format!("no manual page: {error}")))?;
    run.terminal.data(&String::from_utf8_lossy(&text));
    Ok(OK)
}
