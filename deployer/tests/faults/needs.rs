//! The permissions that IAM checks for a request: actions on resources, derived from the request alone.

mod asked;
mod events;
mod lambda;
mod s3;

use std::collections::BTreeMap;

use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use serde_json::Value;

use asked::ApiRequest;

/// One permission that IAM checks. A request may need several.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Need {
    /// The request, as [`crate::wire`] names it.
    pub call: String,
    pub action: String,
    pub resource: String,
    /// The condition keys that the request sets.
    pub context: BTreeMap<&'static str, String>,
}

/// Action, resource, condition keys.
type NeedParts = (String, String, BTreeMap<&'static str, String>);

/// Lists the permissions that IAM checks for `request`, which the wire names `call`.
///
/// # Panics
/// If the action of the request is unknown: a new call must be added here.
pub fn needs(call: &str, request: &HttpRequest) -> Vec<Need> {
    let asked = ApiRequest::of(request);
    let found = match asked.service {
        "apigateway" => apigateway(&asked),
        "dynamodb" => dynamodb(&asked),
        "events" => events::found(&asked),
        "iam" => iam(&asked),
        "lambda" => lambda::found(&asked),
        "logs" => logs(&asked),
        "monitoring" => cloudwatch(&asked),
        "s3" => s3::found(&asked),
        "scheduler" => events::scheduler(&asked),
        "secretsmanager" => secret(&asked),
        "sns" => sns(&asked),
        "sqs" => sqs(&asked),
        "ssm" => parameters(&asked),
        "sts" => vec![need(format!("sts:{}", asked.text("Action")), "*")],
        "tagging" => vec![need("tag:GetResources", "*")],
        other => panic!("{call}: no actions are known of {other}"),
    };
    let named = |(action, resource, mut context): NeedParts| {
        // A bucket's ARN does not contain its account. In the local AWS it is the caller's.
        if asked.service == "s3" {
            context.insert("aws:ResourceAccount", asked.account.to_owned());
        }
        Need { call: call.to_owned(), action, resource, context }
    };
    found.into_iter().map(named).collect()
}

fn need(action: impl Into<String>, resource: impl Into<String>) -> NeedParts {
    (action.into(), resource.into(), BTreeMap::new())
}

fn under(action: &str, resource: impl Into<String>, key: &'static str, value: &str) -> NeedParts {
    (action.to_owned(), resource.into(), BTreeMap::from([(key, value.to_owned())]))
}

/// Stands for the ownership tag of this stack in a context: in these accounts nobody else creates resources.
pub const OWN: &str = "<this stack>";

/// The calls that API Gateway makes in the caller's name to let itself write to a log group.
const DELIVERY: &[&str] = &[
    "logs:CreateLogDelivery",
    "logs:DeleteLogDelivery",
    "logs:DescribeLogGroups",
    "logs:DescribeResourcePolicies",
    "logs:GetLogDelivery",
    "logs:ListLogDeliveries",
    "logs:PutResourcePolicy",
    "logs:UpdateLogDelivery",
];

/// The actions are the methods, the resources are the paths, those of HTTP APIs without `v2`. Resources below an API
/// inherit its tags. IAM does not know the tags of a resource that is tagged or untagged.
fn apigateway(asked: &ApiRequest<'_>) -> Vec<NeedParts> {
    let (method, at) = (asked.request.method(), |path: &str| format!("arn:aws:apigateway:{}::/{path}", asked.region));
    let is_http = asked.path[0] == "v2";
    let path = &asked.path[usize::from(is_http)..];
    let sent = asked.body["tags"]["deployer:stack"].as_str();
    let marked = sent.map(|owner| ("aws:RequestTag/deployer:stack", owner.to_owned()));
    let mut own = need(format!("apigateway:{method}"), at(&path.join("/")));
    own.2.extend(marked.clone());
    match path[0].as_str() {
        "restapis" | "apis" if path.len() > 1 => drop(own.2.insert("aws:ResourceTag/deployer:stack", OWN.to_owned())),
        "tags" => own.2.extend(asked.query.get("tagKeys").map(|keys| ("aws:TagKeys", keys.clone()))),
        _ => {}
    }
    let mut found = vec![own];
    if method == "POST" && asked.has("tags") {
        // Tags given at creation are checked like the call that sets tags, which is a POST for HTTP APIs.
        for action in if is_http { &["apigateway:POST", "apigateway:PUT"][..] } else { &["apigateway:PUT"] } {
            let mut tagging = need(*action, at("tags/arn"));
            tagging.2.extend(marked.clone());
            found.push(tagging);
        }
    }
    if is_http && asked.has("accessLogSettings") {
        found.extend(DELIVERY.iter().map(|action| need(*action, "*")));
    }
    found
}

fn iam(asked: &ApiRequest<'_>) -> Vec<NeedParts> {
    let action = asked.text("Action");
    let path = match asked.text("Path") {
        "" => "/",
        path => path,
    };
    let role = format!("arn:aws:iam::{}:role{path}{}", asked.account, asked.text("RoleName"));
    let mut own = need(format!("iam:{action}"), &role);
    for (key, parameter) in [("iam:PolicyARN", "PolicyArn"), ("iam:PermissionsBoundary", "PermissionsBoundary")] {
        if asked.has(parameter) {
            own.2.insert(key, asked.text(parameter).to_owned());
        }
    }
    match action {
        "CreateRole" if asked.has_form("Tags.") => vec![own, need("iam:TagRole", role)],
        "RemoveRoleFromInstanceProfile" => {
            let profile = asked.text("InstanceProfileName");
            vec![need(own.0, format!("arn:aws:iam::{}:instance-profile/{profile}", asked.account))]
        }
        "GetAccountAuthorizationDetails" => vec![need("iam:GetAccountAuthorizationDetails", "*")],
        "ListRoles" => vec![need("iam:ListRoles", "*")],
        _ => vec![own],
    }
}

/// Each parameter is asked for, and decrypted by SSM with the caller's rights if it is a SecureString.
fn parameters(asked: &ApiRequest<'_>) -> Vec<NeedParts> {
    let names = asked.body["Names"].as_array().expect("names").iter().filter_map(Value::as_str);
    let each = names.flat_map(|name| {
        let arn = asked.arn("ssm", &format!("parameter{name}"));
        let read = need(format!("ssm:{}", asked.operation()), &arn);
        [read, decrypting(asked, "ssm", "kms:EncryptionContext:PARAMETER_ARN", arn)]
    });
    each.collect()
}

fn secret(asked: &ApiRequest<'_>) -> Vec<NeedParts> {
    let arn = asked.arn("secretsmanager", &format!("secret:{}-AbCdEf", asked.text("SecretId")));
    let read = need(format!("secretsmanager:{}", asked.operation()), &arn);
    vec![read, decrypting(asked, "secretsmanager", "kms:EncryptionContext:SecretARN", arn)]
}

/// KMS checks the caller of a service that decrypts for it.
fn decrypting(asked: &ApiRequest<'_>, service: &str, key: &'static str, arn: String) -> NeedParts {
    let via = format!("{service}.{}.amazonaws.com", asked.region);
    ("kms:Decrypt".to_owned(), asked.arn("kms", "key/1"), BTreeMap::from([("kms:ViaService", via), (key, arn)]))
}

fn sns(asked: &ApiRequest<'_>) -> Vec<NeedParts> {
    let action = asked.text("Action");
    let topic = match action {
        "CreateTopic" => asked.arn("sns", asked.text("Name")),
        // IAM has no resource type for subscriptions.
        "GetSubscriptionAttributes" | "SetSubscriptionAttributes" | "Unsubscribe" => "*".to_owned(),
        _ => [asked.text("TopicArn"), asked.text("ResourceArn")].concat(),
    };
    let mut found = vec![need(format!("sns:{action}"), &topic)];
    if action == "CreateTopic" && asked.has_form("Tags.") {
        found.push(need("sns:TagResource", topic));
    }
    found
}

fn sqs(asked: &ApiRequest<'_>) -> Vec<NeedParts> {
    let operation = asked.operation();
    let name = [asked.text("QueueName"), asked.text("QueueUrl").rsplit('/').next().unwrap_or_default()].concat();
    let queue = asked.arn("sqs", &name);
    let mut found = vec![need(format!("sqs:{operation}"), &queue)];
    if operation == "CreateQueue" && asked.has("tags") {
        found.push(need("sqs:TagQueue", queue));
    }
    found
}

fn dynamodb(asked: &ApiRequest<'_>) -> Vec<NeedParts> {
    let operation = asked.operation();
    if operation == "ListContributorInsights" {
        return vec![need("dynamodb:ListContributorInsights", "*")];
    }
    let table = match asked.text("ResourceArn") {
        "" => asked.arn("dynamodb", &format!("table/{}", asked.text("TableName"))),
        arn => arn.to_owned(),
    };
    let mut found = vec![need(format!("dynamodb:{operation}"), &table)];
    if operation == "CreateTable" && asked.has("Tags") {
        found.push(need("dynamodb:TagResource", &table));
    }
    if operation == "CreateTable" && asked.has("ResourcePolicy") {
        found.push(need("dynamodb:PutResourcePolicy", table));
    }
    found
}

fn cloudwatch(asked: &ApiRequest<'_>) -> Vec<NeedParts> {
    let operation = asked.operation();
    let action = format!("cloudwatch:{operation}");
    let alarm = |name: &str| asked.arn("cloudwatch", &format!("alarm:{name}"));
    match operation.as_str() {
        "DescribeAlarms" => vec![need(action, "*")],
        "DeleteAlarms" => {
            let names = asked.body["AlarmNames"].as_array().expect("names").iter().filter_map(Value::as_str);
            names.map(|name| need(&action, alarm(name))).collect()
        }
        "PutMetricAlarm" if asked.has("Tags") => {
            let alarm = alarm(asked.text("AlarmName"));
            vec![need(action, &alarm), need("cloudwatch:TagResource", alarm)]
        }
        "PutMetricAlarm" => vec![need(action, alarm(asked.text("AlarmName")))],
        _ => vec![need(action, asked.text("ResourceARN"))],
    }
}

fn logs(asked: &ApiRequest<'_>) -> Vec<NeedParts> {
    let operation = asked.operation();
    let action = format!("logs:{operation}");
    let name = [asked.text("logGroupName"), asked.text("logGroupIdentifier")].concat();
    let group = asked.arn("logs", &format!("log-group:{name}"));
    match operation.as_str() {
        "DescribeLogGroups" => vec![need(action, "*")],
        // The tagging calls use the group's own ARN; the older calls use the ARN with its contents.
        "TagResource" | "UntagResource" | "ListTagsForResource" => vec![need(action, asked.text("resourceArn"))],
        "PutSubscriptionFilter" if asked.has("roleArn") => {
            let role = asked.text("roleArn");
            let pass = under("iam:PassRole", role, "iam:PassedToService", "logs.amazonaws.com");
            vec![need(action, group + ":*"), pass]
        }
        "CreateLogGroup" if asked.has("tags") => {
            vec![need(action, format!("{group}:*")), need("logs:TagResource", group)]
        }
        _ => vec![need(action, group + ":*")],
    }
}
