//! A request before it is read by a model.

use std::borrow::Cow;

use super::tree::Tree;

/// A request as it is sent.
pub struct Request<'a> {
    /// The address, or path and query.
    pub uri: &'a str,
    /// Names are in lower case.
    pub headers: Vec<(&'a str, &'a str)>,
    pub body: Body<'a>,
}

/// The body of a request.
pub enum Body<'a> {
    Bytes(&'a [u8]),
    /// Read already, since the form is none of the model's own.
    Tree(Tree<'a>),
    /// Sent piece by piece: not known here.
    Streamed,
}

impl<'a> Request<'a> {
    pub fn header(&self, name: &str) -> Option<&'a str> {
        self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| *value)
    }
}

/// Returns the pairs of a query or a form.
pub fn pairs(text: &str) -> impl Iterator<Item = (Cow<'_, str>, Cow<'_, str>)> {
    text.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (unescaped(name), unescaped(value))
    })
}

/// Reads `%20` and `+`.
pub fn unescaped(text: &str) -> Cow<'_, str> {
    if !text.contains(['%', '+']) {
        return text.into();
    }
    let (mut bytes, mut rest) = (Vec::with_capacity(text.len()), text.as_bytes());
    while let Some((first, behind)) = rest.split_first() {
        let code = (*first == b'%').then(|| behind.get(..2)).flatten();
        let code = code.and_then(|digits| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok());
        bytes.push(code.unwrap_or(if *first == b'+' { b' ' } else { *first }));
        rest = if code.is_some() { &behind[2..] } else { behind };
    }
    String::from_utf8_lossy(&bytes).into_owned().into()
}
