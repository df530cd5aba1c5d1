//! Packages the functions' code, and reports warnings about it.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Mutex;

use super::{LoadedStack, Progress, Settings, root};
use crate::failure::{self, Failure};
use crate::mutex::{into_inner, lock};
use crate::package::{self, Artifact, PackageError};
use crate::spec::secrets::Secrets;
use crate::spec::sections::{CodeSource, LoweredCode, LoweredStack};
use crate::spec::template;

/// Returns the errors of elements whose cargo package or binary the workspace does not have.
pub(super) fn missing(lowered: &LoweredStack, settings: &Settings) -> Vec<(String, PackageError)> {
    let root = root(&settings.file);
    let with_code: Vec<_> = lowered.resources.iter().filter_map(|r| Some((r, r.code.as_ref()?))).collect();
    let requests = with_code.iter().map(|(_, code)| request(&root, code)).collect();
    let missing = package::missing(requests, &settings.machine.build).into_iter();
    missing.map(|(index, error)| (with_code[index].0.element.clone(), error)).collect()
}

/// Builds and zips the code of every function.
pub(super) async fn package(
    loaded: &LoadedStack,
    settings: &Settings,
    progress: &dyn Progress,
) -> Result<BTreeMap<String, Artifact>, Failure> {
    let document = &loaded.document;
    let root = root(&settings.file);
    let with_code: Vec<_> = loaded.graph.nodes().filter_map(|n| Some((n, n.code.as_ref()?))).collect();
    let requests = with_code.iter().map(|(_, code)| request(&root, code)).collect();
    let mut artifacts = BTreeMap::new();
    let mut errors = Vec::new();
    let masked = MaskedProgress { progress, secrets: document.secrets(), warnings: Mutex::default() };
    for ((node, _), built) in with_code.iter().zip(package::build_all(requests, &settings.machine.build, &masked).await)
    {
        match built {
            Ok(artifact) => {
                artifacts.insert(node.address.clone(), artifact);
            }
            Err(error) => errors.push((node.element.clone(), error)),
        }
    }
    errors.extend(too_large_together(loaded, &artifacts));
    let warnings = into_inner(masked.warnings);
    if !warnings.is_empty() {
        let of_element = |(request, warning): (usize, _)| (with_code[request].0.element.clone(), warning);
        let warnings = failure::package_warnings(warnings.into_iter().map(of_element), document);
        progress.warn(&warnings, document.source());
    }
    if errors.is_empty() { Ok(artifacts) } else { Err(Failure::package(errors, document)) }
}

/// Returns the errors of resources whose artifact is too large together with those that AWS unpacks beside it.
fn too_large_together(loaded: &LoadedStack, artifacts: &BTreeMap<String, Artifact>) -> Vec<(String, PackageError)> {
    let mut errors = Vec::new();
    for node in loaded.graph.nodes() {
        let Some(property) = node.kind.artifact().and_then(|artifact| artifact.joined) else { continue };
        let Some(own) = artifacts.get(&node.address) else { continue };
        let named = template::references(&node.spec[property]).into_iter();
        let joined: Vec<&Artifact> = named.filter_map(|(_, to)| artifacts.get(&to.address)).collect();
        if !joined.is_empty()
            && let Err(error) = package::check_together(std::iter::once(own).chain(joined))
        {
            errors.push((node.element.clone(), error));
        }
    }
    errors
}

/// Masks secrets in a build's output: a build may read them from files and print them.
struct MaskedProgress<'a> {
    progress: &'a dyn Progress,
    secrets: &'a Secrets,
    /// Warnings with the index of the request that each concerns.
    warnings: Mutex<Vec<(usize, package::Warning)>>,
}

impl package::BuildProgress for MaskedProgress<'_> {
    fn on(&self, event: package::BuildEvent<'_>) {
        match event {
            package::BuildEvent::Output { line } => {
                self.progress.on(package::BuildEvent::Output { line: &self.secrets.mask_cut(line) });
            }
            package::BuildEvent::Warning { request, warning } => {
                lock(&self.warnings).push((request, warning.clone()));
            }
            event => self.progress.on(event),
        }
    }
}

fn request(root: &Path, code: &LoweredCode) -> package::Request {
    let source = match &code.source {
        CodeSource::Cargo { package, bin, or_only, profile, features } => package::Source::Cargo(package::CargoBin {
            package: package.clone(),
            bin: bin.clone(),
            or_only: *or_only,
            profile: profile.clone(),
            features: features.clone(),
        }),
        CodeSource::Zip(path) => package::Source::Zip(path.clone()),
        CodeSource::Binary(path) => package::Source::Binary(path.clone()),
        CodeSource::Directory(path) => package::Source::Directory(path.clone()),
    };
    let architecture =
        if code.architecture == "arm64" { package::Architecture::Arm64 } else { package::Architecture::X86_64 };
    let platform = package::Platform { architecture, runtime: package::Runtime::from_name(&code.runtime) };
    let files = code.files.iter().map(|file| package::FileRule { from: file.from.clone(), to: file.to.clone() });
    let (layers, files, executable) = (code.layers, files.collect(), code.executable.clone());
    package::Request { root: root.to_owned(), source, platform, layers, files, executable }
}
