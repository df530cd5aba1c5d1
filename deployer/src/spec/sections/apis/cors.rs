//! The sites whose pages may call an API, and the answers that tell their browsers so.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::Deserialize;

use super::ApiElement;
use crate::kinds::api_route::Mock;
use crate::spec::finding::Findings;
use crate::spec::sections::Scope;
use crate::spec::sections::cors::wrong_origin;
use crate::spec::sections::path::{METHODS, MethodPath};

/// The headers that pages may send unless the API says otherwise: those that API Gateway and its ways of authorization
/// read.
const HEADERS: &[&str] = &["Authorization", "Content-Type", "X-Amz-Date", "X-Amz-Security-Token", "X-Api-Key"];
/// The method by which browsers ask.
pub(super) const OPTIONS: &str = "OPTIONS";
const ORIGIN: &str = "Access-Control-Allow-Origin";
const CREDENTIALS: &str = "Access-Control-Allow-Credentials";
const EXPOSE: &str = "Access-Control-Expose-Headers";

/// One site, or `"*"` for all; or a map with further settings.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum CorsElement {
    /// The site, as browsers name it: `https://www.example.com`. `*` for all.
    Site(String),
    Map(CorsSettings),
}

/// The sites whose pages may call an API, and how.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CorsSettings {
    /// The sites, as browsers name them: `https://www.example.com`. `*` for all.
    #[serde(default)]
    pub allow_origins: Vec<String>,
    /// The methods that pages may use. `*` for all. Default: those of the path's routes.
    pub allow_methods: Option<Vec<String>>,
    /// The headers that pages may send. `*` for all, except `Authorization`. Default: `Authorization`, `Content-Type`,
    /// `X-Amz-Date`, `X-Amz-Security-Token` and `X-Api-Key`.
    pub allow_headers: Option<Vec<String>>,
    /// The headers of API Gateway's own errors that pages may read.
    #[serde(default)]
    pub expose_headers: Vec<String>,
    /// Whether browsers send cookies and other credentials along. Needs the sites by name.
    #[serde(default)]
    pub allow_credentials: bool,
    /// The seconds for which browsers remember an answer; -1 lets them ask every time.
    #[schemars(range(min = -1, max = 86_400))]
    pub max_age: Option<i32>,
}

impl CorsElement {
    pub(super) fn settings(&self) -> CorsSettings {
        match self {
            Self::Site(site) => CorsSettings { allow_origins: vec![site.clone()], ..CorsSettings::default() },
            Self::Map(settings) => settings.clone(),
        }
    }
}

impl CorsSettings {
    /// Returns the answer to browsers that ask whether they may use `methods` at a path.
    pub(super) fn preflight(&self, methods: &BTreeSet<&str>) -> Mock {
        let allowed = match &self.allow_methods {
            Some(given) if !given.iter().any(|method| method == "*") => {
                given.iter().map(|m| m.to_ascii_uppercase()).collect()
            }
            None if !methods.contains("ANY") => methods.iter().chain(&[OPTIONS]).map(|m| (*m).to_owned()).collect(),
            _ => METHODS.iter().filter(|method| **method != "ANY").map(|m| (*m).to_owned()).collect::<BTreeSet<_>>(),
        };
        let headers = match &self.allow_headers {
            Some(given) => given.join(","),
            None => HEADERS.join(","),
        };
        let mut answer = BTreeMap::from([
            (ORIGIN.to_owned(), fixed(self.allow_origins.first().map_or("", String::as_str))),
            ("Access-Control-Allow-Methods".to_owned(), fixed(&allowed.into_iter().collect::<Vec<_>>().join(","))),
        ]);
        if !headers.is_empty() {
            answer.insert("Access-Control-Allow-Headers".to_owned(), fixed(&headers));
        }
        if self.allow_credentials {
            answer.insert(CREDENTIALS.to_owned(), fixed("true"));
        }
        if let Some(seconds) = self.max_age {
            answer.insert("Access-Control-Max-Age".to_owned(), fixed(&seconds.to_string()));
        }
        if self.allow_origins.iter().all(|origin| origin != "*") {
            answer.insert("Vary".to_owned(), fixed("Origin"));
        }
        Mock { status_code: "204".into(), headers: answer, template: self.template() }
    }

    /// Builds the template that names the caller's site if it is one of several. A fixed header names the first.
    fn template(&self) -> Option<String> {
        if self.allow_origins.len() < 2 || self.allow_origins.iter().any(|origin| origin == "*") {
            return None;
        }
        let is_one: Vec<String> = self.allow_origins.iter().map(|site| format!("$site == \"{site}\"")).collect();
        Some(format!(
            "#set($site = $input.params().header.get(\"Origin\"))\n\
             #if(!$site || $site == \"\")#set($site = $input.params().header.get(\"origin\"))#end\n\
             #if({})#set($context.responseOverride.header.{ORIGIN} = $site)#end",
            is_one.join(" || ")
        ))
    }

