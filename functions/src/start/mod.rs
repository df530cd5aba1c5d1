//! Creates the clients and settings of the functions and the worker before their first event.

mod report;

use crate::aws::Clients;
use crate::clock::Clock;
use crate::config::{ConfigError, Polling, Settings};
use crate::limit::DailyLimit;
use crate::log::{Level, Logger, Stdout};
use crate::model::Bedrock;
use crate::random::OsRandom;
use crate::seed;
use crate::sqs::Sqs;
use crate::store::S3Store;
use crate::studio::Studio;
use serde_json::json;
use std::process::ExitCode;
use std::time::Duration;

/// The studio that uses AWS.
pub type AwsStudio = Studio<Bedrock, S3Store, OsRandom>;

/// The parts that are created once, before the first event.
pub struct Program {
    pub studio: AwsStudio,
    pub logger: Logger<Stdout>,
    pub queue: Sqs,
    pub settings: Settings,
}

/// Creates the log, the studio and the queue's client of `function` from the environment: clients, root certificates,
/// connection pool. One call of a model may take `model_timeout`, unless the environment states another time. Makes no
/// call; the first event opens the connections, which then stay open.
pub async fn start(function: &'static str, model_timeout: Duration) -> Result<Program, ConfigError> {
    Ok(assemble(function, model_timeout, Settings::read(read_variable)?).await)
}

/// Like [`start`], for a process that receives messages itself. Also returns its settings for that.
pub async fn start_polling(function: &'static str, model_timeout: Duration) -> Result<(Program, Polling), ConfigError> {
    let (settings, polling) = Polling::read(read_variable)?;
    Ok((assemble(function, model_timeout, settings).await, polling))
}

async fn assemble(function: &'static str, model_timeout: Duration, settings: Settings) -> Program {
    let logger = Logger::new(function, read_variable, Stdout);
    for warning in &settings.warnings {
        logger.start().line(Level::Warn, "the configuration may not work", json!({"warning": warning}));
    }
    let clients = Clients::new(&settings).await;
    let models = settings.models.iter().map(|model| Bedrock::new(clients.bedrock.clone(), model.clone()));
    let studio = Studio {
        models: models.collect(),
        store: S3Store::new(clients.s3, settings.bucket.clone(), settings.bucket_owner.clone()),
        random: OsRandom,
        clock: Clock::system(),
        prefix: settings.prefix.clone(),
        seeds: seed::RANGE,
        model_timeout: settings.model_timeout.unwrap_or(model_timeout),
        daily_limit: settings.daily_limit.map(DailyLimit::of),
    };
    Program { studio, logger, queue: Sqs { client: clients.sqs }, settings }
}

fn read_variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// Reports to Lambda and in the log why `function` cannot continue, and returns the exit code.
///
/// Lambda treats the report as an error of the initialisation, so that a caller of the function reads the reason
/// instead of "exited with error". After the first event the initialisation is over, and Lambda only logs the report.
pub fn give_up(function: &'static str, reason: &dyn std::fmt::Display) -> ExitCode {
    let reason = reason.to_string();
    if let Some(address) = read_variable("AWS_LAMBDA_RUNTIME_API") {
        // The log line below says the same, and nothing more can be done if the Runtime API does not answer.
        let _ = report::init_error(&address, &reason);
    }
    let logger = Logger::new(function, read_variable, Stdout);
    logger.start().error("the function cannot run", json!({"error": reason}));
    ExitCode::FAILURE
}
