//! Roles, their trust policies and their permissions.

use super::*;

const LAMBDA: &str =
    r#"{"Statement":[{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"}]}"#;
const QUEUE: &str = "arn:aws:sqs:eu-west-1:123456789012:orders";

fn role_answer(trust: &str) -> String {
    let trust = trust.replace('"', "&quot;");
    format!(
        "<GetRoleResponse><GetRoleResult><Role><Path>/</Path><RoleName>draw</RoleName><RoleId>AROA</RoleId>\
         <Arn>arn:aws:iam::123456789012:role/draw</Arn><CreateDate>2026-12-01T00:00:00Z</CreateDate>\
         <AssumeRolePolicyDocument>{trust}</AssumeRolePolicyDocument></Role></GetRoleResult></GetRoleResponse>"
    )
}

/// A role `draw` with one inline policy, that may do `actions` to the queue.
pub fn let_role(trial: &Trial, actions: &[&str]) {
    let document = json!({"Statement": [{"Effect": "Allow", "Action": actions, "Resource": QUEUE}]}).to_string();
    let document = document.replace('"', "&quot;");
    let names = "<ListRolePoliciesResponse><ListRolePoliciesResult><PolicyNames><member>p</member></PolicyNames>\
                 </ListRolePoliciesResult></ListRolePoliciesResponse>";
    let attached =
        "<ListAttachedRolePoliciesResponse><ListAttachedRolePoliciesResult/></ListAttachedRolePoliciesResponse>";
    let policy = format!(
        "<GetRolePolicyResponse><GetRolePolicyResult><RoleName>draw</RoleName><PolicyName>p</PolicyName>\
         <PolicyDocument>{document}</PolicyDocument></GetRolePolicyResult></GetRolePolicyResponse>"
    );
    trial.knows("Action=ListRolePolicies", 200, names);
    trial.knows("Action=ListAttachedRolePolicies", 200, attached);
    trial.knows("Action=GetRolePolicy", 200, policy);
}

pub fn let_function(trial: &Trial, timeout_s: u32) {
    let role = "arn:aws:iam::123456789012:role/draw";
    let function = json!({"FunctionName": "draw", "Role": role, "Timeout": timeout_s});
    trial.knows("/functions/draw/configuration", 200, function);
}

pub const READ_QUEUE: &[&str] = &["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"];

pub fn create_mapping() -> Sent {
    let body = json!({"FunctionName": "draw", "EventSourceArn": QUEUE});
    rest("lambda", "POST", "/2015-03-31/event-source-mappings", &body)
}

#[tokio::test]
async fn lambda_assumes_a_role_ten_seconds_after_its_creation() {
    let trial = Trial::new();
    trial.send(&create_role("draw"), &Value::Null).await;
    let (status, body) = trial.send(&create_function("draw", "draw"), &json!({})).await;
    assert_eq!(status, 400);
    assert_eq!(body["message"], "The role defined for the function cannot be assumed by Lambda.");
    trial.pass(10.0);
    assert_eq!(trial.send(&create_function("draw", "draw"), &json!({})).await.0, 200);
    let off = Trial::with(Switches::as_slow_as_aws().without(["role-propagation"]));
    off.send(&create_role("draw"), &Value::Null).await;
    assert_eq!(off.send(&create_function("draw", "draw"), &json!({})).await.0, 200);
}

#[tokio::test]
async fn a_role_that_is_deleted_and_created_again_is_new_again() {
    let trial = Trial::new();
    trial.send(&create_role("draw"), &Value::Null).await;
    trial.pass(10.0);
    trial.send(&action("iam", "DeleteRole", &[("RoleName", "draw")]), &Value::Null).await;
    trial.send(&create_role("draw"), &Value::Null).await;
    assert_eq!(trial.send(&create_function("draw", "draw"), &json!({})).await.0, 400);
}

