//! Finds the property that a refused AWS call is about, so that a late error points as precisely as an early one.

use serde_json::Value;

use super::find;
use super::finding::DocPath;

/// A call that AWS refused: the resource, the operation, and AWS's code and message.
#[derive(Debug, Clone, Copy)]
pub struct Refused<'a> {
    /// `apis.couch.route[POST /draw]`
    pub address: &'a str,
    /// `sqs:CreateQueue`
    pub operation: &'a str,
    pub code: &'a str,
    pub message: &'a str,
}

/// Operations that carry a single property of `stack.yaml`.
const CARRIED: &[(&str, &[&str])] = &[
    ("cloudwatch:TagResource", &["tags"]),
    ("iam:AttachRolePolicy", &["managed_policy_arns"]),
    ("iam:DeleteRolePermissionsBoundary", &["permissions_boundary"]),
    ("iam:PutRolePermissionsBoundary", &["permissions_boundary"]),
    ("iam:PutRolePolicy", &["permissions", "inline_policies"]),
    ("iam:TagRole", &["tags"]),
    ("iam:UpdateAssumeRolePolicy", &["trust"]),
    ("lambda:PutFunctionConcurrency", &["reserved_concurrency"]),
    ("lambda:TagResource", &["tags"]),
    ("logs:AssociateKmsKey", &["log_kms_key_arn", "kms_key_id"]),
    ("logs:PutRetentionPolicy", &["log_retention", "retention_in_days"]),
    ("s3:DeleteBucket", &["force_destroy"]),
    ("s3:PutBucketEncryption", &["encryption"]),
    ("s3:PutBucketLifecycleConfiguration", &["lifecycle_rules"]),
    ("s3:PutBucketOwnershipControls", &["object_ownership"]),
    ("s3:PutBucketPolicy", &["policy"]),
    ("s3:PutBucketTagging", &["tags"]),
    ("s3:PutBucketVersioning", &["versioning"]),
    ("s3:PutPublicAccessBlock", &["public_access_block"]),
    ("sns:TagResource", &["tags"]),
    ("sqs:TagQueue", &["tags"]),
];

/// Error codes that concern one property, whatever the operation.
const ABOUT: &[(&str, &[&str])] = &[
    ("BucketAlreadyExists", &["name"]),
    ("BucketAlreadyOwnedByYou", &["name"]),
    ("EntityAlreadyExists", &["name"]),
    ("InvalidBucketName", &["name"]),
    ("MalformedPolicy", &["policy"]),
    ("MalformedPolicyDocument", &["permissions", "trust", "policy"]),
    ("QueueAlreadyExists", &["name"]),
    ("QueueNameExists", &["name"]),
    ("ResourceConflictException", &["name"]),
];

/// AWS's names for properties that `stack.yaml` names differently.
const WORDS: &[(&str, &[&str])] = &[
    ("alarm_name", &["name"]),
    ("architectures", &["architecture"]),
    ("assume_role_policy_document", &["trust"]),
    ("bucket_name", &["name"]),
    ("cannot_be_assumed", &["role"]),
    ("dead_letter_config", &["dead_letter"]),
    ("execution_role", &["role"]),
    ("function_name", &["name"]),
    ("kms", &["kms_key_arn", "kms_master_key_id"]),
    ("kms_key", &["kms_key_arn", "kms_master_key_id"]),
    ("layer_version", &["layers"]),
    ("pass_role", &["role"]),
    ("policy_document", &["permissions", "policy"]),
    ("queue_name", &["name"]),
    ("redrive_policy", &["redrive"]),
    ("reserved_concurrent_executions", &["reserved_concurrency"]),
    ("retention_in_days", &["log_retention"]),
    ("role_name", &["name"]),
    ("security_group", &["vpc"]),
    ("security_group_ids", &["vpc"]),
    ("subnet", &["vpc"]),
    ("subnet_ids", &["vpc"]),
    ("topic_name", &["name"]),
];

/// Finds the place of the property that a refusal is about, inside the part of the element that the resource is lowered
/// from. Falls back to that part itself.
pub(super) fn place(element: &Value, at: &DocPath, refused: Refused<'_>) -> DocPath {
    let Part { own, search } = part(element, at, refused.address);
    let value = find::at(element, &search.0[at.0.len()..]).unwrap_or(&Value::Null);
    let named = |names: &[&str]| names.iter().find_map(|name| property(value, &search, name));
    let of = |table: &[(&str, &[&str])], key: &str| {
        table.iter().find(|(known, _)| *known == key).and_then(|(_, names)| named(names))
    };
    let (sure, likely) = words(refused.message);
    of(CARRIED, refused.operation)
        .or_else(|| of(ABOUT, refused.code))
        .or_else(|| quoted(value, &search, refused.message))
        .or_else(|| sure.iter().chain(&likely).find_map(|word| named(&[word]).or_else(|| of(WORDS, word))))
        .unwrap_or(own)
}

/// Finds the place of the first of `names` in the part of the element that the resource at `address` is lowered from.
/// Falls back to the whole element, then to that part itself.
pub(super) fn place_of(element: &Value, at: &DocPath, address: &str, names: &[&str]) -> DocPath {
    let Part { own, search } = part(element, at, address);
    let value = find::at(element, &search.0[at.0.len()..]).unwrap_or(&Value::Null);
    let inner = names.iter().find_map(|name| property(value, &search, name));
    inner.or_else(|| names.iter().find_map(|name| property(element, at, name))).unwrap_or(own)
}

/// The part of an element that a resource is lowered from.
struct Part {
    /// Where to report a refusal that names no property.
    own: DocPath,
    /// Where to search for properties.
    search: DocPath,
}

fn part(element: &Value, at: &DocPath, address: &str) -> Part {
    let rest = address.splitn(3, '.').nth(2).unwrap_or_default();
    let (name, entry) = rest.split_once('[').unwrap_or((rest, ""));
    let entry = entry.trim_end_matches(']');
    let inner = match name {
        "dead_letter" => vec!["redrive".to_owned()],
        "stage" => vec!["stage".to_owned()],
        "log_group" => vec!["log_retention".to_owned()],
        "route" | "permission" => vec!["routes".to_owned(), entry.to_owned()],
        "event" => item(element, "events", entry),
        "subscription" => item(element, "subscriptions", entry.split_once(':').map_or(entry, |(_, endpoint)| endpoint)),
        _ => Vec::new(),
    };
    let Some(_) = find::at(element, &inner).filter(|_| !inner.is_empty()) else {
        return Part { own: at.clone(), search: at.clone() };
    };
    // A stage's properties are written beside its name, not below it.
    let beside = matches!(name, "stage" | "log_group");
    let own = DocPath([at.0.clone(), inner].concat());
    Part { search: if beside { at.clone() } else { own.clone() }, own }
}

/// Finds the path of the list item that mentions `entry`, an address or the last part of an ARN.
fn item(element: &Value, list: &str, entry: &str) -> Vec<String> {
    let says = |item: &Value| {
        let mut texts = item.as_object().into_iter().flat_map(|map| map.values()).filter_map(Value::as_str);
        texts.any(|text| {
            let bare = text.trim_start_matches("${").trim_end_matches('}');
            bare == entry || text.rsplit(':').next() == Some(entry)
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

/// Collects the words of a message that may name a property, in snake_case. Sure are compound names (`MemorySize`,
/// `memorySize`) and neighbouring words, as in "visibility timeout". Likely is a single capitalised word; the message's
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
