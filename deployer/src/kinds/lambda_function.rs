//! `lambda.function`: a Lambda function with its code as a zip.
//!
//! **Guarantees**: create and update return when AWS has accepted them. Watch follows the function until it is
//! `Active`, and a change that callers may notice until it takes effect. Only changed groups are sent: reserved
//! concurrency, tags, configuration, then code. Every code is published by the call that uploads it, so that AWS keeps
//! it as a numbered version; the newest ten are kept.
//! **Assumptions**: the zip with the spec's `code.sha256` has been handed to [`Aws::put_code`].
//! **Caveats**: the code 409 `ResourceConflictException` means "exists" on create and "busy" elsewhere. AWS creates a
//! function with a network or a key of its own in the background and may fail. Such a function cannot be repaired, so
//! create waits for it, and deletes it again before it reports the failure. Versions that others published count among
//! the ten and are deleted in their turn, unless an alias points to them.

mod grants;
mod network;
mod progress;
pub mod runtime;
mod spec;
pub(crate) mod versions;
mod wire;

use std::collections::BTreeMap;
use std::time::Duration;

use aws_sdk_lambda::primitives::Blob;
use aws_sdk_lambda::types::{FunctionCode, Runtime};

pub use spec::{Function, FunctionZip, LoggingConfig, TracingConfig, VpcConfig};

use progress::{follow_until_ready, is_going, ready, removal, remove, wait_until_deleted};

use super::lambda::created_key;
use super::{
    About, ArtifactProperty, Bound, Calls, Capability, Changes, CreatedResource, Excess, FoundResource, Grant, Kind,
    NameProperty, Need, ObservedResource, Op, Outputs, Person, References, Rule, Verification, WatchedOperation,
};
use crate::aws::service::{LAMBDA, UNSEEN, cure};
use crate::aws::tags::{self, Delta, Tags};
use crate::aws::{Aws, AwsError, Place, Trust};

/// The function kind.
pub struct LambdaFunction;

const ABSENT: &[&str] = &["ResourceNotFoundException"];
const READY_WITHIN: Duration = Duration::from_secs(300);
/// Properties that UpdateFunctionConfiguration sends.
const CONFIGURATION: &[&str] = &[
    "role",
    "runtime",
    "handler",
    "memory_size",
    "timeout",
    "description",
    "environment",
    "ephemeral_storage",
    "tracing_config",
    "logging_config",
    "dead_letter_target_arn",
    "layers",
    "kms_key_arn",
    "vpc_config",
];

/// Properties that UpdateFunctionCode sends.
const CODE: &[&str] = &["code.sha256", "architectures"];
/// Properties whose change matters at once: the next invocation may notice it, or AWS may refuse it after it has
/// accepted the call. A change of any other setting (memory, time, texts, logs) applies to instances that start from
/// now on, so no run waits for it.
const SEEN: &[&str] =
    &["role", "runtime", "handler", "environment", "dead_letter_target_arn", "layers", "kms_key_arn", "vpc_config"];
/// The state of a function that AWS is still deleting.
const DELETING: &str = "Deleting";

/// Bytes of all environment variables: Lambda developer guide, "Lambda quotas".
const ENVIRONMENT_SIZE: usize = 4_096;

/// Measures the environment as Lambda does: the JSON text `{"NAME":"value",…}`, with its quotes, commas and escapes.
/// Lambda's refusal quotes this text after "String measured".
fn environment_size(environment: &BTreeMap<String, String>) -> usize {
    if environment.is_empty() { 0 } else { serde_json::to_string(environment).map_or(0, |text| text.len()) }
}

fn log_group_arn(name: &str, place: &Place) -> String {
    place.arn("logs", &format!("log-group:{name}"))
}

