//! The permissions of callers.

use super::roles::let_role;
use super::*;

const ROLE: &str = "arn:aws:iam::000000000000:role/draw";

fn create() -> Sent {
    rest("lambda", "POST", "/2015-03-31/functions", &json!({"FunctionName": "draw", "Role": ROLE, "Code": {}}))
}

fn create_api() -> Sent {
    rest("apigateway", "POST", "/restapis", &json!({"name": "shop"}))
}

fn quoted(document: &Value) -> String {
    document.to_string().replace('"', "&quot;")
}

/// A user `ann` with a key of their own, who has one policy.
fn let_user(trial: &Trial, statement: &Value) {
    let document = quoted(&json!({"Statement": [statement]}));
    trial.knows(
        "Action=GetAccessKeyLastUsed",
        200,
        "<GetAccessKeyLastUsedResponse><GetAccessKeyLastUsedResult><UserName>ann</UserName></GetAccessKeyLastUsedResult>\
         </GetAccessKeyLastUsedResponse>",
    );
    trial.knows(
        "Action=ListUserPolicies",
        200,
        "<ListUserPoliciesResponse><ListUserPoliciesResult><PolicyNames><member>p</member></PolicyNames>\
         </ListUserPoliciesResult></ListUserPoliciesResponse>",
    );
    trial.knows(
        "Action=GetUserPolicy",
        200,
        format!(
            "<GetUserPolicyResponse><GetUserPolicyResult><UserName>ann</UserName><PolicyName>p</PolicyName>\
             <PolicyDocument>{document}</PolicyDocument></GetUserPolicyResult></GetUserPolicyResponse>"
        ),
    );
    for (question, list) in [("ListAttachedUserPolicies", "AttachedPolicies"), ("ListGroupsForUser", "Groups")] {
        let answer = format!("<{question}Response><{question}Result><{list}/></{question}Result></{question}Response>");
        trial.knows(&format!("Action={question}"), 200, answer);
    }
}

#[tokio::test]
async fn a_user_gives_a_function_only_a_role_that_it_may_pass() {
    let trial = Trial::new();
    let_user(&trial, &json!({"Effect": "Allow", "Action": "lambda:*", "Resource": "*"}));
    let (status, body) = trial.send(&create().signed_by("AKIAIOSFODNN7EXAMPLE"), &json!({})).await;
    assert_eq!(status, 403);
    let message = format!(
        "User: arn:aws:iam::000000000000:user/ann is not authorized to perform: iam:PassRole on resource: {ROLE} because no \
         identity-based policy allows the iam:PassRole action"
    );
    assert_eq!(body["message"], message);
    assert_eq!(trial.send(&create(), &json!({})).await.0, 200, "the root user may");
    let_user(&trial, &json!({"Effect": "Allow", "Action": "iam:PassRole", "Resource": ROLE}));
    assert_eq!(trial.send(&create().signed_by("AKIAIOSFODNN7EXAMPLE"), &json!({})).await.0, 200);
}

#[tokio::test]
async fn a_session_of_a_role_has_the_permissions_of_the_role() {
    let trial = Trial::new();
    let fields = [("RoleArn", "arn:aws:iam::000000000000:role/ci"), ("RoleSessionName", "run")];
    let session = "<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>ASIA</AccessKeyId></Credentials>\
                   </AssumeRoleResult></AssumeRoleResponse>";
    trial.send_raw(&action("sts", "AssumeRole", &fields), session.to_owned()).await;
    let_role(&trial, &["sqs:ReceiveMessage"]);
    let (status, body) = trial.send(&create().signed_by("ASIA"), &json!({})).await;
    assert_eq!(status, 403);
    assert!(
        body["message"].as_str().unwrap().starts_with("User: arn:aws:sts::000000000000:assumed-role/ci/run is not")
    );
    assert_eq!(trial.send(&create().signed_by("ASIB"), &json!({})).await.0, 200, "nobody knows this one");
}

#[tokio::test]
async fn the_first_api_of_an_account_needs_the_permission_for_api_gateways_own_role() {
    let trial = Trial::new();
    trial.knows("Action=GetRole&", 404, refused("NoSuchEntity"));
    let_user(&trial, &json!({"Effect": "Allow", "Action": "apigateway:*", "Resource": "*"}));
    let (status, body) = trial.send(&create_api().signed_by("AKIAIOSFODNN7EXAMPLE"), &json!({})).await;
    assert_eq!(status, 403);
    assert_eq!(body["message"], "Caller does not have permissions to create a Service Linked Role.");
    let_user(&trial, &json!({"Effect": "Allow", "Action": "iam:CreateServiceLinkedRole", "Resource": "*"}));
    trial.pass(60.0);
    assert_eq!(trial.send(&create_api().signed_by("AKIAIOSFODNN7EXAMPLE"), &json!({})).await.0, 200);
    let_user(&trial, &json!({"Effect": "Allow", "Action": "apigateway:*", "Resource": "*"}));
    trial.pass(60.0);
    assert_eq!(
        trial.send(&create_api().signed_by("AKIAIOSFODNN7EXAMPLE"), &json!({})).await.0,
        200,
        "the role is there now"
    );
}
