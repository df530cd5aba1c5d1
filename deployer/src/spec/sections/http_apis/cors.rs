//! Checks of which sites may call.

use super::route_key::RouteKey;
use super::{HttpApiElement, HttpAuthorization};
use crate::spec::finding::Findings;
use crate::spec::sections::Scope;
use crate::spec::sections::cors::wrong_origin;
use crate::spec::sections::path::METHODS;

pub(super) fn check(element: &HttpApiElement, at: &Scope<'_>, findings: &mut Findings) {
    let Some(cors) = &element.cors else { return };
    let path = |name: &str| at.path(["cors", name]);
    if cors.allow_origins.is_empty() {
        findings
            .error("http_api::cors-origins", at.path(["cors"]), "without `allow_origins`, no page may call")
            .at_key()
            .help("add `allow_origins: [https://www.example.com]`, or `[\"*\"]` for all pages");
    }
    if cors.allow_credentials && cors.allow_origins.iter().any(|origin| origin == "*") {
        findings
            .error(
                "http_api::cors-credentials",
                path("allow_credentials"),
                "browsers send no credentials to an API that every page may call",
            )
            .help("list the sites under `allow_origins`, or remove `allow_credentials`");
    }
    for (number, origin) in cors.allow_origins.iter().enumerate() {
        if let Some(help) = wrong_origin(origin) {
            findings
                .error(
                    "http_api::cors-origin",
                    path("allow_origins").then(number.to_string()),
                    format!("no browser calls a page's site `{origin}`"),
                )
                .help(help);
        }
    }
    for (number, method) in cors.allow_methods.iter().enumerate() {
        let known = METHODS.iter().filter(|known| **known != "ANY").chain(&["*"]);
        if !known.clone().any(|known| known.eq_ignore_ascii_case(method)) {
            let known: Vec<&str> = known.copied().collect();
            findings
                .error(
                    "http_api::cors-method",
                    path("allow_methods").then(number.to_string()),
                    format!("`{method}` is not an HTTP method"),
                )
                .help(format!("choose from {}", known.join(", ")));
        }
    }
    preflights(element, at, findings);
}

/// Warns of routes that ask a browser's question (`OPTIONS`) for credentials, which browsers never send with it.
fn preflights(element: &HttpApiElement, at: &Scope<'_>, findings: &mut Findings) {
    let keys = element.routes.iter().filter_map(|(key, route)| Some((key, RouteKey::parse(key).ok()?, route.target())));
    let (closed, open): (Vec<_>, Vec<_>) = keys
        .filter(|(_, key, _)| key.takes_options())
        .partition(|(.., target)| target.authorizer.is_some() || target.authorization == HttpAuthorization::AwsIam);
    for (written, key, _) in closed {
        let is_open = |(_, other, _): &&(_, RouteKey<'_>, _)| {
            matches!(other, RouteKey::Path(place) if place.method == "OPTIONS") && other.covers(key)
        };
        if open.iter().any(|other| is_open(&other)) {
            continue;
        }
        let help = match key {
            RouteKey::Default => "add `\"OPTIONS /{proxy+}\": FUNCTION`, which everybody may call".to_owned(),
            RouteKey::Path(place) if place.method == "ANY" => format!(
                "write a route for each method, such as `GET {0}`: API Gateway then answers `OPTIONS` itself; or add `\"OPTIONS {0}\": FUNCTION`",
                place.path
            ),
            RouteKey::Path(_) => "let everybody call it, or remove it: API Gateway answers `OPTIONS` itself".to_owned(),
        };
        findings
            .warning(
                "http_api::preflight",
                at.path(["routes", written.as_str()]),
                "browsers ask with `OPTIONS` before they call, without credentials, and the route refuses them",
            )
            .at_key()
            .help(help);
    }
}
