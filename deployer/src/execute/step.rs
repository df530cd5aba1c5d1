//! One planned action, carried out.

use std::time::Duration;

use serde_json::Value;

use super::retry::retrying;
use crate::aws::{Aws, AwsError, Trust, tags};
use crate::graph::resolve;
use crate::kinds::{Changes, Created, KindRef, Observed, Ownership, Watched};
use crate::plan::{Deletion, Effect, Planned, Replacement, Revision, Rules, diff};
use crate::spec::template::Ref;

/// What one step left behind.
pub(super) enum Done {
    /// It exists, as desired.
    Made(Created),
    /// It is gone.
    Gone,
}

/// Which part of a planned action a step is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Part {
    /// Everything but the removal of a predecessor.
    Main,
    /// The predecessor's removal, after everybody has moved on.
    Removal,
}

/// A step's surroundings.
pub(super) struct Context<'a> {
    pub aws: &'a Aws,
    pub stack: &'a str,
    /// What an update takes away goes in a step of its own.
    pub withdraws: bool,
}

/// What AWS still does by itself after a step: of which spec, and what it was about.
pub(super) type Unfinished = Option<(Value, Watched)>;

/// Carries out one part of a planned action; `desired` has every reference resolved.
pub(super) async fn run(
    context: &Context<'_>,
    planned: &Planned,
    part: Part,
    desired: &Value,
) -> Result<(Done, Unfinished), AwsError> {
    let step = Step { context, kind: planned.kind };
    match (&planned.effect, part) {
        (Effect::Update(revision), Part::Removal) if context.withdraws => step.withdraw(revision, desired).await,
        (effect, Part::Removal) => step.remove(effect.removed_later()).await,
        (Effect::Delete { live, how }, Part::Main) => step.delete_with_leftover(live, how).await,
        (Effect::Forget { .. } | Effect::Unchanged { .. }, Part::Main) => Ok((Done::Gone, None)),
        (effect, Part::Main) => step.build(effect, desired).await,
    }
}

fn deleted(live: &Observed<Value>) -> Unfinished {
    Some((live.spec.clone(), Watched::Deleted))
}

struct Step<'a> {
    context: &'a Context<'a>,
    kind: KindRef,
}

