//! The values of an environment: `vars/ENV.yaml` beside `stack.yaml`, and the notes that name the files of a plan.

use std::io::ErrorKind;
use std::path::PathBuf;

use super::Settings;
use crate::failure::Failure;
use crate::plan::Note;
use crate::spec::document::Document;
use crate::spec::environments::{DeclaredEnvironments, PREVIEW};
use crate::spec::source::SourceText;
use crate::spec::variables::Inputs;

/// The directory beside `stack.yaml` for the environments' values.
const DIRECTORY: &str = "vars";
/// The address of the notes about values.
const ADDRESS: &str = "vars";

/// Reads the text of `stack.yaml`.
pub(super) fn text(settings: &Settings) -> Result<SourceText, Failure> {
    SourceText::read(&settings.file).map_err(|error| Failure::unreadable(&settings.file, &error))
}

/// Reads the environments that `stack.yaml` declares.
///
/// # Errors
/// When the file cannot be read.
pub fn declared(settings: &Settings) -> Result<DeclaredEnvironments, Failure> {
    Ok(DeclaredEnvironments::read(&text(settings)?))
}

/// Returns the settings' inputs with the file of the environment's values: its own, or the common one of the previews.
pub(super) fn inputs(settings: &Settings, source: &SourceText) -> Result<Inputs, Failure> {
    let mut inputs = settings.inputs.clone();
    let Some(env) = &settings.inputs.preview else { return Ok(inputs) };
    let is_declared = DeclaredEnvironments::read(source).has(env);
    for name in [Some(env.as_str()), (!is_declared).then_some(PREVIEW)].into_iter().flatten() {
        let path = file(settings, name);
        match SourceText::read(&path) {
            Ok(found) => {
                inputs.env_file = Some(found);
                break;
            }
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => {
                let message = format!("cannot read {}: {error}", path.display());
                let help = format!("make it a readable file with the values of `{env}`, or remove it");
                return Err(Failure::plain("stack::var-file", message, help));
            }
        }
    }
    Ok(inputs)
}

fn file(settings: &Settings, name: &str) -> PathBuf {
    settings.file.with_file_name(DIRECTORY).join(format!("{name}.yaml"))
}

/// Names the files that the variables' values come from, and the file that a declared environment lacks.
pub(super) fn notes(document: &Document, settings: &Settings) -> Vec<Note> {
    if document.variables().is_empty() {
        return Vec::new();
    }
    let given = settings.inputs.var_files.iter().map(|file| file.path.as_path());
    let files: Vec<String> =
        document.env_file().into_iter().chain(given).map(|file| file.display().to_string()).collect();
    let read = (!files.is_empty()).then(|| format!("values come from {}", files.join(", then ")));
    let environment = document.environment();
    let lacks_file = environment.is_declared() && document.env_file().is_none();
    let lacks = lacks_file.then(|| {
        let (path, name) = (file(settings, environment.name()), environment.name());
        format!("{} does not exist, so `{name}` has the defaults", path.display())
    });
    [read, lacks].into_iter().flatten().map(|text| Note::text(ADDRESS, text)).collect()
}
