//! Decides who may call the API: callers whose token has one of the known digests.
//!
//! API Gateway keeps the answer for the token, and uses it for every route. The policy therefore names the whole stage,
//! and not the route of this request alone.

use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let users: Value = serde_json::from_str(&std::env::var("USERS")?)?;
    let users = &users;
    lambda_runtime::run(service_fn(|event: LambdaEvent<Value>| async move { decide(users, &event.payload) })).await
}

/// Answers with a policy for a known token. API Gateway turns the error `Unauthorized` into 401.
fn decide(users: &Value, event: &Value) -> Result<Value, Error> {
    let token = event["authorizationToken"].as_str().and_then(|header| header.strip_prefix("Bearer "));
    let user = token.and_then(|token| users[digest(token)].as_str()).ok_or("Unauthorized")?;
    let method = event["methodArn"].as_str().ok_or("the event has no method")?;
    let stage: Vec<&str> = method.splitn(3, '/').take(2).collect();
    Ok(json!({
        "principalId": user,
        "policyDocument": {
            "Version": "2012-10-17",
            "Statement": [{ "Effect": "Allow", "Action": "execute-api:Invoke", "Resource": format!("{}/*", stage.join("/")) }],
        },
        "context": { "user": user },
    }))
}

fn digest(token: &str) -> String {
    Sha256::digest(token.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(header: &str) -> Result<Value, Error> {
        let users = json!({ digest("open sesame"): "ada" });
        let method = "arn:aws:execute-api:eu-west-1:123456789012:a1b2c3/Prod/GET/profile";
        decide(&users, &json!({ "authorizationToken": header, "methodArn": method }))
    }

    #[test]
    fn a_known_token_may_call_every_route_of_the_stage() {
        let policy = answer("Bearer open sesame").expect("a policy");
        let resource = &policy["policyDocument"]["Statement"][0]["Resource"];
        assert_eq!(resource, "arn:aws:execute-api:eu-west-1:123456789012:a1b2c3/Prod/*");
        assert_eq!(policy["context"]["user"], "ada");
    }

    #[test]
    fn any_other_token_is_refused_with_401() {
        for header in ["Bearer open barley", "open sesame", "Bearer ", ""] {
            assert_eq!(answer(header).expect_err(header).to_string(), "Unauthorized");
        }
    }
}
