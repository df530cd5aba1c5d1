//! `iam.role`: an IAM role with its trust policy, inline policies and attached managed policies.
//!
//! **Guarantees**: the role's policies are exactly those of the spec: inline policies and attachments that others added
//! are drift, and are removed. Policies are added before others are removed, unless both at once exceed AWS's limits.
//! Create returns when IAM reports the role with its ARN.
//! **Assumptions**: nobody else edits the role meanwhile. Calls that change it run one after another.
//! **Caveats**: IAM is eventually consistent. Lambda may refuse to assume a role for some seconds after IAM reports it.
//! A recreated role has another unique id, so policies that name the old id no longer apply.

mod grants;
mod listing;
mod policies;
mod spread;

use std::collections::{BTreeMap, BTreeSet};
use std::pin::pin;

use aws_sdk_iam::types::{Role as Live, Tag};
use futures::FutureExt;
use futures::future::{Either, select, try_join_all};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use grants::arn;
use policies::{
    attach, attached_policies, change_attached, change_inline, delete_inline, detach, document, inline_names,
    inline_policies, instance_profiles, put_inline, write_boundary,
};

use listing::{ListedRole, MANY};
use spread::{once_known, wait_until_reported};

use super::{
    About, Bound, Calls, Changes, CreatedResource, Excess, FoundResource, Grant, Kind, NameProperty, ObservedResource,
    Op, Outputs, Person, References, Rule,
};
use crate::aws::gather::both;
use crate::aws::service::{IAM, ROLE, cure};
use crate::aws::tags::{self, Tags};
use crate::aws::{Aws, AwsError, Place, Trust, policy, wait};

/// The role kind.
pub struct IamRole;

/// The name of the inline policy that holds a role's `permissions`.
pub const PERMISSIONS: &str = "permissions";
/// How long a session lasts by default, in seconds.
pub const MAX_SESSION_DURATION: u32 = 3_600;
/// The most characters of all inline policies together, white space not counted.
const INLINE_SIZE: usize = 10_240;
/// The most characters of a trust policy, and the maximum to which AWS raises an account's quota.
const TRUST_SIZE: usize = 2_048;
const TRUST_SIZE_RAISED: usize = 4_096;
/// The most managed policies on one role, unless AWS raised the account's quota.
pub const MANAGED_POLICIES: usize = 10;

/// A role; durations in seconds.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Role {
    pub name: String,
    /// Begins and ends with a slash.
    pub path: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    pub max_session_duration: u32,
    /// The principals that may assume the role: a policy document.
    pub assume_role_policy: Value,
    /// Policy documents by name.
    pub inline_policies: BTreeMap<String, Value>,
    /// ARNs, sorted.
    pub managed_policy_arns: Vec<String>,
    /// The ARN of a managed policy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub permissions_boundary: Option<String>,
    pub tags: Tags,
}

/// The role or policy is deleted already, or does not exist yet.
const ABSENT: &[&str] = &["NoSuchEntity"];

impl Kind for IamRole {
    const ABOUT: About = About {
        outputs: &["name", "arn", "unique_id"],
        identity: &["name"],
        rules: &[
            ("name", Rule::Replace("IAM cannot rename a role")),
            ("path", Rule::Replace("IAM cannot move a role to another path")),
            ("assume_role_policy", Rule::Policy),
            ("inline_policies.*", Rule::Policy),
            ("managed_policy_arns", Rule::Unordered),
        ],
        bounds: &[("managed_policy_arns", Bound::Members), ("permissions_boundary", Bound::Pattern)],
        tags: Some(tags::TagRules { caseless: true, ..tags::TagRules::strict("IAM") }),
        regionless: true,
        named: Some(NameProperty { caseless: true, ..NameProperty::of("name", 64) }),
        references: References {
            // IAM never looks up the resources that a statement names.
            by_name: &["inline_policies"],
            loose: &["assume_role_policy", "description", "tags"],
            ..References::DEFAULT
        },
        calls: Calls {
            exists: &["EntityAlreadyExists", "EntityAlreadyExistsException"],
            cures: &[cure("iam:Put", "NoSuchEntity", "", 60, ROLE), cure("iam:Attach", "NoSuchEntity", "", 60, ROLE)],
            // IAM does not list roles by tag, so orphans are found by their names.
            listings: &[(1, &["iam:ListRoles"]), (MANY, &["iam:GetAccountAuthorizationDetails", "iam:ListRoles"])],
            boundary: Some("permissions_boundary"),
            ..Calls::DEFAULT
        },
        person: Person {
            gap: Some("whoever runs with the role is refused for some 10 s, until IAM has spread the new one"),
            seconds: (1.5, 1.5),
            ..Person::DEFAULT
        },
        ..About::of("iam.role", &IAM)
    };
    type Spec = Role;

