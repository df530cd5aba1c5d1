//! The services that ARNs of receivers name.

use crate::spec::finding::{DocPath, Findings};

/// The properties that take an ARN of one service, with that service and its resource in words.
const SERVICES: &[(&str, &str, &str)] = &[
    ("firehose", "firehose", "a Firehose stream"),
    ("state_machine", "states", "a state machine"),
    ("stream", "kinesis", "a Kinesis stream"),
];

/// Reports an ARN of another service than the property takes.
pub(super) fn check(property: &str, arn: &str, path: DocPath, code: &'static str, findings: &mut Findings) {
    let known = SERVICES.iter().find(|(name, _, _)| *name == property);
    let named = arn.strip_prefix("arn:").and_then(|rest| rest.split(':').nth(1));
    let (Some((_, service, what)), Some(named)) = (known, named) else { return };
    if named != *service && !named.contains("${") {
        let meant = SERVICES.iter().find(|(_, other, _)| *other == named);
        let help = match meant {
            Some((other, _, _)) => format!("write `{other}:` for this ARN"),
            None => format!("write `arn:aws:{service}:REGION:ACCOUNT:…`"),
        };
        findings.error(code, path, format!("`{arn}` is not the ARN of {what}")).help(help);
    }
}
