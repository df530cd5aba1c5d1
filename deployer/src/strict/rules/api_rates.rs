//! API Gateway's rates for management calls.

use std::collections::HashMap;
use std::sync::Mutex;

use futures::future::{BoxFuture, FutureExt, ready};

use super::super::place::Key;
use super::super::{About, Call, Off, Place, Refusal, Rule};
use super::limits::{Counts, Limit, retry_after};
use crate::mutex::lock;

const SERVICE: &str = "API Gateway";
/// The second version, whose calls AWS counts together with those of the first.
const HTTP_APIS: &str = "ApiGatewayV2";

/// Answers 429 to management calls beyond the documented rates.
#[derive(Default)]
pub struct ApiRates {
    counts: Counts,
    /// The refusals so far.
    refused: Mutex<HashMap<Key, usize>>,
}

/// All operations together: 10 a second, and 40 at once.
const TOTAL: Limit = Limit { service: SERVICE, operations: &[], requests: 10.0, interval_s: 1.0, burst: 40.0 };
/// For an edge-optimized API, which is the default.
const EDGE: Limit = Limit::one_in(SERVICE, &["CreateRestApi of an edge-optimized API"], 30.0);
const LIMITS: &[Limit] = &[
    Limit::one_in(SERVICE, &["CreateDeployment"], 5.0),
    Limit::one_in(SERVICE, &["CreateRestApi"], 3.0),
    Limit::one_in(SERVICE, &["DeleteRestApi"], 30.0),
    Limit { requests: 5.0, interval_s: 2.0, burst: 5.0, ..Limit::one_in(SERVICE, &["GetResources"], 2.0) },
    Limit::a_second(SERVICE, &["CreateResource"], 5.0),
    Limit::a_second(SERVICE, &["DeleteResource"], 5.0),
];

impl Rule for ApiRates {
    fn about(&self) -> About {
        About {
            name: "api-rates",
            summary: "API Gateway takes 10 management calls a second, one CreateDeployment in 5 s, one CreateRestApi \
                      in 3 s, one DeleteRestApi in 30 s, and answers 429 in two forms",
            source: "API Gateway Developer Guide, \"API Gateway quotas for creating, deploying and managing an API\"; \
                     its model: TooManyRequestsException, LimitExceededException",
        }
    }

    fn off(&self) -> Option<Off> {
        Some(Off::because(
            "the deployer does not wait ahead of rates for a local AWS, so the lock of a run that waits for them may end",
        ))
    }

    fn before<'a>(&'a self, call: &'a Call, place: Place<'a>) -> BoxFuture<'a, Option<Refusal>> {
        ready(self.refusal(call, place)).boxed()
    }
}

impl ApiRates {
    fn refusal(&self, call: &Call, place: Place<'_>) -> Option<Refusal> {
        if ![SERVICE, HTTP_APIS].contains(&call.service) {
            return None;
        }
        let is_edge = |call: &Call| {
            let types = call.input["endpointConfiguration"]["types"].as_array();
            types.is_none_or(|types| types.iter().any(|of| of == "EDGE"))
        };
        let own = match call.operation {
            _ if call.service == HTTP_APIS => None,
            "CreateRestApi" if is_edge(call) => Some(&EDGE),
            operation => LIMITS.iter().find(|limit| limit.operations.contains(&operation)),
        };
        let limits: Vec<_> = std::iter::once(&TOTAL).chain(own).collect();
        let wait = self.counts.take(&limits, place)?;
        let mut refused = lock(&self.refused);
        let count = refused.entry(place.key("")).or_default();
        *count += 1;
        let (code, message) = match *count % 2 {
            1 => ("TooManyRequestsException", "Too Many Requests"),
            _ => {
                let message = "The request exceeded the rate limit. Retry after the specified time period.";
                ("LimitExceededException", message)
            }
        };
        Some(Refusal::with_status(429, code, message).retry_after(retry_after(wait)))
    }
}
