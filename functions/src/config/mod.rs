//! The settings in the environment.

mod models;
mod places;
mod polling;
mod reader;

pub use polling::Polling;

use crate::log::Level;
use crate::model::ModelSettings;
use reader::{Reader, shown};
use std::time::Duration;
use thiserror::Error;

/// How long an API gateway waits for an answer by default: 29 s, less the time that the answer needs on its way.
const GATEWAY_LIMIT: Duration = Duration::from_millis(28_500);
const URL_TTL_S: u64 = 600;
/// The longest validity of a presigned URL: seven days.
const MAX_URL_TTL_S: u64 = 604_800;

/// The settings of a function; `docs/functions.md` lists their variables.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    pub bucket: String,
    /// The account that owns the bucket, if it is stated.
    pub bucket_owner: Option<String>,
    /// The beginning of keys, without a slash at its end; may be empty.
    pub prefix: String,
    /// The beginning of the keys of the queue function's pictures and records. Default: [`Settings::prefix`].
    pub pictures_prefix: String,
    /// The bucket's region, if it is known.
    pub bucket_region: Option<String>,
    /// The models in order of preference, at least one.
    pub models: Vec<ModelSettings>,
    pub model_region: String,
    /// The longest one call to a model may take; the function has its own default.
    pub model_timeout: Option<Duration>,
    /// The queue that receives prompts for the queue's function.
    pub queue_url: Option<String>,
    /// The region in the queue's URL, else the function's.
    pub queue_region: Option<String>,
    /// The most pictures a day; 0 switches drawing off.
    pub daily_limit: Option<u32>,
    /// The origins whose pages may read an answer: `*`, or origins such as `https://example.com`.
    pub cors_origins: Vec<String>,
    /// How long an API gateway waits for an answer.
    pub gateway_limit: Duration,
    /// How long the URL of a picture is valid.
    pub url_ttl: Duration,
    /// Whether the environment sets an endpoint for S3, which seldom has a host name for each bucket.
    pub path_style: bool,
    pub least_level: Level,
    /// Doubts about the settings, for the log.
    pub warnings: Vec<String>,
}

/// The missing and wrong variables, all of them at once.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("the environment is incomplete or cannot work: {}", .0.join("; "))]
pub struct ConfigError(pub Vec<String>);

impl Settings {
    /// Reads the settings through `get`, which returns the value of a variable.
    ///
    /// A finding does not repeat a value that may contain a secret, such as a URL.
    pub fn read(get: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let mut reader = Reader::new(get);
        let settings = Self::take(&mut reader);
        reader.finish(settings)
    }

    fn take<G: Fn(&str) -> Option<String>>(reader: &mut Reader<G>) -> Self {
        let prefix = prefix(reader, "PREFIX").unwrap_or_default();
        let model_region = model_region(reader);
        let (models, warnings) = models::read(reader, &model_region);
        let queue_url = queue_url(reader);
        let own_region = reader.optional("AWS_REGION");
        check_endpoints(reader);
        Self {
            bucket: bucket(reader),
            bucket_owner: bucket_owner(reader),
            pictures_prefix: self::prefix(reader, "PICTURES_PREFIX").unwrap_or_else(|| prefix.clone()),
            prefix,
            bucket_region: region(reader, "BUCKET_REGION").or_else(|| own_region.clone()),
            models,
            model_region,
            model_timeout: reader.seconds("MODEL_TIMEOUT", 1.0, 900.0),
            queue_region: queue_url.as_deref().and_then(places::region_of_queue).or(own_region),
            queue_url,
            daily_limit: reader.number("MAX_PICTURES_PER_DAY", 0, 10_000_000),
            cors_origins: cors_origins(reader),
            gateway_limit: reader.seconds("GATEWAY_TIMEOUT", 1.0, 300.0).unwrap_or(GATEWAY_LIMIT),
            url_ttl: Duration::from_secs(reader.number("URL_TTL", 1, MAX_URL_TTL_S).unwrap_or(URL_TTL_S)),
            path_style: reader.optional("AWS_ENDPOINT_URL_S3").is_some()
                || reader.optional("AWS_ENDPOINT_URL").is_some(),
            least_level: Level::parse(reader.optional("AWS_LAMBDA_LOG_LEVEL").as_deref()),
            warnings,
        }
    }
}

