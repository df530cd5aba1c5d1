//! Answers caused by AWS's eventual consistency, through the SDK's own clients: refusals as AWS sends them on the wire,
//! on a virtual clock.

mod wire;

use std::sync::Arc;

use futures::future::{BoxFuture, FutureExt};
use serde_json::json;
use tokio::sync::mpsc;

use super::*;
use crate::aws::{Aws, ServiceError};
use crate::kinds;
use wire::{AwsResponse, ScriptedClient, answer, logs, query, rest, s3, sqs, sqs_says};

type Call = for<'a> fn(&'a Aws) -> BoxFuture<'a, Result<(), AwsError>>;

/// One situation from AWS's documents.
struct Row {
    name: &'static str,
    refusal: AwsResponse,
    call: Call,
    /// The window of the cure, in seconds.
    window_s: u64,
    why: &'static str,
    /// How often the SDK itself sends a call that is refused in this way.
    sdk_sends: usize,
}

macro_rules! call {
    ($operation:literal, $aws:ident => $call:expr) => {
        |$aws| async move { $aws.call($operation, $call.send()).await.map(drop) }.boxed()
    };
}

const DELETE_FUNCTION: Call =
    call!("lambda:DeleteFunction", aws => aws.clients.lambda.delete_function().function_name("f"));
const UPDATE_CODE: Call =
    call!("lambda:UpdateFunctionCode", aws => aws.clients.lambda.update_function_code().function_name("f"));
const CREATE_FUNCTION: Call = call!("lambda:CreateFunction", aws => aws.clients.lambda.create_function()
    .function_name("f").role("arn:aws:iam::123456789012:role/r")
    .code(aws_sdk_lambda::types::FunctionCode::builder().build()));
const CREATE_MAPPING: Call = call!("lambda:CreateEventSourceMapping", aws => aws.clients.lambda
    .create_event_source_mapping().function_name("f").event_source_arn("arn:aws:sqs:eu-west-1:123456789012:q"));
const UPDATE_MAPPING: Call = call!("lambda:UpdateEventSourceMapping", aws => aws.clients.lambda.update_event_source_mapping().uuid("14e0db71-5d35-4eb5-b481-8945cf9d10c2"));
const DELETE_MAPPING: Call = call!("lambda:DeleteEventSourceMapping", aws => aws.clients.lambda.delete_event_source_mapping().uuid("14e0db71-5d35-4eb5-b481-8945cf9d10c2"));
const ADD_PERMISSION: Call = call!("lambda:AddPermission", aws => aws.clients.lambda.add_permission()
    .function_name("f").statement_id("s").action("lambda:InvokeFunction").principal("apigateway.amazonaws.com"));
const TAG_FUNCTION: Call = call!("lambda:TagResource", aws => aws.clients.lambda.tag_resource()
    .resource("arn:aws:lambda:eu-west-1:123456789012:function:f").tags("a", "b"));
const DELETE_ROLE: Call = call!("iam:DeleteRole", aws => aws.clients.iam.delete_role().role_name("r"));
const PUT_ROLE_POLICY: Call = call!("iam:PutRolePolicy", aws => aws.clients.iam.put_role_policy()
    .role_name("r").policy_name("p").policy_document("{}"));
const TRUST: Call = call!("iam:UpdateAssumeRolePolicy", aws => aws.clients.iam.update_assume_role_policy()
    .role_name("r").policy_document("{}"));
const CREATE_QUEUE: Call = call!("sqs:CreateQueue", aws => aws.clients.sqs.create_queue().queue_name("q"));
const DELETE_API: Call =
    call!("apigateway:DeleteRestApi", aws => aws.clients.apigateway.delete_rest_api().rest_api_id("a"));
const DELETE_TOPIC: Call =
    call!("sns:DeleteTopic", aws => aws.clients.sns.delete_topic().topic_arn("arn:aws:sns:eu-west-1:123456789012:t"));
const CREATE_BUCKET: Call = call!("s3:CreateBucket", aws => aws.clients.s3.create_bucket().bucket("b-ucket"));
const TAG_BUCKET: Call = call!("s3:PutBucketVersioning", aws => aws.clients.s3.put_bucket_versioning().bucket("b-ucket")
    .versioning_configuration(aws_sdk_s3::types::VersioningConfiguration::builder().build()));
const DELETE_LOGS: Call = call!("logs:DeleteLogGroup", aws => aws.clients.logs.delete_log_group().log_group_name("g"));

