//! Removes a prompt from a text that quotes it.
//!
//! A quotation may be escaped for JSON, HTML, a URL or a program, more than once, and may have other blanks. So prompt
//! and text are compared by their letters alone, after all escapes were resolved.

mod letters;

use letters::{Letter, letters};
use std::collections::HashSet;

/// The replacement for the prompt.
const MARK: &str = "(prompt)";
/// The shortest excerpt that is removed, in letters: shorter ones may be anybody's words.
const EXCERPT: usize = 16;

/// Returns `text` with `prompt` and every excerpt of at least [`EXCERPT`] letters replaced by [`MARK`], whatever the case,
/// the blanks, the punctuation and the escapes.
pub(super) fn redact(prompt: &str, text: &str) -> String {
    let (sought, found) = (letters(prompt), letters(text));
    match sought.len() {
        // The prompt consists of punctuation alone.
        0 if prompt.trim().is_empty() => text.to_owned(),
        0 => text.replace(prompt.trim(), MARK),
        length if length < EXCERPT => without(text, &found, &words(&sought, &found)),
        _ => without(text, &found, &excerpts(&sought, &found)),
    }
}

/// Returns `text` with each run of covered letters replaced, including the characters between them.
fn without(text: &str, letters: &[Letter], covered: &[bool]) -> String {
    let mut redacted = String::with_capacity(text.len());
    let mut copied = 0;
    let mut at = 0;
    while let Some(start) = covered.iter().skip(at).position(|covered| *covered).map(|next| at + next) {
        let end = covered.iter().skip(start).position(|covered| !covered).map_or(covered.len(), |next| start + next);
        let (Some(first), Some(last)) = (letters.get(start), letters.get(end - 1)) else { break };
        redacted.push_str(text.get(copied..first.span.start).unwrap_or_default());
        redacted.push_str(MARK);
        copied = last.span.end;
        at = end;
    }
    redacted.push_str(text.get(copied..).unwrap_or_default());
    redacted
}

/// Covers a short prompt only where it forms whole words, so that the prompt "a" does not garble every message.
fn words(sought: &[Letter], found: &[Letter]) -> Vec<bool> {
    let mut covered = vec![false; found.len()];
    for (start, window) in found.windows(sought.len()).enumerate() {
        let same = window.iter().zip(sought).all(|(found, sought)| found.letter == sought.letter);
        let joined = |at: usize| found.get(at).is_some_and(|letter| letter.joined);
        if same && !joined(start) && !joined(start + sought.len()) {
            covered.iter_mut().skip(start).take(sought.len()).for_each(|letter| *letter = true);
        }
    }
    covered
}

/// Covers every window of the text that also occurs in the prompt. Overlapping windows form longer excerpts.
fn excerpts(sought: &[Letter], found: &[Letter]) -> Vec<bool> {
    let plain = |letters: &[Letter]| letters.iter().map(|letter| letter.letter).collect::<Vec<char>>();
    let (sought, found) = (plain(sought), plain(found));
    let known: HashSet<&[char]> = sought.windows(EXCERPT).collect();
    let mut covered = vec![false; found.len()];
    for (start, window) in found.windows(EXCERPT).enumerate() {
        if known.contains(window) {
            covered.iter_mut().skip(start).take(EXCERPT).for_each(|letter| *letter = true);
        }
    }
    covered
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
    fn a_prompt_in_any_escape_is_taken_out() {
        let prompt = "En båt på <sjøen>,\n\"åpen\" dør & 🌙\u{20bb7} i høst";
        for form in [
            "En båt på &lt;sjøen&gt;,\n&quot;åpen&quot; dør &amp; 🌙\u{20bb7} i høst",
            "En b&#229;t p&#xE5; &amp;lt;sj&amp;#248;en&amp;gt;, &quot;&#229;pen&quot; d&#248;r & &#127769;&#134071; i h&#248;st",
            "En%20b%C3%A5t%20p%C3%A5%20%3Csj%C3%B8en%3E%2C%0A%22%C3%A5pen%22%20d%C3%B8r%20%26%20%F0%9F%8C%99%F0%A0%AE%B7%20i%20h%C3%B8st",
            "En+b%25C3%25A5t+p%25C3%25A5+%253Csj%25C3%25B8en%253E+%2522%25C3%25A5pen+d%25C3%25B8r+%25F0%259F%258C%2599%25F0%25A0%25AE%25B7+i+h%25C3%25B8st",
            "En b\\xe5t p\\xe5 <sj\\xf8en>,\\n\"\\xe5pen\" d\\xf8r & \\U0001f319\\U00020bb7 i h\\xf8st",
            "En b\\\\u00e5t p\\\\u00e5 <sj\\\\u00f8en>,\\\\n\\\\\\\"\\\\u00e5pen\\\\\\\" d\\\\u00f8r & \\\\ud83c\\\\udf19\\\\ud842\\\\udfb7 i h\\\\u00f8st",
            "En b\\u{e5}t p\\u{e5} <sj\\u{f8}en> åpen dør \\u{1f319}\\u{20bb7} i høst",
            "EN BÅT PÅ <SJØEN>, “ÅPEN” DØR & 🌙\u{20bb7} I HØST",
        ] {
            assert_eq!(redact(prompt, &format!("the prompt '{form}' is bad")), "the prompt '(prompt)' is bad");
        }
    }

    #[test]
    fn a_short_prompt_in_any_escape_is_taken_out() {
        for form in ["a &quot;fox&quot; &amp; I", "a%20%22fox%22+%26+I", "a \\\"fox\\\" \\u0026 I"] {
            assert_eq!(redact("a \"fox\" & I", &format!("not '{form}'!")), "not '(prompt)'!");
        }
    }

    #[test]
    fn a_prompt_of_punctuation_alone_is_taken_out() {
        assert_eq!(redact(" :-) ", "not ':-)'"), "not '(prompt)'");
        assert_eq!(redact("🌙", "not '🌙'"), "not '(prompt)'");
    }

    #[test]
    fn a_text_that_only_looks_escaped_stays() {
        for text in ["100% of & and \\ and \\u12 &; &nonsense %zz %", "%ff%fe \\ud800 &#xffffffff; &#0;"] {
            assert_eq!(redact("the quick brown fox jumps", text), text);
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
        assert_eq!(redact("moon", "moon, moon and honeymoon"), "(prompt) and honeymoon");
    }

    #[test]
    fn a_very_long_prompt_is_taken_out_in_reasonable_time() {
        let prompt = "aå".repeat(5_000);
        assert_eq!(redact(&prompt, &format!("<{prompt}>")), "<(prompt)>");
    }
}
