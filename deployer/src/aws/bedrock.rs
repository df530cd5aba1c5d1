//! Bedrock's foundation models: how permissions name them, and how long Bedrock serves them.

use aws_config::Region;
use aws_sdk_bedrock::config::Builder;
use aws_sdk_bedrock::types::FoundationModelLifecycleStatus;
use aws_smithy_types::DateTime;
use aws_smithy_types::retry::RetryConfig;

use super::{Aws, AwsError, policy};

/// The only call of Bedrock that is used.
pub const OPERATION: &str = "bedrock:GetFoundationModel";
/// The codes for a model that the region does not offer, or that does not exist at all.
const ABSENT: &[&str] = &["ResourceNotFoundException", "ValidationException"];

/// Actions that let a role use a model. Converse needs the same two.
const INVOKE: &[&str] = &["bedrock:InvokeModel", "bedrock:InvokeModelWithResponseStream"];

/// A foundation model in one region. Both may be patterns.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct FoundationModel {
    pub partition: String,
    pub region: String,
    pub id: String,
}

impl FoundationModel {
    /// Takes an ARN apart: `arn:aws:bedrock:us-west-2::foundation-model/stability.sd3-5-large-v1:0`.
    pub fn parse(arn: &str) -> Option<Self> {
        let mut parts = arn.splitn(6, ':');
        let (scheme, partition, service) = (parts.next()?, parts.next()?, parts.next()?);
        let (region, _account, resource) = (parts.next()?, parts.next()?, parts.next()?);
        let id = resource.strip_prefix("foundation-model/").filter(|_| scheme == "arn" && service == "bedrock")?;
        Some(Self { partition: partition.to_owned(), region: region.to_owned(), id: id.to_owned() })
    }

    /// Writes the ARN.
    pub fn arn(&self) -> String {
        let Self { partition, region, id } = self;
        format!("arn:{partition}:bedrock:{region}::foundation-model/{id}")
    }

    /// Tells whether the region is a single known one: no wildcards, no value that is unknown as yet.
    pub fn has_region(&self) -> bool {
        is_plain(&self.region, "-")
    }

    /// Tells whether the id can be a model's id, or a pattern of ids. A value that is unknown as yet can be.
    pub fn has_id(&self) -> bool {
        self.id.contains('$') || is_plain(&self.id, "-.:/*?")
    }

    /// Tells whether this is a single model in a single region, so that Bedrock can be asked about it.
    pub fn is_one(&self) -> bool {
        self.has_region() && is_plain(&self.id, "-.:")
    }
}

/// How long Bedrock serves a model.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Lifecycle {
    /// Bedrock is retiring the model: new customers may no longer use it.
    pub is_legacy: bool,
    /// From this time on, every call fails.
    pub ends: Option<DateTime>,
    /// From this time on, a legacy model costs more.
    pub dearer: Option<DateTime>,
}

impl Aws {
    /// Asks Bedrock in the model's region how long it serves the model. `None` if it does not offer the model. If a
    /// local AWS without its own stand-in for Bedrock says so, that answer is an error instead.
    ///
    /// # Errors
    /// The refusal of GetFoundationModel, or `Transport` when nothing answers.
    pub async fn lifecycle(&self, model: &FoundationModel) -> Result<Option<Lifecycle>, AwsError> {
        // Only a doubt depends on the answer, so an unavailable service is not waited for.
        let there = Builder::new()
            .region(Region::new(model.region.clone()))
            .retry_config(RetryConfig::standard().with_max_attempts(2));
        let call = self.clients.bedrock.get_foundation_model().model_identifier(&model.id);
        let absent = if self.clients.has_bedrock { ABSENT } else { &[] };
        let found = self.find(OPERATION, absent, call.customize().config_override(there).send()).await?;
        let Some(answer) = found else { return Ok(None) };
        let details = answer.model_details.ok_or_else(|| AwsError::missing(OPERATION, "modelDetails"))?;
        let said = details.model_lifecycle.map(|life| Lifecycle {
            is_legacy: life.status == FoundationModelLifecycleStatus::Legacy,
            ends: life.end_of_life_time,
            dearer: life.public_extended_access_time,
        });
        Ok(Some(said.unwrap_or_default()))
    }
}

