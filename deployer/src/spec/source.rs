//! The source text that findings point into.

use std::borrow::Cow;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use super::finding::{Findings, Span};

/// A file's name and bytes, as read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SourceText {
    pub path: PathBuf,
    pub bytes: Vec<u8>,
}

/// The longest text that is parsed, in bytes.
const LONGEST: usize = 16 << 20;
const BYTE_ORDER_MARK: char = '\u{feff}';

impl SourceText {
    pub fn new(path: impl Into<PathBuf>, bytes: impl Into<Vec<u8>>) -> Self {
        Self { path: path.into(), bytes: bytes.into() }
    }

    /// Reads a file, but at most one byte more than the limit, because a file may be endless (`/dev/zero`).
    ///
    /// # Errors
    /// Returns an error if the file cannot be read.
    pub fn read(path: &Path) -> io::Result<Self> {
        let mut bytes = Vec::new();
        File::open(path)?.take(LONGEST as u64 + 1).read_to_end(&mut bytes)?;
        Ok(Self::new(path, bytes))
    }

    /// Returns the text for display, without a byte order mark. Spans count bytes in this text.
    pub fn display(&self) -> Cow<'_, str> {
        match String::from_utf8_lossy(&self.bytes) {
            Cow::Borrowed(text) => Cow::Borrowed(text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text)),
            Cow::Owned(text) => Cow::Owned(text.strip_prefix(BYTE_ORDER_MARK).map(str::to_owned).unwrap_or(text)),
        }
    }

    /// Tells whether the bytes begin like UTF-16: with its byte order mark, or with every other byte zero.
    fn is_utf_16(&self) -> bool {
        match self.bytes[..] {
            [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => true,
            [a, b, c, d, ..] => (a == 0 && c == 0 && b != 0 && d != 0) || (b == 0 && d == 0 && a != 0 && c != 0),
            _ => false,
        }
    }

    /// Decodes the bytes as UTF-8.
    ///
    /// # Errors
    /// Returns a finding at the first invalid byte or at the first character that YAML does not allow, and for a text
    /// longer than 16 MiB.
    pub fn text(&self) -> Result<&str, Findings> {
        let mut findings = Findings::default();
        if self.bytes.len() > LONGEST {
            findings
                .error("stack::syntax", Default::default(), "the file is longer than 16 MiB")
                .help("split it into several stacks")
                .span = Some(Span { line: 1, column: 1, start: 0, end: 0 });
            return Err(findings);
        }
        if self.is_utf_16() {
            findings
                .error("stack::encoding", Default::default(), "the file is UTF-16, not UTF-8 text")
                .help("save it as UTF-8; in most editors that is a choice when saving")
                .span = Some(Span { line: 1, column: 1, start: 0, end: 0 });
            return Err(findings);
        }
        match std::str::from_utf8(&self.bytes) {
            Ok(text) => {
                let text = text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text);
                match text.char_indices().find(|(_, character)| is_refused(*character)) {
                    Some((at, character)) => Err(refusal(text, at, character)),
                    None => Ok(text),
                }
            }
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

/// Tells whether YAML refuses a control character everywhere, even in quotes.
fn is_refused(character: char) -> bool {
    character.is_control() && !matches!(character, '\t' | '\n' | '\r' | '\u{85}')
}

fn refusal(text: &str, at: usize, character: char) -> Findings {
    let mut findings = Findings::default();
    let code = u32::from(character);
    findings
        .error("stack::syntax", Default::default(), format!("the control character U+{code:04X} stands here"))
        .help(format!("remove it; a text that needs one is written in double quotes, as `\"\\x{code:02x}\"`"))
        .span = Some(Lines::of(text).span(text, at, at + character.len_utf8()));
    findings
}

/// The start of each line of a text, and whether the text is all ASCII.
#[derive(Debug, Clone, Default)]
pub struct Lines(Vec<usize>, bool);

impl Lines {
    pub fn of(text: &str) -> Self {
        let bytes = text.as_bytes();
        // A lone carriage return also ends a line.
        let ends = |at: &usize| bytes[*at] == b'\n' || (bytes[*at] == b'\r' && bytes.get(at + 1) != Some(&b'\n'));
        let begins = (0..bytes.len()).filter(ends).map(|at| at + 1);
        Self(std::iter::once(0).chain(begins).collect(), text.is_ascii())
    }

    /// Builds the span between two byte offsets. Cuts it at the end of its first line and moves it to character
    /// boundaries.
    pub fn span(&self, text: &str, start: usize, end: usize) -> Span {
        let start = text.floor_char_boundary(start.min(text.len()));
        let line = self.0.partition_point(|&begin| begin <= start).max(1) - 1;
        let begin = self.0.get(line).copied().unwrap_or(0);
        let next = self.0.get(line + 1).copied().unwrap_or(text.len());
        let line_end = begin + text[begin..next].trim_end_matches(['\n', '\r']).len();
        let line_end = line_end.max(start);
        let end = text.ceil_char_boundary(end.min(text.len())).clamp(start, line_end);
        let before = if self.1 { start - begin } else { text[begin..start].chars().count() };
        Span { line: line + 1, column: before + 1, start, end }
    }

    /// Finds the byte offset of a line and a column, both from 1.
    pub fn offset(&self, text: &str, line: usize, column: usize) -> usize {
        let Some(&begin) = self.0.get(line.saturating_sub(1)) else { return text.len() };
        let rest = &text[begin..];
        begin + rest.char_indices().nth(column.saturating_sub(1)).map_or(rest.len(), |(at, _)| at)
    }
}
