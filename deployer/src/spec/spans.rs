//! The position of each entry of a YAML text: document path → key and value.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, ScanError};

use super::finding::{At, DocPath, Findings, Span};
use super::source::Lines;
use super::syntax::{Mistake, mistake};

/// The deepest nesting of lists and maps.
const DEEPEST: usize = 100;
/// The longest chain of `<<` that is followed: an anchor may merge itself.
const MERGES: usize = 16;

/// The tags of YAML's core schema, which add nothing to a plain value.
const CORE: &[&str] = &["str", "int", "float", "bool", "null"];

/// The positions of all keys and values.
#[derive(Debug, Clone, Default)]
pub struct SpanIndex {
    text: String,
    lines: Lines,
    nodes: Vec<SpanNode>,
}

type Range = (usize, usize);

#[derive(Debug, Clone)]
struct SpanNode {
    range: Range,
    body: Body,
}

#[derive(Debug, Clone)]
enum Body {
    /// The meaning of a plain (unquoted) scalar depends on its text.
    Scalar {
        plain: bool,
    },
    Alias(Option<usize>),
    List(Vec<usize>),
    Map {
        entries: HashMap<String, (Range, usize)>,
        merges: Vec<usize>,
    },
}

/// A list or map that is still open.
struct Frame {
    node: usize,
    /// A map's key that waits for its value: its text (`None` for a list or map as key) and its range.
    key: Option<(Option<String>, Range)>,
}

impl SpanIndex {
    /// Reads all positions and finds duplicate keys.
    ///
    /// # Errors
    /// Returns the findings if the text cannot be read to the end: syntax errors, lists or maps as keys, a second
    /// document.
    pub fn of(text: &str) -> Result<(Self, Findings), Findings> {
        let mut builder = Builder {
            index: Self { text: text.to_owned(), lines: Lines::of(text), nodes: Vec::new() },
            offsets: Offsets::of(text),
            open: Vec::new(),
            anchors: HashMap::new(),
            findings: Findings::default(),
            tags: Findings::default(),
        };
        builder.read(text);
        let readable = builder.findings.0.iter().all(|finding| finding.code == "stack::duplicate-key");
        builder.findings.0.extend(builder.tags.0);
        if readable { Ok((builder.index, builder.findings)) } else { Err(builder.findings) }
    }

    /// Finds the position of the entry at `path`, or of the nearest one around it.
    pub fn find(&self, path: &DocPath, at: At) -> Option<Span> {
        let root = self.nodes.first()?;
        let mut node = 0;
        let mut key: Option<Range> = None;
        let mut reached = true;
        for part in &path.0 {
            match self.step(node, part, 0) {
                Some((range, next)) => {
                    key = range.or(Some(self.nodes[next].range));
                    node = next;
                }
                None => {
                    reached = false;
                    break;
                }
            }
        }
        let value = self.nodes[node].range;
        let range = match (key, at) {
            (None, _) => (root.range.0, root.range.0.saturating_add(1)),
            (Some(key), At::Key) => key,
            (Some(key), At::Value) if !reached || value.0 == value.1 || self.spreads(node) => key,
            (Some(_), At::Value) => value,
        };
        Some(self.lines.span(&self.text, range.0, range.1))
    }

    /// Returns the unquoted scalar at `path` as its author wrote it; `None` for quoted ones, lists and maps.
    pub fn spelling(&self, path: &DocPath) -> Option<&str> {
        let mut node = self.reach(path)?;
        for _ in 0..MERGES {
            let Body::Alias(Some(target)) = self.nodes[node].body else { break };
            node = target;
        }
        let SpanNode { range, body } = &self.nodes[node];
        if !matches!(body, Body::Scalar { plain: true }) {
            return None;
        }
        let mut text = self.text[range.0..range.1].trim();
        // Skip an anchor or a tag before the scalar.
        while text.starts_with(['&', '!']) {
            text = text.split_once(char::is_whitespace).map_or("", |(_, rest)| rest.trim_start());
        }
        Some(text)
    }

    /// Lists the keys of the map at `path` as they are written.
    pub fn keys(&self, path: &DocPath) -> Vec<&str> {
        match self.reach(path).map(|node| &self.nodes[node].body) {
            Some(Body::Map { entries, .. }) => entries.keys().map(String::as_str).collect(),
            _ => Vec::new(),
        }
    }

    fn reach(&self, path: &DocPath) -> Option<usize> {
        self.nodes.first()?;
        path.0.iter().try_fold(0, |node, part| self.step(node, part, 0).map(|(_, next)| next))
    }

