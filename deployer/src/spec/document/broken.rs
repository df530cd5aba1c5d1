//! Checks the rest of elements that have errors, so that one run reports every mistake.

use std::collections::BTreeSet;

use super::{Document, has_reported_text};
use crate::spec::find;
use crate::spec::finding::{DocPath, Findings, Severity};
use crate::spec::repair::{keep_unrelated, repair_element};
use crate::spec::sections::{self, Common, LoweredStack};

/// The most elements that are checked again. Nobody reads more findings at once.
const MOST: usize = 100;

impl Document {
    /// Lets the sections check the elements with errors, as far as these can be repaired.
    pub(super) fn check_broken(&self, broken: &Findings) -> Findings {
        let errors = broken.0.iter().filter(|finding| finding.severity == Severity::Error);
        let elements: BTreeSet<&[String]> = errors.filter_map(|finding| finding.path.0.get(..2)).collect();
        let mut findings = Findings::default();
        for element in elements.into_iter().take(MOST) {
            findings.0.extend(self.check_rest(&DocPath(element.to_vec()), broken).unwrap_or_default().0);
        }
        findings
    }

    fn check_rest(&self, path: &DocPath, broken: &Findings) -> Option<Findings> {
        let [section, name] = path.0.as_slice() else { return None };
        let element = self.sections.get(section)?.get(name).filter(|element| !has_reported_text(element))?;
        let section = sections::find(section)?;
        let (common, own) = Common::split(&repair_element(element, path, &self.spans)?);
        let mut found = Findings::default();
        section.check_and_lower(
            &own,
            &self.scope(section.name(), name, &common),
            &mut found,
            &mut LoweredStack::default(),
        );
        keep_unrelated(&mut found, broken);
        found.0.retain(|finding| find::at(element, &finding.path.0[2..]).is_some());
        Some(found)
    }
}
