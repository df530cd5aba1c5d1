use serde_json::{Value, json};

use super::*;

const STABILITY: Family = Family::Stability { max_seed: 4_294_967_295 };

fn order(family: Family, body: Value) -> Order {
    read(family, body.to_string().as_bytes()).unwrap()
}

/// Returns the part of the message that names the mistake.
fn complaint(family: Family, body: Value) -> String {
    let refusal = read(family, body.to_string().as_bytes()).unwrap_err();
    assert_eq!((refusal.code, refusal.status), ("ValidationException", 400));
    let message = refusal.message;
    match message.strip_prefix("Malformed input request: ") {
        Some(rest) => rest.strip_suffix(", please reformat your input and try again.").unwrap().to_owned(),
        None => message,
    }
}

fn titan(config: Value) -> Value {
    json!({"taskType": "TEXT_IMAGE", "textToImageParams": {"text": "a couch"}, "imageGenerationConfig": config})
}

#[test]
fn a_stability_request_has_defaults() {
    let order = order(STABILITY, json!({"prompt": "a couch"}));
    assert_eq!(order, Order { prompt: "a couch".into(), width: 1024, height: 1024, seed: None, count: 1 });
}

#[test]
fn a_stability_seed_of_zero_means_random_and_the_ratio_sets_the_size() {
    let order = order(STABILITY, json!({"prompt": "x", "seed": 0, "aspect_ratio": "9:21", "output_format": "png"}));
    assert_eq!((order.seed, order.width, order.height), (None, 640, 1536));
}

#[test]
fn stability_refuses_what_breaks_its_schema() {
    let cases = [
        (json!({}), "#: required key [prompt] not found"),
        (json!([]), "#: expected type: JSONObject, found: JSONArray"),
        (json!({"prompt": 1}), "#/prompt: expected type: String, found: Integer"),
        (json!({"prompt": ""}), "#/prompt: expected minLength: 1, actual: 0"),
        (json!({"prompt": "x".repeat(10_001)}), "#/prompt: expected maxLength: 10000, actual: 10001"),
        (json!({"prompt": "x", "aspect_ratio": "7:3"}), "#/aspect_ratio: 7:3 is not a valid enum value"),
        (json!({"prompt": "x", "output_format": "gif"}), "#/output_format: gif is not a valid enum value"),
        (json!({"prompt": "x", "seed": -1}), "#/seed: -1 is not greater or equal to 0"),
        (json!({"prompt": "x", "seed": 4_294_967_296_u64}), "#/seed: 4294967296 is not less or equal to 4294967295"),
        (json!({"prompt": "x", "seed": 1.5}), "#/seed: expected type: Integer, found: Double"),
        (json!({"prompt": "x", "width": 512}), "#: extraneous key [width] is not permitted"),
    ];
    for (body, expected) in cases {
        assert_eq!(complaint(STABILITY, body), expected);
    }
}

#[test]
fn a_format_the_stand_in_cannot_paint_is_refused_rather_than_mislabelled() {
    let complaint = complaint(STABILITY, json!({"prompt": "x", "output_format": "jpeg"}));
    assert!(complaint.contains("png only"), "{complaint}");
}

#[test]
fn the_reference_systems_titan_request_is_taken() {
    let body = titan(json!({
        "numberOfImages": 1, "quality": "standard", "cfgScale": 8.0, "height": 512, "width": 512, "seed": 2_147_483_646_u64
    }));
    let expected = Order { prompt: "a couch".into(), width: 512, height: 512, seed: Some(2_147_483_646), count: 1 };
    assert_eq!(order(Family::Titan, body), expected);
}

#[test]
fn titan_and_nova_have_their_own_default_seed() {
    let body = json!({"taskType": "TEXT_IMAGE", "textToImageParams": {"text": "x"}});
    assert_eq!(order(Family::Titan, body.clone()).seed, Some(42));
    assert_eq!(order(Family::Nova, body).seed, Some(12));
}

#[test]
fn titan_refuses_what_breaks_its_schema() {
    let long = json!({"taskType": "TEXT_IMAGE", "textToImageParams": {"text": "x".repeat(513)}});
    let cases = [
        (long, "#/textToImageParams/text: expected maxLength: 512, actual: 513"),
        (json!({"taskType": "INPAINTING"}), "#/taskType: INPAINTING is not a valid enum value"),
        (json!({"taskType": "TEXT_IMAGE"}), "#: required key [textToImageParams] not found"),
        (titan(json!({"width": 500, "height": 500})), "Unsupported image size: width 500, height 500."),
        (titan(json!({"cfgScale": 1.0})), "#/imageGenerationConfig/cfgScale: 1.0 is not greater or equal to 1.1"),
        (titan(json!({"cfgScale": 11})), "#/imageGenerationConfig/cfgScale: 11 is not less or equal to 10.0"),
        (titan(json!({"numberOfImages": 6})), "#/imageGenerationConfig/numberOfImages: 6 is not less or equal to 5"),
        (titan(json!({"quality": "best"})), "#/imageGenerationConfig/quality: best is not a valid enum value"),
        (
            titan(json!({"seed": 2_147_483_647_u64})),
            "#/imageGenerationConfig/seed: 2147483647 is not less or equal to 2147483646",
        ),
    ];
    for (body, expected) in cases {
        assert_eq!(complaint(Family::Titan, body), expected);
    }
}

#[test]
fn nova_takes_any_multiple_of_sixteen_up_to_four_megapixels() {
    let order = order(Family::Nova, titan(json!({"width": 2048, "height": 2048})));
    assert_eq!((order.width, order.height), (2048, 2048));
    let cases = [
        (json!({"width": 1000}), "#/imageGenerationConfig/width: 1000 is not a multiple of 16"),
        (json!({"height": 304}), "#/imageGenerationConfig/height: 304 is not greater or equal to 320"),
        (json!({"width": 4096, "height": 2048}), "The total pixel count must be at most 4194304."),
    ];
    for (config, expected) in cases {
        assert_eq!(complaint(Family::Nova, titan(config)), expected);
    }
}

#[test]
fn a_body_that_is_not_json_is_malformed() {
    let refusal = read(STABILITY, b"prompt=couch").unwrap_err();
    assert_eq!(refusal.code, "ValidationException");
    assert!(refusal.message.starts_with("Malformed input request"));
}
