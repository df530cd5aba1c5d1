//! What both functions do before their first event.

use crate::aws::Clients;
use crate::config::{ConfigError, Settings};
use crate::log::{Logger, Stdout};
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
    let clients = Clients::new(&settings).await;
    let first = settings.models.swap_remove(0);
    let studio = Studio {
        model: Bedrock::new(clients.bedrock, first),
        store: S3Store::new(clients.s3, settings.bucket),
        random: OsRandom,
        prefix: settings.prefix,
    };
    Ok((studio, Logger::new(function, environment, Stdout)))
}

fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// Writes why `function` cannot go on, and returns the exit code that says so to Lambda.
pub fn give_up(function: &'static str, reason: &dyn std::fmt::Display) -> ExitCode {
    let logger = Logger::new(function, environment, Stdout);
    let fields = json!({"error": reason.to_string()});
    logger.start().error("the function cannot run", fields);
    ExitCode::FAILURE
}
