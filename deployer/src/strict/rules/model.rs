//! Requests that break the constraints of AWS's service model.

use futures::future::{BoxFuture, FutureExt, ready};

use super::super::{About, Call, Place, Refusal, Rule};

/// Refuses a request that breaks a constraint of the model.
pub struct Model;

impl Rule for Model {
    fn about(&self) -> About {
        About {
            name: "model",
            summary: "a request has every required member, and lengths, ranges, values and patterns of AWS's model",
            source: "botocore's service models",
        }
    }

    fn before<'a>(&'a self, call: &'a Call, _: Place<'a>) -> BoxFuture<'a, Option<Refusal>> {
        ready(refusal(call)).boxed()
    }
}

fn refusal(call: &Call) -> Option<Refusal> {
    if call.broken.is_empty() {
        return None;
    }
    let code = match call.service {
        "API Gateway" | "ApiGatewayV2" => "BadRequestException",
        "CloudWatch Logs" => "InvalidParameterException",
        "SQS" => "InvalidParameterValue",
        "SNS" => "InvalidParameter",
        "S3" => "InvalidArgument",
        _ => "ValidationException",
    };
    let broken: Vec<_> = call.broken.iter().map(ToString::to_string).collect();
    Some(Refusal::invalid(code, format!("{} validation errors detected: {}", broken.len(), broken.join("; "))))
}