/// Returns AWS's answer of success, sufficient for each of the calls above.
fn success_answer(line: &str) -> AwsResponse {
    match line {
        l if l.contains("/functions") || l.contains("event-source-mappings") || l.contains("/tags/") => {
            answer(200, &[], "{}")
        }
        l if l.contains("AmazonSQS") => answer(200, &[], json!({ "QueueUrl": "http://q" }).to_string()),
        l if l.contains("Logs_") => answer(200, &[], "{}"),
        l if l.contains("Action=") => {
            let action = l.split("Action=").nth(1).and_then(|rest| rest.split('&').next()).unwrap_or_default();
            answer(200, &[], format!("<{action}Response><{action}Result/></{action}Response>"))
        }
        l if l.contains("/restapis") => answer(202, &[], ""),
        _ => answer(200, &[], ""),
    }
}

#[rustfmt::skip]
fn rows() -> Vec<Row> {
    const INVALID: &str = "InvalidParameterValueException";
    let row = |name, refusal, call, window_s, why, sdk_sends| Row { name, refusal, call, window_s, why, sdk_sends };
    let assumed = "The role defined for the function cannot be assumed by Lambda.";
    let receive = "The function execution role does not have permissions to call ReceiveMessage on SQS. Please ensure the role can perform the action";
    let visibility = "Queue visibility timeout: 30 seconds is less than Function timeout: 60 seconds";
    let concurrent = "The function could not be updated due to a concurrent update operation. Please try again later.";
    let pending = "The operation cannot be performed at this time. The function is currently in the following state: Pending";
    let updating = "The operation cannot be performed at this time. An update is in progress for resource: arn";
    vec![
        row("a role that cannot be assumed yet", rest(400, INVALID, assumed), CREATE_FUNCTION, 180, "IAM has not spread", 1),
        row("a role without its permissions yet", rest(400, INVALID, "The provided execution role does not have permissions to call CreateNetworkInterface on EC2"), CREATE_FUNCTION, 180, "IAM has not spread", 1),
        row("a key that is not granted yet", rest(400, INVALID, "KMS key is invalid for CreateGrant"), CREATE_FUNCTION, 180, "IAM has not spread", 1),
        row("a network that EC2 makes slowly", rest(400, INVALID, "Your request has been throttled by EC2"), CREATE_FUNCTION, 540, "EC2 limits", 1),
        row("a mapping whose role may not receive yet", rest(400, INVALID, receive), CREATE_MAPPING, 180, "IAM has not spread", 1),
        row("a mapping whose queue has its old timeout yet", rest(400, INVALID, visibility), CREATE_MAPPING, 60, "visibility timeout", 1),
        row("a mapping of a function that is not visible yet", rest(404, "ResourceNotFoundException", "Function not found"), CREATE_MAPPING, 120, "not visible", 1),
        row("a function that is being updated", rest(409, "ResourceConflictException", updating), UPDATE_CODE, 300, "still in progress", 1),
        row("tags of a function that is being updated", rest(409, "ResourceConflictException", updating), TAG_FUNCTION, 300, "still in progress", 1),
        row("a deletion of a function that is being updated", rest(409, "ResourceConflictException", updating), DELETE_FUNCTION, 300, "still in progress", 1),
        row("a permission of a function that is being updated", rest(409, "ResourceConflictException", updating), ADD_PERMISSION, 300, "still in progress", 1),
        row("a permission beside another one's change", rest(409, "ResourceConflictException", concurrent), ADD_PERMISSION, 300, "still in progress", 1),
        row("a mapping beside another one's change", rest(409, "ResourceConflictException", concurrent), CREATE_MAPPING, 300, "still in progress", 1),
        row("a permission of a function that AWS still makes", rest(409, "ResourceConflictException", pending), ADD_PERMISSION, 300, "still making", 1),
        row("a mapping that is changed while its queue has its old timeout yet", rest(400, INVALID, visibility), UPDATE_MAPPING, 60, "visibility timeout", 1),
        row("a permission of a function that is not visible yet", rest(404, "ResourceNotFoundException", "Function not found"), ADD_PERMISSION, 60, "not visible", 1),
        row("a policy that somebody else changes", rest(412, "PreconditionFailedException", "The RevisionId is stale"), ADD_PERMISSION, 60, "function's policy", 1),
        row("a mapping that is changing", rest(400, "ResourceInUseException", "in use"), DELETE_MAPPING, 300, "still changing", 1),
        row("Lambda's rate", rest(429, "TooManyRequestsException", "Rate Exceeded"), DELETE_FUNCTION, 120, "limits the rate", 6),
        row("a trust in a principal that is not spread yet", query(400, "MalformedPolicyDocument", "Invalid principal in policy: \"AWS\":\"arn\""), TRUST, 120, "principal", 1),
        row("a queue's policy with a principal that is not spread yet", sqs_says("InvalidAttributeValue", "Invalid value for the parameter Policy."), CREATE_QUEUE, 60, "principal", 1),
        row("a topic's policy with a principal that is not spread yet", query(400, "InvalidParameter", "Invalid parameter: Policy Error: PrincipalNotFound"), DELETE_TOPIC, 120, "principal", 1),
        row("a queue whose dead-letter queue is new", sqs_says("InvalidParameterValue", "Value {} for parameter RedrivePolicy is invalid. Reason: Dead letter target does not exist."), CREATE_QUEUE, 60, "new queue", 1),
        row("a mapping of a new queue", rest(400, INVALID, "Error occurred while ReceiveMessage. SQS Error Code: AWS.SimpleQueueService.NonExistentQueue."), CREATE_MAPPING, 60, "new queue", 1),
        row("a role that somebody else changes", query(409, "ConcurrentModification", "again"), TRUST, 120, "another change of the role", 1),
        row("a role with something attached", query(409, "DeleteConflict", "Cannot delete entity, must detach all policies first."), DELETE_ROLE, 120, "attached", 1),
        row("a policy of a role that is not visible yet", query(404, "NoSuchEntity", "The role with name r cannot be found."), PUT_ROLE_POLICY, 60, "IAM has not spread", 1),
        row("IAM's rate", query(400, "Throttling", "Rate exceeded"), DELETE_ROLE, 120, "limits the rate", 6),
        row("a queue's name that is not free yet", sqs("QueueDeletedRecently", "AWS.SimpleQueueService.QueueDeletedRecently"), CREATE_QUEUE, 90, "60 s after its deletion", 1),
        row("API Gateway's rate", answer(429, &[("x-amzn-errortype", "TooManyRequestsException"), ("retry-after", "9")], "{}"), DELETE_API, 300, "limits the rate", 6),
        row("API Gateway's other rate", answer(429, &[("x-amzn-errortype", "LimitExceededException"), ("retry-after", "9")], "{}"), DELETE_API, 300, "limits the rate", 6),
        row("API Gateway's other rate in words", rest(429, "LimitExceededException", "The request exceeded the rate limit. Retry after the specified time period."), DELETE_API, 300, "limits the rate", 6),
        row("an API that somebody else changes", rest(409, "ConflictException", "Unable to complete operation due to concurrent modification. Please try again later."), DELETE_API, 120, "another change of the API", 1),
        row("a refusal without a code", answer(429, &[], "{}"), DELETE_API, 120, "limits the rate", 1),
        row("a topic that somebody else changes", query(400, "ConcurrentAccess", "again"), DELETE_TOPIC, 60, "another change of the topic", 1),
        row("a deleted topic's tags", query(400, "StaleTag", "again"), DELETE_TOPIC, 60, "forgotten the deleted topic", 1),
        row("SNS's rate", query(429, "Throttled", "Rate exceeded"), DELETE_TOPIC, 60, "limits the rate", 1),
        row("a bucket whose namesake was just deleted", s3(409, "OperationAborted"), CREATE_BUCKET, 120, "another change of the bucket", 1),
        row("a bucket that is not visible yet", s3(404, "NoSuchBucket"), TAG_BUCKET, 120, "not visible", 1),
        row("a log group that somebody else changes", logs("OperationAbortedException"), DELETE_LOGS, 60, "another change of the log group", 1),
    ]
}

