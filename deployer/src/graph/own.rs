//! References of a resource to itself.
//!
//! An output that follows from the rest of the spec is computed and filled in, such as the resource's own ARN in its
//! policy. An output that AWS assigns, or one that derives from the referring text itself, can never be filled in.

use std::collections::BTreeSet;

use serde_json::Value;

use super::resolve::{self, KnownOutputs};
use crate::aws::Place;
use crate::kinds::{AnyKind, Outputs};
use crate::spec::template::{self, Ref};

/// The reason why a reference to itself cannot be resolved.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Why {
    /// AWS assigns the output after it creates the resource.
    OnlyAws,
    /// The output derives from the text that refers to it.
    Circle,
}

/// Finds the references of `address` to itself that can never be resolved.
pub(super) fn endless(kind: &dyn AnyKind, address: &str, spec: &Value) -> BTreeSet<(String, Why)> {
    let refs = template::references(spec).into_iter().map(|(_, reference)| reference);
    let (own, others): (Vec<Ref>, Vec<Ref>) = refs.partition(|reference| reference.address == address);
    // The outputs of other resources are known before this one is created, so any value serves here.
    let mut known = KnownOutputs::new();
    for Ref { address, output } in others {
        known.entry(address).or_default().insert(output, "x".to_owned());
    }
    let place = resolve::nowhere();
    let predicted = kind.predict(&resolve::value(spec, &known, &place), &place).unwrap_or_default();
    let mut found = BTreeSet::new();
    for Ref { output, .. } in own {
        match predicted.get(&output) {
            None => {
                found.insert((output, Why::OnlyAws));
            }
            // Only the reference from which the output derives is wrong, not others that merely use the output.
            Some(text) => found
                .extend(resolve::list_placeholders(&text.as_str().into()).into_iter().map(|r| (r.output, Why::Circle))),
        }
    }
    found
}

/// Fills the resource's own outputs into its spec, if they can be computed.
pub fn fill_own_outputs(kind: &dyn AnyKind, address: &str, spec: Value, place: &Place) -> Value {
    if !resolve::list_placeholders(&spec).iter().any(|reference| reference.address == address) {
        return spec;
    }
    let outputs: Outputs = kind.predict(&spec, place).unwrap_or_default();
    resolve::marks(&spec, &KnownOutputs::from([(address.to_owned(), outputs)]))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::kinds;
    use crate::pipeline;
    use crate::spec::source::SourceText;
    use crate::spec::variables::Inputs;

    fn place() -> Place {
        Place { account: "123456789012".into(), region: "eu-west-1".into(), ..resolve::nowhere() }
    }

    #[test]
    fn what_follows_from_the_rest_is_put_in_once_the_rest_is_known() {
        let role = json!({
            "name": "x-${apis.a.id}", "path": "/", "assume_role_policy": "{}", "max_session_duration": 3600,
            "inline_policies": { "own": "${roles.r.arn}" }, "managed_policy_arns": [], "tags": {},
        });
        let kind = kinds::find("iam.role").unwrap();
        assert_eq!(endless(kind, "roles.r", &role), BTreeSet::new());
        let known = KnownOutputs::from([("apis.a".to_owned(), Outputs::from([("id".into(), "abc".into())]))]);
        let desired = fill_own_outputs(kind, "roles.r", resolve::value(&role, &known, &place()), &place());
        assert_eq!(desired["inline_policies"]["own"], "arn:aws:iam::123456789012:role/x-abc");
    }

    #[test]
    fn of_a_circle_only_the_reference_that_closes_it_is_named() {
        let topic = json!({
            "name": "${topics.t.name}", "display_name": "${topics.t.arn}", "fifo_topic": false,
            "content_based_deduplication": false, "tracing_config": "PassThrough", "tags": {},
        });
        let found = endless(kinds::find("sns.topic").unwrap(), "topics.t", &topic);
        assert_eq!(found, BTreeSet::from([("name".to_owned(), Why::Circle)]));
    }

    #[test]
    fn a_stack_may_refer_to_what_of_itself_can_be_computed() {
        let stack = r#"
stack: s
region: eu-west-1
queues:
  q: { policy: { Statement: [ { Effect: Allow, Principal: "*", Action: "sqs:SendMessage", Resource: "${queues.q.arn}" } ] } }
roles: { r: { trust: [lambda.amazonaws.com], permissions: [ { allow: "sts:AssumeRole", on: "${roles.r.arn}" } ] } }
functions: { f: { zip: f.zip, environment: { OWN: "${functions.f.arn}" } } }
apis: { a: { variables: { url: "${apis.a.url}" }, routes: { "GET /x": f } } }
"#;
        let checked = pipeline::check(SourceText::new("stack.yaml", stack), &Inputs::default());
        assert!(checked.is_ok_and(|loaded| !loaded.warnings.has_errors()));
    }
}
