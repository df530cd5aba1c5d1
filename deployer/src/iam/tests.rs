use std::collections::BTreeMap;

use serde_json::json;

use super::github::{Duty, Repository, Source, Trust, role};
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
        role(Duty::Apply, "shop", &place(), trust, Vec::new())
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
    let plan = role(Duty::Plan, &"s".repeat(60), &place(), everything, Vec::new());
    assert_eq!(subjects(&plan, "StringLike")[0], "repo:Acme/couch:pull_request");
    assert_eq!(plan.name.len(), 64);
    for one in [&known, &any, &job, &plan] {
        let condition = &one.trust["Statement"][0]["Condition"];
        assert_eq!(condition["StringEquals"]["token.actions.githubusercontent.com:aud"], "sts.amazonaws.com");
    }
}

/// Loads the example of a section.
fn example(section: &str) -> (crate::spec::document::Document, Graph) {
    let text = format!("stack: shop\nregion: eu-west-1\n\n{section}");
    let loaded = crate::spec::document::Document::load(SourceText::new("stack.yaml", text), &Inputs::default());
    let (stack, mut findings) = loaded.expect("examples are sound");
    let graph = Graph::of(stack.lower().0, BTreeMap::new(), &stack, &mut findings);
    (stack, graph)
}

/// Returns the condition keys of a request that a grant allows.
fn context(grant: &Grant) -> BTreeMap<&'static str, String> {
    let asked = grant.conditions.iter().filter(|condition| !condition.operator.starts_with("ForAllValues:"));
    asked.map(|condition| (condition.key, condition.values[0].clone())).collect()
}

/// Calls that a pattern of names does not cover, because they are about resources of others.
const OF_OTHERS: &[&str] = &[
    "bedrock:GetFoundationModel",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSecurityGroups",
    "ec2:DescribeSubnets",
    "ec2:DescribeVpcs",
    "iam:AttachRolePolicy",
    "iam:CreateServiceLinkedRole",
    "iam:ListInstanceProfilesForRole",
    "iam:ListRoles",
    "iam:RemoveRoleFromInstanceProfile",
    "kms:CreateGrant",
    "kms:Decrypt",
    "kms:DescribeKey",
    "kms:Encrypt",
    "lambda:GetLayerVersion",
    "lambda:ListFunctions",
    "logs:AssociateKmsKey",
    "s3:DeleteObject",
    "s3:DeleteObjectVersion",
    "s3:ListBucketVersions",
    "scheduler:ListScheduleGroups",
    "tag:GetResources",
];

#[test]
fn a_new_element_of_any_section_needs_no_policy_beyond_that_of_the_pattern() {
    let (_, empty) = example("");
    for task in [Task::Plan, Task::Apply] {
        let by_prefix =
            NamePatterns::of("shop-*", None).widen(Vec::new(), &empty, &place(), task).expect("specs of the kinds");
        let by_prefix = Document::of(&by_prefix);
        for section in SECTIONS {
            let (_, graph) = example(section.example());
            for grant in of_graph(&graph, &place(), task).expect("specs of the kinds") {
                let context = context(&grant);
                if context.get("lambda:FunctionArn").is_some_and(|arn| !arn.contains("shop-")) {
                    continue;
                }
                for resource in grant.resources.iter().filter(|arn| *arn == "*" || arn.contains("shop-")) {
                    for action in grant.actions.iter().filter(|action| !OF_OTHERS.contains(action)) {
                        let why = format!("{}: {action} on {resource} by {}", section.name(), by_prefix.to_json());
                        assert!(by_prefix.allows(action, resource, &context), "{why}");
                    }
                }
            }
        }
    }
}

#[test]
fn a_pattern_leaves_the_roles_of_ci_the_state_and_what_is_protected_alone() {
    let (_, graph) = example("queues: { orders: { protect: true }, spare: {} }\nfunctions: { f: { zip: f.zip } }\n");
    let own = of_graph(&graph, &place(), Task::Apply).expect("specs of the kinds");
    let bucket = "arn:aws:s3:::shop-state";
    let apart = github::role_arns("shop", &place()).into_iter().chain([bucket.to_owned(), format!("{bucket}/*")]);
    let names = NamePatterns::of("shop-*", None).apart_from(apart);
    let document = Document::of(&names.widen(own, &graph, &place(), Task::Apply).expect("specs of the kinds"));
    let role = |name: &str| format!("arn:aws:iam::123456789012:role/{name}");
    let queue = |name: &str| place().arn("sqs", name);
    let none = BTreeMap::new();
    for action in ["iam:PutRolePolicy", "iam:UpdateAssumeRolePolicy", "iam:DeleteRole"] {
        assert!(document.allows(action, &role("shop-new-role"), &none), "{action}");
        assert!(!document.allows(action, &role("shop-ci-apply"), &none), "{action}");
        assert!(!document.allows(action, &role("other-role"), &none), "{action}");
    }
    assert!(document.allows("s3:DeleteBucket", "arn:aws:s3:::shop-new", &none));
    assert!(
        !document.allows("s3:DeleteBucket", bucket, &none) && !document.allows("s3:PutBucketPolicy", bucket, &none)
    );
    assert!(document.allows("sqs:DeleteQueue", &queue("shop-new"), &none));
    assert!(!document.allows("sqs:DeleteQueue", &queue("shop-orders"), &none), "protected");
    assert!(document.allows("sqs:SetQueueAttributes", &queue("shop-orders"), &none));
    assert!(document.allows("sqs:DeleteQueue", &queue("shop-spare"), &none));
    let passed = BTreeMap::from([("iam:PassedToService", "lambda.amazonaws.com".to_owned())]);
    assert!(document.allows("iam:PassRole", &role("shop-new-role"), &passed));
    assert!(!document.allows("iam:PassRole", &role("shop-ci-apply"), &passed));
}

