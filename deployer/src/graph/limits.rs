//! Limits of AWS that apply once references are resolved: the constraints on each property, the size of documents as
//! AWS measures them, and tags.
//!
//! They are checked twice. Right after the graph is built, every name and ARN can be computed except for the account's
//! number, whose length is known; outputs that AWS assigns count as empty. The plan checks again with everything that
//! was read.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::resolve::{self, KnownOutputs};
use super::{Graph, Node, constraints};
use crate::aws::Place;
use crate::aws::tags::{self, MOST, Tags, VALUE_LENGTH};
use crate::kinds::Ownership;
use crate::spec::document::Document;
use crate::spec::finding::{At, DocPath, Findings};
use crate::spec::nearest::quoted;

/// Checks the limits before AWS is read, when the account may still be unknown.
pub fn check(graph: &Graph, document: &Document, findings: &mut Findings) {
    let region = document.region().to_owned();
    let partition = Place::partition_of(&region).to_owned();
    // Every account number has 12 digits.
    let account = document.account().unwrap_or(constraints::UNKNOWN_ACCOUNT).to_owned();
    let place = Place { account, region, partition, endpoint_url: None };
    check_in(graph, document, &graph.predict_outputs(&place), &place, findings);
}

/// Checks the limits with every known output.
pub fn check_in(graph: &Graph, document: &Document, known: &KnownOutputs, place: &Place, findings: &mut Findings) {
    let mut tagged = WrongTags::of(document);
    for node in graph.nodes().filter(|node| !node.external) {
        let resolved = node.resolve_spec(known, place);
        constraints::check(node, &resolved, place, document, findings);
        let spec = resolve::least(resolved);
        for excess in node.kind.limits(&spec) {
            let path = document.locate_property(&node.address, excess.properties);
            let message = format!("`{}`: {}", node.address, excess.message);
            let finding = match excess.doubt {
                true => findings.warning(excess.code, path, message),
                false => findings.error(excess.code, path, message),
            };
            finding.help(excess.help).at = At::Key;
        }
        if node.kind.ownership() == Ownership::Tags {
            tagged.look(node, &spec, findings);
        }
    }
    tagged.tell(findings);
    // Texts with references were not checked against lengths and patterns before.
    let mut late = document.check_filled(&|text| graph.fill_text(text, known, place));
    // [`super::names`] checks the length of names: it also knows the names that derive from them.
    late.0.retain(|finding| {
        let named = finding.code == "stack::too-long" && finding.path.0.get(2).is_some_and(|name| name == "name");
        !named && findings.0.iter().all(|other| other.path != finding.path)
    });
    findings.0.append(&mut late.0);
}

/// A mistake in a tag, for the services that refuse it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum TagMistake {
    /// A forbidden character in the key or the value.
    Character { in_key: bool, character: char },
    /// A value with this many characters, which is too long.
    Long(usize),
    /// The key differs from this one only in case.
    Twin(String),
}

/// Wrong tags. Each is reported once, however many resources have it.
struct WrongTags<'d> {
    document: &'d Document,
    found: BTreeMap<(DocPath, TagMistake), BTreeSet<tags::TagRules>>,
    too_many: BTreeSet<DocPath>,
}

impl<'d> WrongTags<'d> {
    fn of(document: &'d Document) -> Self {
        Self { document, found: BTreeMap::new(), too_many: BTreeSet::new() }
    }

    fn look(&mut self, node: &Node, spec: &Value, findings: &mut Findings) {
        let Some(rules) = node.kind.about().tags else { return };
        let tags = tags_of(spec);
        self.count(node, &tags, rules, findings);
        let own: Vec<&String> = tags.keys().filter(|key| !key.starts_with("deployer:")).collect();
        for key in &own {
            let place = self.place(node, key);
            let mut note = |wrong| _ = self.found.entry((place.clone(), wrong)).or_default().insert(rules);
            if let Some(character) = tags::refused_character(key) {
                note(TagMistake::Character { in_key: true, character });
            }
            let value = &tags[*key];
            if let Some(character) = tags::refused_character(value) {
                note(TagMistake::Character { in_key: false, character });
            }
            let length = value.chars().count();
            if length > VALUE_LENGTH {
                note(TagMistake::Long(length));
            }
            let twin =
                own.iter().take_while(|other| *other != key).find(|other| other.to_lowercase() == key.to_lowercase());
            if let Some(twin) = twin.filter(|_| rules.caseless) {
                // If the stack and the element set the two keys, report the element's.
                let (later, first) = if self.is_own(node, key) { (key, twin) } else { (twin, key) };
                let place = (self.place(node, later), TagMistake::Twin((*first).clone()));
                self.found.entry(place).or_default().insert(rules);
            }
        }
    }

