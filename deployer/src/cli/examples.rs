//! Examples below every command's help, and the exit codes below the program's.

use std::fmt::Write as _;

use clap::Command;
use clap::builder::CommandExt;

/// Examples of one command: the line to type and its effect. A verb adds them to its arguments:
/// `#[command(add = EXAMPLES)]`. A test checks that every command has some and that all parse.
#[derive(Debug, Clone, Copy)]
pub(super) struct Examples(pub &'static [(&'static str, &'static str)]);

impl CommandExt for Examples {}

/// The exit codes that scripts rely on.
pub(super) const EXITS: &[(&str, &str)] = &[
    ("0", "done"),
    ("1", "an error, wrong usage included"),
    ("2", "changes are pending: only with --detailed-exitcode, or `deployer drift`"),
    ("130", "interrupted"),
];

/// Returns the examples of a command.
pub(super) fn of(command: &Command) -> &'static [(&'static str, &'static str)] {
    command.get::<Examples>().map_or(&[], |examples| examples.0)
}

/// Shows the examples of the program and of all commands below their help.
pub(super) fn add_to_help(program: Command) -> Command {
    let below = format!("{}\n\n{}", text(of(&program)), exits());
    add_to_commands(program).after_help(below)
}

fn add_to_commands(command: Command) -> Command {
    command.mut_subcommands(|inner| {
        let inner = add_to_commands(inner);
        match of(&inner) {
            [] => inner,
            examples => inner.after_help(text(examples)),
        }
    })
}

fn exits() -> String {
    EXITS.iter().fold(String::from("Exit codes:"), |text, (code, means)| format!("{text}\n  {code:<3}  {means}"))
}

pub(super) fn text(examples: &[(&str, &str)]) -> String {
    let width = examples.iter().map(|(line, _)| line.chars().count()).max().unwrap_or(0);
    let apart = width <= 52;
    let mut text = String::from("Examples:");
    for (line, does) in examples {
        let _ =
            if apart { write!(text, "\n  {line:<width$}   {does}") } else { write!(text, "\n  {line}\n      {does}") };
    }
    text
}

#[cfg(test)]
mod tests {
    use super::super::command;
    use super::*;

    /// Visits every visible command with its path.
    fn visible(command: &Command, path: &str, visit: &mut impl FnMut(&str, &Command)) {
        visit(path, command);
        for inner in command.get_subcommands().filter(|inner| !inner.is_hide_set() && inner.get_name() != "help") {
            visible(inner, format!("{path} {}", inner.get_name()).trim(), visit);
        }
    }

    #[test]
    fn every_command_has_examples_of_itself() {
        visible(&command(), "", &mut |path, command| {
            assert!(!of(command).is_empty(), "add examples to `{path}`");
            assert!(command.get_after_help().is_some(), "the examples of `{path}` are not shown");
            let words = |(line, _): &(&str, &str)| path.split(' ').all(|word| line.contains(word));
            assert!(of(command).iter().any(words), "no example of `{path}` types it");
        });
    }

    #[test]
    fn every_example_can_be_typed() {
        let mut lines = Vec::new();
        visible(&command(), "", &mut |_, command| lines.extend(of(command).iter().map(|(line, _)| *line)));
        let mut typed = 0;
        for line in lines {
            let Some(at) = line.find("deployer ") else { continue };
            let words =
                line[at..].split([' ', '(', ')', '"', '\'']).take_while(|word| !["|", ">", "&&"].contains(word));
            let words: Vec<&str> = words.filter(|word| !word.is_empty()).collect();
            command().try_get_matches_from(&words).unwrap_or_else(|error| panic!("{line}: {error}"));
            typed += 1;
        }
        assert!(typed > 30);
    }

    #[test]
    fn every_help_text_is_as_it_was_reviewed() {
        let mut all = String::new();
        let mut root = command().term_width(100);
        root.build();
        visible(&root, "", &mut |path, command| {
            let help = command.clone().render_help().to_string();
            // The global options appear only once in the snapshot, with the program itself.
            let own =
                if path.is_empty() { help.as_str() } else { help.split("Global options:").next().unwrap_or_default() };
            let examples =
                if path.is_empty() { "" } else { help.split_once("\nExamples:").map_or("", |(_, after)| after) };
            all += &format!("=== deployer {path}\n{}\n{examples}\n\n", own.trim_end());
        });
        insta::assert_snapshot!("help", all);
    }
}
