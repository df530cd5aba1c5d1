//! Renders findings: for people with the source line and a caret, for scripts as one JSON object a line.

use std::collections::BTreeMap;

use annotate_snippets::{AnnotationKind, Level, Origin, Renderer, Snippet, normalize_untrusted_str};
use serde::Serialize;

use super::paint;
use crate::spec::finding::{Finding, Findings, Severity, Span};
use crate::spec::source::SourceText;
use crate::spec::visible;

/// The most findings that are printed at once.
const MOST: usize = 100;
/// The most warnings of one code that are drawn. If there are more, the others are listed by line number.
const ALIKE: usize = 3;
/// The most line numbers that are listed.
const NAMED: usize = 20;
/// The longest source line that is drawn, in bytes. A longer one is shown only from the mistake on.
const LONGEST: usize = 2_000;

/// How to draw.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Style {
    /// Whether to write colours.
    pub colour: bool,
    /// The terminal's width in columns; longer source lines are cut around the caret.
    pub width: usize,
}

impl Default for Style {
    fn default() -> Self {
        Self { colour: false, width: 120 }
    }
}

/// Renders all findings, separated by empty lines.
pub fn text(findings: &Findings, source: &SourceText, style: Style) -> String {
    let renderer = if style.colour { Renderer::styled() } else { Renderer::plain() };
    let renderer = renderer.term_width(style.width.max(40));
    let (content, path) = (source.display(), visible::line(&source.path.display().to_string()).into_owned());
    let (drawn, alike) = sift(findings);
    let shown = drawn.iter().take(MOST);
    let mut rendered: Vec<String> = shown.map(|finding| one(finding, &content, &path, &renderer)).collect();
    rendered.extend(alike.iter().map(|(code, more)| list_surplus(code, more)));
    if let Some(more) = drawn.len().checked_sub(MOST).filter(|more| *more > 0) {
        rendered.push(format!("and {more} more findings: put these right first (--json lists all)"));
    }
    // The renderer has replaced all escape characters but its own, so [`paint::to_marks`] marks only ours.
    if rendered.is_empty() { String::new() } else { paint::to_marks(&rendered.join("\n\n")) + "\n" }
}

/// Separates the findings to draw from the surplus warnings of a code, which are only listed.
fn sift(findings: &Findings) -> (Vec<&Finding>, BTreeMap<&'static str, Vec<&Finding>>) {
    let mut of_code: BTreeMap<&'static str, Vec<&Finding>> = BTreeMap::new();
    for warning in findings.0.iter().filter(|finding| finding.severity == Severity::Warning) {
        of_code.entry(warning.code).or_default().push(warning);
    }
    // Listing a single warning would save nothing.
    of_code.retain(|_, alike| alike.len() > ALIKE + 1);
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    let drawn = findings.0.iter().filter(|finding| {
        if finding.severity == Severity::Error || !of_code.contains_key(finding.code) {
            return true;
        }
        let seen = seen.entry(finding.code).or_default();
        *seen += 1;
        *seen <= ALIKE
    });
    let drawn = drawn.collect();
    (drawn, of_code.into_iter().map(|(code, alike)| (code, alike[ALIKE..].to_vec())).collect())
}

/// Lists the surplus warnings of a code: "warning[queue::no-dead-letter]: 17 more like these, in lines 8, 9, …".
fn list_surplus(code: &str, more: &[&Finding]) -> String {
    let mut lines: Vec<usize> = more.iter().filter_map(|finding| Some(finding.span?.line)).collect();
    lines.sort_unstable();
    lines.dedup();
    let list: Vec<String> = lines.iter().take(NAMED).map(usize::to_string).collect();
    let rest = if lines.len() > NAMED { ", …" } else { "" };
    let places = if list.is_empty() { String::new() } else { format!(", in lines {}{rest}", list.join(", ")) };
    format!("warning[{code}]: {} more like these{places} (--json lists all)", more.len())
}

fn one(finding: &Finding, content: &str, path: &str, renderer: &Renderer) -> String {
    let level = match finding.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let mut group = annotate_snippets::Group::with_title(level.primary_title(&finding.message).id(finding.code));
    if let Some(span) = finding.span {
        let (line, start) = line(content, span);
        if line.len() > LONGEST {
            let place = Origin::path(path).line(span.line).char_column(span.column);
            group = group.element(place).element(Level::NOTE.message(around(line, span.start - start)));
            let help = finding.help.as_ref().map(|help| Level::HELP.message(normalize_untrusted_str(help)));
            return renderer.render(&[match help {
                Some(help) => group.element(help),
                None => group,
            }]);
        }
        let begin = line.floor_char_boundary(span.start.saturating_sub(start));
        let end = line.ceil_char_boundary(span.end.saturating_sub(start)).max(begin);
        let caret = AnnotationKind::Primary.span(begin..end);
        group = group.element(Snippet::source(line).line_start(span.line).path(path).annotation(caret));
    }
    let Some(help) = &finding.help else { return renderer.render(&[group]) };
    if finding.span.is_none() {
        // Without a source line the renderer draws no gutter for the help.
        let help = normalize_untrusted_str(help).replace('\n', "\n          ");
        return format!("{}\n  = help: {help}", renderer.render(&[group]));
    }
    group = group.element(Level::HELP.message(normalize_untrusted_str(help)));
    renderer.render(&[group])
}

/// Cuts a very long line: returns 60 characters from the mistake on.
fn around(line: &str, at: usize) -> String {
    let rest = &line[line.floor_char_boundary(at)..];
    let shown: String = rest.chars().take(60).collect();
    normalize_untrusted_str(&format!("the line is very long; from there on it is `{shown}`"))
}

/// Returns the line that contains a span, and its byte offset.
fn line(content: &str, span: Span) -> (&str, usize) {
    let at = content.floor_char_boundary(span.start.min(content.len()));
    let start = content[..at].rfind(['\n', '\r']).map_or(0, |end| end + 1);
    let line = content[start..].split(['\n', '\r']).next().unwrap_or_default();
    (line.trim_end_matches('\r'), start)
}

#[derive(Serialize)]
struct JsonFinding<'a> {
    r#type: Severity,
    code: &'a str,
    message: &'a str,
    file: Option<String>,
    line: Option<usize>,
    column: Option<usize>,
    help: Option<&'a str>,
}

/// Renders findings as JSON objects, one a line: `{"type":"error","code",…}`.
///
/// `line` and `column` are null for a finding without a place in the file, such as one about `--var`. `file` is null
/// without a file.
pub fn json(findings: &Findings, source: &SourceText) -> String {
    let mut lines = String::new();
    for finding in &findings.0 {
        let line = JsonFinding {
            r#type: finding.severity,
            code: finding.code,
            message: &finding.message,
            file: (!source.path.as_os_str().is_empty()).then(|| source.path.display().to_string()),
            line: finding.span.map(|span| span.line),
            column: finding.span.map(|span| span.column),
            help: finding.help.as_deref(),
        };
        lines.push_str(&serde_json::to_string(&line).expect("plain fields have a JSON form"));
        lines.push('\n');
    }
    lines
}
