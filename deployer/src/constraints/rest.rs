//! Path, query and headers of a REST request.

use std::borrow::Cow;

use super::request::{Request, pairs, unescaped};
use super::table::{Kind, Location, Member, Operation, Service};
use super::tree::Tree;

/// Returns the key of a member in the tree of an input. Members outside the body have the place in front, since a
/// header may have the name of a member of the body.
pub fn key_of<'a>(name: &'a str, member: &'a Member) -> Cow<'a, str> {
    let wire = member.wire_name(name);
    match member.location {
        None => wire.into(),
        Some(Location::Uri) => format!("path {wire}").into(),
        Some(Location::Querystring) => format!("query {wire}").into(),
        Some(_) => format!("header {}", wire.to_ascii_lowercase()).into(),
    }
}

/// In front of S3's paths, where the bucket is not in the host's name.
const BUCKET: &str = "/{Bucket}";

/// Reads the members outside the body.
pub fn outside<'a>(service: &Service, operation: &Operation, request: &Request<'a>) -> Vec<(Cow<'a, str>, Tree<'a>)> {
    let Some(shape) = service.shape(&operation.input) else { return Vec::new() };
    let (path, query) = split(request.uri);
    let labels = labels_of(&operation.uri, request.uri, path);
    let mut found = Vec::new();
    for (name, member) in &shape.members {
        let wire = member.wire_name(name);
        let value = match member.location {
            Some(Location::Uri) => {
                labels.iter().find(|(label, _)| *label == wire).map(|(_, value)| Tree::text(value.clone()))
            }
            Some(Location::Querystring) => from_query(service, &member.shape, wire, query),
            Some(Location::Header) => request.header(wire).map(Tree::text),
            _ => None,
        };
        if let Some(value) = value {
            found.push((key_of(name, member).into_owned().into(), value));
        }
    }
    found
}

/// Tells whether the path of the request can be read as the operation's.
pub fn has_labels(operation: &Operation, request: &Request) -> bool {
    !operation.uri.contains('{') || has_path(operation, request)
}

/// Tells whether the path of the request is the operation's, apart from the labels' values.
pub fn has_path(operation: &Operation, request: &Request) -> bool {
    let path = split(request.uri).0;
    if operation.uri.contains('{') {
        return !labels_of(&operation.uri, request.uri, path).is_empty();
    }
    let fixed = operation.uri.split('?').next().unwrap_or_default();
    fixed.trim_end_matches('/') == path.trim_end_matches('/')
}

fn from_query<'a>(service: &Service, shape: &str, wire: &str, query: &'a str) -> Option<Tree<'a>> {
    let mut values = pairs(query).filter(|(name, _)| name == wire).map(|(_, value)| Tree::text(value));
    let is_list = service.shape(shape).is_some_and(|shape| shape.kind == Kind::List);
    if is_list {
        let values: Vec<_> = values.collect();
        return (!values.is_empty()).then_some(Tree::List(values));
    }
    values.next()
}

/// Splits an address into path and query.
pub fn split(uri: &str) -> (&str, &str) {
    let start = uri.find("://").and_then(|at| uri[at + 3..].find('/').map(|slash| at + 3 + slash)).unwrap_or_default();
    uri[start..].split_once('?').unwrap_or((&uri[start..], ""))
}

/// Returns the values of the labels in the path, also where the bucket is the first part of the host's name.
fn labels_of<'t, 'a>(template: &'t str, uri: &'a str, path: &'a str) -> Vec<(&'t str, Cow<'a, str>)> {
    let host = uri.split_once("://").map(|(_, rest)| rest.split('/').next().unwrap_or_default());
    let bucket = host.and_then(|host| host.split_once(".s3")).map(|(bucket, _)| bucket);
    match (template.strip_prefix(BUCKET), bucket) {
        (Some(rest), Some(bucket)) => {
            let mut found = labels(rest, path);
            found.push(("Bucket", bucket.into()));
            found
        }
        _ => labels(template, path),
    }
}

/// Returns the values of the labels in `/functions/{FunctionName}/code`. None where the path has another form.
fn labels<'t, 'a>(template: &'t str, path: &'a str) -> Vec<(&'t str, Cow<'a, str>)> {
    let template = template.split('?').next().unwrap_or_default();
    let mut rest = path.trim_start_matches('/');
    let mut found = Vec::new();
    for step in template.trim_matches('/').split('/') {
        let label = step.strip_prefix('{').and_then(|step| step.strip_suffix('}'));
        let (value, behind) = match label {
            Some(label) if label.ends_with('+') => (rest, ""),
            _ => rest.split_once('/').unwrap_or((rest, "")),
        };
        match label {
            Some(label) if !value.is_empty() => found.push((label.trim_end_matches('+'), unescaped(value))),
            None if step == value => {}
            _ => return Vec::new(),
        }
        rest = behind;
    }
    if rest.is_empty() { found } else { Vec::new() }
}
