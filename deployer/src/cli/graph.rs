//! `deployer graph`

use std::path::{Path, PathBuf};

use super::options::{Choice, Format};
use super::run::Run;
use super::{Exit, OK};
use crate::failure::Failure;
use crate::report::picture::{self, Page, Picture};
use crate::spec::visible;

pub(super) fn run(run: &Run, format: Format, out: Option<PathBuf>) -> Exit {
    if run.terminal.json {
        let message = "a picture has no JSON form";
        return Err(Failure::plain("run::usage", message, "leave out `--json`, or take `deployer plan --json`"));
    }
    let loaded = run.load(&run.settings_offline(&Choice::default())?)?;
    let (document, secrets) = (&loaded.document, loaded.document.secrets());
    let drawn = Picture::of(document.stack(), &loaded.graph, None, secrets);
    let text = match format {
        Format::Mermaid => picture::mermaid(&drawn),
        Format::Dot => picture::dot(&drawn),
        Format::Svg => picture::svg(&drawn),
        Format::Html => {
            picture::html(&Page { picture: &drawn, about: document.region().to_owned(), plan: None, secrets })
        }
    };
    let text = secrets.mask(&text);
    let text = visible::text(&text);
    match out {
        Some(file) => written(&file, std::fs::write(&file, &*text))?,
        None => run.terminal.data(&text),
    }
    Ok(OK)
}

/// Turns a failed write of a picture into a failure.
pub(super) fn written(file: &Path, done: std::io::Result<()>) -> Result<(), Failure> {
    done.map_err(|error| {
        let message = format!("cannot write {}: {error}", file.display());
        Failure::plain("graph::not-written", message, "name a file in a directory that exists")
    })
}
