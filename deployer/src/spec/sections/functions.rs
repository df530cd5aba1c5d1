//! `functions:` — Lambda functions, each with its code, its own role and log group, and the sources of its calls.

mod about;
mod asynchronous;
mod check;
mod event;
mod keys;
mod lint;
mod lower;
mod objects;
mod policy_size;
mod retention;
mod rules;
mod schedules;
mod sources;
#[cfg(test)]
mod tests;
mod uncovered;
mod unpermitted;
mod url;

use std::collections::BTreeMap;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

pub use self::asynchronous::{AsyncElement, DestinationElement};
pub use self::event::EventElement;
pub use self::retention::Retention;
pub use self::url::UrlElement;
use super::about::{Outsider, longest_name};
use super::files::{self, FileElement};
use super::log_subscriptions::{self, LogSubscriptionElement};
use super::permission::{self, Permission};
use super::{About, Hints, LoweredStack, Resource, Resources, Scope, Section, eventing, models, scheduling};
use crate::kinds::Kind;
use crate::kinds::event_invoke_config::EventInvokeConfigKind;
use crate::kinds::event_rule::EventRuleKind;
use crate::kinds::event_source_mapping::EventSourceMapping;
use crate::kinds::iam_role::IamRole;
use crate::kinds::lambda_function::LambdaFunction;
use crate::kinds::lambda_url::LambdaUrl;
use crate::kinds::log_group::RETENTION_DAYS;
use crate::kinds::schedule::ScheduleKind;
use crate::spec::document::Document;
use crate::spec::finding::Findings;
use crate::spec::values::Seconds;

/// Longest name of a function, in characters.
pub const NAME_LENGTH: usize = longest_name::<LambdaFunction>();

/// The functions section.
pub struct Functions;