fn bucket<G: Fn(&str) -> Option<String>>(reader: &mut Reader<G>) -> String {
    let bucket = reader.required("BUCKET");
    if let Some(why) = places::wrong_bucket(&bucket).filter(|_| !bucket.is_empty()) {
        reader.findings.push(format!("BUCKET {} {why}", shown(&bucket)));
    }
    bucket
}

/// Reads `BUCKET_OWNER`, the number of an account.
fn bucket_owner<G: Fn(&str) -> Option<String>>(reader: &mut Reader<G>) -> Option<String> {
    let owner = reader.optional("BUCKET_OWNER")?;
    if owner.len() != 12 || !owner.bytes().all(|byte| byte.is_ascii_digit()) {
        reader.findings.push(format!("BUCKET_OWNER {} is no account of AWS: twelve digits", shown(&owner)));
    }
    Some(owner)
}

fn model_region<G: Fn(&str) -> Option<String>>(reader: &mut Reader<G>) -> String {
    region(reader, "MODEL_REGION").unwrap_or_else(|| {
        reader.findings.push("MODEL_REGION is not set".to_owned());
        String::new()
    })
}

fn region<G: Fn(&str) -> Option<String>>(reader: &mut Reader<G>, name: &str) -> Option<String> {
    let region = reader.optional(name)?;
    if !places::is_region(&region) {
        reader.findings.push(format!("{name} {} is no region of AWS, such as us-west-2", shown(&region)));
    }
    Some(region)
}

/// Reads a prefix of keys. S3 accepts keys of at most 1,024 bytes, some of which the file's name needs.
fn prefix<G: Fn(&str) -> Option<String>>(reader: &mut Reader<G>, name: &str) -> Option<String> {
    let prefix = reader.optional(name)?.trim_matches('/').to_owned();
    if prefix.len() > 900 {
        reader.findings.push(format!("{name} has {} bytes; 900 are the most", prefix.len()));
    }
    if prefix.chars().any(char::is_control) {
        reader.findings.push(format!("{name} {} has control characters", shown(&prefix)));
    }
    Some(prefix)
}

/// Reads `QUEUE_URL`. A finding does not repeat it: a URL may contain a password.
fn queue_url<G: Fn(&str) -> Option<String>>(reader: &mut Reader<G>) -> Option<String> {
    let url = reader.optional("QUEUE_URL")?;
    if !places::is_queue_url(&url) {
        let finding = "QUEUE_URL is no queue's URL, such as https://sqs.eu-west-1.amazonaws.com/123456789012/NAME";
        reader.findings.push(finding.to_owned());
    }
    Some(url)
}

/// Reports endpoints that are not URLs. A finding does not repeat them: a URL may contain a password.
fn check_endpoints<G: Fn(&str) -> Option<String>>(reader: &mut Reader<G>) {
    let names = ["", "_S3", "_BEDROCK_RUNTIME", "_SQS"].map(|service| format!("AWS_ENDPOINT_URL{service}"));
    for name in names {
        if reader.optional(&name).is_some_and(|url| !places::is_endpoint(&url)) {
            reader.findings.push(format!("{name} is no URL, such as https://localhost:4566"));
        }
    }
}

fn cors_origins<G: Fn(&str) -> Option<String>>(reader: &mut Reader<G>) -> Vec<String> {
    let origins = reader.list("CORS_ORIGINS");
    if origins.len() > 1 && origins.iter().any(|origin| origin == "*") {
        reader.findings.push("CORS_ORIGINS has `*` beside origins: `*` stands for all of them".to_owned());
    }
    for origin in origins.iter().filter(|origin| *origin != "*" && !places::is_origin(origin)) {
        let finding = format!("CORS_ORIGINS {} is neither `*` nor an origin like https://example.com", shown(origin));
        reader.findings.push(finding);
    }
    origins
}

#[cfg(test)]
mod tests;
