//! Processes the queue without Lambda: receives the messages itself, for a container under steady load.

// The nested futures of a whole prompt, down to the SDK, exceed the compiler's default recursion limit.
#![recursion_limit = "256"]

use functions::events::queue;
use functions::poll::Worker;
use functions::start::{self, Program};
use functions::stop::Stop;
use serde_json::json;
use std::process::ExitCode;
use tokio::signal::unix::{SignalKind, signal};

const NAME: &str = "image-worker-poll";

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let (started, settings) = match start::start_polling(NAME, queue::MODEL_TIMEOUT).await {
        Ok(started) => started,
        Err(error) => return start::give_up(NAME, &error),
    };
    // Set up before the first message: from here on a signal does not kill the process.
    let (mut terminate, mut interrupt) = match (signal(SignalKind::terminate()), signal(SignalKind::interrupt())) {
        (Ok(terminate), Ok(interrupt)) => (terminate, interrupt),
        (Err(error), _) | (_, Err(error)) => return start::give_up(NAME, &error),
    };
    let mut signalled = async || {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    };
    let Program { studio, logger, queue, .. } = &started;
    let worker = Worker { studio, logger, queue, settings: &settings };
    let stopping = Stop::default();
    let signals = async {
        signalled().await;
        stopping.request();
        signalled().await;
    };
    tokio::select! {
        _ = worker.run(&stopping) => ExitCode::SUCCESS,
        () = signals => {
            logger.start().warn("ended by a second signal, work under way is left", json!({}));
            ExitCode::FAILURE
        }
    }
}
