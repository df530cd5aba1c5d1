//! `deployer invoke`

use std::io::Read as _;

use clap::Args;
use clap_complete::ArgValueCompleter;
use serde_json::Value;

use super::examples::Examples;
use super::options::Choice;
use super::run::Run;
use super::{Exit, OK, complete};
use crate::failure::Failure;
use crate::operate::{choose, invoke};
use crate::pipeline;
use crate::report::ready as form;

/// Call a function and print its answer
#[derive(Debug, Args)]
#[command(add = EXAMPLES)]
pub struct Invoke {
    /// A function's name in stack.yaml.
    #[arg(add = ArgValueCompleter::new(complete::functions))]
    function: String,
    /// JSON, `@FILE`, or `-` for standard input.
    #[arg(default_value = "{}")]
    payload: String,
}

const EXAMPLES: Examples = Examples(&[
    ("deployer invoke image-worker @event.json", "call it with the event in a file"),
    ("deployer --local invoke image-worker", "in the local cloud"),
]);

impl Invoke {
    pub(super) async fn run(self, run: &Run) -> Exit {
        let Self { function, payload } = self;
        let payload = read(&payload, run).await?;
        let settings = run.settings_to_operate(&Choice::default(), "invoke")?;
        let loaded = run.recall_quietly(&settings).await?;
        let aws = pipeline::reach(&loaded, &settings, &run.stop).await?;
        let target = choose(&loaded.graph, &aws.place, &[function], &loaded.document)?.remove(0);
        let mut stop = run.stop.clone();
        let answer = tokio::select! {
            answer = invoke::invoke(&aws, &target.function_name, payload) => answer,
            _ = stop.wait_for(|asked| *asked > 0) => {
                let message = "interrupted; the function may go on until it is done";
                return Err(Failure::plain("run::interrupted", message, "what it did stands in its log: `deployer logs`"));
            }
        };
        let answer = answer.map_err(|error| Failure::aws(&error, &target.element, &loaded.document))?;
        form::print_answer(&run.terminal, &answer, loaded.document.secrets());
        match answer.error {
            None => Ok(OK),
            Some(kind) => Err(Failure::plain(
                "invoke::function-error",
                format!("`{}` failed ({kind}); its answer above says why", target.element),
                format!("its log: `deployer logs {}`", target.name()),
            )),
        }
    }
}

fn standard_input() -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    std::io::stdin().read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Reads the payload and checks that it is JSON.
async fn read(payload: &str, run: &Run) -> Result<Vec<u8>, Failure> {
    let unreadable = |what: &str, error: std::io::Error| {
        Failure::plain(
            "invoke::payload",
            format!("cannot read {what}: {error}"),
            "give JSON, `@FILE`, or `-` for standard input",
        )
    };
    let bytes = match payload.strip_prefix('@') {
        Some(file) => std::fs::read(file).map_err(|error| unreadable(file, error))?,
        None if payload == "-" => {
            // The user may interrupt while typing the payload.
            let typed = async {
                let read = tokio::task::spawn_blocking(standard_input).await.map_err(std::io::Error::other);
                read.flatten().map_err(|error| unreadable("standard input", error))
            };
            pipeline::unless_stopped(&run.stop, typed).await?
        }
        None => payload.as_bytes().to_vec(),
    };
    serde_json::from_slice::<Value>(&bytes).map_err(|error| {
        let help = "write it as JSON, such as '{\"prompt\": \"a fjord\"}'";
        Failure::plain("invoke::payload", format!("the payload is not JSON: {error}"), help)
    })?;
    Ok(bytes)
}
