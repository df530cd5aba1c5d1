//! Websites of buckets.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::kinds::s3_website::{RedirectAll, RoutingRule, S3Website, Website};
use crate::spec::finding::{DocPath, Findings};
use crate::spec::sections::keys::list;
use crate::spec::sections::{LoweredStack, Scope, reference};

/// A website: `index_document` with the rest, or `redirect_all_requests_to` alone.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WebsiteElement {
    /// The name of the object that answers for a folder: `index.html`.
    #[schemars(length(min = 1, max = 1_024))]
    pub index_document: Option<String>,
    /// The key of the object that answers errors: `404.html`.
    #[schemars(length(min = 1, max = 1_024))]
    pub error_document: Option<String>,
    /// The site that all requests are redirected to: `https://www.example.com`, or a host alone for the protocol of the
    /// request.
    #[schemars(length(min = 1))]
    pub redirect_all_requests_to: Option<String>,
    /// Redirections of some requests. S3 follows the first that matches.
    #[serde(default)]
    #[schemars(length(max = 50))]
    pub routing_rules: Vec<RoutingElement>,
}

/// A redirection of the requests for some keys, of those that failed, or of all.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RoutingElement {
    /// The beginning of the keys. Default: any.
    #[schemars(length(min = 1))]
    pub key_prefix_equals: Option<String>,
    /// The status of the answer that S3 would give: `404`. Default: any.
    #[schemars(range(min = 400, max = 599))]
    pub http_error_code_returned_equals: Option<u16>,
    /// The host to redirect to. Default: that of the request.
    #[schemars(length(min = 1))]
    pub host_name: Option<String>,
    /// The protocol to redirect to. Default: that of the request.
    pub protocol: Option<WebProtocol>,
    /// The status of the redirection. Default: 301.
    #[schemars(range(min = 301, max = 399))]
    pub http_redirect_code: Option<u16>,
    /// The text that takes the place of `key_prefix_equals` in the key. An empty one removes it.
    pub replace_key_prefix_with: Option<String>,
    /// The key that takes the place of the whole key.
    #[schemars(length(min = 1))]
    pub replace_key_with: Option<String>,
}

/// A protocol of websites.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum WebProtocol {
    Http,
    Https,
}

impl WebProtocol {
    fn name(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }
}

/// Checks the website, except whether visitors may read it.
pub(super) fn check(website: &WebsiteElement, at: &Scope<'_>, findings: &mut Findings) {
    let path = at.path(["website"]);
    documents(website, &path, findings);
    for (index, rule) in website.routing_rules.iter().enumerate() {
        routing_rule(rule, &path.then("routing_rules").then(index.to_string()), findings);
    }
}

fn documents(website: &WebsiteElement, path: &DocPath, findings: &mut Findings) {
    let WebsiteElement { index_document: index, error_document: error, redirect_all_requests_to: to, .. } = website;
    let serves = index.is_some() || error.is_some() || !website.routing_rules.is_empty();
    if to.is_some() && serves {
        findings
            .error(
                "bucket::website",
                path.then("redirect_all_requests_to"),
                "a website that redirects all requests serves nothing of its own",
            )
            .at_key()
            .help("remove it, or `index_document`, `error_document` and `routing_rules`");
    } else if to.is_none() && index.is_none() {
        findings
            .error("bucket::website", path.clone(), "S3 needs the name of the object that answers for a folder")
            .at_key()
            .help("add `index_document: index.html`, or redirect all requests: `redirect_all_requests_to: https://www.example.com`");
    }
    if index.as_ref().is_some_and(|index| index.contains('/')) {
        findings
            .error(
                "bucket::website",
                path.then("index_document"),
                "the object that answers for a folder has no `/` in its name",
            )
            .help("write `index_document: index.html`: S3 looks for it in each folder");
    }
    if let Some(to) = to.as_ref().filter(|to| !to.contains("${") && redirection(to).is_none()) {
        findings
            .error(
                "bucket::website",
                path.then("redirect_all_requests_to"),
                format!("S3 redirects all requests to a host, and `{to}` is none"),
            )
            .help("write `https://www.example.com`, without a path");
    }
}

