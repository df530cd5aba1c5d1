//! SNS.

use super::{PRINCIPAL, Service, THROTTLED, cure, overall, rate};

const CHANGING: &str = "another change of the topic is in progress";
const STALE: &str = "SNS has not forgotten the deleted topic of this name yet";

/// SNS.
pub static SNS: Service = Service {
    rates: &[
        overall("sns", 28.0, 30.0),
        rate("sns tags", &["sns:ListTagsForResource", "sns:TagResource", "sns:UntagResource"], 9.8, 10.0),
    ],
    cures: &[
        cure("sns:", "InvalidParameter", "PrincipalNotFound", 120, PRINCIPAL),
        cure("sns:", "ConcurrentAccess", "", 60, CHANGING),
        cure("sns:", "ConcurrentAccessException", "", 60, CHANGING),
        cure("sns:", "StaleTag", "", 60, STALE),
        cure("sns:", "StaleTagException", "", 60, STALE),
        cure("sns:", "Throttled", "", 60, THROTTLED),
        cure("sns:", "ThrottledException", "", 60, THROTTLED),
    ],
    for_many: &["sns:ListSubscriptionsByTopic"],
    ..Service::of("sns", "SNS")
};
