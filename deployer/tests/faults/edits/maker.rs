//! Generates random stacks from the editors' schema: its types and limits, and the values of the sections' examples.
//! New kinds and properties are covered without a change here.

use std::collections::{BTreeMap, BTreeSet};

use deployer::spec::schema::editor;
use deployer::spec::sections::SECTIONS;
use deployer::spec::yaml;
use regex_lite::Regex;
use serde_json::{Map, Value, json};

use super::dice::Choose;
use crate::dice::Dice;

/// Names of elements: only a few, so that they collide.
pub const ELEMENTS: &[&str] = &["a", "b", "c"];
/// Properties that a trial omits: code that must be built, then properties that the local AWS does not support. It
/// forgets the first of these and has no call to change the others.
const LEFT_OUT: &[&str] = &[
    "crate",
    "bin",
    "profile",
    "features",
    "binary",
    "evaluate_low_sample_count_percentile",
    "deletion_protection_enabled",
    "kms_key_id",
];
/// Properties that an element is rarely of use without, though the schema does not require them.
const USUAL: &[&str] = &["partition_key"];
/// Words for texts. Those that match the schema are used.
const WORDS: &[&str] = &["a", "b", "alpha", "beta", "x-1", "/ed/a", "A1", "image/gif"];
/// Paths of routes, with variables in many places: above, below and beside each other.
const PATHS: &[&str] = &[
    "/",
    "/a",
    "/b",
    "/a/b",
    "/{id}",
    "/{name}",
    "/a/{id}",
    "/a/{name}",
    "/a/{id}/b",
    "/a/{name}/b",
    "/a/{id}/{sub}",
    "/a/{id}/b/{sub}",
    "/{proxy+}",
    "/a/{proxy+}",
    "/{id}/{proxy+}",
    "/a/{id}/b/{rest+}",
];
/// The depth to which elements add other elements that they refer to.
const DEEPEST: usize = 2;
/// The percentage of values that come from the examples.
const FROM_EXAMPLES: usize = 60;

/// Generates values that the schema allows.
pub struct Maker {
    schema: Value,
    /// The elements in the sections' examples, with their sections. A text that equals a name refers to that element.
    named: BTreeMap<String, String>,
    reference: Regex,
}

impl Maker {
    pub fn new() -> Self {
        let mut named = BTreeMap::new();
        for section in SECTIONS {
            let example = yaml::parse(section.example()).expect("the examples are YAML").value;
            for (section, elements) in example.as_object().into_iter().flatten() {
                let names = elements.as_object().into_iter().flat_map(Map::keys);
                named.extend(names.map(|name| (name.clone(), section.clone())));
            }
        }
        let reference = Regex::new(r"\$\{([a-z_]+)\.([^.}]+)\.").expect("a pattern");
        Self { schema: editor(), named, reference }
    }

    /// Generates a stack of a few elements.
    pub fn stack(&self, dice: &mut Dice) -> Value {
        let mut stack = json!({ "stack": "e-ACCOUNT", "region": "eu-west-1" });
        for _ in 0..2 + dice.below(5) {
            self.add_element(dice, &mut stack);
        }
        stack
    }

    /// Adds or rewrites an element, and adds the elements that it refers to.
    pub fn add_element(&self, dice: &mut Dice, stack: &mut Value) {
        let section = dice.pick(SECTIONS).name();
        self.put(dice, stack, section, 0);
    }

    fn put(&self, dice: &mut Dice, stack: &mut Value, section: &str, depth: usize) {
        let mut element = self.element(dice, section);
        let missing = self.refer(dice, stack, &mut element.clone());
        for section in missing.iter().filter(|_| depth < DEEPEST) {
            self.put(dice, stack, section, depth + 1);
        }
        self.refer(dice, stack, &mut element);
        stack[section][*dice.pick(ELEMENTS)] = element;
    }

    fn element(&self, dice: &mut Dice, section: &str) -> Value {
        let schema = self.schema["properties"][section]["additionalProperties"].clone();
        self.object(dice, &schema, 0)
    }

    /// Generates a value for a place in the stack, if the schema has the place.
    pub fn at(&self, dice: &mut Dice, stack: &Value, path: &[String]) -> Option<Value> {
        let mut schema = self.schema.clone();
        let mut name = "";
        for part in path {
            schema = self.flat(dice, &schema);
            let below = match schema["properties"].get(part) {
                Some(property) => property,
                None if schema["items"].is_object() => &schema["items"],
                None => &schema["additionalProperties"],
            };
            schema = below.is_object().then(|| below.clone())?;
            name = part;
        }
        let mut value = self.value(dice, name, &schema, 1);
        self.refer(dice, stack, &mut value);
        Some(value)
    }

