//! Prints the environments of a stack, and what became of them.

use serde_json::{Value, json};

use super::json::masked;
use super::terminal::Terminal;
use crate::aws::tags;
use crate::pipeline::{AbsentEnvironment, Environment, Environments};

/// Prints the environments beside the stack, one a line.
pub fn print_list(terminal: &Terminal, Environments { found, absent }: &Environments) {
    if terminal.json {
        let lines: Vec<Value> = found.iter().map(|env| masked(object(env), env.loaded.document.secrets())).collect();
        let absent: Vec<Value> = absent.iter().map(|env| json!({ "name": env.name, "account": env.account })).collect();
        return terminal.data(&format!("{}\n", json!({ "environments": lines, "absent": absent })));
    }
    if found.is_empty() && absent.is_empty() {
        terminal.say("There is no environment beside the stack. `deployer --env NAME apply` creates one.");
    }
    for Environment { name, snapshot, store, .. } in found {
        let state = &snapshot.state;
        let interrupted = if state.intents.is_empty() { "" } else { ", interrupted" };
        let (count, written_at) = (state.resources.len(), &state.written_at);
        terminal.data(&format!("{name}  {count} resources{interrupted}, written {written_at}  {}\n", store.place()));
    }
    for AbsentEnvironment { name, account } in absent {
        let why = match account {
            Some(account) => format!("in the account {account}, which these credentials are not for"),
            None => format!("not created yet: `deployer --env {name} apply` does"),
        };
        terminal.data(&format!("{name}  {why}\n"));
    }
}

fn object(env: &Environment) -> Value {
    let state = &env.snapshot.state;
    json!({
        "name": env.name,
        "owner": env.loaded.document.stack(),
        "resources": state.resources.len(),
        "unfinished": state.intents.len(),
        "written_at": state.written_at,
        "state": env.store.place(),
        "tags": { tags::STACK: env.loaded.document.stack(), tags::ENV: env.name },
    })
}

/// Names the environment that the following lines are about.
pub fn print_heading(terminal: &Terminal, name: &str) {
    terminal.say(&format!("environment {name}:"));
}

/// Names the preview environment that the following lines are about.
pub fn print_preview_heading(terminal: &Terminal, name: &str) {
    terminal.say(&format!("preview environment {name}:"));
}

/// Prints that an environment was destroyed. Its state was `erased`, unless resources remain.
pub fn print_destroyed(terminal: &Terminal, name: &str, erased: bool) {
    terminal.say(&match erased {
        true => format!("The environment {name} is gone."),
        false => format!("The environment {name} keeps what is protected or retained; its state stays."),
    });
}

/// Prints that there is no environment of this name.
pub fn print_absent(terminal: &Terminal, name: &str) {
    terminal.say(&format!("There is no environment {name} to destroy."));
}

/// Prints that no environment is older than the user's limit.
pub fn print_none_is_old(terminal: &Terminal) {
    terminal.say("No environment is that old.");
}
