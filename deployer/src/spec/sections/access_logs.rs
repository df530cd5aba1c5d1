//! The log of an API's requests, for both types of APIs.

use schemars::JsonSchema;
use serde::Deserialize;

use super::log_groups::check_retention;
use super::{LoweredStack, Scope, reference};
use crate::kinds::log_group::{LogGroup, LogGroupKind};
use crate::spec::finding::{DocPath, Findings};

/// The variables of which a line of the log has to have one.
const REQUEST_IDS: [&str; 2] = ["$context.requestId", "$context.extendedRequestId"];

/// The log of an API's requests.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AccessLogs {
    /// The ARN of a log group. Default: the API has one of its own.
    pub log_group_arn: Option<String>,
    /// A line of the log, with `$context` variables, among them `$context.requestId`. Default: JSON with the most
    /// useful ones.
    #[schemars(length(min = 1, max = 3072))]
    pub format: Option<String>,
    /// Days that the API's own log group keeps a line: 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731,
    /// 1096, 1827, 2192, 2557, 2922, 3288 or 3653. Default: 30.
    #[schemars(range(min = 1, max = 3653))]
    pub retention_in_days: Option<u32>,
    /// ARN of the KMS key for the API's own log group. The key's policy has to let CloudWatch Logs use it.
    pub kms_key_id: Option<String>,
}

/// The days of an API's own log group for which none are stated.
const RETENTION_DAYS: u32 = 30;

/// The codes of a section's findings about its logs.
pub(super) struct LogCodes {
    pub format: &'static str,
    pub group: &'static str,
    pub line: &'static str,
}

impl AccessLogs {
    /// Checks what the schema cannot tell, at the path of the log.
    pub(super) fn check(&self, at: &DocPath, codes: &LogCodes, findings: &mut Findings) {
        if let Some(format) = &self.format {
            if !REQUEST_IDS.iter().any(|id| format.contains(id)) {
                findings
                    .error(codes.format, at.then("format"), "API Gateway takes no line without the request's id")
                    .help(format!("add `{}`", REQUEST_IDS[0]));
            }
            if format.contains('\n') {
                findings
                    .error(codes.line, at.then("format"), "API Gateway takes a format of one line alone")
                    .help("write it on one line; in YAML, `>-` joins the lines of a text");
            }
        }
        if let Some(days) = self.retention_in_days {
            check_retention(days, at.then("retention_in_days"), findings);
        }
        if let Some(key) = &self.kms_key_id
            && !key.starts_with("arn:")
            && !key.starts_with("${")
        {
            findings
                .error("log_group::kms-key", at.then("kms_key_id"), "CloudWatch Logs takes a key's ARN only")
                .help("write `arn:aws:kms:REGION:ACCOUNT:key/ID`");
        }
        if let Some(arn) = &self.log_group_arn {
            if !arn.contains(":log-group:") && !arn.starts_with("${") {
                findings
                    .error(codes.group, at.then("log_group_arn"), format!("`{arn}` is no ARN of a log group"))
                    .help("write `${log_groups.NAME.arn}`, or leave it out: the API then has a log group of its own");
            }
            let own =
                [("kms_key_id", self.kms_key_id.is_some()), ("retention_in_days", self.retention_in_days.is_some())];
            for (property, _) in own.into_iter().filter(|(_, is_stated)| *is_stated) {
                findings
                    .error(codes.group, at.then(property), "it is about the API's own log group, and the API has none")
                    .at_key()
                    .help("remove it, or `log_group_arn`");
            }
        }
    }

    /// Returns the ARN of the log's group. Adds a group of this name if the API has its own.
    pub(super) fn lower_group(&self, name: &str, at: &Scope<'_>, out: &mut LoweredStack) -> String {
        if let Some(arn) = &self.log_group_arn {
            return arn.clone();
        }
        let address = at.part("log_group");
        let group = LogGroup {
            name: valid_name(name),
            retention_in_days: Some(self.retention_in_days.unwrap_or(RETENTION_DAYS)),
            kms_key_id: self.kms_key_id.clone(),
            tags: at.tags(&address),
            ..LogGroup::default()
        };
        out.add::<LogGroupKind>(at, address.clone(), &group);
        out.alias(at, "log_group", &address, "name");
        reference(&address, "arn")
    }
}

/// Replaces characters that a log group's name cannot have. References stay as they are.
fn valid_name(name: &str) -> String {
    if name.contains("${") {
        return name.to_owned();
    }
    name.chars().map(|c| if c.is_ascii_alphanumeric() || ".-_/#".contains(c) { c } else { '-' }).collect()
}
