//! The limits of a function that AWS's model does not state.

use std::collections::HashMap;
use std::sync::Mutex;

use futures::future::{BoxFuture, FutureExt, ready};
use serde_json::{Value, json};

use super::super::facts::{self, Fact};
use super::super::place::Key;
use super::super::{About, Answer, Call, Place, Refusal, Rule};
use crate::mutex::lock;

/// The bytes of the variables as a JSON object.
const ENVIRONMENT: usize = 4096;
const LAYERS: usize = 5;
/// The bytes of a request with code.
const REQUEST: usize = 70_167_211;
/// The bytes of a function's resource policy.
const POLICY: usize = 20_480;
/// The concurrency that no function may reserve.
const UNRESERVED: u64 = 100;

/// Variables that Lambda sets itself.
const RESERVED: &[&str] = &[
    "_HANDLER",
    "_X_AMZN_TRACE_ID",
    "AWS_ACCESS_KEY",
    "AWS_ACCESS_KEY_ID",
    "AWS_DEFAULT_REGION",
    "AWS_EXECUTION_ENV",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
    "AWS_LAMBDA_FUNCTION_NAME",
    "AWS_LAMBDA_FUNCTION_VERSION",
    "AWS_LAMBDA_INITIALIZATION_TYPE",
    "AWS_LAMBDA_LOG_GROUP_NAME",
    "AWS_LAMBDA_LOG_STREAM_NAME",
    "AWS_LAMBDA_RUNTIME_API",
    "AWS_REGION",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "LAMBDA_RUNTIME_DIR",
    "LAMBDA_TASK_ROOT",
];

const INVALID: &str = "InvalidParameterValueException";

/// Refuses a function that is larger than Lambda allows: its code, variables, layers, concurrency or permissions.
#[derive(Default)]
pub struct FunctionLimits {
    /// The concurrency that functions reserve.
    reserved: Mutex<HashMap<Key, u64>>,
}

impl Rule for FunctionLimits {
    fn about(&self) -> About {
        About {
            name: "function-limits",
            summary: "a function's variables, layers, code, reserved concurrency and permissions are within Lambda's \
                      limits",
            source: "Lambda Developer Guide, \"Lambda quotas\" and \"Defined runtime environment variables\"; \
                     PolicyLengthExceededException in adobe/helix-deploy#24; github-aws-runners/\
                     terraform-aws-github-runner#3594; aws-samples/siem-on-amazon-opensearch-service#175",
        }
    }

    fn before<'a>(&'a self, call: &'a Call, place: Place<'a>) -> BoxFuture<'a, Option<Refusal>> {
        async move {
            match (call.service, call.operation) {
                ("Lambda", "CreateFunction" | "UpdateFunctionConfiguration" | "UpdateFunctionCode") => {
                    of_settings(call)
                }
                ("Lambda", "PutFunctionConcurrency") => self.of_concurrency(call, place),
                ("Lambda", "AddPermission") => match facts::statements(place, call.function()).await {
                    Fact::Found(statements) => of_permission(call, statements, place),
                    Fact::Absent => of_permission(call, Vec::new(), place),
                    Fact::Unknown => None,
                },
                _ => None,
            }
        }
        .boxed()
    }

    fn after<'a>(&'a self, call: &'a Call, answer: &'a mut Answer, place: Place<'a>) -> BoxFuture<'a, ()> {
        if answer.is_success() && call.service == "Lambda" {
            let function = call.function();
            let key = place.key(function.name);
            match call.operation {
                "PutFunctionConcurrency" => {
                    let reserved = call.input["ReservedConcurrentExecutions"].as_u64().unwrap_or_default();
                    lock(&self.reserved).insert(key, reserved);
                }
                "DeleteFunctionConcurrency" => _ = lock(&self.reserved).remove(&key),
                "DeleteFunction" if function.qualifier.is_none() => _ = lock(&self.reserved).remove(&key),
                _ => {}
            }
        }
        ready(()).boxed()
    }
}

