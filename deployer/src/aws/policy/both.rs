//! Joins two policy documents, for the time in which some callers need the old one and some the new one.

use serde_json::{Value, json};

use super::same;

/// Returns the wanted document together with the statements by which the live one allows more; `None` if it allows no
/// more. Live denials are dropped, and added statements have no `Sid`: a document has each only once.
pub fn both(live: &Value, want: Option<&Value>) -> Option<Value> {
    let wanted = want.map(statements).unwrap_or_default();
    let alone = |one: &Value| {
        let mut one = one.clone();
        one.as_object_mut().map(|one| one.remove("Sid"));
        one
    };
    let document = |one: &Value| json!({ "Version": live["Version"], "Statement": [alone(one)] });
    let is_more = |statement: &&Value| {
        statement["Effect"] == "Allow" && !wanted.iter().any(|one| same(&document(one), &document(statement)))
    };
    let more: Vec<Value> = statements(live).iter().filter(is_more).map(alone).collect();
    if more.is_empty() {
        return None;
    }
    let version = want.unwrap_or(live)["Version"].clone();
    let statements = [wanted, more].concat();
    Some(json!({ "Version": version, "Statement": statements }))
}

/// Does the same for documents as texts. Without a wanted document the live one stays.
pub fn both_texts(live: Option<&str>, want: Option<&str>) -> Option<String> {
    let parse = |text: &str| super::parse(text).ok();
    let live = parse(live?)?;
    let want = match want {
        Some(text) => Some(parse(text)?),
        None => None,
    };
    both(&live, want.as_ref()).map(|document| document.to_string())
}

fn statements(document: &Value) -> Vec<Value> {
    match &document["Statement"] {
        Value::Array(all) => all.clone(),
        Value::Null => Vec::new(),
        one => vec![one.clone()],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_live_document_allows_stays_beside_the_wanted_one() {
        let of = |source: &str| json!({ "Sid": "a", "Effect": "Allow", "Principal": "*", "Action": "sqs:SendMessage", "Condition": { "ArnEquals": { "aws:SourceArn": source } } });
        let document = |all: Value| json!({ "Version": "2012-10-17", "Statement": all });
        let (old, new) = (document(json!([of("old")])), document(json!([of("new")])));
        let joined = both(&old, Some(&new)).expect("more");
        let sources = |at: usize| &joined["Statement"][at]["Condition"]["ArnEquals"]["aws:SourceArn"];
        assert_eq!((sources(0), sources(1)), (&json!("new"), &json!("old")));
        assert!(joined["Statement"][1].get("Sid").is_none());
        assert_eq!(both(&old, Some(&old)), None);
        assert_eq!(both_texts(Some(&old.to_string()), None).map(|text| text.contains("old")), Some(true));
        assert_eq!(both_texts(None, Some(&new.to_string())), None);
    }
}
