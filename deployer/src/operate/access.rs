//! The access of GitHub's runs to the account: the identity provider, and the stack's roles with their policies.
//!
//! # Guarantees
//! A provider that exists is used. It gets the audience if it lacks it, and is never deleted. Roles and policies carry
//! the ownership tags of `STACK:ci`, which no stack can be called. A role or policy that has the name and lacks the tags
//! is refused. Every step can be repeated: the next run completes an interrupted one.
//!
//! # Assumptions
//! A role has its policies under the numbered names that [`github::role`] gives them, ten at most. Session duration and
//! permissions boundary of a role are the administrator's.

mod policies;

use std::collections::BTreeMap;

use futures::future::try_join_all;

use crate::aws::tags::{self, Tags};
use crate::aws::{Aws, AwsError, Trust, policy};
use crate::execute::retrying;
use crate::iam::github::{self, Duty};
use crate::kinds::iam_role::{IamRole, MANAGED_POLICIES, MAX_SESSION_DURATION, Role};
use crate::kinds::{Changes, Kind, ObservedResource};
use policies::{LivePolicy, arn};

const PROVIDER: &str = "iam:GetOpenIDConnectProvider";
const ABSENT: &[&str] = &["NoSuchEntity", "NoSuchEntityException"];

/// The roles that a stack is to have, and whose they are.
#[derive(Debug)]
pub struct AccessRequest<'a> {
    /// The owner of the stack's resources.
    pub stack: &'a str,
    /// Tags of every resource of the stack.
    pub tags: &'a Tags,
    /// The roles that exist afterwards.
    pub roles: &'a [github::Role],
    /// The roles to look at. Those that are not in `roles` are deleted.
    pub duties: &'a [Duty],
}

/// One call, or a few that belong together.
#[derive(Debug)]
pub enum AccessStep {
    CreateProvider,
    /// The provider exists and does not accept the audience of AWS's action.
    AddAudience,
    CreatePolicy {
        name: String,
        document: serde_json::Value,
        tags: Tags,
    },
    UpdatePolicy {
        name: String,
        before: serde_json::Value,
        document: serde_json::Value,
    },
    CreateRole(Box<Role>),
    UpdateRole {
        live: Box<ObservedResource<Role>>,
        want: Box<Role>,
        changes: Vec<String>,
    },
    DeleteRole(Box<ObservedResource<Role>>),
    DeletePolicy {
        name: String,
    },
}

