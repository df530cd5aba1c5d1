//! Lists everything in an account, with the SDK alone.

use std::collections::BTreeSet;

use deployer::aws::Aws;

/// Lists every resource of the account except the buckets named `state-…`: `queue orders`, `role shop-reader`.
pub async fn inventory(aws: &Aws) -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    all.extend(queues(aws).await.into_iter().map(|url| format!("queue {}", last(&url, '/'))));
    functions(aws, &mut all).await;
    messaging(aws, &mut all).await;
    rest(aws, &mut all).await;
    all
}

/// Lists the URLs of all queues.
pub async fn queues(aws: &Aws) -> Vec<String> {
    let mut urls = Vec::new();
    let mut token = None;
    loop {
        let page = aws.clients.sqs.list_queues().max_results(1000).set_next_token(token).send().await;
        let page = page.expect("SQS lists");
        urls.extend(page.queue_urls.unwrap_or_default());
        token = page.next_token;
        if token.is_none() {
            return urls;
        }
    }
}

async fn functions(aws: &Aws, all: &mut BTreeSet<String>) {
    let lambda = &aws.clients.lambda;
    let functions = lambda.list_functions().send().await.expect("Lambda lists").functions.unwrap_or_default();
    all.extend(functions.iter().map(|f| format!("function {}", f.function_name().unwrap_or_default())));
    let mappings = lambda.list_event_source_mappings().send().await.expect("Lambda lists");
    // The id distinguishes two mappings of the same pair.
    all.extend(mappings.event_source_mappings.unwrap_or_default().iter().map(|m| {
        let (function, source) = (m.function_arn().unwrap_or_default(), m.event_source_arn().unwrap_or_default());
        format!("mapping {} {} {}", last(function, ':'), last(source, ':'), m.uuid().unwrap_or_default())
    }));
    let groups = aws.clients.logs.describe_log_groups().send().await.expect("Logs lists");
    let groups = groups.log_groups.unwrap_or_default();
    all.extend(groups.iter().map(|g| format!("log group {}", g.log_group_name().unwrap_or_default())));
    let roles = aws.clients.iam.list_roles().send().await.expect("IAM lists").roles;
    all.extend(roles.iter().map(|role| format!("role {}", role.role_name())));
}

async fn messaging(aws: &Aws, all: &mut BTreeSet<String>) {
    let topics = aws.clients.sns.list_topics().send().await.expect("SNS lists").topics.unwrap_or_default();
    all.extend(topics.iter().map(|t| format!("topic {}", last(t.topic_arn().unwrap_or_default(), ':'))));
    let subscriptions = aws.clients.sns.list_subscriptions().send().await.expect("SNS lists");
    let subscriptions = subscriptions.subscriptions.unwrap_or_default();
    all.extend(subscriptions.iter().map(|s| {
        let (arn, endpoint) = (s.subscription_arn().unwrap_or_default(), s.endpoint().unwrap_or_default());
        format!("subscription {endpoint} {}", last(arn, ':'))
    }));
    let alarms = aws.clients.cloudwatch.describe_alarms().send().await.expect("CloudWatch lists");
    let alarms = alarms.metric_alarms.unwrap_or_default();
    all.extend(alarms.iter().map(|a| format!("alarm {}", a.alarm_name().unwrap_or_default())));
}

async fn rest(aws: &Aws, all: &mut BTreeSet<String>) {
    let apis = aws.clients.apigateway.get_rest_apis().send().await.expect("API Gateway lists").items;
    let apis = apis.unwrap_or_default();
    all.extend(apis.iter().map(|a| format!("api {} {}", a.name().unwrap_or_default(), a.id().unwrap_or_default())));
    for api in &apis {
        let (name, id) = (api.name().unwrap_or_default(), api.id().unwrap_or_default());
        let deployments = aws.clients.apigateway.get_deployments().rest_api_id(id).send().await;
        let count = deployments.expect("API Gateway lists").items().len();
        all.insert(format!("deployments {name} {count}"));
    }
    let buckets = aws.clients.s3.list_buckets().send().await.expect("S3 lists").buckets.unwrap_or_default();
    let names = buckets.iter().filter_map(|bucket| bucket.name()).filter(|name| !name.starts_with("state-"));
    all.extend(names.map(|name| format!("bucket {name}")));
}

fn last(text: &str, separator: char) -> &str {
    text.rsplit(separator).next().unwrap_or(text)
}
