//! Parses texts with `${…}` in them.
//!
//! `${vars.x}`, `${section.name.output}`, `${aws.region}`; `$${` stands for a literal `${`.

use serde_json::Value;

use super::finding::DocPath;
use super::foreign;
use super::nearest::nearest;

/// A piece of a parsed text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TextPart {
    Text(String),
    /// `${vars.NAME}`
    Var(String),
    /// `${ADDRESS.output}`
    Ref(Ref),
    /// `${aws.NAME}`, one of [`AWS`]
    Aws(String),
    /// `${env}` or `${stack.env}`
    Env,
}

/// An output of a resource: `${queues.image-requests.arn}`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ref {
    pub address: String,
    pub output: String,
}

/// The names that `${aws.…}` knows.
pub const AWS: &[&str] = &["account_id", "region", "partition"];

/// The reason why a text cannot be parsed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct TemplateError {
    pub message: String,
    pub help: String,
}

/// Splits a text into its parts. Unescapes `$${` and joins neighbouring texts.
///
/// # Errors
/// Returns the first `${…}` that is not closed, empty, or unknown.
pub fn parse(text: &str) -> Result<Vec<TextPart>, TemplateError> {
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        push_text(&mut parts, &rest[..at]);
        rest = &rest[at..];
        if let Some(after) = rest.strip_prefix("$${") {
            push_text(&mut parts, "${");
            rest = after;
        } else if let Some(after) = rest.strip_prefix("${") {
            let end = after.find(['}', '{']).filter(|&end| after[end..].starts_with('}'));
            let end = end.ok_or_else(|| {
                error("`${` is not closed".into(), "write `${section.name.output}`, or `$${` for a literal `${`")
            })?;
            parts.push(expression(after[..end].trim())?);
            rest = &after[end + 1..];
        } else {
            push_text(&mut parts, "$");
            rest = &rest[1..];
        }
    }
    push_text(&mut parts, rest);
    Ok(parts)
}

fn push_text(parts: &mut Vec<TextPart>, text: &str) {
    match parts.last_mut() {
        _ if text.is_empty() => {}
        Some(TextPart::Text(last)) => last.push_str(text),
        _ => parts.push(TextPart::Text(text.to_owned())),
    }
}

fn error(message: String, help: impl Into<String>) -> TemplateError {
    TemplateError { message, help: help.into() }
}

fn expression(inner: &str) -> Result<TextPart, TemplateError> {
    let literal = || {
        format!(
            "write `${{section.name.output}}`, `${{vars.name}}` or `${{aws.region}}`; a literal text is `$${{{inner}}}`"
        )
    };
    if inner.is_empty() {
        return Err(error("`${}` is empty".into(), literal()));
    }
    if let Some(ours) = foreign::reference(inner) {
        return Err(error(format!("`${{{inner}}}` is not a reference"), ours));
    }
    // Parts that the deployer derives have brackets in their addresses: `http_apis.shop.authorizer[users]`.
    if let Some(odd) = inner.chars().find(|c| !(c.is_ascii_alphanumeric() || "_-./:@+[]".contains(*c))) {
        return Err(error(format!("{odd:?} cannot stand in `${{{inner}}}`"), literal()));
    }
    let segments: Vec<&str> = inner.split('.').collect();
    if segments.iter().any(|segment| segment.is_empty()) {
        return Err(error(format!("a name is missing in `${{{inner}}}`"), literal()));
    }
    match segments[..] {
        [aside, ..] if aside.starts_with("x-") => Err(error(
            format!("`${{{inner}}}`: nothing refers to what stands under `{aside}`"),
            format!("put an anchor there, `{aside}: &name …`, and write `*name` or `<<: *name` where it is wanted"),
        )),
        ["env"] | ["stack", "env"] => Ok(TextPart::Env),
        ["stack", ..] => Err(error(
            format!("`${{{inner}}}` is not a reference"),
            "write the stack's name out, or the variables that it is made of; `${env}` is the preview environment",
        )),
        ["vars", name] => Ok(TextPart::Var(name.to_owned())),
        ["vars"] | ["vars", ..] => Err(error(format!("`${{{inner}}}` is no variable"), "write `${vars.name}`")),
        ["aws", name] if AWS.contains(&name) => Ok(TextPart::Aws(name.to_owned())),
        ["aws", ..] => Err(error(
            format!("`${{{inner}}}` is not known"),
            "there are `${aws.account_id}`, `${aws.region}` and `${aws.partition}`",
        )),
        ["env", ..] => Err(error(
            format!("`${{{inner}}}`: the environment is not read here"),
            "declare it in `vars:`, write `${vars.name}`, and set DEPLOYER_VAR_name",
        )),
        [_, _, .., output] => {
            let address = inner[..inner.len() - output.len() - 1].to_owned();
            Ok(TextPart::Ref(Ref { address, output: output.to_owned() }))
        }
        [section, name] if nearest(section, ["vars"]).is_some() => {
            Err(error(format!("`${{{inner}}}` is no variable"), format!("write `${{vars.{name}}}`")))
        }
        [section, name] => Err(error(
            format!("`${{{inner}}}` names no output"),
            format!("write `${{{section}.{name}.arn}}` or another output of it"),
        )),
        _ => Err(error(format!("`${{{inner}}}` is not a reference"), literal())),
    }
}

