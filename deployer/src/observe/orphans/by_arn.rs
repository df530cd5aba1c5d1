//! Turns an ARN into a candidate: enough of a spec to read the resource.

use serde_json::{Value, json};

use crate::aws::tags::{self, Tags};
use crate::aws::{Aws, AwsError};
use crate::graph::identity;
use crate::kinds::cloudwatch_alarm::{Alarm, CloudwatchAlarm};
use crate::kinds::event_source_mapping::{self, EventSourceMapping};
use crate::kinds::iam_role::{IamRole, Role};
use crate::kinds::lambda_function::LambdaFunction;
use crate::kinds::log_group::{LogGroup, LogGroupKind};
use crate::kinds::rest_api::{Api, RestApi};
use crate::kinds::s3_bucket::S3Bucket;
use crate::kinds::sns_topic::{SnsTopic, Topic};
use crate::kinds::sqs_queue::{Queue, SqsQueue};
use crate::kinds::{self, Kind};

/// A resource that may belong to this stack.
pub(in crate::observe) struct Candidate {
    pub(super) kind: &'static str,
    /// Its identity, if that is known without a read.
    pub(super) name: Option<String>,
    /// An id that is unique within its kind.
    pub(super) id: String,
    /// The address in its tag, if a listing returned it.
    pub(super) address: Option<String>,
    /// The part of the spec that a read needs.
    pub(super) spec: Value,
}

impl Candidate {
    fn of(kind: &'static str, id: &str, spec: Value) -> Self {
        let name = kinds::find(kind).map(|kind| identity(kind.identity(), &spec));
        let id = id.to_owned();
        Self { kind, name, id, address: None, spec }
    }

    /// Returns the spec for a read. Asks AWS for a mapping's source and function; `None` if it does not exist.
    pub(super) async fn spec(&self, aws: &Aws) -> Result<Option<Value>, AwsError> {
        if self.kind != EventSourceMapping::NAME {
            return Ok(Some(self.spec.clone()));
        }
        let pair = event_source_mapping::pair_of(aws, &self.id).await?;
        Ok(pair.map(|(source, function)| {
            json!({
                "event_source_arn": source,
                "function_name": function,
                "batch_size": 0,
                "maximum_batching_window_in_seconds": 0,
                "enabled": true,
            })
        }))
    }
}

/// Returns the candidate for an ARN of a kind that has tags of its own.
pub(super) fn by_arn(arn: &str, tags: Tags) -> Option<Candidate> {
    let mut parts = arn.splitn(6, ':');
    let service = parts.nth(2)?;
    let resource = parts.nth(2)?;
    let rest = |prefix: &str| resource.strip_prefix(prefix);
    let found = match service {
        "sqs" => queue(resource),
        "sns" if !resource.contains(':') => topic(resource),
        "s3" if !resource.contains('/') => bucket(resource),
        "logs" => log_group(rest("log-group:")?.trim_end_matches(":*")),
        "cloudwatch" => alarm(rest("alarm:")?),
        "iam" => role(rest("role/")?.rsplit('/').next()?),
        "lambda" => match rest("event-source-mapping:") {
            Some(uuid) => mapping(uuid),
            None => function(rest("function:")?.split(':').next()?),
        },
        "apigateway" => api(rest("/restapis/").filter(|id| !id.contains('/'))?, &tags),
        _ => return None,
    };
    Some(Candidate { address: tags.get(tags::ADDRESS).cloned(), ..found })
}

fn spec(value: impl serde::Serialize) -> Value {
    serde_json::to_value(value).unwrap_or_default()
}

fn queue(name: &str) -> Candidate {
    Candidate::of(SqsQueue::NAME, name, spec(Queue { name: name.to_owned(), ..Queue::default() }))
}

fn topic(name: &str) -> Candidate {
    Candidate::of(SnsTopic::NAME, name, spec(Topic { name: name.to_owned(), ..Topic::default() }))
}

pub(super) fn role(name: &str) -> Candidate {
    Candidate::of(IamRole::NAME, name, spec(Role { name: name.to_owned(), ..Role::default() }))
}

