//! Checks of an HTTP API beyond the schema: its routes, limits and logs.

use std::collections::BTreeMap;

use super::route_key::RouteKey;
use super::{HttpApiElement, HttpRouteElement};
use crate::spec::finding::{DocPath, Findings};
use crate::spec::sections::Scope;
use crate::spec::sections::access_logs::LogCodes;

/// The time that API Gateway waits for a function, in milliseconds.
const TIMEOUT_MS: std::ops::RangeInclusive<u32> = 50..=30_000;
/// The most routes of an API, unless the account's quota was raised.
const ROUTES: usize = 300;
/// The most stage variables that AWS accepts, and the most characters of a name and of a value.
const VARIABLES: usize = 100;
const VARIABLE_NAME: usize = 64;
const VARIABLE_VALUE: usize = 512;

pub(super) fn external(at: &Scope<'_>, findings: &mut Findings) {
    if at.common.external {
        findings
            .error(
                "http_api::external",
                at.path(["external"]),
                "an API is found by its ownership tags, so others' APIs are not",
            )
            .help("write what you need of it, such as its URL, as a variable under `vars`");
    }
}

pub(super) fn routes(element: &HttpApiElement, at: &Scope<'_>, findings: &mut Findings) {
    if element.routes.is_empty() {
        findings
            .error("http_api::no-routes", at.path(["routes"]), "an API without routes answers 404 to every request")
            .help("add one: `\"GET /items\": FUNCTION`, or `$default: FUNCTION` for all requests");
    }
    if element.routes.len() > ROUTES {
        let message =
            format!("the API has {} routes, and AWS takes {ROUTES} unless the quota was raised", element.routes.len());
        findings
            .warning("http_api::many-routes", at.path(["routes"]), message)
            .help("raise `Routes per API` under Service Quotas first, or let a function answer several paths: `ANY /v1/{proxy+}`");
    }
    variable_places(element, at, findings);
    let mut shapes: BTreeMap<String, &str> = BTreeMap::new();
    for (key, target) in &element.routes {
        let path = at.path(["routes", key]);
        match RouteKey::parse(key) {
            Err(wrong) => {
                findings.error("http_api::route", path.clone(), wrong.message).at_key().help(wrong.help);
            }
            Ok(parsed) => {
                if let RouteKey::Path(place) = parsed
                    && let Some((part, help)) = place.colon()
                {
                    let message = format!("`{part}` is no variable: only requests with this very text match");
                    findings.warning("http_api::colon", path.clone(), message).at_key().help(help);
                }
                let first = *shapes.entry(parsed.shape()).or_insert(key);
                if first != key {
                    let message = format!("the route takes the same requests as `{first}`");
                    findings
                        .error("http_api::same-route", path.clone(), message)
                        .at_key()
                        .help("remove one of them: the names of variables make no difference");
                }
            }
        }
        function(&target.target().function, property(&path, target, "function"), findings);
        timeout(target.target().timeout.0, property(&path, target, "timeout"), findings);
    }
}

/// Reports path variables of different names in one place. AWS refuses the second with "has a conflicting variable on the
/// same hierarchical level", which names the methods of both routes.
fn variable_places(element: &HttpApiElement, at: &Scope<'_>, findings: &mut Findings) {
    let mut first: BTreeMap<(&str, bool), (&str, &str)> = BTreeMap::new();
    for route in element.routes.keys() {
        let Ok(RouteKey::Path(place)) = RouteKey::parse(route) else { continue };
        for (under, variable) in place.variables() {
            let (other, by) = *first.entry((under, variable.ends_with("+}"))).or_insert((variable, route));
            let shape = |key: &str| RouteKey::parse(key).map(RouteKey::shape);
            if other == variable || shape(by) == shape(route) {
                continue;
            }
            let message = format!("`{variable}` stands where `{by}` has `{other}`, and AWS takes one name in a place");
            findings
                .error("http_api::path-variable", at.path(["routes", route]), message)
                .at_key()
                .help(format!("write `{other}` here too, or put a fixed part before it"));
            break;
        }
    }
}

/// Returns the place of a route's property; for the short form, that of the route.
pub(super) fn property(path: &DocPath, target: &HttpRouteElement, name: &str) -> DocPath {
    match target {
        HttpRouteElement::Function(_) => path.clone(),
        HttpRouteElement::Map(_) => path.then(name),
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
    findings.error("http_api::function", at, format!("`{name}` is no name of a function")).help(help);
}

fn timeout(ms: u32, at: DocPath, findings: &mut Findings) {
    if !TIMEOUT_MS.contains(&ms) {
        findings
            .error("http_api::timeout", at, format!("API Gateway cannot wait for {ms} ms"))
            .help("allowed are 50ms to 30s; let a queue take longer work");
    }
}

/// Checks that rate and burst come together: API Gateway takes 0 for the one that is missing, and refuses all requests.
pub(super) fn throttling(element: &HttpApiElement, at: &Scope<'_>, findings: &mut Findings) {
    let mut check = |limits: (Option<f64>, Option<u32>), path: DocPath| {
        let (has, lacks) = match limits {
            (Some(_), None) => ("throttling_rate_limit", "throttling_burst_limit"),
            (None, Some(_)) => ("throttling_burst_limit", "throttling_rate_limit"),
            _ => return,
        };
        findings
            .error("http_api::throttling", path.then(has), format!("`{has}` needs `{lacks}` beside it"))
            .help(format!("add `{lacks}`: without it API Gateway may admit no request at all"));
    };
    check((element.throttling_rate_limit, element.throttling_burst_limit), at.path::<&str>([]));
    for (key, target) in &element.routes {
        let target = target.target();
        check((target.throttling_rate_limit, target.throttling_burst_limit), at.path(["routes", key]));
    }
}

pub(super) fn variables(element: &HttpApiElement, at: &Scope<'_>, findings: &mut Findings) {
    if element.variables.len() > VARIABLES {
        let message = format!("a stage has room for {VARIABLES} variables, not for {}", element.variables.len());
        findings
            .error("http_api::variables", at.path(["variables"]), message)
            .help("let the functions have their settings as environment variables");
    }
    for (name, value) in &element.variables {
        let path = at.path(["variables", name]);
        let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
        if name.is_empty() || name.len() > VARIABLE_NAME || !name.chars().all(is_name) {
            findings
                .error("http_api::variable-name", path.clone(), format!("`{name}` cannot be a stage variable's name"))
                .at_key()
                .help(format!("use only letters, digits and `_`, at most {VARIABLE_NAME}"));
        }
        let allowed = |c: char| c.is_ascii_alphanumeric() || "-._~:/?#&=,".contains(c);
        let is_value = !value.is_empty() && value.len() <= VARIABLE_VALUE && value.chars().all(allowed);
        if !value.contains("${") && !is_value {
            let message = format!("API Gateway does not take `{value}` in a stage variable");
            findings
                .error("http_api::variable-value", path, message)
                .help("use only letters, digits and `-._~:/?#&=,`, or an environment variable of the function");
        }
    }
}

pub(super) fn access_logs(element: &HttpApiElement, at: &Scope<'_>, findings: &mut Findings) {
    let codes = LogCodes { format: "http_api::log-format", group: "http_api::log-group", line: "http_api::log-line" };
    if let Some(logs) = &element.access_logs {
        logs.check(&at.path(["access_logs"]), &codes, findings);
    }
}