/// Writes parts as a text again, and escapes `${` in plain parts.
///
/// # Errors
/// Returns an error if a plain part ends in `$` right before a reference, which cannot be written.
pub fn write(parts: &[TextPart]) -> Result<String, TemplateError> {
    let mut text = String::new();
    for part in parts {
        let inner = match part {
            TextPart::Text(plain) => {
                text.push_str(&escape(plain));
                continue;
            }
            TextPart::Var(name) => format!("vars.{name}"),
            TextPart::Ref(Ref { address, output }) => format!("{address}.{output}"),
            TextPart::Aws(name) => format!("aws.{name}"),
            TextPart::Env => "env".to_owned(),
        };
        if text.ends_with('$') {
            return Err(error(
                format!("`$` right before `${{{inner}}}` cannot be told from an escape"),
                "put another character between them",
            ));
        }
        text.push_str(&format!("${{{inner}}}"));
    }
    Ok(text)
}

/// Escapes a plain text so that [`parse`] returns it unchanged.
pub fn escape(plain: &str) -> String {
    plain.replace("${", "$${")
}

/// Replaces every part that is not plain text by the result of `look_up`. Returns `None` if one stays unknown.
///
/// # Errors
/// Returns an error if the text cannot be parsed.
pub fn fill(text: &str, mut look_up: impl FnMut(&TextPart) -> Option<String>) -> Result<Option<String>, TemplateError> {
    let parts = parse(text)?;
    Ok(parts
        .iter()
        .map(|part| if let TextPart::Text(plain) = part { Some(plain.clone()) } else { look_up(part) })
        .collect())
}

/// Unescapes a text without references. Returns `None` if it has a reference or cannot be parsed.
pub fn plain(text: &str) -> Option<String> {
    fill(text, |_| None).ok().flatten()
}

/// Lists every reference to a resource in the value's texts, with its place. Skips texts that cannot be parsed.
pub fn references(value: &Value) -> Vec<(DocPath, Ref)> {
    let mut found = Vec::new();
    collect(value, &DocPath::default(), &mut found);
    found
}

fn collect(value: &Value, path: &DocPath, found: &mut Vec<(DocPath, Ref)>) {
    match value {
        Value::String(text) if text.contains("${") => {
            for part in parse(text).unwrap_or_default() {
                if let TextPart::Ref(to) = part {
                    found.push((path.clone(), to));
                }
            }
        }
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(i, item)| collect(item, &path.then(i.to_string()), found))
        }
        Value::Object(map) => map.iter().for_each(|(key, item)| collect(item, &path.then(key), found)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn to(address: &str, output: &str) -> TextPart {
        TextPart::Ref(Ref { address: address.into(), output: output.into() })
    }

    #[test]
    fn references_variables_and_escapes_are_told_apart() {
        let text = |t: &str| TextPart::Text(t.into());
        assert_eq!(parse("a-${vars.b}").unwrap(), [text("a-"), TextPart::Var("b".into())]);
        assert_eq!(parse("${queues.x.arn}/*").unwrap(), [to("queues.x", "arn"), text("/*")]);
        assert_eq!(parse("${queues.x.dead_letter.arn}").unwrap(), [to("queues.x.dead_letter", "arn")]);
        assert_eq!(parse("${ aws.region }").unwrap(), [TextPart::Aws("region".into())]);
        assert_eq!(parse("$${aws:username} $5").unwrap(), [text("${aws:username} $5")]);
        assert_eq!(parse("").unwrap(), []);
    }

    #[test]
    fn what_is_no_reference_says_what_to_write() {
        let said: Vec<String> =
            ["${", "${}", "${HOME}", "${a b}", "${env.X}", "${aws.x}", "${queues.x}", "${vars.a.b}", "${a..b}"]
                .iter()
                .map(|text| parse(text).unwrap_err().message)
                .collect();
        insta::assert_snapshot!(said.join("\n"), @r#"
        `${` is not closed
        `${}` is empty
        `${HOME}` is not a reference
        ' ' cannot stand in `${a b}`
        `${env.X}`: the environment is not read here
        `${aws.x}` is not known
        `${queues.x}` names no output
        `${vars.a.b}` is no variable
        a name is missing in `${a..b}`
        "#);
    }

    #[test]
    fn references_come_with_their_place() {
        let value =
            json!({ "a": ["x", "${queues.q.arn}"], "b": { "c": "${topics.t.arn}${aws.region}" }, "d": "$${x.y.z}" });
        let found: Vec<_> = references(&value).into_iter().map(|(path, to)| format!("{path} {}", to.address)).collect();
        assert_eq!(found, ["a.1 queues.q", "b.c topics.t"]);
    }

    proptest! {
        #[test]
        fn an_escaped_text_reads_back_as_itself(text in "[${}a$]{0,12}") {
            prop_assert_eq!(plain(&escape(&text)), Some(text));
        }

        #[test]
        fn any_text_parses_or_says_why(text in any::<String>()) {
            let _ = parse(&text);
        }
    }
}
