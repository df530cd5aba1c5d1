//! `deployer output`

use clap::Args;
use clap_complete::ArgValueCompleter;

use super::examples::Examples;
use super::options::Choice;
use super::run::Run;
use super::{Exit, OK, complete};
use crate::failure::Failure;
use crate::pipeline;
use crate::report::ready as form;
use crate::spec::nearest::{nearest, quoted};

/// Print the stack's outputs, or one bare value
#[derive(Debug, Args)]
#[command(add = EXAMPLES)]
pub struct Output {
    /// Print the bare value of this output alone.
    #[arg(add = ArgValueCompleter::new(complete::outputs))]
    name: Option<String>,
}

const EXAMPLES: Examples = Examples(&[
    ("deployer output", "all outputs, a line each"),
    ("curl \"$(deployer output api_url)\"", "one bare value"),
]);

impl Output {
    pub(super) async fn run(self, run: &Run) -> Exit {
        let Self { name } = self;
        let settings = run.settings_to_operate(&Choice::default(), "output")?;
        let loaded = pipeline::load(&settings)?;
        let mut outputs = pipeline::outputs(&loaded, &settings, &run.stop).await?;
        let secrets = loaded.document.secrets();
        // An apply before the variable became a secret may have stored its value.
        let (declared, lacking) = (loaded.graph.outputs(), loaded.document.lacking());
        let is_hidden =
            |name: &str| declared.get(name).is_some_and(|text| secrets.touches(text) || lacking.hides(text));
        outputs.retain(|name, value| !secrets.touches(value) && !is_hidden(name));
        if let Some(name) = &name
            && is_hidden(name)
        {
            let message = format!("the output `{name}` holds a secret, so it is not kept");
            return Err(Failure::plain("output::secret", message, "hand the secret on by other means"));
        }
        let Some(name) = name else {
            form::print_outputs(&run.terminal, &outputs);
            return Ok(OK);
        };
        let value =
            outputs.get(&name).ok_or_else(|| missing(&name, &outputs, loaded.graph.outputs().contains_key(&name)))?;
        form::print_output(&run.terminal, value);
        Ok(OK)
    }
}

fn missing(name: &str, outputs: &std::collections::BTreeMap<String, String>, declared: bool) -> Failure {
    let help = match nearest(name, outputs.keys().map(String::as_str)) {
        _ if declared => "run `deployer apply` first".to_owned(),
        Some(meant) => format!("did you mean `{meant}`?"),
        None if outputs.is_empty() => "run `deployer apply` first".to_owned(),
        None => format!("there are {}", quoted(outputs.keys().map(String::as_str))),
    };
    Failure::plain("output::unknown", format!("the applied stack has no output `{name}`"), help)
}
