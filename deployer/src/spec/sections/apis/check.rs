//! Checks of an API beyond the schema.

use std::collections::BTreeMap;

use super::{ApiElement, Endpoint, RouteElement};
use crate::spec::finding::{DocPath, Findings};
use crate::spec::sections::Scope;
use crate::spec::sections::access_logs::LogCodes;
use crate::spec::sections::path::MethodPath;

/// The time that API Gateway waits for a function, in milliseconds, unless the account's quota was raised.
const TIMEOUT_MS: std::ops::RangeInclusive<u32> = 50..=29_000;
/// The highest quota, in milliseconds, for `REGIONAL` APIs.
const RAISED_MS: u32 = 300_000;
/// The most stage variables that AWS accepts.
const VARIABLES: usize = 100;

pub(super) fn external(at: &Scope<'_>, findings: &mut Findings) {
    if at.common.external {
        findings
            .error(
                "api::external",
                at.path(["external"]),
                "an API is found by its ownership tags, so others' APIs are not",
            )
            .help("write what you need of it, such as its URL, as a variable under `vars`");
    }
}

pub(super) fn routes(element: &ApiElement, at: &Scope<'_>, findings: &mut Findings) {
    if element.routes.is_empty() {
        findings
            .error("api::no-routes", at.path(["routes"]), "AWS deploys no API without routes")
            .help("add one: `\"POST /images\": FUNCTION`");
    }
    for (route, target) in &element.routes {
        let path = at.path(["routes", route]);
        match MethodPath::parse(route) {
            Err(wrong) => {
                findings.error("api::route", path.clone(), wrong.message).at_key().help(wrong.help);
            }
            Ok(place) => {
                if let Some((part, help)) = place.colon() {
                    let message = format!("`{part}` is no variable: only requests with this very text match");
                    findings.warning("api::colon", path.clone(), message).at_key().help(help);
                }
            }
        }
        function(&target.target().function, property(&path, target, "function"), findings);
        timeout(element, target.target().timeout.0, property(&path, target, "timeout"), findings);
    }
}

pub(super) fn access_logs(element: &ApiElement, at: &Scope<'_>, findings: &mut Findings) {
    let codes = LogCodes { format: "api::log-format", group: "api::log-group", line: "api::log-line" };
    if let Some(logs) = &element.access_logs {
        logs.check(&at.path(["access_logs"]), &codes, findings);
    }
}

/// Returns the place of a route's property; for the short form, that of the route.
pub(super) fn property(path: &DocPath, target: &RouteElement, name: &str) -> DocPath {
    match target {
        RouteElement::Function(_) => path.clone(),
        RouteElement::Map(_) => path.then(name),
    }
}

/// Checks that a text can be the name of a function of the stack.
pub(super) fn function(name: &str, at: DocPath, findings: &mut Findings) {
    if !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || "_-".contains(c)) {
        return;
    }
    let meant = name.strip_prefix("${functions.").and_then(|rest| rest.split('.').next());
    let help = match meant {
        Some(meant) => format!("write `{meant}`"),
        None => "write its name under `functions`".to_owned(),
    };
    findings.error("api::function", at, format!("`{name}` is no name of a function")).help(help);
}

fn timeout(element: &ApiElement, ms: u32, at: DocPath, findings: &mut Findings) {
    let raised = TIMEOUT_MS.end() + 1..=RAISED_MS;
    if TIMEOUT_MS.contains(&ms) {
        return;
    }
    if element.endpoint_type == Endpoint::Regional && raised.contains(&ms) {
        let message = format!("API Gateway waits for {ms} ms only where the account's quota was raised");
        findings
            .warning("api::long-timeout", at, message)
            .help("raise `Maximum integration timeout in milliseconds` of API Gateway under Service Quotas before you apply; AWS refuses the route otherwise");
        return;
    }
    let help = match element.endpoint_type {
        Endpoint::Edge => "allowed are 50ms to 29s with `endpoint_type: EDGE`; let a queue take longer work",
        Endpoint::Regional => {
            "allowed are 50ms to 29s, and up to 5 minutes where the account's quota was raised; let a queue take longer work"
        }
    };
    findings.error("api::timeout", at, format!("API Gateway cannot wait for {ms} ms")).help(help);
}

/// Reports two path variables in one place. AWS accepts one, greedy or not.
pub(super) fn places(element: &ApiElement, at: &Scope<'_>, findings: &mut Findings) {
    let mut first: BTreeMap<&str, (&str, &str)> = BTreeMap::new();
    for route in element.routes.keys() {
        let Ok(place) = MethodPath::parse(route) else { continue };
        for (under, variable) in place.variables() {
            let (other, by) = *first.entry(under).or_insert((variable, route));
            if other != variable {
                findings
                    .error(
                        "api::path-variable",
                        at.path(["routes", route]),
                        format!(
                            "`{variable}` stands where `{by}` has `{other}`, and AWS takes one variable in a place"
                        ),
                    )
                    .at_key()
                    .help(format!("write `{other}` here too, or put a fixed part before it"));
                break;
            }
        }
    }
}

pub(super) fn variables(element: &ApiElement, at: &Scope<'_>, findings: &mut Findings) {
    if element.variables.len() > VARIABLES {
        let message = format!("a stage has room for {VARIABLES} variables, not for {}", element.variables.len());
        findings
            .error("api::variables", at.path(["variables"]), message)
            .help("let the functions have their settings as environment variables");
    }
    for (name, value) in &element.variables {
        let path = at.path(["variables", name]);
        if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
            findings
                .error("api::variable-name", path.clone(), format!("`{name}` cannot be a stage variable's name"))
                .at_key()
                .help("use only letters, digits and `_`");
        }
        let allowed = |c: char| c.is_ascii_alphanumeric() || "-._~:/?#&=,".contains(c);
        if !value.contains("${") && (value.is_empty() || !value.chars().all(allowed)) {
            findings
                .error("api::variable-value", path, format!("API Gateway does not take `{value}` in a stage variable"))
                .help("use only letters, digits and `-._~:/?#&=,`, or an environment variable of the function");
        }
    }
}
