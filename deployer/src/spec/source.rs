//! The text that findings point into.

use std::borrow::Cow;
use std::path::PathBuf;

use super::finding::{Findings, Span};

/// A file's name and bytes, as they were read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SourceText {
    pub path: PathBuf,
    pub bytes: Vec<u8>,
}

/// The longest text that is parsed, in bytes.
const LONGEST: usize = 4 << 20;
const BYTE_ORDER_MARK: char = '\u{feff}';

impl SourceText {
    pub fn new(path: impl Into<PathBuf>, bytes: impl Into<Vec<u8>>) -> Self {
        Self { path: path.into(), bytes: bytes.into() }
    }

    /// Shows the text for people, without a byte order mark; the offsets of spans count in this text.
    pub fn display(&self) -> Cow<'_, str> {
        match String::from_utf8_lossy(&self.bytes) {
            Cow::Borrowed(text) => Cow::Borrowed(text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text)),
            Cow::Owned(text) => Cow::Owned(text.strip_prefix(BYTE_ORDER_MARK).map(str::to_owned).unwrap_or(text)),
        }
    }

    /// Reads the bytes as UTF-8.
    ///
    /// # Errors
    /// A finding at the first bad byte; also for a text longer than 4 MiB.
    pub fn text(&self) -> Result<&str, Findings> {
        let mut findings = Findings::default();
        if self.bytes.len() > LONGEST {
            findings
                .error("stack::syntax", Default::default(), "the file is longer than 4 MiB")
                .help("split it into several stacks");
            return Err(findings);
        }
        match std::str::from_utf8(&self.bytes) {
            Ok(text) => Ok(text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text)),
            Err(error) => {
                let shown = self.display();
                let marked = self.bytes.starts_with("\u{feff}".as_bytes());
                let at = error.valid_up_to() - if marked { 3 } else { 0 };
                findings
                    .error("stack::encoding", Default::default(), "the file is not UTF-8 text")
                    .help("save it as UTF-8; in most editors that is a choice when saving")
                    .span = Some(Lines::of(&shown).span(&shown, at, at + 1));
                Err(findings)
            }
        }
    }
}

/// Where the lines of a text begin.
#[derive(Debug, Clone, Default)]
pub struct Lines(Vec<usize>);

impl Lines {
    pub fn of(text: &str) -> Self {
        Self(std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect())
    }

    /// Builds the span of two byte offsets, cut at the end of its first line and moved to whole characters.
    pub fn span(&self, text: &str, start: usize, end: usize) -> Span {
        let start = text.floor_char_boundary(start.min(text.len()));
        let line = self.0.partition_point(|&begin| begin <= start).max(1) - 1;
        let begin = self.0.get(line).copied().unwrap_or(0);
        let rest = &text[start..];
        let line_end = start + rest.find(['\n', '\r']).unwrap_or(rest.len());
        let end = text.ceil_char_boundary(end.min(text.len())).clamp(start, line_end);
        Span { line: line + 1, column: text[begin..start].chars().count() + 1, start, end }
    }

    /// Finds the byte offset of a line and a column, both from 1.
    pub fn offset(&self, text: &str, line: usize, column: usize) -> usize {
        let Some(&begin) = self.0.get(line.saturating_sub(1)) else { return text.len() };
        let rest = &text[begin..];
        begin + rest.char_indices().nth(column.saturating_sub(1)).map_or(rest.len(), |(at, _)| at)
    }
}
