//! Event buses and rules.

use super::{Code, error, run, warning};
use crate::spec::finding::Severity;

#[rustfmt::skip]
pub(super) const CODES: &[Code] = &[
    error(
        "bus::dead-letter-type",
        "EventBridge sends events that it cannot deliver to standard queues: it has no message group for a FIFO one.",
        "queues: { failed: { fifo_queue: true } }\nbuses: { orders: { dead_letter: failed } }\n",
        "queues: { failed: {} }\nbuses: { orders: { dead_letter: failed } }\n",
        "Name a standard queue.",
    ),
    error(
        "bus::default",
        "Every account has the bus `default` in each region. No stack can create it.",
        "buses: { account: { name: default } }\n",
        "buses: { account: { name: default, external: true } }\n",
        "Remove the element, as rules name this bus with `bus: default`; or add `external: true`.",
    ),
    warning(
        "bus::log-detail",
        "A bus that logs nothing logs no details of its events either.",
        "buses: { orders: { log_detail: true } }\n",
        "buses: { orders: { log_level: ERROR, log_detail: true } }\n",
        "Add `log_level: ERROR`, `INFO` or `TRACE`.",
    ),
    error(
        "bus::partner",
        "Only the bus of a partner has a `/` in its name, and the partner's own tools create it.",
        "buses: { partner: { name: aws.partner/example.com/orders } }\n",
        "buses: { partner: { name: aws.partner/example.com/orders, external: true } }\n",
        "Add `external: true`, or choose a name without `/`.",
    ),
    warning(
        "rule::aws-source",
        "Events of AWS's services come to the account's bus `default`, and to no other bus.",
        "functions: { ship: { zip: ship.zip } }\nbuses: { orders: {} }\nrules: { stored: { bus: orders, pattern: { source: [aws.s3] }, targets: [ { function: ship } ] } }\n",
        "functions: { ship: { zip: ship.zip } }\nbuses: { orders: {} }\nrules: { stored: { bus: default, pattern: { source: [aws.s3] }, targets: [ { function: ship } ] } }\n",
        "Write `bus: default`, or let a rule of the bus `default` send the events on.",
    ),
    error(
        "rule::dead-letter-type",
        "EventBridge sends events that it cannot deliver to standard queues: it has no message group for a FIFO one.",
        "queues: { failed: { fifo_queue: true } }\nfunctions: { ship: { zip: ship.zip, events: [ { pattern: { source: [shop] }, dead_letter: failed } ] } }\n",
        "queues: { failed: {} }\nfunctions: { ship: { zip: ship.zip, events: [ { pattern: { source: [shop] }, dead_letter: failed } ] } }\n",
        "Name a standard queue.",
    ),
    warning(
        "rule::external-queue",
        "A queue takes events of a rule only if its own policy says so, and this queue belongs to others.",
        "queues: { theirs: { name: theirs, external: true } }\nrules: { paid: { pattern: { source: [shop] }, targets: [ { queue: theirs } ] } }\n",
        "queues: { ours: {} }\nrules: { paid: { pattern: { source: [shop] }, targets: [ { queue: ours } ] } }\n",
        "Ask its owner to let `events.amazonaws.com` send for the rule's ARN.",
    ),
    error(
        "rule::input",
        "A target gets the whole event, a part of it, a message that is made of it, or a fixed message: one of these, and always JSON.",
        "functions: { ship: { zip: ship.zip, events: [ { pattern: { source: [shop] }, input_path: $.detail, input: { a: 1 } } ] } }\n",
        "functions: { ship: { zip: ship.zip, events: [ { pattern: { source: [shop] }, input_path: $.detail } ] } }\n",
        "Keep one of `input`, `input_path` and `input_transformer`.",
    ),
    error(
        "rule::input-path",
        "A path into the event begins with `$.`, and each name in a template stands for one of the paths.",
        "functions: { ship: { zip: ship.zip, events: [ { pattern: { source: [shop] }, input_path: detail } ] } }\n",
        "functions: { ship: { zip: ship.zip, events: [ { pattern: { source: [shop] }, input_path: $.detail } ] } }\n",
        "Write `$.detail.NAME`, and add each name of the template to `paths`.",
    ),
    error(
        "rule::message-group",
        "A message for a FIFO queue belongs to a group, and EventBridge names none by itself.",
        "queues: { ledger: { fifo_queue: true, content_based_deduplication: true } }\nrules: { paid: { pattern: { source: [shop] }, targets: [ { queue: ledger } ] } }\n",
        "queues: { ledger: { fifo_queue: true, content_based_deduplication: true } }\nrules: { paid: { pattern: { source: [shop] }, targets: [ { queue: ledger, message_group_id: orders } ] } }\n",
        "Add `message_group_id: NAME`.",
    ),
    error(
        "rule::own-bus",
        "A rule that sends the events of its bus to this very bus gets them again and again.",
        "rules: { paid: { pattern: { source: [shop] }, targets: [ { bus: default } ] } }\n",
        "buses: { orders: {} }\nrules: { paid: { pattern: { source: [shop] }, targets: [ { bus: orders } ] } }\n",
        "Name another bus.",
    ),
    error(
        "rule::pattern",
        "EventBridge would refuse the pattern: a value stands in a list, lists stand at the ends alone, and an operator is one of EventBridge's.",
        "functions: { ship: { zip: ship.zip, events: [ { pattern: { source: shop } } ] } }\n",
        "functions: { ship: { zip: ship.zip, events: [ { pattern: { source: [shop] } } ] } }\n",
        "Write lists: `{ source: [shop], detail: { total: [ { numeric: [\">\", 100] } ] } }`.",
    ),
    warning(
        "rule::pattern-field",
        "Events have certain fields at their top, and everything that the sender wrote under `detail`. A pattern with another field never matches.",
        "functions: { ship: { zip: ship.zip, events: [ { pattern: { detail_type: [OrderPaid] } } ] } }\n",
        "functions: { ship: { zip: ship.zip, events: [ { pattern: { detail-type: [OrderPaid] } } ] } }\n",
        "Write `source`, `detail-type` and so on as events have them, and the sender's own fields under `detail`.",
    ),
    Code {
        severity: Severity::Warning,
        ..run(
            "rule::pattern-size",
            "EventBridge takes 2048 characters in a pattern, and at most 4096 where AWS raised the account's quota.",
            "a pattern that names hundreds of orders",
            "Name fewer values: prefixes and wildcards stand for many.",
        )
    },
    warning(
        "rule::queue-key",
        "The key `alias/aws/sqs` lets no other service use it, so EventBridge cannot send to a queue that has it.",
        "queues: { jobs: { kms_master_key_id: alias/aws/sqs } }\nrules: { paid: { pattern: { source: [shop] }, targets: [ { queue: jobs } ] } }\n",
        "queues: { jobs: {} }\nrules: { paid: { pattern: { source: [shop] }, targets: [ { queue: jobs } ] } }\n",
        "Take SQS's own encryption, or a key of your own whose policy lets `events.amazonaws.com` use it.",
    ),
    error(
        "rule::target",
        "A target is exactly one function, queue, topic, bus, stream or state machine, and takes only the properties of its type.",
        "queues: { jobs: {} }\nrules: { paid: { pattern: { source: [shop] }, targets: [ { input: { a: 1 } } ] } }\n",
        "queues: { jobs: {} }\nrules: { paid: { pattern: { source: [shop] }, targets: [ { queue: jobs, input: { a: 1 } } ] } }\n",
        "Write `{ function: NAME }`, `{ queue: NAME }`, `{ topic: NAME }` or `{ bus: NAME }`.",
    ),
    error(
        "rule::target-twice",
        "Each target of a rule has an id of its own, which is made of its type and its name if none is written.",
        "queues: { jobs: {} }\nrules: { paid: { pattern: { source: [shop] }, targets: [ { queue: jobs }, { queue: jobs, input: { a: 1 } } ] } }\n",
        "queues: { jobs: {} }\nrules: { paid: { pattern: { source: [shop] }, targets: [ { queue: jobs }, { id: fixed, queue: jobs, input: { a: 1 } } ] } }\n",
        "Remove one of them, or give one an `id`.",
    ),
];
