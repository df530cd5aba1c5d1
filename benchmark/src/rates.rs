//! Computes how long AWS's documented rates make a tool's calls take, whatever the tool does concurrently.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use serde_json::{Map, Value};

/// A documented rate of one account and region: its title, calls per second, and calls that may come at once.
struct Rate {
    title: &'static str,
    per_second: f64,
    burst: f64,
}

const fn rate(title: &'static str, per_second: f64, burst: f64) -> Rate {
    Rate { title, per_second, burst }
}

/// Returns the rates that a call counts against. IAM, SQS and STS publish none for such calls; S3's are far higher.
fn rates_of(call: &str) -> Vec<Rate> {
    const API: Rate = rate("API Gateway", 10.0, 40.0);
    match call {
        "lambda.GetFunction" => vec![rate("Lambda GetFunction", 100.0, 100.0)],
        "lambda.GetPolicy" => vec![rate("Lambda GetPolicy", 15.0, 15.0)],
        "apigateway.CreateDeployment" => vec![API, rate("API Gateway CreateDeployment", 0.2, 1.0)],
        "apigateway.CreateRestApi" => vec![API, rate("API Gateway CreateRestApi", 1.0 / 3.0, 1.0)],
        "apigateway.DeleteRestApi" => vec![API, rate("API Gateway DeleteRestApi", 1.0 / 30.0, 1.0)],
        "apigateway.CreateResource" | "apigateway.DeleteResource" => vec![API, rate("API Gateway resources", 5.0, 5.0)],
        "apigateway.GetResources" => vec![API, rate("API Gateway GetResources", 2.5, 5.0)],
        "monitoring.PutMetricAlarm" => vec![rate("CloudWatch PutMetricAlarm", 3.0, 3.0)],
        "monitoring.DeleteAlarms" => vec![rate("CloudWatch DeleteAlarms", 3.0, 3.0)],
        "monitoring.DescribeAlarms" => vec![rate("CloudWatch DescribeAlarms", 9.0, 9.0)],
        "monitoring.ListTagsForResource" => vec![rate("CloudWatch ListTagsForResource", 10.0, 10.0)],
        "sns.ListSubscriptionsByTopic" => vec![rate("SNS ListSubscriptionsByTopic", 30.0, 30.0)],
        "sns.ListTagsForResource" | "sns.TagResource" => vec![rate("SNS tags", 10.0, 10.0)],
        _ if call.starts_with("lambda.") => vec![rate("Lambda", 15.0, 15.0)],
        _ if call.starts_with("apigateway.") => vec![API],
        "logs.CreateLogGroup" => vec![rate("CloudWatch Logs CreateLogGroup", 10.0, 10.0)],
        "logs.DeleteLogGroup" => vec![rate("CloudWatch Logs DeleteLogGroup", 10.0, 10.0)],
        "logs.DescribeLogGroups" => vec![rate("CloudWatch Logs DescribeLogGroups", 10.0, 10.0)],
        "logs.ListTagsForResource" => vec![rate("CloudWatch Logs ListTagsForResource", 10.0, 10.0)],
        "logs.PutRetentionPolicy" => vec![rate("CloudWatch Logs PutRetentionPolicy", 10.0, 10.0)],
        _ => vec![],
    }
}

/// Returns the minimum seconds that calls, counted by name, take on AWS, and the limiting rate; `None` if no rate is
/// reached.
pub fn bound(calls: &Map<String, Value>) -> Option<(f64, &'static str)> {
    let mut counted: BTreeMap<&str, (f64, Rate)> = BTreeMap::new();
    for (call, count) in calls {
        for rate in rates_of(call) {
            counted.entry(rate.title).or_insert((0.0, rate)).0 += count.as_f64().unwrap_or(0.0);
        }
    }
    let seconds = counted.into_values().map(|(calls, rate)| ((calls - rate.burst) / rate.per_second, rate.title));
    seconds.filter(|(seconds, _)| *seconds > 0.0).max_by(|a, b| a.0.total_cmp(&b.0))
}

