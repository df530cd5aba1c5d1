//! Reads an account, service by service.

use std::fmt::Debug;

use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use deployer::aws::Aws;
use serde_json::{Value, json};

use super::told::told;

/// The things that were found, by name.
#[derive(Default)]
pub struct Found {
    pub things: Vec<(String, Value)>,
    /// Random ids, and the things that they identify.
    pub ids: Vec<(String, String)>,
}

impl Found {
    fn add(&mut self, name: String, value: Value) {
        self.things.push((name, value));
    }
}

/// Returns a response in full; null if AWS reports that the thing does not exist.
fn maybe<T: Debug, E: ProvideErrorMetadata + Debug>(answer: Result<T, E>) -> Value {
    match answer {
        Ok(answer) => told(&answer),
        Err(error) => {
            let code = error.code().unwrap_or("no answer").to_owned();
            let nothing = ["NoSuch", "NotFound"].iter().any(|word| code.contains(word));
            assert!(nothing, "an account cannot be read: {error:?}");
            Value::Null
        }
    }
}

fn sure<T: Debug, E: Debug>(answer: Result<T, E>) -> T {
    answer.unwrap_or_else(|error| panic!("an account cannot be read: {error:?}"))
}

fn last(text: &str, separator: char) -> &str {
    text.rsplit(separator).next().unwrap_or(text)
}

/// Reads everything.
pub async fn all(aws: &Aws, found: &mut Found) {
    apis(aws, found).await;
    queues(aws, found).await;
    topics(aws, found).await;
    functions(aws, found).await;
    mappings(aws, found).await;
    roles(aws, found).await;
    logs_and_alarms(aws, found).await;
    buckets(aws, found).await;
}

async fn queues(aws: &Aws, found: &mut Found) {
    let sqs = &aws.clients.sqs;
    for url in sure(sqs.list_queues().max_results(1000).send().await).queue_urls() {
        let every = aws_sdk_sqs::types::QueueAttributeName::All;
        let attributes = maybe(sqs.get_queue_attributes().queue_url(url).attribute_names(every).send().await);
        let tags = maybe(sqs.list_queue_tags().queue_url(url).send().await);
        found.add(format!("queue {}", last(url, '/')), json!({ "attributes": attributes, "tags": tags }));
    }
}

async fn topics(aws: &Aws, found: &mut Found) {
    let sns = &aws.clients.sns;
    for topic in sure(sns.list_topics().send().await).topics() {
        let arn = topic.topic_arn().unwrap_or_default();
        let attributes = maybe(sns.get_topic_attributes().topic_arn(arn).send().await);
        let tags = maybe(sns.list_tags_for_resource().resource_arn(arn).send().await);
        found.add(format!("topic {}", last(arn, ':')), json!({ "attributes": attributes, "tags": tags }));
    }
    for told in sure(sns.list_subscriptions().send().await).subscriptions() {
        let (arn, topic) = (told.subscription_arn().unwrap_or_default(), told.topic_arn().unwrap_or_default());
        let name = format!(
            "subscription {} {} {}",
            last(topic, ':'),
            told.protocol().unwrap_or_default(),
            told.endpoint().unwrap_or_default()
        );
        found.ids.push((arn.to_owned(), "SUBSCRIPTION".to_owned()));
        let attributes = maybe(sns.get_subscription_attributes().subscription_arn(arn).send().await);
        found.add(name, attributes);
    }
}

async fn functions(aws: &Aws, found: &mut Found) {
    let lambda = &aws.clients.lambda;
    for function in sure(lambda.list_functions().max_items(1000).send().await).functions() {
        let name = function.function_name().unwrap_or_default();
        let whole = sure(lambda.get_function().function_name(name).send().await);
        // The SDK redacts the environment in its `Debug` text.
        let environment = whole.configuration().and_then(|own| own.environment()).and_then(|own| own.variables());
        let environment = json!(environment);
        let policy = maybe(lambda.get_policy().function_name(name).send().await);
        let asynchronous = maybe(lambda.get_function_event_invoke_config().function_name(name).send().await);
        found.add(format!("function {name}"), json!({ "function": told(&whole), "environment": environment, "policy": policy, "asynchronous": asynchronous }));
    }
}

async fn mappings(aws: &Aws, found: &mut Found) {
    let lambda = &aws.clients.lambda;
    for mapping in sure(lambda.list_event_source_mappings().send().await).event_source_mappings() {
        let (function, source) =
            (mapping.function_arn().unwrap_or_default(), mapping.event_source_arn().unwrap_or_default());
        let arn = mapping.event_source_mapping_arn().map(str::to_owned).unwrap_or_else(|| {
            let id = mapping.uuid().unwrap_or_default();
            aws.place.arn("lambda", &format!("event-source-mapping:{id}"))
        });
        found.ids.push((mapping.uuid().unwrap_or_default().to_owned(), "MAPPING".to_owned()));
        let tags = maybe(lambda.list_tags().resource(arn).send().await);
        let name = format!("mapping {} {}", last(function, ':'), last(source, ':'));
        // A second mapping of the same pair gets a number.
        let twins = found.things.iter().filter(|(other, _)| other.starts_with(&name)).count();
        let name = if twins == 0 { name } else { format!("{name} #{twins}") };
        found.add(name, json!({ "mapping": told(mapping), "tags": tags }));
    }
}

