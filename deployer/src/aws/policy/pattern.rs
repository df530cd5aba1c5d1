//! IAM's patterns, and the resources that a policy document allows by them.

use serde_json::Value;

use super::as_list;

/// Tells whether `text` matches an IAM pattern: `*` matches any text, also slashes and nothing; `?` matches one
/// character.
pub fn matches(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
    let (mut p, mut t) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while t < text.len() {
        match pattern.get(p) {
            Some('*') => {
                star = Some((p, t));
                p += 1;
            }
            Some(c) if *c == '?' || *c == text[t] => {
                p += 1;
                t += 1;
            }
            _ => {
                let Some((at, from)) = star else { return false };
                star = Some((at, from + 1));
                p = at + 1;
                t = from + 1;
            }
        }
    }
    pattern[p..].iter().all(|c| *c == '*')
}

/// Lists the resources on which a document allows one of `actions`, as patterns. Conditions count as met.
pub fn allowed_on<'a>(document: &'a Value, actions: &[&str]) -> Vec<&'a str> {
    let allows = |statement: &&Value| {
        let named = as_list(statement.get("Action")).into_iter().filter_map(Value::as_str).map(str::to_lowercase);
        let mut named = named.filter(|pattern| actions.iter().any(|action| matches(pattern, &action.to_lowercase())));
        statement["Effect"] == "Allow" && named.next().is_some()
    };
    let statements = as_list(document.get("Statement")).into_iter().filter(allows);
    statements.flat_map(|statement| as_list(statement.get("Resource"))).filter_map(Value::as_str).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_action_is_allowed_by_any_pattern_that_includes_it_whatever_its_case() {
        let allow =
            |action: Value, resource: &str| json!({ "Effect": "Allow", "Action": action, "Resource": resource });
        let document = json!({ "Statement": [
            allow(json!("bedrock:InvokeModel"), "a"),
            allow(json!(["s3:GetObject", "bedrock:invoke*"]), "b"),
            allow(json!("*"), "c"),
            allow(json!("bedrock:GetFoundationModel"), "d"),
            { "Effect": "Deny", "Action": "bedrock:InvokeModel", "Resource": "e" },
        ]});
        assert_eq!(allowed_on(&document, &["bedrock:InvokeModel"]), ["a", "b", "c"]);
        assert_eq!(allowed_on(&json!({ "Statement": allow(json!("*"), "f") }), &["s3:GetObject"]), ["f"]);
    }
}
