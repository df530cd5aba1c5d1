//! CORS rules of buckets.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::kinds::s3_cors::{Cors, CorsRule, S3Cors};
use crate::spec::finding::Findings;
use crate::spec::sections::cors::wrong_origin;
use crate::spec::sections::{LoweredStack, Scope, reference};
use crate::spec::values::Seconds;

/// Requests that pages of other sites may send.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CorsElement {
    /// The rule's name, unique in the bucket.
    #[schemars(length(min = 1, max = 255))]
    pub id: Option<String>,
    /// The sites: `https://www.example.com`, each with at most one `*`. `*` alone stands for all.
    #[schemars(length(min = 1))]
    pub allowed_origins: Vec<String>,
    /// The methods.
    #[schemars(length(min = 1))]
    pub allowed_methods: Vec<CorsMethod>,
    /// The headers that requests may have besides those of any request, each with at most one `*`.
    #[serde(default)]
    pub allowed_headers: Vec<String>,
    /// The headers of answers that pages may read, besides those that every page may.
    #[serde(default)]
    pub expose_headers: Vec<String>,
    /// The time for which browsers remember the rule. Default: each browser's own.
    #[schemars(range(max = 2_147_483_647))]
    pub max_age_seconds: Option<Seconds>,
}

/// A method that CORS rules of S3 can have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum CorsMethod {
    Get,
    Put,
    Post,
    Delete,
    Head,
}

impl CorsMethod {
    fn name(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Put => "PUT",
            Self::Post => "POST",
            Self::Delete => "DELETE",
            Self::Head => "HEAD",
        }
    }
}

/// Checks the CORS rules.
pub(super) fn check(rules: &[CorsElement], at: &Scope<'_>, findings: &mut Findings) {
    for (index, rule) in rules.iter().enumerate() {
        let path = |property: &str| at.path(["cors".to_owned(), index.to_string(), property.to_owned()]);
        if rule.id.is_some() && rules[..index].iter().any(|other| other.id == rule.id) {
            findings
                .error("bucket::cors-id", path("id"), "two rules have this name")
                .help("give each rule a name of its own, or none");
        }
        for (property, texts) in
            [("allowed_origins", &rule.allowed_origins), ("allowed_headers", &rule.allowed_headers)]
        {
            for (item, text) in texts.iter().enumerate().filter(|(_, text)| text.matches('*').count() > 1) {
                let path = path(property).then(item.to_string());
                findings
                    .error("bucket::cors-pattern", path, format!("S3 takes one `*` at most, and `{text}` has more"))
                    .help("write an entry for each case");
            }
        }
        for (item, origin) in rule.allowed_origins.iter().enumerate() {
            let Some(help) = wrong_origin(origin) else { continue };
            let path = path("allowed_origins").then(item.to_string());
            findings
                .error("bucket::cors-origin", path, format!("no browser calls a page's site `{origin}`"))
                .help(help);
        }
        for (item, header) in rule.expose_headers.iter().enumerate().filter(|(_, header)| header.contains('*')) {
            let path = path("expose_headers").then(item.to_string());
            findings
                .error("bucket::cors-pattern", path, format!("S3 takes no `*` here, and `{header}` has one"))
                .help("name each header: `ETag`, `x-amz-meta-width`");
        }
    }
}

/// Adds the CORS rules of a bucket of the stack.
pub(super) fn lower(rules: &[CorsElement], at: &Scope<'_>, out: &mut LoweredStack) {
    if rules.is_empty() || at.common.external {
        return;
    }
    let cors_rules = rules.iter().map(lowered_rule).collect();
    let cors = Cors { bucket: reference(&at.element(), "name"), cors_rules };
    out.add::<S3Cors>(at, at.part("cors"), &cors).protect = false;
}

fn lowered_rule(rule: &CorsElement) -> CorsRule {
    let rule = CorsRule {
        id: rule.id.clone(),
        allowed_origins: rule.allowed_origins.clone(),
        allowed_methods: rule.allowed_methods.iter().map(|method| method.name().to_owned()).collect(),
        allowed_headers: rule.allowed_headers.clone(),
        expose_headers: rule.expose_headers.clone(),
        max_age_seconds: rule.max_age_seconds.map(|age| age.0),
    };
    rule.normalized()
}
