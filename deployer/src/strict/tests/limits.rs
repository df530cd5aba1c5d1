//! The limits of functions.

use super::*;

const INVALID: &str = "InvalidParameterValueException";

/// Sends a request that is refused, and returns the code and the message.
async fn refusal(trial: &Trial, sent: &Sent) -> (u16, String, String) {
    let answer = trial.send_raw(sent, "{}".into()).await;
    let code = answer.headers.get("x-amzn-errortype").and_then(|code| code.to_str().ok()).unwrap_or_default();
    (answer.status, code.to_owned(), answer.json()["message"].as_str().unwrap_or_default().to_owned())
}

async fn is_taken(trial: &Trial, sent: &Sent) -> bool {
    trial.send(sent, &json!({})).await.0 == 200
}

#[tokio::test]
async fn variables_are_measured_as_json_and_reserved_names_are_refused() {
    let trial = Trial::new();
    let with = |variables: Value| update_function("draw", &json!({"Environment": {"Variables": variables}}));
    // {"NAME":"…"} has 11 characters more than the value.
    assert!(is_taken(&trial, &with(json!({"NAME": "a".repeat(4096 - 11)}))).await);
    trial.pass(60.0);
    let (status, code, message) = refusal(&trial, &with(json!({"NAME": "a".repeat(4096 - 10)}))).await;
    assert_eq!((status, code.as_str()), (400, INVALID));
    assert!(message.contains("exceeded the 4KB limit. String measured: {\"NAME\":\"aaa"), "{message}");
    let quoted = with(json!({"NAME": "\"".repeat(2043)}));
    assert!(refusal(&trial, &quoted).await.2.contains("4KB"), "each quotation mark counts twice");
    let (_, _, message) = refusal(&trial, &with(json!({"AWS_REGION": "a", "NAME": "b"}))).await;
    assert!(message.ends_with("Reserved keys used in this request: AWS_REGION"), "{message}");
}

#[tokio::test]
async fn a_function_has_at_most_five_layers() {
    let trial = Trial::new();
    let with = |count: usize| {
        let layers: Vec<_> =
            (0..count).map(|n| format!("arn:aws:lambda:eu-west-1:123456789012:layer:l{n}:1")).collect();
        update_function("draw", &json!({"Layers": layers}))
    };
    assert_eq!(refusal(&trial, &with(6)).await, (400, INVALID.into(), "Cannot reference more than 5 layers.".into()));
    assert!(is_taken(&trial, &with(5)).await);
}

#[tokio::test]
async fn code_above_fifty_megabytes_has_to_come_from_s3() {
    let trial = Trial::new();
    let mut upload = rest("lambda", "PUT", "/2015-03-31/functions/draw/code", &json!({"ZipFile": "", "Publish": true}));
    upload.body += &" ".repeat(70_167_211);
    let (status, code, message) = refusal(&trial, &upload).await;
    assert_eq!((status, code.as_str()), (413, "RequestEntityTooLargeException"));
    assert_eq!(message, "Request must be smaller than 70167211 bytes for the UpdateFunctionCode operation");
}

fn reserve(function: &str, count: u64) -> Sent {
    let path = format!("/2017-10-31/functions/{function}/concurrency");
    rest("lambda", "PUT", &path, &json!({"ReservedConcurrentExecutions": count}))
}

#[tokio::test]
async fn a_hundred_of_the_accounts_concurrency_stay_unreserved() {
    let trial = Trial::new();
    assert!(is_taken(&trial, &reserve("draw", 900)).await);
    assert!(is_taken(&trial, &reserve("draw", 890)).await, "its own reservation is replaced");
    assert!(is_taken(&trial, &reserve("list", 10)).await);
    let (status, code, message) = refusal(&trial, &reserve("list", 11)).await;
    assert_eq!((status, code.as_str()), (400, INVALID));
    assert!(message.ends_with("UnreservedConcurrentExecution below its minimum value of [100]."), "{message}");
    trial.send(&rest("lambda", "DELETE", "/2015-03-31/functions/draw", &Value::Null), &json!({})).await;
    assert!(is_taken(&trial, &reserve("list", 900)).await);
    let small = Trial::with(Switches::default().with_concurrency(10));
    assert!(refusal(&small, &reserve("draw", 1)).await.2.ends_with("below its minimum value of [10]."));
    assert!(is_taken(&small, &reserve("draw", 0)).await);
}

fn permit(id: &str) -> Sent {
    let arn = format!("arn:aws:execute-api:eu-west-1:123456789012:abcdefghij/*/GET/{}", "a".repeat(100));
    let body = json!({"StatementId": id, "Action": "lambda:InvokeFunction", "Principal": "apigateway.amazonaws.com",
        "SourceArn": arn});
    rest("lambda", "POST", "/2015-03-31/functions/draw/policy", &body)
}

/// Lets the function have permissions of about 390 bytes each.
fn let_permissions(trial: &Trial, count: usize) {
    let statement = |n: usize| {
        json!({"Sid": format!("s{n:05}"), "Effect": "Allow", "Principal": {"Service": "apigateway.amazonaws.com"},
            "Action": "lambda:InvokeFunction", "Condition": {"ArnLike": {"AWS:SourceArn": "a".repeat(250)}}})
    };
    let all: Vec<_> = (0..count).map(statement).collect();
    let policy = json!({"Version": "2012-10-17", "Id": "default", "Statement": all}).to_string();
    trial.knows("GET http://127.0.0.1:9/2015-03-31/functions/draw/policy", 200, json!({"Policy": policy}));
}

#[tokio::test]
async fn the_permissions_of_a_function_fit_into_its_policy() {
    let trial = Trial::new();
    let_permissions(&trial, 40);
    assert!(is_taken(&trial, &permit("new")).await);
    let_permissions(&trial, 60);
    let (status, code, message) = refusal(&trial, &permit("new")).await;
    assert_eq!((status, code.as_str()), (400, "PolicyLengthExceededException"));
    assert!(message.starts_with("The final policy size (2"), "{message}");
    assert!(message.ends_with(" is bigger than the limit (20480)."), "{message}");
}

#[tokio::test]
async fn a_statement_id_is_free_only_once() {
    let trial = Trial::new();
    let_permissions(&trial, 2);
    let (status, code, message) = refusal(&trial, &permit("s00001")).await;
    assert_eq!((status, code.as_str()), (409, "ResourceConflictException"));
    assert!(message.starts_with("The statement id (s00001) provided already exists."), "{message}");
    assert!(is_taken(&trial, &permit("s00002")).await);
}
