use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

fn document(statements: Value) -> Value {
    json!({ "Version": "2012-10-17", "Statement": statements })
}

fn lines(before: &Value, after: &Value) -> Vec<String> {
    statement_diff(Some(before), Some(after)).iter().map(ToString::to_string).collect()
}

#[test]
fn a_percent_encoded_document_keeps_its_plus_signs() {
    let parsed = parse("%7B%22Version%22%3A%222012-10-17%22%2C%22Id%22%3A%22a+b%2Bc%22%7D").unwrap();
    assert_eq!(parsed, json!({ "Version": "2012-10-17", "Id": "a+b+c" }));
}

#[test]
fn a_plain_document_keeps_its_per_cent_signs() {
    assert_eq!(parse(r#" {"Id":"100%41"}"#).unwrap()["Id"], "100%41");
}

#[test]
fn what_is_no_document_is_refused() {
    assert!(matches!(parse("[]"), Err(PolicyError::NotObject)));
    assert!(matches!(parse("%7B"), Err(PolicyError::Json(_))));
    assert!(matches!(parse("%FF"), Err(PolicyError::Encoding(_))));
}

#[test]
fn spellings_of_one_meaning_are_the_same() {
    let one = document(json!({
        "Effect": "Allow", "Principal": { "AWS": "123456789012" }, "Action": "S3:putobject", "Resource": ["arn:b", "arn:a"],
        "Condition": { "bool": { "aws:securetransport": true }, "NumericLessThan": { "s3:max-keys": 1 } },
    }));
    let other = document(json!([{
        "Sid": "", "Resource": ["arn:a", "arn:b", "arn:a"], "Action": ["s3:PutObject"], "Effect": "Allow",
        "Principal": { "AWS": ["arn:aws:iam::123456789012:root"] },
        "Condition": { "Bool": { "aws:SecureTransport": ["true"] }, "NumericLessThan": { "s3:max-keys": "1" } },
    }]));
    assert!(same(&one, &other));
    assert!(same(&json!(one.to_string()), &other));
    assert!(lines(&one, &other).is_empty());
}

#[test]
fn everybody_has_two_spellings() {
    let of =
        |principal: Value| document(json!({ "Effect": "Allow", "Principal": principal, "Action": "sqs:SendMessage" }));
    assert!(same(&of(json!("*")), &of(json!({ "AWS": ["*"] }))));
    assert!(!same(&of(json!("*")), &of(json!({ "Service": "*" }))));
}

#[test]
fn differences_of_meaning_are_seen() {
    let statement = json!({ "Sid": "A", "Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::b/K" });
    let base = document(json!([statement]));
    for (property, value) in
        [("Sid", "B"), ("Effect", "Deny"), ("Action", "s3:PutObject"), ("Resource", "arn:aws:s3:::b/k")]
    {
        let mut changed = statement.clone();
        changed[property] = json!(value);
        let changed = document(json!([changed]));
        assert!(!same(&base, &changed), "{property}");
        assert!(!lines(&base, &changed).is_empty(), "{property}");
    }
    let mut version = base.clone();
    version["Version"] = json!("2008-10-17");
    assert!(!same(&base, &version));
    assert_eq!(lines(&base, &version), ["- Version 2012-10-17", "+ Version 2008-10-17"]);
}

#[test]
fn a_deleted_principals_id_is_a_difference() {
    let of =
        |who: &str| document(json!({ "Effect": "Allow", "Principal": { "AWS": who }, "Action": "sts:AssumeRole" }));
    assert_eq!(
        lines(&of("AROAEXAMPLE"), &of("arn:aws:iam::123456789012:role/ci")),
        ["- sts:AssumeRole by AROAEXAMPLE", "+ sts:AssumeRole by arn:aws:iam::123456789012:role/ci"]
    );
}

#[test]
fn a_difference_names_each_grant_as_it_was_written() {
    let before = document(json!([
        { "Effect": "Allow", "Action": ["s3:getobject", "s3:PutObject"], "Resource": "arn:b/*" },
        { "Effect": "Deny", "NotAction": ["iam:*", "sts:*"], "Resource": "*" },
    ]));
    let after = document(json!([
        { "Effect": "Allow", "Action": "s3:GetObject", "Resource": ["arn:b/*", "arn:c/*"],  },
        { "Effect": "Allow", "Action": "sqs:SendMessage", "Resource": "arn:q", "Condition": { "StringEquals": { "aws:SourceArn": ["x", "y"] } } },
    ]));
    assert_eq!(
        lines(&before, &after),
        [
            "- s3:PutObject on arn:b/*",
            "- deny all but iam:*, sts:* on *",
            "+ s3:GetObject on arn:c/*",
            "+ sqs:SendMessage on arn:q if aws:SourceArn StringEquals x, y",
        ]
    );
}

#[test]
fn a_new_document_lists_all_its_grants_and_nothing_else() {
    let trust =
        document(json!({ "Effect": "Allow", "Principal": { "Service": ["a", "b"] }, "Action": "sts:AssumeRole" }));
    let all: Vec<_> = statement_diff(None, Some(&trust)).iter().map(ToString::to_string).collect();
    assert_eq!(all, ["+ sts:AssumeRole by a", "+ sts:AssumeRole by b"]);
    let gone: Vec<_> = statement_diff(Some(&trust), None).iter().map(ToString::to_string).collect();
    assert_eq!(gone, ["- sts:AssumeRole by a", "- sts:AssumeRole by b"]);
}

#[test]
fn white_space_does_not_count_and_an_emoji_is_refused() {
    assert_eq!(size(&json!({ "Sid": "a b\u{a0}c" })), r#"{"Sid":"abc"}"#.len());
    assert_eq!(refused_character(&json!({ "Statement": [{ "Sid": "café\t" }] })), None);
    assert_eq!(refused_character(&json!({ "Statement": [{ "Sid": "🛋" }] })), Some('🛋'));
    assert_eq!(refused_character(&json!({ "–": 1 })), Some('–'));
}

fn texts(pool: &'static [&'static str]) -> impl Strategy<Value = Value> {
    prop_oneof![
        proptest::sample::select(pool).prop_map(|one| json!(one)),
        proptest::collection::vec(proptest::sample::select(pool), 1..4).prop_map(|many| json!(many)),
    ]
}

prop_compose! {
    fn statements()(
        sid in proptest::option::of("[A-C]"),
        effect in proptest::sample::select(&["Allow", "Deny"][..]),
        action in texts(&["s3:PutObject", "S3:putobject", "sqs:*", "*"]),
        resource in texts(&["arn:a", "arn:A", "*"]),
        principal in proptest::option::of(texts(&["*", "123456789012", "arn:aws:iam::123456789012:root", "AROAX"])),
        condition in proptest::option::of(texts(&["true", "x"])),
        operator in proptest::sample::select(&["StringLike", "stringlike"][..]),
    ) -> Value {
        let mut out = json!({ "Effect": effect, "Action": action, "Resource": resource });
        if let Some(sid) = sid { out["Sid"] = json!(sid); }
        if let Some(who) = principal { out["Principal"] = json!({ "AWS": who }); }
        if let Some(values) = condition { out["Condition"] = json!({ operator: { "aws:SourceArn": values } }); }
        out
    }
}

fn documents() -> impl Strategy<Value = Value> {
    proptest::collection::vec(statements(), 0..4).prop_map(|all| document(json!(all)))
}

/// Reverses every list and map, and wraps every text inside a statement into a list.
fn reverse_lists(value: &Value) -> Value {
    match value {
        Value::Array(items) => items.iter().rev().map(reverse_lists).collect(),
        Value::Object(map) => {
            let wrap = |key: &str, value: &Value| match value {
                Value::String(_) if !["Version", "Sid", "Effect"].contains(&key) => json!([value]),
                other => reverse_lists(other),
            };
            Value::Object(map.iter().rev().map(|(key, value)| (key.clone(), wrap(key, value))).collect())
        }
        other => other.clone(),
    }
}

proptest! {
    #[test]
    fn canonicalising_twice_changes_nothing(document in documents()) {
        let once = canonical(&document);
        prop_assert_eq!(canonical(&once).to_string(), once.to_string());
    }

    #[test]
    fn order_and_wrapping_mean_nothing(document in documents()) {
        let other = reverse_lists(&document);
        prop_assert_eq!(canonical(&document).to_string(), canonical(&other).to_string());
        prop_assert!(statement_diff(Some(&document), Some(&other)).is_empty());
    }

    #[test]
    fn a_difference_has_lines_and_sameness_has_none(a in documents(), b in documents()) {
        prop_assert_eq!(same(&a, &b), statement_diff(Some(&a), Some(&b)).is_empty());
    }

    #[test]
    fn a_document_survives_its_encoding(document in documents()) {
        let text = document.to_string();
        let encoded = percent_encoding::utf8_percent_encode(&text, percent_encoding::NON_ALPHANUMERIC).to_string();
        prop_assert_eq!(parse(&encoded).unwrap(), document.clone());
        prop_assert_eq!(parse(&text).unwrap(), document);
    }
}
