//! Schedules.

use super::{Code, error, warning};

#[rustfmt::skip]
pub(super) const CODES: &[Code] = &[
    error(
        "schedule::call",
        "EventBridge Scheduler makes calls that change something, and none that only read: nobody would get the answer.",
        "schedules:\n  look: { schedule: rate(1 day), call: \"dynamodb:getItem\", on: \"arn:aws:dynamodb:eu-west-1:123456789012:table/orders\" }\n",
        "schedules:\n  shrink: { schedule: rate(1 day), call: \"dynamodb:updateTable\", on: \"arn:aws:dynamodb:eu-west-1:123456789012:table/orders\", input: { TableName: orders } }\n",
        "Let the schedule call a function that reads: `function: NAME`.",
    ),
    error(
        "schedule::call-permission",
        "A schedule calls AWS's API with a role, and nothing says what that role may do. Its action follows from the call, but no resource does; and some calls need an action of another name, which is a warning.",
        "schedules:\n  stop: { schedule: rate(1 day), call: \"ec2:stopInstances\", input: { InstanceIds: [i-1] } }\n",
        "schedules:\n  stop: { schedule: rate(1 day), call: \"ec2:stopInstances\", input: { InstanceIds: [i-1] }, on: \"arn:aws:ec2:eu-west-1:123456789012:instance/i-1\" }\n",
        "Add `on: ARN` with the resources that the call is about, or write the role's `permissions`.",
    ),
    error(
        "schedule::dead-letter-type",
        "EventBridge Scheduler sends calls that failed to standard queues: it has no message group for a FIFO one.",
        "queues: { failed: { fifo_queue: true } }\nfunctions: { report: { zip: report.zip, events: [ { schedule: rate(1 day), dead_letter: failed } ] } }\n",
        "queues: { failed: {} }\nfunctions: { report: { zip: report.zip, events: [ { schedule: rate(1 day), dead_letter: failed } ] } }\n",
        "Name a standard queue.",
    ),
    error(
        "schedule::expression",
        "AWS would refuse the expression of a schedule. Its cron has six fields, with a year at the end, and `?` in one of the two fields for days.",
        "functions: { report: { zip: report.zip, events: [ { schedule: \"cron(0 6 * * *)\" } ] } }\n",
        "functions: { report: { zip: report.zip, events: [ { schedule: \"cron(0 6 * * ? *)\" } ] } }\n",
        "Write `rate(5 minutes)`, `cron(0 6 * * ? *)` or `at(2030-01-31T06:00:00)`.",
    ),
    error(
        "schedule::input",
        "A function, a bus, a state machine and a call of AWS's API take JSON alone. Other targets take any text.",
        "functions: { report: { zip: report.zip, events: [ { schedule: rate(1 day), input: daily } ] } }\n",
        "functions: { report: { zip: report.zip, events: [ { schedule: rate(1 day), input: { kind: daily } } ] } }\n",
        "Write a map or a list, or the text in quotes of its own: `input: '\"daily\"'`.",
    ),
    error(
        "schedule::message-group",
        "A message for a FIFO queue belongs to a group, and EventBridge Scheduler names none by itself. It publishes to no FIFO topic.",
        "queues: { orders: { fifo_queue: true, content_based_deduplication: true } }\nschedules: { order: { schedule: rate(1 day), queue: orders } }\n",
        "queues: { orders: { fifo_queue: true, content_based_deduplication: true } }\nschedules: { order: { schedule: rate(1 day), queue: orders, message_group_id: standing } }\n",
        "Add `message_group_id: NAME`.",
    ),
    error(
        "schedule::moment",
        "The start or the end of a schedule is no moment with an offset from UTC, or the end is not after the start.",
        "functions: { report: { zip: report.zip, events: [ { schedule: rate(1 day), start: 2030-01-31 } ] } }\n",
        "functions: { report: { zip: report.zip, events: [ { schedule: rate(1 day), start: \"2030-01-31T06:00:00Z\" } ] } }\n",
        "Write date, time and offset: `2030-01-31T06:00:00Z`, `2030-01-31T06:00:00+01:00`.",
    ),
    warning(
        "schedule::never-complete",
        "AWS deletes a schedule after its last firing, and this one has no last one.",
        "functions: { report: { zip: report.zip, events: [ { schedule: rate(1 day), delete_after_completion: true } ] } }\n",
        "functions: { report: { zip: report.zip, events: [ { schedule: rate(1 day), end: \"2030-01-31T06:00:00Z\", delete_after_completion: true } ] } }\n",
        "Add an `end`, or remove `delete_after_completion`.",
    ),
    warning(
        "schedule::once",
        "A schedule with `at(…)` fires once, and AWS takes no notice of a start and an end.",
        "functions: { report: { zip: report.zip, events: [ { schedule: \"at(2030-01-31T06:00:00)\", end: \"2030-02-01T00:00:00Z\" } ] } }\n",
        "functions: { report: { zip: report.zip, events: [ { schedule: \"at(2030-01-31T06:00:00)\" } ] } }\n",
        "Remove `start` and `end`.",
    ),
    warning(
        "schedule::past",
        "The only moment of a schedule, or its end, has passed: it fires no more.",
        "functions: { report: { zip: report.zip, events: [ { schedule: at(2020-01-31T06:00:00) } ] } }\n",
        "functions: { report: { zip: report.zip, events: [ { schedule: at(2130-01-31T06:00:00) } ] } }\n",
        "Write a moment to come, or remove the schedule.",
    ),
    error(
        "schedule::role-and-permissions",
        "Permissions are for the role that is derived for a schedule. A role of its own under `role` is managed where it is declared.",
        "queues: { jobs: {} }\nschedules: { tidy: { schedule: rate(1 day), queue: jobs, role: \"arn:aws:iam::123456789012:role/r\", permissions: [ { allow: sqs:SendMessage, on: \"${queues.jobs.arn}\" } ] } }\n",
        "queues: { jobs: {} }\nschedules: { tidy: { schedule: rate(1 day), queue: jobs, permissions: [ { allow: sqs:SendMessage, on: \"${queues.jobs.arn}\" } ] } }\n",
        "Keep one of the two.",
    ),
    error(
        "schedule::target",
        "A schedule has exactly one target, and some targets need further properties: a bus its `source` and `detail_type`, a stream its `partition_key`.",
        "schedules: { measure: { schedule: rate(1 day), stream: \"arn:aws:kinesis:eu-west-1:123456789012:stream/measures\" } }\n",
        "schedules: { measure: { schedule: rate(1 day), stream: \"arn:aws:kinesis:eu-west-1:123456789012:stream/measures\", partition_key: clock } }\n",
        "Name one target, and add what it needs.",
    ),
    error(
        "schedule::timezone",
        "EventBridge Scheduler knows time zones by their names in IANA's database, with their capitals.",
        "functions: { report: { zip: report.zip, events: [ { schedule: \"cron(0 6 * * ? *)\", timezone: CEST } ] } }\n",
        "functions: { report: { zip: report.zip, events: [ { schedule: \"cron(0 6 * * ? *)\", timezone: Europe/Oslo } ] } }\n",
        "Write a name such as `Europe/Oslo`.",
    ),
    error(
        "schedule::window",
        "AWS measures a flexible window in whole minutes.",
        "functions: { report: { zip: report.zip, events: [ { schedule: rate(1 day), flexible_window: 90s } ] } }\n",
        "functions: { report: { zip: report.zip, events: [ { schedule: rate(1 day), flexible_window: 15m } ] } }\n",
        "Write 1 to 1440 minutes.",
    ),
];
