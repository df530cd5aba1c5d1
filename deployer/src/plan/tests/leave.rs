//! Tests that properties removed from `stack.yaml` return to AWS's defaults: every property of every section.

use std::collections::BTreeSet;

use schemars::SchemaGenerator;
use serde_json::{Value, json};

use super::World;
use super::world::{Stack, place};
use crate::graph::resolve;
use crate::kinds::{AnyKind, REGISTRY, Rule};
use crate::plan::planner::back::{give_back, put};
use crate::plan::{Action, Goal, PropertyRules, Selection};
use crate::spec::document::Document;
use crate::spec::sections::SECTIONS;
use crate::spec::source::SourceText;
use crate::spec::variables::Inputs;
use crate::spec::yaml;

/// The common properties of elements, which the state and the tags hold.
const COMMON: &[&str] = &["protect", "retain", "external", "tags", "depends_on", "only_in", "not_in", "when"];

/// Properties that AWS never takes back, by kind: they stay as they are.
const KEPT: &[(&str, &str)] = &[("dynamodb.table", "warm_throughput")];

/// Returns the stack of a section's example.
fn example(text: &str) -> Value {
    let parsed = yaml::parse(&format!("stack: couch\n{text}")).unwrap_or_else(|e| panic!("{e:#?}"));
    parsed.value
}

/// Collects every path to an entry of a map below `value`, its own keys first.
fn entries(value: &Value, at: &[String], found: &mut Vec<Vec<String>>) {
    let Value::Object(map) = value else { return };
    for (key, inner) in map {
        let path = [at, std::slice::from_ref(key)].concat();
        entries(inner, &path, found);
        found.push(path);
    }
}

fn without(mut stack: Value, path: &[String]) -> Option<Value> {
    let (last, parents) = path.split_last()?;
    let parent = parents.iter().try_fold(&mut stack, |value, key| value.get_mut(key))?;
    parent.as_object_mut()?.remove(last)?;
    Some(stack)
}

/// Reads a stack if it is sound.
fn read(stack: &Value) -> Option<Stack> {
    let text = stack.to_string();
    let env = [("AWS_REGION".to_owned(), "eu-west-1".to_owned())].into();
    let inputs = Inputs { env, ..Inputs::default() };
    let (document, _) = Document::load(SourceText::new("stack.yaml", text.as_str()), &inputs).ok()?;
    (!document.lower().1.has_errors()).then(|| Stack::of(&text, &[]))
}

/// Returns the properties of a resource's spec that differ and matter.
fn differing(was: &Value, is: &Value) -> BTreeSet<String> {
    let empty = |value: Option<&Value>| {
        value.is_none_or(|v| v.is_null() || *v == json!("") || *v == json!([]) || *v == json!({}))
    };
    let keys = [was, is].into_iter().filter_map(Value::as_object).flat_map(|map| map.keys().cloned());
    keys.filter(|key| was.get(key) != is.get(key) && !(empty(was.get(key)) && empty(is.get(key)))).collect()
}

#[test]
fn every_property_that_leaves_stack_yaml_shows_in_the_plan() {
    let mut tried = 0;
    for section in SECTIONS {
        let whole = example(section.example());
        let mut shown = BTreeSet::new();
        let base = read(&whole).unwrap_or_else(|| panic!("{}: the example is sound", section.name()));
        let world = World::applied(&whole.to_string());
        drop(base);
        let mut paths = Vec::new();
        for (name, element) in whole[section.name()].as_object().expect("elements") {
            entries(element, &[section.name().to_owned(), name.clone()], &mut paths);
            shown.extend(element.as_object().into_iter().flat_map(|own| own.keys().cloned()));
        }
        let schema = section.element_schema(&mut SchemaGenerator::default());
        let known = schema["properties"].as_object().expect("properties").keys().cloned();
        let own = known.filter(|property| !COMMON.contains(&property.as_str()));
        let missing: Vec<_> = own.filter(|property| !shown.contains(property)).collect();
        assert!(missing.is_empty(), "{}: the example shows nothing of {missing:?}", section.name());
        for path in paths {
            let Some(stack) = without(whole.clone(), &path).and_then(|stack| read(&stack)) else { continue };
            let Ok(plan) = world.plan(&stack, Goal::Apply, &Selection::default()) else { continue };
            tried += 1;
            for node in stack.graph.nodes().filter(|node| !node.external) {
                let Some(planned) = plan.actions().iter().find(|planned| planned.address == node.address) else {
                    continue;
                };
                let Some(record) = world.prior.resources.get(&node.address) else { continue };
                let mut spec = resolve::value(&node.spec, &world.observe(&stack.graph).known, &place());
                give_back(node.kind, &record.inputs, &mut spec, &place());
                let changed = |property: &String| {
                    let within = |change: &crate::plan::Change| change.path.split('.').next() == Some(property);
                    planned.action() == Action::Replace || planned.changes().iter().any(within)
                };
                // A hint to the kind is not a property in AWS.
                let is_kept = |property: &String| KEPT.contains(&(node.kind.name(), property));
                let said = |property: &String| {
                    PropertyRules(node.kind.rules()).is_hint(property) || is_kept(property) || changed(property)
                };
                let silent: Vec<_> =
                    differing(&record.inputs, &spec).into_iter().filter(|property| !said(property)).collect();
                assert!(
                    silent.is_empty(),
                    "without {path:?}, {silent:?} of {} stays as it was, and no plan says so",
                    node.address
                );
            }
        }
    }
    assert!(tried > 100, "{tried}");
}

