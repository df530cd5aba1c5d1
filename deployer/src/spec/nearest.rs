//! "Did you mean …?"

/// Finds the candidate that `word` was probably meant to be.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let plain = plainly(word);
    let limit = (plain.chars().count() / 3).max(1);
    candidates
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(&plain, &plainly(candidate)), candidate))
        .filter(|(distance, _)| *distance <= limit)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Makes `visibilityTimeout`, `visibility-timeout` and `visibility_timeout` equal; long words are cut, they are no typing errors.
fn plainly(word: &str) -> String {
    word.chars().filter(|c| !matches!(c, '_' | '-' | ' ')).flat_map(char::to_lowercase).take(100).collect()
}

/// Writes words as a list for people: `a`, `b`, `c`.
pub fn quoted<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    words.into_iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn a_typing_error_finds_its_word() {
        let words = ["visibility_timeout", "delay_seconds", "name"];
        for (word, meant) in [
            ("visibilty_timeout", Some("visibility_timeout")),
            ("visibilityTimeout", Some("visibility_timeout")),
            ("nmae", Some("name")),
            ("policy", None),
            ("", None),
        ] {
            assert_eq!(nearest(word, words), meant, "{word}");
        }
    }
}
