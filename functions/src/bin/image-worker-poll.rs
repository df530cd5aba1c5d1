//! Works on the queue without Lambda: receives messages itself, for a container under steady load.

// The futures of a whole prompt, one in another down to the SDK, are deeper than the compiler looks by default.
#![recursion_limit = "256"]

use functions::events::queue;
use functions::poll::Worker;
use functions::start::{self, Started};
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
    // Before the first message: from here on a signal does not kill.
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
    let Started { studio, logger, queue, .. } = &started;
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
