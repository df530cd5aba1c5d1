use super::*;
use crate::aws::tags::Tags;
use crate::spec::secrets::Secrets;
use crate::spec::sections::Common;

fn permissions(value: Value) -> Vec<Permission> {
    serde_json::from_value(value).unwrap()
}

fn codes(value: Value) -> Vec<(&'static str, String)> {
    let (common, stack_tags) = (Common::default(), Tags::new());
    let at = Scope {
        is_preview: false,
        stack: "couch",
        section: "roles",
        name: "r",
        common: &common,
        stack_tags: &stack_tags,
        secrets: &Secrets::default(),
    };
    let mut findings = Findings::default();
    check(&permissions(value), "permissions", &at, &mut findings);
    findings.0.iter().map(|f| (f.code, f.path.to_string())).collect()
}

#[test]
fn the_short_form_becomes_iam_statements() {
    let short = permissions(json!([
        { "allow": "s3:PutObject", "on": ["arn:aws:s3:::b/*", "arn:aws:s3:::c/*"] },
        { "deny": ["iam:*"], "on": "*", "condition": { "Bool": { "aws:SecureTransport": false } } },
    ]));
    assert_eq!(
        json!(statements(&short)),
        json!([
            { "Effect": "Allow", "Action": "s3:PutObject", "Resource": ["arn:aws:s3:::b/*", "arn:aws:s3:::c/*"] },
            { "Effect": "Deny", "Action": "iam:*", "Resource": "*", "Condition": { "Bool": { "aws:SecureTransport": false } } },
        ])
    );
}

#[test]
fn a_word_of_access_stands_for_the_actions_on_the_element_and_its_parts() {
    let short = permissions(json!([
        { "allow": "read", "on": "tables.orders" },
        { "allow": ["send", "receive"], "on": "queues.jobs" },
        { "allow": "publish", "on": ["topics.a", "topics.b"] },
    ]));
    let all = statements(&short);
    assert_eq!(all[0]["Resource"], "${tables.orders.arn}");
    let queries = json!({
        "Effect": "Allow",
        "Action": ["dynamodb:Query", "dynamodb:Scan"],
        "Resource": ["${tables.orders.arn}", "${tables.orders.arn}/index/*"],
    });
    assert_eq!(all[1], queries);
    assert_eq!(all.len(), 6);
    assert_eq!(all[5], json!({ "Effect": "Allow", "Action": "sns:Publish", "Resource": "${topics.b.arn}" }));
    assert!(codes(json!([{ "allow": "read", "on": "tables.orders" }])).is_empty());
    for (word, on, at) in
        [("read", "queues.jobs", "allow"), ("read", "arn:aws:s3:::b", "on"), ("read", "roles.r", "on")]
    {
        let found = codes(json!([{ "allow": word, "on": on }]));
        assert_eq!(found, [("permission::access", format!("roles.r.permissions.0.{at}"))], "{on}");
    }
}

#[test]
fn wildcards_are_doubted_where_something_narrower_can_be_said() {
    assert_eq!(
        codes(json!([{ "allow": "s3:*", "on": "arn:aws:s3:::b/*" }])),
        [("permission::wildcard", "roles.r.permissions.0.allow".into())]
    );
    assert_eq!(
        codes(json!([{ "allow": "s3:GetObject", "on": "*" }])),
        [("permission::wildcard", "roles.r.permissions.0.on".into())]
    );
    assert!(codes(json!([{ "allow": "xray:PutTraceSegments", "on": "*" }])).is_empty());
    assert!(codes(json!([{ "deny": "*", "on": "*" }])).is_empty());
    let conditioned =
        json!({ "allow": "s3:GetObject", "on": "*", "condition": { "StringEquals": { "aws:ResourceAccount": "1" } } });
    assert!(codes(json!([conditioned])).is_empty());
}

#[test]
fn what_iam_would_refuse_is_an_error() {
    let on = "arn:aws:s3:::b";
    for (bad, code) in [
        (json!({ "on": on }), "permission::effect"),
        (json!({ "allow": "s3:GetObject", "deny": "s3:PutObject", "on": on }), "permission::effect"),
        (json!({ "allow": "GetObject", "on": on }), "permission::action"),
        (json!({ "allow": "s3:GetObject", "on": "b" }), "permission::resource"),
        (
            json!({ "allow": "s3:GetObject", "on": on, "condition": { "StringLike": { "a": "🛋" } } }),
            "policy::character",
        ),
    ] {
        assert!(codes(json!([bad])).iter().any(|(found, _)| *found == code), "{code}");
    }
    for arn in ["${buckets.b.arn}/*", "${vars.bucket}", "${tables.t.stream.arn}"] {
        assert!(codes(json!([{ "allow": "s3:GetObject", "on": arn }])).is_empty(), "{arn}");
    }
    for name in ["${tables.t.name}", "tables.t", "${queues.q.url}"] {
        let found = codes(json!([{ "allow": "dynamodb:Query", "on": name }]));
        assert_eq!(found, [("permission::resource", "roles.r.permissions.0.on".into())], "{name}");
    }
    assert_eq!(arn_help("${tables.t.name}"), "write `${tables.t.arn}`");
    assert_eq!(arn_help("tables.t"), "write `${tables.t.arn}`");
}
