//! `layers:` — layers of functions: directories, zips, or extensions that cargo builds.

mod about;
mod check;
mod uncovered;

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Deserialize;

use super::about::longest_name;
use super::files::{self, FileElement};
use super::functions::Architecture;
use super::{About, CodeSource, LoweredCode, LoweredStack, Scope, Section};
use crate::kinds::lambda_layer::{LambdaLayer, Layer, LayerZip};
use crate::spec::finding::Findings;

/// Longest name of a layer, in characters.
const NAME_LENGTH: usize = longest_name::<LambdaLayer>();

/// The layers section.
pub struct Layers;

/// A layer. Its content is exactly one of `dir`, `zip` and `crate`. Lambda unpacks it to `/opt`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LayerElement {
    /// A directory whose files are zipped: `python/` for modules of Python, `nodejs/node_modules/`, `lib/` for shared
    /// libraries, `bin/` for programs. Names that begin with a dot are left out.
    #[schemars(length(min = 1))]
    pub dir: Option<PathBuf>,
    /// A ready zip file.
    #[schemars(length(min = 1))]
    pub zip: Option<PathBuf>,
    /// A cargo package of this workspace, which is built for Lambda: an extension, or a program for functions.
    #[serde(rename = "crate")]
    #[schemars(length(min = 1))]
    pub package: Option<String>,
    /// The binary of the package. Default: the one with the element's name, else the package's only one.
    #[schemars(length(min = 1))]
    pub bin: Option<String>,
    /// The cargo profile to build with. Default: `lambda` if the workspace has it, else `release`.
    #[schemars(length(min = 1))]
    pub profile: Option<String>,
    /// Cargo features to build with.
    #[serde(default)]
    pub features: Vec<String>,
    /// The place of the binary in the layer. Default: `extensions/NAME`, from where Lambda starts it beside the function.
    #[schemars(length(min = 1))]
    pub to: Option<String>,
    /// Files that are zipped as well: paths and patterns from the directory of `stack.yaml`, or
    /// `{ from: assets/fonts, to: fonts }`.
    #[serde(default)]
    pub files: Vec<FileElement>,
    /// The layer's name in AWS. Default: the stack's name and the element's.
    #[schemars(length(min = 1, max = NAME_LENGTH), regex(pattern = r"^[A-Za-z0-9_-]+$"))]
    pub name: Option<String>,
    /// The purpose of the layer. AWS shows it with the stack's name.
    #[schemars(length(max = 256))]
    pub description: Option<String>,
    /// The licence: an SPDX identifier such as `MIT`, the address of a text, or the text itself.
    #[schemars(length(max = 512))]
    pub license_info: Option<String>,
    /// The runtimes that the layer is for, for people and for checks of this stack: `[python3.13]`. Default: all.
    #[serde(default)]
    #[schemars(length(max = 15))]
    pub compatible_runtimes: Vec<String>,
    /// The processors that the layer is for. A `crate` is built for the first. Default: all; `[x86_64]` for a `crate`.
    #[serde(default)]
    #[schemars(length(max = 2))]
    pub compatible_architectures: Vec<Architecture>,
}

impl Section for Layers {
    const ABOUT: &'static About = about::ABOUT;
    type Element = LayerElement;

    fn check(element: &LayerElement, at: &Scope<'_>, findings: &mut Findings) {
        check::check(element, at, findings);
    }

    fn lower(element: LayerElement, at: &Scope<'_>, out: &mut LoweredStack) {
        let name = element.name.clone().unwrap_or_else(|| at.name_within(NAME_LENGTH));
        let owner = if at.common.external { String::new() } else { at.stack.to_owned() };
        let code = code(&element, at).filter(|_| !at.common.external);
        let architectures = architectures(&element);
        let mut compatible_runtimes = element.compatible_runtimes;
        compatible_runtimes.sort();
        let layer = Layer {
            layer_name: name,
            owner,
            content: LayerZip::default(),
            description: element.description.filter(|text| !text.is_empty()),
            license_info: element.license_info.filter(|text| !text.is_empty()),
            compatible_runtimes,
            compatible_architectures: architectures,
        };
        out.add::<LambdaLayer>(at, at.element(), &layer).code = code;
    }
}

/// Returns the names of the architectures, sorted.
fn architectures(element: &LayerElement) -> Vec<String> {
    let mut names: Vec<String> = element.compatible_architectures.iter().map(|one| one.name().to_owned()).collect();
    if names.is_empty() && element.package.is_some() {
        names.push(Architecture::X86_64.name().to_owned());
    }
    names.sort();
    names.dedup();
    names
}

fn code(element: &LayerElement, at: &Scope<'_>) -> Option<LoweredCode> {
    let bin = element.bin.clone().unwrap_or_else(|| at.name.to_owned());
    let cargo = element.package.as_ref().map(|package| CodeSource::Cargo {
        package: package.clone(),
        bin: bin.clone(),
        or_only: element.bin.is_none(),
        profile: element.profile.clone(),
        features: element.features.clone(),
    });
    let source = cargo
        .or_else(|| element.zip.clone().map(CodeSource::Zip))
        .or_else(|| element.dir.clone().map(CodeSource::Directory))?;
    let is_built = element.package.is_some();
    let first = element.compatible_architectures.first().copied().unwrap_or_default();
    Some(LoweredCode {
        source,
        architecture: first.name().to_owned(),
        // Nothing is known of the content of a directory or a zip.
        runtime: if is_built { "provided.al2023".to_owned() } else { String::new() },
        layers: is_built,
        files: files::lower(&element.files),
        executable: is_built.then(|| element.to.clone().unwrap_or_else(|| format!("extensions/{bin}"))),
    })
}
