//! Carries out one planned action.

#[cfg(test)]
mod tests;

use std::time::Duration;

use serde_json::Value;

use super::retry::retrying;
use crate::aws::{Aws, AwsError, Trust, tags};
use crate::graph::owner::{Owner, by_own_tags};
use crate::graph::resolve;
use crate::kinds::{Changes, CreatedResource, KindRef, ObservedResource, Ownership, WatchedOperation};
use crate::plan::{Deletion, Effect, Plan, PlannedResource, PropertyRules, Replacement, Revision, diff};
use crate::spec::template::Ref;

/// The result of a step.
pub(super) enum StepResult {
    /// The resource exists as desired.
    Exists(CreatedResource),
    /// The resource is deleted, or removed from the state.
    Absent,
}

/// The part of a planned action that a step carries out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum StepPart {
    /// Everything but the removal of a predecessor.
    Main,
    /// The deletion of the predecessor, once nothing uses it.
    Removal,
}

/// The surroundings of a step.
pub(super) struct Context<'a> {
    pub aws: &'a Aws,
    pub stack: &'a str,
    pub plan: &'a Plan,
    /// Whether the update takes something away in a step of its own.
    pub withdraws: bool,
}

/// The work that AWS finishes on its own after a step: the spec, and the operation.
pub(super) type RemainingWork = Option<(Value, WatchedOperation)>;

/// Carries out one part of a planned action; `desired` has every reference resolved.
pub(super) async fn run(
    context: &Context<'_>,
    planned: &PlannedResource,
    part: StepPart,
    desired: &Value,
) -> Result<(StepResult, RemainingWork), AwsError> {
    let step = ResourceStep { context, kind: planned.kind };
    match (&planned.effect, part) {
        (Effect::Update(revision), StepPart::Removal) if context.withdraws => step.withdraw(revision, desired).await,
        (effect, StepPart::Removal) => step.remove(effect.removed_later()).await,
        (Effect::Delete { live, how }, StepPart::Main) => step.delete_with_leftover(live, how).await,
        (Effect::Forget { .. } | Effect::Unchanged { .. }, StepPart::Main) => Ok((StepResult::Absent, None)),
        (effect, StepPart::Main) => step.build(effect, desired).await,
    }
}

fn watch_deletion(live: &ObservedResource<Value>) -> RemainingWork {
    Some((live.spec.clone(), WatchedOperation::Deleted))
}

struct ResourceStep<'a> {
    context: &'a Context<'a>,
    kind: KindRef,
}

