//! The facts about the section.

use super::NAME_LENGTH;
use crate::spec::sections::about::{About, OneOf, PictureStyle, Refusals, Shape, Suffix};

pub(super) const ABOUT: &About = &About {
    name: "layers",
    singular: "layer",
    example: include_str!("../examples/layers.yaml"),
    synonyms: &[
        ("contenturi", "dir"),
        ("layername", "name"),
        ("license", "license_info"),
        ("layerversion", "layers"),
        ("layerversions", "layers"),
        ("lambdalayers", "layers"),
        ("lambdalayerversion", "layers"),
        ("runtimes", "compatible_runtimes"),
        ("architectures", "compatible_architectures"),
        ("architecture", "compatible_architectures"),
    ],
    uncovered: super::uncovered::TABLE,
    protected: false,
    suffix: Suffix::Property { property: "name", longest: NAME_LENGTH, fifo: None },
    picture: PictureStyle {
        icon: "M12 4 L21 9 L12 14 L3 9 Z M3 13 L12 18 L21 13",
        shape: Shape::Rectangle,
        arrows: &[],
    },
    one_of: &[OneOf { map: None, names: &["dir", "zip", "crate"] }],
    key: None,
    usage: None,
    refusals: Refusals {
        operations: &[],
        codes: &[],
        words: &[("layer_name", &["name"]), ("code_size", &["dir", "zip", "crate"])],
        parts: &[],
    },
};
