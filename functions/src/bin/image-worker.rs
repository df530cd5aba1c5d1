//! Processes the queue: every message is a prompt, and every prompt becomes a picture.

// The nested futures of a whole prompt, down to the SDK, exceed the compiler's default recursion limit.
#![recursion_limit = "256"]

use functions::budget::Budget;
use functions::events::Invocation;
use functions::events::queue::{self, Messages};
use functions::start::{self, Program};
use lambda_runtime::{Error, LambdaEvent, Runtime, service_fn};
use serde_json::Value;
use std::process::ExitCode;
use std::time::SystemTime;

const NAME: &str = "image-worker";

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let started = match start::start(NAME, queue::MODEL_TIMEOUT).await {
        Ok(started) => started,
        Err(error) => return start::give_up(NAME, &error),
    };
    let Program { studio, logger, queue, settings } = &started;
    let messages = &Messages { queue, url: settings.queue_url.as_deref() };
    let handler = service_fn(move |event: LambdaEvent<Value>| async move {
        let LambdaEvent { payload, context } = event;
        let budget = Budget::before_deadline(context.deadline, SystemTime::now(), queue::MARGIN);
        let trace_id = context.xray_trace_id.as_deref();
        let invocation = Invocation { request_id: &context.request_id, trace_id, budget, stop: None };
        let answer = queue::answer(studio, logger, messages, &payload, invocation).await;
        Ok::<_, Error>(answer)
    });
    match Runtime::new(handler).run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => start::give_up(NAME, &error),
    }
}
