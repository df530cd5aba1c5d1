//! `scheduler.schedule_group`: a group of EventBridge Scheduler, which carries the ownership tags of its schedules.
//!
//! **Guarantees**: a group is created with its tags. A group that AWS is deleting counts as absent, and its name is used
//! again once AWS is finished. Groups that are read at the same time share a listing.
//! **Assumptions**: everything in a group of this stack belongs to this stack.
//! **Caveats**: AWS deletes all schedules of a group with it, those of others too.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use aws_sdk_scheduler::types::{ScheduleGroupState, Tag};
use futures::future::try_join_all;
use serde::{Deserialize, Serialize};

use super::{
    About, Calls, Changes, CreatedResource, FoundResource, Grant, Kind, NameProperty, ObservedResource, Op, Outputs,
    Person, Rule, WatchedOperation,
};
use crate::aws::gather::{Bulk, both};
use crate::aws::service::SCHEDULER;
use crate::aws::tags::{self, Tags};
use crate::aws::wait::Poll;
use crate::aws::{Aws, AwsError, Place, Trust, tagged};

/// The group kind.
pub struct ScheduleGroupKind;

/// A group of schedules.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ScheduleGroup {
    pub name: String,
    pub tags: Tags,
}

const ABSENT: &[&str] = &["ResourceNotFoundException"];
const EXISTS: &[&str] = &["ConflictException"];
const DELETED_WITHIN: Duration = Duration::from_secs(300);

impl Kind for ScheduleGroupKind {
    const ABOUT: About = About {
        outputs: &["name", "arn"],
        identity: &["name"],
        rules: &[("name", Rule::Replace("Scheduler cannot rename a group"))],
        tags: Some(tags::TagRules::lenient("EventBridge Scheduler")),
        named: Some(NameProperty::of("name", 64)),
        calls: Calls {
            exists: EXISTS,
            limited: &[(Op::Create, "scheduler:CreateScheduleGroup"), (Op::Delete, "scheduler:DeleteScheduleGroup")],
            listings: &[(FEW, &["scheduler:ListScheduleGroups"])],
            watched: true,
            ..Calls::DEFAULT
        },
        person: Person { lost: Some("schedules that others put into it"), ..Person::DEFAULT },
        ..About::of("scheduler.schedule_group", &SCHEDULER)
    };
    type Spec = ScheduleGroup;

    fn predict(spec: &ScheduleGroup, place: &Place) -> Outputs {
        Outputs::from([("name".into(), spec.name.clone()), ("arn".into(), arn(&spec.name, place))])
    }

    /// A deletion also takes the permission to delete the schedules in the group.
    fn iam(op: Op, spec: &ScheduleGroup, place: &Place) -> Vec<Grant> {
        let actions: &[&str] = match op {
            Op::Read | Op::Present => &["scheduler:GetScheduleGroup", "scheduler:ListTagsForResource"],
            Op::Create => &["scheduler:CreateScheduleGroup", "scheduler:GetScheduleGroup", "scheduler:TagResource"],
            Op::Update => &["scheduler:TagResource", "scheduler:UntagResource"],
            Op::Delete => &["scheduler:DeleteScheduleGroup"],
        };
        let mut grants = vec![Grant::new(actions, arn(&spec.name, place))];
        if op == Op::Delete {
            let schedules = place.arn("scheduler", &format!("schedule/{}/*", spec.name));
            grants.push(Grant::new(&["scheduler:DeleteSchedule"], schedules));
        }
        grants
    }

    fn any_named(names: &str, _: &Place) -> Vec<ScheduleGroup> {
        vec![named(names)]
    }

    /// GetScheduleGroup or ListScheduleGroups, shared with the other groups, and ListTagsForResource.
    async fn read(
        aws: &Aws,
        spec: &ScheduleGroup,
        trust: Trust,
    ) -> Result<Option<ObservedResource<ScheduleGroup>>, AwsError> {
        let arn = arn(&spec.name, &aws.place);
        let recorded = aws.run.recorded_tags(Self::NAME, &[&spec.name]);
        let expected = tagged::ExpectedTags { wanted: &spec.tags, recorded };
        let state = aws.gather::<GroupStates>(&spec.name);
        let tags = tagged::tags_of(aws, &arn, expected, trust, tags_of(aws, &arn));
        let hoped = aws.run.has_record(Self::NAME, &[&spec.name]);
        let Some((state, tags)) = both(hoped, state, tags).await? else { return Ok(None) };
        if state == ScheduleGroupState::Deleting {
            return Ok(None);
        }
        let group = ScheduleGroup { name: spec.name.clone(), tags };
        Ok(Some(ObservedResource::new(arn, group, Self::predict(spec, &aws.place))))
    }

