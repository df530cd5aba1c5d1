//! The management of HTTP APIs: API Gateway's second version.

use std::borrow::Cow;

use super::apigateway::{CHANGING, action_of};
use super::{Cure, Service, THROTTLED, cure, overall};

/// API Gateway's second version. AWS counts its calls together with those of the first one.
pub static APIGATEWAYV2: Service = Service {
    in_arns: "apigateway",
    rates: &[overall("apigateway", 9.0, 40.0)],
    cures: &[
        cure("apigatewayv2:", "TooManyRequestsException", "", 300, THROTTLED),
        Cure { asked: true, ..cure("apigatewayv2:", "LimitExceededException", "", 300, THROTTLED) },
        cure("apigatewayv2:", "ConflictException", "try again later", 120, CHANGING),
        cure("apigatewayv2:", "ConflictException", "oncurrent modification", 120, CHANGING),
    ],
    action,
    ..Service::of("apigatewayv2", "ApiGatewayV2")
};

/// The second version tags with POST, where the first one tags with PUT.
fn action(operation: &str) -> Cow<'_, str> {
    if operation.ends_with(":TagResource") { "apigateway:POST".into() } else { action_of(operation) }
}
