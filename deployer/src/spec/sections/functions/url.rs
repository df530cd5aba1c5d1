//! The URL of a function: `url: true`, or who may call it and how it answers.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{FunctionElement, text};
use crate::kinds::lambda_permission::{LambdaPermission, Permission, statement_id};
use crate::kinds::lambda_url::{FunctionUrl, LambdaUrl, PUBLIC, UrlCors};
use crate::spec::finding::Findings;
use crate::spec::sections::about::Outsider;
use crate::spec::sections::cors::wrong_origin;
use crate::spec::sections::{LoweredStack, Scope, reference};

/// `true`, or a map with the properties of the URL.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum UrlElement {
    /// `true`: everybody may call.
    Switch(bool),
    Map(UrlSettings),
}

/// Who may call a function's URL, and how the function answers.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UrlSettings {
    /// `NONE`: everybody may call. `AWS_IAM`: callers sign their requests with AWS credentials, and need the permissions
    /// `lambda:InvokeFunctionUrl` and `lambda:InvokeFunction`.
    #[serde(default)]
    pub authorization: UrlAuthorization,
    /// `BUFFERED`: callers get the answer once it is complete, up to 6 MB. `RESPONSE_STREAM`: they get its parts as the
    /// function writes them.
    #[serde(default)]
    pub invoke_mode: UrlInvokeMode,
    /// The sites whose pages may call. Lambda answers their browsers' questions (`OPTIONS`) by itself.
    pub cors: Option<UrlCorsElement>,
}

/// Who may call a function's URL.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum UrlAuthorization {
    #[default]
    None,
    AwsIam,
}

/// How callers get a function's answer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum UrlInvokeMode {
    #[default]
    Buffered,
    ResponseStream,
}

/// The sites whose pages may call a function's URL, and how.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UrlCorsElement {
    /// The sites, as browsers name them: `https://www.example.com`. `*` for all.
    #[serde(default)]
    #[schemars(length(max = 100), inner(length(min = 1, max = 253)))]
    pub allow_origins: Vec<String>,
    /// The methods that pages may use. `*` for all.
    #[serde(default)]
    #[schemars(length(max = 6))]
    pub allow_methods: Vec<String>,
    /// The headers that pages may send. `*` for all.
    #[serde(default)]
    #[schemars(length(max = 100), inner(length(max = 1024)))]
    pub allow_headers: Vec<String>,
    /// The headers of answers that pages may read.
    #[serde(default)]
    #[schemars(length(max = 100), inner(length(max = 1024)))]
    pub expose_headers: Vec<String>,
    /// Whether browsers send cookies and other credentials along. Needs the sites by name.
    #[serde(default)]
    pub allow_credentials: bool,
    /// The seconds for which browsers remember an answer, up to a day.
    #[schemars(range(min = 0, max = 86_400))]
    pub max_age: Option<i32>,
}

