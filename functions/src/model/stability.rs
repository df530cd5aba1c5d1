//! Stable Image Core, Ultra and SD3.5: one square picture a call, without a choice of size.

use super::{ModelError, Text, decode, parse};
use crate::picture::Picture;
use crate::prompt::Prompt;
use serde::{Deserialize, Serialize};

#[derive(Serialize)]
struct StabilityRequest<'a> {
    prompt: &'a str,
    aspect_ratio: &'static str,
    output_format: &'static str,
    seed: u32,
}

#[derive(Deserialize)]
struct StabilityReply<'a> {
    #[serde(borrow, default)]
    images: Option<Vec<Text<'a>>>,
    #[serde(default)]
    finish_reasons: Option<Vec<Option<String>>>,
}

/// Builds the body of the request.
pub(super) fn request(prompt: &Prompt, seed: u32) -> Vec<u8> {
    let request = StabilityRequest { prompt: prompt.as_str(), aspect_ratio: "1:1", output_format: "png", seed };
    serde_json::to_vec(&request).unwrap_or_default()
}

/// Reads the body of the reply. The content filter answers with status 200, often without any image.
pub(super) fn reply(body: &[u8]) -> Result<Picture, ModelError> {
    let reply: StabilityReply<'_> = parse(body)?;
    let reasons = reply.finish_reasons.unwrap_or_default();
    match reasons.into_iter().flatten().next() {
        None => decode(reply.images),
        Some(reason) if reason.starts_with("Filter reason") => Err(ModelError::Filtered(reason)),
        Some(reason) => Err(ModelError::Faulty(reason)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::tests::png;
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    use serde_json::{Value, json};

    #[test]
    fn the_request_asks_for_one_square_png() {
        let prompt = Prompt::new("a \"moon\"", 100).unwrap();
        let body: Value = serde_json::from_slice(&request(&prompt, 7)).unwrap();
        let expected = json!({"prompt": "a \"moon\"", "aspect_ratio": "1:1", "output_format": "png", "seed": 7});
        assert_eq!(body, expected);
    }

    #[test]
    fn a_reply_with_a_picture_is_decoded() {
        for seeds in [json!([2130420379]), json!(["2130420379"])] {
            let body = json!({"seeds": seeds, "finish_reasons": [null], "images": [STANDARD.encode(png())]});
            let picture = reply(body.to_string().as_bytes()).unwrap();
            assert_eq!(picture.bytes(), png());
        }
    }

    #[test]
    fn the_content_filter_is_permanent_with_and_without_images() {
        for body in [
            json!({"finish_reasons": ["Filter reason: prompt"]}),
            json!({"finish_reasons": ["Filter reason: output image"], "images": [], "seeds": []}),
            json!({"finish_reasons": ["Filter reason: input image"], "images": ["iVBORw0KGgoA"]}),
        ] {
            let error = reply(body.to_string().as_bytes()).unwrap_err();
            assert!(matches!(error, ModelError::Filtered(_)), "{error}");
        }
    }

    #[test]
    fn an_inference_error_is_the_models_fault() {
        let body = json!({"finish_reasons": ["Inference error"]}).to_string();
        assert_eq!(reply(body.as_bytes()), Err(ModelError::Faulty("Inference error".into())));
    }

    #[test]
    fn a_reply_without_a_png_is_unreadable() {
        for body in [
            "not json",
            "{}",
            r#"{"images": [], "finish_reasons": [null]}"#,
            r#"{"images": ["%%%"]}"#,
            r#"{"images": ["/9j/4AAQSkZJRg=="]}"#,
        ] {
            let error = reply(body.as_bytes()).unwrap_err();
            assert!(matches!(error, ModelError::Unreadable(_)), "{body}");
        }
    }

    #[test]
    fn escaped_slashes_in_the_image_are_understood() {
        let encoded = STANDARD.encode([&png()[..33], b"\0\0\0\x03tEXt\xff\xff\xff\0\0\0\0", &png()[33..]].concat());
        assert!(encoded.contains('/'));
        let body = format!(r#"{{"images": ["{}"]}}"#, encoded.replace('/', "\\/"));
        assert_eq!(reply(body.as_bytes()).unwrap().bytes(), STANDARD.decode(encoded).unwrap());
    }
}
