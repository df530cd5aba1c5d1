//! Values that AWS stores: parameters of the Parameter Store (SSM) and secrets of Secrets Manager.

mod read;

use std::fmt;

use super::{AwsError, Place};

pub use read::{GET_PARAMETERS, GET_SECRET};

/// The place of a value in AWS.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stored {
    Parameter(Parameter),
    Secret(Secret),
}

/// A parameter of the Parameter Store.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Parameter {
    /// The name or the ARN.
    pub name: String,
    /// A version's number or label; the newest version without one.
    pub selector: Option<String>,
}

/// A secret of Secrets Manager.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Secret {
    /// The name or the ARN.
    pub id: String,
    /// The version; `AWSCURRENT` without one.
    pub version: Option<SecretVersion>,
    /// The key in the secret's JSON object; without one the whole text is the value.
    pub key: Option<String>,
}

/// A version of a secret.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum SecretVersion {
    Stage(String),
    Id(String),
}

/// A value that was read.
#[derive(Clone)]
pub struct StoredValue {
    pub text: String,
    pub is_secret: bool,
}

impl fmt::Debug for StoredValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoredValue").field("is_secret", &self.is_secret).finish_non_exhaustive()
    }
}

/// The reason why a value cannot be used. No variant holds a value.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoredError {
    #[error("{0}")]
    Aws(AwsError),
    #[error("it does not exist")]
    Missing,
    #[error("the secret is binary")]
    Binary,
    #[error("the value is empty")]
    Empty,
    #[error("the secret is no JSON object, so it has no key `{0}`")]
    NotJson(String),
    #[error("the secret has no key `{0}`")]
    NoKey(String),
    #[error("the value of the key `{0}` is a list, a map or null")]
    NotText(String),
}

/// The parts of an ARN.
struct Arn<'a> {
    partition: &'a str,
    service: &'a str,
    region: &'a str,
    account: &'a str,
    resource: &'a str,
}

impl<'a> Arn<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        let mut parts = text.strip_prefix("arn:")?.splitn(5, ':');
        let mut part = || parts.next();
        let (partition, service, region) = (part()?, part()?, part()?);
        Some(Self { partition, service, region, account: part()?, resource: part()? })
    }

    /// Returns the text after `kind` in the ARN of a resource of `service`.
    fn resource_of(text: &'a str, service: &str, kind: &str) -> Option<(Self, &'a str)> {
        let arn = Self::parse(text)?;
        let name = arn.resource.strip_prefix(kind)?;
        let is_whole = arn.service == service && !arn.region.is_empty() && !arn.account.is_empty();
        is_whole.then_some((arn, name))
    }
}

impl Parameter {
    /// Parses a name or an ARN, with `:VERSION` or `:LABEL` behind it if wanted. `None` if the Parameter Store has no
    /// such names.
    pub fn parse(text: &str) -> Option<Self> {
        let (name, selector) = match text.starts_with("arn:") {
            true => {
                let (_, rest) = Arn::resource_of(text, "ssm", "parameter/")?;
                let end = rest.find(':').map_or(text.len(), |at| text.len() - rest.len() + at);
                (&text[..end], text.get(end + 1..))
            }
            false => text.split_once(':').map_or((text, None), |(name, selector)| (name, Some(selector))),
        };
        let own = name.rsplit_once("parameter/").filter(|_| name.starts_with("arn:")).map_or(name, |(_, own)| own);
        let is_name = !own.trim_matches('/').is_empty() && is_made_of(own, "_.-/");
        // A name with a hierarchy begins at its root.
        let is_rooted = own.len() < name.len() || own.starts_with('/') || !own.contains('/');
        let is_selector = selector.is_none_or(|selector| !selector.is_empty() && is_made_of(selector, "_.-"));
        (is_name && is_rooted && is_selector)
            .then(|| Self { name: name.to_owned(), selector: selector.map(str::to_owned) })
    }

    /// Returns the ARN that IAM compares.
    pub fn arn(&self, place: &Place) -> String {
        if self.name.starts_with("arn:") {
            return self.name.clone();
        }
        // AWS's public parameters belong to no account.
        let account = if self.name.starts_with("/aws/service/") { String::new() } else { place.account.clone() };
        Place { account, ..place.clone() }.arn("ssm", &format!("parameter/{}", self.name.trim_start_matches('/')))
    }

    /// Returns the text that the call takes.
    fn name_to_request(&self) -> String {
        self.selector.as_ref().map_or_else(|| self.name.clone(), |selector| format!("{}:{selector}", self.name))
    }
}

impl Secret {
    /// Tells whether `id` can be the name or the ARN of a secret.
    pub fn is_id(id: &str) -> bool {
        let name = match id.starts_with("arn:") {
            true => Arn::resource_of(id, "secretsmanager", "secret:").map(|(_, name)| name),
            false => Some(id),
        };
        name.is_some_and(|name| !name.is_empty() && name.len() <= 512 && is_made_of(name, "/_+=.@-!"))
    }