#[tokio::test]
async fn a_role_that_starts_to_trust_lambda_is_assumed_ten_seconds_later() {
    let trial = Trial::new();
    trial.knows("Action=GetRole&", 200, role_answer(r#"{"Statement":[]}"#));
    let fields = [("RoleName", "draw"), ("PolicyDocument", LAMBDA)];
    trial.send(&action("iam", "UpdateAssumeRolePolicy", &fields), &Value::Null).await;
    trial.knows("Action=GetRole&", 200, role_answer(LAMBDA));
    assert_eq!(trial.send(&create_function("draw", "draw"), &json!({})).await.0, 400);
    trial.pass(10.0);
    assert_eq!(trial.send(&create_function("draw", "draw"), &json!({})).await.0, 200);
}

#[tokio::test]
async fn a_function_needs_a_role_that_exists_and_trusts_lambda() {
    let trial = Trial::new();
    trial.knows("Action=GetRole&", 404, refused("NoSuchEntity"));
    assert_eq!(trial.send(&create_function("draw", "draw"), &json!({})).await.0, 400);
    trial.knows("Action=GetRole&", 200, role_answer(&LAMBDA.replace("lambda", "ec2")));
    let (status, body) = trial.send(&create_function("draw", "draw"), &json!({})).await;
    assert_eq!(
        (status, &body["message"]),
        (400, &json!("The role defined for the function cannot be assumed by Lambda."))
    );
    trial.knows("Action=GetRole&", 200, role_answer(LAMBDA));
    assert_eq!(trial.send(&create_function("draw", "draw"), &json!({})).await.0, 200);
}

#[tokio::test]
async fn a_mapping_waits_until_the_functions_role_may_read_the_queue() {
    let trial = Trial::new();
    let_function(&trial, 3);
    trial.knows("Action=GetRolePolicy", 404, refused("NoSuchEntity"));
    let fields = [("RoleName", "draw"), ("PolicyName", "p"), ("PolicyDocument", "{}")];
    trial.send(&action("iam", "PutRolePolicy", &fields), &Value::Null).await;
    let_role(&trial, READ_QUEUE);
    let (status, body) = trial.send(&create_mapping(), &json!({})).await;
    assert_eq!(status, 400, "{body}");
    let message = "The function execution role does not have permissions to call ReceiveMessage on SQS";
    assert_eq!(body["message"], message);
    trial.pass(10.0);
    assert_eq!(trial.send(&create_mapping(), &json!({})).await.0, 200);
}

#[tokio::test]
async fn a_policy_that_is_written_again_takes_nothing_away() {
    let trial = Trial::new();
    let_function(&trial, 3);
    let_role(&trial, READ_QUEUE);
    let fields = [("RoleName", "draw"), ("PolicyName", "p"), ("PolicyDocument", "{}")];
    trial.send(&action("iam", "PutRolePolicy", &fields), &Value::Null).await;
    assert_eq!(trial.send(&create_mapping(), &json!({})).await.0, 200);
}

/// The ways to give a resource a policy that names `arn`, and the refusals of an unknown principal.
fn policies_naming(arn: &str) -> Vec<(Sent, &'static str, String)> {
    let document = json!({"Statement": [{"Effect": "Allow", "Principal": {"AWS": [arn]}, "Action": "*"}]}).to_string();
    let queue = json!({"QueueUrl": "http://127.0.0.1/123456789012/orders", "Attributes": {"Policy": document}});
    let topic = [
        ("TopicArn", "arn:aws:sns:eu-west-1:123456789012:news"),
        ("AttributeName", "Policy"),
        ("AttributeValue", document.as_str()),
    ];
    let bucket = Sent { body: document.clone(), ..rest("s3", "PUT", "/pictures?policy", &Value::Null) };
    let other = [("RoleName", "other"), ("AssumeRolePolicyDocument", document.as_str())];
    let permission = json!({"StatementId": "s", "Action": "lambda:InvokeFunction", "Principal": arn});
    vec![
        (target("sqs", "AmazonSQS.SetQueueAttributes", &queue), "InvalidAttributeValue", "parameter Policy".into()),
        (action("sns", "SetTopicAttributes", &topic), "InvalidParameter", "Policy Error: PrincipalNotFound".into()),
        (bucket, "MalformedPolicy", "Invalid principal in policy".into()),
        (action("iam", "CreateRole", &other), "MalformedPolicyDocument", format!("policy: \"AWS\":\"{arn}\"")),
        (
            rest("lambda", "POST", "/2015-03-31/functions/draw/policy", &permission),
            "InvalidParameterValueException",
            "The provided principal was invalid".into(),
        ),
    ]
}

async fn refusals(trial: &Trial, arn: &str) -> Vec<bool> {
    let mut found = Vec::new();
    for (sent, code, message) in policies_naming(arn) {
        let answer = trial.send_raw(&sent, String::new()).await;
        let text = format!("{:?} {}", answer.headers, String::from_utf8_lossy(&answer.body));
        let text = text.replace("\\\"", "\"");
        found.push(answer.status == 400 && text.contains(code) && text.contains(&message));
    }
    found
}

#[tokio::test]
async fn no_policy_can_name_a_role_in_the_first_ten_seconds() {
    let trial = Trial::new();
    trial.send(&create_role("draw"), &Value::Null).await;
    trial.knows("Action=GetRole&", 200, role_answer(LAMBDA));
    let arn = "arn:aws:iam::123456789012:role/path/draw";
    assert_eq!(refusals(&trial, arn).await, [true; 5]);
    trial.pass(10.0);
    assert_eq!(refusals(&trial, arn).await, [false; 5]);
}

#[tokio::test]
async fn no_policy_can_name_an_identity_that_does_not_exist_or_many_at_once() {
    let trial = Trial::new();
    trial.knows("Action=GetRole&", 404, refused("NoSuchEntity"));
    trial.knows("Action=GetUser&", 404, refused("NoSuchEntity"));
    for arn in [
        "arn:aws:iam::123456789012:role/draw",
        "arn:aws:iam::123456789012:user/ann",
        "arn:aws:iam::123456789012:role/*",
    ] {
        assert_eq!(refusals(&trial, arn).await, [true; 5], "{arn}");
    }
    // Identities of other accounts are not known here.
    for arn in ["arn:aws:iam::210987654321:role/draw", "arn:aws:iam::123456789012:root"] {
        assert_eq!(refusals(&trial, arn).await, [false; 5], "{arn}");
    }
}