    fn count(&mut self, node: &Node, tags: &Tags, rules: tags::TagRules, findings: &mut Findings) {
        let path = self.document.locate(&node.address).then("tags");
        let path = if self.document.states(&path) { path } else { DocPath::of(["tags"]) };
        if tags.len() <= MOST || !self.too_many.insert(path.clone()) {
            return;
        }
        let own = tags.keys().filter(|key| key.starts_with("deployer:")).count();
        let message = format!(
            "`{}` would have {} tags, of which {own} are the deployer's own; {} takes {MOST}",
            node.address,
            tags.len(),
            rules.service
        );
        let finding = if rules.strict {
            findings.error("stack::too-many", path, message)
        } else {
            findings.warning("stack::too-many", path, message)
        };
        finding.help(format!("remove {}", tags.len() - MOST)).at = At::Key;
    }

    fn is_own(&self, node: &Node, key: &str) -> bool {
        self.document.states(&self.document.locate(&node.address).then("tags").then(key))
    }

    /// Returns the place of a tag: at the element if it sets the tag, else at the stack.
    fn place(&self, node: &Node, key: &str) -> DocPath {
        if self.is_own(node, key) {
            return self.document.locate(&node.address).then("tags").then(key);
        }
        DocPath::of(["tags", key])
    }

    fn tell(self, findings: &mut Findings) {
        for ((path, wrong), rules) in self.found {
            let strict = rules.iter().any(|rules| rules.strict);
            let named = rules.iter().filter(|rules| rules.strict == strict).map(|rules| rules.service);
            let services = named.collect::<BTreeSet<_>>().into_iter().collect::<Vec<_>>().join(", ");
            let key = path.0.last().cloned().unwrap_or_default();
            let (code, message, help) = wrong.words(&key, &services, strict);
            let finding = match strict || matches!(wrong, TagMistake::Long(_)) {
                true => findings.error(code, path, message),
                false => findings.warning(code, path, message),
            };
            finding.help(help).at = if wrong.is_of_key() { At::Key } else { At::Value };
        }
    }
}

impl TagMistake {
    fn is_of_key(&self) -> bool {
        matches!(self, Self::Twin(_) | Self::Character { in_key: true, .. })
    }

    fn words(&self, key: &str, services: &str, strict: bool) -> (&'static str, String, String) {
        match self {
            Self::Character { in_key, character } => {
                let what = if *in_key { format!("the key `{key}`") } else { format!("the value of `{key}`") };
                let shown = if character.is_control() {
                    format!("U+{:04X}", u32::from(*character))
                } else {
                    format!("`{character}`")
                };
                let refuses =
                    if strict { "which is refused in tags by" } else { "which the documents rule out in tags of" };
                let message = format!("{what} holds {shown}, {refuses} {services}");
                ("stack::tag-character", message, "use letters, digits, spaces and `_.:/=+-@`".to_owned())
            }
            Self::Long(length) => (
                "stack::too-long",
                format!("the value of `{key}` has {length} characters; AWS takes {VALUE_LENGTH} in a tag"),
                format!("shorten it to at most {VALUE_LENGTH} characters"),
            ),
            Self::Twin(first) => (
                "stack::tag-twice",
                format!("{services} takes `{key}` and `{first}` for one key, and refuses a role with both"),
                format!("write the same one of {} everywhere", quoted([key, first.as_str()])),
            ),
        }
    }
}

fn tags_of(spec: &Value) -> Tags {
    let entries = spec.get("tags").and_then(Value::as_object).into_iter().flatten();
    entries.filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned()))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::Outputs;
    use crate::pipeline;
    use crate::spec::source::SourceText;
    use crate::spec::variables::Inputs;

    #[test]
    fn what_only_aws_can_tell_counts_once_it_is_read() {
        let ids: String = (0..60).map(|n| format!("V{n:02}: \"${{apis.a.id}}\", ")).collect();
        let stack = format!(
            "stack: s\nregion: eu-west-1\nfunctions:\n  f: {{ zip: f.zip, environment: {{ {ids} PAD: \"{}\" }} }}\n  g: {{ zip: g.zip }}\napis: {{ a: {{ routes: {{ \"GET /\": g }} }} }}\n",
            "x".repeat(3_300)
        );
        let loaded = pipeline::check(SourceText::new("stack.yaml", stack), &Inputs::default()).unwrap();
        let place = Place { account: "123456789012".into(), region: "eu-west-1".into(), ..resolve::nowhere() };
        let mut known = loaded.graph.predict_outputs(&place);
        let codes = |known: &KnownOutputs| {
            let mut findings = Findings::default();
            check_in(&loaded.graph, &loaded.document, known, &place, &mut findings);
            findings.0.into_iter().map(|finding| finding.code).collect::<Vec<_>>()
        };
        assert!(codes(&known).is_empty());
        known.entry("apis.a".into()).or_default().extend(Outputs::from([("id".into(), "a1b2c3d4e5".into())]));
        assert_eq!(codes(&known), ["function::environment-size"]);
    }
}
