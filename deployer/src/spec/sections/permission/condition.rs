//! Checks of condition blocks. Source: IAM user guide, "IAM JSON policy elements: Condition operators".

use serde_json::Value;

use crate::spec::finding::{DocPath, Findings};
use crate::spec::nearest::{nearest, quoted};

/// The operators, without the prefixes for sets and the suffix `IfExists`.
#[rustfmt::skip]
const OPERATORS: &[&str] = &[
    "ArnEquals", "ArnLike", "ArnNotEquals", "ArnNotLike", "BinaryEquals", "Bool",
    "DateEquals", "DateGreaterThan", "DateGreaterThanEquals", "DateLessThan", "DateLessThanEquals", "DateNotEquals",
    "IpAddress", "NotIpAddress", "Null",
    "NumericEquals", "NumericGreaterThan", "NumericGreaterThanEquals", "NumericLessThan", "NumericLessThanEquals",
    "NumericNotEquals",
    "StringEquals", "StringEqualsIgnoreCase", "StringLike", "StringNotEquals", "StringNotEqualsIgnoreCase",
    "StringNotLike",
];
const OF_SETS: &[&str] = &["forallvalues:", "foranyvalue:"];
const IF_EXISTS: &str = "ifexists";

/// Reports operators that IAM does not have, and operators without keys.
pub(super) fn check(block: &Value, path: &DocPath, findings: &mut Findings) {
    for (operator, keys) in block.as_object().into_iter().flatten() {
        if operator.contains("${") {
            continue;
        }
        let path = path.then(operator);
        if !is_operator(operator) {
            let help = match nearest(operator, OPERATORS.iter().copied()) {
                Some(meant) => format!("did you mean `{meant}`?"),
                None => format!("there are {}", quoted(OPERATORS.iter().copied())),
            };
            let message = format!("IAM has no condition operator `{operator}`");
            findings.error("policy::condition", path, message).at_key().help(help);
        } else if !keys.is_object() {
            findings
                .error("policy::condition", path, format!("`{operator}` takes a map of keys and their values"))
                .help(format!("write `{operator}: {{ \"aws:SourceArn\": … }}`"));
        }
    }
}

fn is_operator(written: &str) -> bool {
    let lower = written.to_ascii_lowercase();
    let bare = OF_SETS.iter().find_map(|prefix| lower.strip_prefix(prefix)).unwrap_or(&lower);
    let bare = bare.strip_suffix(IF_EXISTS).filter(|bare| *bare != "null").unwrap_or(bare);
    OPERATORS.iter().any(|known| known.eq_ignore_ascii_case(bare))
}

#[cfg(test)]
mod tests {
    use super::is_operator;

    #[test]
    fn operators_are_known_with_prefix_and_suffix_in_any_case() {
        for good in
            ["StringEquals", "ForAnyValue:StringLike", "ArnLikeIfExists", "ForAllValues:ArnLikeIfExists", "bool"]
        {
            assert!(is_operator(good), "{good}");
        }
        for bad in ["StringEqual", "NullIfExists", "ForAnyValue", "Arn", ""] {
            assert!(!is_operator(bad), "{bad}");
        }
    }
}
