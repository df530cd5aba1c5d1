//! `lambda.event_invoke_config`: how Lambda treats the asynchronous calls of a function, and where their records go.
//!
//! **Guarantees**: one call replaces all settings, so it is safe to repeat. A deletion returns the function to AWS's
//! defaults: two retries, six hours, no destination.
//! **Assumptions**: the function's owner owns the settings, which have no tags.
//! **Caveats**: Lambda refuses a destination that the function's role may not use, so the settings are sent once the role
//! is finished. A function's dead-letter target is another setting: a failed event goes to both.

use aws_sdk_lambda::types::{DestinationConfig, OnFailure, OnSuccess};
use serde::{Deserialize, Serialize};

use super::{About, Calls, Changes, CreatedResource, Grant, Kind, ObservedResource, Op, Outputs, Parent, Person, Rule};
use crate::aws::service::{LAMBDA, UNSEEN, cure};
use crate::aws::{Aws, AwsError, Place, Trust};

/// The kind of a function's settings for asynchronous calls.
pub struct EventInvokeConfigKind;

/// Settings for asynchronous calls; the age in seconds.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct EventInvokeConfig {
    pub function_name: String,
    pub maximum_retry_attempts: u32,
    pub maximum_event_age_in_seconds: u32,
    /// ARN of the receiver of records of calls that succeeded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_success: Option<String>,
    /// ARN of the receiver of records of events that failed or expired.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_failure: Option<String>,
}

/// How often Lambda repeats a failed call, unless told otherwise.
pub const RETRIES: u32 = 2;
/// For how long Lambda keeps an event, unless told otherwise.
pub const MAX_AGE_S: u32 = 21_600;

const ABSENT: &[&str] = &["ResourceNotFoundException"];

impl Kind for EventInvokeConfigKind {
    const ABOUT: About = About {
        identity: &["function_name"],
        rules: &[("function_name", Rule::Replace("the settings belong to one function"))],
        parent: Some(Parent { kind: "lambda.function", owns: true, deletes: false }),
        calls: Calls {
            cures: &[cure("lambda:PutFunctionEventInvokeConfig", "ResourceNotFoundException", "", 60, UNSEEN)],
            ..Calls::DEFAULT
        },
        person: Person { gap: Some("events that fail meanwhile reach no destination"), ..Person::DEFAULT },
        ..About::of("lambda.event_invoke_config", &LAMBDA)
    };
    type Spec = EventInvokeConfig;

    fn predict(_: &EventInvokeConfig, _: &Place) -> Outputs {
        Outputs::new()
    }

    fn iam(op: Op, spec: &EventInvokeConfig, place: &Place) -> Vec<Grant> {
        let action = match op {
            Op::Read | Op::Present => "lambda:GetFunctionEventInvokeConfig",
            Op::Create | Op::Update => "lambda:PutFunctionEventInvokeConfig",
            Op::Delete => "lambda:DeleteFunctionEventInvokeConfig",
        };
        vec![Grant::new(&[action], place.arn("lambda", &format!("function:{}", spec.function_name)))]
    }

    fn any_named(names: &str, _: &Place) -> Vec<EventInvokeConfig> {
        vec![EventInvokeConfig { function_name: names.to_owned(), ..EventInvokeConfig::default() }]
    }

    /// Describes the settings: `2 retries, failed events go to shop-failed`.
    fn condition(seen: &ObservedResource<EventInvokeConfig>) -> Option<String> {
        let name = |arn: &str| arn.rsplit(':').next().unwrap_or(arn).to_owned();
        let retries = seen.spec.maximum_retry_attempts;
        let retries = if retries == 1 { "1 retry".to_owned() } else { format!("{retries} retries") };
        let failed = seen.spec.on_failure.as_deref().map(|arn| format!("failed events go to {}", name(arn)));
        Some(std::iter::once(retries).chain(failed).collect::<Vec<_>>().join(", "))
    }

    /// Calls GetFunctionEventInvokeConfig.
    async fn read(
        aws: &Aws,
        spec: &EventInvokeConfig,
        _: Trust,
    ) -> Result<Option<ObservedResource<EventInvokeConfig>>, AwsError> {
        let call = aws.clients.lambda.get_function_event_invoke_config().function_name(&spec.function_name).send();
        let found = aws.find("lambda:GetFunctionEventInvokeConfig", ABSENT, call).await?;
        let Some(found) = found else { return Ok(None) };
        let number = |value: Option<i32>, default: u32| value.and_then(|v| u32::try_from(v).ok()).unwrap_or(default);
        let stated = |arn: Option<&str>| arn.filter(|arn| !arn.is_empty()).map(str::to_owned);
        let to = found.destination_config();
        let live = EventInvokeConfig {
            function_name: spec.function_name.clone(),
            maximum_retry_attempts: number(found.maximum_retry_attempts(), RETRIES),
            maximum_event_age_in_seconds: number(found.maximum_event_age_in_seconds(), MAX_AGE_S),
            on_success: stated(to.and_then(|to| to.on_success()?.destination())),
            on_failure: stated(to.and_then(|to| to.on_failure()?.destination())),
        };
        Ok(Some(ObservedResource::new(&spec.function_name, live, Outputs::new())))
    }

    async fn create(aws: &Aws, want: &EventInvokeConfig) -> Result<CreatedResource, AwsError> {
        put(aws, want).await?;
        Ok(CreatedResource { physical_id: want.function_name.clone(), outputs: Outputs::new() })
    }

    async fn update(
        aws: &Aws,
        _: &ObservedResource<EventInvokeConfig>,
        want: &EventInvokeConfig,
        _: &Changes,
    ) -> Result<(), AwsError> {
        put(aws, want).await
    }

    async fn delete(aws: &Aws, live: &ObservedResource<EventInvokeConfig>) -> Result<(), AwsError> {
        let lambda = &aws.clients.lambda;
        let call = lambda.delete_function_event_invoke_config().function_name(&live.spec.function_name).send();
        aws.find("lambda:DeleteFunctionEventInvokeConfig", ABSENT, call).await.map(drop)
    }
}

/// Calls PutFunctionEventInvokeConfig, which replaces all settings.
async fn put(aws: &Aws, want: &EventInvokeConfig) -> Result<(), AwsError> {
    let number = |value: u32| i32::try_from(value).unwrap_or(i32::MAX);
    let on_success = OnSuccess::builder().set_destination(want.on_success.clone()).build();
    let on_failure = OnFailure::builder().set_destination(want.on_failure.clone()).build();
    let to = DestinationConfig::builder().on_success(on_success).on_failure(on_failure).build();
    let call = aws
        .clients
        .lambda
        .put_function_event_invoke_config()
        .function_name(&want.function_name)
        .maximum_retry_attempts(number(want.maximum_retry_attempts))
        .maximum_event_age_in_seconds(number(want.maximum_event_age_in_seconds))
        .destination_config(to);
    aws.call("lambda:PutFunctionEventInvokeConfig", call.send()).await.map(drop)
}
