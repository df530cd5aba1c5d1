//! AWS calls as recorded by the proxy: their names, and a summary of a run's calls.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::http::Head;

#[derive(Clone, Debug)]
pub struct Call {
    pub service: String,
    pub action: String,
    /// Seconds since the proxy's start.
    pub start: f64,
    pub end: f64,
    pub status: u16,
}

/// A summary of a run's calls.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Summary {
    pub calls: usize,
    /// Calls that change something, except the tool's own state and lock in S3.
    pub writes: usize,
    /// Maximum number of calls in progress at one moment.
    pub in_flight: usize,
    /// Length of the longest chain of calls that each began after the previous one had ended.
    pub chain: usize,
    /// Refusals, by HTTP status.
    pub refused: BTreeMap<u16, usize>,
    /// Calls by service and action.
    pub actions: BTreeMap<String, usize>,
}

impl Summary {
    pub fn of(calls: &[Call]) -> Self {
        let mut actions = BTreeMap::new();
        for call in calls {
            *actions.entry(format!("{}.{}", call.service, call.action)).or_default() += 1;
        }
        let mut refused = BTreeMap::new();
        for call in calls.iter().filter(|call| call.status >= 400) {
            *refused.entry(call.status).or_default() += 1;
        }
        let writes = calls.iter().filter(|call| call.service != "s3" && !reads(&call.action)).count();
        Self { calls: calls.len(), writes, in_flight: in_flight(calls), chain: chain(calls), refused, actions }
    }

    pub fn json(&self) -> Value {
        json!({ "calls": self.calls, "writes": self.writes, "in_flight": self.in_flight, "chain": self.chain,
                "refused": self.refused, "actions": self.actions })
    }
}

fn reads(action: &str) -> bool {
    ["Get", "List", "Describe", "Head", "GET ", "HEAD "].iter().any(|start| action.starts_with(start))
}

fn in_flight(calls: &[Call]) -> usize {
    let begins = calls.iter().map(|call| (call.start, 1));
    let mut edges: Vec<(f64, isize)> = begins.chain(calls.iter().map(|call| (call.end, -1))).collect();
    edges.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    let mut open = 0;
    let most = edges.iter().map(|(_, step)| {
        open += step;
        open
    });
    most.max().unwrap_or(0).unsigned_abs()
}

/// Computes the longest chain: always taking the call that ends first gives the maximum.
fn chain(calls: &[Call]) -> usize {
    let mut spans: Vec<(f64, f64)> = calls.iter().map(|call| (call.end, call.start)).collect();
    spans.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (mut length, mut until) = (0, f64::NEG_INFINITY);
    for (end, start) in spans {
        if start >= until {
            (length, until) = (length + 1, end);
        }
    }
    length
}

/// Names a request's service and action.
pub fn name(head: &Head, body: &[u8]) -> (String, String) {
    let mut words = head.start.split(' ');
    let (method, target) = (words.next().unwrap_or(""), words.next().unwrap_or(""));
    let path = target.split('?').next().unwrap_or("");
    let service = scope(head.get("authorization")).unwrap_or("s3").to_owned();
    let target_action = head.get("x-amz-target").rsplit('.').next().filter(|action| !action.is_empty());
    let action = if let Some(action) = target_action {
        action.to_owned()
    } else if let Some((_, action)) = path.split_once("/operation/") {
        action.to_owned()
    } else if let Some(action) = form_action(head, body) {
        action
    } else if service == "lambda" {
        lambda(method, path)
    } else if service == "apigateway" {
        api_gateway(method, path)
    } else {
        let depth = path.split('/').filter(|segment| !segment.is_empty()).count();
        format!("{method} {}", if depth > 1 { "object" } else { "bucket" })
    };
    (service, action)
}

/// Returns the service in a credential's scope: KEY/DATE/REGION/SERVICE/aws4_request.
fn scope(authorization: &str) -> Option<&str> {
    let (_, credential) = authorization.split_once("Credential=")?;
    credential.split('/').nth(3)
}

fn form_action(head: &Head, body: &[u8]) -> Option<String> {
    if !head.get("content-type").contains("form-urlencoded") {
        return None;
    }
    let text = String::from_utf8_lossy(body);
    text.split('&').find_map(|pair| pair.strip_prefix("Action=").map(str::to_owned))
}

