//! Checks the Bedrock models that environment variables name and that roles may invoke.

use serde_json::Value;

use super::Resource;
use crate::aws::bedrock::{FoundationModel, invocable_resources};
use crate::aws::partition;
use crate::models::{self, Profile, SERVED};
use crate::spec::document::Document;
use crate::spec::finding::{DocPath, Findings};
use crate::spec::nearest::quoted;
use crate::spec::region;

/// Warns of environment variables that name a model that Bedrock has retired: the first call would fail.
pub(super) fn environment(document: &Document, function: &Resource, findings: &mut Findings) {
    let environment = function.spec.get("environment").and_then(Value::as_object);
    for (name, value) in environment.into_iter().flatten() {
        let path = document.locate(&function.element).then("environment").then(name);
        // Several models may be given, in order of preference.
        for id in value.as_str().unwrap_or_default().split([',', ' ']) {
            warn_if_retired(id, path.clone(), findings);
        }
    }
}

/// Reports permissions to invoke an inference profile written as a model, a retired model, or one that its region does
/// not offer.
pub(super) fn permissions(document: &Document, role: &Resource, findings: &mut Findings) {
    let documents = role.spec["inline_policies"].as_object().into_iter().flatten();
    for arn in documents.flat_map(|(_, policy)| invocable_resources(policy)) {
        let Some(model) = FoundationModel::parse(arn) else { continue };
        let path = document.find_text(&role.element, &format!("foundation-model/{}", model.id));
        match Profile::parse(&model.id) {
            Some(profile) => no_model(&model, profile, path, findings),
            None if model.has_id() => check_offer(&model, path, findings),
            None => no_id(&model, path, findings),
        }
    }
}

/// Reports an inference profile in place of a foundation model's id: the permission allows nothing.
fn no_model(written: &FoundationModel, profile: Profile<'_>, path: DocPath, findings: &mut Findings) {
    let FoundationModel { partition, region, .. } = written;
    let message =
        format!("`{}` is an inference profile, not a foundation model: this permission allows nothing", profile.id);
    let of_profile = format!("arn:{partition}:bedrock:{region}:${{aws.account_id}}:inference-profile/{}", profile.id);
    let model = |region: &str| {
        FoundationModel { partition: partition.clone(), region: region.to_owned(), id: profile.model.to_owned() }.arn()
    };
    let of_models: Vec<String> = profile.regions().into_iter().map(model).collect();
    findings.error("model::profile", path, message).help(format!(
        "allow the profile and its model in each region that it may send a request to: `on: [ \"{of_profile}\", \"{}\" ]`",
        of_models.join("\", \"")
    ));
}

/// Reports a text that cannot be a model's id. Several ids in one ARN need an ARN each.
fn no_id(written: &FoundationModel, path: DocPath, findings: &mut Findings) {
    let one = |id: &str| format!("\"{}\"", FoundationModel { id: id.trim().to_owned(), ..written.clone() }.arn());
    let help = match written.id.contains(',') {
        true => format!(
            "write one ARN for each: `on: [ {} ]`",
            written.id.split(',').map(one).collect::<Vec<_>>().join(", ")
        ),
        false => "an id has small letters, digits, `.`, `:` and `-`; `*` stands for any characters".to_owned(),
    };
    let message = format!("`{}` is not the id of a model: this permission allows nothing", written.id);
    findings.error("model::id", path, message).help(help);
}

/// Warns of a model that is retired, or that its region does not offer.
fn check_offer(written: &FoundationModel, path: DocPath, findings: &mut Findings) {
    let region = &written.region;
    if warn_if_retired(&written.id, path.clone(), findings) || !written.has_region() {
        return;
    }
    if !partition::regions().any(|known| known == region) {
        region::doubt(region, "the region of this model", path, findings);
        return;
    }
    if let Some(model) = models::find(&written.id).filter(|model| !model.regions.contains(&region.as_str())) {
        let regions = quoted(model.regions.iter().copied());
        findings
            .warning("model::region", path, format!("{region} does not offer the model {}", model.id))
            .help(format!("Bedrock offers it in {regions}; the function has to call Bedrock there, too"));
    }
}

/// Warns of a retired model. Returns whether the model is retired.
fn warn_if_retired(id: &str, path: DocPath, findings: &mut Findings) -> bool {
    let Some(model) = models::find(id).filter(|model| model.is_retired) else { return false };
    findings.warning("function::retired-model", path, model.retirement()).help(SERVED);
    true
}