    /// Lists the properties of a section's elements.
    pub fn properties(&self, section: &str) -> Vec<String> {
        let properties = self.schema["properties"][section]["additionalProperties"]["properties"].as_object();
        let names = properties.into_iter().flat_map(Map::keys).filter(|name| !LEFT_OUT.contains(&name.as_str()));
        names.cloned().collect()
    }

    /// Resolves a schema's references, chooses one of its variants, and excludes `${…}`.
    fn flat(&self, dice: &mut Dice, schema: &Value) -> Value {
        let mut flat = schema.clone();
        let mut parts: Vec<Value> = flat["allOf"].as_array().cloned().unwrap_or_default();
        parts.extend(schema["$ref"].as_str().map(|_| json!({ "$ref": schema["$ref"] })));
        for word in ["anyOf", "oneOf"] {
            let open = |variant: &&Value| {
                variant["pattern"] != "\\$\\{" && variant["type"] != "null" && !self.left_out(variant)
            };
            let variants: Vec<&Value> = schema[word].as_array().into_iter().flatten().filter(open).collect();
            if !variants.is_empty() {
                parts.push((*dice.pick(&variants)).clone());
            }
        }
        for word in ["$ref", "allOf", "anyOf", "oneOf"] {
            flat.as_object_mut().map(|words| words.remove(word));
        }
        for part in parts {
            let part = match part["$ref"].as_str() {
                Some(to) => self.schema.pointer(to.trim_start_matches('#')).cloned().unwrap_or_default(),
                None => part,
            };
            for (word, value) in self.flat(dice, &part).as_object().into_iter().flatten() {
                // The outer schema is more specific to this place than the shared type that it refers to.
                let known = &mut flat[word.as_str()];
                if known.is_null() {
                    *known = value.clone();
                }
            }
        }
        flat
    }