impl Kind for LambdaFunction {
    const ABOUT: About = About {
        outputs: &["name", "arn", "invoke_arn"],
        identity: &["function_name"],
        rules: &[
            ("function_name", Rule::Replace("Lambda cannot rename a function")),
            ("code.size", Rule::Unmanaged),
            ("vpc_config.subnet_ids", Rule::Unordered),
            ("vpc_config.security_group_ids", Rule::Unordered),
        ],
        bounds: &[("role", Bound::Reference), ("kms_key_arn", Bound::Pattern)],
        tags: Some(tags::TagRules::strict("Lambda")),
        named: Some(NameProperty::of("function_name", 64)),
        artifact: Some(ArtifactProperty {
            name: "code",
            digest: "sha256",
            size: "size",
            uploads: CODE,
            words: "the function's code",
            joined: Some("layers"),
        }),
        references: References {
            loose: &["environment", "description", "tags"],
            early: &["logging_config", "role"],
            // Lambda keeps its grant for the old role until the role is sent again.
            holds: &["role"],
            needs: &[
                Need { arn: Some(|arn, _| arn.to_owned()), ..Need::of("/role", "iam.role") },
                Need { arn: Some(log_group_arn), ..Need::of("/logging_config/log_group", "logs.log_group") },
            ],
            ..References::DEFAULT
        },
        calls: Calls {
            exists: &["ResourceConflictException"],
            cures: &[cure("lambda:PutFunctionConcurrency", "ResourceNotFoundException", "", 60, UNSEEN)],
            limited: &[
                (Op::Create, "lambda:CreateFunction"),
                (Op::Update, "lambda:UpdateFunctionConfiguration"),
                (Op::Delete, "lambda:DeleteFunction"),
            ],
            watched: true,
            reserves: Some("reserved_concurrent_executions"),
            ..Calls::DEFAULT
        },
        person: Person {
            gap: Some("calls fail for some seconds, until the function is recreated"),
            moved: Some("callers outside this stack need its new name"),
            seconds: (5.0, 0.6),
            ..Person::DEFAULT
        },
        operated: Some(Capability::Code),
        ..About::of("lambda.function", &LAMBDA)
    };
    type Spec = Function;

    fn limits(spec: &Function) -> Vec<Excess> {
        let size = environment_size(&spec.environment);
        let what = "the environment, measured as the JSON that Lambda makes of it,";
        let excess = || Excess::size("function::environment-size", &["environment"], what, [size, ENVIRONMENT_SIZE]);
        let help = "keep large values in a file of the package, in S3 or in Parameter Store";
        (size > ENVIRONMENT_SIZE).then(|| Excess { help, ..excess() }).into_iter().collect()
    }

    fn find_refusal(spec: &Function, changes: Option<&Changes>) -> Option<Excess> {
        runtime::find_refusal(spec, changes)
    }

    /// Predicts the outputs. `invoke_arn` is the URI that an API Gateway integration takes.
    fn predict(spec: &Function, place: &Place) -> Outputs {
        let arn = place.arn("lambda", &format!("function:{}", spec.function_name));
        let Place { partition, region, .. } = place;
        Outputs::from([
            ("name".into(), spec.function_name.clone()),
            (
                "invoke_arn".into(),
                format!("arn:{partition}:apigateway:{region}:lambda:path/2015-03-31/functions/{arn}/invocations"),
            ),
            ("arn".into(), arn),
        ])
    }

    fn rollback(spec: &Function, place: &Place) -> Vec<Grant> {
        versions::grants(&spec.function_name, place)
    }

    /// Grants the reads of the log, which shows the calls.
    fn verification(spec: &Function, place: &Place) -> Verification {
        let group = place.arn("logs", &format!("log-group:{}", spec.logging_config.log_group));
        Verification::by(Grant::on(&["logs:FilterLogEvents"], [format!("{group}:*"), group]))
    }

    /// Returns `active`: the notes report a function that is not ready.
    fn condition(_: &ObservedResource<Function>) -> Option<String> {
        Some("active".to_owned())
    }

