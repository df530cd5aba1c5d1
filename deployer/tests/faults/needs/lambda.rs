//! Lambda's actions: functions, their policies and tags, event source mappings.

use std::collections::BTreeMap;

use serde_json::Value;

use super::asked::ApiRequest;
use super::{NeedParts, need, under};

pub fn found(asked: &ApiRequest<'_>) -> Vec<NeedParts> {
    let parts: Vec<&str> = asked.path.iter().map(String::as_str).filter(|part| !part.is_empty()).collect();
    let method = asked.request.method();
    let mapping = |id: &str| asked.arn("lambda", &format!("event-source-mapping:{id}"));
    match (method, &parts[1..]) {
        ("POST", ["functions"]) => {
            let own = function(asked, asked.text("FunctionName"));
            let tags = asked.has("Tags").then(|| need("lambda:TagResource", &own));
            [
                vec![need("lambda:CreateFunction", &own)],
                published(asked, &own),
                given(asked),
                tags.into_iter().collect(),
            ]
            .concat()
        }
        ("PUT", ["functions", name, "code"]) => {
            let own = function(asked, name);
            [vec![need("lambda:UpdateFunctionCode", &own)], published(asked, &own)].concat()
        }
        ("DELETE", ["functions", name]) => vec![need("lambda:DeleteFunction", qualified(asked, name))],
        ("PUT", ["functions", name, "configuration"]) => {
            [vec![need("lambda:UpdateFunctionConfiguration", function(asked, name))], given(asked)].concat()
        }
        // The response has the tags only if the caller may list them.
        ("GET", ["functions", name]) => {
            let own = qualified(asked, name);
            vec![need("lambda:GetFunction", &own), need("lambda:ListTags", own)]
        }
        (_, ["functions", name, rest @ ..]) => {
            vec![need(format!("lambda:{}", of_function(method, rest)), function(asked, name))]
        }
        ("GET", ["layers", _, "versions"]) => vec![need("lambda:ListLayerVersions", "*")],
        (_, ["layers", name, "versions", number @ ..]) => {
            let version = number.first().map(|number| format!(":{number}")).unwrap_or_default();
            let action = match method {
                "POST" => "lambda:PublishLayerVersion",
                "GET" => "lambda:GetLayerVersion",
                _ => "lambda:DeleteLayerVersion",
            };
            vec![need(action, asked.arn("lambda", &format!("layer:{name}{version}")))]
        }
        ("GET", ["event-source-mappings"]) => vec![need("lambda:ListEventSourceMappings", "*")],
        ("POST", ["event-source-mappings"]) => {
            let of = function(asked, asked.text("FunctionName"));
            let own = under("lambda:CreateEventSourceMapping", "*", "lambda:FunctionArn", &of);
            let tags = asked.has("Tags").then(|| need("lambda:TagResource", mapping("new")));
            [own].into_iter().chain(tags).collect()
        }
        (_, ["event-source-mappings", id]) => {
            // The request does not name the function, which Lambda knows.
            let action = format!("lambda:{}EventSourceMapping", verb(method));
            vec![under(&action, mapping(id), "lambda:FunctionArn", "*")]
        }
        ("GET", ["tags", arn @ ..]) => vec![need("lambda:ListTags", arn.join("/"))],
        ("POST", ["tags", arn @ ..]) => vec![need("lambda:TagResource", arn.join("/"))],
        ("DELETE", ["tags", arn @ ..]) => vec![need("lambda:UntagResource", arn.join("/"))],
        other => panic!("the action of {other:?} is not known"),
    }
}

fn verb(method: &str) -> &str {
    match method {
        "GET" => "Get",
        "PUT" => "Update",
        "DELETE" => "Delete",
        other => panic!("{other} is no method of a mapping"),
    }
}

/// Lists the permissions on the things that a function is given. Lambda requires them from its caller.
fn given(asked: &ApiRequest<'_>) -> Vec<NeedParts> {
    let role = asked.has("Role").then(|| asked.text("Role"));
    let role = role.map(|role| under("iam:PassRole", role, "iam:PassedToService", "lambda.amazonaws.com"));
    let layers = asked.body["Layers"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let layers = layers.map(|layer| need("lambda:GetLayerVersion", layer));
    let key = Some(asked.text("KMSKeyArn")).filter(|key| !key.is_empty());
    let key = key.into_iter().flat_map(|key| {
        let by_lambda = BTreeMap::from([
            ("kms:ViaService", format!("lambda.{}.amazonaws.com", asked.region)),
            ("kms:GrantIsForAWSResource", "true".to_owned()),
        ]);
        ["kms:CreateGrant", "kms:Decrypt", "kms:DescribeKey", "kms:Encrypt"]
            .map(|action| (action.to_owned(), key.to_owned(), by_lambda.clone()))
    });
    let subnets = asked.body["VpcConfig"]["SubnetIds"].as_array().is_some_and(|subnets| !subnets.is_empty());
    let network = ["ec2:DescribeSecurityGroups", "ec2:DescribeSubnets", "ec2:DescribeVpcs"];
    let network = network.into_iter().filter(|_| subnets).map(|action| need(action, "*"));
    role.into_iter().chain(layers).chain(key).chain(network).collect()
}

fn function(asked: &ApiRequest<'_>, name: &str) -> String {
    if name.starts_with("arn:") { name.to_owned() } else { asked.arn("lambda", &format!("function:{name}")) }
}

/// Returns the ARN of the function, or of its requested version.
fn qualified(asked: &ApiRequest<'_>, name: &str) -> String {
    let own = function(asked, name);
    asked.query.get("Qualifier").map_or_else(|| own.clone(), |version| format!("{own}:{version}"))
}

/// AWS does not document the permission for publishing through another call. The strictest possibility is assumed.
fn published(asked: &ApiRequest<'_>, own: &str) -> Vec<NeedParts> {
    asked.has("Publish").then(|| need("lambda:PublishVersion", own)).into_iter().collect()
}

fn of_function(method: &str, rest: &[&str]) -> &'static str {
    match (method, rest) {
        ("GET", ["versions"]) => "ListVersionsByFunction",
        ("GET", ["policy"]) => "GetPolicy",
        ("POST", ["policy"]) => "AddPermission",
        ("DELETE", ["policy", _]) => "RemovePermission",
        ("GET", ["event-invoke-config"]) => "GetFunctionEventInvokeConfig",
        ("PUT", ["event-invoke-config"]) => "PutFunctionEventInvokeConfig",
        ("DELETE", ["event-invoke-config"]) => "DeleteFunctionEventInvokeConfig",
        ("GET", ["url"]) => "GetFunctionUrlConfig",
        ("POST", ["url"]) => "CreateFunctionUrlConfig",
        ("PUT", ["url"]) => "UpdateFunctionUrlConfig",
        ("DELETE", ["url"]) => "DeleteFunctionUrlConfig",
        ("PUT", ["concurrency"]) => "PutFunctionConcurrency",
        ("DELETE", ["concurrency"]) => "DeleteFunctionConcurrency",
        other => panic!("the action of {other:?} is not known"),
    }
}
