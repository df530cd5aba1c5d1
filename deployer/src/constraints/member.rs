//! The constraint on one member of a request, apart from the request.

use serde::Deserialize;
use serde_json::Value;

use super::check::{Rule, own_rules};
use super::table::{Kind, Shape};
use super::tree::Tree;

/// The constraint that AWS's model has on a member, in the form of the table: `{"type":"string","max":256}`.
#[derive(Debug, Deserialize)]
#[serde(transparent)]
pub struct Constraint(Shape);

impl Constraint {
    /// Lists the rules that a value breaks, apart from the values inside it.
    pub fn broken_by(&self, value: &Value) -> Vec<Rule> {
        let tree = match (self.0.kind, value) {
            // The request has a text where a spec has a number or a truth value.
            (Kind::String, Value::Number(_) | Value::Bool(_)) => Tree::text(value.to_string()),
            (Kind::String, Value::String(text)) => Tree::text(text.as_str()),
            _ => value.clone().into(),
        };
        own_rules(&self.0, &tree)
    }

    /// Lists the only values that the model knows. Empty if it does not enumerate them.
    pub fn values(&self) -> &[String] {
        self.0.values.as_deref().unwrap_or_default()
    }
}

/// Returns the constraint on the member at a path, as JSON: `Environment.Variables.~` for the keys of a map, `Layers[]`
/// for the items of a list. None if there is no such member, or if its model says nothing.
#[cfg(test)]
pub fn of_member(service: &str, operation: &str, path: &str) -> Option<String> {
    use super::table;

    let service = table::service(service)?;
    let mut shape = service.shape(&service.operations.get(operation)?.input)?;
    for step in path.split('.').flat_map(|step| step.split_inclusive('[').map(|part| part.trim_end_matches('['))) {
        let next = match shape.kind {
            Kind::Structure => shape.members.iter().find(|(name, _)| name == step).map(|(_, member)| &member.shape),
            Kind::List => shape.member.as_ref(),
            Kind::Map if step == "~" => shape.key.as_ref(),
            Kind::Map => shape.value.as_ref(),
            _ => None,
        };
        shape = service.shape(next?)?;
    }
    let mut parts = serde_json::Map::new();
    for (name, number) in [("min", shape.min), ("max", shape.max)] {
        // A bound such as 256 is written without its `.0`.
        let number = number.and_then(|number| serde_json::from_str(&number.to_string()).ok());
        parts.extend(number.map(|number: Value| (name.to_owned(), number)));
    }
    parts.extend(shape.pattern.as_ref().map(|pattern| ("pattern".to_owned(), pattern.text().into())));
    parts.extend(shape.values.as_ref().map(|values| ("enum".to_owned(), values.clone().into())));
    if parts.is_empty() {
        return None;
    }
    parts.insert("type".to_owned(), format!("{:?}", shape.kind).to_lowercase().into());
    Some(Value::Object(parts).to_string())
}
