//! Checks across elements. They are pure and run before any AWS call.
//!
//! Each section's file has its own checks. This module only walks over the resources and the sections.

use super::document::Document;
use super::finding::Findings;
use super::region;
use super::sections::{self, LoweredStack, Resources, SECTIONS};

/// Collects the findings of every check across elements.
pub fn lint(document: &Document, lowered: &LoweredStack, findings: &mut Findings) {
    document.each_text(&mut |path, text| region::foreign(text, document.region(), path, findings));
    let all = Resources(&lowered.resources);
    for resource in all.0 {
        if let Some(section) = sections::find(&resource.element) {
            section.lint(document, &all, resource, findings);
        }
    }
    for section in SECTIONS {
        section.lint_all(document, &all, findings);
    }
}
