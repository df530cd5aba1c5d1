//! Access to routes: authorizers, and the routes that use them.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::Deserialize;

use super::check::{function, property};
use super::cors::OPTIONS;
use super::{ApiElement, Authorization, RouteTarget};
use crate::kinds::api_authorizer::{ApiAuthorizer, Authorizer, COGNITO, TOKEN};
use crate::spec::finding::{DocPath, Findings};
use crate::spec::sections::{LoweredStack, Scope, reference};
use crate::spec::values::Seconds;

/// The most authorizers of an API, unless the account's quota was raised.
const AUTHORIZERS: usize = 10;
/// Where callers put a token unless the authorizer says otherwise.
const HEADER: &str = "$request.header.";
/// The parts of a request in `stack.yaml`, and in API Gateway's words.
const SOURCES: [(&str, &str); 4] = [
    (HEADER, "method.request.header."),
    ("$request.querystring.", "method.request.querystring."),
    ("$context.", "context."),
    ("$stageVariables.", "stageVariables."),
];

/// A way to decide who may call a route: `function`, or `cognito`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ApiAuthorizerElement {
    /// The function that decides, by its name under `functions`. It answers with an IAM policy.
    pub function: Option<String>,
    /// ARNs of the Cognito user pools whose tokens count. API Gateway checks them by itself.
    pub cognito: Option<Vec<String>>,
    /// The event that the function gets: with the token alone (`token`), or with the whole request (`request`).
    #[serde(rename = "type")]
    pub event: Option<AuthorizerEvent>,
    /// Where the token is, or what an answer for a `request` is kept by, such as `$request.header.Authorization`.
    /// Default: that header.
    pub identity_sources: Option<Vec<String>>,
    /// The time for which an answer of the function counts for further requests with the same identity sources, up to
    /// an hour. A kept policy counts for all routes with this authorizer, so it has to name all that the caller may
    /// call. Default: `0s`, and the function is asked each time.
    #[schemars(range(max = 3600))]
    pub ttl: Option<Seconds>,
    /// The regular expression that a token has to match in full. Others get 401, and the function is not asked.
    #[schemars(length(min = 1))]
    pub validation_pattern: Option<String>,
}

/// The event that an authorizer's function gets.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum AuthorizerEvent {
    #[default]
    Token,
    Request,
}

impl ApiElement {
    /// Returns the name of a route's authorizer: its own, or the API's default unless the route has another way.
    pub(super) fn authorizer_of<'e>(&'e self, route: &str, target: &'e RouteTarget) -> Option<&'e String> {
        // Browsers ask with OPTIONS, and send no credentials with it.
        let is_default = target.authorization.is_none() && !route.starts_with(OPTIONS);
        let default = self.default_authorizer.as_ref().filter(|_| is_default);
        target.authorizer.as_ref().or(default)
    }

    /// Returns AWS's name for the way in which callers of a route are checked.
    pub(super) fn authorization_type(&self, route: &str, target: &RouteTarget) -> &'static str {
        let authorizer = self.authorizer_of(route, target).map(|name| self.authorizers.get(name));
        match (authorizer, target.authorization) {
            (Some(Some(authorizer)), _) if authorizer.cognito.is_some() => COGNITO,
            (Some(_), _) => "CUSTOM",
            (None, Some(Authorization::AwsIam)) => "AWS_IAM",
            (None, _) => "NONE",
        }
    }
}

/// Returns API Gateway's words for a part of a request.
fn source(written: &str) -> String {
    let known = SOURCES.iter().find_map(|(here, aws)| Some(format!("{aws}{}", written.strip_prefix(here)?)));
    known.unwrap_or_else(|| written.to_owned())
}

/// Returns the address of an authorizer.
pub(super) fn address(name: &str, at: &Scope<'_>) -> String {
    at.part(&format!("authorizer[{name}]"))
}

