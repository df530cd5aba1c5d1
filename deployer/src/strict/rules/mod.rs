//! All rules. Each file has those of one subject.

mod execution_role;
mod function_changes;
mod function_states;
mod model;
mod principals;
mod role_propagation;
mod source_permissions;

use super::rule::Rule;

/// Creates the rules in the order in which they judge a request: AWS reads a request before it looks at resources.
pub fn all() -> Vec<Box<dyn Rule>> {
    vec![
        Box::new(model::Model),
        Box::<principals::Principals>::default(),
        Box::<execution_role::ExecutionRole>::default(),
        Box::<role_propagation::RolePropagation>::default(),
        Box::<function_states::FunctionStates>::default(),
        Box::<function_changes::FunctionChanges>::default(),
    ]
}