    /// Returns the references that need not be finished. The role is none of them if Lambda checks its permissions: to
    /// reach a network, a dead-letter target, a key or X-Ray.
    fn early(spec: &Function) -> &'static [&'static str] {
        let looked_at = spec.may_fail_later() || spec.dead_letter_target_arn.is_some() || wire::is_traced(spec);
        if looked_at { &["logging_config"] } else { Self::ABOUT.references.early }
    }

    fn iam(op: Op, spec: &Function, place: &Place) -> Vec<Grant> {
        grants::of(op, spec, place)
    }

    fn any_named(names: &str, place: &Place) -> Vec<Function> {
        grants::any_named(names, place)
    }

    /// Calls GetFunction, which returns tags and reserved concurrency as well.
    async fn read(aws: &Aws, spec: &Function, _: Trust) -> Result<Option<ObservedResource<Function>>, AwsError> {
        let name = &spec.function_name;
        let call = aws.clients.lambda.get_function().function_name(name).send();
        let Some(found) = aws.find("lambda:GetFunction", ABSENT, call).await? else { return Ok(None) };
        if found.configuration().and_then(|c| c.state()).is_some_and(|state| state.as_str() == DELETING) {
            return Ok(None);
        }
        progress::with_tags(&found)?;
        progress::with_environment(&found)?;
        // AWS always reports the logging. A local AWS without it has nothing to compare.
        let logs = found.configuration().is_some_and(|c| c.logging_config().is_some());
        let (mut function, notes) = wire::to_spec(name, found)?;
        if !logs {
            function.logging_config = spec.logging_config.clone();
        }
        let mut seen = ObservedResource::new(name, function, Self::predict(spec, &aws.place));
        seen.notes = notes;
        Ok(Some(seen))
    }

    fn by_arn(resource: &str, _: &Tags) -> Option<FoundResource<Function>> {
        let name = resource.strip_prefix("function:")?.split(':').next()?;
        Some(FoundResource::of(name, Function::blank(name)))
    }

    async fn create(aws: &Aws, want: &Function) -> Result<CreatedResource, AwsError> {
        let name = &want.function_name;
        let storage = wire::ephemeral_storage(want)?;
        let call = aws
            .clients
            .lambda
            .create_function()
            .function_name(name)
            .role(&want.role)
            .runtime(Runtime::from(want.runtime.as_str()))
            .handler(&want.handler)
            .set_architectures(Some(wire::architectures(want)))
            .memory_size(wire::number(want.memory_size))
            .timeout(wire::number(want.timeout))
            .description(want.description.as_deref().unwrap_or_default())
            .environment(wire::environment(want))
            .ephemeral_storage(storage)
            .tracing_config(wire::tracing(want))
            .logging_config(wire::logging(want))
            .set_dead_letter_config(want.dead_letter_target_arn.as_ref().map(|_| wire::dead_letter(want)))
            .set_layers(Some(want.layers.clone()))
            .set_kms_key_arn(want.kms_key_arn.clone())
            .set_vpc_config(want.vpc_config.as_ref().map(|_| wire::vpc(want)))
            .set_tags(Some(want.tags.clone().into_iter().collect()))
            .publish(true);
        let send = || {
            aws.upload(&want.code.sha256, |zip| {
                let code = FunctionCode::builder().zip_file(Blob::new(zip)).build();
                aws.call("lambda:CreateFunction", call.clone().code(code).send())
            })
        };
        match send().await {
            // The name becomes free once the old function is deleted.
            Err(taken) if taken.is(&["ResourceConflictException"]) && is_going(aws, name).await? => {
                wait_until_deleted(aws, name).await?;
                send().await?;
            }
            made => drop(made?),
        }
        aws.run.note_done(created_key(name));
        if want.vpc_config.is_some() {
            network::note_network_joined(aws);
        }
        let wait = want.may_fail_later() || want.reserved_concurrent_executions.is_some();
        if wait && let Err(failed) = ready(aws, name, "lambda:CreateFunction").await {
            if matches!(failed, AwsError::Service(_)) {
                // Best effort: the user has to see the failure of the creation, not one of the clean-up.
                let _ = remove(aws, name).await;
            }
            return Err(failed);
        }
        if want.reserved_concurrent_executions.is_some() {
            reserve(aws, want).await?;
        }
        Ok(CreatedResource { physical_id: name.clone(), outputs: Self::predict(want, &aws.place) })
    }

    /// Sends first the changes that AWS refuses while an update is in progress, then the configuration, and the code
    /// once that is finished. If an interrupted run's update is still in progress, AWS refuses and the executor tries
    /// again.
    async fn update(
        aws: &Aws,
        live: &ObservedResource<Function>,
        want: &Function,
        changes: &Changes,
    ) -> Result<(), AwsError> {
        let name = &want.function_name;
        if changes.touch("reserved_concurrent_executions") {
            reserve(aws, want).await?;
        }
        if changes.touch("tags") {
            let arn = aws.place.arn("lambda", &format!("function:{name}"));
            retag(aws, &arn, &live.spec.tags, &want.tags).await?;
        }
        let code = changes.touch_any(CODE);
        if changes.touch_any(CONFIGURATION) {
            wire::update_configuration(aws, want, changes).await?;
            if code {
                ready(aws, name, "lambda:UpdateFunctionConfiguration").await?;
            }
        }
        if code {
            let call = aws
                .clients
                .lambda
                .update_function_code()
                .function_name(name)
                .set_architectures(Some(wire::architectures(want)))
                .publish(true);
            let send = |zip| aws.call("lambda:UpdateFunctionCode", call.clone().zip_file(Blob::new(zip)).send());
            let updated = aws.upload(&want.code.sha256, send).await?;
            versions::prune(aws, name, updated.version()).await;
        }
        if changes.touch("vpc_config") {
            network::leave_network(aws, &live.spec, want).await;
        }
        Ok(())
    }

    /// Calls DeleteFunction. The resources that the function used can be deleted while AWS finishes, except the role of
    /// the last function in a VPC: Lambda needs it to delete the network interfaces.
    async fn delete(aws: &Aws, live: &ObservedResource<Function>) -> Result<(), AwsError> {
        remove(aws, &live.physical_id).await?;
        if let Some(network) = &live.spec.vpc_config {
            network::wait_for_interfaces(aws, &live.physical_id, network).await;
        }
        Ok(())
    }

    /// Calls GetFunction until the function is Active, runs the change, or is deleted.
    async fn watch(aws: &Aws, spec: &Function, event: &WatchedOperation) -> Result<(), AwsError> {
        let name = &spec.function_name;
        match event {
            WatchedOperation::Created => follow_until_ready(aws, name, "lambda:CreateFunction").await,
            WatchedOperation::Updated(changes) if changes.touch_any(CODE) => {
                follow_until_ready(aws, name, "lambda:UpdateFunctionCode").await
            }
            WatchedOperation::Updated(changes) if changes.touch_any(SEEN) => {
                follow_until_ready(aws, name, "lambda:UpdateFunctionConfiguration").await
            }
            WatchedOperation::Updated(_) => Ok(()),
            WatchedOperation::Deleted => removal(aws, name).await,
        }
    }
}

