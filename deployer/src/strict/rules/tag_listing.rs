//! The listing of tagged resources, which lags behind.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;

use futures::future::{BoxFuture, FutureExt, ready};
use serde_json::{Map, Value, json};

use super::super::place::Key;
use super::super::{About, Answer, Call, Off, Place, Rule};
use crate::mutex::lock;

const LAGS: Duration = Duration::from_secs(30);
/// From this many resources on, those whose last change is over are dropped.
const MANY: usize = 20_000;

/// Leaves new resources out of GetResources, and lists deleted ones.
#[derive(Default)]
pub struct TagListing {
    /// By their ARNs.
    resources: Mutex<BTreeMap<Key, Resource>>,
}

#[derive(Debug)]
struct Resource {
    /// As GetResources lists them.
    tags: Value,
    change: Change,
}

#[derive(Debug, PartialEq)]
enum Change {
    Created(Duration),
    Deleted(Duration),
    /// It was listed.
    None,
}

impl Rule for TagListing {
    fn about(&self) -> About {
        About {
            name: "tag-listing",
            summary: "GetResources of the Tagging API shows new resources, and stops showing deleted ones, after 30 s",
            source: "Resource Groups Tagging API Reference, GetResources: \"tagged or previously tagged resources\"; \
                     Tag Editor User Guide",
        }
    }

    fn off(&self) -> Option<Off> {
        Some(Off::because(
            "the policies that `deployer iam` prints do not cover reads of deleted resources that are still listed",
        ))
    }

    fn after<'a>(&'a self, call: &'a Call, answer: &'a mut Answer, place: Place<'a>) -> BoxFuture<'a, ()> {
        if answer.is_success() {
            if call.is("Resource Groups Tagging API", &["GetResources"]) {
                self.delay(call, answer, place);
            } else {
                self.learn(call, answer, place);
            }
        }
        ready(()).boxed()
    }
}

impl TagListing {
    fn learn(&self, call: &Call, answer: &Answer, place: Place<'_>) {
        if let Some(arn) = created(call, answer, place) {
            let mut resources = lock(&self.resources);
            forget(&mut resources, place);
            let known = resources.get(&place.key(&arn)).map(|known| &known.change);
            // Some creates succeed for a resource that exists.
            if matches!(known, None | Some(Change::Deleted(_))) {
                let created = Resource { tags: tags(&call.input), change: Change::Created(place.now) };
                resources.insert(place.key(&arn), created);
            }
        }
        for arn in deleted(call, place) {
            let mut resources = lock(&self.resources);
            let within = place.key(&format!("{arn}/"));
            let parts = resources.range_mut(within.clone()..).take_while(|(key, _)| key.2.starts_with(&within.2));
            parts.for_each(|(_, part)| part.change = Change::Deleted(place.now));
            if let Some(resource) = resources.get_mut(&place.key(&arn)) {
                resource.change = match resource.change {
                    // It never was in the listing.
                    Change::Created(since) if !place.is_over(since, LAGS) => Change::Created(since),
                    _ => Change::Deleted(place.now),
                };
            }
        }
    }

    /// Turns the emulator's list into that of 30 s ago.
    fn delay(&self, call: &Call, answer: &mut Answer, place: Place<'_>) {
        let mut resources = lock(&self.resources);
        forget(&mut resources, place);
        resources.retain(|_, one| !matches!(one.change, Change::Deleted(since) if place.is_over(since, LAGS)));
        answer.change_json(|body| {
            let is_last = body["PaginationToken"].as_str().unwrap_or_default().is_empty();
            let Some(listed) = body["ResourceTagMappingList"].as_array_mut() else { return };
            listed.retain(|one| {
                let Some(arn) = one["ResourceARN"].as_str() else { return true };
                let known = resources.entry(place.key(arn));
                let known = known.or_insert_with(|| Resource { tags: Value::Null, change: Change::None });
                if matches!(known.change, Change::Created(since) if !place.is_over(since, LAGS)) {
                    return false;
                }
                *known = Resource { tags: one["Tags"].clone(), change: Change::None };
                true
            });
            let first = place.key("");
            let here = resources.range(first.clone()..).take_while(|(key, _)| (&key.0, &key.1) == (&first.0, &first.1));
            let gone = here.filter(|(_, one)| matches!(one.change, Change::Deleted(_)));
            let gone = gone.filter(|(key, one)| is_last && is_asked_for(&call.input, &key.2, &one.tags));
            listed.extend(gone.map(|(key, one)| json!({"ResourceARN": key.2, "Tags": one.tags})));
        });
    }
}

/// Drops the resources about which nothing has to be known any more, if there are many.
fn forget(resources: &mut BTreeMap<Key, Resource>, place: Place<'_>) {
    let matters = |change: &Change| match change {
        Change::Created(since) | Change::Deleted(since) => !place.is_over(*since, LAGS),
        Change::None => false,
    };
    if resources.len() > MANY {
        resources.retain(|_, resource| matters(&resource.change));
    }
}