async fn roles(aws: &Aws, found: &mut Found) {
    let iam = &aws.clients.iam;
    for role in sure(iam.list_roles().max_items(1000).send().await).roles() {
        let name = role.role_name();
        let own = maybe(iam.get_role().role_name(name).send().await);
        let attached = maybe(iam.list_attached_role_policies().role_name(name).send().await);
        let tags = maybe(iam.list_role_tags().role_name(name).send().await);
        let mut inline = Vec::new();
        for policy in sure(iam.list_role_policies().role_name(name).send().await).policy_names() {
            inline.push(maybe(iam.get_role_policy().role_name(name).policy_name(policy).send().await));
        }
        found.add(format!("role {name}"), json!({ "role": own, "attached": attached, "tags": tags, "inline": inline }));
    }
}

async fn logs_and_alarms(aws: &Aws, found: &mut Found) {
    let (logs, cloudwatch) = (&aws.clients.logs, &aws.clients.cloudwatch);
    for group in sure(logs.describe_log_groups().limit(50).send().await).log_groups() {
        let name = group.log_group_name().unwrap_or_default();
        let arn = group.arn().unwrap_or_default().trim_end_matches(":*");
        let tags = maybe(logs.list_tags_for_resource().resource_arn(arn).send().await);
        found.add(format!("log group {name}"), json!({ "group": told(group), "tags": tags }));
    }
    for alarm in sure(cloudwatch.describe_alarms().max_records(100).send().await).metric_alarms() {
        let arn = alarm.alarm_arn().unwrap_or_default();
        let tags = maybe(cloudwatch.list_tags_for_resource().resource_arn(arn).send().await);
        found.add(
            format!("alarm {}", alarm.alarm_name().unwrap_or_default()),
            json!({ "alarm": told(alarm), "tags": tags }),
        );
    }
}

async fn buckets(aws: &Aws, found: &mut Found) {
    let s3 = &aws.clients.s3;
    let state = format!("state-{}", aws.place.account);
    let listed = sure(s3.list_buckets().send().await);
    for bucket in listed.buckets().iter().filter_map(|bucket| bucket.name()).filter(|name| *name != state) {
        let parts = json!({
            "versioning": maybe(s3.get_bucket_versioning().bucket(bucket).send().await),
            "encryption": maybe(s3.get_bucket_encryption().bucket(bucket).send().await),
            "public_access_block": maybe(s3.get_public_access_block().bucket(bucket).send().await),
            "ownership": maybe(s3.get_bucket_ownership_controls().bucket(bucket).send().await),
            "lifecycle": maybe(s3.get_bucket_lifecycle_configuration().bucket(bucket).send().await),
            "policy": maybe(s3.get_bucket_policy().bucket(bucket).send().await),
            "tags": maybe(s3.get_bucket_tagging().bucket(bucket).send().await),
        });
        found.add(format!("bucket {bucket}"), parts);
    }
}

async fn apis(aws: &Aws, found: &mut Found) {
    let apigateway = &aws.clients.apigateway;
    for api in sure(apigateway.get_rest_apis().limit(500).send().await).items() {
        let (id, name) = (api.id().unwrap_or_default(), api.name().unwrap_or_default());
        // Two APIs may have the same name; their ownership tags distinguish them.
        let mark = api.tags().and_then(|tags| tags.get("deployer:address")).map_or("nobody", String::as_str);
        found.ids.push((id.to_owned(), format!("api-{mark}")));
        let name = format!("api {mark} {name}");
        let twins = found.things.iter().filter(|(other, _)| other.starts_with(&name)).count();
        let name = if twins == 0 { name } else { format!("{name} #{twins}") };
        let at = |path: &str| format!("arn:aws:apigateway:{}::/restapis/{id}{path}", aws.place.region);
        found.add(name.clone(), with_tags(aws, told(api), at("")).await);
        for resource in
            sure(apigateway.get_resources().rest_api_id(id).limit(500).embed("methods").send().await).items()
        {
            let path = resource.path().unwrap_or_default();
            found.ids.push((resource.id().unwrap_or_default().to_owned(), format!("path {path}")));
            found.add(format!("{name} path {path}"), told(resource));
        }
        let deployments = sure(apigateway.get_deployments().rest_api_id(id).limit(500).send().await);
        let drawn = deployments.items().iter().filter_map(|one| one.id());
        found.ids.extend(drawn.map(|id| (id.to_owned(), "DEPLOYMENT".to_owned())));
        found.add(format!("{name} deployments"), json!(deployments.items().len()));
        for stage in sure(apigateway.get_stages().rest_api_id(id).send().await).item() {
            let called = stage.stage_name().unwrap_or_default();
            let whole = with_tags(aws, told(stage), at(&format!("/stages/{called}"))).await;
            found.add(format!("{name} stage {called}"), whole);
        }
    }
}

/// Adds the tags of an API or a stage. The local AWS lists the tags from creation, and stores later ones separately.
async fn with_tags(aws: &Aws, mut told_of: Value, arn: String) -> Value {
    let later = maybe(aws.clients.apigateway.get_tags().resource_arn(arn).send().await);
    if !later["tags"].is_null() {
        told_of["tags"] = later["tags"].clone();
    }
    told_of
}
