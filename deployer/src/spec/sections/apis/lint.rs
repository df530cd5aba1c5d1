//! Checks of APIs against the functions that answer, and against AWS's quota of paths.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::kinds::Kind;
use crate::kinds::api_route::ApiRoute;
use crate::kinds::lambda_function::LambdaFunction;
use crate::spec::document::Document;
use crate::spec::finding::Findings;
use crate::spec::sections::{Resource, Resources};

/// API Gateway's default time limit for an integration.
const TIMEOUT_S: u64 = 29;
/// Most paths in an API, unless the account's quota was raised.
const PATHS: usize = 300;

/// Warns of a function that runs longer than API Gateway waits for it.
pub(super) fn route(document: &Document, all: &Resources<'_>, route: &Resource, findings: &mut Findings) {
    // The integration's URI contains the function's ARN: `arn:…/functions/${ARN}/invocations`.
    let Some(uri) = route.spec["uri"].as_str() else { return };
    let function = uri.rfind("${").and_then(|at| all.resolve(&Value::from(&uri[at..])));
    let Some(function) = function.filter(|resource| resource.kind == LambdaFunction::NAME) else { return };
    let key = route.address.split_once('[').map_or("", |(_, key)| key.trim_end_matches(']'));
    if document.states(&document.locate(&route.element).then("routes").then(key).then("timeout")) {
        // An explicit timeout shows that the author has considered it.
        return;
    }
    if let Some(timeout) = function.number("timeout").filter(|t| *t > TIMEOUT_S) {
        findings
            .warning(
                "api::function-timeout",
                document.locate(&function.element).then("timeout"),
                format!(
                    "`{}` may run {timeout} s, but API Gateway answers 504 after {TIMEOUT_S} s",
                    function.address
                ),
            )
            .help("write `timeout: 29s`, or take the work from a queue; a `timeout` of the route itself says that it is meant, and may be longer where the account's quota was raised");
    }
}

/// Reports APIs with more paths than AWS's default quota.
pub(super) fn paths(document: &Document, all: &Resources<'_>, findings: &mut Findings) {
    let mut by_api: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for route in all.0.iter().filter(|resource| resource.kind == ApiRoute::NAME) {
        let paths = by_api.entry(&route.element).or_default();
        paths.extend(parts_of(route));
    }
    for (element, paths) in by_api.into_iter().filter(|(_, paths)| paths.len() > PATHS) {
        let message = format!("the API has {} paths, and AWS takes {PATHS} unless the quota was raised", paths.len());
        findings
            .warning("api::paths", document.locate(element).then("routes"), message)
            .help("raise `Resources per API` under Service Quotas first, or let a function answer several paths: `ANY /v1/{proxy+}`");
    }
}

/// Lists the path of a route and its parents. Each of them is a resource in AWS.
fn parts_of(route: &Resource) -> impl Iterator<Item = &str> {
    let path = route.spec["path"].as_str().unwrap_or_default();
    let ends = path.match_indices('/').map(|(at, _)| at).skip(1).chain([path.len()]);
    std::iter::once("/").chain(ends.map(|end| &path[..end]))
}

#[cfg(test)]
mod tests {
    use crate::spec::document::Document;
    use crate::spec::source::SourceText;
    use crate::spec::variables::Inputs;

    fn messages(text: &str) -> Vec<String> {
        let text = format!("stack: s\nregion: eu-west-1\n{text}");
        let (document, _) = Document::load(SourceText::new("stack.yaml", text.as_bytes()), &Inputs::default()).unwrap();
        let mut findings = crate::spec::finding::Findings::default();
        crate::spec::lint::lint(&document, &document.lower().0, &mut findings);
        findings.0.iter().map(|finding| format!("{}: {}", finding.code, finding.message)).collect()
    }

    fn api(name: &str, routes: usize) -> String {
        let routes: String = (0..routes).map(|n| format!("      \"GET /v1/a{n:03}\": app\n")).collect();
        format!("  {name}:\n    routes:\n{routes}")
    }

    fn codes(route: &str) -> Vec<String> {
        let functions = "functions:\n  f: { zip: f.zip, timeout: 30s }\n";
        messages(&format!("{functions}apis:\n  a: {{ routes: {{ \"GET /f\": {route} }} }}\n"))
    }

    #[test]
    fn one_function_may_answer_hundreds_of_routes() {
        let function = "functions:\n  app: { zip: f.zip }\napis:\n";
        assert_eq!(messages(&format!("{function}{}", api("a", 70))), Vec::<String>::new());
        let many = messages(&format!("{function}{}", api("a", 300)));
        assert_eq!(many, ["api::paths: the API has 302 paths, and AWS takes 300 unless the quota was raised"]);
        assert_eq!(messages(&format!("{function}{}", api("a", 298))), Vec::<String>::new());
    }

    #[test]
    fn a_function_that_outlasts_its_callers_is_meant_where_the_route_says_when_they_give_up() {
        assert!(codes("f")[0].starts_with("api::function-timeout: "));
        assert_eq!(codes("{ function: f, timeout: 29s }"), Vec::<String>::new());
    }
}
