//! The permissions that a caller needs for a function.

use super::Function;
use crate::aws::Place;
use crate::kinds::{Grant, Op};

pub(super) fn of(op: Op, spec: &Function, place: &Place) -> Vec<Grant> {
    let arn = place.arn("lambda", &format!("function:{}", spec.function_name));
    let actions: &[&str] = match op {
        Op::Read | Op::Present => &["lambda:GetFunction", "lambda:ListTags"],
        Op::Create => &[
            "lambda:CreateFunction",
            "lambda:PublishVersion",
            "lambda:TagResource",
            "lambda:GetFunction",
            "lambda:DeleteFunction",
        ],
        Op::Update => &[
            "lambda:UpdateFunctionConfiguration",
            "lambda:UpdateFunctionCode",
            "lambda:PublishVersion",
            "lambda:ListVersionsByFunction",
            "lambda:TagResource",
            "lambda:UntagResource",
            "lambda:GetFunction",
        ],
        Op::Delete => &["lambda:DeleteFunction", "lambda:GetFunction"],
    };
    let mut grants = vec![Grant::new(actions, &arn)];
    // A function that leaves its network needs these calls to find Lambda's remaining interfaces.
    if matches!(op, Op::Update | Op::Delete) && spec.vpc_config.is_some() {
        grants.push(Grant::new(&["ec2:DescribeNetworkInterfaces", "lambda:ListFunctions"], "*"));
    }
    match spec.reserved_concurrent_executions {
        Some(_) if matches!(op, Op::Create | Op::Update) => {
            grants.push(Grant::new(&["lambda:PutFunctionConcurrency"], &arn));
        }
        None if op == Op::Update => grants.push(Grant::new(&["lambda:DeleteFunctionConcurrency"], &arn)),
        _ => {}
    }
    if op == Op::Read
        && let Some(key) = &spec.kms_key_arn
    {
        // Without this grant, GetFunction leaves the variables out.
        let context = vec![arn.clone(), format!("{arn}:*")];
        grants.push(by_lambda(&["kms:Decrypt"], key, place).only("ArnLike", CONTEXT, context));
    }
    if op == Op::Update {
        grants.push(Grant::new(&["lambda:DeleteFunction"], format!("{arn}:*")));
    }
    if matches!(op, Op::Create | Op::Update) {
        grants.extend(to_configure(spec, place));
    }
    grants
}

/// Returns functions with the names' pattern, with roles of that pattern: one with each optional call.
pub(super) fn any_named(names: &str, place: &Place) -> Vec<Function> {
    let role = format!("arn:{}:iam::{}:role/{names}", place.partition, place.account);
    let blank = Function { role, ..Function::blank(names) };
    vec![Function { reserved_concurrent_executions: Some(0), ..blank.clone() }, blank]
}

/// Grants the permissions that AWS checks in addition to those on the function.
fn to_configure(function: &Function, place: &Place) -> Vec<Grant> {
    let pass = Grant::new(&["iam:PassRole"], &function.role);
    let mut grants = vec![pass.only("StringEquals", "iam:PassedToService", vec!["lambda.amazonaws.com".to_owned()])];
    if !function.layers.is_empty() {
        grants.push(Grant::on(&["lambda:GetLayerVersion"], function.layers.clone()));
    }
    if let Some(key) = &function.kms_key_arn {
        grants.push(by_lambda(&["kms:DescribeKey", "kms:Encrypt", "kms:Decrypt"], key, place));
        let grant = by_lambda(&["kms:CreateGrant"], key, place);
        grants.push(grant.only("Bool", "kms:GrantIsForAWSResource", vec!["true".to_owned()]));
    }
    if function.vpc_config.is_some() {
        grants.push(Grant::new(&["ec2:DescribeSecurityGroups", "ec2:DescribeSubnets", "ec2:DescribeVpcs"], "*"));
    }
    grants
}

/// The key of the encryption context that Lambda sends to KMS: the function that the variables belong to.
const CONTEXT: &str = "kms:EncryptionContext:aws:lambda:FunctionArn";

/// Grants Lambda's use of a key on the caller's behalf. The caller itself may not use the key.
fn by_lambda(actions: &[&'static str], key: &str, place: &Place) -> Grant {
    let lambda = format!("lambda.{}.{}", place.region, place.suffix());
    Grant::new(actions, key).only("StringEquals", "kms:ViaService", vec![lambda])
}
