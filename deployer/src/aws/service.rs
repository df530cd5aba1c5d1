//! The facts about each AWS service that hold for all its calls, one file per service: rates, refusals that pass, IAM
//! actions.
//!
//! A kind names its service in its `ABOUT`. Facts about the calls of one kind stand in that kind's file.

mod apigateway;
mod apigatewayv2;
mod cloudwatch;
mod dynamodb;
mod events;
mod iam;
mod lambda;
mod logs;
mod s3;
mod scheduler;
mod secretsmanager;
mod sns;
mod sqs;
mod ssm;

use std::borrow::Cow;

pub use apigateway::APIGATEWAY;
pub use apigatewayv2::APIGATEWAYV2;
pub use cloudwatch::CLOUDWATCH;
pub use dynamodb::DYNAMODB;
pub use events::EVENTS;
pub use iam::IAM;
pub use lambda::LAMBDA;
pub use logs::LOGS;
pub use s3::S3;
pub use scheduler::SCHEDULER;
pub use secretsmanager::SECRETSMANAGER;
pub use sns::SNS;
pub use sqs::SQS;
pub use ssm::SSM;

/// The services that kinds and variables use.
pub static ALL: &[&Service] = &[
    &APIGATEWAY,
    &APIGATEWAYV2,
    &CLOUDWATCH,
    &DYNAMODB,
    &EVENTS,
    &IAM,
    &LAMBDA,
    &LOGS,
    &S3,
    &SCHEDULER,
    &SECRETSMANAGER,
    &SNS,
    &SQS,
    &SSM,
];

/// The facts about one service.
#[derive(Debug, Clone, Copy)]
pub struct Service {
    /// The prefix of its operations: `sqs`.
    pub name: &'static str,
    /// Its name in ARNs, which two services may share.
    pub in_arns: &'static str,
    /// Its name in the SDK: `CloudWatch Logs`.
    pub sdk: &'static str,
    /// Documented rates. Figures are a little below AWS's where several stacks of one account share them.
    pub rates: &'static [Rate],
    /// Refusals that pass with time alone.
    pub cures: &'static [Cure],
    /// Reads that answer for many resources at once. They are few, and others wait for them, so they need no turn.
    pub for_many: &'static [&'static str],
    /// Returns the IAM action that allows an operation.
    pub action: fn(&str) -> Cow<'_, str>,
    /// Local AWSes list the tags of its resources. They have no rate limits, so for the other services a listing would
    /// only cost time.
    pub tags_listed_locally: bool,
}

impl Service {
    /// A service without rates and cures, whose actions have the same names as its operations.
    const fn of(name: &'static str, sdk: &'static str) -> Self {
        Self {
            name,
            in_arns: name,
            sdk,
            rates: &[],
            cures: &[],
            for_many: &[],
            action: as_called,
            tags_listed_locally: false,
        }
    }
}

fn as_called(operation: &str) -> Cow<'_, str> {
    operation.into()
}

/// A documented rate: calls per second, and the burst in calls.
#[derive(Debug, Clone, Copy)]
pub struct Rate {
    /// The name of the budget. The operations of one row share it.
    pub name: &'static str,
    /// The operations that it limits; empty for every operation of the service.
    pub operations: &'static [&'static str],
    /// AWS does not count these operations among the service's other calls.
    pub apart: bool,
    pub per_second: f64,
    pub burst: f64,
}

/// A rate for all of a service's calls together.
const fn overall(service: &'static str, per_second: f64, burst: f64) -> Rate {
    Rate { name: service, operations: &[], apart: false, per_second, burst }
}

/// A rate for `operations` on top of the service's own.
const fn rate(name: &'static str, operations: &'static [&'static str], per_second: f64, burst: f64) -> Rate {
    Rate { name, operations, apart: false, per_second, burst }
}

/// A rate for `operations` in place of the service's own.
const fn apart(name: &'static str, operations: &'static [&'static str], per_second: f64, burst: f64) -> Rate {
    Rate { apart: true, ..rate(name, operations, per_second, burst) }
}

/// A refusal that passes with time alone.
#[derive(Debug, Clone, Copy)]
pub struct Cure {
    /// Prefix of the operation, "" for all.
    pub operation: &'static str,
    pub code: &'static str,
    /// Part of AWS's text, if the code alone says too little; "" for any.
    pub text: &'static str,
    pub window_s: u64,
    pub why: &'static str,
    /// Curable only if AWS says when to try again: otherwise the code is that of a quota.
    pub asked: bool,
}

/// Makes one row of a table of [`Cure`]s.
pub const fn cure(
    operation: &'static str,
    code: &'static str,
    text: &'static str,
    window_s: u64,
    why: &'static str,
) -> Cure {
    Cure { operation, code, text, window_s, why, asked: false }
}

/// Reasons that several services and kinds use.
pub const PRINCIPAL: &str = "IAM has not spread the principal yet";
pub const ROLE: &str = "IAM has not spread the new role yet";
pub const QUEUE: &str = "the new queue is not visible yet";
pub const UNSEEN: &str = "the new function is not visible everywhere yet";
pub const BUSY: &str = "an earlier change of the function is still in progress";
pub const THROTTLED: &str = "AWS limits the rate of these calls";

/// Finds the service of an operation such as `sqs:CreateQueue`.
pub fn of(operation: &str) -> Option<&'static Service> {
    by_name(operation.split_once(':')?.0)
}

/// Finds a service by its name in operations and ARNs.
pub fn by_name(name: &str) -> Option<&'static Service> {
    ALL.iter().copied().find(|service| service.name == name)
}

impl Rate {
    /// Lists the rates that limit an operation: the service's, then the operation's own.
    pub fn of(operation: &str) -> Vec<&'static Self> {
        let rates = of(operation).map_or(&[][..], |service| service.rates);
        let own: Vec<&Self> = rates.iter().filter(|rate| rate.operations.contains(&operation)).collect();
        let is_apart = own.iter().any(|rate| rate.apart);
        let overall = rates.iter().filter(|rate| rate.operations.is_empty() && !is_apart);
        overall.chain(own).collect()
    }

    /// "AWS takes 3 cloudwatch:PutMetricAlarm calls a second".
    pub fn reason(&self) -> String {
        let Self { name, per_second, .. } = self;
        if *per_second >= 1.0 {
            format!("AWS takes {per_second:.0} {name} calls a second")
        } else {
            format!("AWS takes one {name} call in {:.0} s", 1.0 / per_second)
        }
    }
}
