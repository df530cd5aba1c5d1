//! The queue's URL, and sending to the queue.

use crate::failure::Failure;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::provider::ProvideCredentials;
use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::MessageAttributeValue;
use aws_smithy_http_client::Builder;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use aws_smithy_types::timeout::TimeoutConfig;
use std::time::Duration;

/// The region of a queue whose URL names none, when the environment names none either.
const DEFAULT_REGION: &str = "eu-west-1";

/// A queue, and the way to reach it.
#[derive(Debug, PartialEq, Eq)]
pub struct QueueUrl {
    url: String,
    region: String,
    endpoint: Endpoint,
}

/// The endpoint for requests.
#[derive(Debug, PartialEq, Eq)]
enum Endpoint {
    /// The region's public endpoint.
    Aws,
    /// The endpoint of `AWS_ENDPOINT_URL` or `AWS_ENDPOINT_URL_SQS`, which the SDK reads itself.
    Environment(String),
    /// The queue URL's own scheme and authority: an endpoint of a VPC, a FIPS or dual-stack endpoint, or a host outside
    /// AWS.
    OfUrl(String),
}

impl QueueUrl {
    /// Reads `url`, and reads missing parts from the environment through `get`. `Err` names the mistake.
    pub fn parse(url: &str, get: impl Fn(&str) -> Option<String>) -> Result<Self, String> {
        let get = |name: &str| get(name).filter(|value| !value.trim().is_empty());
        let wrong = || {
            format!(
                "SQS_QUEUE_URL {url:?} is no queue's URL, such as https://sqs.eu-west-1.amazonaws.com/123456789012/name"
            )
        };
        let (scheme, rest) = url.split_once("://").ok_or_else(wrong)?;
        let (authority, path) = rest.split_once('/').ok_or_else(wrong)?;
        if !["http", "https"].contains(&scheme) || authority.is_empty() || path.is_empty() {
            return Err(wrong());
        }
        let host = authority.split(':').next().unwrap_or(authority).to_ascii_lowercase();
        let override_url = get("AWS_ENDPOINT_URL_SQS").or_else(|| get("AWS_ENDPOINT_URL"));
        Ok(Self {
            url: url.to_owned(),
            region: region_of(&host)
                .map(ToOwned::to_owned)
                .or_else(|| get("AWS_REGION"))
                .or_else(|| get("AWS_DEFAULT_REGION"))
                .unwrap_or_else(|| DEFAULT_REGION.to_owned()),
            endpoint: match override_url {
                Some(url) => Endpoint::Environment(url),
                None if is_public(&host) => Endpoint::Aws,
                None => Endpoint::OfUrl(format!("{scheme}://{authority}")),
            },
        })
    }

    /// Tells whether requests go over TLS.
    fn is_https(&self) -> bool {
        match &self.endpoint {
            Endpoint::Aws => true,
            Endpoint::Environment(url) | Endpoint::OfUrl(url) => url.starts_with("https://"),
        }
    }
}

/// Returns the region in the name of an SQS host: the part after `sqs` or `sqs-fips`, at any position, or the part
/// before `queue` in the hosts of before 2012. Emulators name their hosts in the same way.
/// <https://docs.aws.amazon.com/general/latest/gr/sqs-service.html>
fn region_of(host: &str) -> Option<&str> {
    if host == "queue.amazonaws.com" {
        return Some("us-east-1");
    }
    let labels: Vec<&str> = host.split('.').collect();
    labels.windows(2).find_map(|pair| match *pair {
        ["sqs" | "sqs-fips", region] | [region, "queue"] if is_region(region) => Some(region),
        _ => None,
    })
}

/// Tells whether a text has the form of a region's name: `eu-west-1`, `us-gov-west-1`.
fn is_region(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let number = parts.last().is_some_and(|last| last.bytes().all(|byte| byte.is_ascii_digit()));
    parts.len() > 2 && number && parts.iter().all(|part| !part.is_empty())
}

/// Tells whether a host is a region's public endpoint, or its name of before 2012, for which the endpoint answers.
fn is_public(host: &str) -> bool {
    let name = host.strip_suffix(".amazonaws.com").or_else(|| host.strip_suffix(".amazonaws.com.cn"));
    let region = name.and_then(|name| name.strip_prefix("sqs.").or_else(|| name.strip_suffix(".queue")));
    host == "queue.amazonaws.com" || region.is_some_and(is_region)
}

/// The content of a message.
#[derive(Clone, Copy, Debug)]
pub struct OutgoingMessage<'a> {
    /// The message's body.
    pub prompt: &'a str,
    /// The id by which the worker recognises the prompt in another message.
    pub picture_id: &'a str,
    pub correlation_id: &'a str,
}

/// Sends `message`, with its ids as attributes, and returns the message's id (SQS SendMessage).
///
/// A message whose answer is lost is sent again, and a message that is moved back from the dead-letter queue gets a new
/// id. The attributes stay the same, so the worker draws the prompt once.
pub async fn send(queue: &QueueUrl, message: OutgoingMessage<'_>) -> Result<String, Failure> {
    if queue.is_https() && rustls_native_certs::load_native_certs().certs.is_empty() {
        return Err(Failure::NoRoots);
    }
    let config = config(queue).await;
    // The credentials are requested separately, because a failure then has its own message instead of one from sending.
    match config.credentials_provider() {
        Some(provider) => provider.provide_credentials().await.map(drop)?,
        None => return Err(Failure::NoCredentials(None)),
    }
    let mut builder = aws_sdk_sqs::config::Builder::from(&config);
    if let Endpoint::OfUrl(url) = &queue.endpoint {
        builder = builder.endpoint_url(url);
    }
    let sent = Client::from_conf(builder.build())
        .send_message()
        .queue_url(&queue.url)
        .message_body(message.prompt)
        .message_attributes("picture_id", attribute(message.picture_id)?)
        .message_attributes("correlation_id", attribute(message.correlation_id)?)
        .send()
        .await?;
    Ok(sent.message_id.unwrap_or_default())
}

