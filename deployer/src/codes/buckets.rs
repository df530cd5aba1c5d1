//! Notifications of buckets.

use super::{Code, error, warning};

#[rustfmt::skip]
pub(super) const CODES: &[Code] = &[
    error(
        "bucket::event",
        "S3 notifies of certain events alone. Their names begin with `s3:`.",
        "queues: { jobs: {} }\nbuckets:\n  images: { notifications: [ { queue: jobs, events: [ObjectCreated] } ] }\n",
        "queues: { jobs: {} }\nbuckets:\n  images: { notifications: [ { queue: jobs, events: [\"s3:ObjectCreated:*\"] } ] }\n",
        "Write one of the names of the S3 user guide, such as `s3:ObjectCreated:*` or `s3:ObjectRemoved:Delete`.",
    ),
    warning(
        "bucket::external-receiver",
        "A queue or a topic takes events of a bucket only if its own policy says so, and this one belongs to others. S3 refuses the notification until then.",
        "queues: { theirs: { name: theirs, external: true } }\nbuckets:\n  images: { notifications: [ { queue: theirs } ] }\n",
        "queues: { ours: {} }\nbuckets:\n  images: { notifications: [ { queue: ours } ] }\n",
        "Ask its owner to let `s3.amazonaws.com` send for the bucket's ARN and your account.",
    ),
    error(
        "bucket::fifo-receiver",
        "S3 sends events to standard queues and topics: it has no message group for a FIFO one.",
        "queues: { jobs: { fifo_queue: true } }\nbuckets:\n  images: { notifications: [ { queue: jobs } ] }\n",
        "queues: { jobs: {} }\nbuckets:\n  images: { notifications: [ { queue: jobs } ] }\n",
        "Name a standard queue or topic; or write `event_bridge: true`, and send with a rule and its `message_group_id`.",
    ),
    error(
        "bucket::notification-overlap",
        "S3 tells one receiver of an event. Two entries of a bucket that share an event need prefixes or suffixes of which no key has both.",
        "queues: { jobs: {}, audit: {} }\nbuckets:\n  images: { notifications: [ { queue: jobs }, { queue: audit, prefix: in/ } ] }\n",
        "queues: { jobs: {}, audit: {} }\nbuckets:\n  images: { notifications: [ { queue: jobs, prefix: out/ }, { queue: audit, prefix: in/ } ] }\n",
        "Give each a prefix or suffix of its own. For several receivers of one event let a topic get it, or write `event_bridge: true` and send with rules.",
    ),
    warning(
        "bucket::notification-pattern",
        "A prefix or suffix is a fixed text: S3 compares `*` and `?` as they are.",
        "queues: { jobs: {} }\nbuckets:\n  images: { notifications: [ { queue: jobs, suffix: \"*.png\" } ] }\n",
        "queues: { jobs: {} }\nbuckets:\n  images: { notifications: [ { queue: jobs, suffix: .png } ] }\n",
        "Leave the sign out. If keys have it, write it as in a URL: `%2A`, `%3F`.",
    ),
    error(
        "bucket::receiver",
        "A notification has one receiver: a function, a queue or a topic.",
        "buckets:\n  images: { notifications: [ { events: [\"s3:ObjectCreated:*\"] } ] }\n",
        "queues: { jobs: {} }\nbuckets:\n  images: { notifications: [ { queue: jobs } ] }\n",
        "Write `function: NAME`, `queue: NAME` or `topic: NAME`, one of them for each entry.",
    ),
    error(
        "bucket::receiver-key",
        "The queue or topic is encrypted with a key of AWS's own, which lets no other service use it. S3 refuses the notification.",
        "queues: { jobs: { kms_master_key_id: alias/aws/sqs } }\nbuckets:\n  images: { notifications: [ { queue: jobs } ] }\n",
        "queues: { jobs: {} }\nbuckets:\n  images: { notifications: [ { queue: jobs } ] }\n",
        "Remove the key for SQS's own encryption, or take a key of your own whose policy lets `s3.amazonaws.com` use it.",
    ),
    warning(
        "bucket::recursion",
        "The function is called by new objects, and its role may store such objects: it would call itself again and again, and each call is paid for.",
        "buckets: { images: {} }\nfunctions:\n  draw: { zip: draw.zip, permissions: [ { allow: s3:PutObject, on: \"${buckets.images.arn}/*\" } ], events: [ { bucket: images, prefix: in/ } ] }\n",
        "buckets: { images: {} }\nfunctions:\n  draw: { zip: draw.zip, permissions: [ { allow: s3:PutObject, on: \"${buckets.images.arn}/out/*\" } ], events: [ { bucket: images, prefix: in/ } ] }\n",
        "Narrow the permission to a prefix that calls nothing, or let the function write to another bucket.",
    ),
];
