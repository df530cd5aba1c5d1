//! Rules that only code checks, written as JSON Schema so that editors mark a violation while the user types.

use serde_json::{Value, json};

use crate::spec::sections::about::OneOf;
use crate::spec::sections::{Hints, SECTIONS, put};

/// Adds the rules to a schema whose properties are still strict.
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
        ("/$defs/Declaration/properties/from_ssm", json!(["/shop/api-key"])),
        ("/$defs/Declaration/properties/from_secret", json!(["shop/stripe"])),
        ("/$defs/Declaration/properties/key", json!(["token"])),
        ("/$defs/Declaration/properties/version_stage", json!(["AWSPREVIOUS"])),
        ("/$defs/Declaration/properties/version_id", json!(["0f2a6c1e-1f6f-4d1b-9b6d-2f4a3c1d5e7b"])),
        ("/$defs/Declaration/properties/allowed", json!([["small", "large"]])),
    ] {
        put(schema, at, "examples", examples);
    }
    for section in SECTIONS {
        section.hints(&mut Hints::of(schema, section.name()));
    }
}

/// Adds the rules about properties that exclude each other. Called after scalars were loosened, because loosening widens
/// every `oneOf`.
pub(super) fn exclusive(schema: &mut Value) {
    durations(schema);
    for section in SECTIONS {
        for OneOf { map, names } in section.about().one_of {
            match map {
                Some(map) => put(schema, &format!("/$defs/{map}"), "oneOf", one_of(names)),
                None => {
                    let at = format!("/properties/{}/additionalProperties", section.name());
                    put(schema, &at, "oneOf", unless_external(names));
                }
            }
        }
    }
}

fn one_of(names: &[&str]) -> Value {
    names.iter().map(|name| json!({ "required": [name] })).collect()
}

/// Requires one of the names, unless the element is external.
fn unless_external(names: &[&str]) -> Value {
    let mut variants = one_of(names);
    if let Value::Array(variants) = &mut variants {
        variants.push(json!({ "required": ["external"], "not": { "anyOf": one_of(names) } }));
    }
    variants
}

/// Limits durations in every unit that they can be written in.
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
        words.insert("pattern".into(), json!(format!("{}|\\$\\{{", duration_pattern(most))));
        let said = format!("a duration of {least} to {most} seconds, such as 30, 30s, 2m, 1h or 4d");
        words.insert("patternErrorMessage".into(), json!(said));
        if let (Some(below), None) = (least.checked_sub(1), words.get("not")) {
            words.insert("not".into(), json!({ "type": "string", "pattern": duration_pattern(below) }));
        }
        return;
    }
    words.values_mut().for_each(durations);
}

/// Returns a pattern of the texts that mean a duration of at most this many seconds.
fn duration_pattern(most: u64) -> String {
    let units = [("s?", 1), ("m", 60), ("h", 3_600), ("d", 86_400)];
    format!("^({})$", units.map(|(letter, size)| format!("0*({}){letter}", up_to(most / size))).join("|"))
}

/// Returns a pattern of the numbers from 0 to `most`, without leading zeros.
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
        let pattern = Regex::new(&duration_pattern(43_200)).unwrap();
        for good in ["0", "30", "30s", "720m", "12h", "043200", "0d"] {
            assert!(pattern.is_match(good), "{good}");
        }
        for bad in ["43201", "43201s", "721m", "13h", "1d", "soon", "-1", "1.5h", ""] {
            assert!(!pattern.is_match(bad), "{bad}");
        }
    }
}