    fn limits(spec: &Role) -> Vec<Excess> {
        let size: usize = spec.inline_policies.values().map(policy::size).sum();
        let trust = policy::size(&spec.assume_role_policy);
        let inline = (size > INLINE_SIZE).then(|| Excess {
            code: "role::policy-size",
            properties: &["permissions", "inline_policies"],
            message: format!(
                "the role's inline policies have {size} characters without white space; AWS takes {INLINE_SIZE}"
            ),
            help: "join permissions that share their ARNs, or move some to a managed policy",
            doubt: false,
        });
        let over = trust > TRUST_SIZE;
        let trust = over.then(|| Excess {
            code: "role::trust-size",
            properties: &["trust", "assume_role_policy"],
            message: format!(
                "the trust policy has {trust} characters; AWS takes {TRUST_SIZE}, {TRUST_SIZE_RAISED} at most"
            ),
            help: "trust fewer principals, or have the account's quota \"Role trust policy length\" raised",
            doubt: trust <= TRUST_SIZE_RAISED,
        });
        inline.into_iter().chain(trust).collect()
    }

    fn predict(spec: &Role, place: &Place) -> Outputs {
        Outputs::from([("name".into(), spec.name.clone()), ("arn".into(), arn(&spec.path, &spec.name, place))])
    }

    fn iam(op: Op, spec: &Role, place: &Place) -> Vec<Grant> {
        grants::of(op, spec, place)
    }

    fn any_named(names: &str, _: &Place) -> Vec<Role> {
        grants::any_named(names)
    }

    /// Reads many roles from the account's listings. A few roles take GetRole, ListRolePolicies,
    /// ListAttachedRolePolicies and GetRolePolicy for every wanted name at once, then for the names that only AWS
    /// knows.
    async fn read(aws: &Aws, spec: &Role, _: Trust) -> Result<Option<ObservedResource<Role>>, AwsError> {
        // A role that the state does not have most likely does not exist, so its policies are read only after GetRole.
        let hoped = aws.run.has_record(Self::NAME, &[&spec.name]);
        // A local AWS leaves boundaries out of both listings.
        let local = aws.place.endpoint_url.is_some();
        let role = get(aws, &spec.name).boxed().shared();
        let listed = pin!(listing::find_in_listings(aws, Self::NAME, &spec.name));
        let listed = if local && hoped {
            match select(listed, role.clone()).await {
                Either::Left((listed, _)) => listed?,
                Either::Right((_, listed)) => listed.await?,
            }
        } else {
            listed.await?
        };
        let (role, inline, attached) = match listed {
            ListedRole::Absent => return Ok(None),
            ListedRole::Whole(whole) => {
                let role = if local { role.await? } else { Some(whole.role) };
                let Some(role) = role else { return Ok(None) };
                (role, whole.inline, whole.attached)
            }
            ListedRole::Apart => {
                let wanted: Vec<String> = spec.inline_policies.keys().cloned().collect();
                let policies = async {
                    tokio::try_join!(inline_policies(aws, &spec.name, &wanted), attached_policies(aws, &spec.name))
                        .map(Some)
                };
                let Some((role, (inline, attached))) = both(hoped, role, policies).await? else { return Ok(None) };
                (role, inline, attached)
            }
        };
        let outputs = outputs(&role, &aws.place);
        Ok(Some(ObservedResource::new(role.role_name.clone(), to_spec(role, inline, attached)?, outputs)))
    }

    /// As [`Kind::read`], without the contents of the inline policies.
    async fn present(aws: &Aws, spec: &Role) -> Result<Option<ObservedResource<Role>>, AwsError> {
        let (role, inline, attached) = match listing::find_in_listings(aws, Self::NAME, &spec.name).await? {
            ListedRole::Absent => return Ok(None),
            ListedRole::Whole(whole) => (whole.role, whole.inline, whole.attached),
            ListedRole::Apart => {
                let hoped = aws.run.has_record(Self::NAME, &[&spec.name]);
                let policies = async {
                    tokio::try_join!(inline_names(aws, &spec.name), attached_policies(aws, &spec.name)).map(Some)
                };
                let Some((role, (names, attached))) = both(hoped, get(aws, &spec.name), policies).await? else {
                    return Ok(None);
                };
                (role, names.into_iter().map(|name| (name, Value::Null)).collect(), attached)
            }
        };
        let outputs = outputs(&role, &aws.place);
        Ok(Some(ObservedResource::new(role.role_name.clone(), to_spec(role, inline, attached)?, outputs)))
    }

