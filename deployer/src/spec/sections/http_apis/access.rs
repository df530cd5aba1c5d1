//! Checks of who may call: authorizers, and the routes that use them.

use std::collections::BTreeSet;

use super::check::{function, property};
use super::{AuthorizerElement, HttpApiElement, HttpAuthorization, HttpRouteTarget, Jwt, PayloadFormat};
use crate::spec::finding::{DocPath, Findings};
use crate::spec::sections::Scope;

/// The most authorizers of an API, unless the account's quota was raised.
const AUTHORIZERS: usize = 10;
/// The most audiences of an authorizer, and the most scopes of a route.
const AUDIENCES: usize = 50;
const SCOPES: usize = 10;
/// The beginnings of identity sources, and the one that a cached answer needs if it differs from route to route.
const SOURCES: [&str; 4] = ["$request.header.", "$request.querystring.", "$context.", "$stageVariables."];
const ROUTE: &str = "$context.routeKey";

pub(super) fn authorizers(element: &HttpApiElement, at: &Scope<'_>, findings: &mut Findings) {
    if element.authorizers.len() > AUTHORIZERS {
        let message = format!(
            "the API has {} authorizers, and AWS takes {AUTHORIZERS} unless the quota was raised",
            element.authorizers.len()
        );
        findings
            .warning("http_api::many-authorizers", at.path(["authorizers"]), message)
            .help("let one function decide for several routes: its event names the route");
    }
    let used: BTreeSet<String> = element.routes.values().filter_map(|route| route.target().authorizer).collect();
    for (name, authorizer) in &element.authorizers {
        let path = at.path(["authorizers", name]);
        if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || "_-".contains(c)) {
            findings
                .error("http_api::authorizer-name", path.clone(), format!("`{name}` cannot be an authorizer's name"))
                .at_key()
                .help("use letters, digits, `_` and `-`");
        }
        if !used.contains(name) {
            findings
                .warning("http_api::unused-authorizer", path.clone(), "no route uses the authorizer")
                .at_key()
                .help(format!("write `authorizer: {name}` at the routes that it is to protect, or remove it"));
        }
        match (&authorizer.jwt, &authorizer.function) {
            (Some(jwt), None) => of_token(authorizer, jwt, &path, findings),
            (None, Some(name)) => {
                function(name, path.then("function"), findings);
                of_function(authorizer, &path, findings);
            }
            _ => {
                findings
                    .error("http_api::authorizer-type", path.clone(), "an authorizer has either `jwt` or `function`")
                    .at_key()
                    .help("write `jwt: { issuer: URL, audience: [ID] }`, or `function: NAME`");
            }
        }
        sources(authorizer, &path, findings);
    }
}

fn of_token(authorizer: &AuthorizerElement, jwt: &Jwt, path: &DocPath, findings: &mut Findings) {
    let at = path.then("jwt");
    if !jwt.issuer.starts_with("https://") && !jwt.issuer.contains("${") {
        let message = format!("`{}` is no URL that API Gateway can fetch keys from", jwt.issuer);
        findings
            .error("http_api::issuer", at.then("issuer"), message)
            .help("write the issuer as its tokens name it: `https://…`");
    }
    if jwt.audience.is_empty() || jwt.audience.len() > AUDIENCES {
        let message = format!("an authorizer takes 1 to {AUDIENCES} audiences, not {}", jwt.audience.len());
        findings.error("http_api::audience", at.then("audience"), message).help(
            "list the ids of the apps whose tokens count; API Gateway compares them with `aud`, or with `client_id`",
        );
    }
    let of_functions = [
        ("ttl", authorizer.ttl.is_some()),
        ("payload_format_version", authorizer.payload_format_version.is_some()),
        ("simple_responses", authorizer.simple_responses.is_some()),
    ];
    for (property, _) in of_functions.iter().filter(|(_, given)| *given) {
        findings
            .error(
                "http_api::authorizer-property",
                path.then(*property),
                "it is about functions, and API Gateway checks tokens by itself",
            )
            .help("remove it");
    }
}