/// A Lambda function. Its code is exactly one of `crate`, `zip`, `binary` and `dir`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FunctionElement {
    /// A cargo package of this workspace, which is built for Lambda.
    #[serde(rename = "crate")]
    #[schemars(length(min = 1))]
    pub package: Option<String>,
    /// The binary of the package. Default: the one with the element's name, else the package's only one.
    #[schemars(length(min = 1))]
    pub bin: Option<String>,
    /// The cargo profile to build with. Default: `lambda` if the workspace has it, else `release`.
    #[schemars(length(min = 1))]
    pub profile: Option<String>,
    /// Cargo features to build with.
    #[serde(default)]
    pub features: Vec<String>,
    /// A zip file with an executable `bootstrap`.
    #[schemars(length(min = 1))]
    pub zip: Option<PathBuf>,
    /// A Linux executable, which is zipped as `bootstrap`.
    #[schemars(length(min = 1))]
    pub binary: Option<PathBuf>,
    /// A directory whose files are zipped: the code of Python, Node.js and other language runtimes with its modules.
    /// Names that begin with a dot are left out.
    #[schemars(length(min = 1))]
    pub dir: Option<PathBuf>,
    /// Files that are zipped beside the code: paths and patterns from the directory of `stack.yaml`, such as `static/**`,
    /// or `{ from: assets/model.bin, to: model.bin }`. `*` and `**` pass over names that begin with a dot. The function
    /// finds them below the directory that the variable `LAMBDA_TASK_ROOT` names.
    #[serde(default)]
    pub files: Vec<FileElement>,
    /// The function's name in AWS. Default: the stack's name and the element's.
    #[schemars(length(min = 1, max = NAME_LENGTH), regex(pattern = r"^[A-Za-z0-9_-]+$"))]
    pub name: Option<String>,
    /// The purpose of the function.
    #[schemars(length(max = 256))]
    pub description: Option<String>,
    /// Lambda's runtime.
    #[serde(default = "al2023")]
    #[schemars(regex(
        pattern = r"^(provided(\.al2(023)?)?|nodejs[0-9]+\.x|python[0-9]\.[0-9]+|java[0-9]+(\.al2)?|dotnet(core)?[0-9]+(\.[0-9])?|ruby[0-9]\.[0-9]|go1\.x)$"
    ))]
    pub runtime: String,
    /// The code that the runtime starts: `FILE.FUNCTION` for Python, Node.js and Ruby. For `provided.*` any text will do.
    #[serde(default = "bootstrap")]
    #[schemars(length(min = 1, max = 128), regex(pattern = r"^\S+$"))]
    pub handler: String,
    /// The processor architecture to build for and to run on.
    #[serde(default)]
    pub architecture: Architecture,
    /// Memory in MB. Processor time grows with it.
    #[serde(default = "memory")]
    #[schemars(range(min = 128, max = 10_240))]
    pub memory_size: u32,
    /// The time after which Lambda stops an invocation, up to 30 minutes.
    #[serde(default = "three_seconds")]
    #[schemars(range(min = 1, max = 1_800))]
    pub timeout: Seconds,
    /// Environment variables, at most 4 KB together.
    #[serde(default)]
    pub environment: BTreeMap<String, Scalar>,
    /// Space under `/tmp` in MB.
    #[serde(default = "half_a_gigabyte")]
    #[schemars(range(min = 512, max = 10_240))]
    pub ephemeral_storage: u32,
    /// Tracing with X-Ray. `Active` samples requests; `PassThrough` follows the caller's decision.
    #[serde(default)]
    pub tracing: Tracing,
    /// The form of log lines. `JSON` lets Lambda filter them by level.
    #[serde(default)]
    pub log_format: LogFormat,
    /// The lowest level of the function's own log lines. Only with `JSON`; default: `INFO`.
    pub application_log_level: Option<ApplicationLogLevel>,
    /// The lowest level of Lambda's log lines. Only with `JSON`; default: `INFO`.
    pub system_log_level: Option<SystemLogLevel>,
    /// Days that the function's log group keeps a line. `never` keeps all lines.
    #[serde(default = "two_weeks")]
    pub log_retention: Retention,
    /// Functions and streams that get the lines of the function's log as they arrive, at most two.
    #[serde(default)]
    #[schemars(length(max = 2))]
    pub log_subscriptions: Vec<LogSubscriptionElement>,
    /// ARN of the KMS key for the function's log group. The key's policy has to let CloudWatch Logs use it.
    #[schemars(regex(pattern = r"^arn:"))]
    pub log_kms_key_arn: Option<String>,
    /// Concurrent invocations that are reserved for this function, which is also its limit. 0 stops the function.
    pub reserved_concurrency: Option<u32>,
    /// Layers of this stack by their names under `layers`, and ARNs of versions of other layers. Files of a later one
    /// replace those of an earlier one.
    #[serde(default)]
    #[schemars(length(max = 5), inner(regex(pattern = r"^(arn:\S+|[A-Za-z0-9_-]+)$")))]
    pub layers: Vec<String>,
    /// The receiver of failed asynchronous events as they are: the name of a queue in this stack, or the ARN of a queue or
    /// topic. `async: { on_failure: … }` receives a record with the reason.
    #[schemars(length(min = 1))]
    pub dead_letter: Option<String>,
    /// The subnets and security groups to run in. A change deletes earlier versions of the code, which keep the old
    /// network in use. `deployer rollback` cannot go back to them.
    pub vpc: Option<Vpc>,
    /// ARN of the KMS key for the environment variables.
    #[schemars(regex(pattern = r"^arn:"))]
    pub kms_key_arn: Option<String>,
    /// Permissions of the derived role, besides writing logs and receiving events.
    #[serde(default)]
    pub permissions: Vec<Permission>,
    /// A role to use: its name under `roles`, or its ARN. Without it the function gets a role of its own.
    #[schemars(length(min = 1))]
    pub role: Option<String>,
    /// ARNs of managed policies to attach to the derived role.
    #[serde(default)]
    #[schemars(length(max = 20), inner(regex(pattern = r"^arn:")))]
    pub managed_policy_arns: Vec<String>,
    /// ARN of a managed policy that limits the derived role.
    #[schemars(regex(pattern = r"^arn:"))]
    pub permissions_boundary: Option<String>,
    /// How Lambda treats asynchronous calls, and where the records of them go.
    #[serde(rename = "async")]
    pub asynchronous: Option<AsyncElement>,
    /// An HTTPS address at which the function answers requests: `true` for everybody, or a map. The output
    /// `${functions.NAME.url}` is the address.
    pub url: Option<UrlElement>,
    /// The sources of the function's calls: queues and streams whose messages it receives, schedules, events of buses, and
    /// objects of buckets.
    #[serde(default)]
    pub events: Vec<EventElement>,
}

/// The network that a function runs in.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Vpc {
    /// The subnets of the function, best in several availability zones.
    #[schemars(length(min = 1, max = 16))]
    pub subnet_ids: Vec<String>,
    /// The security groups that limit the function's connections.
    #[schemars(length(min = 1, max = 5))]
    pub security_group_ids: Vec<String>,
}

/// A text. Numbers and truth values keep their spelling.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Scalar {
    Text(String),
    Number(serde_json::Number),
    Bool(bool),
}

