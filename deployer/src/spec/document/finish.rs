//! Prepares findings for printing: adds positions, sorts them, masks secrets and removes duplicates.

use std::collections::HashSet;

use crate::spec::finding::{Finding, Findings};
use crate::spec::secrets::Secrets;
use crate::spec::source::SourceText;
use crate::spec::spans::SpanIndex;

pub(super) fn cover_secrets(source: &SourceText, secrets: &Secrets) -> SourceText {
    SourceText::new(source.path.clone(), secrets.cover(&source.display()).into_owned())
}

/// Adds positions, masks secrets and sorts by position. Findings without a position come first.
pub(super) fn finish(findings: &mut Findings, spans: &SpanIndex, secrets: &Secrets) {
    for finding in &mut findings.0 {
        if finding.span.is_none() && !finding.path.0.is_empty() || at_root(finding) {
            finding.span = spans.find(&finding.path, finding.at);
        }
        finding.message = secrets.mask(&finding.message).into_owned();
        finding.help = finding.help.as_ref().map(|help| secrets.mask(help).into_owned());
    }
    findings.0.sort_by_key(|finding| finding.span.map(|span| (span.line, span.column)));
}

/// Codes of mistakes in a value itself. Two findings with another code may differ although their place is the same.
const OF_VALUES: &[&str] = &[
    "stack::bad-value",
    "stack::missing-property",
    "stack::not-covered",
    "stack::out-of-range",
    "stack::too-long",
    "stack::too-short",
    "stack::unknown-property",
    "stack::unknown-variable",
    "stack::wrong-type",
];

/// Removes repeated findings: a mistake in an anchored value recurs at every alias.
pub(super) fn once(findings: &mut Findings) {
    let mut said = HashSet::new();
    findings.0.retain(|finding| {
        let place = finding.span.map(|span| (finding.code, span.line, span.column, finding.help.clone()));
        !OF_VALUES.contains(&finding.code) || place.is_none_or(|place| said.insert(place))
    });
}

/// Tells whether a finding is about the document as a whole. Findings about other files and arguments have no position
/// in it.
fn at_root(finding: &Finding) -> bool {
    finding.span.is_none() && finding.path.0.is_empty() && finding.code == "stack::missing-property"
}
