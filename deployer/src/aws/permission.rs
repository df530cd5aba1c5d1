//! The IAM action that allows a call: not always the call's own name.

use std::borrow::Cow;

use super::service;

/// Names the IAM action that allows `operation`, such as `s3:ListBucket` for `s3:HeadBucket`.
pub fn action(operation: &str) -> Cow<'_, str> {
    service::of(operation).map_or(operation.into(), |service| (service.action)(operation))
}

#[cfg(test)]
mod tests {
    use super::action;

    #[test]
    fn a_call_is_allowed_by_the_action_that_iam_knows_it_by() {
        for (operation, expected) in [
            ("sqs:CreateQueue", "sqs:CreateQueue"),
            ("s3:HeadBucket", "s3:ListBucket"),
            ("apigateway:GetRestApis", "apigateway:GET"),
            ("apigateway:CreateDeployment", "apigateway:POST"),
            ("apigateway:PutMethod", "apigateway:PUT"),
            ("apigateway:TagResource", "apigateway:PUT"),
            ("apigateway:UpdateStage", "apigateway:PATCH"),
            ("apigateway:DeleteRestApi", "apigateway:DELETE"),
            ("apigateway:UntagResource", "apigateway:DELETE"),
        ] {
            assert_eq!(action(operation), expected);
        }
    }
}
