//! Waits for the network interfaces of a function that leaves its VPC. Lambda deletes them minutes later, with the
//! permissions of a function's role.
//!
//! Lambda has one interface for each pair of a subnet and a set of security groups, which all functions and published
//! versions of that pair share. Lambda deletes it once the last of them has left.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use aws_sdk_lambda::types::FunctionVersion;

use super::{Function, VpcConfig, versions};
use crate::aws::wait::{self, Poll};
use crate::aws::{Aws, AwsError};

/// The longest wait. AWS documents 20 minutes.
const LEFT_WITHIN: Duration = Duration::from_secs(30 * 60);
/// The number of consecutive failures of EC2 that ends the wait.
const PATIENCE: u32 = 3;
const LISTING: &str = "lambda:ListFunctions";

/// Functions and versions in a VPC: name and network.
type Users = Vec<(String, VpcConfig)>;

/// Waits, after a function has left its network, until Lambda has deleted the interfaces that no function needs.
/// The function's former resources, above all its role, should exist until then. A failure here does not fail the run:
/// the function itself is up to date, and a note names the interfaces that may remain.
pub(super) async fn wait_for_interfaces(aws: &Aws, function: &str, network: &VpcConfig) {
    aws.run.note_done(network_left_key(function));
    if let Err(error) = follow_interfaces(aws, network).await {
        wait::note(remark(&error, network));
    }
}

/// Describes the task that may remain for the user.
fn remark(error: &AwsError, network: &VpcConfig) -> String {
    const BY_HAND: &str = "in an hour and no function uses them, delete them: `aws ec2 delete-network-interface --network-interface-id ID`";
    match error {
        AwsError::Deadline { last: Some(interfaces), .. } => format!(
            "Lambda has not deleted the network interfaces {interfaces} yet, and the run waits no longer. If they are there {BY_HAND}"
        ),
        error => format!(
            "the run did not wait for Lambda to delete its network interfaces in {}: {error}. If some, described as `AWS \
             Lambda VPC ENI-…`, are there {BY_HAND}",
            network.subnet_ids.join(", ")
        ),
    }
}

/// Handles a change of the network. Published versions keep the interfaces that they ran with, so versions in another
/// network are deleted. If the function is in no network any more, waits for its interfaces as well.
pub(super) async fn leave_network(aws: &Aws, live: &Function, want: &Function) {
    aws.run.forget(LISTING);
    let all_gone = versions::leave(aws, want).await;
    if let (true, Some(network), None) = (all_gone, &live.vpc_config, &want.vpc_config) {
        wait_for_interfaces(aws, &want.function_name, network).await;
    }
}

/// Notes that a function of this run joined a network: the next search for the network's users must see it.
pub(super) fn note_network_joined(aws: &Aws) {
    aws.run.forget(LISTING);
}

fn network_left_key(function: &str) -> String {
    format!("{function} has left its network")
}

async fn follow_interfaces(aws: &Aws, network: &VpcConfig) -> Result<(), AwsError> {
    let groups = &network.security_group_ids;
    if aws.interfaces_in(&network.subnet_ids, groups).await?.is_empty() {
        return Ok(());
    }
    let unused = find_unused_subnets(aws, network).await?;
    if unused.is_empty() {
        return Ok(());
    }
    let failures = AtomicU32::new(0);
    let condition = format!("Lambda to delete its network interfaces in {}", unused.join(", "));
    aws.until(&condition, LEFT_WITHIN, || async {
        match aws.interfaces_in(&unused, groups).await {
            Ok(left) if left.is_empty() => Ok(Poll::Ready(())),
            Ok(left) => {
                failures.store(0, Ordering::Relaxed);
                Ok(Poll::Pending(left.join(", ")))
            }
            Err(error) if error.is_access_denied() || failures.fetch_add(1, Ordering::Relaxed) + 1 >= PATIENCE => {
                Err(error)
            }
            Err(error) => Ok(Poll::Pending(error.to_string())),
        }
    })
    .await
}

/// Returns the subnets in which no function of the account has the same groups. Functions that this run took out of the
/// network do not count.
async fn find_unused_subnets(aws: &Aws, network: &VpcConfig) -> Result<Vec<String>, AwsError> {
    let users = aws.run.remember(LISTING, users(aws)).await?;
    let groups: BTreeSet<&String> = network.security_group_ids.iter().collect();
    let stays = |(name, other): &&(String, VpcConfig)| {
        other.security_group_ids.iter().collect::<BTreeSet<_>>() == groups && !aws.run.is_done(&network_left_key(name))
    };
    let used: BTreeSet<&String> = users.iter().filter(stays).flat_map(|(_, other)| &other.subnet_ids).collect();
    Ok(network.subnet_ids.iter().filter(|subnet| !used.contains(subnet)).cloned().collect())
}

