//! Makes characters visible that a terminal obeys or does not show.
//!
//! Texts come from AWS, logs, `stack.yaml`, git and the forge, where others may write. The visible form is JSON's
//! (`\u001b`), so that a JSON text keeps its form and meaning.

use std::borrow::Cow;
use std::fmt::Write as _;

/// Escapes control characters, characters that change the direction of text, and characters without width. Keeps line
/// ends and tabs; see [`line`] for texts that must stay on one line.
pub fn text(text: &str) -> Cow<'_, str> {
    written_out(text, is_obeyed)
}

/// Escapes like [`text`], and also line ends, for a text that must stay on one line.
pub fn line(text: &str) -> Cow<'_, str> {
    written_out(text, |c| c == '\n' || is_obeyed(c))
}

fn written_out(text: &str, which: impl Fn(char) -> bool) -> Cow<'_, str> {
    if !text.chars().any(&which) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if c == '\n' && which(c) {
            out.push_str("\\n");
        } else if which(c) {
            for unit in c.encode_utf16(&mut [0; 2]) {
                let _ = write!(out, "\\u{unit:04x}");
            }
        } else {
            out.push(c);
        }
    }
    Cow::Owned(out)
}

/// Tells whether a terminal obeys or hides a character: controls (C0, DEL, C1), line and paragraph separators, and
/// Unicode's format characters (marks, embeddings, overrides and isolates of direction, zero width, annotations, tags).
fn is_obeyed(c: char) -> bool {
    match c {
        '\n' | '\t' => false,
        c if c.is_control() => true,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{feff}' => true,
        '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' => true,
        '\u{115f}' | '\u{1160}' | '\u{3164}' | '\u{ffa0}' => true,
        '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}' => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_obeys_is_written_out() {
        assert_eq!(text("a\u{1b}[2Jb"), "a\\u001b[2Jb");
        assert_eq!(text("\u{7}\r\u{7f}\u{9b}31m"), "\\u0007\\u000d\\u007f\\u009b31m");
        assert_eq!(text("\u{202e}cod\u{2066}\u{200b}\u{feff}"), "\\u202ecod\\u2066\\u200b\\ufeff");
        assert_eq!(text("\u{e0041}"), "\\udb40\\udc41");
        assert!(matches!(text("blåbær → 日本\tx\n"), Cow::Borrowed(_)));
    }

    #[test]
    fn one_line_stays_one_line() {
        assert_eq!(line("order\n2026  ERROR forged\r\u{2028}x"), "order\\n2026  ERROR forged\\u000d\\u2028x");
    }

    #[test]
    fn a_json_text_keeps_its_meaning() {
        let value = serde_json::json!({"a\u{9b}": "\u{1b}\u{202e}\u{e0041}\u{7f} é"});
        let shown = text(&value.to_string()).into_owned();
        assert!(!shown.chars().any(is_obeyed), "{shown}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&shown).unwrap(), value);
    }
}
