//! What both functions do before their first event.

mod report;

use crate::aws::Clients;
use crate::config::{ConfigError, Settings};
use crate::log::{Level, Logger, Stdout};
use crate::model::Bedrock;
use crate::random::OsRandom;
use crate::store::S3Store;
use crate::studio::Studio;
use serde_json::json;
use std::process::ExitCode;

/// The studio that works with AWS.
pub type AwsStudio = Studio<Bedrock, S3Store, OsRandom>;

/// Makes the log and the studio of `function` from the environment: clients, root certificates, connection pool.
/// It makes no call; connections come about with the first event, and stay.
pub async fn studio(function: &'static str) -> Result<(AwsStudio, Logger<Stdout>), ConfigError> {
    let mut settings = Settings::read(environment)?;
    let logger = Logger::new(function, environment, Stdout);
    for warning in &settings.warnings {
        logger.start().line(Level::Warn, "the configuration may not work", json!({"warning": warning}));
    }
    let clients = Clients::new(&settings).await;
    let first = settings.models.swap_remove(0);
    let studio = Studio {
        model: Bedrock::new(clients.bedrock, first),
        store: S3Store::new(clients.s3, settings.bucket),
        random: OsRandom,
        prefix: settings.prefix,
    };
    Ok((studio, logger))
}

fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// Says why `function` cannot go on, to Lambda and in the log, and returns the exit code.
///
/// Lambda hears it as an error of the initialisation: whoever invokes the function is told the reason instead of "exited
/// with error". A process that has already taken events is not at its start any more, and Lambda only logs the call.
pub fn give_up(function: &'static str, reason: &dyn std::fmt::Display) -> ExitCode {
    let reason = reason.to_string();
    if let Some(address) = environment("AWS_LAMBDA_RUNTIME_API") {
        // The log line below says the same, and there is nothing left to do about a Runtime API that does not listen.
        let _ = report::init_error(&address, &reason);
    }
    let logger = Logger::new(function, environment, Stdout);
    logger.start().error("the function cannot run", json!({"error": reason}));
    ExitCode::FAILURE
}
