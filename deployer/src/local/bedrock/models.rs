//! Model ids: which exist, which are retired, where they are offered.

use super::refusal::Refusal;

/// The models that share a request and a response shape.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Family {
    /// Stable Image Core and Ultra, Stable Diffusion 3.5; `max_seed` differs between them.
    Stability {
        max_seed: u64,
    },
    Titan,
    Nova,
}

struct Model {
    id: &'static str,
    family: Family,
    /// Regions that offer it; empty for a retired model, which no region offers.
    regions: &'static [&'static str],
}

const STABLE_IMAGE: Family = Family::Stability { max_seed: 4_294_967_295 };
const STABLE_DIFFUSION: Family = Family::Stability { max_seed: 4_294_967_294 };

/// <https://docs.aws.amazon.com/bedrock/latest/userguide/model-lifecycle.html>
const MODELS: &[Model] = &[
    Model { id: "stability.stable-image-core-v1:1", family: STABLE_IMAGE, regions: &["us-west-2"] },
    Model { id: "stability.stable-image-ultra-v1:1", family: STABLE_IMAGE, regions: &["us-west-2"] },
    Model { id: "stability.sd3-5-large-v1:0", family: STABLE_DIFFUSION, regions: &["us-west-2"] },
    Model { id: "stability.stable-image-core-v1:0", family: STABLE_IMAGE, regions: &[] },
    Model { id: "stability.stable-image-ultra-v1:0", family: STABLE_IMAGE, regions: &[] },
    Model { id: "stability.sd3-large-v1:0", family: STABLE_DIFFUSION, regions: &[] },
    Model { id: "amazon.titan-image-generator-v1", family: Family::Titan, regions: &[] },
    Model { id: "amazon.titan-image-generator-v2:0", family: Family::Titan, regions: &[] },
    Model { id: "amazon.nova-canvas-v1:0", family: Family::Nova, regions: &[] },
];

/// Finds the family of a model id or foundation-model ARN as `InvokeModel` takes them. `region` is the one the request was signed for;
/// an unsigned request has none and is served anywhere.
///
/// Fails like Bedrock: an id that is unknown, or not offered in the region, is a `ValidationException`; a retired one, unless the
/// `allow_retired` is set, a `ResourceNotFoundException`.
pub(super) fn find(id: &str, region: Option<&str>, allow_retired: bool) -> Result<Family, Refusal> {
    let bare = id.rsplit_once(":foundation-model/").map_or(id, |(_, bare)| bare);
    let model = MODELS.iter().find(|model| model.id == bare).ok_or_else(Refusal::unknown_model)?;
    if model.regions.is_empty() {
        return if allow_retired { Ok(model.family) } else { Err(Refusal::retired_model()) };
    }
    match region {
        Some(region) if !model.regions.contains(&region) => Err(Refusal::unknown_model()),
        _ => Ok(model.family),
    }
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
}
