//! Image models: the port, and what the families on Bedrock have in common.

mod bedrock;
mod stability;
mod titan;

pub use bedrock::Bedrock;

use crate::aws::AwsFailure;
use crate::picture::Picture;
use crate::prompt::Prompt;
use crate::retry::{Again, Retryable};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use std::borrow::Cow;
use std::future::Future;
use std::time::Duration;
use thiserror::Error;

/// Draws pictures.
pub trait ImageModel {
    /// Returns the most characters a prompt may have.
    fn prompt_limit(&self) -> usize;
    /// Returns the least and the greatest seed.
    fn seeds(&self) -> (u32, u32);
    /// Returns the model's id, for metadata and logs.
    fn id(&self) -> &str;
    /// Draws `prompt` once; the same seed gives the same picture.
    fn draw(&self, prompt: &Prompt, seed: u32) -> impl Future<Output = Result<Picture, ModelError>>;
}

/// Says why a model drew nothing.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ModelError {
    /// The content filter objects to the prompt or to what was drawn.
    #[error("the content filter refused: {0}")]
    Filtered(String),
    /// The model takes no such prompt.
    #[error("the model takes no such prompt: {0}")]
    Invalid(String),
    #[error("the model is being asked too often: {0}")]
    Throttled(AwsFailure),
    /// A fault on the way or in the service.
    #[error("the model cannot be reached: {0}")]
    Unavailable(AwsFailure),
    /// The model itself failed at this request.
    #[error("the model failed: {0}")]
    Faulty(String),
    /// The service refuses this function: access, model id, quota.
    #[error("the model refuses this function: {0}")]
    Refused(AwsFailure),
    /// The reply is no picture.
    #[error("the model's reply is no picture: {0}")]
    Unreadable(String),
    #[error("the model gave no answer for {} s", .0.as_secs())]
    Stalled(Duration),
}

impl ModelError {
    /// Returns whether the prompt itself is at fault, so that the same prompt can never succeed.
    pub fn is_permanent(&self) -> bool {
        matches!(self, Self::Filtered(_) | Self::Invalid(_))
    }
}

impl Retryable for ModelError {
    fn again(&self) -> Again {
        match self {
            Self::Throttled(_) => Again::Later,
            Self::Unavailable(_) | Self::Stalled(_) => Again::Soon,
            Self::Faulty(_) => Again::Once,
            Self::Filtered(_) | Self::Invalid(_) | Self::Refused(_) | Self::Unreadable(_) => Again::Never,
        }
    }

    fn stalled(limit: Duration) -> Self {
        Self::Stalled(limit)
    }
}

/// Groups the models by the shape of their requests and replies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    Stability,
    Titan,
    Nova,
}

/// Says how carefully Titan and Nova draw.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quality {
    Standard,
    Premium,
}

/// Holds what is asked of the model beside prompt and seed. Stability takes no size, quality or scale.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelSettings {
    pub id: String,
    pub family: Family,
    /// In pixels.
    pub width: u32,
    /// In pixels.
    pub height: u32,
    /// How closely the picture keeps to the prompt, 1.1 to 10.
    pub cfg_scale: f64,
    pub quality: Quality,
}

impl Family {
    /// Tells the family from a model id, an inference profile's id, or the ARN of either.
    pub fn of(model_id: &str) -> Option<Self> {
        let id = model_id.rsplit('/').next().unwrap_or(model_id);
        // An inference profile's id is the model's behind a region group: `us.`, `eu.`, `global.`.
        let names =
            |prefix: &str| id.starts_with(prefix) || id.split_once('.').is_some_and(|(_, r)| r.starts_with(prefix));
        if names("stability.") {
            Some(Self::Stability)
        } else if names("amazon.titan-image-") {
            Some(Self::Titan)
        } else if names("amazon.nova-canvas-") {
            Some(Self::Nova)
        } else {
            None
        }
    }

