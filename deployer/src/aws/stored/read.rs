//! Reads stored values: GetParameters for ten parameters at a time, GetSecretValue for each secret.
//!
//! BatchGetSecretValue would save calls, but it reads current versions alone and needs a permission on every secret of
//! the account.

use std::collections::{BTreeMap, BTreeSet};

use aws_config::Region;
use futures::future::join_all;
use serde_json::Value;

use super::{Parameter, Secret, SecretVersion, Stored, StoredError, StoredValue};
use crate::aws::{Aws, AwsError};

pub const GET_PARAMETERS: &str = "ssm:GetParameters";
pub const GET_SECRET: &str = "secretsmanager:GetSecretValue";
/// The most parameters of one GetParameters.
const BATCH: usize = 10;

/// The values by place.
pub type ReadValues = BTreeMap<Stored, Result<StoredValue, StoredError>>;

impl Aws {
    /// Reads values, all at once. An ARN is read in its own region.
    pub async fn read_stored(&self, wanted: &BTreeSet<Stored>) -> ReadValues {
        let mut parameters: BTreeMap<String, Vec<&Parameter>> = BTreeMap::new();
        let mut secrets: BTreeMap<(String, &str, Option<&SecretVersion>), Vec<&Secret>> = BTreeMap::new();
        for stored in wanted {
            let region = stored.place(&self.place).region;
            match stored {
                Stored::Parameter(parameter) => parameters.entry(region).or_default().push(parameter),
                // Keys of one secret need a single call.
                Stored::Secret(secret) => {
                    secrets.entry((region, &secret.id, secret.version.as_ref())).or_default().push(secret);
                }
            }
        }
        let batches = parameters.into_iter().flat_map(|(region, all)| {
            batches(all).into_iter().map(move |batch| (region.clone(), batch)).collect::<Vec<_>>()
        });
        let parameters = join_all(batches.map(|(region, batch)| self.parameters(region, batch)));
        let secrets = join_all(secrets.into_iter().map(|((region, ..), keys)| self.secret(region, keys)));
        let (parameters, secrets) = tokio::join!(parameters, secrets);
        parameters.into_iter().chain(secrets).flatten().collect()
    }