impl Function {
    /// Tells whether AWS creates network interfaces or claims a key after it has answered.
    fn may_fail_later(&self) -> bool {
        self.vpc_config.is_some() || self.kms_key_arn.is_some()
    }
}

async fn reserve(aws: &Aws, want: &Function) -> Result<(), AwsError> {
    let (lambda, name) = (&aws.clients.lambda, &want.function_name);
    if let Some(reserved) = want.reserved_concurrent_executions {
        let call = lambda.put_function_concurrency().function_name(name);
        let call = call.reserved_concurrent_executions(wire::number(reserved)).send();
        aws.call("lambda:PutFunctionConcurrency", call).await.map(drop)
    } else {
        let call = lambda.delete_function_concurrency().function_name(name).send();
        aws.call("lambda:DeleteFunctionConcurrency", call).await.map(drop)
    }
}

async fn retag(aws: &Aws, arn: &str, live: &Tags, want: &Tags) -> Result<(), AwsError> {
    let (lambda, delta) = (&aws.clients.lambda, Delta::between(live, want));
    if !delta.set.is_empty() {
        let call = lambda.tag_resource().resource(arn).set_tags(Some(delta.set.into_iter().collect()));
        aws.call("lambda:TagResource", call.send()).await?;
    }
    if !delta.remove.is_empty() {
        let call = lambda.untag_resource().resource(arn).set_tag_keys(Some(delta.remove));
        aws.call("lambda:UntagResource", call.send()).await?;
    }
    Ok(())
}

#[cfg(test)]
mod uploads;
