//! Asks for a typed `yes` before changes that cannot be undone.

use super::options::Approval;
use super::run::Run;
use crate::failure::Failure;

/// Fails at once if `command` will need an answer and nobody can give one.
pub(super) fn possible(run: &Run, approval: &Approval, command: &str) -> Result<(), Failure> {
    if is_possible(run, approval) { Ok(()) } else { Err(needed(command)) }
}

/// Tells whether the user gave the approval already, or can give it.
pub(super) fn is_possible(run: &Run, approval: &Approval) -> bool {
    approval.auto_approve || (run.terminal.interactive && !run.terminal.json)
}

/// Returns the refusal of a command that needs an answer that nobody can give.
pub(super) fn needed(command: &str) -> Failure {
    Failure::plain(
        "run::approval-needed",
        format!("{command} needs confirmation, but there is no terminal to ask on; nothing was changed"),
        "confirm beforehand: add `--auto-approve` (`-y`)",
    )
}

/// Asks for a typed `yes`, unless `--auto-approve` was given. A signal means no.
pub(super) async fn ask_for_yes(run: &Run, approval: &Approval, command: &str, question: &str) -> Result<(), Failure> {
    ask_for_word(run, approval, command, question, "yes").await
}

/// Like [`ask_for_yes`], but asks for `word` in place of `yes`.
pub(super) async fn ask_for_word(
    run: &Run,
    approval: &Approval,
    command: &str,
    question: &str,
    word: &str,
) -> Result<(), Failure> {
    if approval.auto_approve {
        return Ok(());
    }
    let mut stop = run.stop.clone();
    let yes = tokio::select! {
        answer = run.terminal.ask(question) => answer.as_deref() == Some(word),
        _ = stop.wait_for(|asked| *asked > 0) => false,
    };
    match *run.stop.borrow() {
        _ if yes => Ok(()),
        0 => {
            let message = format!("{command} was not approved; nothing was changed");
            let help = format!("run it again and type the whole word `{word}`");
            Err(Failure::plain("run::not-approved", message, help))
        }
        _ => Err(Failure::interrupted()),
    }
}
