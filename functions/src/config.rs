//! What the environment asks for.

use crate::log::Level;
use crate::model::{Family, ModelSettings, Quality};
use std::fmt::Display;
use std::str::FromStr;
use thiserror::Error;

/// Holds the settings of a function; `docs/functions.md` lists the variables behind them.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    pub bucket: String,
    /// What keys start with, without a slash at its end; may be empty.
    pub prefix: String,
    /// The bucket's region, when it is known.
    pub bucket_region: Option<String>,
    pub model: ModelSettings,
    pub model_region: String,
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
    pub fn read(get: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let mut reader = Reader { get, findings: Vec::new() };
        let model_id = reader.required("MODEL_ID");
        let family = Family::of(&model_id);
        if family.is_none() && !model_id.is_empty() {
            let finding = format!(
                "MODEL_ID {model_id:?} is of no known family: stability.…, amazon.titan-image-…, amazon.nova-canvas-…"
            );
            reader.findings.push(finding);
        }
        let settings = Self {
            bucket: reader.required("BUCKET"),
            prefix: reader.optional("PREFIX").unwrap_or_default().trim_matches('/').to_owned(),
            bucket_region: reader.optional("BUCKET_REGION").or_else(|| reader.optional("AWS_REGION")),
            model: ModelSettings {
                id: model_id,
                family: family.unwrap_or(Family::Stability),
                width: reader.number("IMAGE_WIDTH", 1024, 64, 4096),
                height: reader.number("IMAGE_HEIGHT", 1024, 64, 4096),
                cfg_scale: reader.number("CFG_SCALE", 8.0, 1.1, 10.0),
                quality: reader.quality(),
            },
            model_region: reader.required("MODEL_REGION"),
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

struct Reader<G> {
    get: G,
    findings: Vec<String>,
}

impl<G: Fn(&str) -> Option<String>> Reader<G> {
    fn optional(&self, name: &str) -> Option<String> {
        (self.get)(name).filter(|value| !value.trim().is_empty())
    }

    fn required(&mut self, name: &str) -> String {
        self.optional(name).unwrap_or_else(|| {
            self.findings.push(format!("{name} is not set"));
            String::new()
        })
    }

    fn number<T>(&mut self, name: &str, default: T, least: T, most: T) -> T
    where
        T: FromStr + PartialOrd + Display + Copy,
    {
        let Some(text) = self.optional(name) else {
            return default;
        };
        match text.trim().parse::<T>() {
            Ok(value) if value >= least && value <= most => value,
            _ => {
                self.findings.push(format!("{name} {text:?} is no number in {least}..={most}"));
                default
            }
        }
    }

    fn quality(&mut self) -> Quality {
        match self.optional("QUALITY").as_deref() {
            None | Some("standard") => Quality::Standard,
            Some("premium") => Quality::Premium,
            Some(other) => {
                self.findings.push(format!("QUALITY {other:?} is neither standard nor premium"));
                Quality::Standard
            }
        }
    }
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

    #[test]
    fn three_variables_suffice() {
        let settings = read(&LEAST).unwrap();
        assert_eq!(settings.model.family, Family::Stability);
        assert_eq!((settings.model.width, settings.model.height), (1024, 1024));
        assert_eq!(settings.model.cfg_scale, 8.0);
        assert_eq!(settings.model.quality, Quality::Standard);
        assert_eq!(settings.prefix, "");
        assert_eq!(settings.bucket_region, None);
        assert!(!settings.path_style);
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
        assert_eq!(settings.model.family, Family::Titan);
        assert_eq!((settings.model.width, settings.model.height), (512, 768));
        assert_eq!(settings.model.cfg_scale, 6.5);
        assert_eq!(settings.model.quality, Quality::Premium);
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
}
