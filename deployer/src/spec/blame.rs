//! Finds the property that a refused AWS call is about, so that a late error points as precisely as an early one.

use serde_json::Value;

use super::find;
use super::finding::DocPath;
use super::secrets::Secrets;
use super::sections;
use super::sections::about::{Names, PartPlace};

/// A call that AWS refused: the resource, the operation, and AWS's code and message.
#[derive(Debug, Clone, Copy)]
pub struct RefusedCall<'a> {
    /// `apis.couch.route[POST /draw]`
    pub address: &'a str,
    /// `sqs:CreateQueue`
    pub operation: &'a str,
    pub code: &'a str,
    pub message: &'a str,
}

/// Finds the place of the property that a refusal is about, inside the part of the element that the resource is lowered
/// from. Falls back to that part itself.
pub(super) fn place(element: &Value, at: &DocPath, refused: RefusedCall<'_>, secrets: &Secrets) -> DocPath {
    let ElementPart { own, search } = part(element, at, refused.address, secrets);
    let value = find::at(element, &search.0[at.0.len()..]).unwrap_or(&Value::Null);
    let named = |names: &[&str]| names.iter().find_map(|name| property(value, &search, name));
    let known = sections::find(refused.address).map(|section| &section.about().refusals);
    let of = |names: Option<Names>, key: &str| {
        names?.iter().find(|(known, _)| *known == key).and_then(|(_, names)| named(names))
    };
    let (sure, likely) = words(refused.message);
    let tags = if is_about_tags(refused.operation) { named(&["tags"]) } else { None };
    tags.or_else(|| of(known.map(|known| known.operations), refused.operation))
        .or_else(|| of(known.map(|known| known.codes), refused.code))
        .or_else(|| quoted(value, &search, refused.message))
        .or_else(|| {
            let word = |word: &String| named(&[word]).or_else(|| of(known.map(|known| known.words), word));
            sure.iter().chain(&likely).find_map(word)
        })
        .unwrap_or(own)
}

/// Tells whether an operation sets or removes tags and nothing else: `TagRole`, `UntagQueue`, `PutBucketTagging`.
fn is_about_tags(operation: &str) -> bool {
    let verb = operation.split(':').next_back().unwrap_or_default();
    verb.starts_with("Tag") || verb.starts_with("Untag") || verb.ends_with("Tagging")
}

/// Finds the place of the first of `names` in the part of the element that the resource at `address` is lowered from.
/// Falls back to the whole element, then to that part itself.
pub(super) fn place_of(element: &Value, at: &DocPath, address: &str, names: &[&str], secrets: &Secrets) -> DocPath {
    let ElementPart { own, search } = part(element, at, address, secrets);
    let value = find::at(element, &search.0[at.0.len()..]).unwrap_or(&Value::Null);
    let inner = names.iter().find_map(|name| property(value, &search, name));
    inner.or_else(|| names.iter().find_map(|name| property(element, at, name))).unwrap_or(own)
}

/// The part of an element that a resource is lowered from.
struct ElementPart {
    /// Where to report a refusal that names no property.
    own: DocPath,
    /// Where to search for properties.
    search: DocPath,
}

fn part(element: &Value, at: &DocPath, address: &str, secrets: &Secrets) -> ElementPart {
    let rest = address.splitn(3, '.').nth(2).unwrap_or_default();
    let (name, entry) = rest.split_once('[').unwrap_or((rest, ""));
    let entry = entry.trim_end_matches(']');
    let about = sections::find(address).map(|section| section.about());
    let known = about.and_then(|about| about.refusals.parts.iter().find(|part| part.name == name));
    let inner = known.map_or_else(Vec::new, |part| match part.place {
        PartPlace::Inside | PartPlace::Beside => vec![part.property.to_owned()],
        PartPlace::Entry => vec![part.property.to_owned(), entry.to_owned()],
        // `[sqs:queues.jobs.arn]` has the protocol in front.
        PartPlace::Item => {
            let entry = entry.split_once(':').map_or(entry, |(_, endpoint)| endpoint);
            item(element, part.property, entry, secrets)
        }
    });
    let Some(_) = find::at(element, &inner).filter(|_| !inner.is_empty()) else {
        return ElementPart { own: at.clone(), search: at.clone() };
    };
    let beside = known.is_some_and(|part| part.place == PartPlace::Beside);
    let own = DocPath([at.0.clone(), inner].concat());
    ElementPart { search: if beside { at.clone() } else { own.clone() }, own }
}

