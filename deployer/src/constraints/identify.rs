//! Finds the operation of a request that arrives.

use serde_json::{Map, Value};

use super::request::{Body, Request, pairs};
use super::rest::{self, key_of};
use super::table::{self, Kind, Location, Operation, Protocol, Service};
use super::tree::Tree;
use super::wire;

/// A call of an operation of the table.
#[derive(Debug, Clone, PartialEq)]
pub struct Identified {
    /// The id in AWS's model, such as `API Gateway`.
    pub service: &'static str,
    pub operation: &'static str,
    /// The input, with the members' names of the model. Bytes are their number.
    pub input: Value,
}

/// Returns the operation and the input of a request. None for an operation that the table does not have.
///
/// `signing` is the service's name in the signature, such as `monitoring` for CloudWatch.
pub fn identify(signing: &str, method: &str, request: &Request) -> Option<Identified> {
    table::signed(signing).find_map(|id| identify_of(id, method, request))
}

fn identify_of(id: &'static str, method: &str, request: &Request) -> Option<Identified> {
    let service = table::service(id)?;
    let (operation, model) = match service.protocol {
        Protocol::Json => service.operations.get_key_value(&named(request)?),
        Protocol::Query => service.operations.get_key_value(&action(request)?),
        Protocol::RestJson | Protocol::RestXml => addressed(service, method, request),
    }?;
    let tree = wire::read(service, model, request)?;
    let input = value(service, &model.input, &tree);
    Some(Identified { service: id, operation, input })
}

/// Returns the operation that a header or the path names: `X-Amz-Target: AmazonSQS.CreateQueue`.
fn named(request: &Request) -> Option<String> {
    let target = request.header("x-amz-target").and_then(|target| target.rsplit('.').next());
    target.or_else(|| request.uri.split_once("/operation/").map(|(_, name)| name)).map(str::to_owned)
}

fn action(request: &Request) -> Option<String> {
    let Body::Bytes(bytes) = request.body else { return None };
    let form = std::str::from_utf8(bytes).ok()?;
    pairs(form).find(|(name, _)| name == "Action").map(|(_, value)| value.into_owned())
}

/// Returns the operation with the request's method and path. Of several, the one with the most that is fixed.
fn addressed<'s>(service: &'s Service, method: &str, request: &Request) -> Option<(&'s String, &'s Operation)> {
    let matching = service.operations.iter().filter(|(_, model)| {
        model.method == method && rest::has_path(model, request) && has_query(service, model, request)
    });
    matching.max_by_key(|(name, model)| (fixed(&model.uri), std::cmp::Reverse(*name)))
}

/// Counts the parts of a template that are no labels.
fn fixed(template: &str) -> usize {
    template.split(['/', '?', '&']).filter(|part| !part.is_empty() && !part.starts_with('{')).count()
}

/// Tells whether a request has the query of the operation, and in S3 nothing else, since there `?acl` names another
/// operation.
fn has_query(service: &Service, model: &Operation, request: &Request) -> bool {
    let (_, query) = rest::split(request.uri);
    let has: Vec<_> = pairs(query).filter(|(name, _)| !name.starts_with("X-Amz-") && name != "x-id").collect();
    let (_, wanted) = model.uri.split_once('?').unwrap_or((&model.uri, ""));
    let wanted: Vec<_> = pairs(wanted).filter(|(name, _)| name != "x-id").collect();
    let is_there = wanted.iter().all(|pair| has.contains(pair));
    let members = service.shape(&model.input).map(|shape| shape.members.as_slice()).unwrap_or_default();
    let is_member = |name: &str| {
        members
            .iter()
            .any(|(own, member)| member.location == Some(Location::Querystring) && member.wire_name(own) == name)
    };
    let is_other = |pair: &(_, _)| !wanted.contains(pair) && !is_member(&pair.0);
    is_there && (service.protocol != Protocol::RestXml || !has.iter().any(is_other))
}

/// Writes a tree with the names of the model in place of those on the wire.
fn value(service: &Service, name: &str, tree: &Tree) -> Value {
    let shape = service.shape(name);
    match tree {
        Tree::Null => Value::Null,
        Tree::Boolean(value) => (*value).into(),
        Tree::Number(number) => whole(*number),
        Tree::Bytes(length) => (*length).into(),
        Tree::Text(text) => match shape.map(|shape| shape.kind) {
            Some(Kind::Integer | Kind::Long) => text.parse::<i64>().map_or_else(|_| text.as_ref().into(), Value::from),
            Some(Kind::Boolean) => text.parse::<bool>().map_or_else(|_| text.as_ref().into(), Value::from),
            _ => text.as_ref().into(),
        },
        Tree::List(items) => {
            let item = shape.and_then(|shape| shape.member.as_deref()).unwrap_or_default();
            items.iter().map(|inner| value(service, item, inner)).collect()
        }
        Tree::Object(entries) => match shape.filter(|shape| shape.kind == Kind::Structure) {
            Some(shape) => {
                let members = shape.members.iter().filter_map(|(name, member)| {
                    let inner = tree.get(&key_of(name, member))?;
                    Some((name.clone(), value(service, &member.shape, inner)))
                });
                Value::Object(members.collect())
            }
            None => {
                let of = shape.and_then(|shape| shape.value.as_deref()).unwrap_or_default();
                let entries = entries.iter().map(|(key, inner)| (key.to_string(), value(service, of, inner)));
                Value::Object(entries.collect::<Map<_, _>>())
            }
        },
    }
}

#[expect(clippy::cast_possible_truncation, reason = "a number without a fraction, and far below 2^53")]
fn whole(number: f64) -> Value {
    if number.fract() == 0.0 { (number as i64).into() } else { number.into() }
}
