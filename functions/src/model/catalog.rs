//! The picture models of Bedrock that this version knows, and the meaning of their ids and ARNs.
//!
//! State of November 2026, from docs.aws.amazon.com/bedrock/latest/userguide: model-lifecycle.html, model-cards.html,
//! model-parameters-titan-image.html, stable-image-services.html; Nova Canvas: docs.aws.amazon.com/nova/latest/userguide.

use super::Family;

/// The facts about a model.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct CatalogEntry {
    pub(crate) id: &'static str,
    pub(crate) family: Family,
    /// The regions that offer the model, or did.
    pub(crate) regions: &'static [&'static str],
    /// The day on which Bedrock ceased to serve the model.
    pub(crate) ended: Option<&'static str>,
}

const fn draws(id: &'static str, family: Family, regions: &'static [&'static str]) -> CatalogEntry {
    CatalogEntry { id, family, regions, ended: None }
}

const fn ended(id: &'static str, family: Family, regions: &'static [&'static str], day: &'static str) -> CatalogEntry {
    CatalogEntry { id, family, regions, ended: Some(day) }
}

const US: &[&str] = &["us-east-1", "us-west-2"];
const OREGON: &[&str] = &["us-west-2"];
/// For models whose last day AWS no longer lists.
const EARLIER: &str = "an earlier day";

const KNOWN: &[CatalogEntry] = &[
    draws("stability.stable-image-core-v1:1", Family::Stability, OREGON),
    draws("stability.stable-image-ultra-v1:1", Family::Stability, OREGON),
    draws("stability.sd3-5-large-v1:0", Family::Stability, OREGON),
    ended("stability.stable-image-core-v1:0", Family::Stability, OREGON, EARLIER),
    ended("stability.stable-image-ultra-v1:0", Family::Stability, OREGON, EARLIER),
    ended("stability.sd3-large-v1:0", Family::Stability, OREGON, EARLIER),
    ended("amazon.nova-canvas-v1:0", Family::Nova, &["us-east-1", "eu-west-1", "ap-northeast-1"], "2026-09-30"),
    ended("amazon.titan-image-generator-v2:0", Family::Titan, US, "2026-06-30"),
    ended("amazon.titan-image-generator-v1", Family::Titan, US, EARLIER),
    ended("amazon.titan-image-generator-v1:0", Family::Titan, US, EARLIER),
];

/// Beginnings of the ids of Stability's models that require an input picture, and of older models with requests of
/// another shape, each with the reason.
const UNFIT: &[(&str, &str)] = &[
    (
        "stability.stable-image-",
        "it changes a picture and needs one to begin with; this function draws from a prompt alone",
    ),
    ("stability.stable-creative-upscale", "it enlarges a picture and needs one to begin with"),
    ("stability.stable-conservative-upscale", "it enlarges a picture and needs one to begin with"),
    ("stability.stable-fast-upscale", "it enlarges a picture and needs one to begin with"),
    ("stability.stable-outpaint", "it extends a picture and needs one to begin with"),
    ("stability.stable-style-transfer", "it changes a picture and needs one to begin with"),
    ("stability.stable-diffusion-xl", "it has ended, and took requests of another shape"),
];
/// Exceptions from the first entry of [`UNFIT`]: models that draw from a prompt alone.
const DRAWING: [&str; 2] = ["stability.stable-image-core-", "stability.stable-image-ultra-"];

/// The sizes that Titan draws, width by height in pixels.
pub(crate) const TITAN_SIZES: &[(u32, u32)] = &[
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

/// Prefixes of inference profiles' ids, which name a group of regions, and the beginning of those regions' names.
const GROUPS: &[(&str, &str)] = &[
    ("us-gov", "us-gov-"),
    ("us", "us-"),
    ("eu", "eu-"),
    ("apac", "ap-"),
    ("jp", "ap-northeast-"),
    ("au", "ap-southeast-"),
    ("ca", "ca-"),
    ("global", ""),
];

/// The parts of a model id or ARN.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ModelReference<'a> {
    /// The model's own id; `None` for a resource of the account, which does not reveal its model.
    pub(crate) model: Option<&'a str>,
    /// The beginning of the names of the regions from which the model can be called; `None` if it is not stated.
    pub(crate) region: Option<&'a str>,
    /// Whether it is an inference profile, which routes calls to regions of its own.
    pub(crate) profile: bool,
}

/// Parses a model id, an inference profile's id, or the ARN of either or of a resource of the account. `None` if `text`
/// is an ARN of something else.
pub(crate) fn parse_reference(text: &str) -> Option<ModelReference<'_>> {
    if !text.starts_with("arn:") {
        return Some(of_id(text));
    }
    let mut parts = text.splitn(6, ':');
    let (_, _, service, region) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let (_, resource) = (parts.next()?, parts.next()?);
    let (kind, id) = resource.split_once('/')?;
    if service != "bedrock" || region.is_empty() || id.is_empty() {
        return None;
    }
    match kind {
        "foundation-model" => Some(ModelReference { model: Some(id), region: Some(region), profile: false }),
        "inference-profile" => Some(ModelReference { region: Some(region), profile: true, ..of_id(id) }),
        "application-inference-profile" | "provisioned-model" | "custom-model-deployment" => {
            Some(ModelReference { model: None, region: Some(region), profile: true })
        }
        _ => None,
    }
}

fn of_id(id: &str) -> ModelReference<'_> {
    let group = id.split_once('.').and_then(|(group, model)| {
        let (_, regions) = GROUPS.iter().find(|(name, _)| *name == group)?;
        Some((*regions, model))
    });
    match group {
        Some((regions, model)) => ModelReference { model: Some(model), region: Some(regions), profile: true },
        None => ModelReference { model: Some(id), region: None, profile: false },
    }
}