    fn by_arn(resource: &str, _: &Tags) -> Option<FoundResource<ScheduleGroup>> {
        resource.strip_prefix("schedule-group/").map(|name| FoundResource::of(name, named(name)))
    }

    /// Calls CreateScheduleGroup, after AWS has finished the deletion of an earlier group of the name.
    async fn create(aws: &Aws, want: &ScheduleGroup) -> Result<CreatedResource, AwsError> {
        match make(aws, want).await {
            Err(e) if e.is(EXISTS) && state_of(aws, &want.name).await? == Some(ScheduleGroupState::Deleting) => {
                wait_until_deleted(aws, &want.name).await?;
                make(aws, want).await?;
            }
            made => made?,
        }
        Ok(CreatedResource { physical_id: arn(&want.name, &aws.place), outputs: Self::predict(want, &aws.place) })
    }

    /// TagResource and UntagResource.
    async fn update(
        aws: &Aws,
        live: &ObservedResource<ScheduleGroup>,
        want: &ScheduleGroup,
        _: &Changes,
    ) -> Result<(), AwsError> {
        let (scheduler, arn) = (&aws.clients.scheduler, &live.physical_id);
        let delta = tags::Delta::between(&live.spec.tags, &want.tags);
        if !delta.set.is_empty() {
            let call = scheduler.tag_resource().resource_arn(arn).set_tags(Some(sdk_tags(&delta.set)?));
            aws.call("scheduler:TagResource", call.send()).await?;
        }
        if !delta.remove.is_empty() {
            let call = scheduler.untag_resource().resource_arn(arn).set_tag_keys(Some(delta.remove));
            aws.call("scheduler:UntagResource", call.send()).await?;
        }
        Ok(())
    }

    async fn delete(aws: &Aws, live: &ObservedResource<ScheduleGroup>) -> Result<(), AwsError> {
        let call = aws.clients.scheduler.delete_schedule_group().name(&live.spec.name);
        aws.find("scheduler:DeleteScheduleGroup", ABSENT, call.send()).await.map(drop)
    }

    /// Follows a deletion: AWS deletes the schedules first.
    async fn watch(aws: &Aws, spec: &ScheduleGroup, event: &WatchedOperation) -> Result<(), AwsError> {
        match event {
            WatchedOperation::Deleted => wait_until_deleted(aws, &spec.name).await,
            _ => Ok(()),
        }
    }
}

fn named(name: &str) -> ScheduleGroup {
    ScheduleGroup { name: name.to_owned(), tags: Tags::new() }
}

fn arn(name: &str, place: &Place) -> String {
    place.arn("scheduler", &format!("schedule-group/{name}"))
}

async fn make(aws: &Aws, want: &ScheduleGroup) -> Result<(), AwsError> {
    let call = aws.clients.scheduler.create_schedule_group().name(&want.name);
    let call = call.set_tags(Some(sdk_tags(&want.tags)?));
    aws.call("scheduler:CreateScheduleGroup", call.send()).await.map(drop)
}

async fn wait_until_deleted(aws: &Aws, name: &str) -> Result<(), AwsError> {
    aws.until(&format!("the schedule group {name} to be deleted"), DELETED_WITHIN, || async move {
        Ok(match state_of(aws, name).await? {
            Some(ScheduleGroupState::Deleting) => Poll::Pending("DELETING".to_owned()),
            _ => Poll::Ready(()),
        })
    })
    .await
}

/// Calls GetScheduleGroup. `None` if the group does not exist.
async fn state_of(aws: &Aws, name: &str) -> Result<Option<ScheduleGroupState>, AwsError> {
    let call = aws.clients.scheduler.get_schedule_group().name(name).send();
    let found = aws.find("scheduler:GetScheduleGroup", ABSENT, call).await?;
    Ok(found.map(|found| found.state.unwrap_or(ScheduleGroupState::Active)))
}

/// Calls ListTagsForResource. `None` if the group does not exist.
async fn tags_of(aws: &Aws, arn: &str) -> Result<Option<Tags>, AwsError> {
    let call = aws.clients.scheduler.list_tags_for_resource().resource_arn(arn).send();
    let found = aws.find("scheduler:ListTagsForResource", ABSENT, call).await?;
    let tags = |tags: Vec<Tag>| tags::without_aws(tags.into_iter().map(|tag| (tag.key, tag.value)));
    Ok(found.map(|found| tags(found.tags.unwrap_or_default())))
}

