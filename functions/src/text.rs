//! Makes foreign texts short and harmless.

use std::borrow::Cow;

/// Returns at most `most` characters of `text`, with a note about the number of omitted ones.
pub fn clip(text: &str, most: usize) -> Cow<'_, str> {
    match text.char_indices().nth(most) {
        None => Cow::Borrowed(text),
        Some((end, _)) => {
            let (kept, cut) = text.split_at(end);
            Cow::Owned(format!("{kept}… ({} more characters)", cut.chars().count()))
        }
    }
}

/// Describes why a value could not be parsed, without the text at the wrong place: it may be a prompt.
pub fn unread(error: &serde_json::Error) -> String {
    let text = error.to_string();
    match (text.find('"'), text.rfind('"')) {
        (Some(start), Some(end)) if start < end => {
            format!("{}…{}", text.get(..=start).unwrap_or_default(), text.get(end..).unwrap_or_default())
        }
        _ => text,
    }
}

/// Returns `text` with every character replaced that a terminal or a log viewer obeys instead of showing: control
/// characters except line breaks and tabs, which JSON escapes, separators of lines, and marks of direction.
pub fn harmless(text: &str) -> Cow<'_, str> {
    let obeyed = |letter: char| match letter {
        '\n' | '\t' => false,
        '\u{2028}' | '\u{2029}' | '\u{200e}' | '\u{200f}' | '\u{061c}' => true,
        '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => true,
        _ => letter.is_control(),
    };
    match text.contains(obeyed) {
        true => Cow::Owned(text.replace(obeyed, "\u{fffd}")),
        false => Cow::Borrowed(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_is_cut_and_says_how_much() {
        assert_eq!(clip("abc", 3), "abc");
        assert_eq!(clip("åååå", 3), "ååå… (1 more characters)");
        assert_eq!(clip("", 0), "");
    }

    #[test]
    fn a_text_in_the_wrong_place_is_not_repeated() {
        let wrong = |value: serde_json::Value| unread(&serde_json::from_value::<bool>(value).unwrap_err());
        assert_eq!(wrong("say \"my secret\"".into()), "invalid type: string \"…\", expected a boolean");
        assert_eq!(wrong(5.into()), "invalid type: integer `5`, expected a boolean");
    }

    #[test]
    fn a_terminal_is_not_given_orders() {
        assert_eq!(harmless("a\u{1b}[2J\u{9b}b\u{202e}c\r"), "a\u{fffd}[2J\u{fffd}b\u{fffd}c\u{fffd}");
        assert_eq!(harmless("line\nand\ttab, ø 🌙"), "line\nand\ttab, ø 🌙");
    }
}
