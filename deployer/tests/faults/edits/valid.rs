//! Makes a random stack valid by removing the values that its findings point at.

use deployer::pipeline;
use deployer::spec::source::SourceText;
use deployer::spec::variables::Inputs;
use serde_json::Value;

use super::edit::remove;

/// The most findings that are corrected before a stack is discarded.
const MENDED: usize = 60;

/// Writes a stack as text.
pub fn text(stack: &Value) -> String {
    serde_yaml::to_string(stack).expect("YAML takes every value")
}

/// Corrects a stack. Returns `None` if it stays invalid.
pub fn mended(mut stack: Value) -> Option<Value> {
    for _ in 0..MENDED {
        let Some(at) = first_error(&stack) else { return Some(stack) };
        let mut at = at;
        while !remove(&mut stack, &at) {
            at.pop();
            if at.len() < 2 {
                return None;
            }
        }
    }
    None
}

/// Returns the place of the first error, if there is one.
pub fn first_error(stack: &Value) -> Option<Vec<String>> {
    let text = text(stack).replace("ACCOUNT", "100000000001");
    match pipeline::check(SourceText::new("stack.yaml", text), &Inputs::default()) {
        Ok(_) => None,
        Err(failure) => {
            let errors = failure.findings.errors();
            Some(errors.0.first().map(|finding| finding.path.0.clone()).unwrap_or_default())
        }
    }
}
