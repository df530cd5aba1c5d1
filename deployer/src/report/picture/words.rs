//! Measures texts, for the widest of the usual fonts, and breaks them.

/// The width of a card, in pixels.
pub(super) const WIDTH: f64 = 212.0;
/// The distance of a card's text from its left side, in pixels.
pub(super) const TEXT: f64 = 52.0;
/// The most characters of a label that fit between two cards.
pub(super) const LABEL: usize = 30;
/// The width of a character in a label, in pixels: 12.5 px type.
const LETTER: f64 = 7.4;
/// The free space at the right side of a card, in pixels.
const FREE: f64 = 6.0;
/// The width of the widest letters of a bold font, relative to the font size.
const BOLD: f64 = 0.7;
const LARGE: f64 = 14.0;
const SMALL: f64 = 12.5;

/// Returns the width of a label with its frame, in pixels.
pub(super) fn label_width(text: &str) -> f64 {
    text.chars().count() as f64 * LETTER + 12.0
}

/// Breaks a name for a card: one line in large type, or two in small type. Cuts it if even two are too short.
pub(super) fn name(text: &str) -> Vec<String> {
    let fitting = |size: f64| ((WIDTH - TEXT - FREE) / (size * BOLD)) as usize;
    if text.chars().count() <= fitting(LARGE) {
        return vec![text.to_owned()];
    }
    let most = fitting(SMALL);
    let letters: Vec<char> = text.chars().collect();
    let at = (1..=most.min(letters.len())).rev().find(|at| "-_.@/ ".contains(letters[at - 1]));
    // A first line of only a few letters would waste the card.
    let at = at.filter(|at| *at * 3 > most).unwrap_or_else(|| most.min(letters.len()));
    let (first, rest): (String, String) = (letters[..at].iter().collect(), letters[at..].iter().collect());
    if rest.is_empty() { vec![first, String::new()] } else { vec![first, cut(&rest, most)] }
}

pub(super) fn cut(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    text.chars().take(most - 1).collect::<String>() + "…"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_names_break_where_their_words_end() {
        assert_eq!(name("orders"), ["orders"]);
        assert_eq!(name("customer-uploads-incoming"), ["customer-uploads-", "incoming"]);
        assert_eq!(name("operations@example.com"), ["operations@", "example.com"]);
    }

    #[test]
    fn names_without_end_are_cut() {
        let lines = name(&"x".repeat(200));
        assert_eq!(lines.len(), 2);
        assert!(lines[1].ends_with('…') && lines.iter().all(|line| line.chars().count() < 20), "{lines:?}");
    }
}