    /// Returns the ARN that IAM compares. AWS adds a hyphen and six characters to a name. Each `?` stands for one of
    /// them.
    pub fn arn(&self, place: &Place) -> Vec<String> {
        match self.id.starts_with("arn:") {
            // Secrets Manager takes an ARN without these characters, too.
            true => vec![self.id.clone(), format!("{}-??????", self.id)],
            false => vec![place.arn("secretsmanager", &format!("secret:{}-??????", self.id))],
        }
    }
}

impl Stored {
    /// Returns the name or the ARN, for messages.
    pub fn name(&self) -> &str {
        match self {
            Self::Parameter(parameter) => &parameter.name,
            Self::Secret(secret) => &secret.id,
        }
    }

    /// Describes the place: "the parameter `/shop/key`".
    pub fn words(&self) -> String {
        match self {
            Self::Parameter(parameter) => format!("the parameter `{}`", parameter.name_to_request()),
            Self::Secret(Secret { id, version: None, .. }) => format!("the secret `{id}`"),
            Self::Secret(Secret { id, version: Some(SecretVersion::Stage(stage)), .. }) => {
                format!("the version `{stage}` of the secret `{id}`")
            }
            Self::Secret(Secret { id, version: Some(SecretVersion::Id(version)), .. }) => {
                format!("the version `{version}` of the secret `{id}`")
            }
        }
    }

    /// Returns region, account and partition of the place: those of an ARN, else the stack's.
    pub fn place(&self, stack: &Place) -> Place {
        match Arn::parse(self.name()) {
            Some(Arn { partition, region, account, .. }) => Place {
                account: account.to_owned(),
                region: region.to_owned(),
                partition: partition.to_owned(),
                endpoint_url: stack.endpoint_url.clone(),
            },
            None => stack.clone(),
        }
    }
}

/// Tells whether a text consists only of letters, digits and these marks.
fn is_made_of(text: &str, marks: &str) -> bool {
    text.chars().all(|c| c.is_ascii_alphanumeric() || marks.contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place() -> Place {
        let (account, region) = ("123456789012".to_owned(), "eu-west-1".to_owned());
        Place { account, region, partition: "aws".to_owned(), endpoint_url: None }
    }

    #[test]
    fn a_parameter_is_a_name_or_an_arn_with_or_without_a_version() {
        let of = |text: &str| Parameter::parse(text).map(|p| (p.name.clone(), p.selector.clone(), p.arn(&place())));
        let arn = |name: &str| format!("arn:aws:ssm:eu-west-1:123456789012:parameter/{name}");
        let some =
            |name: &str, selector: Option<&str>, arn: String| Some((name.to_owned(), selector.map(str::to_owned), arn));
        assert_eq!(of("/shop/api-key"), some("/shop/api-key", None, arn("shop/api-key")));
        assert_eq!(of("key"), some("key", None, arn("key")));
        let public = "/aws/service/debian/release/12/latest/amd64";
        let everybodys = format!("arn:aws:ssm:eu-west-1::parameter{public}");
        assert_eq!(of(public), some(public, None, everybodys));
        assert_eq!(of("/shop/key:3"), some("/shop/key", Some("3"), arn("shop/key")));
        let shared = "arn:aws:ssm:eu-west-1:999999999999:parameter/shared/key";
        assert_eq!(of(shared), some(shared, None, shared.to_owned()));
        assert_eq!(of(&format!("{shared}:live")), some(shared, Some("live"), shared.to_owned()));
        for wrong in [
            "",
            "/",
            "a b",
            "shop/key",
            "/a:",
            "/a:b:c",
            "arn:aws:ssm:eu-west-1:1:document/x",
            "arn:aws:sqs:::q",
            "arn:aws:ssm:eu-west-1:1:parameter/",
            "arn:aws:ssm::1:parameter/x",
            "/a*",
        ] {
            assert_eq!(of(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_secret_is_allowed_with_the_six_characters_that_aws_adds() {
        let secret = |id: &str| Secret { id: id.to_owned(), version: None, key: None };
        assert_eq!(
            secret("shop/stripe").arn(&place()),
            ["arn:aws:secretsmanager:eu-west-1:123456789012:secret:shop/stripe-??????"]
        );
        let other = "arn:aws:secretsmanager:us-east-1:999999999999:secret:stripe-AbCdEf";
        assert_eq!(secret(other).arn(&place()), [other.to_owned(), format!("{other}-??????")]);
        let there = Stored::Secret(secret(other)).place(&place());
        assert_eq!((there.region.as_str(), there.account.as_str()), ("us-east-1", "999999999999"));
        assert!(Secret::is_id(other) && Secret::is_id("rds!db-1") && Secret::is_id("shop/stripe"));
        for wrong in ["", "a b", "a*", "a?", "arn:aws:ssm:eu-west-1:1:parameter/x", "arn:aws:secretsmanager:x"] {
            assert!(!Secret::is_id(wrong), "{wrong}");
        }
    }

    #[test]
    fn no_value_is_in_a_debug_text() {
        let value = StoredValue { text: "hunter2".to_owned(), is_secret: true };
        assert!(!format!("{value:?}").contains("hunter2"));
    }
}
