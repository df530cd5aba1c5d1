use std::collections::BTreeMap;

use serde_json::json;

use super::github::{Repository, Source, Trust, role};
use super::*;
use crate::spec::sections::SECTIONS;
use crate::spec::source::SourceText;
use crate::spec::variables::Inputs;

fn place() -> Place {
    Place { account: "123456789012".into(), region: "eu-west-1".into(), partition: "aws".into(), endpoint_url: None }
}

fn document(allow: Vec<Grant>) -> Document {
    Document::of(&Permissions { allow, deny: Vec::new() })
}

#[test]
fn each_action_stands_once_with_all_that_it_is_allowed_on() {
    let grants = vec![
        Grant::new(&["sqs:CreateQueue", "sqs:TagQueue"], "arn:b"),
        Grant::new(&["sqs:TagQueue", "sqs:CreateQueue"], "arn:a"),
        Grant::new(&["sqs:DeleteQueue"], "arn:a"),
        Grant::new(&[], "arn:c"),
    ];
    let expected = json!({ "Version": "2012-10-17", "Statement": [
        { "Effect": "Allow", "Action": ["sqs:CreateQueue", "sqs:TagQueue"], "Resource": ["arn:a", "arn:b"] },
        { "Effect": "Allow", "Action": ["sqs:DeleteQueue"], "Resource": ["arn:a"] },
    ]});
    assert_eq!(document(grants.clone()).to_json(), expected);
    assert_eq!(document(grants.into_iter().rev().collect()).to_json(), expected, "in whatever order");
}

#[test]
fn a_pattern_makes_what_it_includes_superfluous_for_the_same_action_alone() {
    let grants = vec![
        Grant::on(&["apigateway:GET"], ["/restapis/*".into(), "/restapis/*/stages".into(), "/restapis".into()]),
        Grant::new(&["apigateway:POST"], "/restapis/*/stages"),
    ];
    let statements = &document(grants).to_json()["Statement"];
    assert_eq!(statements[0]["Resource"], json!(["/restapis", "/restapis/*"]));
    assert_eq!(statements[1]["Resource"], json!(["/restapis/*/stages"]));
}

#[test]
fn equal_conditions_on_one_resource_unite_and_an_unconditional_grant_stays_apart() {
    let of = |function: &str| {
        Grant::new(&["lambda:CreateEventSourceMapping"], "*").only(
            "ArnLike",
            "lambda:FunctionArn",
            vec![function.into()],
        )
    };
    let document = document(vec![of("arn:b"), of("arn:a"), Grant::new(&["lambda:ListEventSourceMappings"], "*")]);
    let json = document.to_json();
    assert_eq!(json["Statement"].as_array().unwrap().len(), 2, "{json:#}");
    assert_eq!(json["Statement"][0]["Condition"], json!({ "ArnLike": { "lambda:FunctionArn": ["arn:a", "arn:b"] } }));
    let on = |function: &str| BTreeMap::from([("lambda:FunctionArn", function.to_owned())]);
    assert!(document.allows("lambda:CreateEventSourceMapping", "*", &on("arn:a")));
    assert!(!document.allows("lambda:CreateEventSourceMapping", "*", &on("arn:c")));
    assert!(!document.allows("lambda:CreateEventSourceMapping", "*", &BTreeMap::new()));
}

#[test]
fn a_document_that_is_too_large_is_divided_and_loses_nothing() {
    let arn = |i: usize| place().arn("sqs", &format!("a-queue-with-quite-a-long-name-{i:04}"));
    let all: Vec<String> = (0..200).map(arn).collect();
    let whole = document(vec![
        Grant::on(&["sqs:CreateQueue"], all.clone()),
        Grant::on(&["sqs:DeleteQueue"], all[..3].to_vec()),
    ]);
    assert!(!whole.fits());
    let parts = whole.split();
    assert!(
        parts.len() > 1 && parts.iter().all(Document::fits),
        "{:?}",
        parts.iter().map(Document::size).collect::<Vec<_>>()
    );
    for arn in &all {
        assert!(parts.iter().any(|part| part.allows("sqs:CreateQueue", arn, &BTreeMap::new())), "{arn}");
    }
    assert!(!parts.iter().any(|part| part.allows("sqs:DeleteQueue", &all[3], &BTreeMap::new())));
    let small = document(vec![Grant::new(&["sqs:CreateQueue"], "arn:a")]);
    assert_eq!(small.split(), [small]);
}

