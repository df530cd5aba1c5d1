//! Creates what others have in the account and the specs name: managed policies, and roles that AWS assumes.
//!
//! They are not read, so they allow everything. A principal of a policy gets no role: AWS refuses a policy that names a
//! missing one, and so does the private cloud.

use std::collections::BTreeSet;

use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use serde_json::Value;

use super::not_set_up;
use crate::aws::{Aws, Place};
use crate::failure::Failure;
use crate::graph::Graph;
use crate::graph::resolve::{self, KnownOutputs};
use crate::kinds::ObservedResource;

const EVERYTHING: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#;
/// Trusts the services that assume roles of stacks.
const TRUST: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"Service":
    ["lambda.amazonaws.com","apigateway.amazonaws.com","events.amazonaws.com","scheduler.amazonaws.com","sns.amazonaws.com"]}}]}"#;

/// Creates the managed policies and roles that a graph and the `existing` resources name, other than these themselves.
pub(super) async fn create<'a>(
    graph: &Graph,
    existing: impl Iterator<Item = &'a ObservedResource<Value>>,
    known: &KnownOutputs,
    aws: &Aws,
) -> Result<(), Failure> {
    let place = &aws.place;
    let (mut policies, mut roles) = (BTreeSet::new(), BTreeSet::new());
    for node in graph.nodes() {
        let spec = resolve::value(&node.spec, known, place);
        collect(&spec, "policy", place, &mut policies);
        let needs = node.kind.about().references.needs.iter();
        needs.filter_map(|need| spec.pointer(need.pointer)).for_each(|value| collect(value, "role", place, &mut roles));
    }
    let mut own: BTreeSet<&String> = known.values().flat_map(|outputs| outputs.values()).collect();
    for live in existing {
        collect(&live.spec, "policy", place, &mut policies);
        collect(&live.spec, "role", place, &mut roles);
        // Only the state has the role of a function that was removed.
        own.extend(live.outputs.values());
    }
    let iam = &aws.clients.iam;
    for arn in policies.iter().filter(|arn| !own.contains(arn)) {
        let Some((path, name)) = path_and_name(arn) else { continue };
        let call = iam.create_policy().policy_name(name).path(path).policy_document(EVERYTHING);
        call.send().await.map_err(|error| refused(arn, &error))?;
    }
    for arn in roles.iter().filter(|arn| !own.contains(arn)) {
        let Some((path, name)) = path_and_name(arn) else { continue };
        let call = iam.create_role().role_name(name).path(path).assume_role_policy_document(TRUST);
        call.send().await.map_err(|error| refused(arn, &error))?;
        let call = iam.put_role_policy().role_name(name).policy_name("everything").policy_document(EVERYTHING);
        call.send().await.map_err(|error| refused(arn, &error))?;
    }
    Ok(())
}

fn refused(arn: &str, error: &impl ProvideErrorMetadata) -> Failure {
    not_set_up(arn, error.message().unwrap_or("it does not answer"))
}

/// Splits the ARN of a role or policy: `…:role/team/x` has the path `/team/`.
fn path_and_name(arn: &str) -> Option<(String, &str)> {
    let (_, resource) = arn.rsplit_once(':')?;
    let (_, named) = resource.split_once('/')?;
    Some(named.rsplit_once('/').map_or(("/".to_owned(), named), |(path, name)| (format!("/{path}/"), name)))
}

/// Collects the ARNs of the account's policies or roles in a value. Patterns, and texts with a part that only AWS can
/// tell, are none.
fn collect(value: &Value, sort: &str, place: &Place, found: &mut BTreeSet<String>) {
    match value {
        Value::String(text) => {
            let begin = format!("arn:{}:iam::{}:{sort}/", place.partition, place.account);
            let is_part = |letter: char| letter.is_ascii_alphanumeric() || "+=,.@_/-".contains(letter);
            if text.strip_prefix(&begin).is_some_and(|name| !name.is_empty() && name.chars().all(is_part)) {
                found.insert(text.clone());
            }
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, sort, place, found)),
        Value::Object(map) => map.values().for_each(|item| collect(item, sort, place, found)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::path_and_name;

    #[test]
    fn an_arn_has_a_path_and_a_name() {
        for (arn, path, name) in [
            ("arn:aws:iam::123456789012:role/x", "/", "x"),
            ("arn:aws:iam::123456789012:policy/team/a/x", "/team/a/", "x"),
        ] {
            assert_eq!(path_and_name(arn), Some((path.to_owned(), name)));
        }
    }
}
