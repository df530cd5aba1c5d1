//! Prints what became of the local cloud.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::json;

use super::terminal::Terminal;
use crate::local::{LocalCloud, LocalStatus, PendingSubscription};
use crate::strict::{About, Off};

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

/// Prints whether the local cloud runs, and where. `optional` are the rules that are off by default.
pub fn print_status(terminal: &Terminal, status: &LocalStatus, rules: &[About], optional: &[(About, Off)]) {
    let off = status.rules_off.as_deref().unwrap_or_default();
    let is_on = |rule: &About| !off.iter().any(|name| name == rule.name);
    let on = status.rules_on.as_deref().unwrap_or_default();
    let is_chosen = |rule: &About| on.iter().any(|name| name.split('=').next() == Some(rule.name));
    let text = match (&status.endpoint_url, &status.bedrock_endpoint_url) {
        _ if terminal.json => {
            let rules = rules.iter().map(|rule| {
                let About { name, summary, source } = rule;
                json!({"name": name, "summary": summary, "source": source, "on": is_on(rule)})
            });
            let optional = optional.iter().map(|(rule, off)| {
                let About { name, summary, source } = rule;
                let on = is_chosen(rule) && is_on(rule);
                json!({"name": name, "summary": summary, "source": source, "on": on, "off_because": off.why})
            });
            let mut value = json!(status);
            value["rules"] = rules.chain(optional).collect();
            value.to_string()
        }
        (Some(endpoint), Some(bedrock)) => {
            let mail = status.mail.as_deref().unwrap_or(Path::new("")).display();
            let delays = match status.as_slow_as_aws {
                Some(true) => "with AWS's own delays",
                _ => "with short delays",
            };
            let mut text = format!(
                "The local cloud runs at {endpoint}; Bedrock's stand-in at {bedrock}.\nMail is written to {mail}.\n\
                 It holds these rules of AWS, {delays}:"
            );
            let names = rules.iter().chain(optional.iter().map(|(rule, _)| rule));
            let width = names.map(|rule| rule.name.len()).max().unwrap_or_default();
            for rule in rules {
                let state = if is_on(rule) { "" } else { " (off)" };
                text += &format!("\n  {:width$}  {}{state}", rule.name, rule.summary);
            }
            for (rule, _) in optional.iter().filter(|(rule, _)| is_chosen(rule)) {
                text += &format!("\n  {:width$}  {} (switched on)", rule.name, rule.summary);
            }
            text += "\nThese rules are off; `deployer local start --with RULE` switches one on:";
            for (rule, off) in optional.iter().filter(|(rule, _)| !is_chosen(rule)) {
                text += &format!("\n  {:width$}  {} (off: {})", rule.name, rule.summary, off.why);
            }
            text
        }
        _ => "The local cloud does not run. Start it: `deployer local start`".to_owned(),
    };
    terminal.data(&format!("{text}\n"));
}

/// Prints the e-mail subscriptions that wait for their confirmation.
pub fn print_pending(terminal: &Terminal, waiting: &[PendingSubscription]) {
    if terminal.json {
        return terminal.data(&format!("{}\n", json!(waiting)));
    }
    if waiting.is_empty() {
        terminal.say("No e-mail subscription waits for its confirmation.");
    }
    for pending in waiting {
        terminal.data(&format!("{}  {}\n", pending.address, pending.topic_arn));
    }
}

/// Names the command that confirms the waiting subscriptions.
pub fn print_waiting(terminal: &Terminal, waiting: &[PendingSubscription]) {
    let addresses: BTreeSet<&str> = waiting.iter().map(|pending| pending.address.as_str()).collect();
    for address in addresses {
        terminal.say(&format!("Confirm the e-mail subscription of {address}: `deployer local confirm {address}`"));
    }
}

/// Prints which subscriptions were confirmed.
pub fn print_confirmed(terminal: &Terminal, confirmed: &[PendingSubscription]) {
    for pending in confirmed {
        terminal.say(&format!("{} receives the mail of {}.", pending.address, pending.topic_arn));
    }
}
