//! A function's spec as Lambda takes it, and Lambda's answer as a spec.

use aws_sdk_lambda::operation::get_function::GetFunctionOutput;
use aws_sdk_lambda::types as sdk;

use super::{Function, FunctionZip, LoggingConfig, TracingConfig, VpcConfig};
use crate::aws::{Aws, AwsError, tags};
use crate::kinds::Changes;

/// Converts to AWS's signed number. The range was checked before and fits.
pub(super) fn number(value: u32) -> i32 {
    i32::try_from(value).unwrap_or(i32::MAX)
}

pub(super) fn architectures(want: &Function) -> Vec<sdk::Architecture> {
    want.architectures.iter().map(|a| sdk::Architecture::from(a.as_str())).collect()
}

pub(super) fn environment(want: &Function) -> sdk::Environment {
    sdk::Environment::builder().set_variables(Some(want.environment.clone().into_iter().collect())).build()
}

pub(super) fn ephemeral_storage(want: &Function) -> Result<sdk::EphemeralStorage, AwsError> {
    sdk::EphemeralStorage::builder()
        .size(number(want.ephemeral_storage))
        .build()
        .map_err(|e| AwsError::Shape { what: "ephemeral_storage".into(), message: e.to_string() })
}

pub(super) fn is_traced(want: &Function) -> bool {
    want.tracing_config.mode == "Active"
}

pub(super) fn tracing(want: &Function) -> sdk::TracingConfig {
    sdk::TracingConfig::builder().mode(sdk::TracingMode::from(want.tracing_config.mode.as_str())).build()
}

pub(super) fn logging(want: &Function) -> sdk::LoggingConfig {
    let logging = &want.logging_config;
    sdk::LoggingConfig::builder()
        .log_format(sdk::LogFormat::from(logging.log_format.as_str()))
        .set_application_log_level(logging.application_log_level.as_deref().map(sdk::ApplicationLogLevel::from))
        .set_system_log_level(logging.system_log_level.as_deref().map(sdk::SystemLogLevel::from))
        .log_group(&logging.log_group)
        .build()
}

/// Returns the dead-letter target; an empty one clears the dead-letter queue.
pub(super) fn dead_letter(want: &Function) -> sdk::DeadLetterConfig {
    sdk::DeadLetterConfig::builder().target_arn(want.dead_letter_target_arn.as_deref().unwrap_or_default()).build()
}

/// Returns the network; empty lists take the function out of its VPC.
pub(super) fn vpc(want: &Function) -> sdk::VpcConfig {
    let vpc = want.vpc_config.clone().unwrap_or_default();
    sdk::VpcConfig::builder()
        .set_subnet_ids(Some(vpc.subnet_ids))
        .set_security_group_ids(Some(vpc.security_group_ids))
        .build()
}

/// Calls UpdateFunctionConfiguration with the changed properties alone. An omitted property keeps its value, so a
/// removed one is sent in its empty form.
pub(super) async fn update_configuration(aws: &Aws, want: &Function, changes: &Changes) -> Result<(), AwsError> {
    let changed = |property: &str| changes.touch(property);
    let call = aws
        .clients
        .lambda
        .update_function_configuration()
        .function_name(&want.function_name)
        .set_role(changed("role").then(|| want.role.clone()))
        .set_runtime(changed("runtime").then(|| sdk::Runtime::from(want.runtime.as_str())))
        .set_handler(changed("handler").then(|| want.handler.clone()))
        .set_memory_size(changed("memory_size").then(|| number(want.memory_size)))
        .set_timeout(changed("timeout").then(|| number(want.timeout)))
        .set_description(changed("description").then(|| want.description.clone().unwrap_or_default()))
        .set_environment(changed("environment").then(|| environment(want)))
        .set_ephemeral_storage(changed("ephemeral_storage").then(|| ephemeral_storage(want)).transpose()?)
        .set_tracing_config(changed("tracing_config").then(|| tracing(want)))
        .set_logging_config(changed("logging_config").then(|| logging(want)))
        .set_dead_letter_config(changed("dead_letter_target_arn").then(|| dead_letter(want)))
        .set_layers(changed("layers").then(|| want.layers.clone()))
        .set_kms_key_arn(changed("kms_key_arn").then(|| want.kms_key_arn.clone().unwrap_or_default()))
        .set_vpc_config(changed("vpc_config").then(|| vpc(want)));
    aws.call("lambda:UpdateFunctionConfiguration", call.send()).await.map(drop)
}

