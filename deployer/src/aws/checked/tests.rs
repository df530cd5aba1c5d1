//! Requests that break AWS's constraints are not sent.

use crate::aws::{AwsError, played};

#[tokio::test]
async fn a_request_that_aws_would_refuse_is_not_sent() {
    let aws = played::answering(&[&played::json("{}")]).await;
    let call = aws.clients.lambda.update_function_configuration().function_name("draw").memory_size(64).send();
    let error = aws.call("lambda:UpdateFunctionConfiguration", call).await.expect_err("too little memory");
    assert!(matches!(&error, AwsError::Invalid { .. }), "{error:?}");
    assert_eq!(
        error.to_string(),
        "lambda:UpdateFunctionConfiguration not sent, since AWS would refuse it: `MemorySize` is 64, at least 128 is required"
    );
    // The answer is still there for the next call.
    let call = aws.clients.lambda.update_function_configuration().function_name("draw").memory_size(128).send();
    aws.call("lambda:UpdateFunctionConfiguration", call).await.expect("enough memory");
}
