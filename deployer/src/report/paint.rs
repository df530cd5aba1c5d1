//! Colour, or none. Every text reads well without it.

use anstyle::{AnsiColor, Style};

/// What a colour means here; each has a sign in the text as well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    Good,
    Change,
    Bad,
    Note,
    Faint,
    Strong,
}

/// Paints texts, when colour is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Paint {
    pub colour: bool,
}

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
        format!("{style}{body}{style:#}{}", &text[body.len()..])
    }

    /// Decides on colour: NO_COLOR beats `--no-color` beats FORCE_COLOR beats "is it a terminal".
    pub fn decide(no_color_env: Option<&str>, no_color_flag: bool, force_color: Option<&str>, terminal: bool) -> Self {
        let set = |value: Option<&str>| value.is_some_and(|v| !v.is_empty());
        let colour = if set(no_color_env) || no_color_flag { false } else { set(force_color) || terminal };
        Self { colour }
    }
}

#[cfg(test)]
mod tests {
    use super::Paint;

    #[test]
    fn no_color_beats_the_flag_beats_force_color_beats_the_terminal() {
        assert!(!Paint::decide(Some("1"), false, Some("1"), true).colour);
        assert!(!Paint::decide(None, true, Some("1"), true).colour);
        assert!(Paint::decide(None, false, Some("1"), false).colour);
        assert!(Paint::decide(Some(""), false, None, true).colour);
        assert!(!Paint::decide(None, false, None, false).colour);
    }
}
