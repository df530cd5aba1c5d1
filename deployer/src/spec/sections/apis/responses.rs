//! The answers of API Gateway itself: errors, in a form of your own.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use super::ApiElement;
use super::cors::{fixed, is_header};
use crate::kinds::gateway_response::GatewayResponse;
use crate::spec::finding::Findings;
use crate::spec::nearest;
use crate::spec::sections::{Scope, reference};

/// The types of answers that cover all others.
const DEFAULTS: [&str; 2] = ["DEFAULT_4XX", "DEFAULT_5XX"];
/// The types of answers that API Gateway has.
pub(super) const TYPES: &[&str] = &[
    "ACCESS_DENIED",
    "API_CONFIGURATION_ERROR",
    "AUTHORIZER_CONFIGURATION_ERROR",
    "AUTHORIZER_FAILURE",
    "BAD_REQUEST_BODY",
    "BAD_REQUEST_PARAMETERS",
    "DEFAULT_4XX",
    "DEFAULT_5XX",
    "EXPIRED_TOKEN",
    "INTEGRATION_FAILURE",
    "INTEGRATION_TIMEOUT",
    "INVALID_API_KEY",
    "INVALID_SIGNATURE",
    "MISSING_AUTHENTICATION_TOKEN",
    "QUOTA_EXCEEDED",
    "REQUEST_TOO_LARGE",
    "RESOURCE_NOT_FOUND",
    "THROTTLED",
    "UNAUTHORIZED",
    "UNSUPPORTED_MEDIA_TYPE",
    "WAF_FILTERED",
];

/// An answer of API Gateway itself.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ResponseElement {
    /// The HTTP status. Default: that of the type.
    #[schemars(range(min = 100, max = 599))]
    pub status: Option<u16>,
    /// Headers of the answer, besides those that `cors` adds.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// The body, with `$context` variables. Default: `{"message":$context.error.messageString}`.
    #[schemars(length(min = 1))]
    pub body: Option<String>,
}

/// Lists the answers of an API, those that `cors` needs among them.
pub(super) fn lower(element: &ApiElement, at: &Scope<'_>) -> Vec<GatewayResponse> {
    let cors = element.cors.as_ref().map(|cors| cors.settings().of_errors());
    let mut written = element.responses.clone();
    if cors.is_some() {
        for name in DEFAULTS {
            written.entry(name.to_owned()).or_default();
        }
    }
    let one = |(response_type, response): (String, ResponseElement)| GatewayResponse {
        rest_api_id: reference(&at.element(), "id"),
        response_type,
        status_code: response.status.map(|status| status.to_string()),
        headers: headers(cors.as_ref(), &response),
        templates: GatewayResponse::json(response.body.as_deref()),
    };
    written.into_iter().map(one).collect()
}

/// Joins the headers of CORS with an answer's own, whose names may be in another case.
fn headers(cors: Option<&BTreeMap<String, String>>, response: &ResponseElement) -> BTreeMap<String, String> {
    let is_own = |name: &str| response.headers.keys().any(|own| own.eq_ignore_ascii_case(name));
    let shared = cors.into_iter().flatten().filter(|(name, _)| !is_own(name));
    let own = response.headers.iter().map(|(name, text)| (name.clone(), fixed(text)));
    shared.map(|(name, value)| (name.clone(), value.clone())).chain(own).collect()
}

pub(super) fn check(element: &ApiElement, at: &Scope<'_>, findings: &mut Findings) {
    for (name, response) in &element.responses {
        let path = at.path(["responses", name]);
        if !TYPES.contains(&name.as_str()) {
            let help = match nearest::nearest(name, TYPES.iter().copied()) {
                Some(meant) => format!("did you mean `{meant}`?"),
                None => format!("choose from {}", TYPES.join(", ")),
            };
            findings
                .error("api::response-type", path.clone(), format!("API Gateway has no answer `{name}`"))
                .at_key()
                .help(help);
        }
        for (header, text) in &response.headers {
            let at = path.then("headers").then(header.as_str());
            if header == "*" || !is_header(header) {
                findings
                    .error("api::response-header", at, format!("`{header}` cannot be a header's name"))
                    .at_key()
                    .help("use letters, digits, `-` and `_`");
            } else if text.contains('\'') || text.chars().any(char::is_control) {
                findings
                    .error("api::response-header", at, "API Gateway takes no single quote in a header's text")
                    .help("write it without quotes, on one line");
            }
        }
    }
}
