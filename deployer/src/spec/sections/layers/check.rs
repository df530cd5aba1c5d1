//! Checks of a layer beyond the schema.

use super::LayerElement;
use crate::spec::finding::Findings;
use crate::spec::sections::{Scope, files};

pub(super) fn check(element: &LayerElement, at: &Scope<'_>, findings: &mut Findings) {
    if !at.common.tags.is_empty() {
        findings
            .error("layer::tags", at.path(["tags"]), "Lambda has no tags for layers")
            .at_key()
            .help("remove them; `description` and `license_info` are texts that AWS keeps with a layer");
    }
    if at.common.external {
        return;
    }
    content(element, at, findings);
    files::check(&element.files, element.zip.is_some(), at, findings);
    let is_inside = |to: &&String| files::is_inside(to);
    if let Some(to) = element.to.as_ref().filter(|to| !is_inside(to) || to.ends_with('/')) {
        findings
            .error("package::file-place", at.path(["to"]), format!("`{to}` is no place in the zip"))
            .help("write a path without `..` that does not begin or end with `/`: `bin/NAME` is `/opt/bin/NAME`");
    }
    if element.package.is_some() && element.compatible_architectures.len() > 1 {
        findings
            .error(
                "layer::architecture",
                at.path(["compatible_architectures"]),
                "a binary is built for one processor, and runs on no other",
            )
            .help("keep one of them, and add a second layer for the other");
    }
}

/// Reports a layer without exactly one source, and properties of a crate beside another source.
fn content(element: &LayerElement, at: &Scope<'_>, findings: &mut Findings) {
    let sources =
        [("dir", element.dir.is_some()), ("zip", element.zip.is_some()), ("crate", element.package.is_some())];
    let given: Vec<&str> = sources.into_iter().filter(|(_, given)| *given).map(|(name, _)| name).collect();
    match given.as_slice() {
        [_] => {}
        [] => {
            findings
                .error("layer::content", at.path::<&str>([]), "the layer has no content")
                .at_key()
                .help("name a directory with `dir: PATH`, or give `zip: PATH` or `crate: PACKAGE`");
        }
        [_, second, ..] => {
            let message = format!("the content is given twice: {}", given.join(" and "));
            findings
                .error("layer::content", at.path([*second]), message)
                .at_key()
                .help(format!("keep one of {}", given.join(", ")));
        }
    }
    let of_crate = [
        ("bin", element.bin.is_some()),
        ("profile", element.profile.is_some()),
        ("features", !element.features.is_empty()),
        ("to", element.to.is_some()),
    ];
    let is_built = element.package.is_some();
    for (property, _) in of_crate.into_iter().filter(|(_, given)| *given && !is_built) {
        findings
            .error("layer::only-with-crate", at.path([property]), format!("`{property}` belongs to `crate`"))
            .at_key()
            .help(format!("add `crate: PACKAGE` or remove `{property}`"));
    }
}