    /// Tells whether a node is a list or map over several lines, whose key is underlined instead.
    fn spreads(&self, node: usize) -> bool {
        let SpanNode { range, body } = &self.nodes[node];
        matches!(body, Body::List(_) | Body::Map { .. })
            && (!self.text[range.0..].starts_with(['{', '[']) || self.text[range.0..range.1].contains('\n'))
    }

    /// Steps from a node to one of its entries: the key's range (`None` in lists) and the value's node.
    fn step(&self, node: usize, part: &str, merges: usize) -> Option<(Option<Range>, usize)> {
        match &self.nodes[node].body {
            Body::Scalar { .. } => None,
            Body::Alias(target) => self.step((*target)?, part, merges + 1).filter(|_| merges < MERGES),
            Body::List(items) => items.get(part.parse::<usize>().ok()?).map(|&item| (None, item)),
            Body::Map { entries, merges: from } => match entries.get(part) {
                Some((range, value)) => Some((Some(*range), *value)),
                None if part == "<<" => from.first().map(|&map| (None, map)),
                None if merges < MERGES => from.iter().find_map(|&map| self.step_merged(map, part, merges + 1)),
                None => None,
            },
        }
    }

    /// Looks into the target of a `<<`: a map or a list of maps.
    fn step_merged(&self, node: usize, part: &str, merges: usize) -> Option<(Option<Range>, usize)> {
        match &self.nodes[node].body {
            Body::List(maps) => maps.iter().find_map(|&map| self.step(map, part, merges)),
            _ => self.step(node, part, merges),
        }
    }

    /// Removes an entry of the list at `path`. The positions of those behind it move with them. Another place that shares
    /// the list by an anchor keeps the entry.
    pub fn remove_item(&mut self, path: &[String], number: usize) {
        if self.nodes.is_empty() {
            return;
        }
        let mut node = 0;
        for part in path {
            let Some((range, next)) = self.step(node, part, 0) else { return };
            let copy = self.nodes.len();
            let body = self.target(next).body.clone();
            let place = self.nodes[next].range;
            self.nodes.push(SpanNode { range: place, body });
            match &mut self.nodes[node].body {
                Body::List(items) => {
                    part.parse().ok().and_then(|at: usize| items.get_mut(at)).into_iter().for_each(|item| *item = copy)
                }
                Body::Map { entries, .. } => {
                    entries.insert(part.clone(), (range.unwrap_or(place), copy));
                }
                Body::Scalar { .. } | Body::Alias(_) => return,
            }
            node = copy;
        }
        if let Body::List(items) = &mut self.nodes[node].body
            && number < items.len()
        {
            items.remove(number);
        }
    }

    /// Follows aliases to the node that they stand for.
    fn target(&self, mut node: usize) -> &SpanNode {
        for _ in 0..MERGES {
            let Body::Alias(Some(target)) = self.nodes[node].body else { break };
            node = target;
        }
        &self.nodes[node]
    }

    /// Builds the span between two byte offsets of the text.
    pub fn span(&self, start: usize, end: usize) -> Span {
        self.lines.span(&self.text, start, end)
    }

    /// Builds the span at a line and column, both from 1.
    pub fn span_at(&self, line: usize, column: usize) -> Span {
        let at = self.lines.offset(&self.text, line, column);
        self.span(at, at + 1)
    }
}

/// Converts the parser's character offsets to byte offsets.
struct Offsets(Option<Vec<usize>>, usize);

impl Offsets {
    fn of(text: &str) -> Self {
        let table = (!text.is_ascii()).then(|| text.char_indices().map(|(at, _)| at).collect());
        Self(table, text.len())
    }

    fn byte(&self, marker: &Marker) -> usize {
        match &self.0 {
            None => marker.index().min(self.1),
            Some(table) => table.get(marker.index()).copied().unwrap_or(self.1),
        }
    }
}

struct Builder {
    index: SpanIndex,
    offsets: Offsets,
    open: Vec<Frame>,
    anchors: HashMap<usize, usize>,
    findings: Findings,
    /// Unsupported tags. They do not keep the text from being read.
    tags: Findings,
}

