//! Checks of routes against the functions that answer.

use crate::kinds::Kind;
use crate::kinds::lambda_function::LambdaFunction;
use crate::spec::document::Document;
use crate::spec::finding::Findings;
use crate::spec::sections::{Resource, Resources};

/// API Gateway's time limit for an integration.
const TIMEOUT_S: u64 = 30;

/// Warns of a function that runs longer than API Gateway waits for it.
pub(super) fn route(document: &Document, all: &Resources<'_>, route: &Resource, findings: &mut Findings) {
    let function = all.resolve(&route.spec["function"]).filter(|resource| resource.kind == LambdaFunction::NAME);
    let Some(function) = function else { return };
    let key = route.address.split_once('[').map_or("", |(_, key)| key.trim_end_matches(']'));
    if document.states(&document.locate(&route.element).then("routes").then(key).then("timeout")) {
        // An explicit timeout shows that the author has considered it.
        return;
    }
    if let Some(timeout) = function.number("timeout").filter(|t| *t > TIMEOUT_S) {
        let message =
            format!("`{}` may run {timeout} s, but API Gateway answers 503 after {TIMEOUT_S} s", function.address);
        findings
            .warning("http_api::function-timeout", document.locate(&function.element).then("timeout"), message)
            .help("write `timeout: 30s`, or take the work from a queue; a `timeout` of the route itself says that it is meant");
    }
}
