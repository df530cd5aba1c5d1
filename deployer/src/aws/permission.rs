//! The IAM action that allows a call: not always the call's own name.

use std::borrow::Cow;

/// S3's calls whose action has another name.
const S3: &[(&str, &str)] = &[
    ("s3:DeleteBucketLifecycle", "s3:PutLifecycleConfiguration"),
    ("s3:DeleteObjects", "s3:DeleteObject"),
    ("s3:GetBucketEncryption", "s3:GetEncryptionConfiguration"),
    ("s3:GetBucketLifecycleConfiguration", "s3:GetLifecycleConfiguration"),
    ("s3:GetPublicAccessBlock", "s3:GetBucketPublicAccessBlock"),
    ("s3:HeadBucket", "s3:ListBucket"),
    ("s3:ListObjectVersions", "s3:ListBucketVersions"),
    ("s3:ListObjectsV2", "s3:ListBucket"),
    ("s3:PutBucketEncryption", "s3:PutEncryptionConfiguration"),
    ("s3:PutBucketLifecycleConfiguration", "s3:PutLifecycleConfiguration"),
    ("s3:PutPublicAccessBlock", "s3:PutBucketPublicAccessBlock"),
];

/// API Gateway's actions are the HTTP methods of its calls.
const VERBS: &[(&str, &str)] =
    &[("Get", "GET"), ("Create", "POST"), ("Put", "PUT"), ("Tag", "PUT"), ("Update", "PATCH"), ("Untag", "DELETE")];

/// Names the IAM action that allows `operation`, such as `s3:ListBucket` for `s3:HeadBucket`.
pub fn action(operation: &str) -> Cow<'_, str> {
    if let Some(verb) = operation.strip_prefix("apigateway:") {
        let method = VERBS.iter().find(|(prefix, _)| verb.starts_with(prefix)).map_or("DELETE", |(_, method)| method);
        return format!("apigateway:{method}").into();
    }
    S3.iter().find(|(call, _)| *call == operation).map_or(operation, |(_, action)| action).into()
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
