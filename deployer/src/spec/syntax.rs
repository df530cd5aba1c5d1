//! Explains why a text is not YAML. The parser says where it gave up; the user needs to know where the mistake is.

use super::nearest::nearest;

/// A mistake, its byte range, and how to correct it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Mistake {
    pub range: (usize, usize),
    pub message: String,
    pub help: String,
}

/// Finds the mistake behind the parser's message `info` at byte `at`. `open` holds the starts of the lists and maps
/// still open there, innermost last.
pub(super) fn mistake(text: &str, at: usize, info: &str, open: &[usize]) -> Mistake {
    let at = text.floor_char_boundary(at.min(text.len()));
    tab(text, at)
        .or_else(|| info.contains("recursion limit").then(|| too_deep(at)))
        .or_else(|| info.contains("quoted scalar").then(|| quote(text, at)).flatten())
        .or_else(|| not_closed(text, at, open))
        .or_else(|| info.contains("unknown anchor").then(|| anchor(text, at)).flatten())
        .or_else(|| info.contains("mapping values are not allowed").then(|| colon(text, at)).flatten())
        .unwrap_or_else(|| Mistake {
            range: (at, at + 1),
            message: format!("this is not YAML: {info}"),
            help: "look for a missing `:`, quote or bracket, or a wrong indent, here or on the line before".into(),
        })
}

/// A line: its byte offset and its text.
#[derive(Clone, Copy)]
struct SourceLine<'t> {
    start: usize,
    text: &'t str,
}

impl<'t> SourceLine<'t> {
    fn at(text: &'t str, at: usize) -> Self {
        let start = text[..at].rfind('\n').map_or(0, |end| end + 1);
        Self { start, text: text[start..].split('\n').next().unwrap_or_default().trim_end_matches('\r') }
    }

    fn next(self, text: &'t str) -> Option<Self> {
        let start = text[self.start..].find('\n')? + self.start + 1;
        Some(Self::at(text, start))
    }

    /// Returns the nearest line above that is neither empty nor a comment.
    fn above(self, text: &'t str) -> Option<Self> {
        let mut line = self;
        loop {
            line = Self::at(text, line.start.checked_sub(1)?);
            if !line.content().is_empty() && !line.content().starts_with('#') {
                return Some(line);
            }
        }
    }

    fn content(self) -> &'t str {
        self.text.trim()
    }

    fn indent(self) -> usize {
        self.text.len() - self.text.trim_start().len()
    }

    /// Returns the byte range of the line without surrounding spaces.
    fn range(self) -> (usize, usize) {
        let start = self.start + self.indent();
        (start, start + self.content().len())
    }
}

fn tab(text: &str, at: usize) -> Option<Mistake> {
    let here = SourceLine::at(text, at);
    let tabbed = |line: &SourceLine<'_>| {
        let indent = &line.text[..line.indent()];
        (!line.content().is_empty()).then(|| indent.find('\t').map(|column| line.start + column)).flatten()
    };
    let at = [Some(here), here.next(text), here.above(text)].into_iter().flatten().find_map(|line| tabbed(&line))?;
    Some(Mistake {
        range: (at, at + 1),
        message: "a tab indents this line".into(),
        help: "indent with spaces: YAML takes no tabs there".into(),
    })
}

/// Reports the innermost `{` or `[` that is never closed, or not before a line with less indentation.
fn not_closed(text: &str, at: usize, open: &[usize]) -> Option<Mistake> {
    let start = *open.last()?;
    let (sign, end, what) = match text[start..].chars().next()? {
        '{' => ('{', '}', "map"),
        '[' => ('[', ']', "list"),
        _ => return None,
    };
    if closes(text, start) && !text[at..].trim().is_empty() {
        return None;
    }
    Some(Mistake {
        range: (start, start + 1),
        message: format!("this `{sign}` is not closed"),
        help: format!("write `{end}` where the {what} ends"),
    })
}

/// Tells whether the bracket at `start` is closed before a line that is indented no deeper than its own. That line may
/// itself begin with the closing bracket.
fn closes(text: &str, start: usize) -> bool {
    let outer = SourceLine::at(text, start).indent();
    let mut depth = 0_usize;
    let mut quote: Option<char> = None;
    let mut line = SourceLine::at(text, start);
    let mut from = start;
    loop {
        let mut last = ' ';
        for character in text[from..line.start + line.text.len()].chars() {
            match (quote, character) {
                (Some(open), character) if open == character => quote = None,
                (Some(_), _) => {}
                (None, '#') if last == ' ' => break,
                (None, '"' | '\'') if !last.is_alphanumeric() => quote = Some(character),
                (None, '{' | '[') => depth += 1,
                (None, '}' | ']') => depth = depth.saturating_sub(1),
                (None, _) => {}
            }
            if depth == 0 {
                return true;
            }
            last = character;
        }
        let Some(next) = line.next(text) else { return false };
        let begins_outside = !next.content().is_empty() && next.indent() <= outer;
        if begins_outside && quote.is_none() && !next.content().starts_with([']', '}']) {
            return false;
        }
        (line, from) = (next, next.start);
    }
}

