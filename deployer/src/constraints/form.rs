//! Reads a form by the shapes of the model: `Tags.member.1.Key=team`.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::Bound;

use super::request::pairs;
use super::table::{Kind, Operation, Service, Shape};
use super::tree::Tree;

/// Reads a form by the shape of the operation's input.
pub fn read<'a>(service: &Service, operation: &Operation, text: &'a str) -> Option<Tree<'a>> {
    let fields: Fields = pairs(text).collect();
    Some(from_form(service, &operation.input, "", &fields).unwrap_or_else(|| Tree::Object(Vec::new())))
}

type Fields<'a> = BTreeMap<Cow<'a, str>, Cow<'a, str>>;

/// Returns whether the form has something at `prefix` or below.
fn has(fields: &Fields, prefix: &str) -> bool {
    fields
        .range::<str, _>((Bound::Included(prefix), Bound::Unbounded))
        .take_while(|(name, _)| name.starts_with(prefix))
        .any(|(name, _)| name.len() == prefix.len() || name.as_bytes()[prefix.len()] == b'.')
}

fn from_form<'a>(service: &Service, name: &str, prefix: &str, fields: &Fields<'a>) -> Option<Tree<'a>> {
    let shape = service.shape(name)?;
    let below = |name: &str| if prefix.is_empty() { name.to_owned() } else { format!("{prefix}.{name}") };
    match shape.kind {
        Kind::Structure => {
            let mut entries = Vec::new();
            for (name, member) in &shape.members {
                let wire = member.wire_name(name);
                if has(fields, &below(wire)) {
                    let value = from_form(service, &member.shape, &below(wire), fields)?;
                    entries.push((Cow::Owned(wire.to_owned()), value));
                }
            }
            Some(Tree::Object(entries))
        }
        Kind::List => {
            let item = shape.item.as_deref().unwrap_or("member");
            let prefixes = numbered(shape, prefix, item, fields);
            let member = shape.member.as_deref()?;
            prefixes.iter().map(|at| from_form(service, member, at, fields)).collect::<Option<_>>().map(Tree::List)
        }
        Kind::Map => {
            let entries = numbered(shape, prefix, "entry", fields).into_iter().map(|at| {
                let key = fields.get(format!("{at}.{}", shape.key_name.as_deref().unwrap_or("key")).as_str())?;
                let value = format!("{at}.{}", shape.value_name.as_deref().unwrap_or("value"));
                Some((key.clone(), from_form(service, shape.value.as_deref()?, &value, fields)?))
            });
            entries.collect::<Option<_>>().map(Tree::Object)
        }
        _ => fields.get(prefix).map(|value| Tree::Text(value.clone())),
    }
}

/// Returns the prefixes of a list's items or a map's entries.
fn numbered(shape: &Shape, prefix: &str, word: &str, fields: &Fields) -> Vec<String> {
    let at = |number: usize| {
        if shape.flattened { format!("{prefix}.{number}") } else { format!("{prefix}.{word}.{number}") }
    };
    (1..).map(at).take_while(|at| has(fields, at)).collect()
}
