//! The table in memory: services, operations, shapes.

use std::collections::HashMap;
use std::io::Read as _;
use std::sync::{LazyLock, OnceLock};

use flate2::read::ZlibDecoder;
use regex_lite::Regex;
use serde::Deserialize;

/// One line per service: its id, a tab, and its part as JSON. The first line begins with `#` and names the source.
static TABLE: LazyLock<String> = LazyLock::new(|| {
    let mut text = String::new();
    // The file is part of the program, and a test reads it.
    let _ = ZlibDecoder::new(&include_bytes!("table.zlib")[..]).read_to_string(&mut text);
    text
});

/// Each service's part, read when it is first asked for: a run uses few of them.
static SERVICES: LazyLock<HashMap<&'static str, Line>> = LazyLock::new(|| {
    let lines = TABLE.lines().filter_map(|line| line.split_once('\t'));
    lines.map(|(id, json)| (id, Line { json, service: OnceLock::new() })).collect()
});

struct Line {
    json: &'static str,
    /// None if the line cannot be read, which a test excludes.
    service: OnceLock<Option<Service>>,
}

/// A service's operations and the shapes of their requests.
#[derive(Debug, Deserialize)]
pub struct Service {
    pub protocol: Protocol,
    /// The service's name in a signature, such as `monitoring` for CloudWatch.
    pub signing: String,
    pub operations: HashMap<String, Operation>,
    pub shapes: HashMap<String, Shape>,
}

/// How a service's requests are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Protocol {
    /// The body is the input, as JSON or, for CloudWatch, as CBOR.
    Json,
    /// The body is a form: `Tags.member.1.Key=…`.
    Query,
    /// Path, query, headers and a JSON body.
    RestJson,
    /// Path, query, headers and an XML body.
    RestXml,
}

/// An operation and how its request is addressed.
#[derive(Debug, Deserialize)]
pub struct Operation {
    pub method: String,
    /// The path, with labels such as `{FunctionName}`, and sometimes a query.
    pub uri: String,
    pub input: String,
}

/// A shape of the model, with its constraints.
#[derive(Debug, Deserialize)]
pub struct Shape {
    #[serde(rename = "type")]
    pub kind: Kind,
    pub min: Option<f64>,
    pub max: Option<f64>,
    pub pattern: Option<Pattern>,
    #[serde(rename = "enum")]
    pub values: Option<Vec<String>>,
    #[serde(default)]
    pub members: Vec<(String, Member)>,
    #[serde(default)]
    pub required: Vec<String>,
    pub payload: Option<String>,
    /// The shape of a list's items.
    pub member: Option<String>,
    pub key: Option<String>,
    pub value: Option<String>,
    #[serde(default)]
    pub flattened: bool,
    /// The name of a list's item, of a map's key and of a map's value on the wire.
    pub item: Option<String>,
    #[serde(rename = "keyName")]
    pub key_name: Option<String>,
    #[serde(rename = "valueName")]
    pub value_name: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    Structure,
    List,
    Map,
    String,
    Blob,
    Boolean,
    Integer,
    Long,
    Float,
    Double,
    Timestamp,
}

/// A member of a structure.
#[derive(Debug, Deserialize)]
pub struct Member {
    pub shape: String,
    pub location: Option<Location>,
    #[serde(rename = "locationName")]
    location_name: Option<String>,
    #[serde(rename = "queryName")]
    query_name: Option<String>,
    #[serde(default)]
    pub flattened: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Location {
    Uri,
    Querystring,
    Header,
    Headers,
    StatusCode,
}

impl Member {
    /// The member's name on the wire.
    pub fn wire_name<'a>(&'a self, name: &'a str) -> &'a str {
        self.query_name.as_deref().or(self.location_name.as_deref()).unwrap_or(name)
    }
}

impl Service {
    pub fn shape(&self, name: &str) -> Option<&Shape> {
        self.shapes.get(name)
    }
}

/// A regular expression that a whole text has to match.
#[derive(Debug, Deserialize)]
#[serde(from = "String")]
pub struct Pattern {
    text: String,
    compiled: OnceLock<Option<Regex>>,
}

impl From<String> for Pattern {
    fn from(text: String) -> Self {
        Self { text, compiled: OnceLock::new() }
    }
}

impl Pattern {
    pub fn text(&self) -> &str {
        &self.text
    }

    /// None for a pattern with features that the engine lacks: Unicode classes and look-around.
    pub fn regex(&self) -> Option<&Regex> {
        let compile = || Regex::new(&format!("^(?s:{})$", translated(&self.text))).ok();
        self.compiled.get_or_init(compile).as_ref()
    }
}

/// Writes `\u0020` as `\x{0020}`, and escapes a hyphen behind a range, as in `[a-z0-9-_]`.
fn translated(pattern: &str) -> String {
    let mut text = String::with_capacity(pattern.len());
    let mut parts = pattern.split("\\u");
    text.push_str(parts.next().unwrap_or_default());
    for part in parts {
        let (code, rest) = part.split_at_checked(4).unwrap_or((part, ""));
        text.extend(["\\x{", code, "}", rest]);
    }
    text.replace("0-9-", "0-9\\-").replace("A-Z-", "A-Z\\-")
}

pub fn service(id: &str) -> Option<&'static Service> {
    let line = SERVICES.get(id)?;
    line.service.get_or_init(|| serde_json::from_str(line.json).ok()).as_ref()
}

/// Returns the ids of the services that sign their requests with a name, such as `monitoring`. Both versions of API
/// Gateway sign with the same one.
pub fn signed(signing: &str) -> impl Iterator<Item = &'static str> {
    SERVICES.keys().copied().filter(move |id| service(id).is_some_and(|service| service.signing == signing))
}

#[cfg(test)]
pub fn source() -> &'static str {
    TABLE.lines().next().unwrap_or_default().trim_start_matches("# ")
}

#[cfg(test)]
pub fn ids() -> Vec<&'static str> {
    let mut ids: Vec<_> = SERVICES.keys().copied().collect();
    ids.sort_unstable();
    ids
}

#[cfg(test)]
pub fn size() -> usize {
    include_bytes!("table.zlib").len()
}
