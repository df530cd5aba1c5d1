//! `apigateway.rest_api`.

use aws_sdk_apigateway::types::RestApi;
use deployer::aws::Aws;
use futures::FutureExt;
use serde_json::{Value, json};

use super::{Case, Entry, Thing, maybe, sure, told, with};

pub const ENTRY: Entry =
    Entry { kind: "apigateway.rest_api", list: |aws| list(aws).boxed(), cases: |aws| cases(aws).boxed() };

async fn list(aws: &Aws) -> Vec<Thing<'_>> {
    let mut things = Vec::new();
    for api in apis(aws).await {
        let (id, mark) = (api.id().unwrap_or_default().to_owned(), mark(&api).to_owned());
        let thing = Thing::new(name(&api), async move { with_tags(aws, told(&api), &arn(aws, &api)).await });
        things.push(thing.with_id(&id, format!("api-{mark}")));
    }
    things
}

/// Lists all APIs.
pub async fn apis(aws: &Aws) -> Vec<RestApi> {
    sure(aws.clients.apigateway.get_rest_apis().limit(500).send().await).items.unwrap_or_default()
}

/// Names an API. Two may have the same name; their ownership tags distinguish them.
pub fn name(api: &RestApi) -> String {
    format!("api {} {}", mark(api), api.name().unwrap_or_default())
}

/// Returns what distinguishes APIs of one name: the address in the ownership tag.
pub fn mark(api: &RestApi) -> &str {
    api.tags().and_then(|tags| tags.get("deployer:address")).map_or("nobody", String::as_str)
}

pub fn arn(aws: &Aws, api: &RestApi) -> String {
    format!("arn:aws:apigateway:{}::/restapis/{}", aws.place.region, api.id().unwrap_or_default())
}

/// Adds the tags of an API or a stage. The local AWS lists the tags from creation, and stores later ones separately.
pub async fn with_tags(aws: &Aws, mut whole: Value, arn: &str) -> Value {
    let later = maybe(aws.clients.apigateway.get_tags().resource_arn(arn).send().await);
    if !later["tags"].is_null() {
        whole["tags"] = later["tags"].clone();
    }
    whole
}

async fn cases(_: &Aws) -> Vec<Case> {
    let tags = |extra: Value| {
        let mut tags = api(json!({}))["tags"].clone();
        for (key, value) in extra.as_object().expect("a map").clone() {
            tags[key] = value;
        }
        tags
    };
    vec![Case {
        variant: false,
        lost: &[],
        left_out: &[
            ("endpoint_type", "a local AWS cannot change it in place"),
            ("binary_media_types", "a local AWS cannot change it in place"),
            ("minimum_compression_size", "a local AWS cannot change it in place"),
            ("disable_execute_api_endpoint", "a local AWS cannot change it in place"),
            ("unlisted_routes", "AWS's state alone: stack.yaml cannot state any"),
            ("unused_paths", "AWS's state alone"),
            ("unlisted_stages", "AWS's state alone"),
            ("duplicates", "AWS's state alone"),
        ],
        create: api(json!({"tags": tags(json!({"tier": "free"}))})),
        steps: vec![
            (
                "a description",
                api(json!({"description": "sofas", "tags": tags(json!({"tier": "free"}))})),
                vec!["description"],
            ),
            (
                "everything else",
                api(json!({"name": "sofa", "api_key_source": "AUTHORIZER", "tags": tags(json!({"team": "sofa"}))})),
                vec!["name", "api_key_source", "tags.team", "tags.tier", "description"],
            ),
            ("everything back", api(json!({})), vec!["name", "api_key_source", "tags.team"]),
        ],
    }]
}

pub fn api(changes: Value) -> Value {
    let spec = json!({
        "owner_stack": "couch",
        "owner_address": "apis.couch",
        "name": "couch",
        "endpoint_type": "REGIONAL",
        "binary_media_types": [],
        "disable_execute_api_endpoint": false,
        "api_key_source": "HEADER",
        "tags": { "deployer:stack": "couch", "deployer:address": "apis.couch" },
    });
    with(spec, &changes)
}
