//! Lowers the elements of a document to primitive resources.

use std::collections::HashSet;

use serde_json::Value;

use super::Document;
use crate::spec::env;
use crate::spec::finding::{Findings, Severity};
use crate::spec::sections::any::{AnySection, check_tags};
use crate::spec::sections::{self, Common, LoweredStack, SECTIONS, Scope};
use crate::spec::template;

impl Document {
    /// Lowers every element to its primitive resources, in the order of the text. The findings are those of the
    /// sections' own checks.
    pub fn lower(&self) -> (LoweredStack, Findings) {
        let (lowered, mut findings) = self.lower_except(&Findings::default());
        self.place(&mut findings);
        (lowered, findings)
    }

    /// Lowers the elements that have no error so far.
    pub(super) fn lower_except(&self, broken: &Findings) -> (LoweredStack, Findings) {
        let mut lowered = LoweredStack::default();
        let mut findings = Findings::default();
        let errors = broken.0.iter().filter(|finding| finding.severity == Severity::Error);
        let broken: HashSet<&[String]> = errors.filter_map(|finding| finding.path.0.get(..2)).collect();
        for (section_name, elements) in &self.sections {
            let Some(section) = sections::find(section_name) else { continue };
            for (name, element) in elements.as_object().into_iter().flatten() {
                if broken.contains(&[section_name.clone(), name.clone()][..]) {
                    continue;
                }
                let lacks = has_reported_text(element);
                if lacks && !self.can_be_lowered_without_values(element) {
                    continue;
                }
                let mut found = Findings::default();
                let parts = self.lower_element(section, name, element, [&mut findings, &mut found]);
                // The checks may mistake an unknown value for a wrong one.
                if lacks && found.has_errors() {
                    continue;
                }
                findings.0.append(&mut found.0);
                lowered.append(parts);
            }
        }
        SECTIONS.iter().for_each(|section| section.complete(&mut lowered));
        (lowered, findings)
    }

    pub(super) fn scope<'a>(&'a self, section: &'static str, name: &'a str, common: &'a Common) -> Scope<'a> {
        let (stack_tags, secrets) = (&self.head.tags, &self.secrets);
        let is_preview = self.environment.is_preview();
        Scope { stack: &self.owner, is_preview, section, name, common, stack_tags, secrets }
    }

    /// Tells whether an element that says nothing of its protection is protected.
    pub(super) fn is_protected_unstated(&self, section: &dyn AnySection, element: &Value) -> bool {
        section.about().protected && element.get("protect").is_none() && !self.environment.is_preview()
    }

    /// Checks and lowers an element. The findings about its tags are apart from the others.
    pub(super) fn lower_element(
        &self,
        section: &dyn AnySection,
        name: &str,
        element: &Value,
        [of_tags, others]: [&mut Findings; 2],
    ) -> LoweredStack {
        let (mut common, mut own) = Common::split(element);
        common.protect |= self.is_protected_unstated(section, element);
        let scope = self.scope(section.name(), name, &common);
        check_tags(&common.tags, &scope.path(["tags"]), of_tags);
        if let Some(env) = self.env()
            && !common.external
            && !self.named.contains(&(section.name().to_owned(), name.to_owned()))
        {
            env::rename(&section.about().suffix, &mut own, &scope.default_name(), env);
        }
        let mut parts = LoweredStack::default();
        section.check_and_lower(&own, &scope, others, &mut parts);
        parts
    }
}

/// Tells whether a value contains a text that is reported already: bad syntax, or a variable without a value.
pub(super) fn has_reported_text(value: &Value) -> bool {
    match value {
        Value::String(text) if text.contains("${") => template::parse(text)
            .map_or(true, |parts| parts.iter().any(|part| matches!(part, template::TextPart::Var(_)))),
        Value::Array(items) => items.iter().any(has_reported_text),
        Value::Object(entries) => entries.values().any(has_reported_text),
        _ => false,
    }
}
