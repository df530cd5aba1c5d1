//! What only code checks in a document, said in JSON Schema so that editors mark it while it is typed.

use serde_json::{Value, json};

use crate::kinds::log_group::RETENTION_DAYS;

/// The endpoints of a subscription, of which it has one.
const ENDPOINTS: &[&str] = &["email", "email_json", "http", "https", "lambda", "sms", "sqs"];

/// Puts the rules into a schema whose properties are still strict.
pub(super) fn add(schema: &mut Value) {
    for (at, examples) in [
        ("/properties/stack", json!(["couch-explorers"])),
        ("/properties/region", json!(["eu-west-1"])),
        ("/properties/account", json!(["123456789012"])),
        ("/properties/state", json!([{ "bucket": "my-state", "key": "couch.json" }, { "path": ".deployer/state" }])),
        ("/properties/vars", json!([{ "candidate": "32", "alarm_email": { "required": true } }])),
        ("/properties/ci", json!([{ "apply_on": ["main"] }])),
        ("/$defs/Ci/properties/reviewed_plan", json!(["require"])),
        ("/$defs/Ci/properties/preview", json!(["pull_request"])),
        ("/$defs/StateBucket/properties/bucket", json!(["my-state"])),
        ("/$defs/StateBucket/properties/key", json!(["couch.json"])),
        ("/$defs/StateBucket/properties/region", json!(["eu-west-1"])),
        ("/$defs/StateBucket/properties/account", json!(["123456789012"])),
        ("/$defs/StateEncryption/properties/kms_master_key_id", json!(["alias/state"])),
        ("/$defs/StateDirectory/properties/path", json!([".deployer/state"])),
        ("/$defs/Declaration/properties/default", json!(["small"])),
        ("/$defs/Declaration/properties/description", json!(["Who is mailed"])),
        ("/$defs/Declaration/properties/pattern", json!(["[a-z-]+"])),
        ("/$defs/Declaration/properties/allowed", json!([["small", "large"]])),
    ] {
        put(schema, at, "examples", examples);
    }
    let days = RETENTION_DAYS.iter().map(|days| json!(days)).chain([json!("never")]).collect();
    put(schema, &property("functions", "log_retention"), "enum", Value::Array(days));
    put(schema, &property("log_groups", "retention_in_days"), "enum", json!(RETENTION_DAYS));
    let methods = "^(GET|POST|PUT|PATCH|DELETE|HEAD|OPTIONS|ANY) /";
    put(schema, &property("apis", "routes"), "propertyNames", json!({ "pattern": methods }));
    put(schema, &property("apis", "external"), "enum", json!([false]));
    let variable = json!({ "pattern": "^[A-Za-z][A-Za-z0-9_]+$" });
    put(schema, &property("functions", "environment"), "propertyNames", variable);
    for name in ["email", "email_json"] {
        let at = format!("/$defs/SubscriptionElement/properties/{name}");
        put(schema, &at, "pattern", json!("^[^@\\s]+@[^@\\s]+$"));
    }
    // Texts such as `5m` are left to the checker.
    let odd = json!([{ "type": "integer" }, { "not": { "enum": [10, 20, 30] } }, { "not": { "multipleOf": 60 } }]);
    put(schema, &property("alarms", "period"), "not", json!({ "allOf": odd }));
}

/// Puts in what excludes each other; only once no scalar is strict any more, for that widens every `oneOf`.
pub(super) fn exclusive(schema: &mut Value) {
    durations(schema);
    for (definition, names) in
        [("SubscriptionElement", ENDPOINTS), ("Event", &["queue", "queue_arn"]), ("Permission", &["allow", "deny"])]
    {
        put(schema, &format!("/$defs/{definition}"), "oneOf", one_of(names));
    }
    for (section, names) in [
        ("functions", &["crate", "zip", "binary"][..]),
        ("alarms", &["statistic", "extended_statistic"]),
        ("roles", &["trust", "assume_role_policy"]),
    ] {
        put(schema, &format!("/properties/{section}/additionalProperties"), "oneOf", unless_external(names));
    }
}

fn property(section: &str, name: &str) -> String {
    format!("/properties/{section}/additionalProperties/properties/{name}")
}

