//! The ids of targets in their rule.

use crate::spec::sections::shorten_name;

/// The most characters of an id.
const LENGTH: usize = 64;

/// Derives the id of a target from its type and the resource that it names: `queue-orders`.
pub fn target_id(property: &str, named: &str) -> String {
    let reference = named.strip_prefix("${").and_then(|rest| rest.split(['.', '}']).nth(1));
    let label = reference.unwrap_or_else(|| named.rsplit([':', '/']).next().unwrap_or(named));
    let known = |c: char| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '-' };
    let id: String = format!("{property}-{label}").chars().map(known).collect();
    shorten_name(&id, LENGTH)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_made_of_what_aws_takes() {
        assert_eq!(target_id("queue", "orders"), "queue-orders");
        assert_eq!(target_id("function", "${functions.report.arn}"), "function-report");
        assert_eq!(target_id("stream", "arn:aws:kinesis:eu-west-1:1:stream/measures"), "stream-measures");
        assert_eq!(target_id("queue", &"x".repeat(80)).len(), LENGTH);
    }
}
