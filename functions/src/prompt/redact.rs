//! Taking a prompt out of a text that quotes it.

use std::collections::HashSet;

/// What stands in the prompt's place.
const MARK: &str = "(prompt)";
/// The shortest excerpt that is taken out, in characters: shorter ones could be anybody's words.
const EXCERPT: usize = 24;

/// Returns `text` with `prompt` and every excerpt of at least [`EXCERPT`] characters replaced by [`MARK`], whatever the
/// case, as it stands or escaped as in JSON.
pub(super) fn redact(prompt: &str, text: &str) -> String {
    let letters: Vec<char> = text.chars().collect();
    let folded: Vec<char> = letters.iter().copied().map(fold).collect();
    let mut covered = vec![false; letters.len()];
    for form in forms(prompt.trim()) {
        let form: Vec<char> = form.chars().map(fold).collect();
        match form.len() {
            0 => {}
            length if length < EXCERPT => cover_words(&form, &folded, &mut covered),
            _ => cover_excerpts(&form, &folded, &mut covered),
        }
    }
    let mut redacted = String::with_capacity(text.len());
    let mut inside = false;
    for (letter, covered) in letters.into_iter().zip(covered) {
        match (covered, inside) {
            (true, false) => redacted.push_str(MARK),
            (true, true) => {}
            (false, _) => redacted.push(letter),
        }
        inside = covered;
    }
    redacted
}

/// Returns the ways a message can spell `prompt`: as it stands, escaped as JSON demands, escaped to ASCII.
fn forms(prompt: &str) -> Vec<String> {
    let mut forms = vec![prompt.to_owned()];
    let quoted = serde_json::Value::from(prompt).to_string();
    let escaped = quoted.get(1..quoted.len() - 1).unwrap_or_default().to_owned();
    let mut ascii = String::with_capacity(escaped.len());
    for letter in escaped.chars() {
        match letter.is_ascii() {
            true => ascii.push(letter),
            false => letter.encode_utf16(&mut [0; 2]).iter().for_each(|unit| ascii.push_str(&format!("\\u{unit:04x}"))),
        }
    }
    for form in [escaped, ascii] {
        if !forms.contains(&form) {
            forms.push(form);
        }
    }
    forms
}

/// Covers a short prompt where it stands as words of their own, so that the prompt "a" does not garble every message.
fn cover_words(form: &[char], text: &[char], covered: &mut [bool]) {
    let joins = |at: Option<&char>, edge: Option<&char>| {
        at.is_some_and(|letter| letter.is_alphanumeric()) && edge.is_some_and(|letter| letter.is_alphanumeric())
    };
    for (start, window) in text.windows(form.len()).enumerate() {
        let before = start.checked_sub(1).and_then(|before| text.get(before));
        let after = text.get(start + form.len());
        if window == form && !joins(before, form.first()) && !joins(after, form.last()) {
            covered.iter_mut().skip(start).take(form.len()).for_each(|letter| *letter = true);
        }
    }
}

/// Covers every window of the text that is also one of the prompt; overlapping ones make up longer excerpts.
fn cover_excerpts(form: &[char], text: &[char], covered: &mut [bool]) {
    let known: HashSet<&[char]> = form.windows(EXCERPT).collect();
    for (start, window) in text.windows(EXCERPT).enumerate() {
        if known.contains(window) {
            covered.iter_mut().skip(start).take(EXCERPT).for_each(|letter| *letter = true);
        }
    }
}

/// Returns the letter in lower case, one for one.
fn fold(letter: char) -> char {
    letter.to_lowercase().next().unwrap_or(letter)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quoted_prompt_is_taken_out() {
        let text = "prompt 'my secret name is Ola' was blocked";
        assert_eq!(redact("my secret name is Ola", text), "prompt '(prompt)' was blocked");
        assert_eq!(redact(" My Secret name is ola\n", text), "prompt '(prompt)' was blocked");
    }

    #[test]
    fn a_prompt_escaped_as_json_is_taken_out() {
        let prompt = "say \"hø\"\nto 🌙";
        for form in [
            "say \\\"hø\\\"\\nto 🌙",
            "say \\\"h\\u00f8\\\"\\nto \\ud83c\\udf19",
            "say \\\"h\\u00F8\\\"\\nto \\uD83C\\uDF19",
        ] {
            assert_eq!(
                redact(prompt, &format!("{{\"prompt\":\"{form}\"}} is bad")),
                "{\"prompt\":\"(prompt)\"} is bad"
            );
        }
    }

    #[test]
    fn a_longer_excerpt_is_taken_out_and_a_short_one_stays() {
        let prompt = "the quick brown fox jumps over the lazy dog and runs away";
        assert_eq!(redact(prompt, "near 'fox jumps over the lazy dog an...'"), "near '(prompt)...'");
        assert_eq!(redact(prompt, "near 'the lazy dog'"), "near 'the lazy dog'");
    }

    #[test]
    fn a_short_prompt_does_not_garble_the_message() {
        assert_eq!(redact("a", "Access denied to a role"), "Access denied to (prompt) role");
        assert_eq!(redact("", "Access denied"), "Access denied");
        assert_eq!(redact("  ", "Access denied"), "Access denied");
    }

    #[test]
    fn every_occurrence_is_taken_out() {
        assert_eq!(redact("moon", "moon, moon and honeymoon"), "(prompt), (prompt) and honeymoon");
    }

    #[test]
    fn a_very_long_prompt_is_taken_out_in_reasonable_time() {
        let prompt = "aå".repeat(5_000);
        assert_eq!(redact(&prompt, &format!("<{prompt}>")), "<(prompt)>");
    }
}
