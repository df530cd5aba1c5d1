//! The key behind an alias: the only question to KMS.

use serde_json::{Value, json};

use super::signed::{SignedAnswer, SignedRequest};
use super::{Aws, AwsError, ServiceError};

const OPERATION: &str = "kms:DescribeKey";
const HEADERS: &[(&str, &str)] =
    &[("content-type", "application/x-amz-json-1.1"), ("x-amz-target", "TrentService.DescribeKey")];

impl Aws {
    /// Tells whether `named`, an ARN, an id or an alias, means the key with this ARN. Only an alias is asked for.
    ///
    /// # Errors
    /// The error that KMS answers. An alias that does not exist is no key's.
    pub(crate) async fn is_key(&self, named: &str, arn: &str) -> Result<bool, AwsError> {
        if named == arn || arn.rsplit('/').next() == Some(named) {
            return Ok(true);
        }
        let Some(alias) = named.find("alias/").map(|at| &named[at..]) else { return Ok(false) };
        // A local AWS may tell the alias instead of the key.
        if arn.ends_with(&format!(":{alias}")) {
            return Ok(true);
        }
        let key = self.run.remember(&format!("the key of {alias}"), self.key_of(alias)).await?;
        Ok(key.as_deref() == Some(arn))
    }

    /// Returns the ARN of the key behind an alias: DescribeKey. `None` if there is no such alias.
    async fn key_of(&self, alias: &str) -> Result<Option<String>, AwsError> {
        let body = json!({ "KeyId": alias }).to_string();
        let request = SignedRequest { service: "kms", headers: HEADERS, body };
        let SignedAnswer { status, body } = self.send_signed(OPERATION, request).await?;
        let answer: Value = serde_json::from_str(&body).unwrap_or_default();
        if status == 200 {
            return Ok(answer["KeyMetadata"]["Arn"].as_str().map(str::to_owned));
        }
        let code = answer["__type"].as_str().and_then(|code| code.rsplit('#').next()).unwrap_or_default();
        if code == "NotFoundException" {
            return Ok(None);
        }
        let message = answer["message"].as_str().or(answer["Message"].as_str()).unwrap_or_default();
        Err(AwsError::Service(Box::new(ServiceError {
            operation: OPERATION,
            code: code.to_owned(),
            message: message.to_owned(),
            status,
            request_id: None,
            retry_after_s: None,
            needed: None,
        })))
    }
}

#[cfg(test)]
mod tests {
    use crate::aws::played::{answering, answering_to};

    const KEY: &str = "arn:aws:kms:eu-west-1:123456789012:key/k-1";

    fn answer(status: &str, body: &str) -> String {
        format!("{status}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}", body.len())
    }

    #[tokio::test]
    async fn an_alias_means_the_key_that_kms_names_and_is_asked_for_once() {
        let body = format!(r#"{{"KeyMetadata": {{"Arn": "{KEY}"}}}}"#);
        let aws = answering_to(vec![(r#"{"KeyId":"alias/orders"}"#, answer("200 OK", &body).into_bytes())]).await;
        for named in ["alias/orders", "arn:aws:kms:eu-west-1:123456789012:alias/orders"] {
            assert!(aws.is_key(named, KEY).await.expect("an answer"), "{named}");
        }
        assert!(!aws.is_key("alias/orders", "arn:aws:kms:eu-west-1:123456789012:key/other").await.expect("an answer"));
        assert_eq!(aws.calls(), (1, 0));
    }

    #[tokio::test]
    async fn a_key_by_its_arn_or_id_needs_no_question_and_an_alias_without_a_key_is_none() {
        let gone = answer("400 Bad Request", r#"{"__type": "NotFoundException"}"#);
        let aws = answering(&[&gone]).await;
        assert!(aws.is_key(KEY, KEY).await.unwrap() && aws.is_key("k-1", KEY).await.unwrap());
        assert!(!aws.is_key("k-2", KEY).await.unwrap());
        assert_eq!(aws.calls(), (0, 0));
        assert!(!aws.is_key("alias/gone", KEY).await.unwrap());
    }
}