impl Step<'_> {
    /// Creates the resource, or changes it to the desired spec.
    async fn build(&self, effect: &Effect, desired: &Value) -> Result<(Done, Unfinished), AwsError> {
        // AWS would take the mark of an unknown value for an ordinary text, and create a resource that nobody finds
        // again.
        if let Some(Ref { address, output }) = resolve::marked(desired).into_iter().next() {
            return Err(AwsError::Unresolved { address, output });
        }
        let (created, event) = match effect {
            Effect::Replace { order: Replacement::DeleteFirst { live, .. }, .. } => {
                self.delete(live).await?;
                (self.create(desired).await?, Some(Watched::Created))
            }
            Effect::Update(revision) if self.context.withdraws => {
                let until = self.kind.meanwhile(&revision.live.spec, desired);
                self.update(&revision.live, until.as_ref().unwrap_or(desired), set_again(revision)).await?
            }
            Effect::Adopt(revision) if !self.kind.about().calls.dying.is_empty() => {
                let event = match self.update(&revision.live, desired, set_again(revision)).await {
                    // It was being deleted, and is gone by now.
                    Err(refused) if refused.is(self.kind.about().calls.dying) => Some(Watched::Created),
                    updated => updated?.1,
                };
                (self.create(desired).await?, event)
            }
            Effect::Update(revision) | Effect::Adopt(revision) => {
                self.update(&revision.live, desired, set_again(revision)).await?
            }
            _ => (self.create(desired).await?, Some(Watched::Created)),
        };
        Ok((Done::Made(created), event.map(|event| (desired.clone(), event))))
    }

    /// Takes away the rest of an update, which dependents needed until now.
    async fn withdraw(&self, revision: &Revision, desired: &Value) -> Result<(Done, Unfinished), AwsError> {
        let live = &revision.live;
        let spec = self.kind.meanwhile(&live.spec, desired).unwrap_or_else(|| live.spec.clone());
        let (made, event) = self.update(&Observed { spec, ..live.clone() }, desired, Vec::new()).await?;
        Ok((Done::Made(made), event.map(|event| (desired.clone(), event))))
    }

    /// Deletes a predecessor, if there is one.
    async fn remove(&self, predecessor: Option<&Observed<Value>>) -> Result<(Done, Unfinished), AwsError> {
        let Some(predecessor) = predecessor else { return Ok((Done::Gone, None)) };
        self.delete(predecessor).await?;
        Ok((Done::Gone, deleted(predecessor)))
    }

    /// Deletes a resource, and the one that an interrupted replacement left.
    async fn delete_with_leftover(
        &self,
        live: &Observed<Value>,
        how: &Deletion,
    ) -> Result<(Done, Unfinished), AwsError> {
        match how {
            Deletion::WithParent(_) => Ok((Done::Gone, None)),
            Deletion::Called { leftover } => {
                self.delete(live).await?;
                if let Some(leftover) = leftover {
                    self.delete(leftover).await?;
                }
                Ok((Done::Gone, deleted(live)))
            }
        }
    }

    /// Creates; if it exists already and is ours, a lost answer made it, and it is brought in line.
    async fn create(&self, desired: &Value) -> Result<Created, AwsError> {
        let aws = self.context.aws;
        let refused = match retrying(|| self.kind.create(aws, desired)).await {
            Ok(mut created) => {
                let predicted = self.kind.predict(desired, &aws.place)?;
                for (name, value) in predicted {
                    created.outputs.entry(name).or_insert(value);
                }
                return Ok(created);
            }
            Err(error) => error,
        };
        if !refused.is(self.kind.about().calls.exists) {
            return Err(refused);
        }
        match self.kind.read(aws, desired, Trust::Resource).await? {
            Some(live) if self.is_ours(&live) => {
                self.update(&live, desired, Vec::new()).await.map(|(created, _)| created)
            }
            _ => Err(refused),
        }
    }

    /// Asks AWS whose a resource is by now, whatever this run remembers; false where it is gone.
    async fn still_ours(&self, live: &Observed<Value>) -> Result<bool, AwsError> {
        let owner = |seen: &Observed<Value>| seen.spec["tags"][tags::STACK].as_str().map(str::to_owned);
        let before = owner(live);
        if before.is_none() || self.kind.ownership() != Ownership::Tags {
            return Ok(true);
        }
        let now = self.kind.present(&self.context.aws.afresh(), &live.spec).await?;
        let Some(now) = now else { return Ok(false) };
        match owner(&now) {
            None => Err(AwsError::Unmarked { id: now.physical_id }),
            Some(owner) if Some(&owner) != before.as_ref() => Err(AwsError::Taken { arn: now.physical_id, owner }),
            Some(_) => Ok(true),
        }
    }

    fn is_ours(&self, live: &Observed<Value>) -> bool {
        self.kind.ownership() == Ownership::Parent
            || live.spec.get("tags").and_then(|t| t.get(tags::STACK)).and_then(Value::as_str)
                == Some(self.context.stack)
    }

    /// Changes what differs, and sets what is to be set `again`; where nothing is, nothing is called.
    async fn update(
        &self,
        live: &Observed<Value>,
        desired: &Value,
        again: Vec<String>,
    ) -> Result<(Created, Option<Watched>), AwsError> {
        let aws = self.context.aws;
        let differ = diff::diff(Rules(self.kind.rules()), &live.spec, desired).into_iter().map(|c| c.path);
        let changes = Changes(differ.chain(again).collect());
        if !changes.0.is_empty() {
            retrying(|| self.kind.update(aws, live, desired, &changes)).await?;
        }
        let mut outputs = live.outputs.clone();
        for (name, value) in self.kind.predict(desired, &aws.place)? {
            outputs.entry(name).or_insert(value);
        }
        let event = (!changes.0.is_empty()).then_some(Watched::Updated(changes));
        Ok((Created { physical_id: live.physical_id.clone(), outputs }, event))
    }

    async fn delete(&self, live: &Observed<Value>) -> Result<(), AwsError> {
        if self.context.aws.run.age() > STALE && !self.still_ours(live).await? {
            return Ok(());
        }
        retrying(|| self.kind.delete(self.context.aws, live)).await
    }
}

/// What was read so long ago is asked for its owner once more before it is deleted.
const STALE: Duration = Duration::from_secs(30);

