//! `deployer graph`

use std::path::{Path, PathBuf};

use clap::Args;

use super::examples::Examples;
use super::options::Choice;
use super::run::Run;
use super::{Exit, OK};
use crate::failure::Failure;
use crate::pipeline;
use crate::report::picture::{self, Page, Picture};
use crate::spec::visible;

/// Draw the stack: what there is and what flows between it, without AWS
#[derive(Debug, Args)]
#[command(add = EXAMPLES)]
pub struct Graph {
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// Write to this file instead of stdout.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// The language of a picture.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// For GitHub and other places that draw mermaid.
    #[default]
    Mermaid,
    /// For Graphviz.
    Dot,
    Svg,
    /// One page with details, for a browser.
    Html,
}

const EXAMPLES: Examples = Examples(&[
    ("deployer graph", "mermaid, which GitHub draws in Markdown"),
    ("deployer graph --format html --out stack.html", "a page of its own"),
    ("deployer graph --format dot | dot -Tpng -o stack.png", "a picture by Graphviz"),
]);

impl Graph {
    pub(super) async fn run(self, run: &Run) -> Exit {
        if run.terminal.json {
            let message = "a picture has no JSON form";
            return Err(Failure::plain("run::usage", message, "leave out `--json`, or take `deployer plan --json`"));
        }
        let mut settings = run.settings_offline(&Choice::default())?;
        settings.inputs.accept_missing = true;
        let loaded = run.load(&settings)?;
        pipeline::all_lowered(&loaded)?;
        let (document, secrets) = (&loaded.document, loaded.document.secrets());
        let drawn = Picture::of(document.stack(), &loaded.graph, None, secrets);
        let text = match self.format {
            Format::Mermaid => picture::mermaid(&drawn),
            Format::Dot => picture::dot(&drawn),
            Format::Svg => picture::svg(&drawn),
            Format::Html => {
                picture::html(&Page { picture: &drawn, about: document.region().to_owned(), plan: None, secrets })
            }
        };
        let text = secrets.mask(&text);
        let text = visible::text(&text);
        match self.out {
            Some(file) => check_write(&file, std::fs::write(&file, &*text))?,
            None => run.terminal.data(&text),
        }
        Ok(OK)
    }
}

/// Turns a failed write of a picture into a failure.
pub(super) fn check_write(file: &Path, done: std::io::Result<()>) -> Result<(), Failure> {
    done.map_err(|error| {
        let message = format!("cannot write {}: {error}", file.display());
        Failure::plain("graph::not-written", message, "name a file in a directory that exists")
    })
}
