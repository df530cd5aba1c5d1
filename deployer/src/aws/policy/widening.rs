//! Tells whether a policy document allows more than another one.

use serde_json::{Value, json};

use super::changes::singles;
use super::{Names, as_list, matches, parse, same, shaped, statement};

/// Tells whether `after` allows anything that `before` does not, by an added or wider Allow, or by a removed or narrower
/// Deny. An absent document allows nothing. A change that cannot be judged counts as wider.
pub fn widens(before: Option<&Value>, after: Option<&Value>) -> bool {
    if let (Some(before), Some(after)) = (before, after)
        && same(before, after)
    {
        return false;
    }
    let (Some(before), Some(after)) = (rules(before), rules(after)) else { return true };
    // The version decides how variables are read.
    let has_variables =
        |rules: &Rules| [&rules.allowed, &rules.denied].iter().any(|all| json!(all).to_string().contains("${"));
    let reread = (has_variables(&before) || has_variables(&after))
        && matches!((&before.version, &after.version), (Some(before), Some(after)) if before != after);
    let added = after.allowed.iter().any(|grant| !before.allowed.iter().any(|old| includes(old, grant)));
    let lifted = before.denied.iter().any(|old| !after.denied.iter().any(|grant| includes(grant, old)));
    reread || added || lifted
}

/// Tells whether a document allows all actions of a service, all resources or all principals without a condition.
pub fn is_unbounded(document: &Value) -> bool {
    let Some(rules) = rules(Some(document)) else { return true };
    rules.allowed.iter().any(|grant| {
        let is = |key: &str, wide: &dyn Fn(&str) -> bool| grant[key].as_str().is_some_and(wide);
        let free = grant.get("Condition").is_none();
        let everybody = free && (is_everybody(&grant["Principal"]) || grant.get("NotPrincipal").is_some());
        everybody
            || ["NotAction", "NotResource"].iter().any(|key| grant.get(*key).is_some())
            || is("Action", &|action| action == "*" || action.ends_with(":*"))
            // A resource policy is about its own resource alone.
            || (grant.get("Principal").is_none() && is("Resource", &|resource| resource == "*"))
    })
}

/// Tells whether every text that the pattern `inner` matches is matched by `outer` as well. May deny it wrongly.
pub fn pattern_includes(outer: &str, inner: &str) -> bool {
    // A `?` of `outer` would match the `*` of `inner` as a character.
    outer == inner || (!(outer.contains('?') && inner.contains('*')) && matches(outer, inner))
}

/// The rules of a document: statements of one action, one resource and one principal each.
#[derive(Default)]
struct Rules {
    version: Option<Value>,
    allowed: Vec<Value>,
    denied: Vec<Value>,
}

/// Returns `None` for a document that cannot be read.
fn rules(document: Option<&Value>) -> Option<Rules> {
    let document = match document {
        None | Some(Value::Null) => return Some(Rules::default()),
        Some(Value::String(text)) => parse(text).ok()?,
        Some(other) => other.clone(),
    };
    document.as_object()?;
    let shaped = shaped(&document, Names::Folded);
    let mut rules = Rules { version: shaped.get("Version").cloned(), ..Rules::default() };
    for one in as_list(shaped.get("Statement")) {
        let grants = singles(one).into_iter().map(|grant| statement(&grant, Names::Folded));
        match one.get("Effect")?.as_str()? {
            "Allow" => rules.allowed.extend(grants),
            "Deny" => rules.denied.extend(grants),
            _ => return None,
        }
    }
    Some(rules)
}

/// Tells whether `outer` applies wherever `inner` does.
fn includes(outer: &Value, inner: &Value) -> bool {
    let conditioned = includes_condition(outer.get("Condition"), inner.get("Condition"));
    let parts = ["NotPrincipal", "NotAction", "NotResource"].iter().all(|key| outer.get(*key) == inner.get(*key));
    conditioned && parts && includes_principal(outer, inner) && includes_text(outer, inner, "Action") && {
        includes_text(outer, inner, "Resource")
    }
}

/// Tells whether a condition holds wherever `inner` does. A condition only ever restricts, and holds for each of the
/// values that it lists.
fn includes_condition(outer: Option<&Value>, inner: Option<&Value>) -> bool {
    let Some(outer) = outer else { return true };
    let Some(inner) = inner else { return false };
    let Some(operators) = outer.as_object() else { return outer == inner };
    let is_listed = |values: &Value, value: &Value| as_list(Some(values)).into_iter().any(|one| one == value);
    operators.iter().all(|(operator, keys)| {
        let negates = operator.to_ascii_lowercase().contains("not");
        keys.as_object().is_some_and(|keys| {
            keys.iter().all(|(key, values)| match &inner[operator][key] {
                Value::Null => false,
                own if negates => as_list(Some(values)).into_iter().all(|value| is_listed(own, value)),
                own => as_list(Some(own)).into_iter().all(|value| is_listed(values, value)),
            })
        })
    })
}

fn includes_principal(outer: &Value, inner: &Value) -> bool {
    outer["Principal"] == inner["Principal"] || (is_everybody(&outer["Principal"]) && inner["Principal"].is_object())
}

fn is_everybody(principal: &Value) -> bool {
    principal.get("AWS").is_some_and(|who| who == "*")
}

