//! Environments: copies of the stack under other names, for a branch or a pull request.
//!
//! # Guarantees
//! An environment shares only `external` resources with the main stack and with other environments. Its owner is
//! `STACK@ENV`, which cannot be a stack's name; every physical name ends in the environment's; its state is a separate
//! object. Only this module knows these rules.

use std::collections::HashSet;

use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::sections::about::Suffix;
use super::sections::{self, shorten_name};
use super::template::{self, TextPart};

/// The value of `${env}` without `--env`.
pub const MAIN: &str = "main";
/// The longest name of an environment, in characters. Even a name of at most 63 characters keeps 30 of its own.
pub const LONGEST: usize = 32;
/// Hexadecimal digits of the branch's hash at the end of an environment's name.
const HASH: usize = 8;
/// Separates the stack's name from the environment's, in the ownership tag.
const AT: char = '@';
/// Separates the state's key from the environment's name.
const KEY: &str = ".env.";

/// Stands for `*` in a pattern of environments, because no name in `stack.yaml` may have a star.
const ANY: &str = "any0env";

/// Checks a pattern of environments for IAM, such as `pr-*`: a name whose end is open.
///
/// # Errors
/// Returns what to write instead.
pub fn parse_pattern(pattern: &str) -> Result<String, String> {
    let Some(beginning) = pattern.strip_suffix("-*") else {
        return Err("a pattern of environments ends in `-*`, such as \"pr-*\"".to_owned());
    };
    Ok(format!("{}-{ANY}", parse(beginning)?))
}

/// Returns the pattern of the environments of branches that begin alike: `feature-*` for `feature/*`.
pub fn pattern_of_branches(pattern: &str) -> String {
    format!("{}-*", words(pattern.trim_end_matches('*')))
}

/// Tells whether a text is, or names, a pattern of environments.
pub fn is_pattern(text: &str) -> bool {
    text.contains(ANY)
}

/// Writes a pattern of environments, or a text with one, as IAM reads it.
pub fn with_stars(text: &str) -> String {
    text.replace(ANY, "*")
}

/// Checks the name of an environment.
///
/// # Errors
/// Returns what to write instead, if the name cannot end every physical name.
pub fn parse(name: &str) -> Result<String, String> {
    if name == MAIN {
        return Err(format!("{MAIN:?} is what the stack itself is called; leave `--env` out"));
    }
    if !stands(name) {
        let such = match words(name) {
            words if stands(&words) => words,
            _ => of_branch(name),
        };
        return Err(format!(
            "an environment's name has 1 to {LONGEST} of a-z, 0-9 and single hyphens, such as {such:?}"
        ));
    }
    Ok(name.to_owned())
}

/// Derives an environment's name from a branch's. Keeps the name if it is valid; otherwise appends a hash of the
/// branch's name, so that `feature/x`, `feature-x` and `Feature.X` get separate environments.
pub fn of_branch(branch: &str) -> String {
    let name = words(branch);
    // A branch that looks like another branch's name with its hash gets a hash of its own.
    if name == branch && stands(branch) && name != MAIN && !ends_in_hash(branch) {
        return name;
    }
    let hash: String = Sha256::digest(branch).iter().take(HASH / 2).map(|byte| format!("{byte:02x}")).collect();
    let kept: String = name.chars().take(LONGEST - HASH - 1).collect();
    let kept = kept.trim_end_matches('-');
    format!("{}-{hash}", if kept.is_empty() { "env" } else { kept })
}

/// Tells whether a text is a valid environment name.
fn stands(name: &str) -> bool {
    !name.is_empty() && name.len() <= LONGEST && words(name) == name
}

/// Returns the letters and digits of a text in lower case, with single hyphens between them.
fn words(text: &str) -> String {
    let lower = text.to_ascii_lowercase();
    let words: Vec<&str> = lower.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty()).collect();
    words.join("-")
}

