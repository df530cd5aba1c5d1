//! All rules. Each file has those of one subject.

mod caller;
mod execution_role;
mod function_changes;
mod function_limits;
mod function_states;
mod mappings;
mod model;
mod network_interfaces;
mod pass_role;
mod principals;
mod queue_attributes;
mod queue_names;
mod role_propagation;
mod service_linked_role;
mod source_permissions;

use super::rule::Rule;

/// Creates the rules in the order in which they judge a request: AWS reads a request before it looks at resources.
pub fn all() -> Vec<Box<dyn Rule>> {
    vec![
        Box::new(model::Model),
        Box::<pass_role::PassRole>::default(),
        Box::<service_linked_role::ServiceLinkedRole>::default(),
        Box::<function_limits::FunctionLimits>::default(),
        Box::<principals::Principals>::default(),
        Box::<execution_role::ExecutionRole>::default(),
        Box::<role_propagation::RolePropagation>::default(),
        Box::<mappings::Mappings>::default(),
        Box::<function_states::FunctionStates>::default(),
        Box::<function_changes::FunctionChanges>::default(),
        Box::<queue_names::QueueNames>::default(),
        Box::<queue_attributes::QueueAttributes>::default(),
        Box::<network_interfaces::NetworkInterfaces>::default(),
    ]
}
