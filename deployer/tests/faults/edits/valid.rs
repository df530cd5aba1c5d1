//! Makes a random stack one that the deployer takes, by dropping what its findings point at.

use deployer::pipeline;
use deployer::spec::source::SourceText;
use deployer::spec::variables::Inputs;
use serde_json::Value;

use super::edit::remove;

/// So many findings are mended before a stack is given up.
const MENDED: usize = 60;

/// A stack as a text.
pub fn text(stack: &Value) -> String {
    serde_yaml::to_string(stack).expect("YAML takes every value")
}

/// Mends a stack; nothing where that does not succeed.
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

/// Where the first error is, if there is one.
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