impl Builder {
    /// Pulls events one by one: the parser's own loader recurses as deep as the text nests.
    fn read(&mut self, text: &str) {
        let mut parser = Parser::new_from_str(text);
        let mut documents = 0;
        while let Some(next) = parser.next_event() {
            let (event, span) = match next {
                Ok(event) => event,
                Err(error) => return self.syntax(&error),
            };
            let range = (self.offsets.byte(&span.start), self.offsets.byte(&span.end));
            match event {
                Event::StreamEnd => return,
                Event::DocumentStart(_) => {
                    documents += 1;
                    if documents > 1 {
                        self.error("stack::syntax", range, "a second YAML document begins here".into())
                            .help("remove the `---`: a stack is one document");
                        return;
                    }
                }
                Event::Scalar(text, style, anchor, tag) => {
                    if let Some(tag) =
                        tag.filter(|tag| tag.is_yaml_core_schema() && !CORE.contains(&tag.suffix.as_str()))
                    {
                        let message = format!("the tag `!!{}` means nothing here", tag.suffix);
                        let finding = self.tags.error("stack::syntax", DocPath::default(), message);
                        finding.help("remove it, and write the value as text or number");
                        finding.span = Some(self.index.span(range.0, range.1));
                    }
                    let plain = style == ScalarStyle::Plain;
                    self.add(range, Body::Scalar { plain }, anchor, Some(&text));
                }
                Event::Alias(anchor) => {
                    let target = self.anchors.get(&anchor).copied();
                    self.add(range, Body::Alias(target), 0, None);
                }
                Event::SequenceStart(anchor, _) => self.start(range, Body::List(Vec::new()), anchor),
                Event::MappingStart(anchor, _) => {
                    self.start(range, Body::Map { entries: HashMap::new(), merges: Vec::new() }, anchor);
                }
                Event::SequenceEnd | Event::MappingEnd => self.end(range),
                Event::Nothing | Event::StreamStart | Event::DocumentEnd => {}
            }
            if self.open.len() > DEEPEST {
                self.error("stack::syntax", range, format!("lists and maps stand more than {DEEPEST} deep here"))
                    .help("write it flatter");
                return;
            }
        }
    }

    fn start(&mut self, range: Range, body: Body, anchor: usize) {
        let node = self.add(range, body, anchor, None);
        self.open.push(Frame { node, key: None });
    }

    fn end(&mut self, range: Range) {
        if let Some(frame) = self.open.pop() {
            let node = &mut self.index.nodes[frame.node];
            node.range.1 = range.1.max(node.range.1);
        }
    }

    /// Adds a node to the innermost open list or map, or takes it as the open map's next key.
    fn add(&mut self, range: Range, body: Body, anchor: usize, text: Option<&str>) -> usize {
        let node = self.index.nodes.len();
        self.index.nodes.push(SpanNode { range, body });
        if anchor > 0 {
            self.anchors.insert(anchor, node);
        }
        let Some(frame) = self.open.last_mut() else { return node };
        let parent = frame.node;
        match (&mut self.index.nodes[parent].body, frame.key.take()) {
            (Body::List(items), _) => items.push(node),
            (Body::Map { .. }, None) => {
                frame.key = Some((text.map(str::to_owned), range));
                if text.is_none() {
                    self.error("stack::syntax", range, "a key is plain text, not a list, a map or an alias".into())
                        .help("write `key: value`; put a text that begins with `{`, `[` or `*` in quotes");
                }
            }
            (Body::Map { merges, .. }, Some((Some(key), _))) if key == "<<" => merges.push(node),
            (Body::Map { entries, .. }, Some((Some(key), place))) => match entries.entry(key) {
                Entry::Vacant(slot) => {
                    slot.insert((place, node));
                }
                Entry::Occupied(slot) => {
                    let (first, key) = (slot.get().0, slot.key().clone());
                    self.duplicate(&key, first, place);
                }
            },
            _ => {}
        }
        node
    }

    fn duplicate(&mut self, key: &str, first: Range, second: Range) {
        let Span { line, column, .. } = self.index.span(first.0, first.1);
        self.error("stack::duplicate-key", second, format!("`{key}` is given twice: first at {line}:{column}"))
            .help("keep one of the two");
    }

    fn syntax(&mut self, error: &ScanError) {
        let at = self.offsets.byte(error.marker());
        let open: Vec<usize> = self.open.iter().map(|frame| self.index.nodes[frame.node].range.0).collect();
        let Mistake { range, message, help } = mistake(&self.index.text, at, error.info(), &open);
        self.error("stack::syntax", range, message).help(help);
    }

    fn error(&mut self, code: &'static str, range: Range, message: String) -> &mut super::finding::Finding {
        let span = self.index.span(range.0, range.1);
        let finding = self.findings.error(code, DocPath::default(), message);
        finding.span = Some(span);
        finding
    }
}
