//! Prints what became of the local cloud.

use serde_json::json;

use super::terminal::Terminal;
use crate::local::{LocalCloud, Status};

/// Prints where the local cloud runs, and the buckets that it has.
pub fn print_start(terminal: &Terminal, cloud: &LocalCloud, buckets: &[String]) {
    if terminal.json {
        return terminal.data(&format!("{}\n", json!(cloud.status())));
    }
    terminal.say(&format!("The local cloud runs at {}.", cloud.endpoint_url()));
    for bucket in buckets {
        terminal.say(&format!("  bucket {bucket}"));
    }
}

/// Prints whether a local cloud was stopped.
pub fn print_stop(terminal: &Terminal, ran: bool) {
    terminal.say(if ran { "The local cloud is stopped; its data stays." } else { "No local cloud was running." });
}

/// Prints whether the local cloud runs, and where.
pub fn print_status(terminal: &Terminal, status: &Status) {
    let text = match (&status.endpoint_url, &status.bedrock_endpoint_url) {
        _ if terminal.json => json!(status).to_string(),
        (Some(endpoint), Some(bedrock)) => {
            format!("The local cloud runs at {endpoint}; Bedrock's stand-in at {bedrock}.")
        }
        _ => "The local cloud does not run. Start it: `deployer local start`".to_owned(),
    };
    terminal.data(&format!("{text}\n"));
}
