//! `iam.instance_profile`: an instance profile without a role, which does nothing but exist.
//!
//! **Guarantees**: a profile is created with its tags, so an interrupted run leaves none that cannot be found.
//! **Assumptions**: nobody puts a role into the profile.
//! **Caveats**: IAM refuses to delete a profile that holds a role.

use aws_sdk_iam::types::{InstanceProfile, Tag};
use deployer::aws::service::IAM;
use deployer::aws::tags::{self, Tags};
use deployer::aws::{Aws, AwsError, Place, Trust};
use deployer::kinds::{
    About, Calls, Changes, CreatedResource, FoundResource, Grant, Kind, NameProperty, ObservedResource, Op, Outputs,
    Person, Rule,
};
use serde::{Deserialize, Serialize};

/// The toy kind.
pub struct ToyKind;

/// An instance profile.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Toy {
    pub name: String,
    /// Begins and ends with a slash.
    pub path: String,
    pub tags: Tags,
}

const ABSENT: &[&str] = &["NoSuchEntity"];

/// The variable that plants a fault into the toy, for the tests of rehearsals.
pub const FAULT: &str = "TOY_FAULT";
/// The printed policy lacks the creation.
pub const FORGOTTEN_PERMISSION: &str = "forgotten-permission";
/// The tags come in a second call, and a profile without tags counts as absent. So a run that is killed in between leaves
/// a profile that the next one can neither find nor create.
pub const LATE_TAGS: &str = "late-tags";

fn has_fault(fault: &str) -> bool {
    std::env::var(FAULT).is_ok_and(|planted| planted == fault)
}

impl Kind for ToyKind {
    const ABOUT: About = About {
        outputs: &["name", "arn"],
        identity: &["name"],
        rules: &[
            ("name", Rule::Replace("IAM cannot rename an instance profile")),
            ("path", Rule::Replace("IAM cannot move an instance profile to another path")),
        ],
        tags: Some(tags::TagRules { caseless: true, ..tags::TagRules::strict("IAM") }),
        named: Some(NameProperty { caseless: true, ..NameProperty::of("name", 128) }),
        calls: Calls {
            exists: &["EntityAlreadyExists", "EntityAlreadyExistsException"],
            limited: &[(Op::Create, "iam:CreateInstanceProfile"), (Op::Delete, "iam:DeleteInstanceProfile")],
            ..Calls::DEFAULT
        },
        person: Person { lost: Some("the joy in it"), seconds: (300.0, 1.0), ..Person::DEFAULT },
        ..About::of("iam.instance_profile", &IAM)
    };
    type Spec = Toy;

    fn predict(spec: &Toy, place: &Place) -> Outputs {
        Outputs::from([("name".into(), spec.name.clone()), ("arn".into(), arn(spec, place))])
    }

    fn iam(op: Op, spec: &Toy, place: &Place) -> Vec<Grant> {
        let actions: &[&'static str] = match op {
            Op::Read | Op::Present => &["iam:GetInstanceProfile"],
            Op::Create if has_fault(FORGOTTEN_PERMISSION) => &["iam:TagInstanceProfile"],
            Op::Create => &["iam:CreateInstanceProfile", "iam:TagInstanceProfile"],
            Op::Update => &["iam:TagInstanceProfile", "iam:UntagInstanceProfile"],
            Op::Delete => &["iam:DeleteInstanceProfile"],
        };
        vec![Grant::new(actions, arn(spec, place))]
    }

    fn by_arn(resource: &str, _: &Tags) -> Option<FoundResource<Toy>> {
        let (path, name) = resource.strip_prefix("instance-profile")?.rsplit_once('/')?;
        Some(FoundResource::of(name, Toy { name: name.to_owned(), path: format!("{path}/"), tags: Tags::new() }))
    }

    /// GetInstanceProfile.
    async fn read(aws: &Aws, spec: &Toy, _: Trust) -> Result<Option<ObservedResource<Toy>>, AwsError> {
        let call = aws.clients.iam.get_instance_profile().instance_profile_name(&spec.name);
        let found = aws.find("iam:GetInstanceProfile", ABSENT, call.send()).await?;
        let Some(live) = found.and_then(|found| found.instance_profile) else { return Ok(None) };
        let outputs = outputs(&live);
        if has_fault(LATE_TAGS) && live.tags.as_ref().is_none_or(Vec::is_empty) {
            return Ok(None);
        }
        let tags = live.tags.unwrap_or_default().into_iter().map(|tag| (tag.key, tag.value)).collect();
        Ok(Some(ObservedResource::new(
            &live.instance_profile_name,
            Toy { name: spec.name.clone(), path: live.path, tags },
            outputs,
        )))
    }

    /// CreateInstanceProfile.
    async fn create(aws: &Aws, want: &Toy) -> Result<CreatedResource, AwsError> {
        let call = aws.clients.iam.create_instance_profile().instance_profile_name(&want.name).path(&want.path);
        let tags = Some(tag_list(&want.tags)?);
        let call = call.set_tags(tags.clone().filter(|_| !has_fault(LATE_TAGS)));
        let made = aws.call("iam:CreateInstanceProfile", call.send()).await?.instance_profile;
        let made = made.ok_or_else(|| AwsError::missing("iam:CreateInstanceProfile", "InstanceProfile"))?;
        if has_fault(LATE_TAGS) {
            let call = aws.clients.iam.tag_instance_profile().instance_profile_name(&want.name).set_tags(tags);
            aws.call("iam:TagInstanceProfile", call.send()).await?;
        }
        Ok(CreatedResource { physical_id: made.instance_profile_name.clone(), outputs: outputs(&made) })
    }

    /// TagInstanceProfile and UntagInstanceProfile.
    async fn update(aws: &Aws, live: &ObservedResource<Toy>, want: &Toy, _: &Changes) -> Result<(), AwsError> {
        let delta = tags::Delta::caseless(&live.spec.tags, &want.tags);
        if !delta.set.is_empty() {
            let call = aws.clients.iam.tag_instance_profile().instance_profile_name(&live.physical_id);
            aws.call("iam:TagInstanceProfile", call.set_tags(Some(tag_list(&delta.set)?)).send()).await?;
        }
        if !delta.remove.is_empty() {
            let call = aws.clients.iam.untag_instance_profile().instance_profile_name(&live.physical_id);
            aws.call("iam:UntagInstanceProfile", call.set_tag_keys(Some(delta.remove)).send()).await?;
        }
        Ok(())
    }

    /// DeleteInstanceProfile.
    async fn delete(aws: &Aws, live: &ObservedResource<Toy>) -> Result<(), AwsError> {
        let call = aws.clients.iam.delete_instance_profile().instance_profile_name(&live.physical_id);
        aws.find("iam:DeleteInstanceProfile", ABSENT, call.send()).await.map(drop)
    }
}

fn arn(spec: &Toy, place: &Place) -> String {
    format!("arn:{}:iam::{}:instance-profile{}{}", place.partition, place.account, spec.path, spec.name)
}

fn outputs(live: &InstanceProfile) -> Outputs {
    Outputs::from([("name".into(), live.instance_profile_name.clone()), ("arn".into(), live.arn.clone())])
}

fn tag_list(tags: &Tags) -> Result<Vec<Tag>, AwsError> {
    let tag = |(key, value): (&String, &String)| Tag::builder().key(key).value(value).build();
    let list: Result<_, _> = tags.iter().map(tag).collect();
    list.map_err(|_| AwsError::missing("iam:TagInstanceProfile", "Key"))
}
