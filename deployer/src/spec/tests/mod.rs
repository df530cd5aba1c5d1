//! From text to document, with the findings that users read.

mod corpus;
mod load;
mod robust;
mod said;
mod verdicts;

use super::document::{Document, InvalidStack};
use super::finding::Findings;
use super::source::SourceText;
use super::variables::Inputs;
use crate::report::diagnostics::{Style, text};

/// Inputs with a region and these `--var`s.
fn inputs(vars: &[&str]) -> Inputs {
    Inputs {
        vars: vars.iter().map(|var| (*var).to_owned()).collect(),
        env: [("AWS_REGION".to_owned(), "eu-west-1".to_owned())].into(),
        ..Inputs::default()
    }
}

fn load(stack: &str, inputs: &Inputs) -> Result<(Document, Findings), InvalidStack> {
    Document::load(SourceText::new("stack.yaml", stack), inputs)
}

/// Returns the findings of loading and lowering as a user sees them.
fn messages_with(stack: &str, inputs: &Inputs) -> String {
    match load(stack, inputs) {
        Ok((document, mut findings)) => {
            findings.0.extend(document.lower().1.0);
            text(&findings, document.source(), Style::default())
        }
        Err(failed) => text(&failed.findings, &failed.source, Style::default()),
    }
}

fn messages(stack: &str) -> String {
    messages_with(stack, &inputs(&[]))
}

/// Loads a document that has no findings.
fn sound(stack: &str, inputs: &Inputs) -> Document {
    match load(stack, inputs) {
        Ok((document, findings)) => {
            assert_eq!(text(&findings, document.source(), Style::default()), "");
            document
        }
        Err(failed) => panic!("{}", text(&failed.findings, &failed.source, Style::default())),
    }
}
