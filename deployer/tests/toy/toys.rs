//! `toys:` — instance profiles without a role.

use deployer::spec::finding::Findings;
use deployer::spec::sections::about::{About, PictureStyle, Refusals, Shape, Suffix, longest_name};
use deployer::spec::sections::{LoweredStack, Scope, Section};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::toy::{Toy, ToyKind};

/// Longest name of a toy, in characters.
const NAME_LENGTH: usize = longest_name::<ToyKind>();

/// The toys section.
pub struct Toys;

/// A toy.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ToyElement {
    /// The toy's name in AWS. Default: the stack's name and the element's.
    #[schemars(length(min = 1, max = NAME_LENGTH), regex(pattern = r"^[A-Za-z0-9+=,.@_-]+$"))]
    pub name: Option<String>,
    /// The shelf that the toy stands on. It begins and ends with a slash.
    #[serde(default = "root")]
    #[schemars(length(min = 1, max = 512), regex(pattern = r"^/([!-~]+/)?$"))]
    pub path: String,
}

fn root() -> String {
    "/".to_owned()
}

impl Section for Toys {
    const ABOUT: &'static About = &About {
        name: "toys",
        singular: "toy",
        example: include_str!("toys.yaml"),
        synonyms: &[("plaything", "toys"), ("shelf", "path")],
        uncovered: &[],
        protected: false,
        suffix: Suffix::Property { property: "name", longest: NAME_LENGTH, fifo: None },
        picture: PictureStyle { icon: "M4 20 L12 4 L20 20 Z", shape: Shape::Stadium, arrows: &[] },
        one_of: &[],
        key: None,
        usage: None,
        refusals: Refusals {
            operations: &[("iam:CreateInstanceProfile", &["name"])],
            codes: &[("EntityAlreadyExists", &["name"])],
            words: &[("instance_profile_name", &["name"])],
            parts: &[],
        },
    };
    type Element = ToyElement;

    fn check(_: &ToyElement, _: &Scope<'_>, _: &mut Findings) {}

    fn lower(element: ToyElement, at: &Scope<'_>, out: &mut LoweredStack) {
        let toy = Toy {
            name: element.name.unwrap_or_else(|| at.name_within(NAME_LENGTH)),
            path: element.path,
            tags: at.tags(&at.element()),
        };
        out.add::<ToyKind>(at, at.element(), &toy);
    }
}