impl std::fmt::Display for Scalar {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::Number(number) => number.fmt(f),
            Self::Bool(bool) => bool.fmt(f),
        }
    }
}

/// A processor architecture.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Architecture {
    #[default]
    X86_64,
    Arm64,
}

/// Tracing with X-Ray.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Tracing {
    Active,
    #[default]
    PassThrough,
}

/// The form of log lines.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum LogFormat {
    #[default]
    #[serde(rename = "JSON")]
    Json,
    Text,
}

/// Levels of the function's own lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum ApplicationLogLevel {
    Trace,
    Debug,
    Info,
    Warn,
    Error,
    Fatal,
}

/// Levels of Lambda's lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum SystemLogLevel {
    Debug,
    Info,
    Warn,
}

/// Returns an enum's name in `stack.yaml`, which is also AWS's.
fn text(value: impl Serialize) -> String {
    serde_json::to_value(value).ok().as_ref().and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn al2023() -> String {
    "provided.al2023".into()
}

/// The handler of a function without one.
const BOOTSTRAP: &str = "bootstrap";

fn bootstrap() -> String {
    BOOTSTRAP.into()
}

fn memory() -> u32 {
    128
}

fn half_a_gigabyte() -> u32 {
    512
}

fn three_seconds() -> Seconds {
    Seconds(3)
}

fn two_weeks() -> Retention {
    Retention::Days(14)
}

fn yes() -> bool {
    true
}

impl Architecture {
    /// Returns AWS's name.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::X86_64 => "x86_64",
            Self::Arm64 => "arm64",
        }
    }
}

impl Section for Functions {
    const ABOUT: &'static About = about::ABOUT;
    type Element = FunctionElement;

    fn check(element: &FunctionElement, at: &Scope<'_>, findings: &mut Findings) {
        check::code(element, at, findings);
        files::check(&element.files, element.zip.is_some(), at, findings);
        check::environment(element, at, findings);
        check::logging(element, at, findings);
        check::runtime(element, at, findings);
        check::layers(element, at, findings);
        check::role(element, at, findings);
        check::events(element, at, findings);
        schedules::check(element, at, findings);
        rules::check(element, at, findings);
        url::check(element, at, findings);
        asynchronous::check(element, at, findings);
        objects::check(element, at, findings);
        let subscriptions = at.path(["log_subscriptions"]);
        log_subscriptions::check(&element.log_subscriptions, Some(at.name), &subscriptions, findings);
    }

    fn lower(element: FunctionElement, at: &Scope<'_>, out: &mut LoweredStack) {
        lower::lower(&element, at, out);
    }

    fn complete(lowered: &mut LoweredStack) {
        keys::derive(lowered);
    }

    fn lint(document: &Document, all: &Resources<'_>, resource: &Resource, findings: &mut Findings) {
        match resource.kind {
            EventSourceMapping::NAME => {
                keys::lint(document, all, resource, findings);
                lint::mapping(document, all, resource, findings);
            }
            EventInvokeConfigKind::NAME => {
                keys::lint(document, all, resource, findings);
                asynchronous::lint(document, all, resource, findings);
            }
            IamRole::NAME => permission::lint(document, all, resource, findings),
            EventRuleKind::NAME => eventing::lint(document, all, resource, findings),
            ScheduleKind::NAME => scheduling::lint(document, all, resource, findings),
            LambdaFunction::NAME => {
                keys::lint(document, all, resource, findings);
                models::environment(document, resource, findings);
                lint::dead_letter(document, all, resource, findings);
                lint::layers(document, all, resource, findings);
                unpermitted::lint(document, all, resource, findings);
            }
            _ => {}
        }
    }

    fn lint_all(document: &Document, all: &Resources<'_>, findings: &mut Findings) {
        policy_size::check(document, all, findings);
        lint::log_loops(document, all, findings);
    }

    fn outsider(kind: &str, spec: &Value) -> Option<Outsider> {
        (kind == LambdaUrl::NAME).then(|| url::callers(spec))
    }

    fn hints(hints: &mut Hints<'_>) {
        let days = RETENTION_DAYS.iter().map(|days| json!(days)).chain([json!("never")]).collect();
        hints.property("log_retention", "enum", Value::Array(days));
        let variable = json!({ "pattern": "^[A-Za-z][A-Za-z0-9_]+$" });
        hints.property("environment", "propertyNames", variable);
    }
}

impl FunctionElement {
    /// Iterates over the events that Lambda fetches from a queue.
    fn mappings(&self) -> impl Iterator<Item = &EventElement> {
        self.events.iter().filter(|event| event.is_mapping())
    }
}
