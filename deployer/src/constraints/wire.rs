//! Reads the input of an operation from its HTTP request.

use std::borrow::Cow;

use super::form;
use super::request::{Body, Request};
use super::rest;
use super::table::{Kind, Operation, Protocol, Service};
use super::tree::Tree;
use super::xml;

/// Returns the input. None if the request cannot be read by the model.
pub fn read<'a>(service: &Service, operation: &Operation, request: &Request<'a>) -> Option<Tree<'a>> {
    match (service.protocol, &request.body) {
        (_, Body::Tree(tree)) => Some(tree.clone()),
        (Protocol::Json, Body::Bytes(bytes)) => json(bytes),
        (Protocol::Query, Body::Bytes(bytes)) => form::read(service, operation, std::str::from_utf8(bytes).ok()?),
        (Protocol::RestJson | Protocol::RestXml, body) => {
            if !rest::has_labels(operation, request) {
                return None;
            }
            let mut found = rest::outside(service, operation, request);
            found.extend(body_members(service, operation, body)?);
            Some(Tree::Object(found))
        }
        (_, Body::Streamed) => None,
    }
}

fn json(bytes: &[u8]) -> Option<Tree<'_>> {
    if bytes.is_empty() { Some(Tree::Object(Vec::new())) } else { serde_json::from_slice(bytes).ok() }
}

/// Reads the members of a REST request's body.
fn body_members<'a>(
    service: &Service,
    operation: &Operation,
    body: &Body<'a>,
) -> Option<Vec<(Cow<'a, str>, Tree<'a>)>> {
    let input = service.shape(&operation.input)?;
    let Some((name, member)) =
        input.payload.as_ref().and_then(|payload| input.members.iter().find(|(name, _)| name == payload))
    else {
        let Body::Bytes(bytes) = body else { return Some(Vec::new()) };
        return match json(bytes)? {
            Tree::Object(entries) => Some(entries),
            _ => None,
        };
    };
    let key = Cow::Owned(member.wire_name(name).to_owned());
    let shape = service.shape(&member.shape)?;
    let value = match body {
        Body::Bytes([]) => return Some(Vec::new()),
        Body::Bytes(bytes) if matches!(shape.kind, Kind::Blob | Kind::String) => {
            match (shape.kind, std::str::from_utf8(bytes)) {
                (Kind::String, Ok(text)) => Tree::text(text),
                _ => Tree::Bytes(bytes.len()),
            }
        }
        Body::Bytes(bytes) if service.protocol == Protocol::RestXml => xml::read(service, &member.shape, bytes)?,
        Body::Bytes(bytes) => json(bytes)?,
        Body::Tree(tree) => tree.clone(),
        // Something is sent: that much is known.
        Body::Streamed => return Some(vec![(key, Tree::Bytes(1))]),
    };
    Some(vec![(key, value)])
}