#[test]
fn a_boundary_holds_for_making_and_equipping_roles_and_cannot_be_taken_away() {
    let arn = "arn:aws:iam::123456789012:policy/Limit";
    let role = "arn:aws:iam::123456789012:role/worker";
    let grants = vec![Grant::new(
        &["iam:CreateRole", "iam:GetRole", "iam:PutRolePolicy", "iam:DeleteRolePermissionsBoundary"],
        role,
    )];
    let document = Document::of(&bounded(grants, arn));
    let with = |boundary: &str| BTreeMap::from([("iam:PermissionsBoundary", boundary.to_owned())]);
    for action in ["iam:CreateRole", "iam:PutRolePolicy"] {
        assert!(document.allows(action, role, &with(arn)), "{action}");
        assert!(!document.allows(action, role, &with("arn:other")) && !document.allows(action, role, &BTreeMap::new()));
    }
    assert!(document.allows("iam:GetRole", role, &BTreeMap::new()));
    assert!(!document.allows("iam:DeleteRolePermissionsBoundary", role, &with(arn)));
    assert!(document.to_json().to_string().contains("\"Deny\""));
}

#[test]
fn a_role_of_github_is_for_both_forms_of_the_subject() {
    let repository = |ids| Repository { owner: "Acme".into(), name: "couch".into(), ids };
    let branches = Source::Branches(vec!["main".into()]);
    let subjects = |role: &github::Role, operator: &str| {
        role.trust["Statement"][0]["Condition"][operator]["token.actions.githubusercontent.com:sub"].clone()
    };
    let job_role = |ids, source: &Source| {
        let trust = Trust { repository: &repository(ids), source };
        role(Task::Apply, "shop", &place(), trust, Vec::new())
    };
    let known = job_role(Some((7, 42)), &branches);
    let expected = ["repo:Acme/couch:ref:refs/heads/main", "repo:Acme@7/couch@42:ref:refs/heads/main"];
    assert_eq!(subjects(&known, "StringEquals"), json!(expected));
    assert_eq!(known.name, "shop-ci-apply");
    let any = job_role(None, &branches);
    assert_eq!(subjects(&any, "StringLike")[1], "repo:Acme@*/couch@*:ref:refs/heads/main");
    let job = job_role(None, &Source::Environment("production".into()));
    assert_eq!(subjects(&job, "StringLike")[0], "repo:Acme/couch:environment:production");
    let everything = Trust { repository: &repository(None), source: &Source::Everything };
    let plan = role(Task::Plan, &"s".repeat(60), &place(), everything, Vec::new());
    assert_eq!(subjects(&plan, "StringLike")[0], "repo:Acme/couch:pull_request");
    assert_eq!(plan.name.len(), 64);
    for one in [&known, &any, &job, &plan] {
        let condition = &one.trust["Statement"][0]["Condition"];
        assert_eq!(condition["StringEquals"]["token.actions.githubusercontent.com:aud"], "sts.amazonaws.com");
    }
}

#[test]
fn iam_has_every_action_that_the_kinds_state() {
    let mut known = std::collections::BTreeSet::new();
    for section in SECTIONS {
        let text = format!("stack: shop\nregion: eu-west-1\n\n{}", section.example());
        let loaded = crate::spec::document::Document::load(SourceText::new("stack.yaml", text), &Inputs::default());
        let (stack, mut findings) = loaded.expect("examples are sound");
        let graph = Graph::of(stack.lower().0, BTreeMap::new(), &stack, &mut findings);
        for task in [Task::Plan, Task::Apply, Task::Destroy, Task::Rollback] {
            known.extend(document(of_graph(&graph, &place(), task).expect("specs of the kinds")).actions());
        }
    }
    assert!(known.len() > 50, "{}", known.len());
    let unknown: Vec<_> = known.into_iter().filter(|action| crate::actions::unknown(action).is_some()).collect();
    assert!(unknown.is_empty(), "{unknown:?}");
}