/// Returns the properties that are sent again though they do not differ.
fn set_again(revision: &Revision) -> Vec<String> {
    let again = revision.changes.iter().filter(|change| change.is_set_again());
    again.map(|change| change.path.clone()).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::json;

    use super::*;
    use crate::aws::played;
    use crate::graph::resolve::Known;
    use crate::kinds::REGISTRY;
    use crate::plan::tests::ownership::ALL;
    use crate::plan::tests::world::{Stack, World};
    use crate::plan::{Action, Goal};

    #[tokio::test]
    async fn what_was_read_long_ago_is_asked_for_its_owner_before_it_is_deleted() {
        let world = World::applied("stack: couch\nqueues: { inbox: {} }\n");
        let plan = world.plan(&Stack::of("stack: couch\n", &[]), Goal::Apply, &Default::default()).expect("a plan");
        let tags = |stack: &str| played::json(&format!(r#"{{"Tags": {{"deployer:stack": "{stack}"}}}}"#));
        for (answer, refused) in [
            (tags("shop"), Some("belongs to the stack \"shop\" by now")),
            (played::json("{}"), Some("carries no ownership tags of this stack any more")),
            (tags("couch"), None),
        ] {
            let aws = played::answering(&[&answer, &played::json("{}")]).await;
            grow_old().await;
            let context = Context { aws: &aws, stack: "couch", withdraws: false };
            let ended =
                run(&context, &plan.actions()[0], Part::Main, &Value::Null).await.map(drop).map_err(|e| e.to_string());
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
        let live = Observed::new(id, live, Default::default());
        Revision { wanted: Default::default(), live, changes: Vec::new(), leftover: None }
    }

    /// Makes everything that was read until now old.
    async fn grow_old() {
        tokio::time::pause();
        tokio::time::advance(STALE * 2).await;
        tokio::time::resume();
    }

    #[tokio::test]
    async fn every_kind_with_tags_is_asked_about_before_it_is_deleted() {
        let world = World::applied(ALL);
        let plan = world.plan(&Stack::of("stack: couch\n", &[]), Goal::Apply, &Default::default()).expect("a plan");
        let denied = "403 Forbidden\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";
        let mut asked = BTreeSet::new();
        for planned in plan.actions().iter().filter(|planned| planned.action() == Action::Delete) {
            if planned.kind.ownership() != Ownership::Tags {
                continue;
            }
            let live = planned.live().expect("a deleted resource is live").clone();
            let aws = played::answering(&[denied; 9]).await;
            grow_old().await;
            let context = Context { aws: &aws, stack: "couch", withdraws: false };
            let effect = Effect::Delete { live, how: Deletion::Called { leftover: None } };
            let alone = Planned { effect, ..planned.clone() };
            let ended = run(&context, &alone, Part::Main, &Value::Null).await;
            let (reads, writes) = aws.calls();
            assert!(ended.is_err() && reads > 0 && writes == 0, "{}: {reads} reads, {writes} writes", planned.address);
            asked.insert(planned.kind.name());
        }
        let all = REGISTRY.iter().filter(|kind| kind.ownership() == Ownership::Tags).map(|kind| kind.name());
        assert_eq!(asked, all.collect());
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
        let context = Context { aws: &aws, stack: "couch", withdraws: false };
        let _ = run(&context, api, Part::Main, &Value::Null).await;
        assert_eq!(aws.calls(), (2, 0), "its tags are another stack's by now: nothing is deleted");
    }

    #[tokio::test]
    async fn what_is_not_known_is_never_sent_as_a_text() {
        let (aws, world) = (played::answering(&[]).await, World::default());
        let stack = Stack::of("stack: couch\nqueues: { inbox: {} }\n", &[]);
        let plan = world.plan(&stack, Goal::Apply, &Default::default()).expect("a plan");
        let mut desired = plan.actions()[0].effect.wanted().expect("it is made").desired.clone();
        desired["name"] = resolve::value(&json!("for-${apis.a.id}"), &Known::new(), &aws.place);
        let context = Context { aws: &aws, stack: "couch", withdraws: false };
        let refused = run(&context, &plan.actions()[0], Part::Main, &desired).await.err().expect("no queue");
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
        let desired = planned.effect.wanted().expect("it is made").desired.clone();
        planned.effect = Effect::Adopt(revision("url", desired.clone()));
        let context = Context { aws: &aws, stack: "couch", withdraws: false };
        let (done, _) = run(&context, &planned, Part::Main, &desired).await.expect("made again");
        assert!(matches!(done, Done::Made(_)));
        assert_eq!(aws.calls(), (0, 2));
        // It differs, and is gone when that is to be changed.
        let refused = r#"{"__type":"com.amazonaws.sqs#QueueDoesNotExist","message":"no such queue"}"#;
        let length = refused.len();
        let gone = format!("400 Bad Request\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{refused}");
        let aws = played::answering(&[&gone, &made]).await;
        let mut spec = desired.clone();
        spec["visibility_timeout"] = json!(7);
        planned.effect = Effect::Adopt(revision("https://sqs/orders", spec));
        let context = Context { aws: &aws, stack: "couch", withdraws: false };
        let (done, event) = run(&context, &planned, Part::Main, &desired).await.expect("made again");
        assert!(matches!((done, event), (Done::Made(_), Some((_, Watched::Created)))));
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
        let desired = planned.effect.wanted().expect("it is made").desired.clone();
        let mut spec = desired.clone();
        let network = json!({ "Effect": "Allow", "Action": "ec2:DeleteNetworkInterface", "Resource": "*" });
        spec["inline_policies"]["permissions"]["Statement"] = json!([network]);
        planned.effect = Effect::Update(revision("r", spec));
        let context = Context { aws: &aws, stack: "couch", withdraws: true };
        for part in [Part::Main, Part::Removal] {
            let (done, _) = run(&context, &planned, part, &desired).await.expect("changed");
            assert!(matches!(done, Done::Made(_)));
        }
        assert_eq!(aws.calls_made(), ["iam:PutRolePolicy", "iam:PutRolePolicy"]);
    }
}
