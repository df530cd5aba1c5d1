//! The files of a zip besides its code: `files: [ "static/**", { from: assets/model.bin, to: model.bin } ]`.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{LoweredFile, Scope};
use crate::spec::finding::Findings;

/// A path or pattern, or a map with the place in the zip.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum FileElement {
    /// A file, a directory or a pattern, from the directory of `stack.yaml`: `static/**`.
    Path(String),
    Map(PlacedFile),
}

/// Files with another place in the zip.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PlacedFile {
    /// A file, a directory or a pattern, from the directory of `stack.yaml`. `../` leads as far up as the cargo workspace
    /// reaches.
    #[schemars(length(min = 1))]
    pub from: String,
    /// The name in the zip: of the file, or of the directory for all files of a directory or a pattern. One that ends in
    /// `/` is a directory in any case. `./` is the top of the zip.
    #[schemars(length(min = 1))]
    pub to: String,
}

impl FileElement {
    fn from(&self) -> &str {
        match self {
            Self::Path(path) => path,
            Self::Map(file) => &file.from,
        }
    }

    fn to(&self) -> Option<&str> {
        match self {
            Self::Path(_) => None,
            Self::Map(file) => Some(&file.to),
        }
    }
}

/// Reports files that a ready zip would need, and places outside of the zip.
pub(super) fn check(files: &[FileElement], is_ready: bool, at: &Scope<'_>, findings: &mut Findings) {
    if is_ready && !files.is_empty() {
        findings
            .error("package::files-with-zip", at.path(["files"]), "a ready zip is uploaded as it is")
            .at_key()
            .help("add the files to the zip, or name what it is made of: `crate: PACKAGE` or `dir: DIRECTORY`");
    }
    for (index, to) in files.iter().enumerate().filter_map(|(index, file)| Some((index, file.to()?))) {
        if !is_inside(to) {
            let path = at.path(["files".to_owned(), index.to_string(), "to".to_owned()]);
            findings
                .error("package::file-place", path, format!("`{to}` is no place in the zip"))
                .help("write a path without `..` that does not begin with `/`; `./` is the top of the zip");
        }
    }
}

/// Tells whether a place is one in the zip.
pub(super) fn is_inside(to: &str) -> bool {
    !to.starts_with(['/', '~']) && !to.contains('\\') && to.split('/').all(|part| part != "..")
}

/// Returns the files as they are packaged.
pub(super) fn lower(files: &[FileElement]) -> Vec<LoweredFile> {
    let one = |file: &FileElement| LoweredFile { from: file.from().to_owned(), to: file.to().map(str::to_owned) };
    files.iter().map(one).collect()
}