fn ends_in_hash(name: &str) -> bool {
    let last = name.rsplit_once('-').map(|(_, last)| last);
    last.is_some_and(|last| last.len() == HASH && last.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')))
}

/// Returns the owner of the resources of `stack` in an environment.
pub fn owner(stack: &str, env: Option<&str>) -> String {
    env.map_or_else(|| stack.to_owned(), |env| format!("{stack}{AT}{env}"))
}

/// Returns the environment in an owner's name.
pub fn of_owner(owner: &str) -> Option<&str> {
    owner.split_once(AT).map(|(_, env)| env)
}

/// Returns the stack in an owner's name.
pub fn stack_of(owner: &str) -> &str {
    owner.split_once(AT).map_or(owner, |(stack, _)| stack)
}

/// Returns the key of an environment's state, derived from the main stack's: `a/shop.json` → `a/shop.env.pr-7.json`.
pub fn state_key(key: &str, env: Option<&str>) -> String {
    let Some(env) = env else { return key.to_owned() };
    let (stem, ending) = split_key(key);
    format!("{stem}{KEY}{env}{ending}")
}

/// Returns the key of the main stack's state, derived from an environment's.
pub fn stack_key(key: &str, env: Option<&str>) -> String {
    let (stem, ending) = split_key(key);
    let own = env.map(|env| format!("{KEY}{env}")).unwrap_or_default();
    format!("{}{ending}", stem.strip_suffix(&own).unwrap_or(stem))
}

/// Returns the common prefix of the keys of all environments' states.
pub fn state_prefix(key: &str) -> String {
    format!("{}{KEY}", split_key(key).0)
}

/// Returns the environment whose state is stored under `candidate`; `None` for locks, versions and other states.
pub fn of_state_key(key: &str, candidate: &str) -> Option<String> {
    let name = candidate.strip_prefix(&state_prefix(key))?.strip_suffix(split_key(key).1)?;
    parse(name).ok()
}

fn split_key(key: &str) -> (&str, &str) {
    key.strip_suffix(".json").map_or((key, ""), |stem| (stem, ".json"))
}

/// Replaces every `${env}` and `${stack.env}` in a document. Returns the elements whose physical name contains one: they
/// get no suffix.
pub fn fill(root: &mut Map<String, Value>, env: Option<&str>) -> HashSet<(String, String)> {
    let env = env.unwrap_or(MAIN);
    let mut named = HashSet::new();
    for (section, elements) in root.iter_mut() {
        let named_by = match sections::find(section).map(|section| &section.about().suffix) {
            Some(Suffix::Property { property, .. }) => property,
            Some(Suffix::None(_)) | None => "",
        };
        for (element, value) in elements.as_object_mut().into_iter().flatten() {
            if value.get(named_by).and_then(Value::as_str).is_some_and(says) {
                named.insert((section.clone(), element.clone()));
            }
        }
        fill_value(elements, env);
    }
    named
}

fn says(text: &str) -> bool {
    text.contains("${") && template::parse(text).is_ok_and(|parts| parts.contains(&TextPart::Env))
}

fn fill_value(value: &mut Value, env: &str) {
    match value {
        Value::String(text) if says(text) => {
            let mut parts = template::parse(text).unwrap_or_default();
            for part in parts.iter_mut().filter(|part| **part == TextPart::Env) {
                *part = TextPart::Text(env.to_owned());
            }
            // A text that cannot be written back keeps its reference; the error is reported where the text is used.
            if let Ok(filled) = template::write(&parts) {
                *text = filled;
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| fill_value(item, env)),
        Value::Object(entries) => entries.values_mut().for_each(|item| fill_value(item, env)),
        _ => {}
    }
}

/// Gives an element its physical name in an environment. `default` is the name of an element without a name of its own.
pub fn rename(suffix: &Suffix, own: &mut Map<String, Value>, default: &str, env: &str) {
    let Suffix::Property { property, longest, fifo } = *suffix else { return };
    let is_fifo = fifo.is_some_and(|fifo| own.get(fifo).and_then(Value::as_bool) == Some(true));
    let name = own.get(property).and_then(Value::as_str).unwrap_or(default);
    let base = if fifo.is_some() { name.strip_suffix(".fifo").unwrap_or(name) } else { name };
    let ending = if is_fifo || base.len() < name.len() { ".fifo" } else { "" };
    let room = longest - ending.len() - env.len() - 1;
    let base = match env {
        // A name that contains a reference cannot be cut before the reference is resolved.
        _ if base.contains("${") => base.to_owned(),
        _ if is_pattern(env) => open_base(base, longest - ending.len() - LONGEST - 1),
        _ => shorten_name(base, room),
    };
    own.insert(property.to_owned(), format!("{base}-{env}{ending}").into());
}

/// Returns a base for names of any environment: the base itself, or its beginning if a long environment may cut it to
/// `least` characters.
fn open_base(base: &str, least: usize) -> String {
    if base.chars().count() <= least {
        return base.to_owned();
    }
    let kept: String = base.chars().take(least.saturating_sub(HASH + 1)).collect();
    format!("{}{ANY}", kept.trim_end_matches('-'))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn rename_element(section: &str, own: Value, env: &str) -> String {
        let Value::Object(mut own) = own else { panic!("a map") };
        rename(&sections::find(section).unwrap().about().suffix, &mut own, "shop-orders", env);
        own["name"].as_str().unwrap().to_owned()
    }

    #[test]
    fn a_branch_gives_a_name_that_every_kind_takes() {
        for (branch, name) in [
            ("feature/New_Thing!", "feature-new-thing-430061e1"),
            ("dependabot/cargo/serde-1.0.200", "dependabot-cargo-serde-c80a0282"),
            ("main", "main-"),
            ("///", "env-"),
            ("7", "7"),
            ("feature-x", "feature-x"),
        ] {
            let env = of_branch(branch);
            assert!(env.starts_with(name), "{env}");
            assert_eq!(parse(&env), Ok(env));
        }
        for bad in ["", "main", "a--b", "A", "-a", "a-", "a.b", "a@b", &"a".repeat(33)] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn no_two_branches_share_an_environment() {
        let long = |end: &str| format!("{}{end}", "x/".repeat(40));
        let mut branches: Vec<String> = [
            "feature/x",
            "feature-x",
            "Feature.X",
            "feature--x",
            "feature_x",
            "feature/x/",
            "main",
            "env-main",
            "MAIN",
        ]
        .map(str::to_owned)
        .into();
        branches.extend([long("a"), long("b"), "/".to_owned(), "//".to_owned(), "env".to_owned()]);
        // Add branches that are named like another branch's environment.
        branches.extend(branches.clone().iter().map(|branch| of_branch(branch)).filter(|env| ends_in_hash(env)));
        let environments: HashSet<String> = branches.iter().map(|branch| of_branch(branch)).collect();
        assert_eq!(environments.len(), branches.len(), "{environments:?}");
        for env in environments {
            assert_eq!(parse(&env), Ok(env));
        }
    }

    #[test]
    fn names_end_with_the_environment_within_each_kinds_length() {
        assert_eq!(rename_element("queues", json!({}), "pr-7"), "shop-orders-pr-7");
        assert_eq!(rename_element("queues", json!({"name": "a.fifo", "fifo_queue": true}), "pr-7"), "a-pr-7.fifo");
        assert_eq!(rename_element("topics", json!({"fifo_topic": true}), "pr-7"), "shop-orders-pr-7.fifo");
        assert_eq!(rename_element("queues", json!({"name": "${queues.a.name}-x"}), "b"), "${queues.a.name}-x-b");
        let env = "e".repeat(LONGEST);
        for section in sections::SECTIONS {
            let Suffix::Property { property, longest, fifo } = section.about().suffix else { continue };
            let section = section.name();
            let long = "n".repeat(longest);
            let one = rename_element(section, json!({ property: long }), &env);
            let other = rename_element(section, json!({ property: long }), "b");
            assert!(one.len() <= longest && one.ends_with(&env) && one != other, "{section}: {one}");
            if let Some(fifo) = fifo {
                let fifo = rename_element(section, json!({ property: long, fifo: true }), &env);
                assert!(fifo.len() <= longest && fifo.ends_with(".fifo"), "{section}: {fifo}");
            }
        }
    }

    #[test]
    fn the_state_of_an_environment_is_told_from_locks_versions_and_other_stacks() {
        for key in ["32/shop.json", "shop"] {
            let own = state_key(key, Some("pr-7"));
            assert_eq!(of_state_key(key, &own), Some("pr-7".to_owned()));
            assert_eq!([stack_key(&own, Some("pr-7")), stack_key(key, None)], [key, key]);
            for other in
                [key.to_owned(), format!("{own}.lock"), format!("{own}.v/3.json"), "32/shop2.env.a.json".into()]
            {
                assert_eq!(of_state_key(key, &other), None, "{other}");
            }
        }
        assert_eq!(state_key("32/shop.json", Some("pr-7")), "32/shop.env.pr-7.json");
        assert_eq!((of_owner(&owner("shop", Some("a"))), stack_of("shop@a")), (Some("a"), "shop"));
    }

    #[test]
    fn the_environment_is_put_in_before_anything_is_read() {
        let mut root = json!({
            "queues": { "a": { "name": "a-${env}" }, "b": { "name": "b", "tags": { "x": "$${env} ${stack.env}" } } },
        });
        let named = fill(root.as_object_mut().unwrap(), Some("pr-7"));
        assert_eq!(named, HashSet::from([("queues".to_owned(), "a".to_owned())]));
        assert_eq!(root["queues"]["a"]["name"], "a-pr-7");
        assert_eq!(root["queues"]["b"]["tags"]["x"], "$${env} pr-7");
        fill_value(&mut root, MAIN);
        let mut main = json!({ "outputs": { "x": "${env}" } });
        fill(main.as_object_mut().unwrap(), None);
        assert_eq!(main["outputs"]["x"], "main");
    }
}