#[test]
fn a_pattern_of_environments_is_for_their_names_and_their_owner_alone() {
    let pr = crate::spec::env::parse_pattern("pr-*").expect("a pattern");
    let text = "stack: shop\nregion: eu-west-1\nqueues: { orders: { redrive: { max_receive_count: 3 } }, fast: { fifo_queue: true } }\nfunctions: { f: { zip: f.zip }, a-function-with-quite-a-long-name-x: { zip: f.zip } }\napis: { a: { routes: { GET /a: f } } }\n";
    let inputs = |preview: &str| Inputs { preview: Some(preview.to_owned()), ..Inputs::default() };
    let loaded = |preview: &str| {
        let source = SourceText::new("stack.yaml", text);
        let (stack, mut findings) = crate::spec::document::Document::load(source, &inputs(preview)).expect("a stack");
        let graph = Graph::of(stack.lower().0, BTreeMap::new(), &stack, &mut findings);
        (stack, graph)
    };
    let (stack, graph) = loaded(&pr);
    let allow = of_graph(&graph, &place(), Task::Apply).expect("specs of the kinds");
    let document = document(open_env(own(allow, stack.stack())));
    for preview in ["pr-7", "pr-4294967295"] {
        let (stack, graph) = loaded(preview);
        let needed = own(of_graph(&graph, &place(), Task::Apply).expect("specs of the kinds"), stack.stack());
        for grant in needed {
            let context = context(&grant);
            for (action, resource) in grant.actions.iter().flat_map(|a| grant.resources.iter().map(move |r| (a, r))) {
                assert!(document.allows(action, resource, &context), "{preview}: {action} on {resource}");
            }
        }
    }
    let orders = |end: &str| place().arn("sqs", &format!("shop-orders{end}"));
    assert!(!document.allows("sqs:DeleteQueue", &orders(""), &BTreeMap::new()), "the stack's own queue");
    assert!(!document.allows("sqs:DeleteQueue", &orders("-feature"), &BTreeMap::new()));
    let api = |owner: &str| BTreeMap::from([("aws:ResourceTag/deployer:stack", owner.to_owned())]);
    let path = "arn:aws:apigateway:eu-west-1::/restapis/abc";
    assert!(document.allows("apigateway:DELETE", path, &api("shop@pr-8")));
    assert!(!document.allows("apigateway:DELETE", path, &api("shop")), "the stack's own API");
}

#[test]
fn iam_has_every_action_that_the_kinds_state() {
    let mut known = std::collections::BTreeSet::new();
    for section in SECTIONS {
        let (_, graph) = example(section.example());
        for task in [Task::Plan, Task::Apply, Task::Destroy, Task::Rollback] {
            known.extend(document(of_graph(&graph, &place(), task).expect("specs of the kinds")).actions());
        }
    }
    assert!(known.len() > 50, "{}", known.len());
    let unknown: Vec<_> = known.into_iter().filter(|action| crate::actions::unknown(action).is_some()).collect();
    assert!(unknown.is_empty(), "{unknown:?}");
}

#[test]
fn a_mapping_that_the_listing_of_tags_still_has_may_be_looked_up_before_its_function_is_known() {
    let (_, graph) = example(include_str!("../spec/sections/examples/functions.yaml"));
    for task in [Task::Plan, Task::Apply, Task::Destroy] {
        let policy = document(of_graph(&graph, &place(), task).expect("specs of the kinds"));
        let mapping = place().arn("lambda", "event-source-mapping:91eaeb7e-c976-1234-9451-8709db01f137");
        assert!(policy.allows("lambda:GetEventSourceMapping", &mapping, &BTreeMap::new()), "{}", task.name());
    }
}
