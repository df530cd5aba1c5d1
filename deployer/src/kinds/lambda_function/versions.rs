//! The numbered versions of a function: AWS keeps every code that was deployed.

use aws_sdk_lambda::operation::get_function::GetFunctionOutput;
use aws_sdk_lambda::primitives::Blob;
use aws_sdk_lambda::types::FunctionConfiguration;
use futures::future::join_all;

use super::progress::{follow_until_ready, with_tags};
use super::{ABSENT, CONFIGURATION, Function, FunctionZip, wire};
use crate::aws::{Aws, AwsError, Place};
use crate::kinds::Grant;

/// How many versions of a function are kept.
pub const KEPT: u64 = 10;
/// How many old versions one update deletes at most.
const AT_ONCE: usize = 10;
const UPDATE_CODE: &str = "lambda:UpdateFunctionCode";

/// One code of a function with the configuration that it ran with.
#[derive(Debug, Clone, PartialEq)]
pub struct Version {
    pub number: u64,
    /// The time of publication, as AWS writes it.
    pub published: String,
    pub function: Function,
}

impl Version {
    pub fn code(&self) -> &FunctionZip {
        &self.function.code
    }

    /// Names the settings that differ in `function`. A rollback of the code does not restore them.
    pub fn set_otherwise(&self, function: &Function) -> Vec<&'static str> {
        let (Ok(then), Ok(now)) = (serde_json::to_value(&self.function), serde_json::to_value(function)) else {
            return Vec::new();
        };
        CONFIGURATION.iter().copied().filter(|property| then[*property] != now[*property]).collect()
    }
}

/// Grants the calls that a rollback of the function may make.
pub(crate) fn grants(name: &str, place: &Place) -> Vec<Grant> {
    let arn = place.arn("lambda", &format!("function:{name}"));
    let actions = &[
        "lambda:GetFunction",
        "lambda:ListTags",
        "lambda:ListVersionsByFunction",
        "lambda:PublishVersion",
        "lambda:UpdateFunctionCode",
    ];
    vec![Grant::new(actions, &arn), Grant::new(&["lambda:GetFunction"], format!("{arn}:*"))]
}

/// Reads the running function: GetFunction. `None` if it does not exist.
pub(crate) async fn running(aws: &Aws, name: &str) -> Result<Option<Function>, AwsError> {
    let call = aws.clients.lambda.get_function().function_name(name).send();
    let found = aws.find("lambda:GetFunction", ABSENT, call).await?;
    let Some(found) = found else { return Ok(None) };
    with_tags(&found)?;
    Ok(Some(wire::to_spec(name, found)?.0))
}

/// Lists the versions of a function, the newest first: ListVersionsByFunction. Empty if the function does not exist.
pub(crate) async fn list(aws: &Aws, name: &str) -> Result<Vec<Version>, AwsError> {
    let (mut versions, mut marker) = (Vec::new(), None);
    loop {
        let call = aws.clients.lambda.list_versions_by_function().function_name(name).set_marker(marker).send();
        let Some(page) = aws.find("lambda:ListVersionsByFunction", ABSENT, call).await? else { break };
        for configuration in page.versions.unwrap_or_default() {
            versions.extend(version(name, configuration)?);
        }
        marker = page.next_marker.filter(|marker| !marker.is_empty());
        if marker.is_none() {
            break;
        }
    }
    versions.sort_by_key(|version| std::cmp::Reverse(version.number));
    Ok(versions)
}

/// Converts a listed version. `None` for `$LATEST`, which is no version.
fn version(name: &str, configuration: FunctionConfiguration) -> Result<Option<Version>, AwsError> {
    let Some(number) = configuration.version().and_then(|number| number.parse().ok()) else { return Ok(None) };
    let published = configuration.last_modified().unwrap_or_default().to_owned();
    let found = GetFunctionOutput::builder().configuration(configuration).build();
    Ok(Some(Version { number, published, function: wire::to_spec(name, found)?.0 }))
}

