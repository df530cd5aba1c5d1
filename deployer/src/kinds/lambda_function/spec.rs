//! The properties of a function.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::aws::tags::Tags;

/// A function; sizes in MB, the timeout in seconds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Function {
    pub function_name: String,
    /// ARN of the execution role.
    pub role: String,
    pub code: FunctionZip,
    pub runtime: String,
    pub handler: String,
    pub architectures: Vec<String>,
    pub memory_size: u32,
    pub timeout: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    #[serde(default)]
    pub environment: BTreeMap<String, String>,
    pub ephemeral_storage: u32,
    pub tracing_config: TracingConfig,
    pub logging_config: LoggingConfig,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dead_letter_target_arn: Option<String>,
    /// Layer version ARNs; later ones overwrite files of earlier ones.
    #[serde(default)]
    pub layers: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reserved_concurrent_executions: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kms_key_arn: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vpc_config: Option<VpcConfig>,
    #[serde(default)]
    pub tags: Tags,
}

impl Function {
    /// Returns a function of which only the name is known.
    pub(super) fn blank(name: &str) -> Self {
        Self {
            function_name: name.to_owned(),
            role: String::new(),
            code: FunctionZip::default(),
            runtime: String::new(),
            handler: String::new(),
            architectures: Vec::new(),
            memory_size: 128,
            timeout: 3,
            description: None,
            environment: BTreeMap::new(),
            ephemeral_storage: 512,
            tracing_config: TracingConfig { mode: "PassThrough".to_owned() },
            logging_config: LoggingConfig {
                log_format: "Text".to_owned(),
                application_log_level: None,
                system_log_level: None,
                log_group: String::new(),
            },
            dead_letter_target_arn: None,
            layers: Vec::new(),
            reserved_concurrent_executions: None,
            kms_key_arn: None,
            vpc_config: None,
            tags: Tags::new(),
        }
    }
}

/// The zip that the function runs.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct FunctionZip {
    /// AWS's `CodeSha256`: SHA-256 of the zip, in base64.
    pub sha256: String,
    /// Bytes of the zip, for people. Only the hash is compared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TracingConfig {
    /// `Active` or `PassThrough`.
    pub mode: String,
}

/// Destination and lowest level of log lines. Levels exist only with `JSON`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LoggingConfig {
    /// `JSON` or `Text`.
    pub log_format: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub application_log_level: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub system_log_level: Option<String>,
    pub log_group: String,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct VpcConfig {
    pub subnet_ids: Vec<String>,
    pub security_group_ids: Vec<String>,
}
