use std::collections::BTreeSet;

use serde_json::json;

use super::*;
use crate::aws::played;
use crate::graph::resolve::KnownOutputs;
use crate::kinds::REGISTRY;
use crate::plan::action::LiveParent;
use crate::plan::tests::ownership::ALL;
use crate::plan::tests::world::{Stack, World};
use crate::plan::{Action, Goal};

#[tokio::test]
async fn the_owner_of_a_resource_read_long_ago_is_read_again_before_its_deletion() {
    let world = World::applied("stack: couch\nqueues: { inbox: {} }\n");
    let plan = world.plan(&Stack::of("stack: couch\n", &[]), Goal::Apply, &Default::default()).expect("a plan");
    let tags = |stack: &str| played::json(&format!(r#"{{"Tags": {{"deployer:stack": "{stack}"}}}}"#));
    for (answer, refused) in [
        (tags("shop"), Some("belongs to the stack \"shop\"")),
        (played::json("{}"), Some("carries no ownership tags of this stack any more")),
        (tags("couch"), None),
    ] {
        let aws = played::answering(&[&answer, &played::json("{}")]).await;
        grow_old().await;
        let context = Context { aws: &aws, stack: "couch", plan: &plan, withdraws: false };
        let ended =
            run(&context, &plan.actions()[0], StepPart::Main, &Value::Null).await.map(drop).map_err(|e| e.to_string());
        match refused {
            None => assert_eq!((ended, aws.calls()), (Ok(()), (1, 1))),
            Some(why) => {
                assert!(ended.as_ref().is_err_and(|error| error.contains(why)), "{ended:?}");
                assert_eq!(aws.calls(), (1, 0), "nothing is deleted");
            }
        }
    }
}

fn revision(id: &str, live: Value) -> Revision {
    let live = ObservedResource::new(id, live, Default::default());
    Revision { wanted: Default::default(), live, changes: Vec::new(), leftover: None }
}

/// Lets time pass, so that every read is old.
async fn grow_old() {
    tokio::time::pause();
    tokio::time::advance(STALE * 2).await;
    tokio::time::resume();
}

#[tokio::test]
async fn the_owner_of_every_kind_is_read_again_before_a_late_deletion() {
    let world = World::applied(ALL);
    let mut plan = world.plan(&Stack::of("stack: couch\n", &[]), Goal::Apply, &Default::default()).expect("a plan");
    let denied = "403 Forbidden\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";
    let mut read = BTreeSet::new();
    for planned in each_by_its_own_call(&mut plan) {
        let aws = played::answering(&[denied; 9]).await;
        grow_old().await;
        let context = Context { aws: &aws, stack: "couch", plan: &plan, withdraws: false };
        let ended = run(&context, &planned, StepPart::Main, &Value::Null).await;
        let (reads, writes) = aws.calls();
        assert!(ended.is_err() && reads > 0 && writes == 0, "{}: {reads} reads, {writes} writes", planned.address);
        read.insert(planned.kind.name());
    }
    assert_eq!(read, REGISTRY.iter().map(|kind| kind.name()).collect());
}

/// Lets the plan delete each resource by a call of its own, parts too, and returns the deletions.
fn each_by_its_own_call(plan: &mut Plan) -> Vec<PlannedResource> {
    let deletions: Vec<PlannedResource> =
        plan.actions().iter().filter(|p| p.action() == Action::Delete).cloned().collect();
    let live = |planned: &PlannedResource| planned.live().expect("a deleted resource is live").clone();
    plan.parents = deletions.iter().map(|planned| LiveParent { kind: planned.kind, live: live(planned) }).collect();
    let alone = |planned: PlannedResource| {
        let effect = Effect::Delete { live: live(&planned), how: Deletion::Called { leftover: None } };
        PlannedResource { effect, ..planned }
    };
    deletions.into_iter().map(alone).collect()
}

#[tokio::test]
async fn a_part_stays_whose_parent_another_stack_has_taken_since_the_plan() {
    let all = "stack: couch\ntopics: { news: { subscriptions: [ { email: a@example.com } ] } }\n";
    let world = World::applied(all).with_arns();
    let without = Stack::of("stack: couch\ntopics: { news: {} }\n", &[]);
    let plan = world.plan(&without, Goal::Apply, &Default::default()).expect("a plan");
    let part = plan.actions().iter().find(|planned| planned.action() == Action::Delete).expect("a subscription");
    let tags = |stack: &str| {
        let tags = format!("<Tags><member><Key>{}</Key><Value>{stack}</Value></member></Tags>", tags::STACK);
        xml(&format!(
            "<ListTagsForResourceResponse><ListTagsForResourceResult>{tags}</ListTagsForResourceResult></ListTagsForResourceResponse>"
        ))
    };
    let done = xml("<UnsubscribeResponse/>");
    for (owner, calls) in
        [("shop", vec!["sns:ListTagsForResource"]), ("couch", vec!["sns:ListTagsForResource", "sns:Unsubscribe"])]
    {
        let aws = played::answering(&[&tags(owner), &done]).await;
        grow_old().await;
        let context = Context { aws: &aws, stack: "couch", plan: &plan, withdraws: false };
        let ended = run(&context, part, StepPart::Main, &Value::Null).await.map(drop).map_err(|e| e.to_string());
        assert_eq!(aws.calls_made(), calls, "{ended:?}");
        let refused = "is part of a resource that belongs to the stack \"shop\"";
        assert_eq!(ended.is_err_and(|error| error.contains(refused)), owner == "shop");
    }
}

fn xml(body: &str) -> String {
    format!("200 OK\r\nconnection: close\r\ncontent-type: text/xml\r\ncontent-length: {}\r\n\r\n{body}", body.len())
}

#[tokio::test]
async fn an_api_is_asked_about_afresh_whatever_the_plan_remembers_of_it() {
    let world = World::applied(ALL);
    let plan = world.plan(&Stack::of("stack: couch\n", &[]), Goal::Apply, &Default::default()).expect("a plan");
    let api = plan.actions().iter().find(|planned| planned.kind.name() == "apigateway.rest_api").expect("an API");
    let live = api.live().expect("it is there");
    let (id, address) = (&live.physical_id, &api.address);
    let listed = |stack: &str| {
        let tags = format!(r#"{{"{}": "{stack}", "{}": "{address}"}}"#, tags::STACK, tags::ADDRESS);
        played::json(&format!(
            r#"{{"item": [{{"id": "{id}", "name": "web", "rootResourceId": "r", "tags": {tags}}}]}}"#
        ))
    };
    let aws = played::answering(&[&listed("couch"), &listed("shop")]).await;
    assert!(api.kind.present(&aws, &live.spec).await.expect("an answer").is_some(), "the plan has found it");
    grow_old().await;
    let context = Context { aws: &aws, stack: "couch", plan: &plan, withdraws: false };
    let _ = run(&context, api, StepPart::Main, &Value::Null).await;
    assert_eq!(aws.calls(), (2, 0), "its tags are another stack's by now: nothing is deleted");
}

#[tokio::test]
async fn what_is_not_known_is_never_sent_as_a_text() {
    let (aws, world) = (played::answering(&[]).await, World::default());
    let stack = Stack::of("stack: couch\nqueues: { inbox: {} }\n", &[]);
    let plan = world.plan(&stack, Goal::Apply, &Default::default()).expect("a plan");
    let mut desired = plan.actions()[0].effect.desired_spec().expect("it is made").desired.clone();
    desired["name"] = resolve::value(&json!("for-${apis.a.id}"), &KnownOutputs::new(), &aws.place);
    let context = Context { aws: &aws, stack: "couch", plan: &plan, withdraws: false };
    let refused = run(&context, &plan.actions()[0], StepPart::Main, &desired).await.err().expect("no queue");
    assert!(matches!(&refused, AwsError::Unresolved { address, .. } if address == "apis.a"), "{refused}");
    assert_eq!(aws.calls(), (0, 0));
}

#[tokio::test]
async fn a_queue_that_was_found_without_a_record_may_be_dying_and_is_created_all_the_same() {
    let refused = r#"{"__type":"com.amazonaws.sqs#QueueDeletedRecently","message":"wait 60 seconds"}"#;
    let length = refused.len();
    let dying = format!("400 Bad Request\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{refused}");
    let made = played::json(r#"{"QueueUrl":"https://sqs/orders"}"#);
    let (aws, world) = (played::answering(&[&dying, &made]).await, World::default());
    let stack = Stack::of("stack: couch\nqueues: { inbox: {} }\n", &[]);
    let plan = world.plan(&stack, Goal::Apply, &Default::default()).expect("a plan");
    let mut planned = plan.actions()[0].clone();
    let desired = planned.effect.desired_spec().expect("it is made").desired.clone();
    planned.effect = Effect::Adopt(revision("url", desired.clone()));
    let context = Context { aws: &aws, stack: "couch", plan: &plan, withdraws: false };
    let (done, _) = run(&context, &planned, StepPart::Main, &desired).await.expect("made again");
    assert!(matches!(done, StepResult::Exists(_)));
    assert_eq!(aws.calls(), (0, 2));
    // The queue differs, and no longer exists when it is to be changed.
    let refused = r#"{"__type":"com.amazonaws.sqs#QueueDoesNotExist","message":"no such queue"}"#;
    let length = refused.len();
    let gone = format!("400 Bad Request\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{refused}");
    let aws = played::answering(&[&gone, &made]).await;
    let mut spec = desired.clone();
    spec["visibility_timeout"] = json!(7);
    planned.effect = Effect::Adopt(revision("https://sqs/orders", spec));
    let context = Context { aws: &aws, stack: "couch", plan: &plan, withdraws: false };
    let (done, event) = run(&context, &planned, StepPart::Main, &desired).await.expect("made again");
    assert!(matches!((done, event), (StepResult::Exists(_), Some((_, WatchedOperation::Created)))));
    assert_eq!(aws.calls_made(), ["sqs:SetQueueAttributes", "sqs:CreateQueue"]);
}

#[tokio::test]
async fn what_a_role_loses_goes_in_the_second_step() {
    let (first, second) = ("ec2%3ADeleteNetworkInterface", "s3%3APutObject");
    let done = "<PutRolePolicyResponse><PutRolePolicyResult/></PutRolePolicyResponse>";
    let done = format!("200 OK\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{done}", done.len()).into_bytes();
    let aws = played::answering_to(vec![(first, done.clone()), (second, done)]).await;
    let world = World::default();
    let stack = Stack::of(
        "stack: couch\nroles: { r: { trust: [lambda.amazonaws.com], permissions: [ { allow: s3:PutObject, on: \"arn:aws:s3:::b/*\" } ] } }\n",
        &[],
    );
    let plan = world.plan(&stack, Goal::Apply, &Default::default()).expect("a plan");
    let mut planned = plan.actions()[0].clone();
    let desired = planned.effect.desired_spec().expect("it is made").desired.clone();
    let mut spec = desired.clone();
    let network = json!({ "Effect": "Allow", "Action": "ec2:DeleteNetworkInterface", "Resource": "*" });
    spec["inline_policies"]["permissions"]["Statement"] = json!([network]);
    planned.effect = Effect::Update(revision("r", spec));
    let context = Context { aws: &aws, stack: "couch", plan: &plan, withdraws: true };
    for part in [StepPart::Main, StepPart::Removal] {
        let (done, _) = run(&context, &planned, part, &desired).await.expect("changed");
        assert!(matches!(done, StepResult::Exists(_)));
    }
    assert_eq!(aws.calls_made(), ["iam:PutRolePolicy", "iam:PutRolePolicy"]);
}
