//! EventBridge Scheduler.

use super::{ROLE, Service, THROTTLED, apart, cure};

const CHANGING: &str = "another change of the schedule is in progress";

/// EventBridge Scheduler. The rates of schedules are those of the smaller regions.
pub static SCHEDULER: Service = Service {
    rates: &[
        apart("scheduler:CreateSchedule", &["scheduler:CreateSchedule"], 240.0, 250.0),
        apart("scheduler:UpdateSchedule", &["scheduler:UpdateSchedule"], 240.0, 250.0),
        apart("scheduler:DeleteSchedule", &["scheduler:DeleteSchedule"], 240.0, 250.0),
        apart("scheduler:GetSchedule", &["scheduler:GetSchedule"], 240.0, 250.0),
        apart("scheduler:CreateScheduleGroup", &["scheduler:CreateScheduleGroup"], 9.8, 10.0),
        apart("scheduler:DeleteScheduleGroup", &["scheduler:DeleteScheduleGroup"], 9.8, 10.0),
        apart("scheduler:GetScheduleGroup", &["scheduler:GetScheduleGroup"], 9.8, 10.0),
        apart(
            "scheduler tags",
            &["scheduler:ListTagsForResource", "scheduler:TagResource", "scheduler:UntagResource"],
            9.8,
            10.0,
        ),
    ],
    cures: &[
        cure("scheduler:", "ValidationException", "must allow AWS EventBridge Scheduler to assume the role", 120, ROLE),
        cure("scheduler:Update", "ConflictException", "", 60, CHANGING),
        cure("scheduler:Delete", "ConflictException", "", 60, CHANGING),
        cure("scheduler:Tag", "ConflictException", "", 60, CHANGING),
        cure("scheduler:Untag", "ConflictException", "", 60, CHANGING),
        cure("scheduler:", "ThrottlingException", "", 60, THROTTLED),
    ],
    for_many: &["scheduler:ListScheduleGroups"],
    ..Service::of("scheduler", "Scheduler")
};
