//! The settings of a process that receives messages itself.

use super::reader::Reader;
use super::{ConfigError, Settings};
use std::time::Duration;

const CONCURRENCY: usize = 5;
const VISIBILITY_S: u64 = 120;
const MESSAGE_TIMEOUT: Duration = Duration::from_secs(110);
const STOP_GRACE: Duration = Duration::from_secs(25);

/// The settings of `image-worker-poll` besides those of the functions; `docs/worker.md` lists the variables.
#[derive(Clone, Debug, PartialEq)]
pub struct Polling {
    pub queue_url: String,
    /// The most messages that are processed at the same time.
    pub concurrency: usize,
    /// How long a message is hidden from other receivers. The time is extended while the message is processed.
    pub visibility: Duration,
    /// The longest time to process one message.
    pub message_timeout: Duration,
    /// How long messages in progress may continue after the process was asked to end.
    pub stop_grace: Duration,
}

impl Polling {
    /// Reads the settings of the functions and those of the worker through `get`. `Err` names the findings of both.
    pub fn read(get: impl Fn(&str) -> Option<String>) -> Result<(Settings, Self), ConfigError> {
        let mut reader = Reader::new(get);
        let settings = Settings::take(&mut reader);
        if settings.queue_url.is_none() {
            reader.findings.push("QUEUE_URL is not set".to_owned());
        }
        // Lambda sets the variable, `docker run` does not.
        if settings.bucket_region.is_none() && reader.optional("AWS_DEFAULT_REGION").is_none() {
            reader.findings.push("AWS_REGION is not set".to_owned());
        }
        let visibility_s = reader.number("VISIBILITY_TIMEOUT", 3, 43_200).unwrap_or(VISIBILITY_S);
        let polling = Self {
            queue_url: settings.queue_url.clone().unwrap_or_default(),
            concurrency: reader.number("CONCURRENCY", 1, 100).unwrap_or(CONCURRENCY),
            visibility: Duration::from_secs(visibility_s),
            message_timeout: reader.seconds("MESSAGE_TIMEOUT", 1.0, 900.0).unwrap_or(MESSAGE_TIMEOUT),
            stop_grace: reader.seconds("STOP_GRACE", 0.0, 3_600.0).unwrap_or(STOP_GRACE),
        };
        reader.finish((settings, polling))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const URL: &str = "https://sqs.eu-west-1.amazonaws.com/123456789012/name";

    fn read(variables: &[(&str, &str)]) -> Result<(Settings, Polling), ConfigError> {
        Polling::read(|name| variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned()))
    }

    #[test]
    fn without_more_than_the_queue_the_defaults_hold() {
        let variables = [
            ("QUEUE_URL", URL),
            ("BUCKET", "images"),
            ("MODEL_ID", "stability.stable-image-core-v1:1"),
            ("MODEL_REGION", "us-west-2"),
            ("AWS_REGION", "eu-north-1"),
        ];
        let (settings, polling) = read(&variables).unwrap();
        let expected = Polling {
            queue_url: URL.to_owned(),
            concurrency: 5,
            visibility: Duration::from_secs(120),
            message_timeout: Duration::from_secs(110),
            stop_grace: Duration::from_secs(25),
        };
        assert_eq!(polling, expected);
        assert_eq!(settings.queue_region.as_deref(), Some("eu-west-1"));
    }

    #[test]
    fn one_line_names_every_gap() {
        let ConfigError(findings) = read(&[("CONCURRENCY", "0"), ("STOP_GRACE", "soon")]).unwrap_err();
        for name in ["BUCKET", "MODEL_ID", "MODEL_REGION", "QUEUE_URL", "AWS_REGION", "CONCURRENCY", "STOP_GRACE"] {
            let named = findings.iter().filter(|finding| finding.starts_with(&format!("{name} "))).count();
            assert_eq!(named, 1, "{name}: {findings:?}");
        }
    }
}
