//! References of a resource to itself.
//!
//! What follows from the rest of its spec, such as its own ARN in its policy, is computed and put in. Nothing can be put
//! in the place of what only AWS gives, nor of what follows from the very text that refers to it.

use std::collections::BTreeSet;

use serde_json::Value;

use super::resolve::{self, Known};
use crate::aws::Place;
use crate::kinds::{AnyKind, Outputs};
use crate::spec::template::{self, Ref};

/// Why nothing can be put in the place of a reference to oneself.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Why {
    /// AWS gives the output once the resource is there.
    OnlyAws,
    /// The output is made of the text that refers to it.
    Circle,
}

/// Finds the references to itself in the spec of `address` for which there will never be a value.
pub(super) fn endless(kind: &dyn AnyKind, address: &str, spec: &Value) -> BTreeSet<(String, Why)> {
    let refs = template::references(spec).into_iter().map(|(_, reference)| reference);
    let (own, others): (Vec<Ref>, Vec<Ref>) = refs.partition(|reference| reference.address == address);
    // What the others give is there by the time that this one is made, whatever it then is.
    let mut known = Known::new();
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
            // Only the reference that the output is made of is wrong, not those that merely want the output.
            Some(text) => {
                found.extend(resolve::marked(&text.as_str().into()).into_iter().map(|r| (r.output, Why::Circle)))
            }
        }
    }
    found
}

/// Puts the resource's own outputs into its spec, as far as they follow from it.
pub fn filled(kind: &dyn AnyKind, address: &str, spec: Value, place: &Place) -> Value {
    if !resolve::marked(&spec).iter().any(|reference| reference.address == address) {
        return spec;
    }
    let outputs: Outputs = kind.predict(&spec, place).unwrap_or_default();
    resolve::marks(&spec, &Known::from([(address.to_owned(), outputs)]))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::kinds::by_name;
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
        let kind = by_name("iam.role").unwrap();
        assert_eq!(endless(kind, "roles.r", &role), BTreeSet::new());
        let known = Known::from([("apis.a".to_owned(), Outputs::from([("id".into(), "abc".into())]))]);
        let desired = filled(kind, "roles.r", resolve::value(&role, &known, &place()), &place());
        assert_eq!(desired["inline_policies"]["own"], "arn:aws:iam::123456789012:role/x-abc");
    }

    #[test]
    fn of_a_circle_only_the_reference_that_closes_it_is_named() {
        let topic = json!({
            "name": "${topics.t.name}", "display_name": "${topics.t.arn}", "fifo_topic": false,
            "content_based_deduplication": false, "tracing_config": "PassThrough", "tags": {},
        });
        let found = endless(by_name("sns.topic").unwrap(), "topics.t", &topic);
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
