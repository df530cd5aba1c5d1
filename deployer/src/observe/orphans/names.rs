//! Finds candidates by name, for resources that the tagging API does not list.

use serde_json::Value;

use super::by_arn::{self, Candidate};
use crate::aws::{Aws, AwsError, tags};

/// Lists resources with this stack's default names: roles, and on a local AWS also the kinds that its tagging API does
/// not list. A failed listing counts as empty.
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
    // In an environment every name ends in the environment's, or has it before a part's suffix.
    let told_by_tags = |candidate: &Candidate| candidate.name.is_none() || candidate.address.is_some();
    named.filter(|found| env.is_none_or(|env| told_by_tags(found) || found.id.contains(env))).collect()
}

/// Calls ListRoles for all pages.
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

/// Lists every event source mapping, or those of one function.
pub(super) async fn mappings(aws: &Aws, function: Option<&str>) -> Result<Vec<Candidate>, AwsError> {
    let call = aws.clients.lambda.list_event_source_mappings().set_function_name(function.map(str::to_owned));
    let page = aws.call("lambda:ListEventSourceMappings", call.send()).await?;
    let uuids = page.event_source_mappings().iter().filter_map(|mapping| mapping.uuid());
    Ok(uuids.map(by_arn::mapping).collect())
}

/// Tells whether a role certainly belongs to a stack in `region`. Roles are global to an account, so a stack of the
/// same name in another region may own it. Its policies must name this region and no other. Something must also tie it
/// to the region: an orphaned function there (`has_function`), or its log group.
pub(super) fn is_of(role: &Value, region: &str, has_function: bool) -> bool {
    let (mut here, mut elsewhere, mut log_group) = (false, false, false);
    for text in texts(role) {
        // An ARN with an empty region field names no region; one with a wildcard there may name others.
        for arn in text.split("arn:").skip(1).filter_map(|arn| arn.split(':').nth(2)) {
            elsewhere |= !arn.is_empty() && arn != region;
        }
        let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '-');
        elsewhere |= words.clone().any(|word| word != region && is_like_a_region(word));
        here |= words.clone().any(|word| word == region);
        log_group |= text.contains(&format!(":logs:{region}:"));
    }
    here && !elsewhere && (has_function || log_group)
}

/// Lists every text value in the policies of a role. Leaves out keys and tags.
fn texts(role: &Value) -> Vec<&str> {
    let mut waiting = vec![&role["inline_policies"], &role["assume_role_policy"]];
    let mut found = Vec::new();
    while let Some(value) = waiting.pop() {
        match value {
            Value::String(text) => found.push(text.as_str()),
            Value::Array(items) => waiting.extend(items),
            Value::Object(map) => waiting.extend(map.values()),
            _ => {}
        }
    }
    found
}

/// Tells whether a word looks like `eu-west-1` or `us-gov-east-1`: two letters, words, a digit.
fn is_like_a_region(word: &str) -> bool {
    let parts: Vec<&str> = word.split('-').collect();
    let [first, middle @ .., last] = parts.as_slice() else { return false };
    let letters = |part: &&str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase());
    first.len() == 2
        && !middle.is_empty()
        && letters(first)
        && middle.iter().all(letters)
        && last.len() == 1
        && last.bytes().all(|b| b.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const LOGS: &str = "arn:aws:logs:eu-west-1:1:log-group:/aws/lambda/shop-worker:*";
    const QUEUE: &str = "arn:aws:sqs:eu-west-1:1:orders";

    fn role(on: &[&str]) -> Value {
        let statement = json!([{ "Effect": "Allow", "Action": "*", "Resource": on }]);
        json!({ "inline_policies": { "permissions": { "Statement": statement } }, "assume_role_policy": {}, "tags": {} })
    }

    #[test]
    fn a_role_of_this_region_alone_is_told_by_its_log_group_or_its_function() {
        let is = |on: &[&str], has_function: bool| is_of(&role(on), "eu-west-1", has_function);
        assert!(is(&[LOGS, QUEUE, "arn:aws:s3:::files/*", "arn:aws:iam::1:role/r"], false));
        assert!(is(&[QUEUE], true));
        assert!(!is(&[QUEUE], false), "a role elsewhere may use this queue");
        assert!(!is(&["arn:aws:s3:::files/*", "*"], true), "no region is named");
    }

    #[test]
    fn a_role_that_names_another_region_in_any_way_stays() {
        for other in [
            "arn:aws:logs:us-east-1:1:log-group:/aws/lambda/shop-worker:*",
            "arn:aws:sqs:*:1:orders",
            "arn:aws:sqs:us-*:1:orders",
            "sqs.us-east-1.amazonaws.com",
            "us-gov-east-1",
        ] {
            assert!(!is_of(&role(&[LOGS, other]), "eu-west-1", true), "{other}");
        }
        let mut trusting = role(&[LOGS]);
        trusting["assume_role_policy"] =
            json!({ "Condition": { "ArnLike": { "aws:SourceArn": "arn:aws:lambda:us-east-1:1:function:f" } } });
        assert!(!is_of(&trusting, "eu-west-1", true));
    }
}