impl FunctionLimits {
    fn of_concurrency(&self, call: &Call, place: Place<'_>) -> Option<Refusal> {
        let own = place.key(call.function().name);
        let is_other = |(key, _): &(&Key, &u64)| (&key.0, &key.1) == (&own.0, &own.1) && key.2 != own.2;
        let others: u64 = lock(&self.reserved).iter().filter(is_other).map(|(_, reserved)| reserved).sum();
        let wanted = call.input["ReservedConcurrentExecutions"].as_u64()?;
        let all = place.switches.concurrency();
        let least = UNRESERVED.min(all);
        (others + wanted > all - least).then(|| {
            let message = format!(
                "Specified ReservedConcurrentExecutions for function decreases account's \
                 UnreservedConcurrentExecution below its minimum value of [{least}]."
            );
            Refusal::invalid(INVALID, message)
        })
    }
}

fn of_settings(call: &Call) -> Option<Refusal> {
    if call.length > REQUEST {
        let message = format!("Request must be smaller than {REQUEST} bytes for the {} operation", call.operation);
        return Some(Refusal::with_status(413, "RequestEntityTooLargeException", message));
    }
    if call.input["Layers"].as_array().is_some_and(|layers| layers.len() > LAYERS) {
        return Some(Refusal::invalid(INVALID, "Cannot reference more than 5 layers."));
    }
    const WHY: &str = "Lambda was unable to configure your environment variables because the environment variables you \
                       have provided";
    let variables = &call.input["Environment"]["Variables"];
    let has = |name: &&&str| variables.get(**name).is_some();
    let reserved: Vec<&str> = RESERVED.iter().filter(has).copied().collect();
    if !reserved.is_empty() {
        let message = format!(
            "{WHY} contains reserved keys that are currently not supported for modification. Reserved keys used in this \
             request: {}",
            reserved.join(", ")
        );
        return Some(Refusal::invalid(INVALID, message));
    }
    let measured = variables.to_string();
    (measured.len() > ENVIRONMENT)
        .then(|| Refusal::invalid(INVALID, format!("{WHY} exceeded the 4KB limit. String measured: {measured}")))
}

/// Judges a permission beside the `statements` that the function has.
fn of_permission(call: &Call, mut statements: Vec<Value>, place: Place<'_>) -> Option<Refusal> {
    let id = call.text("StatementId");
    if statements.iter().any(|statement| statement["Sid"] == id) {
        let message = format!(
            "The statement id ({id}) provided already exists. Please provide a new statement id, or remove the existing \
             statement."
        );
        return Some(Refusal::with_status(409, "ResourceConflictException", message));
    }
    statements.push(statement(call, place));
    let policy = json!({"Version": "2012-10-17", "Id": "default", "Statement": statements});
    let size = policy.to_string().len();
    (size > POLICY).then(|| {
        let message = format!("The final policy size ({size}) is bigger than the limit ({POLICY}).");
        Refusal::invalid("PolicyLengthExceededException", message)
    })
}

/// Writes a permission as Lambda stores it.
fn statement(call: &Call, place: Place<'_>) -> Value {
    let function = call.function();
    let mut resource = format!("arn:aws:lambda:{}:{}:function:{}", place.region, place.account, function.name);
    if let Some(qualifier) = function.qualifier {
        resource.extend([":", qualifier]);
    }
    let principal = call.text("Principal");
    let kind = if principal.contains(".amazonaws.") { "Service" } else { "AWS" };
    let mut statement = json!({
        "Sid": call.text("StatementId"),
        "Effect": "Allow",
        "Principal": { kind: principal },
        "Action": call.text("Action"),
        "Resource": resource,
    });
    if call.input["SourceAccount"].is_string() {
        statement["Condition"]["StringEquals"]["AWS:SourceAccount"] = call.input["SourceAccount"].clone();
    }
    if call.input["SourceArn"].is_string() {
        statement["Condition"]["ArnLike"]["AWS:SourceArn"] = call.input["SourceArn"].clone();
    }
    statement
}
