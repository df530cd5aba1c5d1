//! What the environment asks for.

mod reader;

use crate::log::Level;
use crate::model::{Family, ModelSettings, Quality};
use reader::{Reader, shown};
use std::time::Duration;
use thiserror::Error;

/// What an API gateway waits for an answer when nothing else is said: 29 s less what the answer needs on its way.
const GATEWAY_LIMIT: Duration = Duration::from_millis(28_500);
const URL_TTL_S: u64 = 600;
/// The longest a presigned URL may hold: seven days.
const MAX_URL_TTL_S: u64 = 604_800;

/// Holds the settings of a function; `docs/functions.md` lists the variables behind them.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    pub bucket: String,
    /// What keys start with, without a slash at its end; may be empty.
    pub prefix: String,
    /// Where the queue's function keeps its pictures and records; [`Settings::prefix`] unless stated.
    pub pictures_prefix: String,
    /// The bucket's region, when it is known.
    pub bucket_region: Option<String>,
    /// The models in order of preference, at least one.
    pub models: Vec<ModelSettings>,
    pub model_region: String,
    /// The longest one call to a model may take; the function has its own default.
    pub model_timeout: Option<Duration>,
    /// Where prompts for the queue's function are sent.
    pub queue_url: Option<String>,
    /// The most pictures a day; 0 stops drawing.
    pub daily_limit: Option<u32>,
    /// The origins whose pages may read an answer: `*`, or origins such as `https://example.com`.
    pub cors_origins: Vec<String>,
    /// The longest an API gateway waits for an answer.
    pub gateway_limit: Duration,
    /// How long the URL of a picture holds.
    pub url_ttl: Duration,
    /// Whether S3 is reached at an endpoint of the environment's choosing, which seldom has a host name a bucket.
    pub path_style: bool,
    pub least_level: Level,
}

/// Says which variables are missing or wrong, all of them at once.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("the environment is not complete: {}", .0.join("; "))]
pub struct ConfigError(pub Vec<String>);

impl Settings {
    /// Reads the settings through `get`, which returns the value of a variable.
    ///
    /// A value that could hold a secret (an URL) is not repeated in a finding.
    pub fn read(get: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let mut reader = Reader::new(get);
        let prefix = prefix(&mut reader, "PREFIX").unwrap_or_default();
        let settings = Self {
            bucket: reader.required("BUCKET"),
            pictures_prefix: self::prefix(&mut reader, "PICTURES_PREFIX").unwrap_or_else(|| prefix.clone()),
            prefix,
            bucket_region: reader.optional("BUCKET_REGION").or_else(|| reader.optional("AWS_REGION")),
            models: models(&mut reader),
            model_region: reader.required("MODEL_REGION"),
            model_timeout: reader.seconds("MODEL_TIMEOUT", 1.0, 900.0),
            queue_url: queue_url(&mut reader),
            daily_limit: reader.number("MAX_PICTURES_PER_DAY", 0, 10_000_000),
            cors_origins: cors_origins(&mut reader),
            gateway_limit: reader.seconds("GATEWAY_TIMEOUT", 1.0, 300.0).unwrap_or(GATEWAY_LIMIT),
            url_ttl: Duration::from_secs(reader.number("URL_TTL", 1, MAX_URL_TTL_S).unwrap_or(URL_TTL_S)),
            path_style: reader.optional("AWS_ENDPOINT_URL_S3").is_some()
                || reader.optional("AWS_ENDPOINT_URL").is_some(),
            least_level: Level::parse(reader.optional("AWS_LAMBDA_LOG_LEVEL").as_deref()),
        };
        match reader.findings.is_empty() {
            true => Ok(settings),
            false => Err(ConfigError(reader.findings)),
        }
    }
}

/// Reads the models of `MODEL_ID`, in order of preference, and what is asked of each of them.
fn models<G: Fn(&str) -> Option<String>>(reader: &mut Reader<G>) -> Vec<ModelSettings> {
    let ids = reader.list("MODEL_ID");
    if ids.is_empty() {
        reader.findings.push("MODEL_ID is not set".to_owned());
    }
    let width = reader.number("IMAGE_WIDTH", 64, 4096).unwrap_or(1024);
    let height = reader.number("IMAGE_HEIGHT", 64, 4096).unwrap_or(1024);
    let cfg_scale = reader.number("CFG_SCALE", 1.1, 10.0).unwrap_or(8.0);
    let qualities = [("standard", Quality::Standard), ("premium", Quality::Premium)];
    let quality = reader.choice("QUALITY", &qualities).unwrap_or(Quality::Standard);
    let mut models = Vec::new();
    for id in ids {
        match Family::of(&id) {
            Some(family) => models.push(ModelSettings { id, family, width, height, cfg_scale, quality }),
            None => reader.findings.push(format!(
                "MODEL_ID {} is of no known family: stability.…, amazon.titan-image-…, amazon.nova-canvas-…",
                shown(&id)
            )),
        }
    }
    models
}