    fn left_out(&self, variant: &Value) -> bool {
        let required = variant["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
        required.into_iter().any(|name| LEFT_OUT.contains(&name))
    }

    fn value(&self, dice: &mut Dice, name: &str, schema: &Value, depth: usize) -> Value {
        if let Some(value) = known(dice, name) {
            return value;
        }
        let schema = self.flat(dice, schema);
        let examples = schema["examples"].as_array().filter(|examples| !examples.is_empty());
        if let Some(examples) = examples.filter(|_| dice.chance(FROM_EXAMPLES)) {
            return dice.pick(examples).clone();
        }
        if let Some(listed) = schema["enum"].as_array() {
            return dice.pick(listed).clone();
        }
        if !schema["const"].is_null() {
            return schema["const"].clone();
        }
        let types: Vec<&str> = match &schema["type"] {
            Value::String(one) => vec![one],
            Value::Array(several) => several.iter().filter_map(Value::as_str).collect(),
            _ => vec![],
        };
        match types.first() {
            Some(&"boolean") => dice.chance(50).into(),
            Some(&"integer" | &"number") => number(dice, &schema),
            Some(&"array") => self.array(dice, &schema, depth),
            Some(&"object") => self.object(dice, &schema, depth),
            Some(&"string") => text(dice, &schema, examples),
            _ => examples.map_or(Value::Null, |examples| dice.pick(examples).clone()),
        }
    }

    fn array(&self, dice: &mut Dice, schema: &Value, depth: usize) -> Value {
        let least = schema["minItems"].as_u64().unwrap_or(0);
        let many = usize::try_from(least).unwrap_or(0) + dice.below(4 - depth.min(2));
        let mut items: Vec<Value> = Vec::new();
        for _ in 0..many {
            let item = self.value(dice, "", &schema["items"], depth + 1);
            if !items.contains(&item) {
                items.push(item);
            }
        }
        Value::Array(items)
    }

    fn object(&self, dice: &mut Dice, schema: &Value, depth: usize) -> Value {
        let schema = self.flat(dice, schema);
        let required: Vec<&str> =
            schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        let mut object = Map::new();
        let often = if depth == 0 { 15 } else { 40 };
        for (name, part) in schema["properties"].as_object().into_iter().flatten() {
            let wanted = required.contains(&name.as_str()) || USUAL.contains(&name.as_str()) || dice.chance(often);
            if wanted && !LEFT_OUT.contains(&name.as_str()) {
                object.insert(name.clone(), self.value(dice, name, part, depth + 1));
            }
        }
        if schema["additionalProperties"].is_object() {
            for _ in 0..1 + dice.below(3) {
                let value = self.value(dice, "", &schema["additionalProperties"], depth + 1);
                object.insert(key(dice, &schema), value);
            }
        }
        Value::Object(object)
    }

    /// Redirects the examples' references to elements of the stack. Returns the sections that the stack has no element
    /// of.
    fn refer(&self, dice: &mut Dice, stack: &Value, value: &mut Value) -> BTreeSet<String> {
        let mut missing = BTreeSet::new();
        each_text(value, "", &mut |name, text| {
            let mut one_of = |section: &str| {
                let all: Vec<&String> = stack[section].as_object().into_iter().flat_map(Map::keys).collect();
                if all.is_empty() && SECTIONS.iter().any(|known| known.name() == section) {
                    missing.insert(section.to_owned());
                }
                (!all.is_empty()).then(|| (*dice.pick(&all)).clone())
            };
            if let Some(section) = self.named.get(text.as_str()).filter(|_| name != "name") {
                *text = one_of(section).unwrap_or_else(|| text.clone());
            } else if text.starts_with("arn:aws:sqs:") {
                // The example's queue belongs to somebody else and does not exist here.
                *text = format!("${{queues.{}.arn}}", one_of("queues").unwrap_or_else(|| "none".into()));
            } else if let Some(found) = self.reference.captures(text)
                && let Some(name) = one_of(&found[1])
            {
                *text = text.replace(&found[0], &format!("${{{}.{name}.", &found[1]));
            }
        });
        missing
    }
}

/// Calls `visit` for every text, with the property that contains it.
pub fn each_text(value: &mut Value, name: &str, visit: &mut impl FnMut(&str, &mut String)) {
    match value {
        Value::String(text) => visit(name, text),
        Value::Array(items) => items.iter_mut().for_each(|item| each_text(item, name, visit)),
        Value::Object(fields) => fields.iter_mut().for_each(|(name, value)| each_text(value, name, visit)),
        _ => {}
    }
}

/// Returns values that the schema cannot know: the trial's files, and a few names that collide.
fn known(dice: &mut Dice, property: &str) -> Option<Value> {
    let words: &[&str] = match property {
        "zip" => &["one.zip", "two.zip"],
        "name" => &["e-x-ACCOUNT", "e-y-ACCOUNT", "e-z-ACCOUNT", "e-x-ACCOUNT.fifo"],
        // These have rules of their own, so they are set rarely.
        "protect" | "retain" | "external" => return Some(dice.chance(15).into()),
        _ => return None,
    };
    Some((*dice.pick(words)).into())
}

fn number(dice: &mut Dice, schema: &Value) -> Value {
    let least = schema["minimum"].as_f64().unwrap_or(0.0) as u64;
    let most = schema["maximum"].as_f64().map_or(least + 100, |most| most as u64);
    let near = usize::try_from((most - least).min(900)).unwrap_or(0);
    let between = least + dice.below(near + 1) as u64;
    [least, most, between, between, least + (most - least).min(60)][dice.below(5)].into()
}

fn text(dice: &mut Dice, schema: &Value, examples: Option<&Vec<Value>>) -> Value {
    let fits = fitting(schema["pattern"].as_str());
    let words: Vec<&&str> = WORDS.iter().filter(|word| fits(word)).collect();
    match examples {
        Some(examples) if words.is_empty() || schema["pattern"].is_string() && dice.chance(50) => {
            dice.pick(examples).clone()
        }
        _ if words.is_empty() => "a".into(),
        _ => (**dice.pick(&words)).into(),
    }
}

/// Generates a key of a map: a route, a variable, a tag.
fn key(dice: &mut Dice, schema: &Value) -> String {
    let pattern = schema["propertyNames"]["pattern"].as_str();
    let fits = fitting(pattern);
    if fits("GET /") && !fits("a") && !fits("MODE") {
        let takes_the_rest = fits("$default") && dice.chance(20);
        return if takes_the_rest { "$default".to_owned() } else { route(dice) };
    }
    let words: Vec<&&str> = ["a", "b", "c", "MODE", "SIZE"].iter().filter(|word| fits(word)).collect();
    dice.pick(&words).to_string()
}

/// Generates a method and a path.
pub fn route(dice: &mut Dice) -> String {
    format!("{} {}", dice.pick(&["GET", "POST", "DELETE", "ANY"]), dice.pick(PATHS))
}

fn fitting(pattern: Option<&str>) -> impl Fn(&str) -> bool {
    let pattern = pattern.and_then(|pattern| Regex::new(pattern).ok());
    move |word| pattern.as_ref().is_none_or(|pattern| pattern.is_match(word))
}
