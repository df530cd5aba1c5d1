//! The requests that Titan Image Generator and Nova Canvas share.

use super::{ModelError, ModelSettings, Quality, Text, decode, parse};
use crate::picture::Picture;
use crate::prompt::Prompt;
use serde::{Deserialize, Serialize};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct TitanRequest<'a> {
    task_type: &'static str,
    text_to_image_params: TextToImage<'a>,
    image_generation_config: Generation,
}

#[derive(Serialize)]
struct TextToImage<'a> {
    text: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Generation {
    number_of_images: u32,
    quality: &'static str,
    cfg_scale: f64,
    height: u32,
    width: u32,
    seed: u32,
}

#[derive(Deserialize)]
struct TitanReply<'a> {
    #[serde(borrow, default)]
    images: Option<Vec<Text<'a>>>,
    #[serde(default)]
    error: Option<String>,
}

/// Builds the body of the request.
pub(super) fn request(settings: &ModelSettings, prompt: &Prompt, seed: u32) -> Vec<u8> {
    let request = TitanRequest {
        task_type: "TEXT_IMAGE",
        text_to_image_params: TextToImage { text: prompt.as_str() },
        image_generation_config: Generation {
            number_of_images: 1,
            quality: match settings.quality {
                Quality::Standard => "standard",
                Quality::Premium => "premium",
            },
            cfg_scale: settings.cfg_scale,
            height: settings.height,
            width: settings.width,
            seed,
        },
    };
    serde_json::to_vec(&request).unwrap_or_default()
}

/// Reads the body of the reply. A text in `error` means that the picture was held back.
pub(super) fn reply(body: &[u8]) -> Result<Picture, ModelError> {
    let reply: TitanReply<'_> = parse(body)?;
    match reply.error.filter(|error| !error.is_empty()) {
        Some(error) => Err(ModelError::Filtered(error)),
        None => decode(reply.images),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Family;
    use crate::picture::tests::png;
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    use serde_json::{Value, json};

    fn settings(family: Family) -> ModelSettings {
        ModelSettings { id: String::new(), family, width: 512, height: 768, cfg_scale: 8.0, quality: Quality::Standard }
    }

    #[test]
    fn titan_and_nova_take_the_same_request() {
        let prompt = Prompt::new("a moon", 100).unwrap();
        for family in [Family::Titan, Family::Nova] {
            let body: Value = serde_json::from_slice(&settings(family).request(&prompt, 42)).unwrap();
            let expected = json!({
                "taskType": "TEXT_IMAGE",
                "textToImageParams": {"text": "a moon"},
                "imageGenerationConfig": {
                    "numberOfImages": 1, "quality": "standard", "cfgScale": 8.0, "height": 768, "width": 512, "seed": 42
                }
            });
            assert_eq!(body, expected);
        }
    }

    #[test]
    fn a_picture_held_back_is_filtered() {
        let body = br#"{"images": [], "error": "This picture was blocked"}"#;
        assert!(matches!(reply(body), Err(ModelError::Filtered(_))));
    }

    #[test]
    fn a_picture_is_decoded() {
        let encoded = STANDARD.encode(png());
        for error in [Value::Null, json!("")] {
            let body = json!({"images": [encoded], "error": error}).to_string();
            assert_eq!(reply(body.as_bytes()).unwrap().bytes(), png());
        }
    }

    #[test]
    fn a_reply_without_a_png_is_unreadable() {
        for body in [r#"{"images": null}"#, r#"{"images": ["aGVsbG8="]}"#] {
            assert!(matches!(reply(body.as_bytes()), Err(ModelError::Unreadable(_))));
        }
    }
}
