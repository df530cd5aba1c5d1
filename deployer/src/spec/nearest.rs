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
    let all = || candidates.iter().chain(&others).copied();
    let exact = |plain: &str| all().find(|candidate| plainly(candidate) == plain);
    let synonym = || {
        let known = SECTIONS.iter().flat_map(|section| section.about().synonyms).chain(head::SYNONYMS);
        known.into_iter().find(|(name, meant)| *name == plain && candidates.contains(meant)).map(|(_, meant)| *meant)
    };
    let longer = |plain: &str| {
        let mut longer = candidates.iter().filter(|candidate| plain.len() > 2 && plainly(candidate).starts_with(plain));
        longer.next().copied().filter(|_| longer.next().is_none())
    };
    let bare = bare_names(&plain);
    let typed = || {
        let limit = (plain.chars().count() / 3).clamp(1, TYPING_ERRORS);
        let near = all().map(|candidate| (strsim::damerau_levenshtein(&plain, &plainly(candidate)), candidate));
        near.filter(|(distance, _)| *distance <= limit).min_by_key(|(distance, _)| *distance)
    };
    exact(&plain)
        .or_else(synonym)
        .or_else(|| bare.iter().find_map(|bare| exact(bare)))
        .or_else(|| typed().map(|(_, candidate)| candidate))
        .or_else(|| bare.iter().chain([&plain]).find_map(|plain| longer(plain)))
}

/// The most characters that a misspelt word may differ in. Words that differ in more are other words.
const TYPING_ERRORS: usize = 3;

/// Returns a name of AWS's API or of another tool without the words that `stack.yaml` leaves out: `bucket_name` is
/// `name`, `time_to_live_specification` is `time_to_live`.
fn bare_names(plain: &str) -> Vec<String> {
    let ends = ["configuration", "specification", "config", "settings", "policy"];
    let without_end = ends.iter().find_map(|end| plain.strip_suffix(end));
    let without_section = |plain: &str| {
        let singulars = SECTIONS.iter().map(|section| plainly(section.about().singular));
        let longest = singulars.filter(|singular| plain.starts_with(singular)).max_by_key(String::len)?;
        Some(plain[longest.len()..].to_owned())
    };
    let bare = [without_end.map(str::to_owned), without_section(plain), without_end.and_then(without_section)];
    bare.into_iter().flatten().filter(|bare| bare.len() > 2).collect()
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
    fn a_name_of_aws_finds_the_property_with_fewer_words() {
        let words = ["name", "versioning", "lifecycle_rules", "time_to_live", "website"];
        for (word, meant) in [
            ("FunctionName", Some("name")),
            ("bucket_name", Some("name")),
            ("versioning_configuration", Some("versioning")),
            ("lifecycle_configuration", Some("lifecycle_rules")),
            ("time_to_live_specification", Some("time_to_live")),
            ("notification_configuration", None),
        ] {
            assert_eq!(nearest_besides(word, words, ["function_url", "website_url"]), meant, "{word}");
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