/// Returns the ARN of the resource that a request has created.
fn created(call: &Call, answer: &Answer, place: Place<'_>) -> Option<String> {
    let told = |member: &str| answer.json()[member].as_str().map(str::to_owned);
    match (call.service, call.operation) {
        ("Lambda", "CreateFunction") => told("FunctionArn"),
        ("Lambda", "CreateEventSourceMapping") => {
            Some(arn_of(place, "lambda", "event-source-mapping:", &told("UUID")?))
        }
        ("SQS", "CreateQueue") => Some(arn_of(place, "sqs", "", call.text("QueueName"))),
        ("SNS", "CreateTopic") => Some(arn_of(place, "sns", "", call.text("Name"))),
        ("CloudWatch", "PutMetricAlarm") => Some(arn_of(place, "cloudwatch", "alarm:", call.text("AlarmName"))),
        ("CloudWatch Logs", "CreateLogGroup") => Some(arn_of(place, "logs", "log-group:", call.text("logGroupName"))),
        ("S3", "CreateBucket") => Some(format!("arn:aws:s3:::{}", call.text("Bucket"))),
        ("API Gateway", "CreateRestApi") => Some(api_arn(place, &told("id")?)),
        ("ApiGatewayV2", "CreateApi") => Some(http_api_arn(place, &told("apiId")?)),
        ("ApiGatewayV2", "CreateStage") => {
            Some(format!("{}/stages/{}", http_api_arn(place, call.text("ApiId")), call.text("StageName")))
        }
        ("API Gateway", "CreateStage") => {
            Some(format!("{}/stages/{}", api_arn(place, call.text("restApiId")), call.text("stageName")))
        }
        _ => None,
    }
}

/// Returns the ARNs of the resources that a request has deleted.
fn deleted(call: &Call, place: Place<'_>) -> Vec<String> {
    let one = match (call.service, call.operation) {
        ("Lambda", "DeleteFunction") if call.text("Qualifier").is_empty() => {
            arn_of(place, "lambda", "function:", call.name("FunctionName"))
        }
        ("Lambda", "DeleteEventSourceMapping") => arn_of(place, "lambda", "event-source-mapping:", call.text("UUID")),
        ("SQS", "DeleteQueue") => arn_of(place, "sqs", "", call.name("QueueUrl")),
        ("SNS", "DeleteTopic") => call.text("TopicArn").to_owned(),
        ("CloudWatch", "DeleteAlarms") => {
            let names = call.input["AlarmNames"].as_array().map(Vec::as_slice).unwrap_or_default();
            let arns = names.iter().filter_map(Value::as_str).map(|name| arn_of(place, "cloudwatch", "alarm:", name));
            return arns.collect();
        }
        ("CloudWatch Logs", "DeleteLogGroup") => arn_of(place, "logs", "log-group:", call.text("logGroupName")),
        ("S3", "DeleteBucket") => format!("arn:aws:s3:::{}", call.text("Bucket")),
        ("API Gateway", "DeleteRestApi") => api_arn(place, call.text("restApiId")),
        ("ApiGatewayV2", "DeleteApi") => http_api_arn(place, call.text("ApiId")),
        ("ApiGatewayV2", "DeleteStage") => {
            format!("{}/stages/{}", http_api_arn(place, call.text("ApiId")), call.text("StageName"))
        }
        ("API Gateway", "DeleteStage") => {
            format!("{}/stages/{}", api_arn(place, call.text("restApiId")), call.text("stageName"))
        }
        _ => return Vec::new(),
    };
    vec![one]
}

fn arn_of(place: Place<'_>, service: &str, kind: &str, name: &str) -> String {
    format!("arn:aws:{service}:{}:{}:{kind}{name}", place.region, place.account)
}

fn api_arn(place: Place<'_>, id: &str) -> String {
    format!("arn:aws:apigateway:{}::/restapis/{id}", place.region)
}

fn http_api_arn(place: Place<'_>, id: &str) -> String {
    format!("arn:aws:apigateway:{}::/apis/{id}", place.region)
}

/// Returns the tags of a request in the form of the listing: most services take a list, some a map.
fn tags(input: &Value) -> Value {
    let pairs = |map: &Map<String, Value>| map.iter().map(|(key, value)| json!({"Key": key, "Value": value})).collect();
    let given = ["Tags", "tags"].iter().map(|member| &input[*member]).find(|tags| !tags.is_null());
    match given.or(Some(&input["CreateBucketConfiguration"]["Tags"])) {
        Some(Value::Object(map)) => pairs(map),
        Some(Value::Array(list)) => list.clone().into(),
        _ => json!([]),
    }
}

/// Tells whether the filters of a request for GetResources let a resource through.
fn is_asked_for(input: &Value, arn: &str, tags: &Value) -> bool {
    let list = |of: &Value, member: &str| of[member].as_array().cloned().unwrap_or_default();
    let has = |filter: &Value| {
        let values = list(filter, "Values");
        let fits = |tag: &Value| tag["Key"] == filter["Key"] && (values.is_empty() || values.contains(&tag["Value"]));
        tags.as_array().is_some_and(|tags| tags.iter().any(fits))
    };
    let is_of = |kind: &Value| {
        let (service, kind) = kind.as_str().map(|kind| kind.split_once(':').unwrap_or((kind, ""))).unwrap_or_default();
        let mut parts = arn.splitn(6, ':');
        parts.nth(2) == Some(service) && parts.last().is_some_and(|rest| rest.trim_start_matches('/').starts_with(kind))
    };
    let (kinds, arns) = (list(input, "ResourceTypeFilters"), list(input, "ResourceARNList"));
    list(input, "TagFilters").iter().all(has)
        && (kinds.is_empty() || kinds.iter().any(is_of))
        && (arns.is_empty() || arns.iter().any(|one| one == arn))
}