    fn by_arn(resource: &str, _: &Tags) -> Option<FoundResource<Role>> {
        resource.strip_prefix("role/")?.rsplit('/').next().map(listing::found_resource)
    }

    async fn named_like(aws: &Aws, begins: &str) -> Result<Vec<FoundResource<Role>>, AwsError> {
        listing::named_like(aws, begins).await
    }

    async fn create(aws: &Aws, want: &Role) -> Result<CreatedResource, AwsError> {
        let iam = &aws.clients.iam;
        let call = iam
            .create_role()
            .role_name(&want.name)
            .path(&want.path)
            .set_description(want.description.clone())
            .max_session_duration(seconds(want))
            .assume_role_policy_document(want.assume_role_policy.to_string())
            .set_permissions_boundary(want.permissions_boundary.clone())
            .set_tags(Some(tag_list(&want.tags)?));
        let made = aws.call("iam:CreateRole", call.send()).await?;
        let made = made.role.ok_or_else(|| AwsError::missing("iam:CreateRole", "Role"))?;
        if !is_arn(&made.arn) {
            wait_until_reported(aws, &want.name).await?;
        }
        wait::there();
        for (name, document) in &want.inline_policies {
            once_known(aws, || put_inline(aws, &want.name, name, document)).await?;
        }
        for policy in &want.managed_policy_arns {
            once_known(aws, || attach(aws, &want.name, policy)).await?;
        }
        Ok(CreatedResource { physical_id: made.role_name.clone(), outputs: outputs(&made, &aws.place) })
    }

    async fn update(aws: &Aws, live: &ObservedResource<Role>, want: &Role, changes: &Changes) -> Result<(), AwsError> {
        let iam = &aws.clients.iam;
        let role = live.physical_id.as_str();
        if changes.touch("permissions_boundary") {
            write_boundary(aws, role, want.permissions_boundary.as_deref()).await?;
        }
        if changes.touch("assume_role_policy") {
            let document = want.assume_role_policy.to_string();
            let call = iam.update_assume_role_policy().role_name(role).policy_document(document);
            aws.call("iam:UpdateAssumeRolePolicy", call.send()).await?;
        }
        if changes.touch("max_session_duration") {
            // UpdateRole resets every property that it does not receive.
            let call = iam.update_role().role_name(role).set_description(want.description.clone());
            aws.call("iam:UpdateRole", call.max_session_duration(seconds(want)).send()).await?;
        }
        if changes.touch("description") {
            // Unlike UpdateRole, this call is known to clear the description if the text is empty.
            let call = iam.update_role_description().role_name(role);
            let call = call.description(want.description.clone().unwrap_or_default());
            aws.call("iam:UpdateRoleDescription", call.send()).await?;
        }
        if changes.touch("inline_policies") {
            change_inline(aws, role, &live.spec.inline_policies, &want.inline_policies).await?;
        }
        if changes.touch("managed_policy_arns") {
            change_attached(aws, role, &live.spec.managed_policy_arns, &want.managed_policy_arns).await?;
        }
        let delta = tags::Delta::caseless(&live.spec.tags, &want.tags);
        if !delta.set.is_empty() {
            let call = iam.tag_role().role_name(role).set_tags(Some(tag_list(&delta.set)?));
            aws.call("iam:TagRole", call.send()).await?;
        }
        if !delta.remove.is_empty() {
            let call = iam.untag_role().role_name(role).set_tag_keys(Some(delta.remove));
            aws.call("iam:UntagRole", call.send()).await?;
        }
        Ok(())
    }

    /// Returns the wanted role with its former permissions added: functions use the role until they are changed, and
    /// Lambda uses it to delete the network interfaces that it created for them.
    fn meanwhile(live: &Role, want: &Role) -> Option<Role> {
        let inline_policies = policies::both(&live.inline_policies, &want.inline_policies);
        let gone = live.managed_policy_arns.iter().filter(|arn| !want.managed_policy_arns.contains(arn));
        let mut managed_policy_arns: Vec<String> = want.managed_policy_arns.iter().chain(gone).cloned().collect();
        managed_policy_arns.sort();
        let meanwhile = Role { inline_policies, managed_policy_arns, ..want.clone() };
        let size: usize = meanwhile.inline_policies.values().map(policy::size).sum();
        let fits = size <= INLINE_SIZE && meanwhile.managed_policy_arns.len() <= MANAGED_POLICIES;
        (fits && meanwhile != *want).then_some(meanwhile)
    }