/// The methods that Lambda takes in CORS settings. It refuses `OPTIONS`, which it answers itself.
const METHODS: &[&str] = &["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "*"];

/// Returns the settings of the function's URL, if it has one.
fn settings(element: &FunctionElement) -> Option<UrlSettings> {
    match element.url.as_ref()? {
        UrlElement::Switch(true) => Some(UrlSettings::default()),
        UrlElement::Switch(false) => None,
        UrlElement::Map(settings) => Some(settings.clone()),
    }
}

pub(super) fn check(element: &FunctionElement, at: &Scope<'_>, findings: &mut Findings) {
    let Some(settings) = settings(element) else { return };
    let Some(cors) = settings.cors else { return };
    let path = |name: &str| at.path(["url", "cors", name]);
    if cors.allow_origins.is_empty() {
        findings
            .error("function::cors-origins", at.path(["url", "cors"]), "without `allow_origins`, no page may call")
            .at_key()
            .help("add `allow_origins: [https://www.example.com]`, or `[\"*\"]` for all pages");
    }
    if cors.allow_credentials && cors.allow_origins.iter().any(|origin| origin == "*") {
        findings
            .error(
                "function::cors-credentials",
                path("allow_credentials"),
                "browsers send no credentials to a URL that every page may call",
            )
            .help("list the sites under `allow_origins`, or remove `allow_credentials`");
    }
    for (number, origin) in cors.allow_origins.iter().enumerate() {
        if let Some(help) = wrong_origin(origin) {
            let place = path("allow_origins").then(number.to_string());
            findings
                .error("function::cors-origin", place, format!("no browser calls a page's site `{origin}`"))
                .help(help);
        }
    }
    for (number, method) in cors.allow_methods.iter().enumerate() {
        if METHODS.iter().any(|known| known.eq_ignore_ascii_case(method)) {
            continue;
        }
        let place = path("allow_methods").then(number.to_string());
        let is_question = method.eq_ignore_ascii_case("OPTIONS");
        let (message, help) = match is_question {
            true => ("Lambda answers `OPTIONS` itself".to_owned(), "remove it".to_owned()),
            false => (
                format!("Lambda does not take the method `{method}` here"),
                format!("choose from {}", METHODS.join(", ")),
            ),
        };
        findings.error("function::cors-method", place, message).help(help);
    }
}

/// Adds the URL, and the permissions without which a public one answers nobody.
pub(super) fn lower(element: &FunctionElement, at: &Scope<'_>, out: &mut LoweredStack) {
    let Some(settings) = settings(element) else { return };
    let function_name = reference(&at.element(), "name");
    let address = at.part("url");
    let permissions = match settings.authorization {
        UrlAuthorization::None => add_permissions(&function_name, at, out),
        UrlAuthorization::AwsIam => Vec::new(),
    };
    let cors = settings.cors.map(|cors| UrlCors {
        allow_credentials: cors.allow_credentials,
        allow_headers: cors.allow_headers,
        allow_methods: cors.allow_methods,
        allow_origins: cors.allow_origins,
        expose_headers: cors.expose_headers,
        max_age: cors.max_age,
    });
    let url = FunctionUrl {
        function_name,
        auth_type: text(settings.authorization),
        invoke_mode: text(settings.invoke_mode),
        cors: cors.map(UrlCors::normalized),
    };
    out.add::<LambdaUrl>(at, address.clone(), &url).depends_on.extend(permissions);
    out.alias(at, "url", &address, "url");
}

/// Returns the callers of a URL, for pictures.
pub(super) fn callers(url: &Value) -> Outsider {
    let name = if url["auth_type"] == PUBLIC { "everybody" } else { "signed callers" };
    Outsider { name: name.to_owned(), label: "HTTPS", sends: true }
}

/// Adds the two statements that let everybody call, and nobody but through the URL. AWS asks for both
/// (<https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html>).
fn add_permissions(function_name: &str, at: &Scope<'_>, out: &mut LoweredStack) -> Vec<String> {
    let of_url = Permission {
        action: "lambda:InvokeFunctionUrl".to_owned(),
        function_url_auth_type: Some(PUBLIC.to_owned()),
        ..Permission::default()
    };
    let of_function = Permission {
        action: "lambda:InvokeFunction".to_owned(),
        invoked_via_function_url: true,
        ..Permission::default()
    };
    let statements = [("invoke_function_url", of_url), ("invoke_function", of_function)];
    let add = |(label, permission): (&str, Permission)| {
        let address = at.part(&format!("url_permission[{label}]"));
        let permission = Permission {
            statement_id: statement_id(function_name, "everybody", label),
            function_name: function_name.to_owned(),
            principal: "*".to_owned(),
            ..permission
        };
        out.add::<LambdaPermission>(at, address.clone(), &permission);
        address
    };
    statements.into_iter().map(add).collect()
}

#[cfg(test)]
mod tests;
