//! Tags: the ownership tags, and the difference of two sets.

use std::collections::BTreeMap;

/// A resource's tags, ours and the user's. Never holds AWS's own `aws:` keys.
pub type Tags = BTreeMap<String, String>;

/// The stack that owns a resource.
pub const STACK: &str = "deployer:stack";
/// The preview environment of a resource, if it is for one.
pub const ENV: &str = "deployer:env";
/// The address of a resource in its stack's `stack.yaml`.
pub const ADDRESS: &str = "deployer:address";

/// The beginning of our own tags' keys.
const OURS: &str = "deployer:";

/// Tags of others that stay as they are, by their whole keys and by the beginnings of keys.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ignored {
    pub keys: Vec<String>,
    pub prefixes: Vec<String>,
}

impl Ignored {
    /// Tells whether a tag is ignored. Tags in `stated` never are. IAM treats keys as equal that differ in capitals
    /// alone (`caseless`).
    pub fn has(&self, key: &str, stated: &[&str], caseless: bool) -> bool {
        let same = |a: &str, b: &str| if caseless { a.eq_ignore_ascii_case(b) } else { a == b };
        let begins = |prefix: &String| key.get(..prefix.len()).is_some_and(|start| same(start, prefix));
        let named = self.keys.iter().any(|name| same(name, key)) || self.prefixes.iter().any(begins);
        named && !key.starts_with(OURS) && !stated.iter().any(|stated| same(stated, key))
    }
}

/// Drops the keys that are AWS's own.
pub fn without_aws(tags: impl IntoIterator<Item = (String, String)>) -> Tags {
    tags.into_iter().filter(|(key, _)| !key.starts_with("aws:")).collect()
}

/// The most tags of a resource, the deployer's own among them. AWS's own `aws:` tags do not count.
pub const MOST: usize = 50;
/// The most characters of a key, and of a value.
pub const KEY_LENGTH: usize = 128;
pub const VALUE_LENGTH: usize = 256;

/// The tags that a service accepts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct TagRules {
    pub service: &'static str,
    /// The service refuses characters and numbers that its document rules out, and does not merely advise against them.
    pub strict: bool,
    /// `Team` and `team` are one key: the later tag replaces the earlier one.
    pub caseless: bool,
}

impl TagRules {
    /// Describes a service that refuses what its document or model rules out.
    pub const fn strict(service: &'static str) -> Self {
        Self { service, strict: true, caseless: false }
    }

    /// Describes a service whose document has the same rules, though its model has none and the service accepts other
    /// characters.
    pub const fn lenient(service: &'static str) -> Self {
        Self { service, strict: false, caseless: false }
    }
}

/// Finds the first character that tags cannot have. The models of IAM, Lambda and CloudWatch Logs have the pattern
/// `[\p{L}\p{Z}\p{N}_.:/=+\-@]*` for keys and values; the guides of the other services state the same in words.
pub fn refused_character(text: &str) -> Option<char> {
    text.chars().find(|c| {
        let separator = c.is_whitespace() && !c.is_control();
        !(c.is_alphanumeric() || separator || "_.:/=+-@".contains(*c))
    })
}

/// The changes that turn one set of tags into another.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Delta {
    pub set: Tags,
    pub remove: Vec<String>,
}

impl Delta {
    /// Works like [`Delta::between`] for keys that replace a key with other capitals. The replaced key is not removed
    /// afterwards, because that would remove the new tag.
    pub fn caseless(live: &Tags, want: &Tags) -> Self {
        let Self { set, mut remove } = Self::between(live, want);
        remove.retain(|gone| !want.keys().any(|key| key.to_lowercase() == gone.to_lowercase()));
        Self { set, remove }
    }

    pub fn between(live: &Tags, want: &Tags) -> Self {
        Self {
            set: want.iter().filter(|(k, v)| live.get(*k) != Some(v)).map(|(k, v)| (k.clone(), v.clone())).collect(),
            remove: live.keys().filter(|k| !want.contains_key(*k)).cloned().collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tags(pairs: &[(&str, &str)]) -> Tags {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn characters_are_those_that_the_services_models_have() {
        for good in ["", "Sofas and Beds", "a_.:/=+-@", "grønn 沙发 ½", "\u{a0}\u{3000}"] {
            assert_eq!(refused_character(good), None, "{good}");
        }
        for (bad, refused) in [("A & B", '&'), ("a,b", ','), ("(EMEA)", '('), ("#2", '#'), ("a\tb", '\t'), ("🛋", '🛋')]
        {
            assert_eq!(refused_character(bad), Some(refused), "{bad}");
        }
    }

    #[test]
    fn a_key_that_changes_its_capitals_alone_is_set_and_not_removed() {
        let (live, want) = (tags(&[("Team", "sofa"), ("old", "x")]), tags(&[("team", "sofa")]));
        let delta = Delta::caseless(&live, &want);
        assert_eq!((delta.set, delta.remove), (tags(&[("team", "sofa")]), vec!["old".to_owned()]));
        assert_eq!(Delta::between(&live, &want).remove, ["Team", "old"]);
    }

    #[test]
    fn what_others_tag_is_left_alone_by_its_key_or_its_beginning() {
        let ignored = Ignored { keys: vec!["map-migrated".into()], prefixes: vec!["cost:".into(), "d".into()] };
        let has = |key: &str| ignored.has(key, &["cost:team"], false);
        assert!(has("map-migrated") && has("cost:centre") && has("data"));
        assert!(!has("map-migrated-2") && !has("Map-Migrated") && !has("team"));
        assert!(!has("cost:team"), "what stack.yaml states is compared");
        assert!(!has(STACK) && !has(ADDRESS), "our own always are");
    }

    #[test]
    fn capitals_mean_nothing_to_iam() {
        let ignored = Ignored { keys: vec!["map-migrated".into()], prefixes: vec!["Cost".into()] };
        assert!(ignored.has("Map-Migrated", &[], true) && ignored.has("COST:x", &[], true));
        assert!(!ignored.has("Map-Migrated", &["MAP-migrated"], true), "stated under other capitals");
        assert!(!ignored.has("éa", &[], true));
    }
}