/// Runs a call until it succeeds or is given up. Returns the result and the reported reasons.
async fn run_call(aws: &Aws, call: Call) -> (Result<(), AwsError>, Vec<String>) {
    let (told, mut heard) = mpsc::unbounded_channel();
    let listener = wait::Listener { told, begun: Arc::default() };
    let result = wait::with_listener(listener, retrying(|| call(aws))).await;
    let mut reasons = Vec::new();
    while let Ok(told) = heard.try_recv() {
        if let wait::StepSignal::Waiting(why) = told {
            reasons.push(why);
        }
    }
    (result, reasons)
}

#[tokio::test(start_paused = true)]
async fn what_time_cures_is_tried_again_until_it_is_done() {
    for row in rows() {
        let mut left = 3 * row.sdk_sends;
        let refusal = row.refusal.clone();
        let scripted = ScriptedClient::new(move |line| {
            left = left.saturating_sub(1);
            if left > 0 { refusal.clone() } else { success_answer(line) }
        });
        let (result, reasons) = run_call(&scripted.aws().await, row.call).await;
        assert!(result.is_ok(), "{}: {result:?}", row.name);
        assert!(reasons.iter().any(|why| why.contains(row.why)), "{}: {reasons:?}", row.name);
    }
}

#[tokio::test(start_paused = true)]
async fn what_time_does_not_cure_is_given_up_in_time_with_awss_last_answer() {
    for row in rows() {
        let refusal = row.refusal.clone();
        let scripted = ScriptedClient::new(move |_| refusal.clone());
        let start = Instant::now();
        let (result, reasons) = run_call(&scripted.aws().await, row.call).await;
        let took = start.elapsed().as_secs();
        let error = result.expect_err(row.name);
        assert_eq!(error.status(), row.refusal.status, "{}: {error}", row.name);
        // The SDK's own pauses in the last try are added.
        assert!((row.window_s - 11..=row.window_s + 70).contains(&took), "{}: {took} s of {}", row.name, row.window_s);
        assert!(reasons.len() as u64 >= row.window_s / 12, "{}: told only {} times", row.name, reasons.len());
    }
}