/// Finds the facts about the model `id`.
pub(crate) fn find(id: &str) -> Option<&'static CatalogEntry> {
    KNOWN.iter().find(|known| known.id == id)
}

/// Returns why the model `id` can never draw from a prompt alone; `None` if no reason is known.
pub(crate) fn why_unfit(id: &str) -> Option<&'static str> {
    let drawing = DRAWING.iter().any(|start| id.starts_with(start));
    let found = UNFIT.iter().find(|(start, _)| id.starts_with(start));
    found.filter(|_| !drawing).map(|(_, why)| *why)
}

/// Returns the ids of the models that Bedrock serves.
pub(crate) fn served_models() -> impl Iterator<Item = &'static str> {
    KNOWN.iter().filter(|known| known.ended.is_none()).map(|known| known.id)
}

/// Returns why models of `family` do not draw pictures of `width` by `height` pixels; `None` if they do, or have no
/// size.
pub(crate) fn wrong_size(family: Family, width: u32, height: u32) -> Option<&'static str> {
    let (short, long) = (width.min(height), width.max(height));
    match family {
        Family::Stability => None,
        Family::Titan if TITAN_SIZES.contains(&(width, height)) => None,
        Family::Titan => {
            Some("Titan draws certain sizes only, such as 512×512, 768×768, 1024×1024, 768×1152, 1152×768, 1280×768")
        }
        Family::Nova if short < 320 || long > 4096 => Some("Nova draws sides of 320 to 4096 pixels"),
        Family::Nova if !width.is_multiple_of(16) || !height.is_multiple_of(16) => {
            Some("Nova draws sides that 16 divides")
        }
        Family::Nova if long > 4 * short => Some("Nova draws no side longer than four times the other"),
        Family::Nova if u64::from(width) * u64::from(height) > 4_194_304 => {
            Some("Nova draws at most 4,194,304 pixels, as 2048×2048 has")
        }
        Family::Nova => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_profiles_and_arns_name_their_model_and_region() {
        let core = "stability.stable-image-core-v1:1";
        let reference = |text: &str| {
            let named = parse_reference(text)?;
            Some((named.model.map(str::to_owned), named.region.map(str::to_owned), named.profile))
        };
        let some = |model: &str, region: Option<&str>, profile| {
            Some((Some(model.to_owned()), region.map(str::to_owned), profile))
        };
        assert_eq!(reference(core), some(core, None, false));
        assert_eq!(reference(&format!("us.{core}")), some(core, Some("us-"), true));
        assert_eq!(reference(&format!("global.{core}")), some(core, Some(""), true));
        let arn = format!("arn:aws:bedrock:us-west-2::foundation-model/{core}");
        assert_eq!(reference(&arn), some(core, Some("us-west-2"), false));
        let arn = format!("arn:aws:bedrock:us-west-2:123456789012:inference-profile/us.{core}");
        assert_eq!(reference(&arn), some(core, Some("us-west-2"), true));
        let arn = "arn:aws:bedrock:us-west-2:123456789012:application-inference-profile/abc123";
        assert_eq!(reference(arn), Some((None, Some("us-west-2".to_owned()), true)));
    }

    #[test]
    fn an_arn_of_something_else_names_no_model() {
        for arn in [
            "arn:aws:s3:::images",
            "arn:aws:bedrock",
            "arn:aws:bedrock:us-west-2::foundation-model/",
            "arn:aws:bedrock:us-west-2:123456789012:guardrail/abc",
            "arn:aws:bedrock:::foundation-model/x",
        ] {
            assert_eq!(parse_reference(arn), None, "{arn}");
        }
    }

    #[test]
    fn models_that_need_a_picture_are_unfit() {
        for id in [
            "stability.stable-image-inpaint-v1:0",
            "stability.stable-image-remove-background-v1:0",
            "stability.stable-image-control-sketch-v1:0",
            "stability.stable-image-style-guide-v1:0",
            "stability.stable-conservative-upscale-v1:0",
            "stability.stable-outpaint-v1:0",
            "stability.stable-style-transfer-v1:0",
            "stability.stable-diffusion-xl-v1",
        ] {
            assert!(why_unfit(id).is_some(), "{id}");
        }
        for known in KNOWN {
            assert_eq!(why_unfit(known.id), None, "{}", known.id);
        }
    }

    #[test]
    fn sizes_follow_the_familys_rules() {
        for (family, width, height, fits) in [
            (Family::Titan, 768, 1152, true),
            (Family::Titan, 600, 600, false),
            (Family::Titan, 512, 768, false),
            (Family::Nova, 1024, 1024, true),
            (Family::Nova, 2048, 2048, true),
            (Family::Nova, 64, 64, false),
            (Family::Nova, 1000, 1000, false),
            (Family::Nova, 320, 1296, false),
            (Family::Nova, 4096, 1040, false),
            (Family::Nova, 4112, 1040, false),
            (Family::Stability, 1, 1, true),
        ] {
            assert_eq!(wrong_size(family, width, height).is_none(), fits, "{family:?} {width}×{height}");
        }
    }
}
