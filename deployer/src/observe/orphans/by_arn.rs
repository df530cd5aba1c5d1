//! Turns an ARN into a candidate: enough of a spec to read the resource.

use serde_json::Value;

use crate::aws::tags::{self, Tags};
use crate::aws::{Aws, AwsError};
use crate::kinds::{AnyKind, FoundResource, REGISTRY};

/// A resource that may belong to this stack.
pub(in crate::observe) struct Candidate {
    pub(super) kind: &'static dyn AnyKind,
    pub(super) found: FoundResource<Value>,
}

impl Candidate {
    /// Returns its identity, if that is known without a read.
    pub(super) fn name(&self) -> Option<String> {
        self.found.spec.as_ref().map(|spec| self.kind.identify(spec))
    }

    /// Returns the spec for a read, which may take a question to AWS; `None` if the resource does not exist.
    pub(super) async fn spec(&self, aws: &Aws) -> Result<Option<Value>, AwsError> {
        match &self.found.spec {
            Some(spec) => Ok(Some(spec.clone())),
            None => self.kind.look_up(aws, &self.found.id).await,
        }
    }
}

/// Returns the candidate for an ARN of a kind that has tags of its own.
pub(super) fn by_arn(arn: &str, tags: Tags) -> Option<Candidate> {
    let mut parts = arn.splitn(6, ':');
    let service = parts.nth(2)?;
    let resource = parts.nth(2)?;
    let mut kinds = REGISTRY.iter().copied().filter(|kind| kind.about().service.in_arns == service);
    kinds.find_map(|kind| {
        let found = kind.by_arn(resource, &tags)?;
        let address = tags.get(tags::ADDRESS).cloned();
        Some(Candidate { kind, found: FoundResource { address, ..found } })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::Ownership;
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
            place.arn("dynamodb", "table/t"),
            "arn:aws:iam::123456789012:role/path/r".to_owned(),
            place.arn("lambda", "function:f"),
            place.arn("scheduler", "schedule-group/g"),
            place.arn("events", "event-bus/b"),
            place.arn("events", "rule/b/r"),
            place.arn("lambda", "event-source-mapping:u"),
            "arn:aws:apigateway:eu-west-1::/restapis/x".to_owned(),
            "arn:aws:apigateway:eu-west-1::/apis/x".to_owned(),
        ];
        let mut kinds: Vec<&str> = Vec::new();
        for arn in arns {
            let candidate = by_arn(&arn, Tags::new()).unwrap_or_else(|| panic!("{arn}"));
            if let Some(spec) = &candidate.found.spec {
                candidate.kind.predict(spec, &place).expect("a spec that the kind can read by");
            }
            kinds.push(candidate.kind.name());
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
            place.arn("dynamodb", "table/t/index/i"),
            place.arn("kinesis", "stream/s"),
            "arn:aws:apigateway:eu-west-1::/restapis/x/stages/live".to_owned(),
            "arn:aws:apigateway:eu-west-1::/apis/x/stages/$default".to_owned(),
            place.arn("sns", "t:0b2f"),
            "nonsense".to_owned(),
        ] {
            assert!(by_arn(&arn, Tags::new()).is_none(), "{arn}");
        }
    }
}
