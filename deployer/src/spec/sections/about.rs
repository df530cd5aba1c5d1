//! Facts about a section: one value, [`About`], in the section's own file.
//!
//! General code asks for the fact and never for a section's name. Tables over all sections are collected from
//! [`SECTIONS`](super::SECTIONS). Every field has to be given, so a new section cannot miss a table.

use serde_json::Value;

use crate::kinds::Kind;
use crate::spec::uncovered::UncoveredWords;

/// All facts about a section besides its elements.
#[derive(Debug)]
pub struct About {
    /// The key in `stack.yaml`: `log_groups`.
    pub name: &'static str,
    /// The word for one element in pictures: `log group`.
    pub singular: &'static str,
    /// The sections of a stack that shows every property, for the reference pages and for editors.
    pub example: &'static str,
    /// Other tools' names for the section and its properties, each with the name here. Written in lower case, without
    /// `_`, `-` and spaces.
    pub synonyms: &'static [(&'static str, &'static str)],
    /// Words for things that an element cannot have. A finding says what to do instead.
    pub uncovered: &'static [UncoveredWords],
    /// Elements hold data that nobody can make again: outside of previews they are protected unless they say
    /// `protect: false`.
    pub protected: bool,
    pub suffix: Suffix,
    pub picture: PictureStyle,
    /// Properties of which exactly one is given. Editors mark a violation; the section's `check` reports it.
    pub one_of: &'static [OneOf],
    /// The customer managed key of a kind that the section lowers to; `None` if no permission depends on the key.
    pub key: Option<KeyProperty>,
    /// How functions use an element whose name, URL or ARN they know; `None` if they do not call it.
    pub usage: Option<Usage>,
    pub refusals: Refusals,
}

/// How an element gets a physical name of its own in a preview environment.
#[derive(Debug)]
pub enum Suffix {
    /// A property holds the physical name, and the environment's name is appended to it.
    Property {
        property: &'static str,
        /// The most characters that AWS accepts. Leave room for parts whose names derive from this one.
        longest: usize,
        /// The property that makes an element FIFO. Names of FIFO elements end in `.fifo`.
        fifo: Option<&'static str>,
    },
    /// The elements have no physical name, for this reason. Two environments then never share a resource.
    None(&'static str),
}

/// Returns the most characters that AWS accepts for the name of a kind's resource.
///
/// # Panics
/// If the kind states no name, which fails the compilation of a constant.
pub const fn longest_name<K: Kind>() -> usize {
    match K::ABOUT.named {
        Some(named) => named.longest,
        None => panic!("the kind states no name"),
    }
}

/// How pictures show the elements and their references.
#[derive(Debug)]
pub struct PictureStyle {
    /// A path on 24 × 24 pixels, drawn as an outline.
    pub icon: &'static str,
    pub shape: Shape,
    /// Exceptions to the rule that data flows from a resource to each resource that it refers to. The first match counts.
    pub arrows: &'static [Arrow],
}

/// The outline of an element in mermaid and DOT.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    Rectangle,
    Cylinder,
    Circle,
    Hexagon,
    /// A rectangle with double sides, or a box in perspective.
    Queue,
    /// A rectangle with round ends.
    Stadium,
}

/// How pictures draw a reference between two resources.
#[derive(Debug)]
pub struct Arrow {
    /// The kind that has the reference.
    pub from: &'static str,
    /// The kind that is referred to; `None` for all kinds.
    pub to: Option<&'static str>,
    pub draw: Draw,
}

/// The direction and the label of an arrow.
#[derive(Debug, Clone, Copy)]
pub enum Draw {
    Nothing,
    /// Data flows to the referenced resource.
    To(&'static str),
    /// Data flows from the referenced resource. The label may be empty.
    From(&'static str),
    /// Relies on the referenced resource; no data flows.
    Uses(&'static str),
    /// Watches the referenced resource; no data flows.
    Watches(&'static str),
    /// Data flows to the referenced resource, with a label for each text that the function returns. The function gets
    /// the spec and the address of the referenced resource. If it returns no text, no arrow is drawn.
    Each(fn(&Value, &str) -> Vec<String>),
    /// As the function decides from the spec and the address of the referenced resource, for kinds that use another
    /// resource in several ways. Without a spec, data flows from the referenced resource.
    ByUse(fn(&Value, &str) -> Vec<Draw>),
}

impl Draw {
    /// Tells whether the arrow points from the referenced resource to the one that refers to it.
    pub fn is_backward(self) -> bool {
        matches!(self, Self::From(_) | Self::Watches(_) | Self::ByUse(_))
    }
}

/// A person whom a resource sends messages to, or who sends requests to it.
#[derive(Debug, PartialEq, Eq)]
pub struct Outsider {
    /// A mail address, a telephone number, or a word for several people.
    pub name: String,
    /// `e-mail`, `SMS`, `HTTPS`.
    pub label: &'static str,
    /// The person sends to the resource.
    pub sends: bool,
}

/// Properties of which a map has exactly one.
#[derive(Debug)]
pub struct OneOf {
    /// The Rust type of the map inside the element; `None` for the element itself. An external element may have none of
    /// the properties.
    pub map: Option<&'static str>,
    pub names: &'static [&'static str],
}

/// The property that holds a customer managed KMS key.
#[derive(Debug)]
pub struct KeyProperty {
    pub kind: &'static str,
    /// The JSON pointer in the kind's spec.
    pub pointer: &'static str,
    /// The service that uses the key, as `kms:ViaService` names it.
    pub service: &'static str,
}

/// The permission that functions usually need to use a resource.
#[derive(Debug)]
pub struct Usage {
    pub kind: &'static str,
    /// Actions of one service.
    pub allow: &'static [&'static str],
    /// The end of the ARN that the actions are about: `/*` for the objects of a bucket.
    pub on: &'static str,
}

/// How AWS's refusals lead to properties. Properties are tried in order; the first that the element has is reported.
#[derive(Debug)]
pub struct Refusals {
    /// Operations that carry few properties: `iam:PutRolePolicy`. Operations on tags need no entry.
    pub operations: Names,
    /// Error codes that concern one property, whatever the operation.
    pub codes: Names,
    /// AWS's names for properties that `stack.yaml` names differently, in snake case.
    pub words: Names,
    pub parts: &'static [Part],
}

/// Properties, by the operation, code or word that leads to them.
pub type Names = &'static [(&'static str, &'static [&'static str])];

/// A part of an element, and the property that it is lowered from.
#[derive(Debug)]
pub struct Part {
    /// The part's name in an address: `dead_letter`, or `route` for `route[GET /images]`.
    pub name: &'static str,
    pub property: &'static str,
    pub place: PartPlace,
}

/// Where the properties of a part are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PartPlace {
    /// Inside the property.
    Inside,
    /// Beside the property, in the element itself.
    Beside,
    /// In an entry of a map. The address has the entry's key in brackets.
    Entry,
    /// In an item of a list. The address has a text of the item in brackets.
    Item,
}