#[tokio::test(start_paused = true)]
async fn the_sdk_repeats_throttles_alone() {
    for row in rows() {
        let refusal = row.refusal.clone();
        let scripted = ScriptedClient::new(move |_| refusal.clone());
        let aws = scripted.aws().await;
        assert!((row.call)(&aws).await.is_err(), "{}", row.name);
        assert_eq!(scripted.count(""), row.sdk_sends, "{}", row.name);
    }
}

#[tokio::test(start_paused = true)]
async fn what_time_cannot_cure_is_final_at_once() {
    let rows: Vec<(&str, AwsResponse, Call)> = vec![
        (
            "a function that exists",
            rest(409, "ResourceConflictException", "Function already exist: f"),
            CREATE_FUNCTION,
        ),
        (
            "a statement that exists",
            rest(409, "ResourceConflictException", "The statement id (s) provided already exists."),
            ADD_PERMISSION,
        ),
        (
            "a mapping that exists",
            rest(409, "ResourceConflictException", "An event source mapping with SQS arn and function already exists."),
            CREATE_MAPPING,
        ),
        ("a wrong value", rest(400, "InvalidParameterValueException", "Runtime is not supported"), CREATE_FUNCTION),
        ("a role of AWS's own", query(400, "UnmodifiableEntity", "service-linked"), DELETE_ROLE),
        ("a bad policy", query(400, "MalformedPolicyDocument", "Syntax errors in policy."), TRUST),
        ("no permission", rest(403, "AccessDeniedException", "not authorized"), DELETE_FUNCTION),
        ("a stage that exists", rest(409, "ConflictException", "Stage already exists"), DELETE_API),
        ("a bucket with objects", s3(409, "BucketNotEmpty"), CREATE_BUCKET),
    ];
    for (name, refusal, call) in rows {
        let scripted = ScriptedClient::new(move |_| refusal.clone());
        let (result, reasons) = run_call(&scripted.aws().await, call).await;
        assert!(result.is_err() && reasons.is_empty(), "{name}: {result:?} {reasons:?}");
        assert_eq!(scripted.count(""), 1, "{name}");
    }
}

fn refusal(retry_after_s: Option<u64>) -> AwsError {
    AwsError::Service(Box::new(ServiceError {
        operation: "apigateway:DeleteRestApi",
        code: "TooManyRequestsException".into(),
        message: String::new(),
        status: 429,
        request_id: None,
        retry_after_s,
        needed: None,
    }))
}

#[test]
fn a_quota_of_api_gateway_is_no_rate_though_it_has_its_code() {
    let said = |message: &str, retry_after_s| {
        let AwsError::Service(answer) = refusal(retry_after_s) else { panic!("an answer") };
        let answer = ServiceError { code: "LimitExceededException".into(), message: message.into(), ..*answer };
        cure_of(&AwsError::Service(Box::new(answer))).is_some()
    };
    assert!(!said("Maximum number of resources for this API has been reached", None));
    assert!(said("", Some(1)) && said("The request exceeded the rate limit.", None));
}