fn sdk_tags(tags: &Tags) -> Result<Vec<Tag>, AwsError> {
    let tag = |(key, value): (&String, &String)| Tag::builder().key(key).value(value).build();
    let tags: Result<_, _> = tags.iter().map(tag).collect();
    tags.map_err(|error| AwsError::Shape { what: "a tag of a schedule group".to_owned(), message: error.to_string() })
}

/// From this many groups on, one listing is tried before single calls, of which AWS takes ten a second.
const FEW: usize = 4;
/// The most pages of a listing beyond those that the wanted groups fill. After them, single calls read the rest.
const IDLE_PAGES: usize = 4;
const PAGE: usize = 100;

/// The states of groups by name.
struct GroupStates;

impl Bulk for GroupStates {
    type Item = ScheduleGroupState;

    async fn fetch(aws: Aws, names: BTreeSet<String>) -> Result<BTreeMap<String, ScheduleGroupState>, AwsError> {
        let mut found = BTreeMap::new();
        let mut is_whole = false;
        if names.len() >= FEW {
            (found, is_whole) = list(&aws, &names).await?;
        }
        let rest = names.iter().filter(|name| !is_whole && !found.contains_key(*name));
        let read =
            try_join_all(rest.map(|name| async {
                Ok::<_, AwsError>(state_of(&aws, name).await?.map(|state| (name.clone(), state)))
            }));
        let read = read.await?;
        found.extend(read.into_iter().flatten());
        Ok(found)
    }
}

/// Calls ListScheduleGroups for the common beginning of the names. Returns the wanted groups, and whether the listing was
/// read to its end.
async fn list(aws: &Aws, names: &BTreeSet<String>) -> Result<(BTreeMap<String, ScheduleGroupState>, bool), AwsError> {
    let (mut found, mut token) = (BTreeMap::new(), None);
    let prefix = common_prefix(names);
    for _ in 0..names.len().div_ceil(PAGE) + IDLE_PAGES {
        let call = aws.clients.scheduler.list_schedule_groups().max_results(PAGE as i32);
        let call = call.set_name_prefix(prefix.map(str::to_owned)).set_next_token(token);
        let page = aws.call("scheduler:ListScheduleGroups", call.send()).await?;
        let is_full = page.schedule_groups.len() >= PAGE;
        for group in page.schedule_groups {
            if let Some(name) = group.name.filter(|name| names.contains(name)) {
                found.insert(name, group.state.unwrap_or(ScheduleGroupState::Active));
            }
        }
        token = page.next_token;
        if token.is_none() {
            // An emulator ends a listing with its first page.
            return Ok((found, !is_full));
        }
    }
    Ok((found, false))
}

/// Returns the beginning that all names share; `None` if they share nothing.
fn common_prefix(names: &BTreeSet<String>) -> Option<&str> {
    let (first, last) = (names.first()?, names.last()?);
    // The names are sorted, and group names are ASCII.
    let same = first.bytes().zip(last.bytes()).take_while(|(a, b)| a == b).count();
    first.get(..same).filter(|prefix| !prefix.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::played;

    fn names(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn groups_share_what_all_of_them_begin_with() {
        assert_eq!(common_prefix(&names(&["shop-a", "shop-b", "shop"])), Some("shop"));
        assert_eq!(common_prefix(&names(&["shop", "audit"])), None);
        assert_eq!(common_prefix(&names(&[])), None);
    }

    #[tokio::test]
    async fn a_group_that_is_being_deleted_is_absent() {
        let deleting = played::json(r#"{"Name": "g", "State": "DELETING"}"#);
        let aws = played::answering(&[&deleting, &played::json(r#"{"Tags": []}"#)]).await;
        let seen = ScheduleGroupKind::read(&aws, &named("g"), Trust::Resource).await.expect("an answer");
        assert!(seen.is_none());
    }

    #[tokio::test]
    async fn many_groups_are_read_with_one_listing() {
        let all: Vec<String> = (0..5).map(|n| format!(r#"{{"Name": "shop-{n}", "State": "ACTIVE"}}"#)).collect();
        let listing = played::json(&format!(r#"{{"ScheduleGroups": [{}]}}"#, all.join(",")));
        let aws = played::answering(&[&listing]).await;
        let wanted = names(&["shop-0", "shop-1", "shop-2", "shop-3", "shop-x"]);
        let found = GroupStates::fetch(aws.clone(), wanted).await.expect("a listing");
        assert_eq!(found.len(), 4);
        assert_eq!(aws.calls(), (1, 0));
    }
}
