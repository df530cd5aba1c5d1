//! Lists everything in an account, as AWS reports it.

use deployer::aws::Aws;

/// Lists everything that exists, by names that are the same after every creation.
pub async fn inventory(aws: &Aws) -> Vec<String> {
    let mut all = Vec::new();
    queues_topics_alarms(aws, &mut all).await;
    functions(aws, &mut all).await;
    apis(aws, &mut all).await;
    let clients = &aws.clients;
    for role in clients.iam.list_roles().send().await.expect("ListRoles").roles {
        all.push(format!("role {}", role.role_name));
    }
    for group in clients.logs.describe_log_groups().send().await.expect("DescribeLogGroups").log_groups() {
        all.push(format!("log group {}", group.log_group_name().unwrap_or_default()));
    }
    for bucket in clients.s3.list_buckets().send().await.expect("ListBuckets").buckets() {
        all.push(format!("bucket {}", bucket.name().unwrap_or_default()));
    }
    all.sort();
    all
}

async fn queues_topics_alarms(aws: &Aws, all: &mut Vec<String>) {
    let clients = &aws.clients;
    for url in clients.sqs.list_queues().send().await.expect("ListQueues").queue_urls() {
        all.push(format!("queue {}", url.rsplit('/').next().unwrap_or_default()));
    }
    for topic in clients.sns.list_topics().send().await.expect("ListTopics").topics() {
        all.push(format!("topic {}", topic.topic_arn().unwrap_or_default()));
    }
    for told in clients.sns.list_subscriptions().send().await.expect("ListSubscriptions").subscriptions() {
        all.push(format!(
            "subscription {} {}",
            told.topic_arn().unwrap_or_default(),
            told.endpoint().unwrap_or_default()
        ));
    }
    for alarm in clients.cloudwatch.describe_alarms().send().await.expect("DescribeAlarms").metric_alarms() {
        all.push(format!("alarm {}", alarm.alarm_name().unwrap_or_default()));
    }
}

async fn functions(aws: &Aws, all: &mut Vec<String>) {
    let lambda = &aws.clients.lambda;
    for function in lambda.list_functions().send().await.expect("ListFunctions").functions() {
        let name = function.function_name().unwrap_or_default();
        all.push(format!("function {name}"));
        if let Ok(policy) = lambda.get_policy().function_name(name).send().await {
            let policy: serde_json::Value =
                serde_json::from_str(policy.policy().unwrap_or("{}")).expect("a policy document");
            for statement in policy["Statement"].as_array().into_iter().flatten() {
                all.push(format!("permission {name} {}", statement["Sid"]));
            }
        }
    }
    for mapping in lambda.list_event_source_mappings().send().await.expect("mappings").event_source_mappings() {
        let (function, source) =
            (mapping.function_arn().unwrap_or_default(), mapping.event_source_arn().unwrap_or_default());
        all.push(format!("mapping {function} {source}"));
    }
}

async fn apis(aws: &Aws, all: &mut Vec<String>) {
    let apigateway = &aws.clients.apigateway;
    for api in apigateway.get_rest_apis().send().await.expect("GetRestApis").items() {
        let (id, name) = (api.id().unwrap_or_default(), api.name().unwrap_or_default());
        all.push(format!("api {name}"));
        let tree = apigateway.get_resources().rest_api_id(id).embed("methods").send().await.expect("GetResources");
        for resource in tree.items() {
            let path = resource.path().unwrap_or_default();
            all.push(format!("path {name} {path}"));
            for (method, what) in resource.resource_methods().into_iter().flatten() {
                let integration = what.method_integration();
                let uri = integration.and_then(|to| to.uri()).unwrap_or_default();
                let authorization = what.authorization_type().unwrap_or_default();
                all.push(format!("route {name} {method} {path} {authorization} {uri}"));
            }
        }
        let deployments = apigateway.get_deployments().rest_api_id(id).send().await.expect("GetDeployments");
        all.push(format!("deployments {name} {}", deployments.items().len()));
        for stage in apigateway.get_stages().rest_api_id(id).send().await.expect("GetStages").item() {
            let served = deployments.items().iter().find(|d| d.id() == stage.deployment_id());
            let served = served.and_then(|d| d.description()).unwrap_or_default();
            let how = if served.starts_with("sha256:") { "as defined" } else { "otherwise" };
            all.push(format!("stage {name} {} {how}", stage.stage_name().unwrap_or_default()));
        }
    }
}