/// Converts the live function to a spec with AWS's defaults filled in, and returns the notes for the user.
pub(super) fn to_spec(name: &str, found: GetFunctionOutput) -> Result<(Function, Vec<String>), AwsError> {
    let missing = |field: &str| AwsError::missing("lambda:GetFunction", field);
    let c = found.configuration.ok_or_else(|| missing("Configuration"))?;
    let notes = notes(&c);
    let unsigned = |value: Option<i32>| value.and_then(|v| u32::try_from(v).ok());
    let vpc = c.vpc_config.unwrap_or_else(|| sdk::VpcConfigResponse::builder().build());
    let function = Function {
        function_name: name.to_owned(),
        role: c.role.ok_or_else(|| missing("Role"))?,
        code: FunctionZip { sha256: c.code_sha256.unwrap_or_default(), size: u64::try_from(c.code_size).ok() },
        runtime: c.runtime.map(|r| r.as_str().to_owned()).unwrap_or_default(),
        handler: c.handler.unwrap_or_default(),
        architectures: c
            .architectures
            .filter(|a| !a.is_empty())
            .map_or_else(|| vec!["x86_64".into()], |all| all.iter().map(|a| a.as_str().to_owned()).collect()),
        memory_size: unsigned(c.memory_size).unwrap_or(128),
        timeout: unsigned(c.timeout).unwrap_or(3),
        description: text(c.description),
        environment: c.environment.and_then(|e| e.variables).unwrap_or_default().into_iter().collect(),
        ephemeral_storage: c.ephemeral_storage.and_then(|e| u32::try_from(e.size).ok()).unwrap_or(512),
        tracing_config: TracingConfig {
            mode: c.tracing_config.and_then(|t| t.mode).map_or("PassThrough".into(), |m| m.as_str().to_owned()),
        },
        logging_config: logging_config(name, c.logging_config),
        dead_letter_target_arn: text(c.dead_letter_config.and_then(|d| d.target_arn)),
        layers: c.layers.unwrap_or_default().into_iter().filter_map(|layer| layer.arn).collect(),
        reserved_concurrent_executions: unsigned(found.concurrency.and_then(|c| c.reserved_concurrent_executions)),
        kms_key_arn: text(c.kms_key_arn),
        vpc_config: Some(VpcConfig {
            subnet_ids: sorted(vpc.subnet_ids),
            security_group_ids: sorted(vpc.security_group_ids),
        })
        .filter(|vpc| *vpc != VpcConfig::default()),
        tags: tags::without_aws(found.tags.unwrap_or_default()),
    };
    Ok((function, notes))
}

fn text(value: Option<String>) -> Option<String> {
    value.filter(|v| !v.is_empty())
}

fn sorted(ids: Option<Vec<String>>) -> Vec<String> {
    let mut ids = ids.unwrap_or_default();
    ids.sort();
    ids
}

/// Converts the logging. AWS's default level is `INFO` with `JSON`; `Text` has no levels.
fn logging_config(name: &str, live: Option<sdk::LoggingConfig>) -> LoggingConfig {
    let live = live.unwrap_or_else(|| sdk::LoggingConfig::builder().build());
    let log_format = live.log_format.map_or("Text".into(), |f| f.as_str().to_owned());
    let level = |level: Option<String>| (log_format == "JSON").then(|| level.unwrap_or_else(|| "INFO".into()));
    LoggingConfig {
        application_log_level: level(live.application_log_level.map(|l| l.as_str().to_owned())),
        system_log_level: level(live.system_log_level.map(|l| l.as_str().to_owned())),
        log_group: text(live.log_group).unwrap_or_else(|| format!("/aws/lambda/{name}")),
        log_format,
    }
}

