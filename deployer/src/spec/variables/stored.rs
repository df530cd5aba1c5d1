//! Variables whose values AWS stores: `from_ssm` and `from_secret`.

use serde_json::Value;

use super::{Declaration, Resolver, Variables, how_to_give};
use crate::aws::stored::{Parameter, Secret, SecretVersion, Stored};
use crate::spec::finding::{DocPath, Findings};
use crate::spec::template::{self, TextPart};

/// The properties that say more about `from_secret`.
type Detail = (&'static str, fn(&Declaration) -> bool);
const DETAILS: [Detail; 3] = [
    ("key", |declaration| declaration.key.is_some()),
    ("version_stage", |declaration| declaration.version_stage.is_some()),
    ("version_id", |declaration| declaration.version_id.is_some()),
];

impl Resolver<'_> {
    /// Reports properties of a declaration that contradict each other.
    pub(super) fn check_source(&mut self, declaration: &Declaration, path: &DocPath) {
        let name = path.0.last().cloned().unwrap_or_default();
        let sources = [
            ("default", declaration.default.is_some()),
            ("from_ssm", declaration.from_ssm.is_some()),
            ("from_secret", declaration.from_secret.is_some()),
            ("required", declaration.required),
        ];
        let sources: Vec<&str> = sources.into_iter().filter(|(_, stated)| *stated).map(|(name, _)| name).collect();
        if let ([first, second, ..], true) = (&sources[..], declaration.is_stored()) {
            let message = format!("`{name}` has both `{first}` and `{second}`");
            self.findings.error("stack::bad-value", path.then(*second), message).help("keep one of the two").at_key();
        }
        for (detail, is_stated) in DETAILS {
            if is_stated(declaration) && declaration.from_secret.is_none() {
                let help = match (detail, &declaration.from_ssm) {
                    ("version_stage" | "version_id", Some(from)) => format!(
                        "write the number or the label of the version behind the parameter: `from_ssm: {from}:3`"
                    ),
                    _ => "drop it, or name the secret: `from_secret: NAME`".to_owned(),
                };
                let message = format!("`{detail}` belongs to `from_secret`");
                self.findings.error("stack::bad-value", path.then(detail), message).help(help).at_key();
            }
        }
        if declaration.version_stage.is_some() && declaration.version_id.is_some() {
            self.findings
                .error("stack::bad-value", path.then("version_id"), "`version_stage` names a version already")
                .help("keep one of the two")
                .at_key();
        }
        if declaration.from_secret.is_some() && declaration.secret == Some(false) {
            self.findings
                .error("stack::bad-value", path.then("secret"), "a value of Secrets Manager is always a secret")
                .help("drop `secret: false`");
        }
    }

    /// Returns the value of a variable that AWS stores, if it was read. Otherwise notes the place to read it from.
    pub(super) fn stored_value(&mut self, name: &str, declaration: &Declaration, path: &DocPath) -> Option<Value> {
        let Some(found) = self.inputs.stored.get(name) else {
            let place = self.place(name, declaration, path)?;
            if !(self.inputs.keep_secrets && declaration.is_secret()) {
                self.stored.insert(name.to_owned(), place);
            }
            self.lacking.add(name, declaration.is_secret());
            return None;
        };
        if !found.is_secret {
            self.plain.extend((declaration.secret != Some(true)).then(|| name.to_owned()));
        } else if declaration.secret == Some(false) {
            self.findings
                .error(
                    "stack::bad-value",
                    path.then("secret"),
                    format!("`{name}` is a SecureString, so it is a secret"),
                )
                .help("drop `secret: false`");
            return None;
        }
        Some(Value::String(template::escape(&found.text)))
    }

    /// Returns the place of the value. `None` if it is declared wrongly, or needs a variable without a value.
    fn place(&mut self, name: &str, declaration: &Declaration, path: &DocPath) -> Option<Stored> {
        let (property, text) = match (&declaration.from_ssm, &declaration.from_secret) {
            (Some(text), _) => ("from_ssm", text),
            (None, Some(text)) => ("from_secret", text),
            (None, None) => return None,
        };
        let text = self.reference(name, text, &path.then(property))?;
        let place = match property {
            "from_ssm" => Parameter::parse(&text).map(Stored::Parameter),
            _ => self.secret(name, &text, declaration, path)?.map(Stored::Secret),
        };
        let path = path.then(property);
        if place.is_none() {
            let (what, form) = match property {
                "from_ssm" => (
                    "parameter",
                    "`/shop/api-key`, `/shop/api-key:3` or `arn:aws:ssm:REGION:ACCOUNT:parameter/shop/api-key`",
                ),
                _ => ("secret", "`shop/stripe` or `arn:aws:secretsmanager:REGION:ACCOUNT:secret:shop/stripe-AbCdEf`"),
            };
            self.findings
                .error("stack::bad-value", path, format!("{text:?} is neither the name nor the ARN of a {what}"))
                .help(format!("write {form}"));
        }
        place
    }

    /// Returns the place in Secrets Manager; `None` inside if `id` cannot be one.
    fn secret(&mut self, name: &str, id: &str, declaration: &Declaration, path: &DocPath) -> Option<Option<Secret>> {
        let mut filled = |property: &str, text: &Option<String>| match text {
            Some(text) => self.reference(name, text, &path.then(property)).map(Some),
            None => Some(None),
        };
        let stage = filled("version_stage", &declaration.version_stage)?.map(SecretVersion::Stage);
        let version = filled("version_id", &declaration.version_id)?.map(SecretVersion::Id);
        let key = filled("key", &declaration.key)?;
        Some(Secret::is_id(id).then(|| Secret { id: id.to_owned(), version: stage.or(version), key }))
    }

    /// Fills in the variables of a name or ARN. It is needed before AWS is asked about anything else, so it can have no
    /// other references.
    fn reference(&mut self, name: &str, text: &str, path: &DocPath) -> Option<String> {
        if !text.contains("${") {
            return Some(text.to_owned());
        }
        let parts = template::parse(text).unwrap_or_default();
        let used = parts.iter().filter_map(|part| if let TextPart::Var(used) = part { Some(used) } else { None });
        let is_stored = |used: &&String| {
            *used != name
                && self.declared.get(*used).is_some_and(Declaration::is_stored)
                && !self.given.values.contains_key(*used)
        };
        if let Some(used) = used.clone().find(is_stored) {
            self.findings
                .error("stack::bad-value", path.clone(), format!("`vars.{used}` is read from AWS at the same time"))
                .help(format!("write the value out, or give it: {}", how_to_give(used)));
            return None;
        }
        if parts.iter().any(|part| !matches!(part, TextPart::Text(_) | TextPart::Var(_))) {
            self.findings
                .error(
                    "stack::reference-type",
                    path.clone(),
                    "the value is read before AWS is asked about anything else",
                )
                .help(
                    "write the name out, or use variables and the environment: `/shop/${env}/key`, `/${vars.name}/key`",
                );
            return None;
        }
        match self.default(name, text, path)? {
            Value::String(text) => template::plain(&text),
            other => Some(other.to_string()),
        }
    }
}

impl Variables {
    /// Reports secrets in the names of parameters and secrets: messages and the printed policies show these names.
    pub(super) fn check_places(&self, findings: &mut Findings) {
        for (name, place) in &self.stored {
            let property = if matches!(place, Stored::Parameter(_)) { "from_ssm" } else { "from_secret" };
            if self.secrets.touches(place.name()) {
                findings
                    .error(
                        "stack::secret-identity",
                        DocPath::of(["vars", name, property]),
                        format!("a secret is a part of the place of `{name}`, which messages and policies show to all"),
                    )
                    .help("use a variable that is no secret here");
            }
        }
    }
}
