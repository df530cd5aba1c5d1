//! By name: what the tagging API leaves out.

use serde_json::Value;

use super::by_arn::{self, Candidate};
use crate::aws::{Aws, AwsError, tags};

/// What is called as this stack's resources are by themselves: roles, and of a local AWS also what its tagging API does not
/// list. What cannot be listed is not looked for.
pub(super) async fn alike(aws: &Aws, stack: &str, env: Option<&str>) -> Vec<Candidate> {
    let begins = format!("{stack}-");
    let roles = roles(aws, &begins);
    let local = async {
        match aws.place.endpoint_url {
            Some(_) => {
                let (alarms, groups, apis, mappings) =
                    tokio::join!(alarms(aws, &begins), groups(aws, &begins), apis(aws), mappings(aws, None));
                [alarms, groups, apis, mappings].into_iter().flat_map(Result::unwrap_or_default).collect()
            }
            None => Vec::new(),
        }
    };
    let (roles, local) = tokio::join!(roles, local);
    let named = roles.unwrap_or_default().into_iter().chain(local);
    // In an environment every name has it at its end, or before the ending of a part.
    let told_by_tags = |candidate: &Candidate| candidate.name.is_none() || candidate.address.is_some();
    named.filter(|found| env.is_none_or(|env| told_by_tags(found) || found.id.contains(env))).collect()
}

/// ListRoles, all pages.
async fn roles(aws: &Aws, begins: &str) -> Result<Vec<Candidate>, AwsError> {
    let (mut found, mut marker) = (Vec::new(), None);
    loop {
        let call = aws.clients.iam.list_roles().max_items(1_000).set_marker(marker);
        let page = aws.call("iam:ListRoles", call.send()).await?;
        let alike = page.roles.iter().filter(|role| role.role_name.starts_with(begins));
        found.extend(alike.map(|role| by_arn::role(&role.role_name)));
        marker = page.marker.filter(|_| page.is_truncated);
        if marker.is_none() {
            return Ok(found);
        }
    }
}

async fn alarms(aws: &Aws, begins: &str) -> Result<Vec<Candidate>, AwsError> {
    let call = aws.clients.cloudwatch.describe_alarms().alarm_name_prefix(begins).max_records(100);
    let page = aws.call("cloudwatch:DescribeAlarms", call.send()).await?;
    Ok(page.metric_alarms().iter().filter_map(|alarm| alarm.alarm_name()).map(by_arn::alarm).collect())
}

async fn groups(aws: &Aws, begins: &str) -> Result<Vec<Candidate>, AwsError> {
    let mut found = Vec::new();
    for prefix in [begins.to_owned(), format!("/aws/lambda/{begins}")] {
        let call = aws.clients.logs.describe_log_groups().log_group_name_prefix(prefix);
        let page = aws.call("logs:DescribeLogGroups", call.send()).await?;
        found.extend(page.log_groups().iter().filter_map(|group| group.log_group_name()).map(by_arn::log_group));
    }
    Ok(found)
}

async fn apis(aws: &Aws) -> Result<Vec<Candidate>, AwsError> {
    let call = aws.clients.apigateway.get_rest_apis().limit(500);
    let page = aws.call("apigateway:GetRestApis", call.send()).await?;
    let marked = page.items().iter().filter_map(|api| {
        let tags: tags::Tags = api.tags()?.clone().into_iter().collect();
        let address = tags.get(tags::ADDRESS).cloned();
        Some(Candidate { address, ..by_arn::api(api.id()?, &tags) })
    });
    Ok(marked.collect())
}

/// Every mapping, or those of a function.
pub(super) async fn mappings(aws: &Aws, function: Option<&str>) -> Result<Vec<Candidate>, AwsError> {
    let call = aws.clients.lambda.list_event_source_mappings().set_function_name(function.map(str::to_owned));
    let page = aws.call("lambda:ListEventSourceMappings", call.send()).await?;
    let uuids = page.event_source_mappings().iter().filter_map(|mapping| mapping.uuid());
    Ok(uuids.map(by_arn::mapping).collect())
}

/// Does a role belong to a stack in `region`? Roles are known all over an account: the ARNs in its policies tell.
pub(super) fn is_of(role: &Value, region: &str) -> bool {
    role["inline_policies"].to_string().contains(&format!(":{region}:"))
}
