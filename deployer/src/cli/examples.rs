//! The command line, with an example or two below every command's help.

use std::fmt::Write as _;

use clap::{Command, CommandFactory};

use super::options::Cli;

/// Examples by command: the line to type and its effect. A test checks that every command has some and that all parse.
#[rustfmt::skip]
const EXAMPLES: &[(&str, &[(&str, &str)])] = &[
    ("", &[
        ("deployer validate", "check stack.yaml; needs no AWS"),
        ("deployer plan", "show what would change"),
        ("deployer apply", "show it, ask, do it"),
        ("deployer local start && deployer --local apply", "try it all without AWS"),
    ]),
    ("validate", &[
        ("deployer validate", "every finding in stack.yaml, with line, column and fix"),
        ("deployer validate -f prod.yaml --var candidate=32", "another file, a variable set"),
        ("deployer validate --json", "a JSON object a finding"),
        ("deployer validate --explain queue::fifo-name", "what a code means, and how to put it right"),
        ("deployer validate --explain", "all codes"),
    ]),
    ("plan", &[
        ("deployer plan", "show what apply would change"),
        ("deployer plan --out stack.plan", "save it, for `deployer apply stack.plan`"),
        ("deployer plan --target functions.worker", "only this element and what it needs"),
        ("deployer plan --detailed-exitcode", "exit 2 when something would change"),
        ("deployer plan --json | jq .summary", "count the changes"),
    ]),
    ("apply", &[
        ("deployer apply", "plan, ask, apply"),
        ("deployer apply --auto-approve", "do not ask, for scripts"),
        ("deployer apply stack.plan", "exactly the plan that was reviewed, or nothing"),
        ("deployer apply --adopt queues.orders", "take over a queue that exists already"),
        ("deployer apply --replace functions.worker", "make it anew"),
    ]),
    ("destroy", &[
        ("deployer destroy", "show what would go, ask for a typed `yes`, delete it"),
        ("deployer destroy --target apis.couch", "only the API, and what needs it"),
    ]),
    ("ci", &[
        ("deployer ci", "apply on `main`, plan on every other branch and on pull requests"),
        ("deployer ci --create-state-bucket", "make the state's bucket at the first run"),
    ]),
    ("iam", &[("deployer iam apply > policy.json", "the permissions of the role that applies")]),
    ("iam plan", &[
        ("deployer iam plan", "what `plan` has to read"),
        ("deployer iam plan --account 123456789012", "without credentials"),
    ]),
    ("iam apply", &[
        ("deployer iam apply", "what `apply` may do, and nothing else"),
        ("deployer iam apply --with-state", "also delete what stack.yaml no longer has"),
    ]),
    ("iam destroy", &[("deployer iam destroy", "what `destroy` may do")]),
    ("iam rollback", &[("deployer iam rollback", "what `rollback` may do: the functions' code, and nothing else")]),
    ("iam github", &[
        ("deployer iam github --repo acme/couch --owner-id 12 --repo-id 34 > github.json", "the provider and the roles for GitHub Actions"),
        ("deployer iam github --repo acme/couch --any-id --environment production --role apply", "one role, for one environment"),
    ]),
    ("env", &[("deployer env list", "the previews that there are")]),
    ("env list", &[("deployer env list", "the previews that there are")]),
    ("env destroy", &[
        ("deployer env destroy pr-7", "one preview with all that it owns"),
        ("deployer env destroy --stale 7d --auto-approve", "all that nobody has applied for a week"),
    ]),
    ("graph", &[
        ("deployer graph", "mermaid, which GitHub draws in Markdown"),
        ("deployer graph --format html --out stack.html", "a page of its own"),
        ("deployer graph --format dot | dot -Tpng -o stack.png", "a picture by Graphviz"),
    ]),
    ("show", &[
        ("deployer show stack.plan", "read a plan that `plan --out` saved"),
        ("deployer show stack.plan --markdown", "as a comment for a pull request"),
    ]),
    ("status", &[
        ("deployer status", "whether everything exists, has drifted, is well"),
        ("deployer status --json", "the same for scripts"),
    ]),
    ("adopt", &[
        ("deployer adopt queues.orders", "take over the queue that has the name in stack.yaml"),
        ("deployer adopt apis.couch a1b2c3", "an API, by its id"),
    ]),
    ("logs", &[
        ("deployer logs", "what all functions logged lately"),
        ("deployer logs image-worker --follow", "one function, until interrupted"),
        ("deployer logs --filter ERROR", "only lines with this pattern"),
    ]),
    ("invoke", &[
        ("deployer invoke image-worker @event.json", "call it with the event in a file"),
        ("deployer --local invoke image-worker", "in the local cloud"),
    ]),
    ("rollback", &[
        ("deployer rollback", "the previous code of all functions, after a yes"),
        ("deployer rollback image-worker --auto-approve", "one function, for scripts"),
        ("deployer rollback --list", "the versions that AWS keeps, and which one runs"),
        ("deployer rollback image-worker --to 7", "to this version, forward too"),
    ]),
    ("queue", &[
        ("deployer queue peek orders", "the messages that failed"),
        ("deployer queue redrive orders", "once the cause is mended: move them back"),
    ]),
    ("queue peek", &[
        ("deployer queue peek orders", "messages of its dead-letter queue"),
        ("deployer queue peek orders --limit 50 --json", "more of them, with whole bodies"),
        ("deployer queue peek orders --main", "the messages that wait in the queue itself"),
    ]),
    ("queue redrive", &[
        ("deployer queue redrive orders", "move its failed messages back, after a yes"),
        ("deployer queue redrive orders --rate 5 -y", "five a second, without asking"),
        ("deployer queue redrive orders --cancel", "stop it; moved messages stay moved"),
    ]),
    ("queue purge", &[
        ("deployer queue purge orders", "delete its failed messages for good"),
        ("deployer queue purge orders --main", "delete all messages of the queue itself"),
    ]),
    ("trace", &[("deployer trace 0a1b2c3d", "one request through all functions' logs")]),
    ("drift", &[
        ("deployer drift", "what other hands changed; exit 2 when there is any"),
        ("deployer drift --json", "the same for scripts"),
    ]),
    ("output", &[
        ("deployer output", "all outputs, a line each"),
        ("curl \"$(deployer output api_url)\"", "one bare value"),
    ]),
    ("state", &[
        ("deployer state list", "what the stack owns"),
        ("deployer state history", "the versions that are kept"),
    ]),
    ("state list", &[("deployer state list", "a line for each resource")]),
    ("state show", &[("deployer state show queues.orders", "what was applied, and the outputs")]),
    ("state history", &[("deployer state history", "the versions that are kept, newest first")]),
    ("state restore", &[("deployer state restore 41", "make version 41 the state again; AWS is not touched")]),
    ("state forget", &[("deployer state forget queues.orders", "AWS keeps the queue, the stack forgets it")]),
    ("state unlock", &[("deployer state unlock", "remove the lock of a run that is surely dead")]),
    ("local", &[
        ("deployer local start", "start the local cloud"),
        ("deployer --local apply --auto-approve", "deploy to it"),
        ("deployer local stop", "stop it; its data stays"),
    ]),
    ("local start", &[
        ("deployer local start", "with the buckets that stack.yaml expects to find"),
        ("deployer local start --check-permissions", "refuse what the functions' roles do not allow"),
    ]),
    ("local stop", &[("deployer local stop", "its data stays in .deployer/local")]),
    ("local status", &[("deployer local status --json", "whether it runs, and where")]),
    ("schema", &[
        ("deployer schema > stack.schema.json", "for editors: name it in the first line of stack.yaml,"),
        ("# yaml-language-server: $schema=./stack.schema.json", "like this"),
    ]),
    ("completions", &[
        ("source <(deployer completions bash)", "in ~/.bashrc"),
        ("source <(deployer completions zsh)", "in ~/.zshrc, after compinit"),
        ("deployer completions fish | source", "in ~/.config/fish/config.fish"),
        ("deployer completions powershell | Out-String | Invoke-Expression", "in $PROFILE"),
    ]),
    ("man", &[
        ("deployer man | man -l -", "read the page of the program"),
        ("deployer man state show | man -l -", "of one command"),
        ("deployer man --out ~/.local/share/man/man1", "install all pages for `man deployer`"),
    ]),
];