    /// Returns the most characters a prompt may have, as Bedrock documents it.
    pub fn prompt_limit(self) -> usize {
        match self {
            Self::Stability => 10_000,
            Self::Titan => 512,
            Self::Nova => 1_024,
        }
    }

    /// Returns the least and the greatest seed. Stability takes 0 for "choose one"; Nova's older limit holds everywhere.
    pub fn seeds(self) -> (u32, u32) {
        match self {
            Self::Stability => (1, 2_147_483_646),
            Self::Titan => (0, 2_147_483_646),
            Self::Nova => (0, 858_993_459),
        }
    }
}

impl ModelSettings {
    /// Returns the body of the InvokeModel request.
    fn request(&self, prompt: &Prompt, seed: u32) -> Vec<u8> {
        match self.family {
            Family::Stability => stability::request(prompt, seed),
            Family::Titan | Family::Nova => titan::request(self, prompt, seed),
        }
    }

    /// Reads the body of the InvokeModel reply.
    fn reply(&self, body: &[u8]) -> Result<Picture, ModelError> {
        match self.family {
            Family::Stability => stability::reply(body),
            Family::Titan | Family::Nova => titan::reply(body),
        }
    }
}

/// A text of the reply, borrowed from it where it has no escapes: a picture is megabytes of it.
#[derive(Deserialize)]
#[serde(transparent)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

/// Decodes the first of `images`.
fn decode(images: Option<Vec<Text<'_>>>) -> Result<Picture, ModelError> {
    let unreadable = |what: &str| ModelError::Unreadable(what.to_owned());
    let images = images.unwrap_or_default();
    let first = images.first().ok_or_else(|| unreadable("no image in it"))?;
    let bytes = STANDARD.decode(first.0.as_bytes()).map_err(|_| unreadable("the image is not base64"))?;
    Picture::from_png(bytes).ok_or_else(|| unreadable("the image is not a PNG"))
}

/// Parses the reply's JSON.
fn parse<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, ModelError> {
    serde_json::from_slice(body).map_err(|error| ModelError::Unreadable(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_are_told_from_ids_profiles_and_arns() {
        for (id, family) in [
            ("stability.stable-image-core-v1:1", Some(Family::Stability)),
            ("stability.sd3-5-large-v1:0", Some(Family::Stability)),
            ("amazon.titan-image-generator-v1", Some(Family::Titan)),
            ("amazon.nova-canvas-v1:0", Some(Family::Nova)),
            ("us.amazon.nova-canvas-v1:0", Some(Family::Nova)),
            ("arn:aws:bedrock:us-west-2::foundation-model/stability.stable-image-ultra-v1:1", Some(Family::Stability)),
            ("amazon.titan-text-express-v1", None),
            ("not-stability.core", None),
            ("", None),
        ] {
            assert_eq!(Family::of(id), family, "{id}");
        }
    }

    #[test]
    fn only_the_prompts_own_faults_are_permanent() {
        assert!(ModelError::Filtered(String::new()).is_permanent());
        assert!(ModelError::Invalid(String::new()).is_permanent());
        assert!(!ModelError::Unreadable(String::new()).is_permanent());
        assert!(!ModelError::Refused(AwsFailure::default()).is_permanent());
    }

    #[test]
    fn retries_follow_the_kind_of_failure() {
        let aws = AwsFailure::default;
        for (error, again) in [
            (ModelError::Throttled(aws()), Again::Later),
            (ModelError::Unavailable(aws()), Again::Soon),
            (ModelError::stalled(Duration::from_secs(1)), Again::Soon),
            (ModelError::Faulty(String::new()), Again::Once),
            (ModelError::Refused(aws()), Again::Never),
            (ModelError::Filtered(String::new()), Again::Never),
            (ModelError::Invalid(String::new()), Again::Never),
            (ModelError::Unreadable(String::new()), Again::Never),
        ] {
            assert_eq!(error.again(), again, "{error}");
        }
    }
}
