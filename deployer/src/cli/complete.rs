//! Answers a shell, which asks for completions on every Tab.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::path::PathBuf;
use std::sync::OnceLock;

use clap::Command;
use clap_complete::CompletionCandidate;
use clap_complete::env::CompleteEnv;

use super::environment::ProcessEnvironment;
use crate::codes;
use crate::log;
use crate::spec::document::{Document, InvalidStack};
use crate::spec::env;
use crate::spec::head::StateLocation;
use crate::spec::sections::functions::Functions;
use crate::spec::sections::queues::Queues;
use crate::spec::sections::{LoweredStack, Section};
use crate::spec::source::SourceText;
use crate::spec::variables::Inputs;
use crate::spec::visible;

/// The variable with which a shell asks for completions.
pub(super) const ASKED: &str = "DEPLOYER_COMPLETE";

/// The question of a shell.
struct CompletionRequest {
    /// Builds the command line.
    program: fn() -> Command,
    /// Whether the shell passes words with their quotes. Bash and zsh do; the others remove them, and in PowerShell a
    /// backslash separates directories.
    quoted: bool,
}

static QUESTION: OnceLock<CompletionRequest> = OnceLock::new();

/// Answers a shell that asks for completions of `program`, and then ends the process.
pub(super) fn answer(program: fn() -> Command) {
    // `complete` removes the variable from the environment, so it is read before.
    let asking = ProcessEnvironment::of_process();
    let quoted = asking.get(ASKED).is_some_and(|shell| matches!(shell, "bash" | "zsh"));
    QUESTION.get_or_init(|| CompletionRequest { program, quoted });
    CompleteEnv::with_factory(program).var(ASKED).complete();
}

/// Lists the stack's addresses that begin with the typed text.
pub(super) fn addresses(typed: &OsStr) -> Vec<CompletionCandidate> {
    let Some((document, lowered)) = stack() else { return Vec::new() };
    let mut found: Vec<(String, String)> = document.elements().map(|element| (element, "element".to_owned())).collect();
    for resource in lowered.resources {
        found.retain(|(address, _)| *address != resource.address);
        found.push((resource.address, resource.kind.to_owned()));
    }
    found.sort();
    candidates(typed, found)
}

/// Lists the names of the stack's functions.
pub(super) fn functions(typed: &OsStr) -> Vec<CompletionCandidate> {
    elements(Functions::ABOUT.name, typed)
}

/// Lists the names of the stack's queues.
pub(super) fn queues(typed: &OsStr) -> Vec<CompletionCandidate> {
    elements(Queues::ABOUT.name, typed)
}

/// Lists the names of the elements of `section`.
fn elements(section: &str, typed: &OsStr) -> Vec<CompletionCandidate> {
    let Some((document, _)) = stack() else { return Vec::new() };
    let own = |element: &str| {
        let (of, name) = element.split_once('.')?;
        (of == section).then(|| name.to_owned())
    };
    let names = document.elements().filter_map(|element| own(&element));
    candidates(typed, names.map(|name| (name, String::new())))
}

/// Lists the declared environments, and those whose state is in a directory. Listing a bucket would need the network.
pub(super) fn environments(typed: &OsStr) -> Vec<CompletionCandidate> {
    let Some((document, _)) = stack() else { return Vec::new() };
    let key = format!("{}.json", document.stack_name());
    let base = directory();
    let mut places = vec![base.join(".deployer/local/state")];
    places.push(match document.state() {
        Some(StateLocation::Directory(at)) => base.join(&at.path),
        _ => base.join(".deployer/state"),
    });
    let files = places.iter().filter_map(|place| std::fs::read_dir(place).ok()).flatten().flatten();
    let mut names: BTreeSet<String> =
        files.filter_map(|file| env::of_state_key(&key, &file.file_name().to_string_lossy())).collect();
    names.extend(document.environment().declared().iter().filter(|name| *name != env::MAIN).cloned());
    candidates(typed, names.into_iter().map(|name| (name, String::new())))
}

/// Lists the commands that have manual pages, below the last typed command.
pub(super) fn commands(typed: &OsStr) -> Vec<CompletionCandidate> {
    let Some(CompletionRequest { program, .. }) = QUESTION.get() else { return Vec::new() };
    let mut root = program();
    root.build();
    let mut at = &root;
    for word in words().iter().skip_while(|word| *word != "man").skip(1) {
        at = at.find_subcommand(word).unwrap_or(at);
    }
    let inner = at.get_subcommands().filter(|command| !command.is_hide_set() && command.get_name() != "help");
    candidates(
        typed,
        inner.map(|command| {
            (command.get_name().to_owned(), command.get_about().map(ToString::to_string).unwrap_or_default())
        }),
    )
}

/// Lists the names of the stack's outputs.
pub(super) fn outputs(typed: &OsStr) -> Vec<CompletionCandidate> {
    let Some((document, _)) = stack() else { return Vec::new() };
    candidates(typed, document.outputs().iter().map(|(name, text)| (name.clone(), text.clone())))
}