fn includes_text(outer: &Value, inner: &Value, key: &str) -> bool {
    match (outer[key].as_str(), inner[key].as_str()) {
        (Some(outer), Some(inner)) => pattern_includes(outer, inner),
        _ => outer[key] == inner[key],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document(statements: Value) -> Value {
        json!({ "Version": "2012-10-17", "Statement": statements })
    }

    fn allow(action: &str, resource: &str) -> Value {
        json!({ "Effect": "Allow", "Action": action, "Resource": resource })
    }

    fn deny(action: &str, resource: &str) -> Value {
        json!({ "Effect": "Deny", "Action": action, "Resource": resource })
    }

    fn by(principal: Value) -> Value {
        json!({ "Effect": "Allow", "Principal": principal, "Action": "sqs:SendMessage", "Resource": "q" })
    }

    fn wider(before: Value, after: Value) -> bool {
        widens(Some(&document(before)), Some(&document(after)))
    }

    #[test]
    fn more_actions_resources_or_principals_are_wider_and_fewer_are_not() {
        let all = json!({ "Effect": "Allow", "Action": ["s3:GetObject", "s3:PutObject"], "Resource": ["a", "b"] });
        for (narrow, wide) in [
            (allow("s3:GetObject", "a"), all.clone()),
            (allow("s3:GetObject", "a"), allow("s3:*", "a")),
            (allow("s3:GetObject", "a/b"), allow("S3:getobject", "a/*")),
            (json!([]), all),
            (by(json!({ "AWS": "123456789012" })), by(json!("*"))),
            (by(json!({ "AWS": "123456789012" })), by(json!({ "AWS": ["123456789012", "210987654321"] }))),
        ] {
            assert!(wider(narrow.clone(), wide.clone()), "{narrow} {wide}");
            assert!(!wider(wide.clone(), narrow.clone()), "{wide} {narrow}");
        }
        assert!(wider(allow("s3:GetObject", "a"), allow("s3:GetObject", "b")), "another resource");
        assert!(!wider(allow("s3:Get*", "a"), allow("s3:get*", "a")), "only the case differs");
    }

    #[test]
    fn a_deny_that_is_lifted_is_wider_and_one_that_is_added_is_not() {
        let (open, shut) = (json!([allow("s3:*", "*")]), json!([allow("s3:*", "*"), deny("s3:DeleteObject", "*")]));
        assert!(wider(shut.clone(), open.clone()) && !wider(open, shut.clone()));
        let more = json!([allow("s3:*", "*"), deny("s3:Delete*", "*")]);
        assert!(!wider(shut.clone(), more.clone()) && wider(more, shut));
    }

    #[test]
    fn a_condition_restricts_and_its_change_cannot_be_judged() {
        let only = |org: &str| {
            let mut statement = by(json!("*"));
            statement["Condition"] = json!({ "StringEquals": { "aws:PrincipalOrgID": org } });
            statement
        };
        assert!(wider(only("o-1"), by(json!("*"))) && !wider(by(json!("*")), only("o-1")));
        assert!(wider(only("o-1"), only("o-2")));
        let of = |operator: &str, all: Value| {
            let mut statement = by(json!("*"));
            statement["Condition"] = json!({ operator: { "aws:SourceArn": all } });
            statement
        };
        for operator in ["ArnEquals", "ArnLike", "StringEquals"] {
            assert!(!wider(of(operator, json!(["a", "b"])), of(operator, json!("b"))), "{operator}: fewer sources");
            assert!(wider(of(operator, json!("b")), of(operator, json!(["a", "b"]))), "{operator}: more sources");
        }
        assert!(wider(of("StringNotEquals", json!(["a", "b"])), of("StringNotEquals", json!("b"))), "fewer exceptions");
        assert!(!wider(of("StringNotEquals", json!("b")), of("StringNotEquals", json!(["a", "b"]))), "more exceptions");
        let both = json!({ "ArnEquals": { "aws:SourceArn": "a" }, "StringEquals": { "aws:SourceAccount": "1" } });
        let mut narrow = by(json!("*"));
        narrow["Condition"] = both;
        assert!(!wider(of("ArnEquals", json!("a")), narrow.clone()) && wider(narrow, of("ArnEquals", json!("a"))));
    }

    #[test]
    fn a_change_that_cannot_be_judged_counts_as_wider() {
        let but = |action: &str| json!({ "Effect": "Allow", "NotAction": action, "Resource": "*" });
        assert!(wider(but("iam:*"), but("s3:*")));
        let broken = json!("${unknown}");
        assert!(widens(Some(&document(json!([]))), Some(&broken)));
        assert!(widens(Some(&broken), Some(&document(json!([])))));
        let old = json!({ "Version": "2008-10-17", "Statement": allow("s3:*", "${aws:username}") });
        assert!(widens(Some(&old), Some(&document(allow("s3:*", "${aws:username}")))));
        assert!(!pattern_includes("a?", "a*") && pattern_includes("a*", "a?") && pattern_includes("a?", "a?"));
    }

    #[test]
    fn an_absent_document_allows_nothing() {
        let some = document(allow("s3:GetObject", "a"));
        assert!(widens(None, Some(&some)) && !widens(Some(&some), None));
        assert!(widens(Some(&document(deny("s3:*", "a"))), None) && !widens(None, Some(&document(deny("s3:*", "a")))));
    }

    #[test]
    fn all_actions_of_a_service_all_resources_and_all_principals_are_unbounded() {
        for wide in [allow("*", "a"), allow("s3:*", "a"), allow("s3:GetObject", "*"), by(json!("*"))] {
            assert!(is_unbounded(&document(json!([wide]))), "{wide}");
        }
        for narrow in [allow("s3:Get*", "a/*"), by(json!({ "Service": "sns.amazonaws.com" })), deny("*", "*")] {
            assert!(!is_unbounded(&document(json!([narrow]))), "{narrow}");
        }
        assert!(is_unbounded(&json!("no document")));
    }
}