/// Enforces rates like AWS: a call beyond them is refused.
#[derive(Debug, Default)]
pub struct Limits(Mutex<HashMap<&'static str, Tokens>>);

/// The remaining tokens of one rate: calls that may come at once.
#[derive(Debug)]
struct Tokens {
    left: f64,
    counted_at: Instant,
}

impl Limits {
    /// Tells whether AWS would accept this call now.
    pub fn admit(&self, call: &str) -> bool {
        let now = Instant::now();
        let mut buckets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let rates = rates_of(call);
        for rate in &rates {
            let tokens = buckets.entry(rate.title).or_insert(Tokens { left: rate.burst, counted_at: now });
            let since = now.saturating_duration_since(tokens.counted_at).as_secs_f64();
            tokens.left = (tokens.left + since * rate.per_second).min(rate.burst);
            tokens.counted_at = now;
        }
        let admitted = rates.iter().all(|rate| buckets.get(rate.title).is_some_and(|tokens| tokens.left >= 1.0));
        for rate in rates.iter().filter(|_| admitted) {
            buckets.entry(rate.title).and_modify(|tokens| tokens.left -= 1.0);
        }
        admitted
    }
}

/// Returns AWS's answer to a call beyond its rates, in the service's format.
pub fn refusal(service: &str) -> Vec<u8> {
    let (status, fields, body): (u16, &str, Vec<u8>) = match service {
        "lambda" | "apigateway" => {
            let fields = "content-type: application/json\r\nx-amzn-errortype: TooManyRequestsException\r\n";
            (429, fields, br#"{"message":"Rate exceeded"}"#.to_vec())
        }
        "monitoring" => {
            let fields = "content-type: application/cbor\r\nsmithy-protocol: rpc-v2-cbor\r\n\
                          x-amzn-query-error: Throttling;Sender\r\n";
            // A map with one entry: {"__type": "ThrottlingException"}.
            (400, fields, [&b"\xa1\x66__type\x73"[..], b"ThrottlingException"].concat())
        }
        "logs" | "tagging" => {
            let body = br#"{"__type":"ThrottlingException","message":"Rate exceeded"}"#.to_vec();
            (400, "content-type: application/x-amz-json-1.1\r\n", body)
        }
        _ => {
            let body = "<ErrorResponse><Error><Type>Sender</Type><Code>Throttling</Code><Message>Rate exceeded</Message>\
                        </Error><RequestId>bench</RequestId></ErrorResponse>";
            (400, "content-type: text/xml\r\n", body.into())
        }
    };
    let head = format!("HTTP/1.1 {status} Refused\r\n{fields}content-length: {}\r\n\r\n", body.len());
    [head.as_bytes(), &body].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn of(calls: Value) -> Option<(f64, &'static str)> {
        bound(calls.as_object().unwrap())
    }

    #[test]
    fn the_slowest_rate_is_the_bound_and_calls_of_a_service_share_one() {
        assert_eq!(
            of(json!({ "lambda.CreateFunction": 100, "lambda.CreateEventSourceMapping": 65, "iam.CreateRole": 900 })),
            Some((10.0, "Lambda"))
        );
        assert_eq!(
            of(json!({ "lambda.CreateFunction": 20, "monitoring.PutMetricAlarm": 33 })),
            Some((10.0, "CloudWatch PutMetricAlarm"))
        );
    }

    #[test]
    fn beyond_a_burst_calls_are_refused_and_others_are_not() {
        let limits = Limits::default();
        assert_eq!((0..50).filter(|_| limits.admit("monitoring.DeleteAlarms")).count(), 3);
        assert!(limits.admit("monitoring.DescribeAlarms") && limits.admit("sqs.CreateQueue"));
    }

    #[test]
    fn what_fits_into_a_burst_has_no_bound() {
        assert_eq!(of(json!({ "lambda.GetFunction": 100, "apigateway.GetStage": 4 })), None);
    }
}
