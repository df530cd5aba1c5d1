//! How a subscription is addressed.

use crate::spec::secrets::Secrets;
use crate::spec::template::{self, TextPart};

/// Returns the text that stands for an endpoint in an address: the target of a reference, the variable of a secret. A
/// hash would let every reader check a guess, and the address would change with the secret.
pub(super) fn in_address(endpoint: &str, secrets: &Secrets) -> String {
    let parts = template::parse(endpoint).unwrap_or_default();
    let is_secret = |part: &TextPart| matches!(part, TextPart::Text(text) if secrets.touches(text));
    if !parts.iter().any(is_secret) {
        return endpoint.replace("${", "").replace('}', "");
    }
    let named = |part: &TextPart| match part {
        TextPart::Text(text) => secrets.name_secrets(text).into_owned(),
        TextPart::Ref(to) => format!("{}.{}", to.address, to.output),
        TextPart::Var(name) => format!("vars.{name}"),
        TextPart::Aws(name) => format!("aws.{name}"),
        TextPart::Env => "env".to_owned(),
    };
    parts.iter().map(named).collect()
}