fn notes(c: &sdk::FunctionConfiguration) -> Vec<String> {
    let mut notes = Vec::new();
    let reason = |reason: Option<&str>| reason.filter(|r| !r.is_empty()).map(|r| format!(": {r}")).unwrap_or_default();
    match &c.state {
        None | Some(sdk::State::Active) => {}
        // An update in progress is no news for the user; some clouds report it as `Pending`, too.
        Some(sdk::State::Pending) if c.last_update_status == Some(sdk::LastUpdateStatus::InProgress) => {}
        Some(state) => notes.push(format!("state {}{}", state.as_str(), reason(c.state_reason.as_deref()))),
    }
    match &c.last_update_status {
        // An update in progress ends by itself within seconds.
        None | Some(sdk::LastUpdateStatus::Successful | sdk::LastUpdateStatus::InProgress) => {}
        Some(sdk::LastUpdateStatus::Failed) => {
            notes.push(format!("its last update failed{}", reason(c.last_update_status_reason.as_deref())));
        }
        Some(status) => notes.push(format!("its last update is {}", status.as_str())),
    }
    if let Some(error) = c.environment.as_ref().and_then(|e| e.error.as_ref()) {
        let message = error.message.as_deref().or(error.error_code.as_deref());
        notes.push(format!("its environment cannot be read{}", reason(message)));
    }
    notes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn live(configuration: sdk::FunctionConfiguration) -> (Function, Vec<String>) {
        to_spec("f", GetFunctionOutput::builder().configuration(configuration).build()).unwrap()
    }

    fn bare() -> sdk::builders::FunctionConfigurationBuilder {
        sdk::FunctionConfiguration::builder().role("arn:aws:iam::1:role/r")
    }

    #[test]
    fn what_lambda_leaves_out_reads_as_its_documented_default() {
        let (function, notes) = live(bare().build());
        assert_eq!((function.memory_size, function.timeout, function.ephemeral_storage), (128, 3, 512));
        assert_eq!(function.architectures, ["x86_64"]);
        assert_eq!(function.tracing_config.mode, "PassThrough");
        assert_eq!(function.logging_config.log_group, "/aws/lambda/f");
        assert_eq!((function.vpc_config, function.logging_config.application_log_level), (None, None));
        assert!(notes.is_empty());
    }

    #[test]
    fn empty_texts_and_lists_read_as_not_set() {
        let (function, _) = live(
            bare()
                .description("")
                .kms_key_arn("")
                .dead_letter_config(sdk::DeadLetterConfig::builder().target_arn("").build())
                .vpc_config(sdk::VpcConfigResponse::builder().set_subnet_ids(Some(vec![])).vpc_id("").build())
                .build(),
        );
        assert_eq!(
            (function.description, function.kms_key_arn, function.dead_letter_target_arn, function.vpc_config),
            (None, None, None, None)
        );
    }

    #[test]
    fn json_logging_has_levels_even_if_lambda_does_not_name_them() {
        let logging = sdk::LoggingConfig::builder().log_format(sdk::LogFormat::Json).build();
        let (function, _) = live(bare().logging_config(logging).build());
        assert_eq!(function.logging_config.application_log_level.as_deref(), Some("INFO"));
        assert_eq!(function.logging_config.system_log_level.as_deref(), Some("INFO"));
    }

    #[test]
    fn a_failed_function_says_why() {
        let (_, notes) = live(
            bare()
                .state(sdk::State::Failed)
                .state_reason("no free ENI")
                .last_update_status(sdk::LastUpdateStatus::Failed)
                .last_update_status_reason("zip is damaged")
                .build(),
        );
        assert_eq!(notes, ["state Failed: no free ENI", "its last update failed: zip is damaged"]);
    }
}
