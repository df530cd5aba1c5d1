//! Reads the XML body of S3's requests by the shape of the model.

use std::borrow::Cow;

use aws_smithy_xml::decode::{Document, ScopedDecoder, XmlDecodeError, try_data};

use super::table::{Kind, Service, Shape};
use super::tree::Tree;

/// Returns the value of the document. None if it is no XML.
pub fn read<'a>(service: &Service, shape: &str, bytes: &[u8]) -> Option<Tree<'a>> {
    let mut document = Document::try_from(bytes).ok()?;
    let mut root = document.root_element().ok()?;
    element(service, service.shape(shape)?, &mut root).ok()
}

fn element<'a>(service: &Service, shape: &Shape, decoder: &mut ScopedDecoder) -> Result<Tree<'a>, XmlDecodeError> {
    match shape.kind {
        Kind::Structure => structure(service, shape, decoder),
        Kind::List => {
            let item = shape.member.as_deref().and_then(|name| service.shape(name));
            let mut items = Vec::new();
            while let Some(mut tag) = decoder.next_tag() {
                items.push(item.map_or(Ok(Tree::Null), |item| element(service, item, &mut tag))?);
            }
            Ok(Tree::List(items))
        }
        _ => Ok(Tree::text(try_data(decoder)?.into_owned())),
    }
}

fn structure<'a>(service: &Service, shape: &Shape, decoder: &mut ScopedDecoder) -> Result<Tree<'a>, XmlDecodeError> {
    let mut entries: Vec<(Cow<str>, Tree)> = Vec::new();
    while let Some(mut tag) = decoder.next_tag() {
        let local = tag.start_el().local().to_owned();
        let Some((_, member)) = shape.members.iter().find(|(name, member)| member.wire_name(name) == local) else {
            continue;
        };
        let Some(inner) = service.shape(&member.shape) else { continue };
        if inner.kind != Kind::List || !(inner.flattened || member.flattened) {
            let value = element(service, inner, &mut tag)?;
            entries.push((local.into(), value));
            continue;
        }
        // Each item of a flattened list is an element of the list's name.
        let item = inner.member.as_deref().and_then(|name| service.shape(name));
        let value = item.map_or(Ok(Tree::Null), |item| element(service, item, &mut tag))?;
        match entries.iter_mut().find(|(name, _)| *name == local) {
            Some((_, Tree::List(items))) => items.push(value),
            _ => entries.push((local.into(), Tree::List(vec![value]))),
        }
    }
    Ok(Tree::Object(entries))
}