/// The exit codes that scripts rely on.
pub(super) const EXITS: &[(&str, &str)] = &[
    ("0", "done"),
    ("1", "an error, in the words of the command line too"),
    ("2", "changes are pending: only with --detailed-exitcode, or `deployer drift`"),
    ("130", "interrupted"),
];

/// Returns the examples of a command, by its path: `state show`.
pub(super) fn of(path: &str) -> &'static [(&'static str, &'static str)] {
    EXAMPLES.iter().find(|(known, _)| *known == path).map_or(&[], |(_, examples)| *examples)
}

/// Builds the command line with its examples.
pub(super) fn command() -> Command {
    EXAMPLES.iter().fold(Cli::command(), |command, (path, examples)| {
        let words: Vec<&str> = path.split(' ').filter(|word| !word.is_empty()).collect();
        let below = if path.is_empty() { format!("{}\n\n{}", text(examples), exits()) } else { text(examples) };
        let whole = with(command, &words, &|named| named.after_help(below.clone()));
        if *path == "destroy" { with(whole, &words, &destroying) } else { whole }
    })
}

fn with(command: Command, path: &[&str], change: &dyn Fn(Command) -> Command) -> Command {
    match path {
        [] => change(command),
        [word, rest @ ..] if command.find_subcommand(word).is_some() => {
            command.mut_subcommand(*word, |inner| with(inner, rest, change))
        }
        _ => command,
    }
}