/// The reason why the access cannot be planned.
#[derive(Debug, thiserror::Error)]
pub enum AccessError {
    #[error(transparent)]
    Aws(#[from] AwsError),
    /// Somebody else's role or policy has the name.
    #[error("the {what} {name} exists and does not carry this stack's tags")]
    Foreign { what: &'static str, name: String, owner: String },
    #[error("the policies of {role} are {count} documents, and IAM takes {MANAGED_POLICIES} a role")]
    TooLarge { role: String, count: usize },
}

impl AccessRequest<'_> {
    /// Returns the owner in the tags of roles and policies. The stack's own search for orphans does not find it.
    pub fn owner(&self) -> String {
        format!("{}:ci", self.stack)
    }

    fn tags_of(&self, duty: Duty) -> Tags {
        let mut all = self.tags.clone();
        all.insert(tags::STACK.to_owned(), self.owner());
        all.insert(tags::ADDRESS.to_owned(), format!("github.{}", duty.name()));
        all
    }

    fn wanted(&self, role: &github::Role, aws: &Aws) -> Role {
        let mut managed_policy_arns: Vec<String> = role.policies.iter().map(|(name, _)| arn(aws, name)).collect();
        managed_policy_arns.sort();
        let verb = match role.duty {
            Duty::Plan => "Plans",
            Duty::Apply => "Applies",
            Duty::Preview => "Previews",
        };
        Role {
            name: role.name.clone(),
            path: "/".to_owned(),
            description: Some(format!("{verb} the stack {} in GitHub's runs", self.stack)),
            max_session_duration: MAX_SESSION_DURATION,
            assume_role_policy: role.trust.clone(),
            inline_policies: BTreeMap::new(),
            managed_policy_arns,
            permissions_boundary: None,
            tags: self.tags_of(role.duty),
        }
    }

    /// Reads the account, and returns the steps to the wanted roles; none if everything is as wanted.
    ///
    /// # Errors
    /// Refusals by IAM, and resources of others under these names.
    pub async fn plan(&self, aws: &Aws) -> Result<Vec<AccessStep>, AccessError> {
        let provider = async {
            match self.roles {
                [] => Ok(None),
                _ => missing_of_provider(aws).await,
            }
        };
        let each = try_join_all(self.duties.iter().map(|duty| self.plan_role(aws, *duty)));
        let (provider, roles) = tokio::try_join!(provider, each)?;
        Ok(provider.into_iter().chain(roles.into_iter().flatten()).collect())
    }

    async fn plan_role(&self, aws: &Aws, duty: Duty) -> Result<Vec<AccessStep>, AccessError> {
        let wanted = self.roles.iter().find(|role| role.duty == duty);
        let name = github::role_name(self.stack, duty);
        let spec = Role { name: name.clone(), ..Role::default() };
        let names: Vec<String> = (1..=MANAGED_POLICIES).map(|number| github::policy_name(&name, number)).collect();
        let policies = try_join_all(names.iter().map(|name| policies::read(aws, name)));
        let (live, policies) = tokio::try_join!(IamRole::read(aws, &spec, Trust::Resource), policies)?;
        if let Some(live) = &live {
            self.own("role", &name, &live.spec.tags)?;
        }
        let (mut before, mut after) = (Vec::new(), Vec::new());
        let documents = wanted.map(|role| &role.policies[..]).unwrap_or_default();
        if documents.len() > MANAGED_POLICIES {
            return Err(AccessError::TooLarge { role: name, count: documents.len() });
        }
        for (i, (name, policy)) in names.into_iter().zip(policies).enumerate() {
            if let Some(policy) = &policy {
                self.own("policy", &name, &policy.tags)?;
            }
            match (documents.get(i).map(|(_, document)| document.to_json()), policy) {
                (Some(document), None) => {
                    before.push(AccessStep::CreatePolicy { name, document, tags: self.tags_of(duty) });
                }
                (Some(document), Some(LivePolicy { document: have, .. })) if !policy::same(&have, &document) => {
                    before.push(AccessStep::UpdatePolicy { name, before: have, document });
                }
                (None, Some(_)) => after.push(AccessStep::DeletePolicy { name }),
                _ => {}
            }
        }
        // The policies with the highest numbers go first.
        after.reverse();
        let role = match (wanted.map(|role| self.wanted(role, aws)), live) {
            (Some(want), None) => Some(AccessStep::CreateRole(Box::new(want))),
            (Some(want), Some(live)) => updated(live, want),
            (None, Some(live)) => Some(AccessStep::DeleteRole(Box::new(live))),
            (None, None) => None,
        };
        Ok(before.into_iter().chain(role).chain(after).collect())
    }

    fn own(&self, what: &'static str, name: &str, tags: &Tags) -> Result<(), AccessError> {
        let owner = self.owner();
        match tags.get(tags::STACK) == Some(&owner) {
            true => Ok(()),
            false => Err(AccessError::Foreign { what, name: name.to_owned(), owner }),
        }
    }
}

/// Returns the step that the provider needs: GetOpenIDConnectProvider.
async fn missing_of_provider(aws: &Aws) -> Result<Option<AccessStep>, AccessError> {
    let call = aws.clients.iam.get_open_id_connect_provider();
    let call = call.open_id_connect_provider_arn(github::provider_arn(&aws.place)).send();
    let Some(found) = aws.find(PROVIDER, ABSENT, call).await? else { return Ok(Some(AccessStep::CreateProvider)) };
    let accepts = found.client_id_list().iter().any(|audience| audience == github::AUDIENCE);
    Ok((!accepts).then_some(AccessStep::AddAudience))
}

/// Returns the update of a role to `want`; none if it is so already. Keeps what an administrator may set.
fn updated(live: ObservedResource<Role>, mut want: Role) -> Option<AccessStep> {
    let have = &live.spec;
    want.max_session_duration = have.max_session_duration;
    want.permissions_boundary.clone_from(&have.permissions_boundary);
    want.tags = have.tags.clone().into_iter().chain(want.tags).collect();
    let differs = [
        ("assume_role_policy", !policy::same(&have.assume_role_policy, &want.assume_role_policy)),
        ("description", have.description != want.description),
        ("inline_policies", have.inline_policies != want.inline_policies),
        ("managed_policy_arns", have.managed_policy_arns != want.managed_policy_arns),
        ("tags", have.tags != want.tags),
    ];
    let changes: Vec<String> =
        differs.into_iter().filter(|(_, differs)| *differs).map(|(name, _)| name.to_owned()).collect();
    (!changes.is_empty()).then(|| AccessStep::UpdateRole { live: Box::new(live), want: Box::new(want), changes })
}

impl AccessStep {
    /// Carries the step out. It may have been carried out before.
    ///
    /// # Errors
    /// Refusals by IAM.
    pub async fn carry_out(&self, aws: &Aws) -> Result<(), AwsError> {
        retrying(|| self.call(aws)).await
    }

    async fn call(&self, aws: &Aws) -> Result<(), AwsError> {
        let iam = &aws.clients.iam;
        match self {
            Self::CreateProvider => {
                let call = iam.create_open_id_connect_provider().url(format!("https://{}", github::ISSUER));
                aws.call("iam:CreateOpenIDConnectProvider", call.client_id_list(github::AUDIENCE).send())
                    .await
                    .map(drop)
            }
            Self::AddAudience => {
                let call = iam.add_client_id_to_open_id_connect_provider().client_id(github::AUDIENCE);
                let call = call.open_id_connect_provider_arn(github::provider_arn(&aws.place)).send();
                aws.call("iam:AddClientIDToOpenIDConnectProvider", call).await.map(drop)
            }
            Self::CreatePolicy { name, document, tags } => policies::create(aws, name, document, tags).await,
            Self::UpdatePolicy { name, document, .. } => policies::update(aws, name, document).await,
            Self::CreateRole(want) => IamRole::create(aws, want).await.map(drop),
            Self::UpdateRole { live, want, changes } => {
                IamRole::update(aws, live, want, &Changes(changes.clone())).await
            }
            Self::DeleteRole(live) => IamRole::delete(aws, live).await,
            Self::DeletePolicy { name } => policies::delete(aws, name).await,
        }
    }
}
