//! The rates of the other services, as far as AWS documents them.

use futures::future::{BoxFuture, FutureExt, ready};

use super::super::{About, Call, Off, Place, Refusal, Rule};
use super::limits::{Counts, Limit, retry_after};

/// Answers calls beyond the documented rates with the throttling error of the service.
#[derive(Default)]
pub struct ServiceRates {
    counts: Counts,
}

/// The first row that names an operation counts; a row without operations stands for the rest of its service.
///
/// IAM, SQS and S3 have rates that AWS does not document, so they have no row.
const LIMITS: &[Limit] = &[
    // Lambda Developer Guide, "Lambda quotas": the API requests of the control plane, not adjustable.
    Limit::a_second("Lambda", &["GetFunction"], 100.0),
    Limit::a_second("Lambda", &["GetPolicy"], 15.0),
    Limit::a_second("Lambda", &[], 15.0),
    // CloudWatch User Guide, "CloudWatch service quotas".
    Limit::a_second("CloudWatch", &["PutMetricAlarm"], 3.0),
    Limit::a_second("CloudWatch", &["DeleteAlarms"], 3.0),
    Limit::a_second("CloudWatch", &["DescribeAlarms"], 9.0),
    Limit::a_second("CloudWatch", &["ListTagsForResource"], 10.0),
    Limit::a_second("CloudWatch", &["TagResource"], 20.0),
    Limit::a_second("CloudWatch", &["UntagResource"], 20.0),
    // The documentation of the operations in SNS's model.
    Limit::a_second("SNS", &["Subscribe"], 100.0),
    Limit::a_second("SNS", &["Unsubscribe"], 100.0),
    Limit::a_second("SNS", &["ListSubscriptions"], 30.0),
    Limit::a_second("SNS", &["ListSubscriptionsByTopic"], 30.0),
    Limit::a_second("SNS", &["TagResource", "UntagResource", "ListTagsForResource"], 10.0),
    // CloudWatch Logs User Guide, "CloudWatch Logs quotas". Another page has 5 a second.
    Limit::a_second("CloudWatch Logs", &["CreateLogGroup"], 10.0),
    Limit::a_second("CloudWatch Logs", &["DeleteLogGroup"], 10.0),
    Limit::a_second("CloudWatch Logs", &["DescribeLogGroups"], 10.0),
    // Tag Editor User Guide, "Service quotas".
    Limit::a_second("Resource Groups Tagging API", &["GetResources"], 15.0),
    // AWS General Reference, "Systems Manager endpoints and quotas": the default throughput of Parameter Store.
    Limit::a_second("SSM", &["GetParameters"], 40.0),
];

/// The data plane of Lambda has limits of its own.
const UNLIMITED: &str = "Invoke";

impl Rule for ServiceRates {
    fn about(&self) -> About {
        About {
            name: "service-rates",
            summary: "Lambda takes 15 control calls a second, CloudWatch 3 PutMetricAlarm and 3 DeleteAlarms, SNS 10 \
                      tag calls, CloudWatch Logs 10 calls of a kind, the Tagging API 15",
            source: "the quota pages of each service and the documentation of SNS's operations; re:Post, \
                     \"ThrottlingException\" and \"Rate exceeded\"",
        }
    }

    fn off(&self) -> Option<Off> {
        Some(Off::because(
            "the deployer does not wait ahead of rates for a local AWS, and repeats a refused read only some times",
        ))
    }

    fn before<'a>(&'a self, call: &'a Call, place: Place<'a>) -> BoxFuture<'a, Option<Refusal>> {
        ready(self.refusal(call, place)).boxed()
    }
}

impl ServiceRates {
    fn refusal(&self, call: &Call, place: Place<'_>) -> Option<Refusal> {
        let counts = |limit: &&Limit| {
            let (of, all) = (limit.operations, limit.operations.is_empty());
            limit.service == call.service && (all || of.contains(&call.operation)) && call.operation != UNLIMITED
        };
        let wait = self.counts.take(&[LIMITS.iter().find(counts)?], place)?;
        let text = "Rate exceeded";
        Some(match call.service {
            "Lambda" => Refusal::with_status(429, "TooManyRequestsException", text).retry_after(retry_after(wait)),
            "CloudWatch" | "SNS" => Refusal::invalid("Throttling", text),
            "Resource Groups Tagging API" => Refusal::invalid("ThrottledException", text),
            _ => Refusal::invalid("ThrottlingException", text),
        })
    }
}
