//! All rules. Each file has those of one subject.

mod function_states;
mod model;
mod role_propagation;

use super::rule::Rule;

/// Creates the rules in the order in which they judge a request: AWS reads a request before it looks at resources.
pub fn all() -> Vec<Box<dyn Rule>> {
    vec![
        Box::new(model::Model),
        Box::<role_propagation::RolePropagation>::default(),
        Box::<function_states::FunctionStates>::default(),
    ]
}