/// Calls ListFunctions, with all versions.
async fn users(aws: &Aws) -> Result<Users, AwsError> {
    let (mut users, mut marker) = (Users::new(), None);
    loop {
        let call = aws.clients.lambda.list_functions().function_version(FunctionVersion::All).set_marker(marker);
        let page = aws.call(LISTING, call.send()).await?;
        for function in page.functions.unwrap_or_default() {
            let Some(vpc) = function.vpc_config else { continue };
            let network = VpcConfig {
                subnet_ids: vpc.subnet_ids.unwrap_or_default(),
                security_group_ids: vpc.security_group_ids.unwrap_or_default(),
            };
            users.extend(function.function_name.filter(|_| !network.subnet_ids.is_empty()).map(|name| (name, network)));
        }
        marker = page.next_marker.filter(|marker| !marker.is_empty());
        if marker.is_none() {
            return Ok(users);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::json;
    use tokio::sync::mpsc::unbounded_channel;

    use super::*;
    use crate::aws::played::{self, answering_to};
    use crate::aws::wait::{Listener, StepSignal};

    const ASK: &str = "DescribeNetworkInterfaces";
    const LOOK: &str = "ec2:DescribeNetworkInterfaces";

    type Answer = (&'static str, Vec<u8>);

    fn interfaces(ids: &[&str]) -> Answer {
        let groups = "<groupSet><item><groupId>sg-1</groupId></item></groupSet>";
        let one = |id: &&str| format!("<item><networkInterfaceId>{id}</networkInterfaceId>{groups}</item>");
        let body: String = ids.iter().map(one).collect();
        (ASK, format!("200 OK\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}", body.len()).into_bytes())
    }

    fn refusal_answer() -> Answer {
        let body = "<Code>UnauthorizedOperation</Code><Message>no</Message>";
        (
            ASK,
            format!("403 Forbidden\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}", body.len()).into_bytes(),
        )
    }

    fn functions(all: &[(&str, &str, &str)]) -> Answer {
        let one = |(name, subnet, group): &(&str, &str, &str)| json!({ "FunctionName": name, "VpcConfig": { "SubnetIds": [subnet], "SecurityGroupIds": [group] } });
        let all: Vec<_> = all.iter().map(one).chain([json!({ "FunctionName": "outside" })]).collect();
        ("", played::json(&json!({ "Functions": all }).to_string()).into_bytes())
    }

    fn network() -> VpcConfig {
        VpcConfig { subnet_ids: vec!["subnet-1".into()], security_group_ids: vec!["sg-1".into()] }
    }

    /// Returns the notes for the user.
    async fn leaving(aws: &Aws, function: &str) -> Vec<String> {
        let (told, mut heard) = unbounded_channel();
        wait::with_listener(Listener { told, begun: Arc::default() }, wait_for_interfaces(aws, function, &network()))
            .await;
        let mut notes = Vec::new();
        while let Ok(told) = heard.try_recv() {
            notes.extend(if let StepSignal::Note(text) = told { Some(text) } else { None });
        }
        notes
    }

    #[tokio::test]
    async fn interfaces_that_other_functions_need_are_not_waited_for_and_those_of_the_last_one_are() {
        let users = functions(&[("a", "subnet-1", "sg-1"), ("b", "subnet-1", "sg-1")]);
        let shared = || interfaces(&["eni-1"]);
        let aws = answering_to(vec![shared(), users, shared(), shared(), interfaces(&[])]).await;
        assert!(leaving(&aws, "a").await.is_empty());
        assert_eq!(aws.calls_made(), [LOOK, LISTING], "b needs them");
        assert!(leaving(&aws, "b").await.is_empty());
        assert_eq!(aws.calls_made(), [LOOK, LISTING, LOOK, LOOK, LOOK], "nobody does, until they are gone");
    }

    #[tokio::test]
    async fn functions_of_other_groups_and_subnets_keep_nothing() {
        let users = functions(&[("c", "subnet-2", "sg-1"), ("d", "subnet-1", "sg-2")]);
        let aws = answering_to(vec![interfaces(&["eni-1"]), users, interfaces(&[])]).await;
        assert!(leaving(&aws, "a").await.is_empty());
        assert_eq!(aws.calls().0, 3);
    }

    #[tokio::test]
    async fn whoever_may_not_look_is_told_and_nothing_fails() {
        let aws = answering_to(vec![refusal_answer()]).await;
        let notes = leaving(&aws, "a").await;
        assert!(notes.len() == 1 && notes[0].contains("subnet-1") && notes[0].contains(LOOK), "{notes:?}");
        // A refusal during the wait has the same effect.
        let aws = answering_to(vec![interfaces(&["eni-1"]), functions(&[]), refusal_answer()]).await;
        assert_eq!(leaving(&aws, "a").await.len(), 1);
    }

    #[test]
    fn interfaces_that_stay_are_named_in_the_end() {
        let last = Some("eni-1, eni-2".to_owned());
        let over = AwsError::Deadline { condition: "Lambda to delete them".into(), waited_s: 1_800, last };
        let text = remark(&over, &network());
        assert!(text.contains("interfaces eni-1, eni-2 yet") && text.contains("delete-network-interface"), "{text}");
    }
}