/// Finds the path of the list item that mentions `entry`: an address, the last part of an ARN, or a text in which
/// variables stand for secrets.
fn item(element: &Value, list: &str, entry: &str, secrets: &Secrets) -> Vec<String> {
    let says = |item: &Value| {
        let mut texts = item.as_object().into_iter().flat_map(|map| map.values()).filter_map(Value::as_str);
        texts.any(|text| {
            let bare = text.trim_start_matches("${").trim_end_matches('}');
            bare == entry || text.rsplit(':').next() == Some(entry) || secrets.name_secrets(text) == entry
        })
    };
    let items = element.get(list).and_then(Value::as_array);
    let number = items.and_then(|items| items.iter().position(says));
    number.map_or_else(Vec::new, |number| vec![list.to_owned(), number.to_string()])
}

/// Finds the outermost property called `name`.
fn property(value: &Value, at: &DocPath, name: &str) -> Option<DocPath> {
    let map = value.as_object()?;
    if map.contains_key(name) {
        return Some(at.then(name));
    }
    map.iter().find_map(|(key, inner)| property(inner, &at.then(key), name))
}

/// Finds the property whose value AWS quotes. Prefers the longest value: a short one may occur in any text.
fn quoted(value: &Value, at: &DocPath, message: &str) -> Option<DocPath> {
    let mut leaves = Vec::new();
    texts(value, at, &mut leaves);
    leaves.retain(|(path, text)| {
        let name = path.0.last().is_some_and(|key| key == "name" || key == "description");
        !name && text.len() >= 4 && !text.contains("${") && find::names(message, text)
    });
    leaves.into_iter().max_by_key(|(_, text)| text.len()).map(|(path, _)| path)
}

fn texts<'a>(value: &'a Value, at: &DocPath, found: &mut Vec<(DocPath, &'a str)>) {
    match value {
        Value::String(text) => found.push((at.clone(), text)),
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(i, item)| texts(item, &at.then(i.to_string()), found))
        }
        Value::Object(map) => map.iter().for_each(|(key, item)| texts(item, &at.then(key), found)),
        _ => {}
    }
}

/// Collects the words of a message that may name a property, in snake_case. Compound names (`MemorySize`, `memorySize`)
/// and neighbouring words, as in "visibility timeout", are sure. A single capitalised word is likely; the message's
/// first word comes last.
fn words(message: &str) -> (Vec<String>, Vec<String>) {
    let apart = |c: char| !c.is_ascii_alphanumeric() && c != '_';
    let plain: Vec<&str> = message.split(apart).filter(|word| !word.is_empty()).collect();
    let (mut sure, mut likely) = (Vec::new(), Vec::new());
    for (at, word) in plain.iter().enumerate() {
        let name = snake(word);
        if name.contains('_') {
            sure.push(name);
        } else if word.starts_with(|c: char| c.is_ascii_uppercase()) {
            likely.push(name);
        }
        let rows = [3, 2].into_iter().filter_map(|length| plain.get(at..at + length));
        sure.extend(rows.map(|row| row.join("_").to_lowercase()));
    }
    if plain.first().is_some_and(|word| likely.first() == Some(&snake(word))) {
        likely.rotate_left(1);
    }
    (sure, likely)
}

/// `KmsMasterKeyId` → `kms_master_key_id`; `KMSKeyArn` → `kms_key_arn`.
fn snake(word: &str) -> String {
    let chars: Vec<char> = word.chars().collect();
    let mut out = String::with_capacity(word.len() + 4);
    for (at, c) in chars.iter().enumerate() {
        let begins = c.is_ascii_uppercase()
            && at > 0
            && (chars[at - 1].is_ascii_lowercase() || chars.get(at + 1).is_some_and(char::is_ascii_lowercase))
            && chars[at - 1] != '_';
        if begins {
            out.push('_');
        }
        out.push(c.to_ascii_lowercase());
    }
    out
}

#[cfg(test)]
mod tests;