/// Lists `NAME=` for each of the stack's variables.
pub(super) fn variables(typed: &OsStr) -> Vec<CompletionCandidate> {
    let Some((document, _)) = stack() else { return Vec::new() };
    candidates(typed, document.variables().iter().map(|name| (format!("{name}="), String::new())))
}

/// Lists the codes of findings.
pub(super) fn codes(typed: &OsStr) -> Vec<CompletionCandidate> {
    candidates(typed, codes::all().map(|code| (code.code.to_owned(), code.means.to_owned())))
}

/// Selects the safe candidates that begin with the typed text. Drops secrets, and masks them in descriptions.
fn candidates(typed: &OsStr, found: impl IntoIterator<Item = (String, String)>) -> Vec<CompletionCandidate> {
    let typed = unquoted(&typed.to_string_lossy());
    let masked = |text: &str| visible::line(&log::masked(text)).into_owned();
    let fitting = found.into_iter().filter(|(value, _)| value.starts_with(&typed) && is_sound(value));
    fitting
        .filter(|(value, _)| log::masked(value) == *value)
        .map(|(value, about)| CompletionCandidate::new(value).help((!about.is_empty()).then(|| masked(&about).into())))
        .collect()
}

/// Tells whether a shell takes the name for a single word. The names of a broken stack may contain anything, as may
/// addresses on the web, and the shell runs its command line.
fn is_sound(value: &str) -> bool {
    let harmless = |c: char| c.is_alphanumeric() || "._:/@=+-[]{}*, %~?#".contains(c);
    value.starts_with(char::is_alphanumeric) && value.chars().all(harmless)
}

/// Removes the quoting of a word. Bash and zsh pass it as typed: `route\[GET` or `'route[GET`.
fn unquoted(typed: &str) -> String {
    let mut meant = String::with_capacity(typed.len());
    let mut letters = typed.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '\'' | '"' => {}
            '\\' => meant.extend(letters.next()),
            letter => meant.push(letter),
        }
    }
    meant
}

/// Returns the words typed so far.
fn words() -> Vec<String> {
    let words = std::env::args_os().map(|word| word.to_string_lossy().into_owned());
    let words = words.skip_while(|word| word != "--");
    let quoted = QUESTION.get().is_some_and(|asked| asked.quoted);
    words.map(|word| if quoted { unquoted(&word) } else { word }).collect()
}

/// Returns the value of an option among the typed words, else the value of its variable.
fn option(names: [&str; 2], variable: &str) -> Option<String> {
    let words = words();
    let given = words.iter().enumerate().find_map(|(index, word)| match word.split_once('=') {
        Some((name, value)) if names.contains(&name) => Some(value.to_owned()),
        _ if names.contains(&word.as_str()) => words.get(index + 1).cloned(),
        _ => None,
    });
    given.or_else(|| ProcessEnvironment::of_process().get(variable).map(str::to_owned))
}

fn directory() -> PathBuf {
    option(["-C", "-C"], "DEPLOYER_DIRECTORY").map(PathBuf::from).unwrap_or_default()
}

/// Loads the stack that the typed words refer to, as far as it is sound. Variables need no values here.
fn stack() -> Option<(Document, LoweredStack)> {
    let file = option(["-f", "--file"], "DEPLOYER_FILE").unwrap_or_else(|| "stack.yaml".to_owned());
    let file = directory().join(file);
    let source = SourceText::new(&file, std::fs::read(&file).ok()?);
    let inputs = Inputs { env: ProcessEnvironment::of_process().all().clone(), ..Inputs::default() };
    let stack = match Document::load(source, &inputs) {
        Ok((document, _)) => {
            let lowered = document.lower().0;
            Some((document, lowered))
        }
        Err(InvalidStack { sound, .. }) => sound.map(|sound| *sound),
    };
    // The environment of the asking shell may set variables, too.
    if let Some((document, _)) = &stack {
        log::mask(document.secrets());
    }
    stack
}

#[cfg(test)]
mod tests {
    use super::{is_sound, unquoted};

    #[test]
    fn a_name_that_a_shell_would_run_is_not_offered() {
        for name in
            ["queues.a", "apis.front.route[GET /items/{id}]", "topics.n.subscription[email:a@b.example]", "token="]
        {
            assert!(is_sound(name), "{name}");
        }
        for name in [
            "$(id)",
            "queues.`id`",
            "queues.a;id",
            "queues.a&id",
            "a|b",
            "a>b",
            "a'b",
            "a\"b",
            "a\\b",
            "--x",
            "a\nb",
            "a!b",
            "a\u{1b}b",
        ] {
            assert!(!is_sound(name), "{name}");
        }
    }

    #[test]
    fn a_word_is_completed_by_what_it_means_however_it_is_quoted() {
        for typed in [
            "apis.front.route\\[GET\\ /",
            "'apis.front.route[GET /",
            "\"apis.front.route[GET /",
            "apis.front.'route[GET /",
        ] {
            assert_eq!(unquoted(typed), "apis.front.route[GET /", "{typed}");
        }
        assert_eq!(unquoted("queues.orders"), "queues.orders");
        assert_eq!(unquoted("queues\\"), "queues");
    }
}
