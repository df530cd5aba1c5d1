//! The permissions that a caller needs for a role.

use super::Role;
use crate::aws::Place;
use crate::kinds::{Grant, Op};

pub(super) fn of(op: Op, spec: &Role, place: &Place) -> Vec<Grant> {
    let arn = arn(&spec.path, &spec.name, place);
    let actions: &[&str] = match op {
        Op::Read => &["iam:GetRole", "iam:ListRolePolicies", "iam:GetRolePolicy", "iam:ListAttachedRolePolicies"],
        Op::Present => &["iam:GetRole", "iam:ListRolePolicies", "iam:ListAttachedRolePolicies"],
        Op::Create => &["iam:CreateRole", "iam:TagRole", "iam:GetRole"],
        Op::Update => &[
            "iam:UpdateRole",
            "iam:UpdateRoleDescription",
            "iam:UpdateAssumeRolePolicy",
            "iam:DeleteRolePolicy",
            "iam:DetachRolePolicy",
            "iam:TagRole",
            "iam:UntagRole",
        ],
        Op::Delete => &[
            "iam:ListAttachedRolePolicies",
            "iam:ListRolePolicies",
            "iam:DetachRolePolicy",
            "iam:DeleteRolePolicy",
            "iam:DeleteRole",
        ],
    };
    let mut grants = vec![Grant::new(actions, &arn)];
    if matches!(op, Op::Create | Op::Update) {
        grants.extend(spec.grants_to_equip(op, &arn));
    }
    // IAM knows only the profile as this call's resource, so only roles that EC2 may assume need the grant.
    if op == Op::Delete && spec.is_for_machines() {
        let profiles = format!("arn:{}:iam::{}:instance-profile/*", place.partition, place.account);
        grants.push(Grant::new(&["iam:ListInstanceProfilesForRole"], &arn));
        grants.push(Grant::new(&["iam:RemoveRoleFromInstanceProfile"], profiles));
    }
    grants
}

pub(super) fn arn(path: &str, name: &str, place: &Place) -> String {
    format!("arn:{}:iam::{}:role{path}{name}", place.partition, place.account)
}

/// Returns roles with the names' pattern: one with inline policies and a boundary, one without.
pub(super) fn any_named(names: &str) -> Vec<Role> {
    let blank = Role { name: names.to_owned(), path: "/".to_owned(), ..Role::default() };
    let inline_policies = [(super::PERMISSIONS.to_owned(), serde_json::Value::Null)].into();
    vec![Role { inline_policies, permissions_boundary: Some("*".to_owned()), ..blank.clone() }, blank]
}

impl Role {
    /// Tells whether EC2 may assume the role. Only EC2 receives roles by instance profiles.
    fn is_for_machines(&self) -> bool {
        self.assume_role_policy.to_string().contains("\"ec2.amazonaws.com")
    }

    /// Grants the calls that add policies, limited to the policies that the role has.
    fn grants_to_equip(&self, op: Op, arn: &str) -> Vec<Grant> {
        let mut grants = Vec::new();
        if !self.inline_policies.is_empty() {
            grants.push(Grant::new(&["iam:PutRolePolicy"], arn));
        }
        if !self.managed_policy_arns.is_empty() {
            let attach = Grant::new(&["iam:AttachRolePolicy"], arn);
            grants.push(attach.only("ArnEquals", "iam:PolicyARN", self.managed_policy_arns.clone()));
        }
        match self.permissions_boundary {
            _ if op == Op::Create => {}
            Some(_) => grants.push(Grant::new(&["iam:PutRolePermissionsBoundary"], arn)),
            None => grants.push(Grant::new(&["iam:DeleteRolePermissionsBoundary"], arn)),
        }
        grants
    }
}