fn attribute(value: &str) -> Result<MessageAttributeValue, Failure> {
    let attribute = MessageAttributeValue::builder().data_type("String").string_value(value).build();
    attribute.map_err(|error| Failure::Aws(error.to_string()))
}

/// Loads the configuration: credentials by the SDK's default chain, three attempts, 20 s at most each.
async fn config(queue: &QueueUrl) -> SdkConfig {
    let http = Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https();
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(5))
        .operation_attempt_timeout(Duration::from_secs(20))
        .build();
    aws_config::defaults(BehaviorVersion::v2026_01_12())
        .http_client(http)
        .region(Region::new(queue.region.clone()))
        .timeout_config(timeouts)
        .load()
        .await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(url: &str, pairs: &[(&str, &str)]) -> Result<QueueUrl, String> {
        QueueUrl::parse(url, |name| {
            let found = pairs.iter().find(|(key, _)| *key == name);
            found.map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn the_url_of_a_queue_on_aws_names_its_region() {
        for (url, region) in [
            ("https://sqs.eu-west-1.amazonaws.com/000000000000/q", "eu-west-1"),
            ("https://SQS.EU-WEST-1.amazonaws.com/000000000000/q", "eu-west-1"),
            ("https://sqs.us-gov-west-1.amazonaws.com/000000000000/q", "us-gov-west-1"),
            ("https://sqs.cn-north-1.amazonaws.com.cn/000000000000/q", "cn-north-1"),
            ("https://us-east-2.queue.amazonaws.com/000000000000/q", "us-east-2"),
            ("https://cn-north-1.queue.amazonaws.com.cn/000000000000/q", "cn-north-1"),
            ("https://queue.amazonaws.com/000000000000/q", "us-east-1"),
        ] {
            let queue = parse(url, &[("AWS_REGION", "ap-south-1")]).unwrap();
            assert_eq!(queue.region, region, "{url}");
            assert_eq!(queue.endpoint, Endpoint::Aws, "{url}");
            assert!(queue.is_https());
        }
    }

    #[test]
    fn requests_go_to_the_queue_urls_host_where_that_is_not_the_public_endpoint() {
        for (host, region) in [
            ("sqs-fips.us-east-1.amazonaws.com", "us-east-1"),
            ("sqs-fips.us-east-1.api.aws", "us-east-1"),
            ("sqs.us-east-1.api.aws", "us-east-1"),
            ("sqs.cn-north-1.api.amazonwebservices.com.cn", "cn-north-1"),
            ("vpce-0a1b-c2d3.sqs.us-east-1.vpce.amazonaws.com", "us-east-1"),
            ("vpce-0a1b-c2d3-us-east-1a.sqs.us-east-1.vpce.amazonaws.com", "us-east-1"),
            ("vpce-0a1b-c2d3.sqs.cn-north-1.vpce.amazonaws.com.cn", "cn-north-1"),
            ("sqs.us-iso-east-1.c2s.ic.gov", "us-iso-east-1"),
            ("sqs.eu-north-1.localhost.localstack.cloud:4566", "eu-north-1"),
            ("sqs.amazonaws.com", "ap-south-1"),
            ("sqs.eu-west-1.amazonaws.com.example.com", "eu-west-1"),
        ] {
            let queue = parse(&format!("https://{host}/000000000000/q"), &[("AWS_REGION", "ap-south-1")]).unwrap();
            assert_eq!(queue.region, region, "{host}");
            assert_eq!(queue.endpoint, Endpoint::OfUrl(format!("https://{host}")));
        }
    }

    #[test]
    fn the_url_of_another_host_is_its_own_endpoint() {
        let queue = parse("http://localhost:4566/000000000000/q", &[]).unwrap();
        assert_eq!(queue.region, DEFAULT_REGION);
        assert_eq!(queue.endpoint, Endpoint::OfUrl("http://localhost:4566".into()));
        assert!(!queue.is_https());
        let pairs = [("AWS_REGION", "us-east-1")];
        let queue = parse("http://localhost:4566/000000000000/q", &pairs).unwrap();
        assert_eq!(queue.region, "us-east-1");
    }

    #[test]
    fn an_endpoint_of_the_environment_wins() {
        let pairs = [("AWS_ENDPOINT_URL", "http://127.0.0.1:1")];
        for url in ["https://sqs.eu-west-1.amazonaws.com/000000000000/q", "http://localhost:4566/000000000000/q"] {
            let queue = parse(url, &pairs).unwrap();
            let expected = Endpoint::Environment("http://127.0.0.1:1".into());
            assert_eq!(queue.endpoint, expected);
            assert!(!queue.is_https());
        }
    }

    #[test]
    fn what_is_no_url_is_said_to_be_none() {
        for url in ["q", "arn:aws:sqs:eu-west-1:0:q", "ftp://host/q", "https://host", "https:///q"] {
            assert!(parse(url, &[]).unwrap_err().contains("SQS_QUEUE_URL"), "{url}");
        }
    }
}
