//! The permissions and names in policy documents, in doubt in favour of the request.

use serde_json::Value;

use super::facts::Policies;
use crate::aws::policy::{self, allowed_on};

/// Returns the elements of a list; any other value but null counts as a list of itself.
fn items(value: &Value) -> impl Iterator<Item = &Value> {
    let (list, one) = match value {
        Value::Array(items) => (items.as_slice(), None),
        Value::Null => (&[][..], None),
        one => (&[][..], Some(one)),
    };
    list.iter().chain(one)
}

fn texts(value: &Value) -> impl Iterator<Item = &str> {
    items(value).filter_map(Value::as_str)
}

/// Tells whether a trust policy lets a service assume the role, such as `lambda`.
pub fn lets_assume(trust: &Value, service: &str) -> bool {
    let named = |statement: &Value| {
        let principal = &statement["Principal"];
        let services = texts(&principal["Service"]).chain(texts(principal));
        services
            .into_iter()
            .any(|name| name == "*" || name.strip_prefix(service).is_some_and(|rest| rest.starts_with('.')))
            || !statement["NotPrincipal"].is_null()
    };
    let allowed = |statement: &Value| {
        !statement["NotAction"].is_null()
            || texts(&statement["Action"]).any(|action| policy::matches(&action.to_lowercase(), "sts:assumerole"))
    };
    trust.is_null() || items(&trust["Statement"]).any(|one| one["Effect"] == "Allow" && named(one) && allowed(one))
}

/// Tells whether policies allow an action on a resource. Conditions count as met, and denials as absent.
pub fn allow(policies: &Policies, action: &str, resource: &str) -> bool {
    policies.values().any(|document| {
        let is_vague = |statement: &Value| {
            statement["Effect"] == "Allow" && !(statement["NotAction"].is_null() && statement["NotResource"].is_null())
        };
        document.is_null()
            || items(&document["Statement"]).any(is_vague)
            || allowed_on(document, &[action])
                .iter()
                .any(|pattern| pattern.contains("${") || policy::matches(pattern, resource))
    })
}

/// Tells whether policies let their owner pass a role to a service, such as `lambda.amazonaws.com`.
pub fn may_pass(policies: &Policies, role: &str, service: &str) -> bool {
    // A condition on the service is the only one that can be judged here.
    let is_for_other = |statement: &Value| {
        let operators = statement["Condition"].as_object().into_iter().flatten();
        let texts_of = |keys: &Value| -> Vec<String> {
            let own = keys.as_object().into_iter().flatten();
            let own = own.filter(|(key, _)| key.eq_ignore_ascii_case("iam:PassedToService"));
            own.flat_map(|(_, values)| texts(values)).map(str::to_owned).collect()
        };
        let plain = operators.filter(|(operator, _)| !operator.contains("Not") && operator.starts_with("String"));
        let mut named = plain.map(|(_, keys)| texts_of(keys)).filter(|values| !values.is_empty());
        named.any(|values| !values.iter().any(|pattern| policy::matches(pattern, service)))
    };
    let only_own = |document: &Value| {
        let mut document = document.clone();
        if !document.is_null() {
            document["Statement"] = items(&document["Statement"]).filter(|one| !is_for_other(one)).cloned().collect();
        }
        document
    };
    let own: Policies = policies.iter().map(|(name, document)| (name.clone(), only_own(document))).collect();
    allow(&own, "iam:PassRole", role)
}

/// Lists the principals of a resource's policy that are ARNs.
pub fn principal_arns(document: &Value) -> Vec<&str> {
    let principals = items(&document["Statement"]).flat_map(|one| [&one["Principal"], &one["NotPrincipal"]]);
    principals.flat_map(|principal| texts(&principal["AWS"])).filter(|text| text.starts_with("arn:")).collect()
}

/// A role or user that an ARN names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Identity<'a> {
    pub account: &'a str,
    /// `role` or `user`.
    pub kind: &'a str,
    /// Without the path.
    pub name: &'a str,
}

