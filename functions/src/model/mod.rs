//! Image models: the port, and the common parts of the families on Bedrock.

pub(crate) mod bedrock;
pub(crate) mod catalog;
mod error;
mod phrases;
mod stability;
mod titan;

pub use bedrock::Bedrock;
pub use error::{ModelError, Why};

use crate::picture::Picture;
use crate::prompt::Prompt;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use std::borrow::Cow;
use std::future::Future;

/// A model that draws pictures.
pub trait ImageModel {
    /// Returns the most characters a prompt may have.
    fn prompt_limit(&self) -> usize;
    /// Returns the model's id, for metadata and logs.
    fn id(&self) -> &str;
    /// Draws `prompt` once. The same seed gives the same picture.
    fn draw(&self, prompt: &Prompt, seed: u32) -> impl Future<Output = Result<Picture, ModelError>>;
}

/// A group of models with the same form of requests and replies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    Stability,
    Titan,
    Nova,
}

/// The quality at which Titan and Nova draw.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quality {
    Standard,
    Premium,
}

/// The settings of a model besides prompt and seed. Stability has no size, quality or scale.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelSettings {
    pub id: String,
    pub family: Family,
    /// In pixels.
    pub width: u32,
    /// In pixels.
    pub height: u32,
    /// How closely the picture follows the prompt, 1.1 to 10.
    pub cfg_scale: f64,
    pub quality: Quality,
}

impl Family {
    /// Returns the most characters that a prompt may have, as Bedrock documents it.
    pub fn prompt_limit(self) -> usize {
        match self {
            Self::Stability => 10_000,
            Self::Titan => 512,
            Self::Nova => 1_024,
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

/// A text of the reply, borrowed from it if it has no escapes: a picture takes megabytes.
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