fn routing_rule(rule: &RoutingElement, path: &DocPath, findings: &mut Findings) {
    if rule.replace_key_prefix_with.is_some() && rule.replace_key_with.is_some() {
        findings
            .error(
                "bucket::routing-rule",
                path.then("replace_key_with"),
                "S3 replaces the beginning of the key or all of it",
            )
            .at_key()
            .help("remove `replace_key_with` or `replace_key_prefix_with`");
    }
    let is_elsewhere = rule.host_name.is_some() || rule.protocol.is_some() || rule.http_redirect_code.is_some();
    if !is_elsewhere && rule.replace_key_prefix_with.is_none() && rule.replace_key_with.is_none() {
        findings
            .error("bucket::routing-rule", path.clone(), "this rule redirects to the address that was asked for")
            .help("add `host_name`, `protocol`, `http_redirect_code`, `replace_key_prefix_with` or `replace_key_with`");
    }
}

/// Tells whether a policy lets everybody read objects, at least under conditions.
pub(super) fn lets_everybody_read(policy: &Value) -> bool {
    let everybody = |principal: &Value| list(principal).into_iter().any(|one| one == "*");
    let reads = |action: &Value| {
        let action = action.as_str().unwrap_or_default().to_ascii_lowercase();
        action.strip_suffix('*').map_or(action == "s3:getobject", |beginning| "s3:getobject".starts_with(beginning))
    };
    list(&policy["Statement"]).into_iter().any(|statement| {
        let principal = &statement["Principal"];
        statement["Effect"] == "Allow"
            && (everybody(principal) || everybody(&principal["AWS"]))
            && list(&statement["Action"]).into_iter().any(reads)
    })
}

/// Parses the site that all requests are redirected to.
fn redirection(to: &str) -> Option<RedirectAll> {
    let (protocol, host) = match to.split_once("://") {
        Some((protocol, host)) => (Some(protocol.to_owned()), host),
        None => (None, to),
    };
    let is_known = protocol.as_deref().is_none_or(|protocol| matches!(protocol, "http" | "https"));
    let is_host = !host.is_empty() && !host.contains(['/', ' ', ':']);
    (is_known && is_host).then(|| RedirectAll { host_name: host.to_owned(), protocol })
}

/// Adds the website of a bucket of the stack.
pub(super) fn lower(website: Option<&WebsiteElement>, at: &Scope<'_>, out: &mut LoweredStack) {
    let Some(website) = website.filter(|_| !at.common.external) else { return };
    let part = at.part("website");
    let lowered = Website {
        bucket: reference(&at.element(), "name"),
        index_document: website.index_document.clone(),
        error_document: website.error_document.clone(),
        redirect_all_requests_to: website.redirect_all_requests_to.as_deref().and_then(redirection),
        routing_rules: website.routing_rules.iter().map(lowered_rule).collect(),
    };
    out.add::<S3Website>(at, part.clone(), &lowered).protect = false;
    out.alias(at, "website_url", &part, "url");
    out.alias(at, "website_domain", &part, "domain_name");
}

fn lowered_rule(rule: &RoutingElement) -> RoutingRule {
    RoutingRule {
        key_prefix_equals: rule.key_prefix_equals.clone(),
        http_error_code_returned_equals: rule.http_error_code_returned_equals.map(|code| code.to_string()),
        host_name: rule.host_name.clone(),
        protocol: rule.protocol.map(|protocol| protocol.name().to_owned()),
        http_redirect_code: rule.http_redirect_code.map(|code| code.to_string()),
        replace_key_prefix_with: rule.replace_key_prefix_with.clone(),
        replace_key_with: rule.replace_key_with.clone(),
    }
}