impl<'a> Identity<'a> {
    /// Reads `arn:aws:iam::123456789012:role/path/name`. None for any other ARN.
    pub fn of(arn: &'a str) -> Option<Self> {
        let mut parts = arn.splitn(6, ':');
        let (_, _, service, _, account, resource) =
            (parts.next()?, parts.next()?, parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let (kind, path) = resource.split_once('/')?;
        let name = path.rsplit('/').next()?;
        (service == "iam" && matches!(kind, "role" | "user")).then_some(Self { account, kind, name })
    }

    /// Tells whether a service made the role for itself; emulators have none of these.
    pub fn is_of_service(arn: &str) -> bool {
        arn.contains(":role/aws-service-role/")
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn trusting(principal: &Value) -> Value {
        json!({"Statement": [{"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}]})
    }

    #[test]
    fn a_trust_policy_names_the_service_that_assumes_the_role() {
        assert!(lets_assume(&trusting(&json!({"Service": "lambda.amazonaws.com"})), "lambda"));
        assert!(lets_assume(&trusting(&json!({"Service": ["ec2.amazonaws.com", "lambda.amazonaws.com"]})), "lambda"));
        assert!(!lets_assume(&trusting(&json!({"Service": "edgelambda.amazonaws.com"})), "lambda"));
        assert!(!lets_assume(&trusting(&json!({"AWS": "123456789012"})), "lambda"));
    }

    #[test]
    fn permissions_that_cannot_be_judged_count_as_given() {
        let allowing = |statement: Value| Policies::from([("p".to_owned(), json!({"Statement": statement}))]);
        let exact = allowing(json!({"Effect": "Allow", "Action": "sqs:Receive*", "Resource": "arn:aws:sqs:*:*:a"}));
        assert!(allow(&exact, "sqs:ReceiveMessage", "arn:aws:sqs:eu-west-1:1:a"));
        assert!(!allow(&exact, "sqs:ReceiveMessage", "arn:aws:sqs:eu-west-1:1:b"));
        assert!(!allow(&exact, "sqs:DeleteMessage", "arn:aws:sqs:eu-west-1:1:a"));
        let vague = allowing(json!([{"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"}]));
        assert!(allow(&vague, "sqs:ReceiveMessage", "a"));
        assert!(allow(&Policies::from([("p".to_owned(), Value::Null)]), "sqs:ReceiveMessage", "a"));
        assert!(!allow(&Policies::new(), "sqs:ReceiveMessage", "a"));
    }

    #[test]
    fn an_arn_names_a_role_or_a_user_without_its_path() {
        let of = |arn| Identity::of(arn).map(|found| (found.account, found.kind, found.name));
        assert_eq!(of("arn:aws:iam::123456789012:role/a/b/draw"), Some(("123456789012", "role", "draw")));
        assert_eq!(of("arn:aws:iam::123456789012:root"), None);
        assert_eq!(of("arn:aws:sts::123456789012:assumed-role/draw/session"), None);
    }

    #[test]
    fn a_role_is_passed_to_the_services_of_the_condition() {
        let role = "arn:aws:iam::123456789012:role/draw";
        let passing = |condition: Value| {
            let one = json!({"Effect": "Allow", "Action": "iam:PassRole", "Resource": "arn:aws:iam::*:role/draw*",
                "Condition": condition});
            Policies::from([("p".to_owned(), json!({"Statement": [one]}))])
        };
        let to = |service: &str| passing(json!({"StringEquals": {"iam:PassedToService": [service]}}));
        assert!(may_pass(&passing(json!({})), role, "lambda.amazonaws.com"));
        assert!(may_pass(&to("lambda.amazonaws.com"), role, "lambda.amazonaws.com"));
        assert!(!may_pass(&to("ec2.amazonaws.com"), role, "lambda.amazonaws.com"));
        assert!(!may_pass(&to("lambda.amazonaws.com"), "arn:aws:iam::123456789012:role/other", "lambda.amazonaws.com"));
    }
}