fn of_function(authorizer: &AuthorizerElement, path: &DocPath, findings: &mut Findings) {
    let sources = authorizer.identity_sources.as_deref().unwrap_or_default();
    let ttl = authorizer.ttl.unwrap_or_default().0;
    if ttl > 0 && sources.is_empty() {
        findings
            .error(
                "http_api::authorizer-cache",
                path.then("ttl"),
                "API Gateway keeps answers by their identity sources, and there are none",
            )
            .help("add `identity_sources: [$request.header.Authorization]`, or write `ttl: 0s`");
    }
    let answers_simply = authorizer.simple_responses.unwrap_or(true);
    if ttl > 0 && answers_simply && !sources.is_empty() && !sources.iter().any(|source| source == ROUTE) {
        findings
            .warning(
                "http_api::authorizer-routes",
                path.then("ttl"),
                "an answer for one route counts for all routes of the caller",
            )
            .help(format!("add `{ROUTE}` to `identity_sources` if the function decides by the route"));
    }
    if authorizer.payload_format_version == Some(PayloadFormat::One) && authorizer.simple_responses == Some(true) {
        findings
            .error(
                "http_api::simple-responses",
                path.then("simple_responses"),
                "answers are simple only with `payload_format_version: \"2.0\"`",
            )
            .help("remove one of the two");
    }
}

fn sources(authorizer: &AuthorizerElement, path: &DocPath, findings: &mut Findings) {
    let sources = authorizer.identity_sources.as_deref().unwrap_or_default();
    for (number, source) in sources.iter().enumerate() {
        let is_named = |begin: &&str| source.strip_prefix(*begin).is_some_and(|name| !name.is_empty());
        if !SOURCES.iter().any(is_named) && !source.contains("${") {
            let help = match source.strip_prefix("method.request.").and_then(|rest| rest.split_once('.')) {
                Some((kind, name)) => format!("write `$request.{kind}.{name}`"),
                None => format!("write `{}Authorization`, or the like", SOURCES[0]),
            };
            findings
                .error(
                    "http_api::identity-source",
                    path.then("identity_sources").then(number.to_string()),
                    format!("`{source}` is no part of a request"),
                )
                .help(help);
        }
    }
    if authorizer.jwt.is_some() && sources.len() > 1 {
        findings
            .error("http_api::identity-source", path.then("identity_sources"), "a token is in one place")
            .help("list one identity source");
    }
}

pub(super) fn routes(element: &HttpApiElement, at: &Scope<'_>, findings: &mut Findings) {
    for (key, route) in &element.routes {
        let (path, target) = (at.path(["routes", key]), route.target());
        let place = |name: &str| property(&path, route, name);
        if let Some(name) = &target.authorizer {
            if !element.authorizers.contains_key(name) {
                let known: Vec<&str> = element.authorizers.keys().map(String::as_str).collect();
                let help = match known.as_slice() {
                    [] => "describe it under `authorizers` of the API".to_owned(),
                    known => format!("there are: {}", known.join(", ")),
                };
                let message = format!("the API has no authorizer `{name}`");
                findings.error("http_api::authorizer", place("authorizer"), message).help(help);
            }
            if target.authorization == HttpAuthorization::AwsIam {
                findings
                    .error(
                        "http_api::authorization",
                        place("authorization"),
                        "a route has one way to decide who may call",
                    )
                    .help("remove `authorization`, or `authorizer`");
            }
        }
        scopes(element, &target, &place, findings);
    }
}

fn scopes(
    element: &HttpApiElement,
    target: &HttpRouteTarget,
    place: &dyn Fn(&str) -> DocPath,
    findings: &mut Findings,
) {
    if target.scopes.is_empty() {
        return;
    }
    let authorizer = target.authorizer.as_ref().and_then(|name| element.authorizers.get(name));
    if authorizer.is_none_or(|authorizer| authorizer.jwt.is_none()) {
        findings
            .error("http_api::scopes", place("scopes"), "only tokens have scopes")
            .help("name an authorizer with `jwt`, or let the function decide");
    }
    if target.scopes.len() > SCOPES {
        let message = format!("AWS takes {SCOPES} scopes for a route, not {}", target.scopes.len());
        findings
            .error("http_api::scopes", place("scopes"), message)
            .help("let the tokens have one scope that stands for several");
    }
}
