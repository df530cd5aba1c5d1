//! Facts about Bedrock's picture models that need no call to AWS: ids, regions, end dates.
//!
//! Sources: Bedrock user guide, "Model lifecycle", the models' cards and "Supported Regions and models for inference profiles",
//! read in November 2026. A model that is not listed causes no finding: Bedrock has many others, and adds new ones.

/// The models, as of the sources above. `deployer plan` also asks Bedrock itself.
const MODELS: &[Model] = &[
    offered_model("stability.stable-image-core-v1:1", OREGON),
    offered_model("stability.stable-image-ultra-v1:1", OREGON),
    offered_model("stability.sd3-5-large-v1:0", OREGON),
    offered_model("stability.stable-conservative-upscale-v1:0", THREE),
    offered_model("stability.stable-creative-upscale-v1:0", THREE),
    offered_model("stability.stable-fast-upscale-v1:0", THREE),
    offered_model("stability.stable-image-control-sketch-v1:0", THREE),
    offered_model("stability.stable-image-control-structure-v1:0", THREE),
    offered_model("stability.stable-image-erase-object-v1:0", THREE),
    offered_model("stability.stable-image-inpaint-v1:0", THREE),
    offered_model("stability.stable-image-remove-background-v1:0", THREE),
    offered_model("stability.stable-image-search-recolor-v1:0", THREE),
    offered_model("stability.stable-image-search-replace-v1:0", THREE),
    offered_model("stability.stable-image-style-guide-v1:0", THREE),
    offered_model("stability.stable-outpaint-v1:0", THREE),
    offered_model("stability.stable-style-transfer-v1:0", THREE),
    retired_model("amazon.nova-canvas-v1:0", Some("2026-09-30")),
    retired_model("amazon.titan-image-generator-v1", None),
    retired_model("amazon.titan-image-generator-v1:0", None),
    retired_model("amazon.titan-image-generator-v2:0", Some("2026-06-30")),
    retired_model("stability.sd3-large-v1:0", None),
    retired_model("stability.stable-diffusion-xl-v1", None),
    retired_model("stability.stable-image-core-v1:0", None),
    retired_model("stability.stable-image-ultra-v1:0", None),
];

/// The hint for a model that draws no pictures any more: a model to use in its place.
pub const SERVED: &str = "use `stability.stable-image-core-v1:1` in us-west-2";

const OREGON: &[&str] = &["us-west-2"];
/// The regions to which the profiles `us.stability.…` send requests, whichever of these regions a request comes from.
const THREE: &[&str] = &["us-east-1", "us-east-2", "us-west-2"];

/// The geographies of inference profiles, and the regions that one may send requests to, as a pattern of IAM.
const GEOGRAPHIES: &[(&str, &str)] = &[
    ("apac", "ap-*"),
    ("au", "ap-southeast-*"),
    ("ca", "ca-*"),
    ("eu", "eu-*"),
    ("global", "*"),
    ("jp", "ap-northeast-*"),
    ("us", "us-*"),
    ("us-gov", "us-gov-*"),
];

/// A model that Bedrock serves, or no longer serves.
#[derive(Debug, PartialEq, Eq)]
pub struct Model {
    pub id: &'static str,
    /// The regions that offer the model; empty for a retired model.
    pub regions: &'static [&'static str],
    /// Bedrock no longer serves it.
    pub is_retired: bool,
    /// The day on which Bedrock ended the model, as `2026-09-30`, if AWS's documents state it.
    pub ended: Option<&'static str>,
}

const fn offered_model(id: &'static str, regions: &'static [&'static str]) -> Model {
    Model { id, regions, is_retired: false, ended: None }
}

const fn retired_model(id: &'static str, ended: Option<&'static str>) -> Model {
    Model { id, regions: &[], is_retired: true, ended }
}

/// Finds a model by its id.
pub fn find(id: &str) -> Option<&'static Model> {
    MODELS.iter().find(|model| model.id == id)
}

impl Model {
    /// Returns the message about a retired model: "Bedrock ended the model amazon.nova-canvas-v1:0 on 2026-09-30".
    pub fn retirement(&self) -> String {
        match self.ended {
            Some(day) => format!("Bedrock ended the model {} on {day}", self.id),
            None => format!("Bedrock no longer serves the model {}", self.id),
        }
    }
}

/// An inference profile that AWS defines: `us.stability.stable-image-inpaint-v1:0`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Profile<'a> {
    pub id: &'a str,
    /// The foundation model's id.
    pub model: &'a str,
    /// The regions that it may send requests to, as a pattern of IAM.
    pattern: &'static str,
}

impl<'a> Profile<'a> {
    /// Parses the id of an inference profile. Returns `None` for the id of a foundation model.
    pub fn parse(id: &'a str) -> Option<Self> {
        let (geography, model) = id.split_once('.')?;
        let (_, pattern) = GEOGRAPHIES.iter().find(|(name, _)| *name == geography)?;
        // A foundation model's id has its provider before the first dot.
        model.contains('.').then_some(Self { id, model, pattern })
    }

    /// Returns the regions whose foundation model the profile may use: by name if they are known, else as a pattern.
    pub fn regions(&self) -> Vec<&'static str> {
        match find(self.model) {
            Some(model) if !model.regions.is_empty() => model.regions.to_vec(),
            _ => vec![self.pattern],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_id_of_a_profile_is_told_from_that_of_a_model() {
        for id in ["us.stability.stable-image-inpaint-v1:0", "eu.amazon.nova-pro-v1:0", "us-gov.anthropic.claude-v1"] {
            assert_eq!(Profile::parse(id).map(|profile| profile.model), id.split_once('.').map(|(_, model)| model));
        }
        for id in ["stability.sd3-5-large-v1:0", "us.model", "eu", "usa.anthropic.x", "ai21.jamba-1.5-large"] {
            assert_eq!(Profile::parse(id), None, "{id}");
        }
    }

    #[test]
    fn the_regions_of_a_profile_are_named_where_they_are_known() {
        let regions = |id| Profile::parse(id).map(|profile| profile.regions());
        assert_eq!(regions("us.stability.stable-outpaint-v1:0"), Some(THREE.to_vec()));
        assert_eq!(regions("eu.amazon.nova-pro-v1:0"), Some(vec!["eu-*"]));
    }

    #[test]
    fn a_model_is_listed_once_and_either_offered_somewhere_or_retired() {
        for model in MODELS {
            assert_eq!(find(model.id), Some(model), "{} is listed twice", model.id);
            assert_eq!(model.regions.is_empty(), model.is_retired, "{}", model.id);
        }
    }
}