#[tokio::test(start_paused = true)]
async fn a_pause_is_as_long_as_aws_asks_for_and_never_none() {
    for (asked, tries) in [(Some(100), 3), (Some(0), 63), (Some(301), 1)] {
        let (start, mut count) = (Instant::now(), 0);
        let result: Result<(), _> = retrying(|| {
            count += 1;
            async move { Err(refusal(asked)) }
        })
        .await;
        assert!(result.is_err() && start.elapsed().as_secs() <= 300, "{asked:?}");
        assert!(count <= tries + 3 && count >= tries.min(40), "{asked:?}: {count} tries");
    }
}

#[tokio::test(start_paused = true)]
async fn a_rest_api_is_sent_once_and_found_by_its_tags_when_the_answer_was_lost() {
    let tags = json!({ "deployer:stack": "couch", "deployer:address": "apis.couch" });
    let listed = json!({ "item": [{ "id": "abcdefghij", "name": "couch", "rootResourceId": "r", "tags": tags }] });
    let mut made = false;
    let scripted = ScriptedClient::new(move |line| match line {
        l if l.starts_with("POST /restapis") => {
            made = true;
            rest(500, "InternalFailure", "lost")
        }
        _ if made => answer(200, &[], listed.to_string()),
        _ => answer(200, &[], json!({ "item": [] }).to_string()),
    });
    let aws = scripted.aws().await;
    let kind = kinds::find("apigateway.rest_api").expect("a kind");
    let want = json!({
        "owner_stack": "couch", "owner_address": "apis.couch", "name": "couch", "endpoint_type": "REGIONAL",
        "binary_media_types": [], "disable_execute_api_endpoint": false, "api_key_source": "HEADER", "tags": tags,
    });
    let made = retrying(|| kind.create(&aws, &want)).await.expect("it is found");
    assert_eq!((made.physical_id.as_str(), scripted.count("POST /restapis")), ("abcdefghij", 1), "sent once");
}

#[tokio::test(start_paused = true)]
async fn a_statement_that_a_parallel_change_swallowed_is_added_again() {
    let mut sent = 0;
    let scripted = ScriptedClient::new(move |line| match line {
        l if l.starts_with("POST") => {
            sent += 1;
            answer(201, &[], json!({ "Statement": "{}" }).to_string())
        }
        // Both calls succeed; the first one's statement is lost.
        _ if sent < 2 => rest(404, "ResourceNotFoundException", "The resource you requested does not exist."),
        _ => {
            let statement = json!({ "Sid": "s", "Effect": "Allow", "Action": "lambda:InvokeFunction", "Resource": "arn",
                "Principal": { "Service": "apigateway.amazonaws.com" } });
            answer(200, &[], json!({ "Policy": json!({ "Statement": [statement] }).to_string() }).to_string())
        }
    });
    let aws = scripted.aws().await;
    let want = json!({ "function_name": "f", "statement_id": "s", "action": "lambda:InvokeFunction", "principal": "apigateway.amazonaws.com" });
    kinds::find("lambda.permission").expect("a kind").create(&aws, &want).await.expect("it is there in the end");
    assert_eq!(scripted.count("POST"), 2);
}

#[tokio::test(start_paused = true)]
async fn a_new_role_is_waited_for_until_iam_shows_it_with_its_arn() {
    let mut looks = 0;
    let role = |arn: &str| {
        format!(
            "<Role><Path>/</Path><RoleName>r</RoleName><RoleId>AROA1</RoleId><Arn>{arn}</Arn><CreateDate>2026-11-22T10:00:00Z</CreateDate></Role>"
        )
    };
    let scripted = ScriptedClient::new(move |line| {
        let result = |action: &str, body: String| {
            answer(200, &[], format!("<{action}Response><{action}Result>{body}</{action}Result></{action}Response>"))
        };
        match line {
            l if l.contains("Action=CreateRole&") => result("CreateRole", role("AROA1")),
            l if l.contains("Action=GetRole&") => {
                looks += 1;
                match looks {
                    1 | 2 => query(404, "NoSuchEntity", "The role with name r cannot be found."),
                    3 => result("GetRole", role("AROA1")),
                    _ => result("GetRole", role("arn:aws:iam::123456789012:role/r")),
                }
            }
            other => panic!("{other}"),
        }
    });
    let aws = scripted.aws().await;
    let want = json!({ "name": "r", "path": "/", "assume_role_policy": {}, "max_session_duration": 3600,
        "inline_policies": {}, "managed_policy_arns": [], "tags": {} });
    let made = kinds::find("iam.role").expect("a kind").create(&aws, &want).await.expect("a role");
    assert_eq!(made.outputs["arn"], "arn:aws:iam::123456789012:role/r");
    assert_eq!(scripted.count("Action=GetRole&"), 4);
}
