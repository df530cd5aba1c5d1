//! SQS.

use super::{PRINCIPAL, QUEUE, Service, cure};

const NAME: &str = "SQS frees a queue's name 60 s after its deletion";

/// SQS.
pub static SQS: Service = Service {
    cures: &[
        // SQS has one text for a malformed policy and for a new principal; the kind distinguishes them.
        cure("sqs:", "InvalidAttributeValue", "parameter Policy", 60, PRINCIPAL),
        cure("sqs:", "InvalidParameterValue", "Dead letter target does not exist", 60, QUEUE),
        cure("sqs:", "QueueDeletedRecently", "", 90, NAME),
        cure("sqs:", "AWS.SimpleQueueService.QueueDeletedRecently", "", 90, NAME),
    ],
    tags_listed_locally: true,
    ..Service::of("sqs", "SQS")
};