    /// Removes the policies that were read at plan time, then deletes the role. If IAM reports more on the role,
    /// removes its current policies and profiles first.
    async fn delete(aws: &Aws, live: &ObservedResource<Role>) -> Result<(), AwsError> {
        let role = live.physical_id.as_str();
        strip(aws, role, live.spec.managed_policy_arns.iter(), live.spec.inline_policies.keys()).await?;
        match bare(aws, role).await {
            Err(more) if more.is(&["DeleteConflict", "DeleteConflictException"]) => {}
            deleted => return deleted,
        }
        let profiles = match instance_profiles(aws, role).await {
            // Only the generated policies for roles that EC2 may assume allow this call. Other roles have no instance
            // profiles.
            Err(refused) if refused.is_access_denied() => BTreeSet::new(),
            profiles => profiles?,
        };
        for profile in profiles {
            let call = aws.clients.iam.remove_role_from_instance_profile();
            let call = call.instance_profile_name(profile).role_name(role);
            aws.find("iam:RemoveRoleFromInstanceProfile", ABSENT, call.send()).await?;
        }
        let (attached, inline) = tokio::try_join!(attached_policies(aws, role), inline_names(aws, role))?;
        strip(aws, role, attached.iter(), inline.iter()).await?;
        bare(aws, role).await
    }
}

/// GetRole.
async fn get(aws: &Aws, name: &str) -> Result<Option<Live>, AwsError> {
    let call = aws.clients.iam.get_role().role_name(name).send();
    Ok(aws.find("iam:GetRole", ABSENT, call).await?.and_then(|found| found.role))
}

/// Calls DetachRolePolicy and DeleteRolePolicy for each policy, a few at once.
async fn strip<'a>(
    aws: &Aws,
    role: &str,
    attached: impl Iterator<Item = &'a String>,
    inline: impl Iterator<Item = &'a String>,
) -> Result<(), AwsError> {
    let detached = try_join_all(attached.map(|policy| detach(aws, role, policy)));
    let deleted = try_join_all(inline.map(|name| delete_inline(aws, role, name)));
    tokio::try_join!(detached, deleted).map(drop)
}

/// Calls DeleteRole, which accepts only a role without policies and profiles.
async fn bare(aws: &Aws, role: &str) -> Result<(), AwsError> {
    let call = aws.clients.iam.delete_role().role_name(role).send();
    aws.find("iam:DeleteRole", ABSENT, call).await.map(drop)
}

fn outputs(role: &Live, place: &Place) -> Outputs {
    // Just after create IAM may report the bare unique id in place of the ARN.
    let arn = if is_arn(&role.arn) { role.arn.clone() } else { arn(&role.path, &role.role_name, place) };
    Outputs::from([
        ("name".into(), role.role_name.clone()),
        ("arn".into(), arn),
        ("unique_id".into(), role.role_id.clone()),
    ])
}

fn is_arn(text: &str) -> bool {
    text.starts_with("arn:") && text.contains(":role/")
}

fn seconds(role: &Role) -> i32 {
    i32::try_from(role.max_session_duration).unwrap_or(i32::MAX)
}

fn to_spec(role: Live, inline_policies: BTreeMap<String, Value>, attached: BTreeSet<String>) -> Result<Role, AwsError> {
    let trust = role.assume_role_policy_document.as_deref();
    let trust = trust.ok_or_else(|| AwsError::missing("iam:GetRole", "AssumeRolePolicyDocument"))?;
    let live_tags = role.tags.unwrap_or_default().into_iter().map(|tag| (tag.key, tag.value));
    Ok(Role {
        assume_role_policy: document("iam:GetRole", trust)?,
        name: role.role_name,
        path: role.path,
        description: role.description.filter(|text| !text.is_empty()),
        max_session_duration: role
            .max_session_duration
            .and_then(|seconds| u32::try_from(seconds).ok())
            .unwrap_or(MAX_SESSION_DURATION),
        inline_policies,
        managed_policy_arns: attached.into_iter().collect(),
        permissions_boundary: role.permissions_boundary.and_then(|boundary| boundary.permissions_boundary_arn),
        tags: tags::without_aws(live_tags),
    })
}

fn tag_list(tags: &Tags) -> Result<Vec<Tag>, AwsError> {
    tags.iter()
        .map(|(key, value)| Tag::builder().key(key).value(value).build())
        .collect::<Result<_, _>>()
        .map_err(|e| AwsError::Shape { what: "tags".into(), message: e.to_string() })
}

#[cfg(test)]
mod tests;
