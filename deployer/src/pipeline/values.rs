//! Values of variables that AWS stores: read before everything else that needs AWS, and never kept.

use std::collections::{BTreeMap, BTreeSet};

use super::begin::Home;
use super::{LoadedStack, Request, check, env_file};
use crate::aws::Place;
use crate::aws::stored::{Stored, StoredError};
use crate::failure::Failure;
use crate::plan::Goal;
use crate::spec::document::Document;
use crate::spec::finding::{DocPath, Findings};
use crate::spec::variables::Inputs;

/// Tells whether the run cannot compute some desired value, also once the stored values are read.
pub(super) fn stays_incomplete(document: &Document, request: &Request<'_>) -> bool {
    !document.lacking().is_empty() && (document.stored().is_empty() || !reads(request))
}

/// Tells whether the run reads stored values: only for desired values.
fn reads(request: &Request<'_>) -> bool {
    !request.settings.inputs.accept_missing && *request.goal != Goal::Destroy
}

/// Reads the values that AWS stores for variables of the stack, and loads the stack again with them. A stack without
/// such variables stays as it is.
///
/// # Errors
/// All values that cannot be read, or the findings about the stack with its values.
pub(super) async fn with_stored(
    loaded: LoadedStack,
    home: &Home,
    request: &Request<'_>,
) -> Result<LoadedStack, Failure> {
    let wanted = loaded.document.stored();
    if wanted.is_empty() || !reads(request) {
        return Ok(loaded);
    }
    let places: BTreeSet<Stored> = wanted.values().cloned().collect();
    let found = home.aws.read_stored(&places).await;
    let (mut values, mut failed) = (BTreeMap::new(), Vec::new());
    for (name, place) in wanted {
        match &found[place] {
            Ok(value) => drop(values.insert(name.clone(), value.clone())),
            Err(error) => failed.push((name.as_str(), place, error)),
        }
    }
    if !failed.is_empty() {
        return Err(unreadable(&failed, home.place(), &loaded.document));
    }
    let inputs = env_file::inputs(request.settings, &loaded.text)?;
    let again = check(loaded.text.clone(), &Inputs { stored: values, ..inputs })?;
    let mut news = again.warnings.clone();
    news.0.retain(|finding| !loaded.warnings.0.contains(finding));
    if !news.0.is_empty() {
        request.progress.warn(&news, again.document.source());
    }
    Ok(again)
}

/// Reports the variables whose values cannot be read. One refused call is one finding.
fn unreadable(failed: &[(&str, &Stored, &StoredError)], stack: &Place, document: &Document) -> Failure {
    let mut calls: BTreeMap<String, Vec<&(&str, &Stored, &StoredError)>> = BTreeMap::new();
    let mut findings = Findings::default();
    for one in failed {
        let (name, place, error) = one;
        match error {
            StoredError::Aws(error) => calls.entry(error.to_string()).or_default().push(one),
            StoredError::Missing => {
                let message = format!("{} of `vars.{name}` does not exist in {}", place.words(), whose(place, stack));
                findings.error("aws::no-stored-value", path(name, place), message).help(create(place, name, stack));
            }
            _ => {
                let message = format!("{} cannot be the value of `{name}`: {error}", place.words());
                findings.error("aws::unusable-value", path(name, place), message).help(remedy(place, error));
            }
        }
    }
    for (_, all) in calls {
        let Some((name, place, StoredError::Aws(error))) = all.first() else { continue };
        findings.0.push(Failure::of_stored(error, path(name, place), &permissions(&all, stack), document));
    }
    document.place(&mut findings);
    Failure::of(findings, Some(document))
}

fn path(name: &str, place: &Stored) -> DocPath {
    let property = if matches!(place, Stored::Parameter(_)) { "from_ssm" } else { "from_secret" };
    DocPath::of(["vars", name, property])
}

/// Names account and region of a place.
fn whose(place: &Stored, stack: &Place) -> String {
    let Place { account, region, .. } = place.place(stack);
    format!("account {account}, {region}")
}

/// Lists the permissions that a failed call needs.
fn permissions(all: &[&(&str, &Stored, &StoredError)], stack: &Place) -> String {
    let places = all.iter().map(|(_, place, _)| match place {
        Stored::Parameter(parameter) => ("ssm:GetParameters", parameter.arn(stack)),
        Stored::Secret(secret) => ("secretsmanager:GetSecretValue", secret.arn(stack).remove(0)),
    });
    let places: BTreeSet<(&str, String)> = places.collect();
    let arns: Vec<String> = places.iter().map(|(_, arn)| format!("`{arn}`")).collect();
    let action = places.first().map_or("", |(action, _)| action);
    format!("`{action}` on {}, and `kms:Decrypt` on the key that encrypts it", arns.join(", "))
}

/// Returns the command that creates what is missing.
fn create(place: &Stored, variable: &str, stack: &Place) -> String {
    let command = create_in_aws(place);
    match &stack.endpoint_url {
        // A local AWS has keys of its own, and the same command would write into the real account.
        Some(local) => {
            let command = command.replace("`aws ", &format!("`aws --endpoint-url {local} "));
            format!("give a value for this run: `--var {variable}=…`; or, with the keys of the local AWS, {command}")
        }
        None => command,
    }
}

fn create_in_aws(place: &Stored) -> String {
    match place {
        Stored::Parameter(parameter) if parameter.selector.is_some() => {
            format!("`aws ssm get-parameter-history --name {}` lists its versions and labels", parameter.name)
        }
        Stored::Parameter(parameter) => {
            format!("create it: `aws ssm put-parameter --name {} --type SecureString --value …`", parameter.name)
        }
        Stored::Secret(secret) if secret.version.is_some() => {
            format!("`aws secretsmanager list-secret-version-ids --secret-id {}` lists its versions", secret.id)
        }
        Stored::Secret(secret) if secret.id.starts_with("arn:") => {
            "correct the ARN; `aws secretsmanager list-secrets` lists the secrets of an account".to_owned()
        }
        Stored::Secret(secret) => {
            format!("create it: `aws secretsmanager create-secret --name {} --secret-string …`", secret.id)
        }
    }
}

fn remedy(place: &Stored, error: &StoredError) -> String {
    let put = match place {
        Stored::Parameter(parameter) => {
            format!("aws ssm put-parameter --name {} --overwrite --value …", parameter.name)
        }
        Stored::Secret(secret) => {
            format!("aws secretsmanager put-secret-value --secret-id {} --secret-string …", secret.id)
        }
    };
    match error {
        StoredError::Binary => format!("store it as a text, base64 if need be: `{put}`"),
        StoredError::NotJson(_) => "drop `key:` to use the whole text".to_owned(),
        StoredError::NoKey(_) | StoredError::NotText(_) => {
            format!("correct `key:`, or store a text under it: `{put}`")
        }
        _ => format!("store a value: `{put}`"),
    }
}
