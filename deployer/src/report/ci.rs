//! The messages of a CI run.

use std::path::Path;

use super::terminal::Terminal;

/// Tells whether the run applies, and why.
pub fn print_mode(terminal: &Terminal, applies: bool, why: &str) {
    let verb = if applies { "plan and apply" } else { "plan only" };
    terminal.say(&format!("{verb}: {why}"));
}

/// Tells that no reviewed plan is known, and why.
pub fn print_no_review(terminal: &Terminal, why: &str) {
    terminal.say(&format!("There is no reviewed plan to compare with: {why}."));
}

/// Tells that the plan is the one that was reviewed at `source`.
pub fn print_reviewed(terminal: &Terminal, source: &str) {
    terminal.say(&format!("The plan is the one that was reviewed ({source})."));
}

/// Warns about a page that could not be written.
pub fn warn(terminal: &Terminal, text: &str) {
    terminal.say(&format!("warning: {text}"));
}

/// Describes a plan that was made without credentials, against the state of `written_at`.
pub fn without_credentials(written_at: &str) -> String {
    format!(
        "this run has no AWS credentials: the plan is against the state of {written_at}, AWS was not asked, and no code was built"
    )
}

/// Describes a stack that is valid but has no plan, such as in a fork's request without credentials.
pub fn only_validated(file: &Path, why: &str) -> String {
    format!("{} is valid, but there is no plan: this run has no AWS credentials, and {why}.", file.display())
}
