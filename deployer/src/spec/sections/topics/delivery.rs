//! Checks of delivery policies. Source: SNS developer guide, "Creating an HTTP/S delivery policy".

use serde_json::Value;

use crate::spec::finding::{DocPath, Findings};
use crate::spec::nearest::{nearest, quoted};

/// The parts of a delivery policy.
enum Form {
    Map(&'static [(&'static str, Form)]),
    Number { least: i64, most: Option<i64> },
    OneOf(&'static [&'static str]),
    Any,
}

const COUNT: Form = Form::Number { least: 0, most: None };
const DELAY: Form = Form::Number { least: 1, most: Some(3_600) };
const RETRIES: &[(&str, Form)] = &[
    ("backoffFunction", Form::OneOf(&["arithmetic", "exponential", "geometric", "linear"])),
    ("maxDelayTarget", DELAY),
    ("minDelayTarget", DELAY),
    ("numMaxDelayRetries", COUNT),
    ("numMinDelayRetries", COUNT),
    ("numNoDelayRetries", COUNT),
    ("numRetries", Form::Number { least: 0, most: Some(100) }),
];
const POLICY: &[(&str, Form)] = &[(
    "http",
    Form::Map(&[
        ("defaultHealthyRetryPolicy", Form::Map(RETRIES)),
        ("defaultRequestPolicy", Form::Map(&[("headerContentType", Form::Any)])),
        ("defaultThrottlePolicy", Form::Map(&[("maxReceivesPerSecond", Form::Number { least: 1, most: None })])),
        ("disableSubscriptionOverrides", Form::Any),
    ]),
)];
const CODE: &str = "topic::delivery-policy";

/// Reports the parts of a topic's delivery policy that SNS refuses.
pub(super) fn check(policy: &Value, path: &DocPath, findings: &mut Findings) {
    check_map(policy, POLICY, path, findings);
    let retries = &policy["http"]["defaultHealthyRetryPolicy"];
    if let (Some(least), Some(most)) = (retries["minDelayTarget"].as_i64(), retries["maxDelayTarget"].as_i64())
        && least > most
    {
        let path = path.then("http").then("defaultHealthyRetryPolicy").then("minDelayTarget");
        findings
            .error(CODE, path, format!("the shortest delay of {least} s is longer than the longest, {most} s"))
            .help(format!("write `minDelayTarget: {most}` or less"));
    }
}

fn check_map(value: &Value, known: &[(&str, Form)], path: &DocPath, findings: &mut Findings) {
    let Value::Object(entries) = value else {
        findings.error(CODE, path.clone(), "this part of a delivery policy is a map").help("write `{ name: value }`");
        return;
    };
    for (key, inner) in entries {
        let path = path.then(key);
        match known.iter().find(|(name, _)| name == key) {
            Some((_, form)) => check_form(inner, form, &path, findings),
            None => {
                let names = || known.iter().map(|(name, _)| *name);
                let help = match nearest(key, names()) {
                    Some(meant) => format!("did you mean `{meant}`?"),
                    None => format!("it has {}", quoted(names())),
                };
                findings.error(CODE, path, format!("a delivery policy has no `{key}` here")).at_key().help(help);
            }
        }
    }
}

fn check_form(value: &Value, form: &Form, path: &DocPath, findings: &mut Findings) {
    let shown = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    match form {
        Form::Map(known) => check_map(value, known, path, findings),
        Form::Number { least, most } => {
            let number = value.as_i64();
            if number.is_some_and(|number| number >= *least && most.is_none_or(|most| number <= most)) {
                return;
            }
            let range = most.map_or_else(|| format!("{least} or more"), |most| format!("{least} to {most}"));
            findings
                .error(CODE, path.clone(), format!("SNS does not take {shown} here"))
                .help(format!("write {range}"));
        }
        Form::OneOf(known) if !known.contains(&shown.as_str()) => {
            findings
                .error(CODE, path.clone(), format!("SNS does not take `{shown}` here"))
                .help(format!("write one of {}", quoted(known.iter().copied())));
        }
        Form::OneOf(_) | Form::Any => {}
    }
}