/// Reports a quote that is not closed.
fn quote(text: &str, at: usize) -> Option<Mistake> {
    let sign = text[at..].chars().next().filter(|sign| matches!(sign, '"' | '\''))?;
    Some(Mistake {
        range: (at, at + 1),
        message: "this quote is not closed".into(),
        help: format!("write `{sign}` where the text ends"),
    })
}

fn too_deep(at: usize) -> Mistake {
    Mistake {
        range: (at, at + 1),
        message: "lists and maps stand too deep in each other here".into(),
        help: "write it flatter".into(),
    }
}

fn anchor(text: &str, at: usize) -> Option<Mistake> {
    let star = at + text[at..].find('*')?;
    let ends = |c: char| c.is_whitespace() || ",[]{}".contains(c);
    let name = text[star + 1..].split(ends).next().unwrap_or_default();
    let anchors = text[..star].match_indices('&').filter_map(|(at, _)| {
        let before = text[..at].chars().next_back();
        before
            .is_none_or(|c| c.is_whitespace() || ",[{".contains(c))
            .then(|| text[at + 1..].split(ends).next())
            .flatten()
    });
    let help = match nearest(name, anchors) {
        Some(meant) => format!("did you mean `*{meant}`?"),
        None => format!(
            "write `&{name}` before the value that is meant, further up; a text that begins with `*` needs quotes"
        ),
    };
    Some(Mistake {
        range: (star, star + 1 + name.len()),
        message: format!("there is no anchor `&{name}` before this"),
        help,
    })
}

/// Reports a misplaced `:`: a text that contains one, a line above that lacks one, or too deep an indent.
fn colon(text: &str, at: usize) -> Option<Mistake> {
    let here = SourceLine::at(text, at);
    let before = &text[here.start..at];
    if let Some(first) = before.find(": ") {
        let value = here.start + first + 1;
        let value = value + (text[value..].len() - text[value..].trim_start_matches(' ').len());
        let whole = here.text[value - here.start..].trim_end();
        let quoted =
            if whole.contains('"') { format!("'{}'", whole.replace('\'', "''")) } else { format!("\"{whole}\"") };
        return Some(Mistake {
            range: (value, value + whole.len()),
            message: "a text that holds `: ` needs quotes".into(),
            help: format!("write `{quoted}`, or what is a map as indented lines of its own"),
        });
    }
    let above = here.above(text)?;
    let content = above.content().trim_start_matches("- ");
    if !content.contains(": ") && !content.ends_with(':') {
        let (start, end) = above.range();
        let help = match content.split_once(':').or_else(|| content.split_once(' ')) {
            Some((key, value)) => format!("write `{}: {}`, with a space behind the colon", key.trim(), value.trim()),
            None => format!("write `{content}: VALUE`"),
        };
        return Some(Mistake { range: (start, end), message: "this line is no `key: value`".into(), help });
    }
    (here.indent() > above.indent()).then(|| {
        let (start, _) = here.range();
        let key = content.split(':').next().unwrap_or_default();
        Mistake {
            range: (start, at.max(start + 1)),
            message: "this line is indented too deep: the one above has its value already".into(),
            help: format!(
                "indent it by {} spaces, like `{key}`",
                above.text.len() - above.text.trim_start_matches([' ', '-']).len()
            ),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message_at(text: &str, at: &str, info: &str, open: &[usize]) -> (String, String) {
        let found = mistake(text, text.find(at).unwrap(), info, open);
        (text[found.range.0..found.range.1].to_owned(), found.message)
    }

    #[test]
    fn a_bracket_that_is_closed_further_down_is_not_called_open() {
        let text = "a: { b: c\n  d: e }\n";
        assert!(closes(text, 3));
        assert!(!closes("a: { b: c\nd: e }\n", 3));
        assert!(closes("a: [\n  \"]\", # ]\n]\n", 3));
        assert_eq!(message_at(text, "d: e", "did not find expected ','", &[3]).0, "d");
    }

    #[test]
    fn a_tab_is_found_on_the_line_that_it_indents() {
        assert_eq!(message_at("a:\n\tb: c\n", "b", "tabs", &[]), ("\t".into(), "a tab indents this line".into()));
        assert_eq!(message_at("a:\n  b: c\n \td: e\n", "c", "found a tab", &[]).0, "\t");
    }

    #[test]
    fn a_text_with_a_colon_is_shown_as_a_whole() {
        assert_eq!(
            message_at("a: old: message\n", ": message", "mapping values are not allowed", &[]).0,
            "old: message"
        );
    }
}