    /// Returns the headers of API Gateway's own errors. These cannot depend on the caller: with several sites, every
    /// page may read them, but not with credentials.
    pub(super) fn of_errors(&self) -> BTreeMap<String, String> {
        let [site] = self.allow_origins.as_slice() else {
            return BTreeMap::from([(ORIGIN.to_owned(), fixed("*"))]);
        };
        let mut headers = BTreeMap::from([(ORIGIN.to_owned(), fixed(site))]);
        if self.allow_credentials {
            headers.insert(CREDENTIALS.to_owned(), fixed("true"));
        }
        if !self.expose_headers.is_empty() {
            headers.insert(EXPOSE.to_owned(), fixed(&self.expose_headers.join(",")));
        }
        headers
    }
}

/// Writes a fixed text as API Gateway's mappings do.
pub(super) fn fixed(text: &str) -> String {
    format!("'{text}'")
}

/// Lists the paths whose preflights API Gateway answers, with the methods of their routes. A path with a route for
/// `OPTIONS` is not among them.
pub(super) fn paths(element: &ApiElement) -> BTreeMap<&str, BTreeSet<&str>> {
    let mut paths: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    if element.cors.is_some() {
        for place in element.routes.keys().filter_map(|route| MethodPath::parse(route).ok()) {
            paths.entry(place.path).or_default().insert(place.method);
        }
    }
    paths.retain(|_, methods| !methods.contains(OPTIONS));
    paths
}

pub(super) fn check(element: &ApiElement, at: &Scope<'_>, findings: &mut Findings) {
    let Some(written) = &element.cors else { return };
    let cors = written.settings();
    let is_short = matches!(written, CorsElement::Site(_));
    let path = |name: &str| if is_short { at.path(["cors"]) } else { at.path(["cors", name]) };
    let entry = |name: &str, number: usize| if is_short { path(name) } else { path(name).then(number.to_string()) };
    if cors.allow_origins.is_empty() {
        findings
            .error("api::cors-origins", at.path(["cors"]), "without `allow_origins`, no page may call")
            .at_key()
            .help("add `allow_origins: [https://www.example.com]`, or `[\"*\"]` for all pages");
    }
    for (number, origin) in cors.allow_origins.iter().enumerate() {
        if let Some(help) = wrong_origin(origin).or_else(|| unfit(origin)) {
            findings
                .error(
                    "api::cors-origin",
                    entry("allow_origins", number),
                    format!("no browser calls a page's site `{origin}`"),
                )
                .help(help);
        }
    }
    for (number, method) in cors.allow_methods.iter().flatten().enumerate() {
        let known = METHODS.iter().filter(|known| **known != "ANY").chain(&["*"]);
        if !known.clone().any(|known| known.eq_ignore_ascii_case(method)) {
            let known: Vec<&str> = known.copied().collect();
            findings
                .error("api::cors-method", entry("allow_methods", number), format!("`{method}` is not an HTTP method"))
                .help(format!("choose from {}", known.join(", ")));
        }
    }
    let lists = [
        ("allow_headers", cors.allow_headers.as_deref().unwrap_or_default()),
        ("expose_headers", &cors.expose_headers),
    ];
    for (name, headers) in lists {
        for (number, header) in headers.iter().enumerate().filter(|(_, header)| !is_header(header)) {
            findings
                .error("api::cors-header", entry(name, number), format!("`{header}` cannot be a header's name"))
                .help("use letters, digits, `-` and `_`");
        }
    }
    if cors.allow_credentials {
        let all = |names: &[String]| names.iter().any(|name| name == "*");
        let wide = std::iter::once(("allow_origins", cors.allow_origins.as_slice())).chain(lists);
        for (name, _) in wide.filter(|(_, names)| all(names)) {
            findings
                .error(
                    "api::cors-credentials",
                    path("allow_credentials"),
                    format!("browsers take no `*` in `{name}` for requests with credentials"),
                )
                .help(format!("list them under `{name}`, or remove `allow_credentials`"));
        }
    }
    preflights(element, at, findings);
}

/// Returns the correct form of an origin that API Gateway's answers cannot compare.
fn unfit(origin: &str) -> Option<String> {
    if origin == "*" || origin.contains("${") {
        return None;
    }
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-._:/[]".contains(c);
    (!origin.chars().all(is_plain)).then(|| "name each site in full, such as `https://www.example.com`".to_owned())
}

/// Tells whether a text can be the name of a header, or stands for all.
pub(super) fn is_header(name: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
    name == "*" || name.contains("${") || (!name.is_empty() && name.chars().all(is_plain))
}

/// Warns of routes for `OPTIONS` that ask for credentials, which browsers never send with it.
fn preflights(element: &ApiElement, at: &Scope<'_>, findings: &mut Findings) {
    for (written, route) in &element.routes {
        let target = route.target();
        let is_closed = element.authorization_type(written, &target) != "NONE" || target.api_key_required;
        if is_closed && MethodPath::parse(written).is_ok_and(|place| place.method == OPTIONS) {
            findings
                .warning(
                    "api::preflight",
                    at.path(["routes", written.as_str()]),
                    "browsers ask with `OPTIONS` before they call, without credentials, and the route refuses them",
                )
                .at_key()
                .help("let everybody call it, or remove it: API Gateway answers `OPTIONS` itself");
        }
    }
}
