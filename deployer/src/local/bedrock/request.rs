//! Checks an `InvokeModel` body, with messages in Bedrock's words.
//!
//! <https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-stability-diffusion.html> and the Titan and
//! Nova pages beside it.

use serde_json::{Map, Value};

use super::models::Family;
use super::refusal::Refusal;

/// The picture that a valid request orders.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Order {
    pub prompt: String,
    /// Pixels.
    pub width: u32,
    pub height: u32,
    /// `None` asks for a random seed.
    pub seed: Option<u64>,
    pub count: u32,
}

/// Width and height in pixels for each `aspect_ratio`, about one megapixel each.
const ASPECT_RATIOS: &[(&str, u32, u32)] = &[
    ("16:9", 1344, 768),
    ("1:1", 1024, 1024),
    ("21:9", 1536, 640),
    ("2:3", 832, 1216),
    ("3:2", 1216, 832),
    ("4:5", 896, 1088),
    ("5:4", 1088, 896),
    ("9:16", 768, 1344),
    ("9:21", 640, 1536),
];

/// Width and height in pixels that Titan offers.
const TITAN_SIZES: &[(u32, u32)] = &[
    (1024, 1024),
    (768, 768),
    (512, 512),
    (768, 1152),
    (384, 576),
    (1152, 768),
    (576, 384),
    (768, 1280),
    (384, 640),
    (1280, 768),
    (640, 384),
    (896, 1152),
    (448, 576),
    (1152, 896),
    (576, 448),
    (768, 1408),
    (384, 704),
    (1408, 768),
    (704, 384),
    (640, 1408),
    (320, 704),
    (1408, 640),
    (704, 320),
    (1152, 640),
    (1173, 640),
];

/// Maximum number of pixels of a Nova picture.
const NOVA_MAX_PIXELS: u64 = 4_194_304;

/// Parses a body as the family's request. `Err` is Bedrock's `ValidationException`.
pub(super) fn read(family: Family, body: &[u8]) -> Result<Order, Refusal> {
    let body: Value = serde_json::from_slice(body)
        .map_err(|_| Refusal::validation("Malformed input request, please reformat your input and try again."))?;
    let fields = Fields::of("#", &body)?;
    match family {
        Family::Stability { max_seed } => stability(&fields, max_seed),
        Family::Titan => titan(&fields),
        Family::Nova => nova(&fields),
    }
}

fn stability(body: &Fields, max_seed: u64) -> Result<Order, Refusal> {
    body.only(&["prompt", "negative_prompt", "aspect_ratio", "mode", "output_format", "seed"])?;
    let prompt = body.text("prompt", 1..=10_000)?.ok_or_else(|| body.missing("prompt"))?;
    body.text("negative_prompt", 0..=10_000)?;
    body.choice("mode", &["text-to-image"])?;
    if let Some(format @ ("jpeg" | "webp")) = body.choice("output_format", &["png", "jpeg", "webp"])? {
        return Err(Refusal::validation(format!(
            "The local stand-in paints png only, not {format}: set output_format to png."
        )));
    }
    let ratios: Vec<&str> = ASPECT_RATIOS.iter().map(|(name, ..)| *name).collect();
    let ratio = body.choice("aspect_ratio", &ratios)?.unwrap_or("1:1");
    let (_, width, height) =
        *ASPECT_RATIOS.iter().find(|(name, ..)| *name == ratio).expect("`choice` lets only listed ratios pass");
    let seed = body.integer("seed", 0..=max_seed)?.filter(|seed| *seed != 0);
    Ok(Order { prompt: prompt.to_owned(), width, height, seed, count: 1 })
}

fn titan(body: &Fields) -> Result<Order, Refusal> {
    let (prompt, config) = text_to_image(body, 512)?;
    let Some(config) = config else {
        return Ok(Order { prompt, width: 1024, height: 1024, seed: Some(42), count: 1 });
    };
    let count = common_config(&config)?;
    let width = side(&config, "width", 1..=1408)?;
    let height = side(&config, "height", 1..=1408)?;
    if !TITAN_SIZES.contains(&(width, height)) {
        return Err(Refusal::validation(format!("Unsupported image size: width {width}, height {height}.")));
    }
    let seed = config.integer("seed", 0..=2_147_483_646)?.unwrap_or(42);
    Ok(Order { prompt, width, height, seed: Some(seed), count })
}

fn nova(body: &Fields) -> Result<Order, Refusal> {
    let (prompt, config) = text_to_image(body, 1024)?;
    let Some(config) = config else {
        return Ok(Order { prompt, width: 1024, height: 1024, seed: Some(12), count: 1 });
    };
    let count = common_config(&config)?;
    let width = side(&config, "width", 320..=4096)?;
    let height = side(&config, "height", 320..=4096)?;
    for (name, side) in [("width", width), ("height", height)] {
        if side % 16 != 0 {
            return Err(Refusal::malformed(format!("#/imageGenerationConfig/{name}: {side} is not a multiple of 16")));
        }
    }
    if u64::from(width) * u64::from(height) > NOVA_MAX_PIXELS {
        return Err(Refusal::validation(format!("The total pixel count must be at most {NOVA_MAX_PIXELS}.")));
    }
    let seed = config.integer("seed", 0..=858_993_459)?.unwrap_or(12);
    Ok(Order { prompt, width, height, seed: Some(seed), count })
}