/// Adds the authorizers, and returns them.
pub(super) fn lower(element: &ApiElement, at: &Scope<'_>, out: &mut LoweredStack) -> Vec<Authorizer> {
    let mut all = Vec::new();
    for (name, written) in &element.authorizers {
        let asks = written.cognito.is_none();
        let default = vec![format!("{HEADER}Authorization")];
        let sources = written.identity_sources.as_ref().unwrap_or(&default);
        let mut provider_arns = written.cognito.clone().unwrap_or_default();
        provider_arns.sort();
        let authorizer_type = match written.event.unwrap_or_default() {
            _ if !asks => COGNITO,
            AuthorizerEvent::Token => TOKEN,
            AuthorizerEvent::Request => "REQUEST",
        };
        let authorizer = Authorizer {
            rest_api_id: reference(&at.element(), "id"),
            name: name.clone(),
            authorizer_type: authorizer_type.to_owned(),
            identity_source: sources.iter().map(|written| source(written)).collect(),
            authorizer_uri: written
                .function
                .as_ref()
                .filter(|_| asks)
                .map(|name| reference(&format!("functions.{name}"), "invoke_arn")),
            authorizer_result_ttl_in_seconds: asks.then(|| written.ttl.unwrap_or_default().0),
            provider_arns,
            identity_validation_expression: written.validation_pattern.clone(),
        };
        out.add::<ApiAuthorizer>(at, address(name, at), &authorizer);
        all.push(authorizer);
    }
    all
}

pub(super) fn check(element: &ApiElement, at: &Scope<'_>, findings: &mut Findings) {
    if element.authorizers.len() > AUTHORIZERS {
        let message = format!(
            "the API has {} authorizers, and AWS takes {AUTHORIZERS} unless the quota was raised",
            element.authorizers.len()
        );
        findings
            .warning("api::many-authorizers", at.path(["authorizers"]), message)
            .help("let one function decide for several routes: its event names the route");
    }
    let targets: Vec<(&String, RouteTarget)> = element.routes.iter().map(|(route, to)| (route, to.target())).collect();
    let used: BTreeSet<&String> =
        targets.iter().filter_map(|(route, target)| element.authorizer_of(route, target)).collect();
    for (name, authorizer) in &element.authorizers {
        let path = at.path(["authorizers", name]);
        if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || "_-".contains(c)) {
            findings
                .error("api::authorizer-name", path.clone(), format!("`{name}` cannot be an authorizer's name"))
                .at_key()
                .help("use letters, digits, `_` and `-`");
        }
        if !used.contains(name) {
            findings
                .warning("api::unused-authorizer", path.clone(), "no route uses the authorizer")
                .at_key()
                .help(format!("write `authorizer: {name}` at the routes that it is to protect, or `default_authorizer: {name}` at the API, or remove it"));
        }
        match (&authorizer.function, &authorizer.cognito) {
            (Some(name), None) => function(name, path.then("function"), findings),
            (None, Some(pools)) => of_pools(authorizer, pools, &path, findings),
            _ => {
                findings
                    .error("api::authorizer-type", path.clone(), "an authorizer has either `function` or `cognito`")
                    .at_key()
                    .help("write `function: NAME`, or `cognito: [ARN]`");
            }
        }
        sources(authorizer, &path, findings);
    }
    if let Some(name) = &element.default_authorizer {
        known(element, name, at.path(["default_authorizer"]), findings);
    }
    for (route, written) in &element.routes {
        let (path, target) = (at.path(["routes", route]), written.target());
        let place = |name: &str| property(&path, written, name);
        if let Some(name) = &target.authorizer {
            known(element, name, place("authorizer"), findings);
            if target.authorization.is_some() {
                findings
                    .error("api::authorization", place("authorization"), "a route has one way to decide who may call")
                    .help("remove `authorization`, or `authorizer`");
            }
        }
        if !target.scopes.is_empty() && element.authorization_type(route, &target) != COGNITO {
            findings
                .error("api::scopes", place("scopes"), "only tokens of user pools have scopes")
                .help("name an authorizer with `cognito`, or let the function decide");
        }
    }
}