/// Fetches the zip of a version: GetFunction with its number, then the location that it returns.
pub(crate) async fn fetch(aws: &Aws, name: &str, number: u64) -> Result<Vec<u8>, AwsError> {
    const OPERATION: &str = "lambda:GetFunction";
    let call = aws.clients.lambda.get_function().function_name(name).qualifier(number.to_string()).send();
    let found = aws.call(OPERATION, call).await?;
    let location = found.code.and_then(|code| code.location);
    let location = location.ok_or_else(|| AwsError::missing(OPERATION, "Code.Location"))?;
    aws.download(OPERATION, &location).await
}

/// Restores `zip`, the code of a version, as the function's code, for the processor that it was built for, and
/// publishes it: UpdateFunctionCode. The running code is then the newest version, as after an apply. [`settle`] waits
/// for the end.
pub(crate) async fn put_back(aws: &Aws, version: &Version, zip: &[u8]) -> Result<(), AwsError> {
    let Function { function_name, .. } = &version.function;
    let call = aws
        .clients
        .lambda
        .update_function_code()
        .function_name(function_name)
        .set_architectures(Some(wire::architectures(&version.function)))
        .publish(true);
    aws.in_turn(zip.len() as u64, async || {
        aws.call(UPDATE_CODE, async { call.zip_file(Blob::new(zip)).send().await }).await.map(drop)
    })
    .await
}

/// Waits until AWS runs the code that [`put_back`] sent.
pub(crate) async fn settle(aws: &Aws, name: &str) -> Result<(), AwsError> {
    follow_until_ready(aws, name, UPDATE_CODE).await
}

/// Deletes versions older than the newest ten after `published` was created. AWS counts up by one, so one call
/// suffices. At every tenth version, a listing finds versions that earlier runs did not delete. Lambda allows
/// operations other than updates while an update is in progress
/// (<https://docs.aws.amazon.com/lambda/latest/dg/functions-states.html>). A version that an alias points to stays: AWS
/// refuses with 409. A failure here never fails the update.
pub(super) async fn prune(aws: &Aws, name: &str, published: Option<&str>) {
    let Some(newest) = published.and_then(|number| number.parse::<u64>().ok()).filter(|number| *number > KEPT) else {
        return;
    };
    let mut old = vec![newest - KEPT];
    if newest.is_multiple_of(KEPT) {
        match list(aws, name).await {
            Ok(versions) => old = beyond(&versions),
            Err(error) => tracing::debug!(%error, name, "the versions could not be listed"),
        }
    }
    join_all(old.into_iter().map(|number| delete(aws, name, number))).await;
}

/// Deletes the versions that run in another network than the function does now. Each of them keeps its network
/// interfaces, so that subnets and security groups could not be deleted. An alias keeps its version, as with [`prune`].
/// Tells whether all are deleted.
pub(super) async fn leave(aws: &Aws, now: &Function) -> bool {
    match list(aws, &now.function_name).await {
        Ok(versions) => {
            let is_elsewhere = |version: &&Version| {
                version.function.vpc_config.is_some() && version.function.vpc_config != now.vpc_config
            };
            let old = versions.iter().filter(is_elsewhere).map(|version| version.number);
            join_all(old.map(|number| delete(aws, &now.function_name, number))).await.into_iter().all(|gone| gone)
        }
        Err(error) => {
            tracing::debug!(%error, "the versions could not be listed");
            false
        }
    }
}

/// Returns the numbers of the versions to delete, at most as many as one update deletes, the newest first.
fn beyond(versions: &[Version]) -> Vec<u64> {
    versions.iter().skip(KEPT as usize).take(AT_ONCE).map(|version| version.number).collect()
}

