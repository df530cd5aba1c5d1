//! The network interfaces of functions.

use super::roles::let_role;
use super::*;

fn create(function: &str, subnets: &[&str], publish: bool) -> Sent {
    let network = json!({"SubnetIds": subnets, "SecurityGroupIds": ["sg-1"]});
    let role = format!("arn:aws:iam::{ACCOUNT}:role/draw");
    let body = json!({"FunctionName": function, "Role": role, "Code": {}, "VpcConfig": network, "Publish": publish});
    rest("lambda", "POST", "/2015-03-31/functions", &body)
}

fn delete(function: &str) -> Sent {
    rest("lambda", "DELETE", &format!("/2015-03-31/functions/{function}"), &Value::Null)
}

/// Returns the subnets of the listed interfaces.
async fn listed(trial: &Trial, subnets: &[&str]) -> Vec<String> {
    let mut filters =
        "&Filter.1.Name=description&Filter.1.Value.1=AWS%20Lambda%20VPC%20ENI-*&Filter.2.Name=subnet-id".to_owned();
    for (index, subnet) in subnets.iter().enumerate() {
        filters += &format!("&Filter.2.Value.{}={subnet}", index + 1);
    }
    let list = form("ec2", &format!("Action=DescribeNetworkInterfaces&Version=2016-11-15{filters}"));
    let answer = trial.send_raw(&list, String::new()).await;
    let text = String::from_utf8_lossy(&answer.body).into_owned();
    let subnets = text.split("<subnetId>").skip(1).filter_map(|rest| rest.split_once('<'));
    subnets.map(|(subnet, _)| subnet.to_owned()).collect()
}

const BOTH: &[&str] = &["subnet-1", "subnet-2"];

#[tokio::test]
async fn functions_share_the_interfaces_of_their_subnets_until_a_minute_after_the_last() {
    let trial = Trial::new();
    let_role(&trial, &["sqs:*"]);
    trial.knows("Action=GetRolePolicy", 200, permitting());
    trial.send(&create("draw", BOTH, false), &json!({})).await;
    trial.send(&create("list", &["subnet-1"], false), &json!({})).await;
    assert_eq!(listed(&trial, BOTH).await, BOTH);
    assert_eq!(listed(&trial, &["subnet-2"]).await, ["subnet-2"]);
    trial.send(&delete("draw"), &json!({})).await;
    trial.pass(60.0);
    assert_eq!(listed(&trial, BOTH).await, ["subnet-1"], "list uses it");
    trial.send(&delete("list"), &json!({})).await;
    trial.pass(59.0);
    assert_eq!(listed(&trial, BOTH).await, ["subnet-1"]);
    trial.pass(1.0);
    assert!(listed(&trial, BOTH).await.is_empty());
}

#[tokio::test]
async fn a_published_version_keeps_the_interfaces_that_its_function_has_left() {
    let trial = Trial::new();
    let_role(&trial, &["sqs:*"]);
    trial.knows("Action=GetRolePolicy", 200, permitting());
    trial.send(&create("draw", BOTH, true), &json!({"Version": "1"})).await;
    trial.pass(60.0);
    let leave = update_function("draw", &json!({"VpcConfig": {"SubnetIds": [], "SecurityGroupIds": []}}));
    assert_eq!(trial.send(&leave, &json!({})).await.0, 200);
    trial.pass(60.0);
    assert_eq!(listed(&trial, BOTH).await, BOTH);
    trial.send(&delete("draw?Qualifier=1"), &json!({})).await;
    trial.pass(60.0);
    assert!(listed(&trial, BOTH).await.is_empty());
}

#[tokio::test]
async fn interfaces_stay_for_ever_if_the_role_has_lost_its_permission() {
    let trial = Trial::new();
    let_role(&trial, &["sqs:*"]);
    trial.send(&create("draw", BOTH, false), &json!({})).await;
    trial.send(&delete("draw"), &json!({})).await;
    trial.pass(60.0);
    assert_eq!(listed(&trial, BOTH).await, BOTH);
    trial.knows("Action=GetRolePolicy", 200, permitting());
    trial.pass(600.0);
    assert_eq!(listed(&trial, BOTH).await, BOTH);
}

/// A policy that may delete interfaces.
fn permitting() -> String {
    let document = json!({"Statement": [{"Effect": "Allow", "Action": "ec2:DeleteNetworkInterface", "Resource": "*"}]});
    format!(
        "<GetRolePolicyResponse><GetRolePolicyResult><RoleName>draw</RoleName><PolicyName>p</PolicyName>\
         <PolicyDocument>{}</PolicyDocument></GetRolePolicyResult></GetRolePolicyResponse>",
        document.to_string().replace('"', "&quot;")
    )
}