    async fn parameters(&self, region: String, batch: Vec<&Parameter>) -> ReadValues {
        let there = aws_sdk_ssm::config::Builder::new().region(Region::new(region));
        let names = batch.iter().map(|parameter| parameter.name_to_request()).collect();
        let call = self.clients.ssm.get_parameters().set_names(Some(names)).with_decryption(true);
        let answer = self.call(GET_PARAMETERS, call.customize().config_override(there).send()).await;
        let value = |parameter: &Parameter| {
            let answer = answer.as_ref().map_err(|error| StoredError::Aws(error.clone()))?;
            let named = |found: &&aws_sdk_ssm::types::Parameter| {
                let is_name = [found.name(), found.arn()].contains(&Some(&parameter.name));
                let selector = found.selector().map(|selector| selector.trim_start_matches(':'));
                is_name && selector == parameter.selector.as_deref()
            };
            let found = answer.parameters().iter().find(named).ok_or(StoredError::Missing)?;
            let text = found.value().filter(|text| !text.is_empty()).ok_or(StoredError::Empty)?;
            let is_plain = matches!(found.r#type().map(|kind| kind.as_str()), Some("String" | "StringList"));
            Ok(StoredValue { text: text.to_owned(), is_secret: !is_plain })
        };
        batch.into_iter().map(|parameter| (Stored::Parameter(parameter.clone()), value(parameter))).collect()
    }

    async fn secret(&self, region: String, keys: Vec<&Secret>) -> ReadValues {
        let there = aws_sdk_secretsmanager::config::Builder::new().region(Region::new(region));
        let Some(Secret { id, version, .. }) = keys.first() else { return ReadValues::new() };
        let mut call = self.clients.secretsmanager.get_secret_value().secret_id(id);
        call = match version {
            Some(SecretVersion::Stage(stage)) => call.version_stage(stage),
            Some(SecretVersion::Id(id)) => call.version_id(id),
            None => call,
        };
        let answer = self.call(GET_SECRET, call.customize().config_override(there).send()).await;
        let whole = match &answer {
            Ok(answer) => match (answer.secret_string(), answer.secret_binary()) {
                (None, Some(_)) => Err(StoredError::Binary),
                (text, _) => Ok(text.unwrap_or_default()),
            },
            Err(error) if error.is(&["ResourceNotFoundException"]) => Err(StoredError::Missing),
            Err(error) => Err(StoredError::Aws(AwsError::clone(error))),
        };
        let value = |key: Option<&str>| {
            let text = part(whole.clone()?, key)?;
            if text.is_empty() { Err(StoredError::Empty) } else { Ok(StoredValue { text, is_secret: true }) }
        };
        keys.into_iter().map(|secret| (Stored::Secret(secret.clone()), value(secret.key.as_deref()))).collect()
    }
}

/// Divides parameters into batches. Two versions of one parameter are in different batches, so that their answers are
/// told apart on any AWS.
fn batches(parameters: Vec<&Parameter>) -> Vec<Vec<&Parameter>> {
    let mut batches: Vec<Vec<&Parameter>> = Vec::new();
    for parameter in parameters {
        let has_room =
            |batch: &&mut Vec<&Parameter>| batch.len() < BATCH && batch.iter().all(|one| one.name != parameter.name);
        match batches.iter_mut().find(has_room) {
            Some(batch) => batch.push(parameter),
            None => batches.push(vec![parameter]),
        }
    }
    batches
}

/// Returns the text of a key of a JSON object, or the whole text without a key.
fn part(text: &str, key: Option<&str>) -> Result<String, StoredError> {
    let Some(key) = key else { return Ok(text.to_owned()) };
    let Ok(Value::Object(entries)) = serde_json::from_str(text) else {
        return Err(StoredError::NotJson(key.to_owned()));
    };
    match entries.get(key) {
        Some(Value::String(text)) => Ok(text.clone()),
        Some(plain @ (Value::Number(_) | Value::Bool(_))) => Ok(plain.to_string()),
        Some(_) => Err(StoredError::NotText(key.to_owned())),
        None => Err(StoredError::NoKey(key.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_has_ten_parameters_and_no_name_twice() {
        let parameter = |name: &str, selector: Option<&str>| Parameter {
            name: name.to_owned(),
            selector: selector.map(str::to_owned),
        };
        let mut all: Vec<Parameter> = (0..24).map(|at| parameter(&format!("/p/{at}"), None)).collect();
        all.push(parameter("/p/0", Some("3")));
        let sizes: Vec<usize> = batches(all.iter().collect()).iter().map(Vec::len).collect();
        assert_eq!(sizes, [10, 10, 5]);
        let two = [parameter("/a", None), parameter("/a", Some("1"))];
        assert_eq!(batches(two.iter().collect()).len(), 2);
    }

    #[test]
    fn a_key_gives_a_text_a_number_or_a_truth_value() {
        let text = r#"{"user": "app", "port": 5432, "tls": true, "list": [1], "none": null}"#;
        assert_eq!(part(text, None).expect("all of it"), text);
        for (key, value) in [("user", "app"), ("port", "5432"), ("tls", "true")] {
            assert_eq!(part(text, Some(key)).expect("a value"), value);
        }
        assert!(matches!(part(text, Some("list")), Err(StoredError::NotText(_))));
        assert!(matches!(part(text, Some("none")), Err(StoredError::NotText(_))));
        assert!(matches!(part(text, Some("USER")), Err(StoredError::NoKey(_))));
        assert!(matches!(part("hunter2", Some("a")), Err(StoredError::NotJson(_))));
        assert!(matches!(part("[1]", Some("a")), Err(StoredError::NotJson(_))));
    }
}