/// Reads what keys start with. S3 takes keys of at most 1,024 bytes, of which the file's name needs some.
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

fn queue_url<G: Fn(&str) -> Option<String>>(reader: &mut Reader<G>) -> Option<String> {
    let url = reader.optional("QUEUE_URL")?;
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    let fits = rest.and_then(|rest| rest.split_once('/')).is_some_and(|(host, path)| {
        !host.is_empty()
            && !path.trim_matches('/').is_empty()
            && rest.is_some_and(|rest| rest.bytes().all(|b| b.is_ascii_graphic() && !b"@?#".contains(&b)))
    });
    if !fits {
        let finding = "QUEUE_URL is no queue's URL, such as https://sqs.eu-west-1.amazonaws.com/123456789012/NAME";
        reader.findings.push(finding.to_owned());
    }
    Some(url)
}

/// Reads `CORS_ORIGINS`. A browser compares origins as texts: no path, no slash at the end, lower case.
fn cors_origins<G: Fn(&str) -> Option<String>>(reader: &mut Reader<G>) -> Vec<String> {
    let origins = reader.list("CORS_ORIGINS");
    if origins.len() > 1 && origins.iter().any(|origin| origin == "*") {
        reader.findings.push("CORS_ORIGINS has `*` beside origins: `*` stands for all of them".to_owned());
    }
    for origin in origins.iter().filter(|origin| *origin != "*" && !is_origin(origin)) {
        let finding = format!("CORS_ORIGINS {} is neither `*` nor an origin like https://example.com", shown(origin));
        reader.findings.push(finding);
    }
    origins
}