fn of_pools(authorizer: &ApiAuthorizerElement, pools: &[String], path: &DocPath, findings: &mut Findings) {
    if pools.is_empty() {
        findings
            .error("api::user-pool", path.then("cognito"), "without a user pool, no token counts")
            .help("list the ARNs of the pools: `arn:aws:cognito-idp:REGION:ACCOUNT:userpool/ID`");
    }
    for (number, pool) in pools.iter().enumerate() {
        if !pool.contains(":userpool/") && !pool.contains("${") {
            findings
                .error(
                    "api::user-pool",
                    path.then("cognito").then(number.to_string()),
                    format!("`{pool}` is no ARN of a user pool"),
                )
                .help("write `arn:aws:cognito-idp:REGION:ACCOUNT:userpool/ID`");
        }
    }
    let of_functions = [("type", authorizer.event.is_some()), ("ttl", authorizer.ttl.is_some())];
    for (property, _) in of_functions.iter().filter(|(_, given)| *given) {
        findings
            .error(
                "api::authorizer-property",
                path.then(*property),
                "it is about functions, and API Gateway checks tokens of user pools by itself",
            )
            .help("remove it");
    }
}

fn sources(authorizer: &ApiAuthorizerElement, path: &DocPath, findings: &mut Findings) {
    let reads_token = authorizer.event != Some(AuthorizerEvent::Request);
    if !reads_token && authorizer.validation_pattern.is_some() {
        findings
            .error(
                "api::authorizer-property",
                path.then("validation_pattern"),
                "only a token is compared with a pattern",
            )
            .help("remove it, or write `type: token`");
    }
    let Some(sources) = &authorizer.identity_sources else {
        let asks_for_all = authorizer.event == Some(AuthorizerEvent::Request);
        if asks_for_all && authorizer.ttl.unwrap_or_default().0 > 0 {
            findings
                .error(
                    "api::authorizer-cache",
                    path.then("ttl"),
                    "answers are kept by identity sources, and the function may decide by other parts of the request",
                )
                .help(format!("add `identity_sources: [{HEADER}Authorization]`, or whatever the function decides by"));
        }
        return;
    };
    let at = path.then("identity_sources");
    if sources.is_empty() || (reads_token && sources.len() > 1) {
        let message = if sources.is_empty() { "there is no identity source" } else { "a token is in one place" };
        findings
            .error("api::identity-source", at.clone(), message)
            .help(format!("write `[{HEADER}Authorization]`, or leave it out"));
    }
    for (number, source) in sources.iter().enumerate() {
        let is_named = |(here, _): &&(&str, &str)| source.strip_prefix(*here).is_some_and(|name| !name.is_empty());
        let known = SOURCES.iter().find(is_named);
        let fits = known.is_some_and(|(here, _)| !reads_token || *here == HEADER);
        if !fits && !source.contains("${") {
            let meant = SOURCES.iter().find_map(|(here, aws)| Some(format!("{here}{}", source.strip_prefix(aws)?)));
            let help = match meant.filter(|_| known.is_none()) {
                Some(meant) => format!("write `{meant}`"),
                None if known.is_some() => {
                    format!("write a header, such as `{HEADER}Authorization`, or `type: request`")
                }
                None => format!("write `{HEADER}Authorization`, or the like"),
            };
            let message = match known {
                Some(_) => format!("a token is in a header, and not in `{source}`"),
                None => format!("`{source}` is no part of a request"),
            };
            findings.error("api::identity-source", at.then(number.to_string()), message).help(help);
        }
    }
}

fn known(element: &ApiElement, name: &str, at: DocPath, findings: &mut Findings) {
    if element.authorizers.contains_key(name) {
        return;
    }
    let known: Vec<&str> = element.authorizers.keys().map(String::as_str).collect();
    let help = match known.as_slice() {
        [] => "describe it under `authorizers` of the API".to_owned(),
        known => format!("there are: {}", known.join(", ")),
    };
    findings.error("api::authorizer", at, format!("the API has no authorizer `{name}`")).help(help);
}