/// Reads the part that Titan and Nova share: task, text, and the settings object.
fn text_to_image<'a>(body: &Fields<'a>, max_text: usize) -> Result<(String, Option<Fields<'a>>), Refusal> {
    body.only(&["taskType", "textToImageParams", "imageGenerationConfig"])?;
    body.choice("taskType", &["TEXT_IMAGE"])?.ok_or_else(|| body.missing("taskType"))?;
    let params = body.object("textToImageParams")?.ok_or_else(|| body.missing("textToImageParams"))?;
    params.only(&["text", "negativeText"])?;
    let text = params.text("text", 1..=max_text)?.ok_or_else(|| params.missing("text"))?;
    params.text("negativeText", 1..=max_text)?;
    Ok((text.to_owned(), body.object("imageGenerationConfig")?))
}

/// Checks the settings that Titan and Nova share; returns `numberOfImages`.
fn common_config(config: &Fields) -> Result<u32, Refusal> {
    config.only(&["quality", "numberOfImages", "height", "width", "cfgScale", "seed"])?;
    config.choice("quality", &["standard", "premium"])?;
    config.number("cfgScale", 1.1..=10.0)?;
    Ok(config.integer("numberOfImages", 1..=5)?.unwrap_or(1) as u32)
}

fn side(config: &Fields, key: &str, range: std::ops::RangeInclusive<u64>) -> Result<u32, Refusal> {
    Ok(config.integer(key, range)?.unwrap_or(1024) as u32)
}

/// One JSON object of the body and its path in Bedrock's notation (`#/imageGenerationConfig`).
struct Fields<'a> {
    at: String,
    map: &'a Map<String, Value>,
}

impl<'a> Fields<'a> {
    fn of(at: &str, value: &'a Value) -> Result<Self, Refusal> {
        match value {
            Value::Object(map) => Ok(Self { at: at.to_owned(), map }),
            other => Err(wrong_type(at, "JSONObject", other)),
        }
    }

    fn path(&self, key: &str) -> String {
        format!("{}/{key}", self.at)
    }

    fn missing(&self, key: &str) -> Refusal {
        Refusal::malformed(format!("{}: required key [{key}] not found", self.at))
    }

    fn only(&self, keys: &[&str]) -> Result<(), Refusal> {
        match self.map.keys().find(|key| !keys.contains(&key.as_str())) {
            Some(key) => Err(Refusal::malformed(format!("{}: extraneous key [{key}] is not permitted", self.at))),
            None => Ok(()),
        }
    }

    fn object(&self, key: &str) -> Result<Option<Fields<'a>>, Refusal> {
        self.map.get(key).map(|value| Fields::of(&self.path(key), value)).transpose()
    }

    fn string(&self, key: &str) -> Result<Option<&'a str>, Refusal> {
        match self.map.get(key) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(other) => Err(wrong_type(&self.path(key), "String", other)),
        }
    }

    /// Returns a string whose length in characters is in the range.
    fn text(&self, key: &str, range: std::ops::RangeInclusive<usize>) -> Result<Option<&'a str>, Refusal> {
        let Some(text) = self.string(key)? else {
            return Ok(None);
        };
        let (length, path) = (text.chars().count(), self.path(key));
        if length < *range.start() {
            return Err(Refusal::malformed(format!("{path}: expected minLength: {}, actual: {length}", range.start())));
        }
        if length > *range.end() {
            return Err(Refusal::malformed(format!("{path}: expected maxLength: {}, actual: {length}", range.end())));
        }
        Ok(Some(text))
    }

    fn choice(&self, key: &str, choices: &[&str]) -> Result<Option<&'a str>, Refusal> {
        match self.string(key)? {
            Some(text) if !choices.contains(&text) => {
                Err(Refusal::malformed(format!("{}: {text} is not a valid enum value", self.path(key))))
            }
            text => Ok(text),
        }
    }

    fn integer(&self, key: &str, range: std::ops::RangeInclusive<u64>) -> Result<Option<u64>, Refusal> {
        let Some(value) = self.map.get(key) else {
            return Ok(None);
        };
        if !value.is_i64() && !value.is_u64() {
            return Err(wrong_type(&self.path(key), "Integer", value));
        }
        let Some(number) = value.as_u64().filter(|number| number >= range.start()) else {
            return Err(self.too_small(key, value, range.start()));
        };
        if number > *range.end() {
            return Err(self.too_large(key, value, range.end()));
        }
        Ok(Some(number))
    }

    fn number(&self, key: &str, range: std::ops::RangeInclusive<f64>) -> Result<Option<f64>, Refusal> {
        let Some(value) = self.map.get(key) else {
            return Ok(None);
        };
        let number = value.as_f64().ok_or_else(|| wrong_type(&self.path(key), "Number", value))?;
        if number < *range.start() {
            return Err(self.too_small(key, value, range.start()));
        }
        if number > *range.end() {
            return Err(self.too_large(key, value, range.end()));
        }
        Ok(Some(number))
    }

    fn too_small(&self, key: &str, value: &Value, least: impl std::fmt::Debug) -> Refusal {
        Refusal::malformed(format!("{}: {value} is not greater or equal to {least:?}", self.path(key)))
    }

    fn too_large(&self, key: &str, value: &Value, most: impl std::fmt::Debug) -> Refusal {
        Refusal::malformed(format!("{}: {value} is not less or equal to {most:?}", self.path(key)))
    }
}

fn wrong_type(path: &str, expected: &str, found: &Value) -> Refusal {
    let found = match found {
        Value::Null => "Null",
        Value::Bool(_) => "Boolean",
        Value::Number(number) if number.is_f64() => "Double",
        Value::Number(_) => "Integer",
        Value::String(_) => "String",
        Value::Array(_) => "JSONArray",
        Value::Object(_) => "JSONObject",
    };
    Refusal::malformed(format!("{path}: expected type: {expected}, found: {found}"))
}

#[cfg(test)]
#[path = "request_tests.rs"]
mod tests;
