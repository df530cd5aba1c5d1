//! The help as people read it: the global options once, and a few lines for somebody who types the bare name.

use clap::{Arg, Command};

use super::examples;

/// The page with a first stack.
pub(super) const FIRST_STACK: &str = "https://github.com/couch-explorers/deployer#your-own-stack";
const GLOBAL: &str = "Global options (-f, --env, --var, --local, --json, …): see `deployer help`.";

/// Leaves the global options out of the help of all commands, and names the place that has them.
pub(super) fn without_globals(program: Command) -> Command {
    let globals: Vec<Arg> =
        program.get_arguments().filter(|arg| arg.is_global_set()).map(|arg| arg.clone().hide(true)).collect();
    hide_in_commands(program, &globals)
}

fn hide_in_commands(command: Command, globals: &[Arg]) -> Command {
    command.mut_subcommands(|inner| {
        let inner = hide_in_commands(inner.args(globals.to_vec()), globals);
        let below = match inner.get_after_help() {
            Some(text) => format!("{text}\n\n{GLOBAL}"),
            None => GLOBAL.to_owned(),
        };
        inner.after_help(below)
    })
}

/// Returns the help for the bare name of the program: the first commands, and the way to all others.
pub(super) fn short(program: &Command) -> String {
    let about = program.get_about().map(ToString::to_string).unwrap_or_default();
    let examples = examples::text(examples::of(program));
    format!("{about}\n\n{examples}\n\nAll commands and options: `deployer help`. A first stack.yaml: {FIRST_STACK}\n")
}

#[cfg(test)]
mod tests {
    use super::super::command;
    use super::*;

    #[test]
    fn a_global_option_is_accepted_after_a_command_whose_help_leaves_it_out() {
        let mut program = without_globals(command());
        let words = ["deployer", "queue", "peek", "jobs", "--env", "pr-7", "--json"];
        let matches = program.try_get_matches_from_mut(words).expect("the options are global");
        assert_eq!(matches.get_one::<String>("preview").map(String::as_str), Some("pr-7"));
        let help = program.find_subcommand_mut("plan").expect("a command").render_help().to_string();
        assert!(help.contains("--target") && help.contains(GLOBAL), "{help}");
        assert!(!help.contains("--parallelism"), "{help}");
        assert!(program.render_help().to_string().contains("--parallelism"));
    }
}
