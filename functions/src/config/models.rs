//! Reads the models of `MODEL_ID`, and checks whether they can work.

use super::reader::{Reader, shown};
use crate::model::catalog::{self, CatalogEntry, ModelReference};
use crate::model::{Family, ModelSettings, Quality};

/// The settings that models are checked against.
struct Check<'a> {
    region: &'a str,
    /// The family that the environment states. It overrides the table of known models.
    stated: Option<Family>,
}

/// The reason against a model.
enum Objection {
    /// The model cannot work.
    Refused(String),
    /// The model works only if the table of known models is wrong or incomplete.
    Doubtful(String),
}

const FAMILIES: [(&str, Family); 3] =
    [("stability", Family::Stability), ("titan", Family::Titan), ("nova", Family::Nova)];

/// Reads the models of `MODEL_ID`, in order of preference, and their settings. Returns warnings as well.
pub(super) fn read<G: Fn(&str) -> Option<String>>(
    reader: &mut Reader<G>,
    region: &str,
) -> (Vec<ModelSettings>, Vec<String>) {
    let ids = reader.list("MODEL_ID");
    if ids.is_empty() {
        reader.findings.push("MODEL_ID is not set".to_owned());
    }
    let stated = reader.choice("MODEL_FAMILY", &FAMILIES);
    // An endpoint of one's own may serve other models than AWS does, so the table's objections are only warnings there.
    let own_endpoint = ["AWS_ENDPOINT_URL_BEDROCK_RUNTIME", "AWS_ENDPOINT_URL"];
    let own_endpoint = own_endpoint.iter().any(|name| reader.optional(name).is_some());
    let check = Check { region, stated };
    let mut families = Vec::new();
    let mut warnings = Vec::new();
    for id in ids {
        let (family, objections) = check.objections(&id);
        for objection in objections {
            match objection {
                Objection::Doubtful(text) if own_endpoint => warnings.push(format!("MODEL_ID {} {text}", shown(&id))),
                Objection::Refused(text) | Objection::Doubtful(text) => {
                    reader.findings.push(format!("MODEL_ID {} {text}", shown(&id)));
                }
            }
        }
        if let Some(family) = family {
            families.push((id, family));
        }
    }
    (settings(reader, families), warnings)
}

impl Check<'_> {
    /// Returns the family of the model `id`, if it is known, and the objections to the model.
    fn objections(&self, id: &str) -> (Option<Family>, Vec<Objection>) {
        let Some(named) = catalog::parse_reference(id) else {
            let text = "is an ARN, but not of a model or an inference profile of Bedrock".to_owned();
            return (None, vec![Objection::Refused(text)]);
        };
        let mut objections = Vec::new();
        if let Some(why) = named.model.and_then(catalog::why_unfit) {
            objections.push(Objection::Refused(format!("cannot be used: {why}")));
            return (None, objections);
        }
        objections.extend(self.object_to_region(&named));
        match (named.model.and_then(catalog::find), self.stated) {
            (Some(known), Some(stated)) if known.family != stated => {
                let text = format!("is of the family {:?}, but MODEL_FAMILY says {stated:?}", known.family);
                objections.push(Objection::Refused(text));
                (None, objections)
            }
            (_, Some(stated)) => (Some(stated), objections),
            (Some(known), None) => {
                objections.extend(self.object_to_offer(known, &named));
                (Some(known.family), objections)
            }
            (None, None) => {
                objections.push(Objection::Refused(unknown(&named)));
                (None, objections)
            }
        }
    }

    /// Objects to an ARN or a profile whose regions do not include the configured one.
    fn object_to_region(&self, named: &ModelReference<'_>) -> Option<Objection> {
        let region = named.region.filter(|region| !self.region.is_empty() && !self.region.starts_with(region))?;
        let more = if region.ends_with('-') { "…" } else { "" };
        let text = format!("is of {region}{more}, but MODEL_REGION is {}", shown(self.region));
        Some(Objection::Refused(text))
    }

    /// Objects to a model that has ended, or that the region does not offer. A profile has regions of its own.
    fn object_to_offer(&self, known: &CatalogEntry, named: &ModelReference<'_>) -> Option<Objection> {
        let lift = "if you know better, state MODEL_FAMILY=stability, titan or nova";
        if let Some(day) = known.ended {
            let served: Vec<_> = catalog::served_models().collect();
            let text = format!("has ended on {day}; Bedrock serves {} ({lift})", served.join(", "));
            return Some(Objection::Doubtful(text));
        }
        let elsewhere = !named.profile && !self.region.is_empty() && !known.regions.contains(&self.region);
        elsewhere.then(|| {
            let (here, there) = (shown(self.region), known.regions.join(", "));
            Objection::Doubtful(format!("is not offered in MODEL_REGION {here}, but in {there} ({lift})"))
        })
    }
}

fn unknown(named: &ModelReference<'_>) -> String {
    match named.model {
        None => "does not tell what model is behind it: state MODEL_FAMILY=stability, titan or nova".to_owned(),
        Some(_) => {
            let served: Vec<_> = catalog::served_models().collect();
            format!(
                "is not known to this version, which knows {}: if it draws pictures, state MODEL_FAMILY=stability, titan or nova",
                served.join(", ")
            )
        }
    }
}

/// Reads the models' settings besides prompt and seed. Stability's models have no size, quality or scale, so those
/// variables are read only if a model of another family is configured.
fn settings<G: Fn(&str) -> Option<String>>(
    reader: &mut Reader<G>,
    families: Vec<(String, Family)>,
) -> Vec<ModelSettings> {
    let (mut width, mut height, mut cfg_scale, mut quality) = (1024, 1024, 8.0, Quality::Standard);
    if families.iter().any(|(_, family)| *family != Family::Stability) {
        let told = (reader.number("IMAGE_WIDTH", 64, 4096), reader.number("IMAGE_HEIGHT", 64, 4096));
        (width, height) = (told.0.unwrap_or(width), told.1.unwrap_or(height));
        cfg_scale = reader.number("CFG_SCALE", 1.1, 10.0).unwrap_or(cfg_scale);
        let qualities = [("standard", Quality::Standard), ("premium", Quality::Premium)];
        quality = reader.choice("QUALITY", &qualities).unwrap_or(quality);
    }
    for (id, family) in &families {
        if let Some(why) = catalog::wrong_size(*family, width, height) {
            let finding = format!("IMAGE_WIDTH and IMAGE_HEIGHT {width}×{height} do not fit {}: {why}", shown(id));
            reader.findings.push(finding);
        }
    }
    let with = |(id, family)| ModelSettings { id, family, width, height, cfg_scale, quality };
    families.into_iter().map(with).collect()
}
