//! API Gateway.

use std::borrow::Cow;

use super::{Cure, Service, THROTTLED, cure, overall, rate};

pub(super) const CHANGING: &str = "another change of the API is in progress";

/// API Gateway.
pub static APIGATEWAY: Service = Service {
    rates: &[
        overall("apigateway", 9.0, 40.0),
        rate("apigateway:CreateDeployment", &["apigateway:CreateDeployment"], 0.2, 1.0),
        rate("apigateway:CreateRestApi", &["apigateway:CreateRestApi"], 0.33, 1.0),
        rate("apigateway:DeleteRestApi", &["apigateway:DeleteRestApi"], 0.033, 1.0),
        rate("apigateway:GetResources", &["apigateway:GetResources"], 2.4, 5.0),
        rate("apigateway:CreateResource", &["apigateway:CreateResource", "apigateway:DeleteResource"], 4.8, 5.0),
    ],
    cures: &[
        cure("apigateway:", "TooManyRequestsException", "", 300, THROTTLED),
        Cure { asked: true, ..cure("apigateway:", "LimitExceededException", "", 300, THROTTLED) },
        cure("apigateway:", "LimitExceededException", "exceeded the rate limit", 300, THROTTLED),
        cure("apigateway:", "ConflictException", "try again later", 120, CHANGING),
        cure("apigateway:", "ConflictException", "oncurrent modification", 120, CHANGING),
    ],
    action: action_of,
    ..Service::of("apigateway", "API Gateway")
};

/// API Gateway's actions are the HTTP methods of its calls.
const VERBS: &[(&str, &str)] =
    &[("Get", "GET"), ("Create", "POST"), ("Put", "PUT"), ("Tag", "PUT"), ("Update", "PATCH"), ("Untag", "DELETE")];

pub(super) fn action_of(operation: &str) -> Cow<'_, str> {
    let verb = operation.split_once(':').map_or(operation, |(_, verb)| verb);
    let method = VERBS.iter().find(|(prefix, _)| verb.starts_with(prefix)).map_or("DELETE", |(_, method)| method);
    format!("apigateway:{method}").into()
}