/// Sets a word where the schema has such a place.
fn put(schema: &mut Value, at: &str, word: &str, value: Value) {
    if let Some(Value::Object(words)) = schema.pointer_mut(at) {
        words.entry(word).or_insert(value);
    }
}

fn one_of(names: &[&str]) -> Value {
    names.iter().map(|name| json!({ "required": [name] })).collect()
}

/// One of the names, unless the element is only referred to.
fn unless_external(names: &[&str]) -> Value {
    let mut variants = one_of(names);
    if let Value::Array(variants) = &mut variants {
        variants.push(json!({ "required": ["external"], "not": { "anyOf": one_of(names) } }));
    }
    variants
}

/// Holds durations to their limits in whatever unit they are written.
fn durations(schema: &mut Value) {
    let Value::Object(words) = schema else {
        if let Value::Array(items) = schema {
            items.iter_mut().for_each(durations);
        }
        return;
    };
    let first = words.get("anyOf").and_then(|variants| variants.get(0));
    if let Some(strict) = first.filter(|one| one.get("format").is_some_and(|format| format == "duration-seconds")) {
        let limit = |word: &str| strict.get(word).and_then(Value::as_u64);
        let least = limit("minimum").unwrap_or(0);
        let most = limit("maximum").unwrap_or(u32::MAX.into());
        words.remove("anyOf");
        words.insert("type".into(), json!(["integer", "string"]));
        words.insert("minimum".into(), json!(least));
        words.insert("maximum".into(), json!(most));
        words.insert("pattern".into(), json!(format!("{}|\\$\\{{", written(most))));
        let said = format!("a duration of {least} to {most} seconds, such as 30, 30s, 2m, 1h or 4d");
        words.insert("patternErrorMessage".into(), json!(said));
        if let (Some(below), None) = (least.checked_sub(1), words.get("not")) {
            words.insert("not".into(), json!({ "type": "string", "pattern": written(below) }));
        }
        return;
    }
    words.values_mut().for_each(durations);
}

/// A pattern of the texts that mean a duration of at most this many seconds.
fn written(most: u64) -> String {
    let units = [("s?", 1), ("m", 60), ("h", 3_600), ("d", 86_400)];
    format!("^({})$", units.map(|(letter, size)| format!("0*({}){letter}", up_to(most / size))).join("|"))
}

/// A pattern of the numbers from 0 to `most`, without leading zeros.
fn up_to(most: u64) -> String {
    let digits: Vec<u32> = most.to_string().chars().filter_map(|c| c.to_digit(10)).collect();
    let mut parts = vec![most.to_string()];
    let mut prefix = String::new();
    for (at, digit) in digits.iter().enumerate() {
        let rest = digits.len() - at - 1;
        let least = u32::from(at == 0 && rest > 0);
        if *digit > least {
            parts.push(format!("{prefix}[{least}-{}][0-9]{{{rest}}}", digit - 1));
        }
        prefix += &digit.to_string();
    }
    if digits.len() > 1 {
        parts.push(format!("[0-9]{{1,{}}}", digits.len() - 1));
    }
    parts.join("|")
}

#[cfg(test)]
mod tests {
    use regex_lite::Regex;

    use super::*;

    #[test]
    fn numbers_up_to_a_limit_and_no_others() {
        for most in [0, 1, 9, 10, 15, 43, 99, 100, 720, 900] {
            let pattern = Regex::new(&format!("^({})$", up_to(most))).unwrap();
            for number in 0..1_200 {
                assert_eq!(pattern.is_match(&number.to_string()), number <= most, "{number} up to {most}");
            }
        }
    }

    #[test]
    fn a_duration_is_limited_in_every_unit() {
        let pattern = Regex::new(&written(43_200)).unwrap();
        for good in ["0", "30", "30s", "720m", "12h", "043200", "0d"] {
            assert!(pattern.is_match(good), "{good}");
        }
        for bad in ["43201", "43201s", "721m", "13h", "1d", "soon", "-1", "1.5h", ""] {
            assert!(!pattern.is_match(bad), "{bad}");
        }
    }
}
