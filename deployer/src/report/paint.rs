//! Colours texts, or not. Every text is readable without colour.

use std::sync::LazyLock;

use anstyle::{AnsiColor, Style};

use crate::spec::visible;

/// The meaning of a colour. Each also has a sign in the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    Good,
    Change,
    Bad,
    Note,
    Faint,
    Strong,
}

/// Colours texts if colour is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Paint {
    pub colour: bool,
}

/// The start of a colour's escape sequence.
const SEQUENCE: &str = "\u{1b}[";

/// Stands for [`SEQUENCE`] until [`to_colours`]. It is random, so the author of a value cannot write it: any other
/// escape sequence in a text is not ours.
static MARK: LazyLock<String> = LazyLock::new(|| {
    let mut bytes = [0; 8];
    // Without randomness there is no mark, and therefore no colour: see `Paint::decide`.
    match getrandom::fill(&mut bytes) {
        Ok(()) => bytes.iter().map(|byte| char::from_u32(0xf000 + u32::from(*byte)).unwrap_or('\u{f000}')).collect(),
        Err(_) => String::new(),
    }
});

impl Paint {
    /// Wraps `text` in the colour of `tone`; a newline at the end stays outside.
    pub fn tone(self, tone: Tone, text: &str) -> String {
        if !self.colour {
            return text.to_owned();
        }
        let style = match tone {
            Tone::Good => AnsiColor::Green.on_default(),
            Tone::Change => AnsiColor::Yellow.on_default(),
            Tone::Bad => AnsiColor::Red.on_default(),
            Tone::Note => AnsiColor::Cyan.on_default(),
            Tone::Faint => Style::new().dimmed(),
            Tone::Strong => Style::new().bold(),
        };
        let body = text.trim_end_matches('\n');
        let (begin, end) = (to_marks(&style.to_string()), to_marks(&format!("{style:#}")));
        format!("{begin}{body}{end}{}", &text[body.len()..])
    }

    /// Decides on colour: NO_COLOR and `--no-color` beat FORCE_COLOR, which beats whether the stream is a terminal.
    pub fn decide(no_color_env: Option<&str>, no_color_flag: bool, force_color: Option<&str>, terminal: bool) -> Self {
        let set = |value: Option<&str>| value.is_some_and(|v| !v.is_empty());
        let wanted = if set(no_color_env) || no_color_flag { false } else { set(force_color) || terminal };
        Self { colour: wanted && !MARK.is_empty() }
    }
}

/// Replaces escape sequences by the mark, in a text that has no sequences but ours.
pub(super) fn to_marks(text: &str) -> String {
    text.replace(SEQUENCE, &MARK)
}

/// Makes a text safe to print: escapes all control characters, then turns the marks into our colours.
pub(super) fn to_colours(text: &str) -> String {
    let visible = visible::text(text);
    if MARK.is_empty() { visible.into_owned() } else { visible.replace(MARK.as_str(), SEQUENCE) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_color_beats_the_flag_beats_force_color_beats_the_terminal() {
        assert!(!Paint::decide(Some("1"), false, Some("1"), true).colour);
        assert!(!Paint::decide(None, true, Some("1"), true).colour);
        assert!(Paint::decide(None, false, Some("1"), false).colour);
        assert!(Paint::decide(Some(""), false, None, true).colour);
        assert!(!Paint::decide(None, false, None, false).colour);
    }

    #[test]
    fn only_our_own_colours_are_left_of_all_sequences() {
        let text = format!("\u{1b}[31mtheirs {}\n", Paint { colour: true }.tone(Tone::Bad, "ours \u{1b}[8m"));
        assert_eq!(to_colours(&text), "\\u001b[31mtheirs \u{1b}[31mours \\u001b[8m\u{1b}[0m\n");
        assert_eq!(to_colours(&Paint { colour: false }.tone(Tone::Bad, "plain")), "plain");
    }
}
