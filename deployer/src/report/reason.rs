//! The words for a plan's reasons and notes.

use schemars::{Schema, SchemaGenerator, json_schema, schema_for};
use serde_json::{Value, json};

use crate::plan::{FixedProperty, Note, Reason, Remark};

/// Returns the reason in words; empty if there is nothing to do.
pub(super) fn words(reason: &Reason) -> String {
    match reason {
        Reason::UpToDate => String::new(),
        Reason::NotInAws => "not in AWS".to_owned(),
        Reason::DeletedOutside => "was deleted outside deployer".to_owned(),
        Reason::Differs => "differs from stack.yaml".to_owned(),
        Reason::CannotUpdate { properties } => properties.iter().map(why_fixed).collect::<Vec<_>>().join("; "),
        Reason::ReplaceRequested => "requested with --replace".to_owned(),
        Reason::AnotherResource => "stack.yaml means another resource now".to_owned(),
        Reason::ParentRecreated { parent } => format!("deleted along with `{parent}`, which is recreated"),
        Reason::ReferenceRecreated { to } => format!("AWS refers to the former `{to}` until this is set again"),
        Reason::Moved { from } => format!("was {from} until now"),
        Reason::Interrupted { since } => format!("created by an interrupted run at {since}"),
        Reason::AdoptRequested { owner } => format!("adopted on request; {owner}"),
        Reason::Unrecorded => "tagged as this stack's, missing from the state".to_owned(),
        Reason::StackDestroyed => "the stack is destroyed".to_owned(),
        Reason::Removed => "removed from stack.yaml".to_owned(),
        Reason::LeftOut { property } => format!("left out of this environment by {property}"),
        Reason::Orphaned => "neither stack.yaml nor the state has it".to_owned(),
        Reason::AlreadyGone => "already gone from AWS".to_owned(),
        Reason::Retained => "retained in AWS".to_owned(),
        Reason::External => "is external now".to_owned(),
        Reason::Foreign { owner } => format!("stays in AWS: {owner}"),
        Reason::RecordedTwice { other } => format!("is recorded as {other}"),
        Reason::Other { text } => text.clone(),
    }
}

fn why_fixed(fixed: &FixedProperty) -> String {
    format!("{} changes: {}", fixed.path, fixed.why.as_deref().unwrap_or("AWS cannot change it in place"))
}

/// Tells whether the sign of the action says as much as the reason, so that a plan for people leaves it out.
pub(super) fn is_plain(reason: &Reason) -> bool {
    match reason {
        Reason::Other { text } => text.is_empty(),
        _ => matches!(reason, Reason::UpToDate | Reason::NotInAws | Reason::Differs | Reason::StackDestroyed),
    }
}

/// Returns a note in words.
pub(super) fn remark(note: &Note) -> String {
    match &note.remark {
        Remark::Text(text) => text.clone(),
        Remark::SecretInState => {
            "the state has the secret in this address in clear until this is applied; its earlier versions keep it"
                .to_owned()
        }
        Remark::AdoptedLater => {
            "needs a resource that does not exist yet; the next `deployer apply` adopts it".to_owned()
        }
        Remark::PredecessorRetained { physical_id } => format!("{physical_id} leaves the state and stays in AWS"),
        Remark::LooksRenamed { from, name } => {
            format!("is like the removed `{from}`; if you renamed it, `name: {name}` keeps the resource and its data")
        }
        Remark::Orphan { kind, id, stays } => {
            let then = match stays {
                None => format!("`--prune --target '{}'` deletes it", note.address),
                Some(why) => format!("it stays: {why}"),
            };
            format!(
                "{kind} {id} carries this stack's ownership tags, and neither stack.yaml nor the state has it; {then}"
            )
        }
    }
}

/// Returns the code of a reason and its details, as the JSON form of a plan has them.
pub(super) fn code_and_details(reason: &Reason) -> (String, Option<Value>) {
    let mut value = json!(reason);
    let details = value.get_mut("details").map(Value::take);
    (value["code"].as_str().unwrap_or_default().to_owned(), details)
}

/// Reads a reason back. One that another version wrote, or that has no code, stays in its words.
pub(super) fn parse_reason(code: Option<&str>, details: Option<Value>, text: String) -> Reason {
    let value = match details {
        Some(details) => json!({ "code": code, "details": details }),
        None => json!({ "code": code }),
    };
    serde_json::from_value(value).unwrap_or(Reason::Other { text })
}

/// Lists the codes of all reasons, with their meaning, as a JSON Schema has them.
pub(super) fn code_schema(_: &mut SchemaGenerator) -> Schema {
    let reasons = schema_for!(Reason);
    let options = reasons.get("oneOf").and_then(Value::as_array).into_iter().flatten();
    let codes = options.filter_map(|option| {
        let mut code = option.pointer("/properties/code")?.clone();
        code["description"] = option.get("description")?.clone();
        Some(code)
    });
    json_schema!({ "oneOf": codes.collect::<Vec<_>>() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Foreign;

    #[test]
    fn a_reason_keeps_its_code_and_details_in_json() {
        let owner = Foreign::Part { parent: Box::new(Foreign::OtherStack { stack: "shop".into() }) };
        for reason in [Reason::UpToDate, Reason::Moved { from: "queues.a".into() }, Reason::Foreign { owner }] {
            let (code, details) = code_and_details(&reason);
            assert_eq!(parse_reason(Some(&code), details, words(&reason)), reason);
        }
        assert_eq!(code_and_details(&Reason::NotInAws), ("not-in-aws".to_owned(), None));
    }

    #[test]
    fn a_reason_of_another_version_stays_in_its_words() {
        let other = Reason::Other { text: "by magic".into() };
        assert_eq!(parse_reason(None, None, "by magic".into()), other);
        assert_eq!(parse_reason(Some("magic"), None, "by magic".into()), other);
        assert_eq!(words(&other), "by magic");
    }
}
