//! Families of models, and Bedrock's description of a model.

use serde_json::{Value, json};

use super::refusal::Refusal;
use crate::models::{self, Model};

/// A group of models with the same request and response shape.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Family {
    /// Stable Image Core and Ultra, Stable Diffusion 3.5; `max_seed` differs between them.
    Stability {
        max_seed: u64,
    },
    Titan,
    Nova,
}

const STABLE_IMAGE: Family = Family::Stability { max_seed: 4_294_967_295 };
const STABLE_DIFFUSION: Family = Family::Stability { max_seed: 4_294_967_294 };

/// The models that draw a picture from a prompt alone, by the prefix of their ids.
const FAMILIES: &[(&str, Family)] = &[
    ("stability.stable-image-core-", STABLE_IMAGE),
    ("stability.stable-image-ultra-", STABLE_IMAGE),
    ("stability.sd3-", STABLE_DIFFUSION),
    ("amazon.titan-image-generator-", Family::Titan),
    ("amazon.nova-canvas-", Family::Nova),
];

/// Finds the family of a model id or foundation-model ARN, as `InvokeModel` takes them. `region` is the region that the
/// request was signed for.
///
/// Fails like Bedrock. An id that is unknown, or not offered in the region, is a `ValidationException`. A retired model
/// is a `ResourceNotFoundException`, unless `allow_retired` is set.
pub(super) fn find(id: &str, region: Option<&str>, allow_retired: bool) -> Result<Family, Refusal> {
    let model = models::find(bare(id)).ok_or_else(Refusal::unknown_model)?;
    if model.is_retired && !allow_retired {
        return Err(Refusal::retired_model());
    }
    if !is_offered(model, region) {
        return Err(Refusal::unknown_model());
    }
    let family = FAMILIES.iter().find(|(begin, _)| model.id.starts_with(begin));
    family.map(|(_, family)| *family).ok_or_else(Refusal::unknown_model)
}

/// Describes a model as `GetFoundationModel` does. A retired model that is still served is described as a legacy model
/// without an end date.
///
/// Fails like Bedrock: with a `ResourceNotFoundException` for an id that is unknown, retired, or not offered in the
/// region.
pub(super) fn describe(id: &str, region: Option<&str>, allow_retired: bool) -> Result<Value, Refusal> {
    let known = models::find(bare(id)).filter(|model| !model.is_retired || allow_retired);
    let model = known.filter(|model| is_offered(model, region)).ok_or_else(Refusal::unresolved_model)?;
    let provider = if model.id.starts_with("amazon.") { "Amazon" } else { "Stability AI" };
    let status = if model.is_retired { "LEGACY" } else { "ACTIVE" };
    let region = region.unwrap_or_default();
    Ok(json!({"modelDetails": {
        "modelArn": format!("arn:aws:bedrock:{region}::foundation-model/{}", model.id),
        "modelId": model.id,
        "modelName": model.id,
        "providerName": provider,
        "outputModalities": ["IMAGE"],
        "responseStreamingSupported": false,
        "modelLifecycle": {"status": status},
    }}))
}

/// Returns the id in a foundation model's ARN, or the id itself.
fn bare(id: &str) -> &str {
    id.rsplit_once(":foundation-model/").map_or(id, |(_, bare)| bare)
}

/// Tells whether the region offers the model. Retired models, if served at all, are served in every region.
fn is_offered(model: &Model, region: Option<&str>) -> bool {
    model.is_retired || region.is_none_or(|region| model.regions.contains(&region))
}

#[cfg(test)]
mod tests {
    use super::*;

    const CORE: &str = "stability.stable-image-core-v1:1";

    #[test]
    fn an_offered_model_is_found_by_id_and_by_arn() {
        assert_eq!(find(CORE, Some("us-west-2"), false), Ok(STABLE_IMAGE));
        assert_eq!(find(CORE, None, false), Ok(STABLE_IMAGE));
        let arn = format!("arn:aws:bedrock:us-west-2::foundation-model/{CORE}");
        assert_eq!(find(&arn, Some("us-west-2"), false), Ok(STABLE_IMAGE));
    }

    #[test]
    fn an_offered_model_is_unknown_in_another_region() {
        assert_eq!(find(CORE, Some("eu-west-1"), false), Err(Refusal::unknown_model()));
    }

    #[test]
    fn a_retired_model_is_at_the_end_of_its_life_unless_allowed() {
        let id = "amazon.titan-image-generator-v1";
        let refusal = find(id, Some("us-east-1"), false).unwrap_err();
        assert_eq!((refusal.code, refusal.status), ("ResourceNotFoundException", 404));
        assert!(refusal.message.contains("end of its life"));
        assert_eq!(find(id, Some("us-east-1"), true), Ok(Family::Titan));
    }

    #[test]
    fn an_id_nobody_offers_is_invalid() {
        let refusal = find("anthropic.claude", None, true).unwrap_err();
        assert_eq!((refusal.code, refusal.status), ("ValidationException", 400));
    }

    #[test]
    fn a_model_that_edits_pictures_is_described_and_not_served() {
        let id = "stability.stable-image-inpaint-v1:0";
        assert_eq!(describe(id, Some("us-east-1"), false).unwrap()["modelDetails"]["modelId"], id);
        assert_eq!(find(id, Some("us-east-1"), false), Err(Refusal::unknown_model()));
    }
}
