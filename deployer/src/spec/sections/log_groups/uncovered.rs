//! Words of log groups that are no property.

use crate::spec::uncovered::UncoveredAnswer::Otherwise;
use crate::spec::uncovered::{UncoveredWords, unmanaged};

/// The words of a log group.
#[rustfmt::skip]
pub(super) const TABLE: &[UncoveredWords] = &[
    UncoveredWords::of(
        &["subscription_filter", "subscription_filters", "destination", "destinations"],
        Otherwise("write `subscriptions: [ { function: NAME } ]`"),
    ),
    UncoveredWords::of(
        &["metric_filter", "metric_filters"],
        unmanaged("metric filters", "create the filter elsewhere, for `${log_groups.NAME.name}`: the deployer leaves it as it is"),
    ),
    UncoveredWords::of(&["data_protection_policy", "field_indexes", "transformer"], unmanaged("this setting of a log group", "set it elsewhere: the deployer leaves it as it is")),
    UncoveredWords::of(&["streams", "log_streams"], unmanaged("log streams", "leave it out: writers create their streams")),
    UncoveredWords::of(&["function", "functions", "lambda"], Otherwise("the log group of a function comes with it: `log_retention: 30` there")),
];