#[test]
fn whatever_is_compared_only_when_stated_is_given_back() {
    // AWS alone reports the size of an artifact.
    let stated = |kind: &dyn AnyKind, path: &str| !kind.artifact().is_some_and(|artifact| artifact.is_size(path));
    let mut said = BTreeSet::new();
    for section in SECTIONS {
        let whole = example(section.example());
        let world = World::applied(&whole.to_string());
        for record in world.prior.resources.values() {
            let kind = crate::kinds::find(&record.kind).expect("a kind");
            let unmanaged = kind.rules().iter().filter(|(_, rule)| *rule == Rule::Unmanaged);
            let unmanaged = unmanaged.filter(|(path, _)| !KEPT.contains(&(kind.name(), path)));
            for (path, _) in unmanaged.filter(|(path, _)| stated(kind, path)) {
                let mut last = record.inputs.clone();
                put(&mut last, path, json!("stated"));
                let parts: Vec<_> = path.split('.').map(str::to_owned).collect();
                let mut want = without(record.inputs.clone(), &parts).unwrap_or_else(|| record.inputs.clone());
                want.as_object_mut().expect("a spec").remove("kms_master_key_id");
                let back = kind.given_back(&last, &want, &place());
                assert!(back.iter().any(|(given, _)| given == path), "{} {path}: {back:?}", kind.name());
                assert!(!kind.given_back(&want, &want, &place()).iter().any(|(given, _)| given == path));
                said.insert((kind.name(), *path));
            }
        }
    }
    let all = REGISTRY.iter().flat_map(|kind| kind.rules().iter().map(move |(path, rule)| (*kind, *path, *rule)));
    let all = all.filter(|(kind, path, rule)| *rule == Rule::Unmanaged && stated(*kind, path));
    let all = all.filter(|(kind, path, _)| !KEPT.contains(&(kind.name(), path)));
    assert_eq!(said, all.map(|(kind, path, _)| (kind.name(), path)).collect());
}

#[test]
fn a_queue_that_loses_its_key_or_its_size_gets_what_a_new_one_has() {
    let of = |own: &str| format!("stack: couch\nqueues: {{ inbox: {{ {own} }} }}\n");
    let said = |before: &str, after: &str| {
        let plan = World::applied(&of(before)).plan(&Stack::of(&of(after), &[]), Goal::Apply, &Selection::default());
        let plan = plan.expect("a plan");
        let changes = &plan.actions()[0].changes();
        changes
            .iter()
            .map(|change| format!("{}: {} → {}", change.path, change.before(), change.after()))
            .collect::<Vec<_>>()
    };
    let on = "sqs_managed_sse_enabled: null → true".to_owned();
    let key = "kms_master_key_id: \"alias/a\" → null".to_owned();
    assert_eq!(said("kms_master_key_id: alias/a", ""), [on, key]);
    assert_eq!(said("sqs_managed_sse_enabled: false", ""), ["sqs_managed_sse_enabled: false → true"]);
    assert_eq!(said("maximum_message_size: 1024", ""), ["maximum_message_size: 1024 → 1048576"]);
    assert_eq!(said("", ""), Vec::<String>::new());
    let key = "kms_master_key_id: null → \"alias/a\"".to_owned();
    assert_eq!(said("sqs_managed_sse_enabled: true", "kms_master_key_id: alias/a"), [key]);
}