fn lambda(method: &str, path: &str) -> String {
    let segments: Vec<&str> = path.split('/').filter(|segment| !segment.is_empty()).skip(1).collect();
    let verb = verb(method);
    match segments[..] {
        ["functions"] if method == "GET" => "ListFunctions".to_owned(),
        ["functions"] | ["functions", _] => format!("{verb}Function"),
        ["functions", _, "policy"] if method == "POST" => "AddPermission".to_owned(),
        ["functions", _, "policy"] => format!("{verb}Policy"),
        ["functions", _, "policy", _] => "RemovePermission".to_owned(),
        ["functions", _, "configuration"] if method == "PUT" => "UpdateFunctionConfiguration".to_owned(),
        ["functions", _, "configuration"] => "GetFunctionConfiguration".to_owned(),
        ["functions", _, "code"] => "UpdateFunctionCode".to_owned(),
        ["functions", _, "versions"] if method == "GET" => "ListVersionsByFunction".to_owned(),
        ["functions", _, "invocations"] => "Invoke".to_owned(),
        ["functions", _, part] => format!("{verb}Function {part}"),
        ["event-source-mappings"] if method == "GET" => "ListEventSourceMappings".to_owned(),
        ["event-source-mappings", ..] => format!("{verb}EventSourceMapping"),
        ["tags", ..] if method == "GET" => "ListTags".to_owned(),
        ["tags", ..] => format!("{verb}Tags"),
        _ => format!("{method} {path}"),
    }
}

fn api_gateway(method: &str, path: &str) -> String {
    let segments: Vec<&str> = path.split('/').filter(|segment| !segment.is_empty()).collect();
    let verb = verb(method);
    match segments[..] {
        ["restapis"] if method == "GET" => "GetRestApis".to_owned(),
        ["restapis"] | ["restapis", _] => format!("{verb}RestApi"),
        ["restapis", _, "resources"] => "GetResources".to_owned(),
        ["restapis", _, "resources", _] => format!("{verb}Resource"),
        ["restapis", _, "resources", _, "methods", _] => format!("{verb}Method"),
        ["restapis", _, "resources", _, "methods", _, "integration"] => format!("{verb}Integration"),
        ["restapis", _, "deployments"] if method == "GET" => "GetDeployments".to_owned(),
        ["restapis", _, "deployments", ..] => format!("{verb}Deployment"),
        ["restapis", _, "stages"] if method == "GET" => "GetStages".to_owned(),
        ["restapis", _, "stages", ..] => format!("{verb}Stage"),
        ["tags", ..] => format!("{verb}Tags"),
        ["account"] => format!("{verb}Account"),
        _ => format!("{method} {path}"),
    }
}

fn verb(method: &str) -> &'static str {
    match method {
        "GET" => "Get",
        "POST" => "Create",
        "PUT" => "Put",
        "PATCH" => "Update",
        "DELETE" => "Delete",
        _ => "Head",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(action: &str, start: f64, end: f64) -> Call {
        Call { service: "lambda".into(), action: action.into(), start, end, status: 200 }
    }

    #[test]
    fn chain_and_flight_come_from_the_times_of_the_calls() {
        // Two calls at once, then two in sequence beside a long one.
        let calls = [
            call("GetFunction", 0.0, 1.0),
            call("GetFunction", 0.0, 1.5),
            call("CreateFunction", 1.0, 2.0),
            call("GetPolicy", 2.0, 3.0),
            call("AddPermission", 0.5, 3.5),
        ];
        let summary = Summary::of(&calls);
        assert_eq!((summary.calls, summary.writes, summary.in_flight, summary.chain), (5, 2, 3, 3));
        assert_eq!(summary.actions["lambda.GetFunction"], 2);
        assert_eq!(Summary::of(&[]), Summary::default());
    }

    #[test]
    fn calls_of_every_protocol_have_their_name() {
        let named = |start: &str, service: &str, field: (&str, &str), body: &str| {
            let authorization = format!("AWS4-HMAC-SHA256 Credential=k/20250101/r/{service}/aws4_request, x");
            let fields = vec![("authorization".into(), authorization), (field.0.into(), field.1.into())];
            let (service, action) = name(&Head { start: start.into(), fields }, body.as_bytes());
            format!("{service}.{action}")
        };
        let form = ("content-type", "application/x-www-form-urlencoded; charset=utf-8");
        assert_eq!(named("POST / HTTP/1.1", "iam", form, "Action=GetRole&RoleName=x"), "iam.GetRole");
        assert_eq!(named("POST / HTTP/1.1", "sqs", ("x-amz-target", "AmazonSQS.CreateQueue"), "{}"), "sqs.CreateQueue");
        let cbor = "POST /service/GraniteServiceVersion20100801/operation/DescribeAlarms HTTP/1.1";
        assert_eq!(named(cbor, "monitoring", ("x", "y"), ""), "monitoring.DescribeAlarms");
        let lambda = "PUT /2015-03-31/functions/a/configuration HTTP/1.1";
        assert_eq!(named(lambda, "lambda", ("x", "y"), "{}"), "lambda.UpdateFunctionConfiguration");
        let api = "GET /restapis/x/resources?embed=methods HTTP/1.1";
        assert_eq!(named(api, "apigateway", ("x", "y"), ""), "apigateway.GetResources");
        assert_eq!(named("PUT /bucket/key HTTP/1.1", "s3", ("x", "y"), "z"), "s3.PUT object");
    }
}
