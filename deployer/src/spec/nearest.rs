//! "Did you mean …?"

use super::head;
use super::sections::SECTIONS;

/// Finds the candidate that `word` was probably meant to be.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    nearest_besides(word, candidates, [])
}

/// Finds the candidate that `word` was probably meant to be, or one of `others` if that is nearer. Other tools' names
/// stand for candidates alone.
pub fn nearest_besides<'a>(
    word: &str,
    candidates: impl IntoIterator<Item = &'a str>,
    others: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let (candidates, others): (Vec<&str>, Vec<&str>) = (candidates.into_iter().collect(), others.into_iter().collect());
    let plain = plainly(word);
    let limit = (plain.chars().count() / 3).max(1);
    let typed = candidates
        .iter()
        .chain(&others)
        .map(|candidate| (strsim::damerau_levenshtein(&plain, &plainly(candidate)), *candidate))
        .filter(|(distance, _)| *distance <= limit)
        .min_by_key(|(distance, _)| *distance);
    let other = || {
        let known = SECTIONS.iter().flat_map(|section| section.about().synonyms).chain(head::SYNONYMS);
        known.into_iter().find(|(name, meant)| *name == plain && candidates.contains(meant)).map(|(_, meant)| *meant)
    };
    let longer = || {
        let mut longer =
            candidates.iter().filter(|candidate| plain.len() > 2 && plainly(candidate).starts_with(&plain));
        longer.next().copied().filter(|_| longer.next().is_none())
    };
    let typed = typed.map(|(_, candidate)| candidate);
    typed.or_else(other).or_else(longer)
}

/// Makes `visibilityTimeout`, `visibility-timeout` and `visibility_timeout` equal. Cuts long words, which are not
/// typing errors.
fn plainly(word: &str) -> String {
    word.chars().filter(|c| !matches!(c, '_' | '-' | ' ')).flat_map(char::to_lowercase).take(100).collect()
}

/// Writes words as a list for people: `a`, `b`, `c`.
pub fn quoted<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    words.into_iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::{nearest, nearest_besides};

    #[test]
    fn a_typing_error_finds_its_word() {
        let words = ["visibility_timeout", "delay_seconds", "name"];
        for (word, meant) in [
            ("visibilty_timeout", Some("visibility_timeout")),
            ("visibilityTimeout", Some("visibility_timeout")),
            ("nmae", Some("name")),
            ("policy", None),
            ("visibility", Some("visibility_timeout")),
            ("", None),
        ] {
            assert_eq!(nearest(word, words), meant, "{word}");
        }
    }

    #[test]
    fn of_two_words_that_are_equally_near_the_candidate_counts() {
        let nearest =
            |word| nearest_besides(word, ["roles", "reserved_concurrency"], ["rules", "provisioned_concurrency"]);
        assert_eq!(nearest("rles"), Some("roles"));
        assert_eq!(nearest("rule"), Some("rules"));
        assert_eq!(nearest("provisionedConcurency"), Some("provisioned_concurrency"));
        assert_eq!(nearest("provisioned"), None, "a word that only begins alike may stand for another thing");
    }
}
