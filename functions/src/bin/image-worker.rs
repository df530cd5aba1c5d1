//! Works on the queue: every message is a prompt, every prompt a picture.

use functions::budget::Budget;
use functions::events::queue::{self, QueueEvent};
use functions::start;
use lambda_runtime::{Error, LambdaEvent, Runtime, service_fn};
use std::process::ExitCode;
use std::time::SystemTime;

const NAME: &str = "image-worker";

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let (studio, logger) = match start::studio(NAME).await {
        Ok(made) => made,
        Err(error) => return start::give_up(NAME, &error),
    };
    let (studio, logger) = (&studio, &logger);
    let handler = service_fn(move |event: LambdaEvent<QueueEvent>| async move {
        let LambdaEvent { payload, context } = event;
        let budget = Budget::before_deadline(context.deadline, SystemTime::now(), queue::MARGIN);
        let answer = queue::answer(studio, logger, &payload, &context.request_id, budget).await;
        Ok::<_, Error>(answer)
    });
    match Runtime::new(handler).run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => start::give_up(NAME, &error),
    }
}