/// Tells whether a text consists only of letters, digits and these marks.
fn is_plain(text: &str, marks: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || marks.contains(c))
}

/// Lists the Bedrock resources that a policy document lets a role invoke, as the document writes them.
pub fn invocable_resources(document: &serde_json::Value) -> Vec<&str> {
    policy::allowed_on(document, INVOKE)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::played::{answering, json};

    fn core() -> FoundationModel {
        FoundationModel::parse("arn:aws:bedrock:us-west-2::foundation-model/stability.stable-image-core-v1:1")
            .expect("an ARN")
    }

    fn refusal(status: &str, code: &str) -> String {
        let body = "{\"message\":\"no\"}";
        let length = body.len();
        format!("{status}\r\nconnection: close\r\nx-amzn-errortype: {code}\r\ncontent-length: {length}\r\n\r\n{body}")
    }

    #[tokio::test]
    async fn the_life_of_a_model_is_read_as_bedrock_tells_it() {
        let life = "{\"status\":\"LEGACY\",\"endOfLifeTime\":\"2027-01-15T00:00:00Z\"}";
        let details =
            format!("{{\"modelDetails\":{{\"modelArn\":\"a\",\"modelId\":\"b\",\"modelLifecycle\":{life}}}}}");
        let mut aws = answering(&[&json(&details)]).await;
        std::sync::Arc::get_mut(&mut aws.clients).expect("alone").has_bedrock = true;
        let ends = Some(DateTime::from_secs(1_799_971_200));
        let expected = Lifecycle { is_legacy: true, ends, dearer: None };
        assert_eq!(aws.lifecycle(&core()).await.expect("an answer"), Some(expected));
        assert_eq!(aws.calls_made(), [OPERATION]);
    }

    #[tokio::test]
    async fn only_bedrock_itself_is_believed_that_a_model_is_not_there() {
        for (status, code) in
            [("404 Not Found", "ResourceNotFoundException"), ("400 Bad Request", "ValidationException")]
        {
            let mut aws = answering(&[&refusal(status, code), &refusal(status, code)]).await;
            let error = aws.lifecycle(&core()).await.expect_err("an emulator");
            assert_eq!(error.code(), code);
            std::sync::Arc::get_mut(&mut aws.clients).expect("alone").has_bedrock = true;
            assert_eq!(aws.lifecycle(&core()).await.expect("an answer"), None);
        }
    }

    #[tokio::test]
    async fn an_answer_without_a_model_is_no_answer() {
        let mut aws = answering(&[&json("{}")]).await;
        std::sync::Arc::get_mut(&mut aws.clients).expect("alone").has_bedrock = true;
        assert!(matches!(aws.lifecycle(&core()).await, Err(AwsError::Shape { .. })));
    }

    #[test]
    fn a_model_is_one_where_neither_region_nor_id_is_a_pattern() {
        let one = |arn: &str| FoundationModel::parse(arn).map(|model| model.is_one());
        let arn = "arn:aws:bedrock:us-west-2::foundation-model/stability.sd3-5-large-v1:0";
        assert_eq!(one(arn), Some(true));
        assert_eq!(FoundationModel::parse(arn).map(|model| model.arn()).as_deref(), Some(arn));
        for pattern in ["us-*::foundation-model/a.b", "us-west-2::foundation-model/*", "::foundation-model/a.b"] {
            assert_eq!(one(&format!("arn:aws:bedrock:{pattern}")), Some(false), "{pattern}");
        }
        assert_eq!(one("arn:aws:bedrock:${aws.region}::foundation-model/a.b"), Some(false));
        for other in ["*", "arn:aws:bedrock:us-west-2:1:inference-profile/us.a.b", "arn:aws:s3:::foundation-model/a"] {
            assert_eq!(one(other), None, "{other}");
        }
    }
}
