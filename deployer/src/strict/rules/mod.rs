//! All rules. Each file has those of one subject.

mod alarm_tags;
mod api_changes;
mod api_rates;
mod bucket_names;
mod caller;
mod events;
mod execution_role;
mod function_changes;
mod function_limits;
mod function_states;
mod http_api_changes;
mod in_flight;
mod limits;
mod lost_answers;
mod mappings;
mod model;
mod network_interfaces;
mod overlaps;
mod pass_role;
mod principals;
mod queue_attributes;
mod queue_names;
mod role_propagation;
mod role_reads;
mod schedules;
mod service_linked_role;
mod service_rates;
mod source_permissions;
mod tables;
mod tag_listing;
mod thin_line;
mod topic_names;
mod young_buckets;

use super::rule::Rule;

/// Creates the rules in the order in which they judge a request: AWS reads a request before it looks at resources.
pub fn all() -> Vec<Box<dyn Rule>> {
    let mut rules: Vec<Box<dyn Rule>> = vec![
        Box::<thin_line::ThinLine>::default(),
        Box::<api_rates::ApiRates>::default(),
        Box::<service_rates::ServiceRates>::default(),
        Box::new(model::Model),
        Box::<pass_role::PassRole>::default(),
        Box::<service_linked_role::ServiceLinkedRole>::default(),
        Box::<function_limits::FunctionLimits>::default(),
        Box::<principals::Principals>::default(),
        Box::<execution_role::ExecutionRole>::default(),
        Box::<role_propagation::RolePropagation>::default(),
        Box::new(schedules::Schedules),
        Box::<schedules::ScheduleGroups>::default(),
        Box::new(events::EventRules),
        Box::<mappings::Mappings>::default(),
        Box::<function_states::FunctionStates>::default(),
        Box::<function_changes::FunctionChanges>::default(),
        Box::<queue_names::QueueNames>::default(),
        Box::<queue_attributes::QueueAttributes>::default(),
        Box::<network_interfaces::NetworkInterfaces>::default(),
        Box::<role_reads::RoleReads>::default(),
        Box::<bucket_names::BucketNames>::default(),
        Box::<young_buckets::YoungBuckets>::default(),
        Box::new(api_changes::ApiChanges),
        Box::<tables::Tables>::default(),
        Box::new(http_api_changes::HttpApiChanges),
        Box::<topic_names::TopicNames>::default(),
        Box::<alarm_tags::AlarmTags>::default(),
        Box::<tag_listing::TagListing>::default(),
    ];
    rules.extend(overlaps::all());
    // The other rules learn what happened before the answer is lost.
    rules.push(Box::<lost_answers::LostAnswers>::default());
    rules
}
