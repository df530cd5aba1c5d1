//! References to elements and parts that do not exist. One wrong name may lead to several of them, in resources that are
//! derived from it.

use crate::spec::finding::{DocPath, Findings, Severity};

/// A reference to an address that does not exist.
pub(super) struct MissingReference {
    pub address: String,
    pub path: DocPath,
    pub message: String,
    pub help: String,
}

/// The length of an element's own path: a reference there is written nowhere in the element, but derived.
const ELEMENT: usize = 2;

/// Reports each cause once.
pub(super) fn report(all: Vec<MissingReference>, findings: &mut Findings) {
    let follows: Vec<bool> = all.iter().map(|one| follows(one, &all, findings)).collect();
    for (one, _) in all.into_iter().zip(follows).filter(|(_, follows)| !follows) {
        findings.error("stack::unknown-reference", one.path, one.message).help(one.help);
    }
}

/// Tells whether another finding is the cause of a missing reference: the same reference where it is written, a reference
/// to the element of the missing part, or an error of the section inside the element that lacks a part of its own.
fn follows(one: &MissingReference, all: &[MissingReference], findings: &Findings) -> bool {
    let is_derived = one.path.0.len() == ELEMENT;
    let is_part_of =
        |other: &MissingReference| one.address.strip_prefix(&other.address).is_some_and(|rest| rest.starts_with('.'));
    let is_cause = |other: &MissingReference| {
        (is_derived && other.address == one.address && other.path.0.len() > ELEMENT)
            || (is_part_of(other) && (is_derived || other.path == one.path))
    };
    let own = one.path.0.join(".");
    let is_own_part = is_derived && one.address.strip_prefix(&own).is_some_and(|rest| rest.starts_with('.'));
    all.iter().any(is_cause) || (is_own_part && has_error_inside(&one.path, findings))
}

/// Tells whether an element has an error at one of its properties.
pub(super) fn has_error_inside(element: &DocPath, findings: &Findings) -> bool {
    let is_inside = |path: &DocPath| path.0.len() > element.0.len() && path.0.starts_with(&element.0);
    findings.0.iter().any(|finding| finding.severity == Severity::Error && is_inside(&finding.path))
}