/// Describes `--target` and `--exclude` for `destroy`: it follows dependencies in the opposite direction from `apply`.
fn destroying(destroy: Command) -> Command {
    destroy
        .mut_arg("target", |arg| arg.help("Only this address or element, and what needs it (repeatable)"))
        .mut_arg("exclude", |arg| arg.help("Not this address or element, nor what it needs (repeatable)"))
}

fn exits() -> String {
    EXITS.iter().fold(String::from("Exit codes:"), |text, (code, means)| format!("{text}\n  {code:<3}  {means}"))
}

fn text(examples: &[(&str, &str)]) -> String {
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
    use super::*;

    /// Visits every visible command with its path.
    fn visible(command: &Command, path: &str, visit: &mut impl FnMut(&str, &Command)) {
        visit(path, command);
        for inner in command.get_subcommands().filter(|inner| !inner.is_hide_set() && inner.get_name() != "help") {
            visible(inner, format!("{path} {}", inner.get_name()).trim(), visit);
        }
    }

    #[test]
    fn every_command_has_examples_and_every_example_is_of_a_command() {
        let mut paths = Vec::new();
        visible(&command(), "", &mut |path, command| {
            assert!(command.get_after_help().is_some(), "add examples of `{path}` to cli/examples.rs");
            paths.push(path.to_owned());
        });
        for (path, _) in EXAMPLES {
            assert!(paths.iter().any(|known| known == path), "{path}");
        }
    }

    #[test]
    fn every_example_can_be_typed() {
        let mut typed = 0;
        for (line, _) in EXAMPLES.iter().flat_map(|(_, examples)| *examples) {
            let Some(at) = line.find("deployer ") else { continue };
            let words = line[at..].split([' ', '(', ')', '"']).take_while(|word| !["|", ">", "&&"].contains(word));
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
