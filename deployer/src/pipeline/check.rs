//! Checks `stack.yaml` as far as that is possible without AWS.

use super::{Settings, code, env_file};
use crate::failure::{self, Failure};
use crate::graph::{Graph, TextLocator};
use crate::package::PackageError;
use crate::spec::document::{Document, InvalidStack};
use crate::spec::environments;
use crate::spec::finding::{DocPath, Findings, Severity};
use crate::spec::sections::LoweredStack;
use crate::spec::source::SourceText;
use crate::spec::variables::Inputs;

/// `stack.yaml`, checked as far as it can be without AWS.
#[derive(Clone)]
pub struct LoadedStack {
    pub document: Document,
    pub graph: Graph,
    pub warnings: Findings,
    /// The text, to check it again with values that AWS stores.
    pub(super) text: SourceText,
}

/// Reads and checks `stack.yaml`: text → document → graph.
///
/// # Errors
/// Every finding at once.
pub fn load(settings: &Settings) -> Result<LoadedStack, Failure> {
    let source = env_file::text(settings)?;
    let inputs = env_file::inputs(settings, &source)?;
    check(source, &inputs)
}

/// Checks a text: document → graph. If some elements are wrong, the others are still checked together.
///
/// # Errors
/// Every finding at once.
pub fn check(source: SourceText, inputs: &Inputs) -> Result<LoadedStack, Failure> {
    check_with(source, inputs, &|_| Vec::new())
}

/// Reads and checks `stack.yaml`, and asks cargo whether the workspace has the functions' packages and binaries.
///
/// # Errors
/// Every finding at once.
pub fn validate(settings: &Settings) -> Result<LoadedStack, Failure> {
    let source = env_file::text(settings)?;
    let inputs = env_file::inputs(settings, &source)?;
    check_with(source, &inputs, &|lowered| code::missing(lowered, settings))
}

/// Checks a text. `missing` returns the elements whose code does not exist.
fn check_with(
    source: SourceText,
    inputs: &Inputs,
    missing: &dyn Fn(&LoweredStack) -> Vec<(String, PackageError)>,
) -> Result<LoadedStack, Failure> {
    match Document::load(source.clone(), inputs) {
        Ok((document, mut findings)) => {
            let (lowered, more) = document.lower();
            findings.0.extend(more.0);
            findings.0.extend(failure::of_code(missing(&lowered), &document).0);
            let graph = connect_elements(&document, lowered, &mut findings);
            let incomplete = document.incomplete();
            // The checks across elements may mistake an unknown value for a wrong one.
            findings.0.retain(|finding| {
                finding.severity != Severity::Error || !incomplete.contains_key(&element_of(&finding.path))
            });
            if findings.has_errors() {
                return Err(Failure::of(findings, Some(&document)));
            }
            Ok(LoadedStack { document, graph, warnings: findings, text: source })
        }
        Err(InvalidStack { mut findings, source, sound }) => {
            if let Some((document, lowered)) = sound.map(|sound| *sound) {
                findings.0.extend(failure::of_code(missing(&lowered), &document).0);
                connect_elements(&document, lowered, &mut findings);
            }
            Err(Failure::invalid(findings, source))
        }
    }
}

/// Checks the elements together: lint, references, names.
fn connect_elements(document: &Document, lowered: LoweredStack, findings: &mut Findings) -> Graph {
    crate::log::mask(document.secrets());
    crate::spec::lint::lint(document, &lowered, findings);
    let mut graph = Graph::of(lowered, document.outputs().clone(), document, findings);
    graph.set_left_out(document.left_out().clone());
    crate::graph::names::check(&graph, document, findings);
    crate::graph::limits::check(&graph, document, findings);
    crate::graph::secret::check(&graph, document, findings);
    findings.dedup();
    document.place(findings);
    graph
}

/// Returns the address of the element that a path is in.
fn element_of(path: &DocPath) -> String {
    path.0.iter().take(2).map(String::as_str).collect::<Vec<_>>().join(".")
}

impl TextLocator for Document {
    fn place_of(&self, element: &str, reference: &str) -> DocPath {
        self.find_text(element, reference)
    }

    fn has_element(&self, address: &str) -> bool {
        Document::has_element(self, address)
    }

    fn left_out(&self, address: &str) -> Option<&str> {
        Document::left_out(self).get(&environments::element_of(address)).map(String::as_str)
    }
}