fn is_origin(text: &str) -> bool {
    let Some(authority) = text.strip_prefix("https://") else {
        return false;
    };
    let (host, port) = authority.split_once(':').unwrap_or((authority, "0"));
    let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-.".contains(&byte);
    !host.is_empty() && host.bytes().all(fits) && port.parse::<u16>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(&str, &str)]) -> Result<Settings, ConfigError> {
        Settings::read(|name| {
            let found = pairs.iter().find(|(key, _)| *key == name);
            found.map(|(_, value)| (*value).to_owned())
        })
    }

    const LEAST: [(&str, &str); 3] =
        [("BUCKET", "images"), ("MODEL_ID", "stability.stable-image-core-v1:1"), ("MODEL_REGION", "us-west-2")];

    /// Reads the least environment with `pairs` beside it or in place of it.
    fn read_with(pairs: &[(&str, &str)]) -> Result<Settings, ConfigError> {
        read(&[pairs, &LEAST[..]].concat())
    }

    #[test]
    fn three_variables_suffice() {
        let settings = read(&LEAST).unwrap();
        assert_eq!(settings.models[0].family, Family::Stability);
        assert_eq!((settings.models[0].width, settings.models[0].height), (1024, 1024));
        assert_eq!(settings.models[0].cfg_scale, 8.0);
        assert_eq!(settings.models[0].quality, Quality::Standard);
        assert_eq!(settings.prefix, "");
        assert_eq!(settings.bucket_region, None);
        assert!(!settings.path_style);
        assert_eq!(settings.pictures_prefix, "");
        assert_eq!((settings.model_timeout, settings.queue_url, settings.daily_limit), (None, None, None));
        assert!(settings.cors_origins.is_empty());
        assert_eq!(settings.gateway_limit, Duration::from_millis(28_500));
        assert_eq!(settings.url_ttl, Duration::from_secs(600));
    }

    #[test]
    fn every_variable_is_heard() {
        let settings = read(&[
            ("BUCKET", "images"),
            ("PREFIX", "32/generated_images/"),
            ("BUCKET_REGION", "eu-north-1"),
            ("AWS_REGION", "eu-west-1"),
            ("MODEL_ID", "amazon.titan-image-generator-v1"),
            ("MODEL_REGION", "us-east-1"),
            ("IMAGE_WIDTH", "512"),
            ("IMAGE_HEIGHT", "768"),
            ("CFG_SCALE", "6.5"),
            ("QUALITY", "premium"),
            ("AWS_ENDPOINT_URL", "http://127.0.0.1:4566"),
            ("AWS_LAMBDA_LOG_LEVEL", "ERROR"),
        ])
        .unwrap();
        assert_eq!(settings.prefix, "32/generated_images");
        assert_eq!(settings.bucket_region.as_deref(), Some("eu-north-1"));
        assert_eq!(settings.models[0].family, Family::Titan);
        assert_eq!((settings.models[0].width, settings.models[0].height), (512, 768));
        assert_eq!(settings.models[0].cfg_scale, 6.5);
        assert_eq!(settings.models[0].quality, Quality::Premium);
        assert_eq!(settings.model_region, "us-east-1");
        assert!(settings.path_style);
        assert_eq!(settings.least_level, Level::Error);
    }

    #[test]
    fn all_that_is_missing_or_wrong_is_said_at_once() {
        let ConfigError(findings) = read(&[
            ("BUCKET", " "),
            ("MODEL_ID", "meta.llama"),
            ("IMAGE_WIDTH", "wide"),
            ("CFG_SCALE", "NaN"),
            ("QUALITY", "best"),
        ])
        .unwrap_err();
        let all = findings.join("\n");
        for name in ["BUCKET", "MODEL_ID", "MODEL_REGION", "IMAGE_WIDTH", "CFG_SCALE", "QUALITY"] {
            assert!(all.contains(name), "{name} in {all}");
        }
        assert_eq!(findings.len(), 6);
    }

    #[test]
    fn models_come_in_the_order_of_preference() {
        let ids = "stability.stable-image-core-v1:1 , stability.stable-image-ultra-v1:1";
        let settings = read_with(&[("MODEL_ID", ids)]).unwrap();
        let ids: Vec<_> = settings.models.iter().map(|model| model.id.as_str()).collect();
        assert_eq!(ids, ["stability.stable-image-core-v1:1", "stability.stable-image-ultra-v1:1"]);
        assert!(read_with(&[("MODEL_ID", "stability.stable-image-core-v1:1,")]).is_err());
        assert!(read_with(&[("MODEL_ID", ",")]).is_err());
    }

    #[test]
    fn limits_and_addresses_are_heard() {
        let settings = read_with(&[
            ("PREFIX", "32/generated_images"),
            ("PICTURES_PREFIX", "/32/pictures/"),
            ("MODEL_TIMEOUT", "14.5"),
            ("QUEUE_URL", "https://sqs.eu-west-1.amazonaws.com/123456789012/image-requests-32"),
            ("MAX_PICTURES_PER_DAY", "200"),
            ("CORS_ORIGINS", "https://example.com, https://app.example.com:8443"),
            ("GATEWAY_TIMEOUT", "60"),
            ("URL_TTL", "604800"),
        ])
        .unwrap();
        assert_eq!(
            (settings.prefix.as_str(), settings.pictures_prefix.as_str()),
            ("32/generated_images", "32/pictures")
        );
        assert_eq!(settings.model_timeout, Some(Duration::from_millis(14_500)));
        assert!(settings.queue_url.unwrap().ends_with("image-requests-32"));
        assert_eq!(settings.daily_limit, Some(200));
        assert_eq!(settings.cors_origins, ["https://example.com", "https://app.example.com:8443"]);
        assert_eq!(settings.gateway_limit, Duration::from_secs(60));
        assert_eq!(settings.url_ttl, Duration::from_secs(604_800));
    }

    #[test]
    fn the_queues_pictures_lie_at_the_prefix_unless_stated() {
        let settings = read_with(&[("PREFIX", "32/generated_images/")]).unwrap();
        assert_eq!(settings.pictures_prefix, "32/generated_images");
    }

    #[test]
    fn limits_that_cannot_work_are_refused() {
        for (name, value) in [
            ("MODEL_TIMEOUT", "0"),
            ("MODEL_TIMEOUT", "inf"),
            ("GATEWAY_TIMEOUT", "301"),
            ("GATEWAY_TIMEOUT", "NaN"),
            ("URL_TTL", "0"),
            ("URL_TTL", "604801"),
            ("MAX_PICTURES_PER_DAY", "-1"),
            ("MAX_PICTURES_PER_DAY", "many"),
            ("CORS_ORIGINS", "*,https://example.com"),
            ("CORS_ORIGINS", "https://example.com/"),
            ("CORS_ORIGINS", "http://example.com"),
            ("CORS_ORIGINS", "example.com"),
            ("CORS_ORIGINS", "https://Example.com"),
            ("CORS_ORIGINS", "https://example.com:99999"),
            ("CORS_ORIGINS", "https://a.example.com https://b.example.com"),
        ] {
            let ConfigError(findings) = read_with(&[(name, value)]).unwrap_err();
            assert_eq!(findings.len(), 1, "{findings:?}");
            assert!(findings[0].contains(name), "{findings:?}");
        }
        assert_eq!(read_with(&[("CORS_ORIGINS", "*")]).unwrap().cors_origins, ["*"]);
    }

    #[test]
    fn a_queues_url_is_never_repeated_in_a_finding() {
        for url in
            ["https://user:s3cret@sqs.example.com/1/q", "s3cret", "https://sqs.example.com/q?s3cret", "https:///s3cret"]
        {
            let ConfigError(findings) = read_with(&[("QUEUE_URL", url)]).unwrap_err();
            let all = findings.join("\n");
            assert!(all.contains("QUEUE_URL") && !all.contains("s3cret"), "{all}");
        }
    }
}
