//! Recognises the probes of `deployer verify`, which are answered without drawing.

/// The attribute of a message that is a probe.
pub const ATTRIBUTE: &str = "deployer.verify";
/// The header of a request that is a probe.
pub const HEADER: &str = "x-deployer-verify";

/// Returns the word of a probe: 1 to 64 letters and digits. Anything else is no probe.
pub fn word(text: Option<&str>) -> Option<&str> {
    text.filter(|text| (1..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric()))
}

#[cfg(test)]
mod tests {
    use super::word;

    #[test]
    fn a_word_that_could_break_a_log_or_an_answer_is_none() {
        assert_eq!(word(Some("0123abcd")), Some("0123abcd"));
        let long = "a".repeat(65);
        for text in [None, Some(""), Some("a b"), Some("a\"b"), Some("ä"), Some(long.as_str())] {
            assert_eq!(word(text), None, "{text:?}");
        }
    }
}
