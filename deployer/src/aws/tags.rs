//! Tags: ownership marks and the difference of two sets.

use std::collections::BTreeMap;

/// A resource's tags, ours and the user's. Never holds AWS's own `aws:` keys.
pub type Tags = BTreeMap<String, String>;

/// The stack that owns a resource.
pub const STACK: &str = "deployer:stack";
/// The preview environment of a resource, if it is for one.
pub const ENV: &str = "deployer:env";
/// The address of a resource in its stack's `stack.yaml`.
pub const ADDRESS: &str = "deployer:address";

/// Drops the keys that AWS keeps for itself.
pub fn without_aws(tags: impl IntoIterator<Item = (String, String)>) -> Tags {
    tags.into_iter().filter(|(key, _)| !key.starts_with("aws:")).collect()
}

/// What turns one set of tags into another.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Delta {
    pub set: Tags,
    pub remove: Vec<String>,
}

impl Delta {
    pub fn between(live: &Tags, want: &Tags) -> Self {
        Self {
            set: want.iter().filter(|(k, v)| live.get(*k) != Some(v)).map(|(k, v)| (k.clone(), v.clone())).collect(),
            remove: live.keys().filter(|k| !want.contains_key(*k)).cloned().collect(),
        }
    }
}
