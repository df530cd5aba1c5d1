//! Answers `POST /generate-image`: one prompt, one picture.

// The futures of a whole prompt, one in another down to the SDK, are deeper than the compiler looks by default.
#![recursion_limit = "256"]

use functions::budget::Budget;
use functions::events::http::{self, HttpEvent};
use functions::start::{self, Started};
use lambda_runtime::{Error, LambdaEvent, Runtime, service_fn};
use std::process::ExitCode;
use std::time::SystemTime;

const NAME: &str = "generate-image";

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let started = match start::start(NAME, http::MODEL_TIMEOUT).await {
        Ok(started) => started,
        Err(error) => return start::give_up(NAME, &error),
    };
    let Started { studio, logger, .. } = &started;
    let handler = service_fn(move |event: LambdaEvent<HttpEvent>| async move {
        let LambdaEvent { payload, context } = event;
        let budget = Budget::before_deadline(context.deadline, SystemTime::now(), http::MARGIN);
        let answer = http::answer(studio, logger, &payload, &context.request_id, budget).await;
        Ok::<_, Error>(answer)
    });
    match Runtime::new(handler).run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => start::give_up(NAME, &error),
    }
}