pub(super) fn alarm(name: &str) -> Candidate {
    Candidate::of(CloudwatchAlarm::NAME, name, spec(Alarm { alarm_name: name.to_owned(), ..Alarm::default() }))
}

pub(super) fn log_group(name: &str) -> Candidate {
    Candidate::of(LogGroupKind::NAME, name, spec(LogGroup { name: name.to_owned(), ..LogGroup::default() }))
}

/// An API is found only by its tags.
pub(super) fn api(id: &str, tags: &Tags) -> Candidate {
    let tag = |key: &str| tags.get(key).cloned().unwrap_or_default();
    let (owner_stack, owner_address) = (tag(tags::STACK), tag(tags::ADDRESS));
    Candidate::of(RestApi::NAME, id, spec(Api { owner_stack, owner_address, tags: tags.clone(), ..Api::default() }))
}

/// The mapping's source and function are read later: see [`Candidate::spec`].
pub(super) fn mapping(uuid: &str) -> Candidate {
    Candidate { name: None, ..Candidate::of(EventSourceMapping::NAME, uuid, Value::Null) }
}

/// A bucket with objects is not deleted: that needs `force_destroy` in `stack.yaml`.
fn bucket(name: &str) -> Candidate {
    let blank = json!({
        "bucket": name,
        "versioning": false,
        "encryption": { "sse_algorithm": "AES256" },
        "public_access_block": {
            "block_public_acls": true,
            "ignore_public_acls": true,
            "block_public_policy": true,
            "restrict_public_buckets": true,
        },
        "object_ownership": "BucketOwnerEnforced",
        "lifecycle_rules": [],
        "force_destroy": false,
        "tags": {},
    });
    Candidate::of(S3Bucket::NAME, name, blank)
}

fn function(name: &str) -> Candidate {
    let blank = json!({
        "function_name": name,
        "role": "",
        "code": { "sha256": "" },
        "runtime": "",
        "handler": "",
        "architectures": [],
        "memory_size": 128,
        "timeout": 3,
        "ephemeral_storage": 512,
        "tracing_config": { "mode": "PassThrough" },
        "logging_config": { "log_format": "Text", "log_group": "" },
    });
    Candidate::of(LambdaFunction::NAME, name, blank)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::{Ownership, REGISTRY};
    use crate::plan::tests::world::place;

    #[test]
    fn every_kind_with_tags_is_known_by_its_arn() {
        let place = place();
        let arns = [
            place.arn("sqs", "q"),
            place.arn("sns", "t"),
            "arn:aws:s3:::b".to_owned(),
            place.arn("logs", "log-group:/aws/lambda/f"),
            place.arn("cloudwatch", "alarm:a: b"),
            "arn:aws:iam::123456789012:role/path/r".to_owned(),
            place.arn("lambda", "function:f"),
            place.arn("lambda", "event-source-mapping:u"),
            "arn:aws:apigateway:eu-west-1::/restapis/x".to_owned(),
        ];
        let mut kinds: Vec<&str> = Vec::new();
        for arn in arns {
            let candidate = by_arn(&arn, Tags::new()).unwrap_or_else(|| panic!("{arn}"));
            let kind = kinds::find(candidate.kind).expect("a kind");
            if candidate.kind != EventSourceMapping::NAME {
                kind.predict(&candidate.spec, &place).expect("a spec that the kind can read by");
            }
            kinds.push(candidate.kind);
        }
        kinds.sort_unstable();
        let tagged = REGISTRY.iter().filter(|kind| kind.ownership() == Ownership::Tags).map(|kind| kind.name());
        let mut tagged: Vec<&str> = tagged.collect();
        tagged.sort_unstable();
        assert_eq!(kinds, tagged);
    }

    #[test]
    fn what_is_no_resource_of_ours_is_passed_over() {
        let place = place();
        for arn in [
            place.arn("dynamodb", "table/t"),
            "arn:aws:apigateway:eu-west-1::/restapis/x/stages/live".to_owned(),
            place.arn("sns", "t:0b2f"),
            "nonsense".to_owned(),
        ] {
            assert!(by_arn(&arn, Tags::new()).is_none(), "{arn}");
        }
    }
}