async fn delete(aws: &Aws, name: &str, number: u64) -> bool {
    let call = aws.clients.lambda.delete_function().function_name(name).qualifier(number.to_string()).send();
    let deleted = aws.find("lambda:DeleteFunction", ABSENT, call).await;
    if let Err(error) = &deleted {
        tracing::debug!(%error, name, number, "the version stays");
    }
    deleted.is_ok()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::aws::played::{self, answering};

    fn page(versions: &[&str], next: Value) -> String {
        let one = |version: &&str| json!({ "Version": version, "Role": "r", "CodeSha256": format!("hash {version}") });
        let all: Vec<Value> = versions.iter().map(one).collect();
        played::json(&json!({ "Versions": all, "NextMarker": next }).to_string())
    }

    const GONE: &str = "204 No Content\r\nconnection: close\r\n\r\n";
    const USED: &str = "409 Conflict\r\nconnection: close\r\nx-amzn-errortype: ResourceConflictException\r\n\
                        content-length: 2\r\n\r\n{}";

    #[tokio::test]
    async fn all_pages_of_versions_are_read_and_the_newest_comes_first() {
        let (first, second) = (page(&["$LATEST", "8", "9"], json!("9")), page(&["10"], Value::Null));
        let aws = answering(&[&first, &second]).await;
        let versions = list(&aws, "draw").await.expect("versions");
        assert_eq!(versions.iter().map(|version| version.number).collect::<Vec<_>>(), [10, 9, 8]);
        assert_eq!(versions[0].code().sha256, "hash 10");
        assert_eq!(aws.calls(), (2, 0));
    }

    #[tokio::test]
    async fn ten_versions_are_kept_without_a_call_and_the_eleventh_takes_the_first_away() {
        for (published, calls) in [(None, 0), (Some("$LATEST"), 0), (Some("10"), 0), (Some("11"), 1)] {
            let aws = answering(&[GONE]).await;
            prune(&aws, "draw", published).await;
            assert_eq!(aws.calls(), (0, calls), "{published:?}");
        }
    }

    #[tokio::test]
    async fn every_tenth_version_also_takes_away_what_was_left_behind() {
        let numbers: Vec<String> = [3, 7].into_iter().chain(10..=20).map(|n: u64| n.to_string()).collect();
        let listed = page(&numbers.iter().map(String::as_str).collect::<Vec<_>>(), Value::Null);
        let aws = answering(&[&listed, GONE, USED, GONE]).await;
        prune(&aws, "draw", Some("20")).await;
        assert_eq!(aws.calls(), (1, 3), "10, 7 and 3; one that an alias points to fails nothing");
    }

    #[tokio::test]
    async fn versions_in_another_network_go_and_those_in_this_one_or_none_stay() {
        let vpc = |subnet: &str| json!({ "SubnetIds": [subnet], "SecurityGroupIds": ["sg-1"] });
        let all = json!([
            { "Version": "$LATEST", "Role": "r", "VpcConfig": vpc("subnet-2") },
            { "Version": "3", "Role": "r", "VpcConfig": vpc("subnet-2") },
            { "Version": "2", "Role": "r", "VpcConfig": vpc("subnet-1") },
            { "Version": "1", "Role": "r" },
        ]);
        let listed = played::json(&json!({ "Versions": all }).to_string());
        let now = version("draw", serde_free("subnet-2")).unwrap().unwrap().function;
        let aws = answering(&[&listed, GONE]).await;
        assert!(leave(&aws, &now).await);
        assert_eq!(aws.calls(), (1, 1));
        let aws = answering(&[&listed, USED]).await;
        assert!(!leave(&aws, &now).await, "an alias keeps its version there");
    }

    fn serde_free(subnet: &str) -> FunctionConfiguration {
        let vpc = aws_sdk_lambda::types::VpcConfigResponse::builder().subnet_ids(subnet).security_group_ids("sg-1");
        FunctionConfiguration::builder().role("r").version("3").vpc_config(vpc.build()).build()
    }

    #[tokio::test]
    async fn a_listing_that_fails_leaves_the_one_version_that_is_known_to_go() {
        let refused = "403 Forbidden\r\nconnection: close\r\nx-amzn-errortype: AccessDeniedException\r\n\
                       content-length: 2\r\n\r\n{}";
        let aws = answering(&[refused, GONE]).await;
        prune(&aws, "draw", Some("20")).await;
        assert_eq!(aws.calls(), (1, 1));
    }

    #[test]
    fn a_version_names_what_was_set_otherwise_and_not_what_goes_with_the_code() {
        let of = |code: &str, timeout: i32| {
            let configuration =
                FunctionConfiguration::builder().role("r").version("1").code_sha256(code).timeout(timeout);
            version("draw", configuration.build()).unwrap().unwrap()
        };
        let (then, now) = (of("x", 3), of("y", 9));
        assert_eq!(then.set_otherwise(&now.function), ["timeout"]);
        assert_eq!(then.set_otherwise(&then.function), [""; 0]);
    }
}