impl ResourceStep<'_> {
    /// Creates the resource, or changes it to the desired spec.
    async fn build(&self, effect: &Effect, desired: &Value) -> Result<(StepResult, RemainingWork), AwsError> {
        // AWS would treat the placeholder of an unknown value as an ordinary text, and create a resource that nobody
        // finds again.
        if let Some(Ref { address, output }) = resolve::list_placeholders(desired).into_iter().next() {
            return Err(AwsError::Unresolved { address, output });
        }
        let (created, event) = match effect {
            Effect::Replace { order: Replacement::DeleteFirst { live, .. }, .. } => {
                self.delete(live).await?;
                (self.create(desired).await?, Some(WatchedOperation::Created))
            }
            Effect::Update(revision) if self.context.withdraws => {
                let until = self.kind.meanwhile(&revision.live.spec, desired);
                self.update(&revision.live, until.as_ref().unwrap_or(desired), set_again(revision)).await?
            }
            Effect::Adopt(revision) if !self.kind.about().calls.dying.is_empty() => {
                let event = match self.update(&revision.live, desired, set_again(revision)).await {
                    // It was being deleted, and is gone by now.
                    Err(refused) if refused.is(self.kind.about().calls.dying) => Some(WatchedOperation::Created),
                    updated => updated?.1,
                };
                (self.create(desired).await?, event)
            }
            Effect::Update(revision) | Effect::Adopt(revision) => {
                self.update(&revision.live, desired, set_again(revision)).await?
            }
            _ => (self.create(desired).await?, Some(WatchedOperation::Created)),
        };
        Ok((StepResult::Exists(created), event.map(|event| (desired.clone(), event))))
    }

    /// Takes away the rest of an update, which dependents needed until now.
    async fn withdraw(&self, revision: &Revision, desired: &Value) -> Result<(StepResult, RemainingWork), AwsError> {
        let live = &revision.live;
        let spec = self.kind.meanwhile(&live.spec, desired).unwrap_or_else(|| live.spec.clone());
        let (made, event) = self.update(&ObservedResource { spec, ..live.clone() }, desired, Vec::new()).await?;
        Ok((StepResult::Exists(made), event.map(|event| (desired.clone(), event))))
    }

    /// Deletes a predecessor, if there is one.
    async fn remove(
        &self,
        predecessor: Option<&ObservedResource<Value>>,
    ) -> Result<(StepResult, RemainingWork), AwsError> {
        let Some(predecessor) = predecessor else { return Ok((StepResult::Absent, None)) };
        self.delete(predecessor).await?;
        Ok((StepResult::Absent, watch_deletion(predecessor)))
    }

    /// Deletes a resource, and the one that an interrupted replacement left.
    async fn delete_with_leftover(
        &self,
        live: &ObservedResource<Value>,
        how: &Deletion,
    ) -> Result<(StepResult, RemainingWork), AwsError> {
        match how {
            Deletion::WithParent(_) => Ok((StepResult::Absent, None)),
            Deletion::Called { leftover } => {
                self.delete(live).await?;
                if let Some(leftover) = leftover {
                    self.delete(leftover).await?;
                }
                Ok((StepResult::Absent, watch_deletion(live)))
            }
        }
    }

    /// Creates the resource. If it exists already and is ours, the answer to an earlier attempt was lost: then it is
    /// updated.
    async fn create(&self, desired: &Value) -> Result<CreatedResource, AwsError> {
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

    /// Reads the owner of a resource again, without remembered answers; for a part, the owner of its parent. Returns
    /// false if AWS does not have the resource any more.
    async fn check_owner(&self, live: &ObservedResource<Value>) -> Result<bool, AwsError> {
        let is_part = self.kind.ownership() == Ownership::Parent;
        let parent = self.context.plan.parent_of(self.kind, live).filter(|_| is_part);
        let (kind, before) = parent.map_or((self.kind, live), |parent| (parent.kind, &parent.live));
        // A part without a parent of ours, or a resource that an emulator has created without tags.
        let Some(tag) = stack_tag(before) else { return Ok(true) };
        let Some(now) = kind.present(&self.context.aws.afresh(), &before.spec).await? else { return Ok(false) };
        // The plan may have taken over another stack's resource.
        if stack_tag(&now) == Some(tag) {
            return Ok(true);
        }
        let owner = Owner::by_tag(self.context.stack, stack_tag(&now), true);
        match if is_part { owner.of_part() } else { owner } {
            Owner::Ours => Ok(true),
            Owner::Foreign(owner) => Err(AwsError::Foreign { id: live.physical_id.clone(), owner }),
        }
    }

    /// Tells whether a resource that a create found is this stack's. A part always is, because its parent is this
    /// stack's.
    fn is_ours(&self, live: &ObservedResource<Value>) -> bool {
        by_own_tags(&*self.kind, live, self.context.stack, false).is_none_or(|owner| owner.is_ours())
    }

    /// Changes the properties that differ, and those to set `again`. Makes no call if there are none.
    async fn update(
        &self,
        live: &ObservedResource<Value>,
        desired: &Value,
        again: Vec<String>,
    ) -> Result<(CreatedResource, Option<WatchedOperation>), AwsError> {
        let aws = self.context.aws;
        let differ = diff::diff(PropertyRules(self.kind.rules()), &live.spec, desired).into_iter().map(|c| c.path);
        let changes = Changes(differ.chain(again).collect());
        if !changes.0.is_empty() {
            retrying(|| self.kind.update(aws, live, desired, &changes)).await?;
        }
        let renewed = match changes.touch_any(self.kind.about().renewed) {
            true => self.kind.read(&aws.afresh(), desired, Trust::Resource).await?,
            false => None,
        };
        let live = renewed.as_ref().unwrap_or(live);
        let mut outputs = live.outputs.clone();
        for (name, value) in self.kind.predict(desired, &aws.place)? {
            outputs.entry(name).or_insert(value);
        }
        let event = (!changes.0.is_empty()).then_some(WatchedOperation::Updated(changes));
        Ok((CreatedResource { physical_id: live.physical_id.clone(), outputs }, event))
    }

    async fn delete(&self, live: &ObservedResource<Value>) -> Result<(), AwsError> {
        if self.context.aws.run.age() > STALE && !self.check_owner(live).await? {
            return Ok(());
        }
        retrying(|| self.kind.delete(self.context.aws, live)).await
    }
}

/// The age of a read from which the owner is read again before a deletion.
const STALE: Duration = Duration::from_secs(30);

/// Returns the stack in a resource's ownership tags.
fn stack_tag(live: &ObservedResource<Value>) -> Option<&str> {
    live.spec["tags"][tags::STACK].as_str()
}

/// Returns the properties that are sent again though they do not differ.
fn set_again(revision: &Revision) -> Vec<String> {
    let again = revision.changes.iter().filter(|change| change.is_set_again());
    again.map(|change| change.path.clone()).collect()
}
